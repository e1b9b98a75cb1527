#include "tracing/ring_merge.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A ring laid out like the kernel's, with the test in the kernel's place. */
#define PAGE_BYTES 4096
#define RING_BYTES 4096
#define NOW        UINT64_C(5000000000000)

struct fake_kernel {
	struct perf_event_mmap_page *page;
	uint8_t *data;
	uint64_t head;
};

static struct fake_kernel kernel_new(uint64_t start)
{
	uint8_t *memory = aligned_alloc(PAGE_BYTES, PAGE_BYTES + RING_BYTES);

	memset(memory, 0, PAGE_BYTES + RING_BYTES);
	((struct perf_event_mmap_page *)memory)->data_tail = start;
	((struct perf_event_mmap_page *)memory)->data_head = start;
	return (struct fake_kernel){.page = (void *)memory, .data = memory + PAGE_BYTES, .head = start};
}

static void kernel_write(struct fake_kernel *k, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		k->data[(k->head + i) % RING_BYTES] = ((const uint8_t *)bytes)[i];
	k->head += size;
	k->page->data_head = k->head;
}

/* A sample as perf_layout() has it: id, tid, time, raw. */
struct record {
	struct perf_event_header header;
	uint64_t id;
	uint32_t tgid, tid;
	uint64_t time;
	uint32_t raw_size;
	uint8_t raw[1004];
};

static void kernel_sample(struct fake_kernel *k, uint64_t time, size_t raw_size, uint8_t fill)
{
	struct record record = {.header = {.type = PERF_RECORD_SAMPLE, .size = (uint16_t)(offsetof(struct record, raw) + raw_size)},
				.time = time,
				.raw_size = (uint32_t)raw_size};

	memset(record.raw, fill, raw_size);
	kernel_write(k, &record, record.header.size);
}

static struct perf_ring ring_on(struct fake_kernel *k)
{
	struct perf_ring ring;

	cr_assert_eq(perf_ring_open_memory(&ring, k->page, PAGE_BYTES, RING_BYTES), 0);
	return ring;
}

static void ring_end(struct perf_ring *ring, struct fake_kernel *k)
{
	perf_ring_close(ring);
	free(k->page);
}

Test(perf_ring, records_come_in_order_and_their_space_goes_back_on_release_only)
{
	struct fake_kernel k = kernel_new(0);
	struct perf_ring ring = ring_on(&k);
	const struct perf_event_header *record;

	kernel_sample(&k, 1, 12, 'a');
	kernel_sample(&k, 2, 20, 'b');
	cr_assert_null(perf_ring_peek(&ring), "nothing before the snapshot");
	perf_ring_snapshot(&ring);
	for (uint64_t time = 1; time <= 2; time++) {
		record = perf_ring_peek(&ring);
		cr_assert_not_null(record);
		cr_assert_eq(((const struct record *)record)->time, time);
		perf_ring_consume(&ring, record);
	}
	cr_assert_null(perf_ring_peek(&ring));
	cr_assert_eq(k.page->data_tail, 0);
	perf_ring_release(&ring);
	cr_assert_eq(k.page->data_tail, k.head);
	ring_end(&ring, &k);
}

Test(perf_ring, a_record_that_straddles_the_ring_end_is_read_whole)
{
	/* Every place near the end at which a record can begin. */
	for (size_t before = 8; before <= 64; before += 8) {
		struct fake_kernel k = kernel_new(RING_BYTES - before);
		struct perf_ring ring = ring_on(&k);
		const struct record *record;

		kernel_sample(&k, 7, 84, 'z');
		perf_ring_snapshot(&ring);
		record = (const void *)perf_ring_peek(&ring);
		cr_assert_not_null(record);
		cr_assert_eq(record->time, 7);
		cr_assert_eq(record->raw_size, 84);
		for (size_t i = 0; i < 84; i++)
			cr_assert_eq(record->raw[i], 'z');
		ring_end(&ring, &k);
	}
}

Test(perf_ring, positions_far_beyond_the_ring_size_are_no_matter)
{
	struct fake_kernel k = kernel_new(UINT64_MAX - 63);
	struct perf_ring ring = ring_on(&k);
	const struct record *record;

	kernel_sample(&k, 9, 84, 'q');
	perf_ring_snapshot(&ring);
	record = (const void *)perf_ring_peek(&ring);
	cr_assert_not_null(record);
	cr_assert_eq(record->time, 9);
	cr_assert_eq(record->raw[83], 'q');
	ring_end(&ring, &k);
}

