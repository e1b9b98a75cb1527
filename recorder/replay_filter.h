#ifndef RECORDER_REPLAY_FILTER_H
#define RECORDER_REPLAY_FILTER_H

#include "proto/capsule8_event_reader.h"
#include "recorder/record_cursor.h"
#include "subscription/matcher.h"
#include "subscription/subscriber_set.h"

/*
 * What a subscription takes of a recording: the matchers, the container filter, the window, the throttle and the limit of a live feed, for entries. One
 * thread at a time.
 */
struct replay_filter;

enum replay_verdict {
	REPLAY_PASS, /* not for this subscription */
	REPLAY_TAKE,
	REPLAY_TAKE_BASIC, /* as DETAIL_BASIC has it */
	REPLAY_OVER,       /* neither this nor anything behind it */
};

/* The place of entries in the recording. */
struct replay_place {
	const struct record_segment_header *segment;
	int64_t realtime_offset_ns;
	bool all; /* clauses; else only those that are recorded, for what happened since the subscription is there */
};

/* Of a copy of the spec; NULL, or without clauses: every event is taken. `served` and `recorded`: per clause, copied; NULL: all are. The window is [from, until); `until` NULL: it has no end. NULL: out of
 * memory. */
struct replay_filter *replay_filter_new(const struct subscription_spec *spec, const bool *served, const bool *recorded,
					const struct record_moment *from, const struct record_moment *until);
/* Takes NULL; returns NULL. */
struct replay_filter *replay_filter_free(struct replay_filter *f);

/* What blocks have to have for something of it to be taken. */
const struct record_wanted *replay_filter_wanted(const struct replay_filter *f);

enum replay_verdict replay_filter_ask(struct replay_filter *f, const struct capsule8_entry *entry, const struct replay_place *place);

/* The same of an entry that the live feed has matched already: throttle and limit alone. */
enum replay_verdict replay_filter_ask_matched(struct replay_filter *f, const struct capsule8_entry *entry);

/* Times are of another boot from here on: the throttle's interval has nothing to do with them. */
void replay_filter_new_boot(struct replay_filter *f);

/* What it has taken so far. */
const struct subscriber_seam *replay_filter_seam(const struct replay_filter *f);

#endif
