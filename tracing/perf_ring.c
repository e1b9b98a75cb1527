#include "tracing/perf_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The mapping is one header page and 2^n data pages. */
static size_t ring_round_down(size_t bytes, size_t page_bytes)
{
	size_t rounded = page_bytes;

	while (rounded <= bytes / 2)
		rounded *= 2;
	return rounded;
}

int perf_ring_open_memory(struct perf_ring *r, void *memory, size_t page_bytes, size_t bytes)
{
	*r = (struct perf_ring){.page = memory, .data = (uint8_t *)memory + page_bytes, .size = bytes};
	r->bounce = malloc(PERF_RECORD_BYTES_MAX);
	if (!r->bounce)
		return -ENOMEM;
	r->position = __atomic_load_n(&r->page->data_tail, __ATOMIC_RELAXED);
	r->released = r->released_before = r->head = r->position;
	return 0;
}

int perf_ring_open(struct perf_ring *r, int perf_fd, size_t bytes, struct error *err)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = ring_round_down(bytes, page_bytes);
	void *memory = mmap(NULL, page_bytes + size, PROT_READ | PROT_WRITE, MAP_SHARED, perf_fd, 0);

	if (memory == MAP_FAILED) {
		*r = (struct perf_ring){0};
		return error_set_errno(err, -errno, "cannot map a ring of %zu KiB (see kernel.perf_event_mlock_kb and the memlock limit)",
				       size / 1024);
	}
	if (perf_ring_open_memory(r, memory, page_bytes, size)) {
		munmap(memory, page_bytes + size);
		*r = (struct perf_ring){0};
		return error_set(err, -ENOMEM, "out of memory");
	}
	r->mapped = page_bytes + size;
	return 0;
}

void perf_ring_close(struct perf_ring *r)
{
	if (r->mapped)
		munmap(r->page, r->mapped);
	free(r->bounce);
	*r = (struct perf_ring){0};
}

/* While the kernel believed the tail to be at `tail`, the ring was filled up to `head` at least at the end. */
static void ring_note_fill(struct perf_ring *r, uint64_t head, uint64_t tail)
{
	uint64_t margin = r->size / 2 < PERF_RING_MARGIN ? r->size / 2 : PERF_RING_MARGIN;

	if (head - tail + margin > r->size)
		r->was_tight = true;
}

void perf_ring_snapshot(struct perf_ring *r)
{
	/* Pairs with the kernel's barrier between writing records and moving the head. */
	r->head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	/* The kernel may have read the tail just before it was moved last. */
	ring_note_fill(r, r->head, r->released_before);
}

static const struct perf_event_header *ring_skip_all(struct perf_ring *r)
{
	r->corrupt++;
	r->position = r->head;
	return NULL;
}

const struct perf_event_header *perf_ring_peek(struct perf_ring *r)
{
	uint64_t available = r->head - r->position;
	uint64_t offset = r->position & (r->size - 1);
	const struct perf_event_header *record = (const void *)(r->data + offset);
	size_t before_end;

	if (!available)
		return NULL;
	/* Records are multiples of 8 bytes, so that a header never straddles. */
	if (available < sizeof(*record) || available > r->size || offset % 8 || record->size < sizeof(*record) ||
	    record->size > available || record->size % 8)
		return ring_skip_all(r);
	before_end = r->size - offset;
	if (record->size <= before_end)
		return record;
	memcpy(r->bounce, record, before_end);
	memcpy(r->bounce + before_end, r->data, record->size - before_end);
	return (const void *)r->bounce;
}

void perf_ring_release(struct perf_ring *r)
{
	if (r->position == r->released)
		return;
	ring_note_fill(r, __atomic_load_n(&r->page->data_head, __ATOMIC_RELAXED), r->released);
	r->released_before = r->released;
	r->released = r->position;
	/* Our reads of the records are over before the kernel may write there. */
	__atomic_store_n(&r->page->data_tail, r->position, __ATOMIC_RELEASE);
}
