#include "tracing/exec_rings.h"

#include <criterion/criterion.h>
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
