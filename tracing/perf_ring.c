#include "tracing/perf_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A ring that is filled to less than this part is left as it is. */
#define ASIDE_FRACTION 4

/* Positions count on for ever, in 64 bits. */
static bool is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

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
	r->released = r->released_before = r->head = r->aside_end = r->position;
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
	free(r->aside);
	*r = (struct perf_ring){0};
}

/* While the kernel believed the tail to be at `tail`, the ring was filled up to `head` at least at the end. */
static void ring_note_fill(struct perf_ring *r, uint64_t head, uint64_t tail)
{
	uint64_t margin = least(r->size / 2, PERF_RING_MARGIN);

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
	bool is_aside = is_before(r->position, r->aside_end);
	const uint8_t *data = is_aside ? r->aside : r->data;
	uint64_t size = is_aside ? PERF_RING_ASIDE_BYTES : r->size;
	uint64_t available = (is_aside ? r->aside_end : r->head) - r->position;
	uint64_t offset = r->position & (size - 1);
	const struct perf_event_header *record = (const void *)(data + offset);
	uint8_t *bounce = is_aside ? r->aside + PERF_RING_ASIDE_BYTES : r->bounce;
	size_t before_end;

	if (!available)
		return NULL;
	/* Records are multiples of 8 bytes, so that a header never straddles. */
	if (available < sizeof(*record) || available > size || offset % 8 || record->size < sizeof(*record) || record->size > available ||
	    record->size % 8)
		return ring_skip_all(r);
	before_end = size - offset;
	if (record->size <= before_end)
		return record;
	memcpy(bounce, record, before_end);
	memcpy(bounce + before_end, data, record->size - before_end);
	return (const void *)bounce;
}

/* Up to `position` everything has been read. */
static void ring_give_back(struct perf_ring *r, uint64_t position)
{
	if (!is_before(r->released, position))
		return;
	ring_note_fill(r, __atomic_load_n(&r->page->data_head, __ATOMIC_RELAXED), r->released);
	r->released_before = r->released;
	r->released = position;
	/* Our reads of the records are over before the kernel may write there. */
	__atomic_store_n(&r->page->data_tail, position, __ATOMIC_RELEASE);
}

void perf_ring_release(struct perf_ring *r)
{
	ring_give_back(r, r->position);
}

bool perf_ring_set_aside(struct perf_ring *r)
{
	uint64_t from = is_before(r->position, r->aside_end) ? r->aside_end : r->position;

	if (r->size >= PERF_RING_ASIDE_BYTES || r->head - from < r->size / ASIDE_FRACTION || r->head - from > r->size ||
	    r->head - r->position > PERF_RING_ASIDE_BYTES)
		return false;
	if (!r->aside)
		r->aside = malloc(PERF_RING_ASIDE_BYTES + PERF_RECORD_BYTES_MAX);
	if (!r->aside)
		return false;
	while (from != r->head) {
		uint64_t offset = from & (r->size - 1), to = from & (PERF_RING_ASIDE_BYTES - 1);
		uint64_t bytes = least(r->head - from, least(r->size - offset, PERF_RING_ASIDE_BYTES - to));

		memcpy(r->aside + to, r->data + offset, bytes);
		from += bytes;
	}
	r->aside_end = r->head;
	ring_give_back(r, r->head);
	return true;
}
