#include "tracing/exec_rings.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES 64

static const struct perf_features modern = {.identifier = true};

/* As the kernel lays it out, with `identifier`: id, tgid and tid, time, abi, stack pointer, size, stack, dyn_size. */
struct sample_record {
	struct perf_event_header header;
	uint64_t id;
	uint32_t tgid;
	uint32_t tid;
	uint64_t time_ns;
	uint64_t abi;
	uint64_t stack_pointer;
	uint64_t size;
	uint8_t stack[STACK_BYTES];
	uint64_t dyn_size;
};

static struct sample_record make_record(void)
{
	return (struct sample_record){
		.header = {.type = PERF_RECORD_SAMPLE, .size = sizeof(struct sample_record)},
		.id = 11,
		.tgid = 22,
		.tid = 23,
		.time_ns = 44,
		.abi = PERF_SAMPLE_REGS_ABI_64,
		.stack_pointer = 0x7ffc0000,
		.size = STACK_BYTES,
		.dyn_size = 40,
	};
}

static bool parse(const struct sample_record *record, struct exec_sample *ret)
{
	const struct perf_layout layout = perf_layout(&modern);

	return exec_sample_parse(&record->header, &layout, ret);
}

Test(exec_rings, a_sample_is_taken_apart)
{
	struct sample_record record = make_record();
	struct exec_sample sample;

	cr_assert(parse(&record, &sample));
	cr_assert_eq(sample.id, 11);
	cr_assert_eq(sample.tgid, 22);
	cr_assert_eq(sample.tid, 23);
	cr_assert_eq(sample.time_ns, 44);
	cr_assert_eq(sample.dump.word_bytes, 8);
	cr_assert_eq(sample.dump.stack_pointer, 0x7ffc0000);
	cr_assert_eq(sample.dump.bytes, record.stack);
	cr_assert_eq(sample.dump.size, 40);

	record.abi = PERF_SAMPLE_REGS_ABI_32;
	cr_assert(parse(&record, &sample));
	cr_assert_eq(sample.dump.word_bytes, 4);
}

Test(exec_rings, a_sample_without_user_registers_has_an_empty_dump)
{
	struct sample_record record = make_record();
	struct exec_sample sample;

	/* No registers, and a size of zero in their place. */
	record.abi = PERF_SAMPLE_REGS_ABI_NONE;
	record.stack_pointer = 0;
	record.header.size = offsetof(struct sample_record, size);
	cr_assert(parse(&record, &sample));
	cr_assert_eq(sample.dump.size, 0);
}

Test(exec_rings, a_sample_without_a_stack_has_no_dynamic_size_either)
{
	struct sample_record record = make_record();
	struct exec_sample sample;

	record.size = 0;
	record.header.size = offsetof(struct sample_record, stack);
	cr_assert(parse(&record, &sample));
	cr_assert_eq(sample.dump.size, 0);
}

Test(exec_rings, sizes_that_do_not_fit_the_record_are_refused)
{
	struct sample_record record = make_record();
	struct exec_sample sample;

	record.dyn_size = STACK_BYTES + 1;
	cr_assert_not(parse(&record, &sample));
	record = make_record();
	record.size = STACK_BYTES + 8;
	cr_assert_not(parse(&record, &sample));
	record.size = UINT64_MAX;
	cr_assert_not(parse(&record, &sample));
}

Test(exec_rings, a_sample_cut_at_any_word_is_refused_within_its_bounds)
{
	struct sample_record record = make_record();
	const struct perf_layout layout = perf_layout(&modern);
	struct exec_sample sample;

	for (uint16_t size = sizeof(struct perf_event_header); size < sizeof(record); size += 8) {
		struct perf_event_header *copy = malloc(size);

		record.header.size = size;
		memcpy(copy, &record, size);
		cr_assert_not(exec_sample_parse(copy, &layout, &sample), "%u bytes", size);
		free(copy);
	}
}

/* The layout of a small copy: a word for argc, one for argv[0], and a word of strings. */
static const struct exec_copy_layout small = {.pointer_bytes = 16, .string_bytes = 8};

struct copy_record {
	struct perf_event_header header;
	uint64_t id;
	uint32_t tgid;
	uint32_t tid;
	uint64_t time_ns;
	uint32_t raw_size;
	uint8_t raw[EXEC_COPY_OFFSET_WORDS + 16 + 8 + 4];
};

static struct copy_record make_copy(void)
{
	const uint64_t words[] = {0x7ffc0000, 0x7ffc0000, 1, 0x7ffc1000};
	struct copy_record record = {
		.header = {.type = PERF_RECORD_SAMPLE, .size = sizeof(record)},
		.id = 11,
		.tgid = 22,
		.tid = 23,
		.time_ns = 44,
		.raw_size = sizeof(record.raw),
	};

	memcpy(record.raw + EXEC_COPY_OFFSET_SP, words, sizeof(words));
	memcpy(record.raw + EXEC_COPY_OFFSET_WORDS + 16, "prog\0A=1", 8);
	return record;
}

Test(exec_rings, a_sample_with_a_copy_is_taken_apart)
{
	const struct perf_layout layout = perf_layout(&modern);
	struct copy_record record = make_copy();
	struct exec_sample sample;

	cr_assert_eq(exec_sample_parse_copy(&record.header, &layout, &small, &sample), 0);
	cr_assert_eq(sample.tgid, 22);
	cr_assert_eq(sample.tid, 23);
	cr_assert_eq(sample.time_ns, 44);
	cr_assert_eq(sample.copy.argc, 1);
	cr_assert_eq(sample.copy.count, 1);
	cr_assert_str_eq(sample.copy.strings, "prog");
}

Test(exec_rings, a_sample_with_a_copy_that_does_not_fit_is_refused_within_its_bounds)
{
	const struct perf_layout layout = perf_layout(&modern);
	struct copy_record record = make_copy();
	struct exec_sample sample;

	record.raw_size = UINT32_MAX;
	cr_assert_eq(exec_sample_parse_copy(&record.header, &layout, &small, &sample), -EINVAL);
	record = make_copy();
	for (uint16_t size = sizeof(struct perf_event_header); size < sizeof(record); size += 4) {
		struct perf_event_header *cut = malloc(size);

		record.header.size = size;
		memcpy(cut, &record, size);
		cr_assert_lt(exec_sample_parse_copy(cut, &layout, &small, &sample), 0, "%u bytes", size);
		free(cut);
	}
}
