#include "recorder/record_verify.h"

#include "base/cleanup.h"
#include "recorder/record_directory.h"
#include "recorder/record_io.h"
#include "tests/recorder/entry_bytes.h"
#include "tests/recorder/segment_bench.h"

#include <criterion/criterion.h>
#include <errno.h>

/* A segment begins behind number 99. */
#define FIRST UINT64_C(100)

static struct segment_bench bench;
static struct buffer told;
static uint64_t told_at;

static void setup(void)
{
	segment_bench_init(&bench);
	buffer_init(&told, 0);
}

static void teardown(void)
{
	segment_bench_done(&bench);
	buffer_done(&told);
}

TestSuite(record_verify, .init = setup, .fini = teardown, .timeout = 60);

static void take(void *context, uint64_t position, const char *problem)
{
	(void)context;
	told_at = position;
	buffer_put_string(&told, problem);
	buffer_put_u8(&told, '\n');
}

static struct record_verify_sums verify(bool is_written)
{
	struct segment_reader *r = segment_bench_open(&bench, 1);
	struct record_verify_sums sums = {0};
	struct error err = {0};

	buffer_clear(&told);
	cr_assert_eq(record_verify(r, is_written, take, NULL, &sums, &err), 0, "%s", err.message);
	buffer_put_u8(&told, 0);
	segment_reader_close(r);
	return sums;
}

static void expect(const char *problems)
{
	struct record_verify_sums sums = verify(false);
	size_t lines = 0;

	cr_expect_str_eq((const char *)told.data, problems);
	for (const char *at = problems; *at; at++)
		lines += *at == '\n';
	cr_expect_eq(sums.findings, lines);
}

/* Blocks of ten events each, and one without at the end. */
static void write_blocks(unsigned int count, bool closed)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	struct record_block_header end = {0};
	uint64_t offset = SEGMENT_BENCH_OFFSET;

	for (unsigned int i = 0; i < count; i++)
		entry_bytes_append(w, &offset, FIRST + i * UINT64_C(10), 10);
	if (!closed) {
		segment_writer_abandon(w);
		return;
	}
	end = (struct record_block_header){.offset = offset, .first_sequence = FIRST + 500, .last_sequence = FIRST + 500};
	cr_assert_eq(segment_writer_append(w, &end, "", 0, NULL), 0);
	cr_assert_eq(segment_writer_close(w, NULL), 0);
}

/* One block of these entries, with what is changed in its header. */
static void write_block(const struct buffer *raw, struct record_block_header header)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);

	header.offset = header.offset ? header.offset : SEGMENT_BENCH_OFFSET;
	cr_assert_eq(segment_writer_append(w, &header, raw->data, raw->length, NULL), 0);
	cr_assert_eq(segment_writer_close(w, NULL), 0);
}

/* Two events and what the recorder missed between them. */
static struct record_block_header fill(struct buffer *raw)
{
	buffer_init(raw, 0);
	entry_bytes_exec(raw, 100, 5000);
	entry_bytes_lost(raw, 7, 5500);
	entry_bytes_exec(raw, 110, 6000);
	return (struct record_block_header){
		.first_sequence = 100,
		.last_sequence = 110,
		.first_time_ns = 5000,
		.last_time_ns = 6000,
		.kinds = record_kind_bit(EVENT_PROCESS_EXEC) | record_kind_bit(EVENT_LOST),
		.events = 2,
		.lost_events = 1,
		.lost = 7,
	};
}

Test(record_verify, what_was_written_is_right)
{
	struct record_verify_sums sums;

	write_blocks(5, true);
	expect("");
	sums = verify(false);
	cr_expect(sums.segments == 1 && sums.blocks == 6 && sums.events == 50 && !sums.lost_events && sums.raw_bytes > 1000);
}

Test(record_verify, losses_are_counted_apart)
{
	struct buffer raw;
	struct record_block_header header = fill(&raw);
	struct record_verify_sums sums;

	write_block(&raw, header);
	expect("");
	sums = verify(false);
	cr_expect(sums.events == 2 && sums.lost_events == 1);
	buffer_done(&raw);
}

Test(record_verify, every_field_of_a_header_that_is_wrong_is_told)
{
	struct buffer raw;
	struct record_block_header header = fill(&raw);

	header.events = 3;
	header.lost_events = 0;
	header.lost = 8;
	header.first_sequence = 99;
	header.last_sequence = 111;
	header.first_time_ns = 4999;
	header.last_time_ns = 6001;
	header.kinds = 8;
	write_block(&raw, header);
	expect("the block's header says the number of events is 3, and its events say 2\n"
	       "the block's header says the number of lost events is 0, and its events say 1\n"
	       "the block's header says what the recorder has missed is 8, and its events say 7\n"
	       "the block's header says the first sequence number is 99, and its events say 100\n"
	       "the block's header says the last sequence number is 111, and its events say 110\n"
	       "the block's header says the first time is 4999, and its events say 5000\n"
	       "the block's header says the last time is 6001, and its events say 6000\n"
	       "the block's header says the set of kinds is 8, and its events say 1099511627784\n");
	buffer_done(&raw);
}

