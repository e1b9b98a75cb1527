#include "tracing/counter_group.h"
#include "tracing/perf_ring.h"
#include "tracing/sample_record.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Rings laid out like the kernel's, with the test in the kernel's place: samples are put together word by word as linux/perf_event.h has them. */
#define PAGE_BYTES  4096
#define RING_BYTES  4096
#define WORDS_MAX   64
#define TIMES       (PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING)
#define TIMES_GROUP (PERF_FORMAT_GROUP | TIMES)

static const struct perf_features features = {.identifier = true};

struct fake_kernel {
	struct perf_event_mmap_page *page;
	struct perf_ring ring;
	struct {
		struct perf_event_header header;
		uint64_t words[WORDS_MAX];
	} record;
	uint32_t words;
};

static void put(struct fake_kernel *k, uint64_t word)
{
	cr_assert_lt(k->words, WORDS_MAX);
	k->record.words[k->words++] = word;
}

static void put_task(struct fake_kernel *k, uint32_t tgid, uint32_t tid)
{
	put(k, 77);
	put(k, (uint64_t)tid << 32 | tgid);
	put(k, 123456789);
}

/* An empty ring whose next record begins at `start`. */
static struct fake_kernel *kernel_new(uint64_t start)
{
	struct fake_kernel *k = calloc(1, sizeof(*k));
	void *memory = aligned_alloc(PAGE_BYTES, PAGE_BYTES + RING_BYTES);

	cr_assert(k && memory);
	memset(memory, 0, PAGE_BYTES + RING_BYTES);
	k->page = memory;
	k->page->data_head = k->page->data_tail = start;
	cr_assert_eq(perf_ring_open_memory(&k->ring, memory, PAGE_BYTES, RING_BYTES), 0);
	return k;
}

static void kernel_free(struct fake_kernel *k)
{
	perf_ring_close(&k->ring);
	free(k->page);
	free(k);
}

static const struct perf_event_header *publish(struct fake_kernel *k)
{
	uint8_t *data = (uint8_t *)k->page + PAGE_BYTES;
	size_t size = sizeof(k->record.header) + k->words * sizeof(uint64_t);
	const struct perf_event_header *record;

	k->record.header = (struct perf_event_header){.type = PERF_RECORD_SAMPLE, .size = (uint16_t)size};
	for (size_t i = 0; i < size; i++)
		data[(k->page->data_head + i) % RING_BYTES] = ((const uint8_t *)&k->record)[i];
	k->page->data_head += size;
	k->words = 0;
	perf_ring_snapshot(&k->ring);
	record = perf_ring_peek(&k->ring);
	cr_assert_not_null(record);
	perf_ring_consume(&k->ring, record);
	return record;
}

static bool parse(const struct perf_event_header *record, const struct sample_record_form *form, struct counter_values *values,
		  struct sample *ret)
{
	const struct perf_layout layout = perf_layout(&features);

	cr_expect_eq(sample_record_id(record, &layout), 77);
	*ret = (struct sample){.raw_size = 99};
	return sample_record_parse(record, &layout, form, values, ret);
}

Test(sample_record, the_values_of_a_group_come_in_the_order_of_its_counters_wherever_in_the_ring_they_stand)
{
	const struct sample_record_form form = {.counters = 3, .read_format = TIMES_GROUP};

	for (uint64_t before_end = 0; before_end <= 96; before_end += 8) {
		struct fake_kernel *k = kernel_new(RING_BYTES - before_end);
		struct counter_values values;
		struct sample sample;

		put_task(k, 4711, 4712);
		put(k, 3);
		put(k, 2000);
		put(k, 1500);
		for (uint64_t i = 1; i <= 3; i++)
			put(k, i << 40);
		cr_assert(parse(publish(k), &form, &values, &sample));
		cr_expect_eq(sample.tgid, 4711);
		cr_expect_eq(sample.tid, 4712);
		cr_expect_eq(sample.raw_size, 0);
		cr_expect_null(sample.raw);
		cr_expect_eq(sample.counters, &values);
		cr_expect_eq(values.count, 3);
		cr_expect_eq(values.time_enabled, 2000);
		cr_expect_eq(values.time_running, 1500);
		for (uint64_t i = 1; i <= 3; i++)
			cr_expect_eq(values.values[i - 1], i << 40);
		kernel_free(k);
	}
}

