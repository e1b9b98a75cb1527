#ifndef TRACING_RING_MERGE_H
#define TRACING_RING_MERGE_H

#include "tracing/perf_event.h"
#include "tracing/perf_ring.h"

/*
 * Several rings as one sequence of records in time order: a binary heap of rings by the time of their next record. A ring's own records are
 * taken as they stand; one that is stamped a little earlier than its predecessor (an interrupt came between stamping and writing) comes out
 * after it.
 *
 * Not every time can be believed: when somebody else samples the same software counter with another clock, newer kernels may stamp our sample
 * with theirs (counter_group.h, counter_group_block_id()). A time that lies far ahead would keep a ring waiting until then.
 *
 * One thread.
 */

/* How far a time may lie ahead of the clock reading before the snapshot: what was written between the two is later than it. */
#define RING_MERGE_AHEAD_NS UINT64_C(100000000)

/* A ring and what is next in it. Embed it. */
struct merge_ring {
	struct perf_ring ring;
	const struct perf_event_header *next; /* NULL: nothing up to the snapshot */
	uint64_t next_time_ns;                /* of `next`, as the kernel stamped it */
	uint32_t index;                       /* place in the heap while `next` is there */
};

struct ring_merge {
	struct perf_layout layout;
	struct merge_ring **rings; /* the heap first: those with a next record */
	uint32_t count;            /* all */
	uint32_t ready;            /* in the heap */
	uint32_t capacity;
	/* The rings' clock before the snapshot, which the owner sets; 0: any time is believed. A record that is further ahead than it may be is
	 * taken to be of this time. */
	uint64_t now_ns;
	uint64_t malformed; /* records too short for what they say they are, skipped */
};

void ring_merge_init(struct ring_merge *m, const struct perf_layout *layout);
void ring_merge_done(struct ring_merge *m);

/* The ring stays the caller's and is there until it is removed. -ENOMEM. */
int ring_merge_add(struct ring_merge *m, struct merge_ring *ring);
void ring_merge_remove(struct ring_merge *m, const struct merge_ring *ring);

/* Looks how far the kernel has come in all rings. */
void ring_merge_snapshot(struct ring_merge *m);

/* The ring with the earliest next record, NULL when nothing is left up to the snapshot. */
static inline struct merge_ring *ring_merge_first(const struct ring_merge *m)
{
	return m->ready ? m->rings[0] : NULL;
}

/* Steps over the next record of ring_merge_first(). Its bytes may be gone afterwards. */
void ring_merge_step(struct ring_merge *m);

/* Gives what was stepped over back to the kernel, in each ring in which it is a RING_MERGE_RELEASE_PART of it or more: less would not help the kernel, and
 * each time takes the line that both count in away from the CPU that writes. */
#define RING_MERGE_RELEASE_PART 32
void ring_merge_release(struct ring_merge *m);

#endif
