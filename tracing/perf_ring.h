#ifndef TRACING_PERF_RING_H
#define TRACING_PERF_RING_H

#include "base/error.h"

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A perf ring buffer (perf_event_open(2), "MMAP layout"): the kernel writes at the head, we read at the tail. Four verbs:
 *
 *	perf_ring_snapshot(r);				how far has the kernel come (acquire)
 *	while ((record = perf_ring_peek(r))) {		the record at the read position, whole
 *		...
 *		perf_ring_consume(r);			step over it; its bytes still belong to us
 *	}
 *	perf_ring_release(r);				give everything consumed back to the kernel (release)
 *
 * A record stays readable in the ring between consume and release; only one that straddles the end of the ring is copied, to a bounce
 * buffer, and is valid until the next peek of one that does.
 *
 * A ring that is small, beside what comes in the time for which records are left in it, is full of records whose turn has not come. perf_ring_set_aside()
 * copies them out, so that the kernel has its room again; the verbs work on the copies as if they were in the ring still.
 *
 * A record that cannot be (shorter than its header, longer than what the kernel has written) means that the positions are off: everything up
 * to the snapshot is skipped and counted.
 *
 * One thread.
 */

/* The size field of a record's header has 16 bits. */
#define PERF_RECORD_BYTES_MAX 65536

/* No tracepoint's or probe's sample is larger (kernel: PERF_MAX_TRACE_SIZE). */
#define PERF_RING_MARGIN 8192

/* How much can be set aside: what a CPU writes in some milliseconds. Rings that are not smaller than this have room for it. */
#define PERF_RING_ASIDE_BYTES (UINT64_C(512) << 10)

struct perf_ring {
	struct perf_event_mmap_page *page;
	uint8_t *data;
	uint64_t size;            /* bytes of data; a power of two */
	uint64_t head;            /* the snapshot */
	uint64_t position;        /* read position */
	uint64_t released;        /* what the kernel has been told */
	uint64_t released_before; /* and what it had been told before that */
	uint64_t corrupt;         /* how often positions were off */
	/* Set when the ring can have been too full for a record of PERF_RING_MARGIN bytes (of half the ring, if that is less): without it
	 * such records were not lost. Whoever has looked for losses clears it. */
	bool was_tight;
	uint8_t *bounce;
	uint8_t *aside;     /* what was set aside, each byte at its position modulo the size, and a bounce buffer; NULL: nothing ever was */
	uint64_t aside_end; /* from here on records are in the ring */
	size_t mapped;
};

/* Maps a ring of `bytes` (rounded down to a power-of-two number of pages, at least one) on a perf event. -EPERM: more than the lockable
 * memory (perf_event_mlock_kb, RLIMIT_MEMLOCK). */
int perf_ring_open(struct perf_ring *r, int perf_fd, size_t bytes, struct error *err);

/* Unmaps. Takes a zeroed or closed ring. */
void perf_ring_close(struct perf_ring *r);

/* A ring on memory of the caller's, laid out like the kernel's: a page of struct perf_event_mmap_page and then `bytes` of data (a power of
 * two). For tests. */
int perf_ring_open_memory(struct perf_ring *r, void *memory, size_t page_bytes, size_t bytes);

void perf_ring_snapshot(struct perf_ring *r);
const struct perf_event_header *perf_ring_peek(struct perf_ring *r);
void perf_ring_release(struct perf_ring *r);

/* To be called after a snapshot: if a good part of the ring is filled, copies aside what has not been consumed. True: it has, and what was peeked
 * before has to be peeked again. Without memory for it, or room in it, records stay where they are. */
bool perf_ring_set_aside(struct perf_ring *r);

/* Steps over the record that perf_ring_peek() returned last. */
static inline void perf_ring_consume(struct perf_ring *r, const struct perf_event_header *record)
{
	r->position += record->size;
}

/* Bytes that would be given back. */
static inline uint64_t perf_ring_consumed(const struct perf_ring *r)
{
	return (int64_t)(r->position - r->released) > 0 ? r->position - r->released : 0;
}

#endif