Test(perf_ring, records_that_cannot_be_are_counted_and_skipped)
{
	static const uint16_t sizes[] = {0, 4, 7, 12, 4096};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct fake_kernel k = kernel_new(0);
		struct perf_ring ring = ring_on(&k);
		struct perf_event_header header = {.type = PERF_RECORD_SAMPLE, .size = sizes[i]};

		kernel_write(&k, &header, sizeof(header));
		perf_ring_snapshot(&ring);
		cr_assert_null(perf_ring_peek(&ring), "size %u", sizes[i]);
		cr_assert_eq(ring.corrupt, 1);
		kernel_sample(&k, 3, 4, 'x');
		perf_ring_snapshot(&ring);
		cr_assert_not_null(perf_ring_peek(&ring), "the next record is read again");
		ring_end(&ring, &k);
	}
}

Test(perf_ring, a_head_that_ran_further_than_the_ring_is_long_is_survived)
{
	struct fake_kernel k = kernel_new(0);
	struct perf_ring ring = ring_on(&k);

	k.page->data_head = RING_BYTES + 8;
	perf_ring_snapshot(&ring);
	cr_assert_null(perf_ring_peek(&ring));
	cr_assert_eq(ring.corrupt, 1);
	ring_end(&ring, &k);
}

/* A kernel that drops what has no room. */
static bool kernel_has_room(const struct fake_kernel *k, size_t raw_size)
{
	return k->head + offsetof(struct record, raw) + raw_size - k->page->data_tail <= RING_BYTES;
}

static void check_next(struct perf_ring *ring, uint64_t number)
{
	const struct record *record = (const void *)perf_ring_peek(ring);

	cr_assert_not_null(record, "record %ju", (uintmax_t)number);
	cr_assert_eq(record->time, number, "%ju, not %ju", (uintmax_t)record->time, (uintmax_t)number);
	for (size_t i = 0; i < record->raw_size; i++)
		cr_assert_eq(record->raw[i], (uint8_t)number);
	perf_ring_consume(ring, &record->header);
}

Test(perf_ring, what_is_set_aside_is_read_like_the_rest_whoever_goes_on_writing)
{
	/* From positions before which the counting ends, too. */
	for (int start = 0; start < 2; start++) {
		struct fake_kernel k = kernel_new(start ? UINT64_MAX - 100 * 1024 + 1 : 0);
		struct perf_ring ring = ring_on(&k);
		uint64_t written = 0, read = 0, aside = 0, most = 0;

		srandom(1);
		for (int round = 0; round < 20000; round++) {
			size_t raw_size = (size_t)(random() % 20) * 8 + 4;

			while (kernel_has_room(&k, raw_size) && random() % 8) {
				kernel_sample(&k, written, raw_size, (uint8_t)written);
				written++;
			}
			perf_ring_snapshot(&ring);
			aside += perf_ring_set_aside(&ring);
			most = ring.head - ring.position > most ? ring.head - ring.position : most;
			/* Now for long little is read, now for long more than comes. */
			for (long n = random() % (round / 2000 % 2 ? 16 : 6); n > 0 && read < written; n--)
				check_next(&ring, read++);
			if (random() % 2)
				perf_ring_release(&ring);
		}
		while (read < written)
			check_next(&ring, read++);
		perf_ring_release(&ring);
		cr_assert_null(perf_ring_peek(&ring));
		cr_assert_eq(k.page->data_tail, k.head);
		cr_assert_eq(ring.corrupt, 0);
		cr_assert_gt(aside, 100);
		cr_assert_gt(most, PERF_RING_ASIDE_BYTES / 2, "%ju bytes of copies at most", (uintmax_t)most);
		ring_end(&ring, &k);
	}
}

Test(perf_ring, no_more_is_set_aside_than_there_is_room_for)
{
	struct fake_kernel k = kernel_new(0);
	struct perf_ring ring = ring_on(&k);
	uint64_t written = 0, dropped = 0;

	for (int i = 0; i < 1000; i++) {
		if (kernel_has_room(&k, 1004))
			kernel_sample(&k, written, 1004, (uint8_t)written), written++;
		else
			dropped++;
		perf_ring_snapshot(&ring);
		perf_ring_set_aside(&ring);
	}
	cr_assert_gt(dropped, 0);
	cr_assert_gt(k.head, PERF_RING_ASIDE_BYTES);
	cr_assert(ring.was_tight);
	for (uint64_t number = 0; number < written; number++)
		check_next(&ring, number);
	cr_assert_null(perf_ring_peek(&ring));
	ring_end(&ring, &k);
}

