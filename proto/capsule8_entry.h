#ifndef PROTO_CAPSULE8_ENTRY_H
#define PROTO_CAPSULE8_ENTRY_H

#include "base/buffer.h"
#include "sensor/event.h"

/*
 * The entries of the Capsule8 v0 dialect, as they lie behind one another in chunks and recordings (capsule8_encoder.h): where one ends, and what has to be
 * known of it before anything else. Nothing is copied; bytes may come from a damaged disk, so that nothing is believed. Any thread.
 */

struct capsule8_entry {
	enum event_kind kind; /* EVENT_KIND_COUNT: none that the catalog has */
	uint64_t sequence;    /* 0: it has none */
	uint64_t time_ns;     /* CLOCK_MONOTONIC */
	const uint8_t *bytes; /* all of it, with its tag: what a client is sent */
	size_t size;
	const uint8_t *event; /* the capsule8.api.v0.Event in it */
	size_t event_size;
};

/* Reads the head of the entry at *at, and moves *at behind it. False: what is there is no entry, and *at means nothing. Call it while *at < end. */
bool capsule8_entry_next(const uint8_t **at, const uint8_t *end, struct capsule8_entry *ret);

/* What a lost event says. False: it is none, or makes no sense. Fields that are not there are 0, `of` EVENT_KIND_COUNT. */
bool capsule8_entry_lost(const struct capsule8_entry *entry, struct event_lost *ret);

/* Appends the entry as DETAIL_BASIC has it: one about a container without what its runtime's files say, any other as it is. */
void capsule8_entry_put_basic(const struct capsule8_entry *entry, struct buffer *out);

#endif
