#ifndef RECORDER_REPLAY_ASIDE_H
#define RECORDER_REPLAY_ASIDE_H

#include "proto/capsule8_entry.h"
#include "subscription/outbox.h"

/*
 * The entries of an outbox, one by one in their order: what a held feed has taken beside the recording. Embedded in its owner, and read by one thread at a
 * time; the feed's thread puts in.
 */
struct replay_aside {
	struct outbox *outbox; /* NULL: there is none */
	struct chunk *chunk;   /* that is being read */
	const uint8_t *at;
	struct capsule8_entry entry; /* the next one, borrowed from the chunk */
	bool has_entry;
};

/* Holds a reference of the outbox. */
void replay_aside_init(struct replay_aside *a, struct outbox *outbox);
void replay_aside_done(struct replay_aside *a);

/* The next entry, if its number is less than `before`; one without a number stands before the next one that has one. NULL: there is none. Valid until it is
 * popped. */
const struct capsule8_entry *replay_aside_next(struct replay_aside *a, uint64_t before);
void replay_aside_pop(struct replay_aside *a);

/* Pops the next entry if it has this number. */
void replay_aside_drop(struct replay_aside *a, uint64_t sequence);

/* Bytes that are left. */
size_t replay_aside_bytes(const struct replay_aside *a);

#endif