Test(perf_ring, little_is_not_set_aside)
{
	struct fake_kernel k = kernel_new(0);
	struct perf_ring ring = ring_on(&k);

	kernel_sample(&k, 0, 500, 0);
	perf_ring_snapshot(&ring);
	cr_assert_not(perf_ring_set_aside(&ring));
	cr_assert_eq(k.page->data_tail, 0);
	check_next(&ring, 0);
	ring_end(&ring, &k);
}

Test(perf_ring, a_ring_that_had_no_room_for_a_record_is_noticed_even_when_it_was_emptied_since)
{
	struct fake_kernel k = kernel_new(0);
	struct perf_ring ring = ring_on(&k);
	const struct perf_event_header *record;

	kernel_sample(&k, 1, 500, 'a');
	perf_ring_snapshot(&ring);
	cr_assert_not(ring.was_tight);
	for (int i = 0; i < 6; i++)
		kernel_sample(&k, 2, 500, 'b');
	perf_ring_snapshot(&ring);
	while ((record = perf_ring_peek(&ring)))
		perf_ring_consume(&ring, record);
	perf_ring_release(&ring);
	cr_assert(ring.was_tight);
	ring.was_tight = false;
	perf_ring_snapshot(&ring);
	perf_ring_release(&ring);
	kernel_sample(&k, 3, 500, 'c');
	perf_ring_snapshot(&ring);
	while ((record = perf_ring_peek(&ring)))
		perf_ring_consume(&ring, record);
	perf_ring_release(&ring);
	ring.was_tight = false;
	perf_ring_snapshot(&ring);
	cr_assert_not(ring.was_tight);
	ring_end(&ring, &k);
}

/* Merge */

static struct perf_layout layout(void)
{
	struct perf_features features = {.identifier = true};

	return perf_layout(&features);
}

Test(ring_merge, records_of_several_rings_come_out_in_the_order_of_their_times)
{
	enum {
		RINGS = 7,
		RECORDS = 60
	};
	struct perf_layout samples = layout();
	struct fake_kernel kernels[RINGS];
	struct merge_ring rings[RINGS];
	struct ring_merge merge;
	uint64_t times[RINGS] = {0}, last = 0, count = 0;

	srand(7);
	ring_merge_init(&merge, &samples);
	for (size_t i = 0; i < RINGS; i++) {
		kernels[i] = kernel_new(0);
		rings[i].ring = ring_on(&kernels[i]);
		cr_assert_eq(ring_merge_add(&merge, &rings[i]), 0);
	}
	for (int n = 0; n < RECORDS; n++) {
		size_t i = (size_t)rand() % RINGS;

		times[i] += 1 + (uint64_t)rand() % 100;
		kernel_sample(&kernels[i], times[i], 4, 'x');
	}
	ring_merge_snapshot(&merge);
	for (const struct merge_ring *first; (first = ring_merge_first(&merge)); count++) {
		cr_assert_geq(first->next_time_ns, last);
		last = first->next_time_ns;
		ring_merge_step(&merge);
	}
	cr_assert_eq(count, RECORDS);
	ring_merge_release(&merge);
	for (size_t i = 0; i < RINGS; i++) {
		cr_assert_eq(kernels[i].page->data_tail, kernels[i].head);
		ring_merge_remove(&merge, &rings[i]);
		ring_end(&rings[i].ring, &kernels[i]);
	}
	ring_merge_done(&merge);
}