static uint32_t put_block(struct fake_kernel *k, uint64_t read_format, uint32_t count)
{
	uint32_t before = k->words;

	put(k, count);
	if (read_format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		put(k, 20);
	if (read_format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		put(k, 10);
	for (uint32_t i = 0; i < count; i++) {
		put(k, 100 + i);
		if (read_format & PERF_FORMAT_ID)
			put(k, 1000 + i);
		if (read_format & PERF_FORMAT_LOST)
			put(k, 10000 + i);
	}
	return k->words - before;
}

Test(sample_record, every_part_that_was_asked_for_is_stepped_over_and_one_word_less_is_no_sample)
{
	static const uint64_t parts[] = {0, TIMES, PERF_FORMAT_ID, PERF_FORMAT_LOST, TIMES | PERF_FORMAT_ID | PERF_FORMAT_LOST};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (uint32_t count = 1; count <= PERF_COUNTERS_MAX; count += 5) {
			const struct sample_record_form form = {.counters = count, .read_format = PERF_FORMAT_GROUP | parts[i]};
			struct fake_kernel *k = kernel_new(0);
			struct counter_values values;
			struct sample sample;
			uint32_t words;

			put_task(k, 1, 1);
			words = put_block(k, form.read_format, count);
			cr_assert(parse(publish(k), &form, &values, &sample));
			for (uint32_t n = 0; n < count; n++)
				cr_expect_eq(values.values[n], 100 + n);
			cr_expect_eq(values.time_enabled, parts[i] & TIMES ? 20 : 0);
			cr_expect_eq(values.time_running, parts[i] & TIMES ? 10 : 0);
			for (uint32_t cut = 1; cut <= words; cut++) {
				put_task(k, 1, 1);
				put_block(k, form.read_format, count);
				k->words -= cut;
				cr_expect_not(parse(publish(k), &form, &values, &sample), "%u of %u words", words - cut, words);
			}
			kernel_free(k);
		}
	}
}

Test(sample_record, the_block_says_whose_sample_it_is_and_nothing_else_is_taken_for_one)
{
	static const uint64_t parts[] = {PERF_FORMAT_ID, TIMES | PERF_FORMAT_ID, TIMES | PERF_FORMAT_ID | PERF_FORMAT_LOST};
	const struct perf_layout layout = perf_layout(&features);
	struct fake_kernel *k;
	uint64_t id;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (uint32_t count = 1; count <= PERF_COUNTERS_MAX; count++) {
			const uint64_t read_format = PERF_FORMAT_GROUP | parts[i];

			k = kernel_new(0);
			for (uint32_t more = 0; more <= 1; more++) {
				put_task(k, 1, 1);
				put_block(k, read_format, count);
				if (more)
					put(k, 5);
				id = 0;
				cr_expect_eq(sample_record_block_id(publish(k), &layout, read_format, &id), !more);
				cr_expect_eq(id, more ? 0 : 1000);
			}
			put_task(k, 1, 1);
			put_block(k, read_format, count);
			k->words--;
			cr_expect_not(sample_record_block_id(publish(k), &layout, read_format, &id));
			kernel_free(k);
		}
	}
	/* A block without ids; and raw data as long as a block, which begins with its size and the number of its tracepoint. */
	k = kernel_new(0);
	put_task(k, 1, 1);
	put_block(k, TIMES_GROUP, 1);
	cr_expect_not(sample_record_block_id(publish(k), &layout, TIMES_GROUP, &id));
	put_task(k, 1, 1);
	put(k, UINT64_C(1) << 32 | 1);
	for (int i = 0; i < 4; i++)
		put(k, 1);
	cr_expect_not(sample_record_block_id(publish(k), &layout, TIMES_GROUP | PERF_FORMAT_ID, &id));
	kernel_free(k);
}

Test(sample_record, a_group_of_another_size_is_no_sample)
{
	const struct sample_record_form form = {.counters = 2, .read_format = TIMES_GROUP};
	static const uint64_t counts[] = {0, 1, 3, UINT64_MAX, UINT64_C(1) << 61};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct fake_kernel *k = kernel_new(0);
		struct counter_values values;
		struct sample sample;

		put_task(k, 1, 1);
		put(k, counts[i]);
		for (int n = 0; n < 20; n++)
			put(k, 5);
		cr_expect_not(parse(publish(k), &form, &values, &sample));
		kernel_free(k);
	}
}

Test(sample_record, the_idle_task_and_one_that_has_no_ids_any_more_are_nobody)
{
	const struct sample_record_form form = {.counters = 1, .read_format = TIMES_GROUP};
	static const uint32_t tasks[][2] = {{0, 0}, {UINT32_MAX, UINT32_MAX}, {4711, UINT32_MAX}};

	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		struct fake_kernel *k = kernel_new(0);
		struct counter_values values;
		struct sample sample;

		put_task(k, tasks[i][0], tasks[i][1]);
		put_block(k, TIMES_GROUP, 1);
		cr_assert(parse(publish(k), &form, &values, &sample));
		cr_expect_eq(sample.tgid, 0);
		cr_expect_eq(sample.tid, 0);
		kernel_free(k);
	}
}

/* `u32 size` and 12 bytes of data, then the abi and one register. */
static void put_raw(struct fake_kernel *k)
{
	put(k, UINT64_C(0x61616161) << 32 | 12);
	put(k, UINT64_C(0x6363636362626262));
	put(k, SAMPLE_ABI_32);
	put(k, 1234);
}

Test(sample_record, raw_data_and_the_abi_behind_it_are_found_and_cut_ones_are_no_sample)
{
	const struct sample_record_form forms[] = {{.with_abi = false}, {.with_abi = true}};
	static const uint32_t least[] = {2, 3}; /* words of it that must be there */

	for (size_t i = 0; i < 2; i++) {
		for (uint32_t words = 0; words <= 4; words++) {
			struct fake_kernel *k = kernel_new(0);
			struct counter_values values;
			struct sample sample;
			bool is_sample;

			put_task(k, 1, 2);
			put_raw(k);
			k->words = 3 + words;
			is_sample = parse(publish(k), &forms[i], &values, &sample);
			cr_expect_eq(is_sample, words >= least[i], "%u words", words);
			if (is_sample) {
				cr_expect_eq(sample.raw_size, 12);
				cr_expect(!memcmp(sample.raw, "aaaabbbbcccc", 12));
				cr_expect_eq(sample.abi, i ? SAMPLE_ABI_32 : SAMPLE_ABI_UNKNOWN);
				cr_expect_null(sample.counters);
			}
			kernel_free(k);
		}
	}
}
