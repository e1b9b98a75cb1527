#include "cli/command.h"

#include "base/cleanup.h"
#include "recorder/record_directory.h"
#include "tests/cli/verb.h"
#include "tests/recorder/entry_bytes.h"
#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* The verb on real files. */

#define BOOT_NS UINT64_C(1700000000000000000) /* 2023-11-14 22:13:20 UTC; an event happens as many ms later as its number */

static char directory[TEMPORARY_PATH_BYTES];
static int directory_fd;

static void init(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
	setenv("TZ", "UTC", 1);
	temporary_make(directory);
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void done(void)
{
	close(directory_fd);
	temporary_remove(directory);
}

TestSuite(record, .init = init, .fini = done, .timeout = 60);

static int run(const char *a, const char *b, const char *c, const char *d)
{
	return VERB_RUN(command_record, "record", a, b, c, d);
}

static struct segment_writer *create(uint64_t number, uint64_t offset, uint64_t sequence, enum record_begin begin, const char *query)
{
	struct record_segment_header header = {
		.number = number,
		.offset = offset,
		.sequence = sequence,
		.monotonic_ns = sequence * 1000000,
		.realtime_ns = (int64_t)(BOOT_NS + sequence * 1000000),
		.dialect = RECORD_DIALECT,
		.begin = begin,
	};
	struct segment_writer *w;
	struct error err = {0};

	memcpy(header.sensor_id, "0123456789abcdef", sizeof(header.sensor_id));
	cr_assert_eq(segment_writer_create(&w, directory_fd, &header, query, 0, &err), 0, "%s", err.message);
	return w;
}

/* One block of `count` events. Returns the offset behind it. */
static uint64_t put_segment(uint64_t number, uint64_t offset, uint64_t sequence, uint32_t count, enum record_begin begin, bool closed)
{
	struct segment_writer *w = create(number, offset, sequence - 1, begin, "process:exec");

	entry_bytes_append(w, &offset, sequence, count);
	if (closed)
		cr_assert_eq(segment_writer_close(w, NULL), 0);
	else
		segment_writer_abandon(w);
	return offset;
}

static const char *path_of(uint64_t number)
{
	static char path[160];
	char name[RECORD_NAME_BYTES];

	record_segment_name(name, number);
	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static off_t size_of(uint64_t number)
{
	struct stat stat_of;

	cr_assert_eq(stat(path_of(number), &stat_of), 0);
	return stat_of.st_size;
}

static void flip(uint64_t number, off_t at)
{
	cleanup_close int fd = open(path_of(number), O_RDWR | O_CLOEXEC);
	uint8_t byte;

	cr_assert_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
}

/* Of the block, which is behind header and query. */
#define BLOCK 152

Test(record, a_line_per_segment_and_sums)
{
	uint64_t end = put_segment(0, 0, 1, 100, RECORD_BEGIN_FIRST, true);

	put_segment(1, end, 101, 1000, RECORD_BEGIN_CONTINUED, true);
	cr_expect_eq(run("info", directory, NULL, NULL), 0);
	cr_expect_str_eq(verb_printed(),
			 "SEGMENT  BEGUN                LASTS   NUMBERS   EVENTS  RAW       DISK      B/EVENT  STATE   WHY IT BEGINS\n"
			 "0        2023-11-14 22:13:20  99 ms   1-100     100     2.6 KiB   3.1 KiB   31.9     closed  the first one\n"
			 "  kept: process:exec\n"
			 "1        2023-11-14 22:13:20  999 ms  101-1100  1000    28.1 KiB  28.6 KiB  29.3     closed  continued\n"
			 "2 segments of sensor 0123456789abcdef, 2023-11-14 22:13:20 to 2023-11-14 22:13:21 (1 s)\n"
			 "1100 events in 30.7 KiB, on disk 31.7 KiB, 29.5 bytes per event\n"
			 "1 run of the sensor; 0 gaps between segments; 0 events that the recorder has missed\n");
}

static void expect_line(const char *text, const char *line)
{
	cr_expect_not_null(strstr(text, line), "no '%s' in\n%s", line, text);
}

Test(record, what_is_missing_between_segments_is_said)
{
	uint64_t end = put_segment(0, 0, 1, 100, RECORD_BEGIN_FIRST, true);
	const char *text;

	/* Nothing is missing where another run begins, but the hole that it leaves */
	end = put_segment(1, end + RECORD_RUN_HOLE, 101, 10, RECORD_BEGIN_STOPPED, false);
	end = put_segment(2, end + 2048, 201, 10, RECORD_BEGIN_CONTINUED, true);
	end = put_segment(5, end + RECORD_RUN_HOLE, 211, 10, RECORD_BEGIN_CRASHED, true);
	put_segment(6, end - 3, 221, 10, RECORD_BEGIN_CONTINUED, true);
	cr_expect_eq(run("info", directory, NULL, NULL), 0);
	text = verb_printed();
	expect_line(text, "not closed  after a stop\n  2 KiB of events are missing, behind number 110 and before 201\n2 ");
	expect_line(text, "continued\n  2 segments are missing\n5 ");
	expect_line(text, "after a crash\n  begins 3 bytes before the end of the one before it\n6 ");
	expect_line(text, "3 runs of the sensor, 1 ended by a crash; 3 gaps between segments; 0 events that the recorder has missed\n");
}

Test(record, what_was_kept_is_said_whenever_it_changes)
{
	uint64_t end = put_segment(0, 0, 1, 10, RECORD_BEGIN_FIRST, true);
	struct segment_writer *w;
	const char *text;

	end = put_segment(1, end, 11, 10, RECORD_BEGIN_CONTINUED, true);
	w = create(2, end + RECORD_RUN_HOLE, 20, RECORD_BEGIN_STOPPED, "file:open\n\033[31m");
	cr_assert_eq(segment_writer_close(w, NULL), 0);
	cr_expect_eq(run("info", directory, NULL, NULL), 0);
	text = verb_printed();
	expect_line(text, "the first one\n  kept: process:exec\n1 ");
	expect_line(text, "continued\n2 ");
	expect_line(text, "after a stop\n  kept: file:open\\n\\x1b[31m\n3 segments");
}

Test(record, damage_is_said_and_verify_finds_it)
{
	const char *text;
	uint64_t end = put_segment(0, 0, 1, 10, RECORD_BEGIN_FIRST, true);

	put_segment(1, end, 11, 10, RECORD_BEGIN_CONTINUED, true);
	flip(0, BLOCK + 110);
	flip(1, 20);
	cr_expect_eq(run("info", directory, NULL, NULL), 0);
	text = verb_printed();
	expect_line(text, " unreadable  -\n  its header is damaged\n");
	cr_expect_eq(run("verify", directory, NULL, NULL), 1);
	text = verb_printed();
	expect_line(text, "segment-0000000000000000.rec: at 152: the block at 152 is damaged: its checksum is wrong\n");
	expect_line(text, "segment-0000000000000001.rec: at 0: its header is damaged\n");
	expect_line(text, ": 2 things are wrong\n");
	cr_expect_str_eq(verb_said(), "");
}

Test(record, what_is_as_it_should_be_is_verified)
{
	uint64_t end = put_segment(0, 0, 1, 10, RECORD_BEGIN_FIRST, true);

	put_segment(1, end + RECORD_RUN_HOLE, 11, 10, RECORD_BEGIN_CRASHED, false);
	cr_expect_eq(run("verify", directory, NULL, NULL), 0);
	cr_expect_str_eq(verb_printed(), "2 segments, 2 blocks, 20 events in 538 B, on disk 1.2 KiB: everything is as it should be\n");
}

Test(record, segments_that_contradict_one_another_are_found)
{
	uint64_t end = put_segment(0, 0, 101, 10, RECORD_BEGIN_FIRST, true);
	const char *text;

	put_segment(1, end - 1, 105, 10, RECORD_BEGIN_CONTINUED, true);
	put_segment(2, 100000, 200, 10, RECORD_BEGIN_CONTINUED, true);
	cr_assert_eq(renameat(directory_fd, "segment-0000000000000002.rec", directory_fd, "segment-0000000000000007.rec"), 0);
	cr_expect_eq(run("verify", directory, NULL, NULL), 1);
	text = verb_printed();
	expect_line(text, "segment-0000000000000001.rec: at 0: it begins 1 bytes before the end of the segment before it\n");
	expect_line(text, "segment-0000000000000001.rec: at 0: its first event has number 105, and the segment before it ends with 110\n");
	expect_line(text, "segment-0000000000000001.rec: at 0: it begins 5000000 ns before the time at which the segment before it ends\n");
	expect_line(text, "segment-0000000000000007.rec: at 0: its header says that it is segment 2\n");
	expect_line(text, ": 4 things are wrong\n");
}

Test(record, a_single_segment_of_any_name_will_do)
{
	char copy[96];

	(void)snprintf(copy, sizeof(copy), "%s/a copy", directory);
	put_segment(0x1f, 0, 1, 10, RECORD_BEGIN_FIRST, true);
	cr_assert_eq(rename(path_of(0x1f), copy), 0);
	cr_expect_eq(run("info", copy, NULL, NULL), 0);
	expect_line(verb_printed(), "\n1f       2023-11-14");
	cr_expect_eq(run("verify", copy, NULL, NULL), 0);
	expect_line(verb_printed(), "1 segment, 1 blocks, 10 events");
}

/* A sensor that is in the middle of a block */
static void cut_last(uint64_t number, off_t bytes)
{
	cr_assert_eq(truncate(path_of(number), size_of(number) - bytes), 0);
}

Test(record, what_is_being_written_may_end_anywhere)
{
	uint64_t end = put_segment(0, 0, 1, 10, RECORD_BEGIN_FIRST, false);
	const char *text;
	int lock_fd;

	put_segment(1, end, 11, 10, RECORD_BEGIN_CONTINUED, false);
	cut_last(0, 5);
	cut_last(1, 5);
	cr_expect_eq(run("info", directory, NULL, NULL), 0);
	text = verb_printed();
	expect_line(text, "needs repair  the first one\n");
	expect_line(text, "needs repair  continued\n");
	expect_line(text, " at the end are no whole block\n");
	lock_fd = record_directory_lock(directory_fd, NULL);
	cr_expect_eq(run("info", directory, NULL, NULL), 0);
	text = verb_printed();
	expect_line(text, "needs repair   the first one\n");
	expect_line(text, "being written  continued\n");
	cr_expect_eq(run("verify", path_of(0), NULL, NULL), 1);
	expect_line(verb_printed(), " bytes at the end are no whole block\n");
	cr_expect_eq(run("verify", path_of(1), NULL, NULL), 0);
	close(lock_fd);
	cr_expect_eq(run("verify", path_of(1), NULL, NULL), 1);
}

Test(record, a_repair_cuts_and_sets_aside_and_deletes_nothing)
{
	uint64_t end = put_segment(0, 0, 1, 10, RECORD_BEGIN_FIRST, true);
	const char *text;
	off_t size;

	end = put_segment(1, end, 11, 10, RECORD_BEGIN_CONTINUED, true);
	end = put_segment(2, end, 21, 10, RECORD_BEGIN_CONTINUED, false);
	size = size_of(2);
	put_segment(3, end, 31, 10, RECORD_BEGIN_CONTINUED, false);
	cut_last(3, 5);
	flip(1, 20);
	cr_expect_eq(run("repair", directory, NULL, NULL), 0);
	text = verb_printed();
	expect_line(text, "segment-0000000000000001.rec: set aside as segment-0000000000000001.rec.damaged: its header is damaged\n");
	expect_line(text, "segment-0000000000000003.rec: 369 bytes at its end that were no whole block were cut off\n");
	cr_expect_null(strstr(text, "segment-0000000000000000"), "%s", text);
	cr_expect_null(strstr(text, "segment-0000000000000002"), "%s", text);
	cr_expect_eq(size_of(2), size);
	cr_expect_eq(size_of(3), BLOCK);
	cr_expect_eq(faccessat(directory_fd, "segment-0000000000000001.rec", F_OK, 0), -1);
	cr_expect_eq(faccessat(directory_fd, "segment-0000000000000001.rec.damaged", F_OK, 0), 0);
	cr_expect_eq(run("repair", directory, NULL, NULL), 0);
	cr_expect_str_eq(verb_printed(), "nothing to repair\n");
	cr_expect_eq(run("verify", directory, NULL, NULL), 0);
}

Test(record, what_was_set_aside_before_is_not_overwritten)
{
	const char *text;

	put_segment(1, 0, 11, 10, RECORD_BEGIN_FIRST, true);
	cr_assert_eq(linkat(directory_fd, "segment-0000000000000001.rec", directory_fd, "segment-0000000000000001.rec.damaged", 0), 0);
	flip(1, 20);
	cr_expect_eq(run("repair", directory, NULL, NULL), 1);
	text = verb_printed();
	expect_line(text, "cannot be put aside: there is a segment-0000000000000001.rec.damaged already\n");
	cr_expect_eq(faccessat(directory_fd, "segment-0000000000000001.rec", F_OK, 0), 0);
}

Test(record, a_segment_of_a_newer_program_is_left_alone)
{
	cleanup_close int fd = -1;

	put_segment(1, 0, 11, 10, RECORD_BEGIN_FIRST, true);
	fd = open(path_of(1), O_RDWR | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, "\2", 1, 8), 1);
	cr_expect_eq(run("repair", directory, NULL, NULL), 1);
	expect_line(verb_printed(), "left alone: it is of version 2 of the format, and this ringside reads only version 1\n");
	cr_expect_eq(faccessat(directory_fd, "segment-0000000000000001.rec", F_OK, 0), 0);
}

Test(record, nobody_repairs_what_a_sensor_is_writing)
{
	int lock_fd = record_directory_lock(directory_fd, NULL);
	char sentence[256];

	put_segment(1, 0, 11, 10, RECORD_BEGIN_FIRST, false);
	cut_last(1, 5);
	cr_expect_eq(run("repair", directory, NULL, NULL), 1);
	(void)snprintf(sentence, sizeof(sentence),
		       "ringside: %s: another process writes to the recording's directory: there can be only one\n", directory);
	cr_expect_str_eq(verb_said(), sentence);
	close(lock_fd);
}

static json_t *parse_line(const char **at)
{
	size_t length = strcspn(*at, "\n");
	json_t *value = json_loadb(*at, length, 0, NULL);

	cr_assert_not_null(value, "%s", *at);
	*at += length + 1;
	return value;
}

static int64_t number_of(const json_t *object, const char *key)
{
	cr_expect(json_is_integer(json_object_get(object, key)), "%s", key);
	return json_integer_value(json_object_get(object, key));
}

Test(record, info_for_programs)
{
	uint64_t end = put_segment(0, 0, 1, 10, RECORD_BEGIN_FIRST, true);
	const json_t *segment, *gap;
	const char *text;
	json_t *all;

	put_segment(3, end + 500, 31, 10, RECORD_BEGIN_CONTINUED, false);
	put_segment(4, end, 41, 10, RECORD_BEGIN_CONTINUED, false);
	flip(4, 20);
	cr_expect_eq(run("info", "-o", "json", directory), 0);
	text = verb_printed();
	all = parse_line(&text);
	cr_expect_eq(*text, 0);
	cr_expect_str_eq(json_string_value(json_object_get(all, "sensorId")), "0123456789abcdef");
	cr_assert_eq(json_array_size(json_object_get(all, "segments")), 3);
	segment = json_array_get(json_object_get(all, "segments"), 1);
	cr_expect_str_eq(json_string_value(json_object_get(segment, "path")), path_of(3));
	cr_expect_str_eq(json_string_value(json_object_get(segment, "state")), "not closed");
	cr_expect_str_eq(json_string_value(json_object_get(segment, "begin")), "continued");
	cr_expect_str_eq(json_string_value(json_object_get(segment, "query")), "process:exec");
	cr_expect_eq(number_of(segment, "number"), 3);
	cr_expect_eq(number_of(segment, "begunNs"), (int64_t)BOOT_NS + 31000000);
	cr_expect_eq(number_of(segment, "firstSequence"), 31);
	cr_expect_eq(number_of(segment, "lastSequence"), 40);
	cr_expect_eq(number_of(segment, "events"), 10);
	cr_expect_eq(number_of(segment, "offset"), (int64_t)end + 500);
	segment = json_array_get(json_object_get(all, "segments"), 2);
	cr_expect_str_eq(json_string_value(json_object_get(segment, "problem")), "its header is damaged");
	cr_assert_eq(json_array_size(json_object_get(all, "gaps")), 1);
	gap = json_array_get(json_object_get(all, "gaps"), 0);
	cr_expect_eq(number_of(gap, "segments"), 2);
	cr_expect_eq(number_of(gap, "bytes"), 500);
	cr_expect_eq(number_of(gap, "afterSequence"), 10);
	cr_expect_eq(number_of(gap, "beforeSequence"), 31);
	cr_expect_eq(number_of(json_object_get(all, "sums"), "events"), 20);
	cr_expect_eq(number_of(json_object_get(all, "sums"), "unreadable"), 1);
	json_decref(all);
}

Test(record, verify_and_repair_for_programs)
{
	const char *text;
	json_t *line;

	put_segment(0, 0, 1, 10, RECORD_BEGIN_FIRST, false);
	cut_last(0, 5);
	cr_expect_eq(run("verify", "-o", "json", directory), 1);
	text = verb_printed();
	line = parse_line(&text);
	cr_expect_eq(number_of(line, "position"), BLOCK);
	cr_expect_str_eq(json_string_value(json_object_get(line, "problem")), "367 bytes at the end are no whole block");
	json_decref(line);
	line = parse_line(&text);
	cr_expect_eq(number_of(line, "findings"), 1);
	json_decref(line);
	cr_expect_eq(run("repair", "-o", "json", directory), 0);
	text = verb_printed();
	line = parse_line(&text);
	cr_expect_str_eq(json_string_value(json_object_get(line, "segment")), path_of(0));
	cr_expect_str_eq(json_string_value(json_object_get(line, "repair")), "367 bytes at its end that were no whole block were cut off");
	json_decref(line);
	line = parse_line(&text);
	cr_expect_eq(number_of(line, "repairs"), 1);
	json_decref(line);
}

Test(record, words_that_make_no_sense_are_usage_errors)
{
	cr_expect_eq(run(NULL, NULL, NULL, NULL), EX_USAGE);
	cr_expect_eq(run("info", NULL, NULL, NULL), EX_USAGE);
	cr_expect_eq(run("inof", directory, NULL, NULL), EX_USAGE);
	cr_expect_eq(run("repair", directory, directory, NULL), EX_USAGE);
	cr_expect_eq(run("info", directory, "-o", "markdown"), EX_USAGE);
	expect_line(verb_said(), "ringside record: cannot \"inof\"; did you mean info?\n");
}

Test(record, what_is_not_there_is_a_failure_that_names_it)
{
	cr_expect_eq(run("info", "/nonexistent/recording", NULL, NULL), 1);
	cr_expect_eq(run("repair", "/nonexistent/recording", NULL, NULL), 1);
	cr_expect_eq(run("verify", directory, NULL, NULL), 1);
	expect_line(verb_said(), "/nonexistent/recording: No such file or directory\n");
}