Test(ring_merge, small_rings_keep_more_than_they_hold_until_its_time)
{
	enum {
		RINGS = 3,
		RECORDS = 600, /* of 64 bytes, per ring */
		DELAY = 200    /* records stay until this many later ones are there */
	};
	struct perf_layout samples = layout();
	struct fake_kernel kernels[RINGS];
	struct merge_ring rings[RINGS];
	struct ring_merge merge;
	uint64_t time = 0, taken = 0;

	ring_merge_init(&merge, &samples);
	for (size_t i = 0; i < RINGS; i++) {
		kernels[i] = kernel_new(0);
		rings[i].ring = ring_on(&kernels[i]);
		cr_assert_eq(ring_merge_add(&merge, &rings[i]), 0);
	}
	while (time < RINGS * RECORDS) {
		for (int n = 0; n < 20 && time < RINGS * RECORDS; n++, time++) {
			struct fake_kernel *k = &kernels[time % RINGS];

			cr_assert(kernel_has_room(k, 28), "no room for %ju", (uintmax_t)time);
			kernel_sample(k, time, 28, (uint8_t)time);
		}
		ring_merge_snapshot(&merge);
		for (const struct merge_ring *first; (first = ring_merge_first(&merge)) && first->next_time_ns + RINGS * DELAY <= time;
		     taken++) {
			cr_assert_eq(first->next_time_ns, taken);
			cr_assert_eq(((const struct record *)first->next)->time, taken);
			ring_merge_step(&merge);
		}
		ring_merge_release(&merge);
	}
	for (; ring_merge_first(&merge); taken++) {
		cr_assert_eq(ring_merge_first(&merge)->next_time_ns, taken);
		ring_merge_step(&merge);
	}
	cr_assert_eq(taken, RINGS * RECORDS);
	for (size_t i = 0; i < RINGS; i++) {
		ring_merge_remove(&merge, &rings[i]);
		ring_end(&rings[i].ring, &kernels[i]);
	}
	ring_merge_done(&merge);
}

Test(ring_merge, a_record_too_short_for_its_kind_is_skipped_and_counted)
{
	struct perf_event_header stub = {.type = PERF_RECORD_SAMPLE, .size = sizeof(stub)};
	struct perf_layout samples = layout();
	struct fake_kernel k = kernel_new(0);
	struct merge_ring ring;
	struct ring_merge merge;

	ring_merge_init(&merge, &samples);
	ring.ring = ring_on(&k);
	ring_merge_add(&merge, &ring);
	kernel_write(&k, &stub, sizeof(stub));
	stub.type = PERF_RECORD_LOST;
	kernel_write(&k, &stub, sizeof(stub));
	kernel_sample(&k, 5, 4, 'x');
	ring_merge_snapshot(&merge);
	cr_assert_not_null(ring_merge_first(&merge));
	cr_assert_eq(ring_merge_first(&merge)->next_time_ns, 5);
	cr_assert_eq(merge.malformed, 2);
	ring_merge_remove(&merge, &ring);
	ring_merge_done(&merge);
	ring_end(&ring.ring, &k);
}

Test(ring_merge, a_lost_record_has_the_time_at_its_end)
{
	struct {
		struct perf_event_header header;
		uint64_t id, lost, tid, time, identifier;
	} lost = {.header = {.type = PERF_RECORD_LOST, .size = sizeof(lost)}, .lost = 3, .time = 42};
	struct perf_layout samples = layout();
	struct fake_kernel k = kernel_new(0);
	struct merge_ring ring;
	struct ring_merge merge;

	ring_merge_init(&merge, &samples);
	ring.ring = ring_on(&k);
	ring_merge_add(&merge, &ring);
	kernel_write(&k, &lost, sizeof(lost));
	ring_merge_snapshot(&merge);
	cr_assert_eq(ring_merge_first(&merge)->next_time_ns, 42);
	ring_merge_remove(&merge, &ring);
	ring_merge_done(&merge);
	ring_end(&ring.ring, &k);
}

Test(ring_merge, a_time_far_ahead_of_the_clock_keeps_nobody_waiting)
{
	static const uint64_t times[] = {NOW - 1, NOW + RING_MERGE_AHEAD_NS, NOW + RING_MERGE_AHEAD_NS + 1, UINT64_MAX, NOW + 2};
	static const uint64_t taken[] = {NOW - 1, NOW + RING_MERGE_AHEAD_NS, NOW, NOW, NOW + 2};
	struct perf_layout samples = layout();
	struct fake_kernel k = kernel_new(0);
	struct merge_ring ring;
	struct ring_merge merge;

	ring_merge_init(&merge, &samples);
	ring.ring = ring_on(&k);
	ring_merge_add(&merge, &ring);
	merge.now_ns = NOW;
	for (size_t i = 0; i < 5; i++)
		kernel_sample(&k, times[i], 4, 'x');
	ring_merge_snapshot(&merge);
	for (size_t i = 0; i < 5; i++) {
		cr_assert_not_null(ring_merge_first(&merge));
		cr_expect_eq(ring_merge_first(&merge)->next_time_ns, taken[i], "%zu", i);
		ring_merge_step(&merge);
	}
	ring_merge_remove(&merge, &ring);
	ring_merge_done(&merge);
	ring_end(&ring.ring, &k);
}
