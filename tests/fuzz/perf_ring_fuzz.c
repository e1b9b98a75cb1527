/* Two rings with anything in them. The input is, for each ring, where it begins and how many bytes the kernel has written (u16 each); then the
 * bytes of the first ring, then those of the second. */
#include "tracing/ring_merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES  4096
#define RING_BYTES  1024
#define RINGS       2
#define STEPS_MAX   (RINGS * (RING_BYTES / 8) + RINGS)
#define HEADER_U16S ((size_t)2 * RINGS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *ring_memory(uint64_t start, uint16_t written, const uint8_t **bytes, size_t *left)
{
	struct perf_event_mmap_page *page = malloc(PAGE_BYTES + RING_BYTES);
	uint8_t *ring = (uint8_t *)page + PAGE_BYTES;
	size_t count = *left < RING_BYTES ? *left : RING_BYTES;

	assert(page);
	memset(page, 0, PAGE_BYTES + RING_BYTES);
	page->data_tail = start;
	page->data_head = start + written;
	for (size_t i = 0; i < count; i++)
		ring[(start + i) % RING_BYTES] = (*bytes)[i];
	*bytes += count;
	*left -= count;
	return page;
}

static void drain(struct ring_merge *m)
{
	struct merge_ring *ring;
	unsigned int steps = 0;

	ring_merge_snapshot(m);
	while ((ring = ring_merge_first(m))) {
		const struct perf_event_header *record = ring->next;
		uint8_t copy[RING_BYTES];

		assert(record->size >= sizeof(*record) && record->size <= RING_BYTES && ++steps <= STEPS_MAX);
		assert(record->type != PERF_RECORD_SAMPLE || record->size >= m->layout.raw);
		for (uint32_t i = 1; i < m->ready; i++)
			assert(m->rings[i]->next_time_ns >= ring->next_time_ns);
		memcpy(copy, record, record->size);
		ring_merge_step(m);
	}
	ring_merge_release(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct perf_features features = {.identifier = true};
	const struct perf_layout layout = perf_layout(&features);
	struct merge_ring rings[RINGS];
	uint16_t header[HEADER_U16S];
	void *memory[RINGS];
	struct ring_merge merge;

	if (size < sizeof(header))
		return 0;
	memcpy(header, data, sizeof(header));
	data += sizeof(header);
	size -= sizeof(header);
	ring_merge_init(&merge, &layout);
	for (size_t i = 0; i < RINGS; i++) {
		memory[i] = ring_memory(header[2 * i], header[2 * i + 1], &data, &size);
		assert(perf_ring_open_memory(&rings[i].ring, memory[i], PAGE_BYTES, RING_BYTES) == 0);
		assert(ring_merge_add(&merge, &rings[i]) == 0);
	}
	drain(&merge);
	for (size_t i = 0; i < RINGS; i++)
		assert(rings[i].ring.released == rings[i].ring.head);
	ring_merge_done(&merge);
	for (size_t i = 0; i < RINGS; i++) {
		perf_ring_close(&rings[i].ring);
		free(memory[i]);
	}
	return 0;
}