Test(record_verify, what_is_no_event_is_told_with_its_place)
{
	struct buffer raw;
	struct record_block_header header = fill(&raw);
	char problem[128];
	size_t whole = raw.length;

	buffer_put_string(&raw, "what is this?");
	write_block(&raw, header);
	(void)snprintf(problem, sizeof(problem), "at byte %zu of the block's %zu is no event\n", whole, raw.length);
	expect(problem);
	cr_expect_eq(told_at, 136 + (strlen(SEGMENT_BENCH_QUERY) + 7) / 8 * 8);
	buffer_done(&raw);
}

Test(record_verify, numbers_that_do_not_grow_are_told)
{
	struct buffer raw;
	struct record_block_header header = {.first_sequence = 120,
					     .last_sequence = 121,
					     .first_time_ns = 5000,
					     .last_time_ns = 5002,
					     .kinds = record_kind_bit(EVENT_PROCESS_EXEC),
					     .events = 3};

	buffer_init(&raw, 0);
	entry_bytes_exec(&raw, 120, 5000);
	entry_bytes_exec(&raw, 120, 5001);
	entry_bytes_exec(&raw, 121, 5002);
	write_block(&raw, header);
	expect("the event at byte 25 of the block has number 120, and the one before it 120\n");
	buffer_done(&raw);
}

Test(record_verify, numbers_that_were_given_before_the_segment_are_told)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	uint64_t offset = SEGMENT_BENCH_OFFSET;

	entry_bytes_append(w, &offset, 99, 2);
	cr_assert_eq(segment_writer_close(w, NULL), 0);
	expect("the event at byte 0 of the block has number 99, and the one before it 99\n");
}

Test(record_verify, times_that_run_backwards_are_told)
{
	struct buffer raw;
	struct record_block_header header = {.first_sequence = 120,
					     .last_sequence = 121,
					     .first_time_ns = 5000,
					     .last_time_ns = 4000,
					     .kinds = record_kind_bit(EVENT_PROCESS_EXEC),
					     .events = 2};

	buffer_init(&raw, 0);
	entry_bytes_exec(&raw, 120, 5000);
	entry_bytes_exec(&raw, 121, 4000);
	write_block(&raw, header);
	expect("the event at byte 25 of the block, number 121, is 1000 ns earlier than the one before it\n");
	buffer_done(&raw);
}

Test(record_verify, what_is_missing_between_blocks_is_told)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	uint64_t offset = SEGMENT_BENCH_OFFSET;

	entry_bytes_append(w, &offset, 100, 2);
	offset += 77;
	entry_bytes_append(w, &offset, 110, 2);
	cr_assert_eq(segment_writer_close(w, NULL), 0);
	expect("77 bytes of the recording are missing before the block\n");
}

Test(record_verify, a_last_block_that_tells_of_events_is_wrong)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	struct record_block_header end = {.first_sequence = 105, .last_sequence = 105, .events = 1};
	uint64_t offset = SEGMENT_BENCH_OFFSET;

	entry_bytes_append(w, &offset, 100, 10);
	end.offset = offset;
	cr_assert_eq(segment_writer_append(w, &end, "", 0, NULL), 0);
	cr_assert_eq(segment_writer_close(w, NULL), 0);
	expect("the block is empty, and its header tells of events\n"
	       "the last number of the run is said to be 105, and there is an event with 109\n");
}

Test(record_verify, what_is_not_written_to_its_end_is_damage_when_nobody_writes)
{
	cleanup_free uint8_t *bytes = NULL;
	struct record_verify_sums sums;
	size_t size;

	write_blocks(3, false);
	expect("");
	bytes = segment_bench_load(&bench, 1, &size);
	segment_bench_store(&bench, 1, bytes, size - 5);
	sums = verify(true);
	cr_expect(!sums.findings && sums.events == 20);
	sums = verify(false);
	cr_expect(sums.findings == 1 && sums.events == 20);
	cr_expect_not_null(strstr((const char *)told.data, " bytes at the end are no whole block\n"));
}

Test(record_verify, each_byte_of_a_segment_counts)
{
	cleanup_free uint8_t *bytes = NULL;
	struct record_verify_sums sums;
	struct record_segment segment;
	size_t size;

	write_blocks(4, true);
	cr_assert_eq(record_segment_look(bench.fd, 1, &segment, NULL), 0);
	bytes = segment_bench_load(&bench, 1, &size);
	for (size_t at = segment.header.header_size; at < size; at++) {
		bytes[at] ^= (uint8_t)(1 << at % 8);
		segment_bench_store(&bench, 1, bytes, size);
		bytes[at] ^= (uint8_t)(1 << at % 8);
		sums = verify(false);
		cr_assert_eq(sums.findings, 1, "byte %zu: %s", at, (const char *)told.data);
		cr_assert(sums.events >= 30, "byte %zu: %llu events", at, (unsigned long long)sums.events);
	}
}
