#include "tracing/ring_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* With sample_id_all every record that is no sample ends in tid, time and identifier. */
#define SAMPLE_ID_BYTES      24
#define SAMPLE_ID_TIME_BYTES 16

void ring_merge_init(struct ring_merge *m, const struct perf_layout *layout)
{
	*m = (struct ring_merge){.layout = *layout};
}

void ring_merge_done(struct ring_merge *m)
{
	free(m->rings);
	*m = (struct ring_merge){0};
}

static void heap_place(struct ring_merge *m, struct merge_ring *ring, uint32_t index)
{
	m->rings[index] = ring;
	ring->index = index;
}

static void heap_sift_down(struct ring_merge *m, uint32_t index)
{
	struct merge_ring *ring = m->rings[index];
	uint32_t child;

	while ((child = 2 * index + 1) < m->ready) {
		if (child + 1 < m->ready && m->rings[child + 1]->next_time_ns < m->rings[child]->next_time_ns)
			child++;
		if (ring->next_time_ns <= m->rings[child]->next_time_ns)
			break;
		heap_place(m, m->rings[child], index);
		index = child;
	}
	heap_place(m, ring, index);
}

/* Finds the next well-formed record of a ring and its time. */
static void ring_load(struct ring_merge *m, struct merge_ring *ring)
{
	const struct perf_event_header *record;
	size_t time_offset, least;

	while ((record = perf_ring_peek(&ring->ring))) {
		if (record->type == PERF_RECORD_SAMPLE) {
			time_offset = m->layout.time;
			least = m->layout.raw;
		} else {
			time_offset = record->size - (size_t)SAMPLE_ID_TIME_BYTES;
			least = sizeof(*record) + SAMPLE_ID_BYTES;
		}
		if (record->size >= least) {
			memcpy(&ring->next_time_ns, (const uint8_t *)record + time_offset, sizeof(ring->next_time_ns));
			if (m->now_ns && ring->next_time_ns > m->now_ns + RING_MERGE_AHEAD_NS)
				ring->next_time_ns = m->now_ns;
			break;
		}
		m->malformed++;
		perf_ring_consume(&ring->ring, record);
	}
	ring->next = record;
}

int ring_merge_add(struct ring_merge *m, struct merge_ring *ring)
{
	if (m->count == m->capacity) {
		uint32_t capacity = m->capacity ? 2 * m->capacity : 8;
		struct merge_ring **rings = realloc(m->rings, capacity * sizeof(struct merge_ring *));

		if (!rings)
			return -ENOMEM;
		m->rings = rings;
		m->capacity = capacity;
	}
	ring->next = NULL;
	heap_place(m, ring, m->count++);
	return 0;
}

static void heap_build(struct ring_merge *m)
{
	m->ready = 0;
	for (uint32_t i = 0; i < m->count; i++) {
		struct merge_ring *ring = m->rings[i];

		if (!ring->next)
			continue;
		heap_place(m, m->rings[m->ready], i);
		heap_place(m, ring, m->ready++);
	}
	for (uint32_t i = m->ready / 2; i-- > 0;)
		heap_sift_down(m, i);
}

void ring_merge_remove(struct ring_merge *m, const struct merge_ring *ring)
{
	heap_place(m, m->rings[m->count - 1], ring->index);
	m->count--;
	heap_build(m);
}

void ring_merge_snapshot(struct ring_merge *m)
{
	for (uint32_t i = 0; i < m->count; i++) {
		struct merge_ring *ring = m->rings[i];

		perf_ring_snapshot(&ring->ring);
		if (perf_ring_set_aside(&ring->ring) && ring->next)
			ring->next = perf_ring_peek(&ring->ring);
		if (!ring->next)
			ring_load(m, ring);
	}
	heap_build(m);
}

void ring_merge_step(struct ring_merge *m)
{
	struct merge_ring *ring = m->rings[0];

	perf_ring_consume(&ring->ring, ring->next);
	ring_load(m, ring);
	if (!ring->next) {
		m->ready--;
		heap_place(m, m->rings[m->ready], 0);
		heap_place(m, ring, m->ready);
	}
	if (m->ready > 1)
		heap_sift_down(m, 0);
}

void ring_merge_release(struct ring_merge *m)
{
	for (uint32_t i = 0; i < m->count; i++) {
		struct perf_ring *ring = &m->rings[i]->ring;

		if (perf_ring_consumed(ring) >= ring->size / RING_MERGE_RELEASE_PART)
			perf_ring_release(ring);
	}
}
