#include "cli/command.h"

#include "base/clock.h"
#include "proto/capsule8_encoder.h"
#include "subscription/extent.h"
#include "recorder/record_block.h"
#include "recorder/record_directory.h"
#include "recorder/segment_writer.h"
#include "tests/cli/verb.h"
#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/*
 * Recordings of a second between two events: each segment has BLOCKS blocks of EVENTS events. The event with the number n is an exec of /bin/pN.
 */
#define SENSOR    "0123456789abcdef"
#define BLOCKS    2
#define EVENTS    5
#define PER       (BLOCKS * EVENTS)
#define FIRST_NS  (1000 * NSEC_PER_SEC)
#define HOUR_NS   (3600 * (int64_t)NSEC_PER_SEC)
#define OFFSET_NS (INT64_C(1700000000) * (int64_t)NSEC_PER_SEC) /* 22:13:20 UTC */

static char directory[TEMPORARY_PATH_BYTES];
static int directory_fd;

static void init(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
	setenv("TZ", "UTC", 1);
	temporary_make(directory);
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(directory_fd, 0);
}

static void fini(void)
{
	close(directory_fd);
	temporary_remove(directory);
}

TestSuite(replay, .init = init, .fini = fini);

struct made {
	struct segment_writer *writer;
	struct encoder *encoder;
	uint64_t offset;
	int64_t realtime_offset_ns;
};

static struct chunk *make_chunk(struct encoder *encoder, uint64_t sequence)
{
	struct chunk_extent extent = {0};
	struct chunk *chunk;
	struct buffer out;
	size_t length;
	uint8_t *data;

	buffer_init(&out, 0);
	for (size_t i = 0; i < EVENTS; i++) {
		struct event e = {.kind = EVENT_PROCESS_EXEC,
				  .time_ns = FIRST_NS + sequence * NSEC_PER_SEC,
				  .sequence = sequence,
				  .tid = 7,
				  .tgid = 7};
		char name[32];

		snprintf(name, sizeof(name), "/bin/p%llu", (unsigned long long)sequence++);
		e.exec.filename = (struct event_string){.bytes = name, .length = strlen(name)};
		encoder->encode(encoder, &e, DETAIL_BASIC, &out);
		extent_add(&extent, &e);
	}
	data = buffer_take(&out, &length);
	chunk = chunk_new(data, length, EVENTS);
	cr_assert_not_null(chunk);
	chunk->extent = extent;
	return chunk;
}

static void append(struct made *m, uint64_t sequence)
{
	struct record_block block;
	struct record_block_header header;
	struct chunk *chunk = make_chunk(m->encoder, sequence);
	struct error err = {0};
	const uint8_t *raw;
	size_t size;

	record_block_init(&block);
	record_block_add(&block, chunk);
	raw = record_block_make(&block, m->offset, &header, &size);
	cr_assert_not_null(raw);
	header.realtime_offset_ns = m->realtime_offset_ns;
	cr_assert_eq(segment_writer_append(m->writer, &header, raw, size, &err), 0, "%s", err.message);
	m->offset += size;
	record_block_done(&block);
	chunk_unref(chunk);
}

/* The segment `number`, of events (number * PER, (number + 1) * PER]. Each boot after the first one, 1, is an hour later by the time of day. *ret_offset: where
 * the next one begins. */
static void make_segment(uint64_t number, uint64_t offset, uint8_t boot, const char *sensor, uint64_t *ret_offset)
{
	struct record_segment_header header = {
		.number = number,
		.offset = offset,
		.sequence = number * PER,
		.monotonic_ns = FIRST_NS + number * PER * NSEC_PER_SEC,
		.boot_id = {boot},
		.begin = !number    ? RECORD_BEGIN_FIRST
			 : boot > 1 ? RECORD_BEGIN_STOPPED
				    : RECORD_BEGIN_CONTINUED,
	};
	struct made m = {.offset = offset, .realtime_offset_ns = OFFSET_NS + (boot - 1) * HOUR_NS, .encoder = capsule8_encoder_new(sensor)};
	struct error err = {0};

	cr_assert_not_null(m.encoder);
	header.realtime_ns = (int64_t)header.monotonic_ns + m.realtime_offset_ns;
	memcpy(header.sensor_id, sensor, sizeof(header.sensor_id));
	memcpy(header.dialect, RECORD_DIALECT, sizeof(RECORD_DIALECT));
	cr_assert_eq(segment_writer_create(&m.writer, directory_fd, &header, "process", 3, &err), 0, "%s", err.message);
	for (uint64_t i = 0; i < BLOCKS; i++)
		append(&m, header.sequence + 1 + i * EVENTS);
	cr_assert_eq(segment_writer_close(m.writer, &err), 0, "%s", err.message);
	capsule8_encoder_free(m.encoder);
	*ret_offset = m.offset;
}

/* `count` segments, from number 0 on. Returns where the next one begins. */
static uint64_t make_recording(uint64_t count)
{
	uint64_t offset = 0;

	for (uint64_t i = 0; i < count; i++)
		make_segment(i, offset, 1, SENSOR, &offset);
	return offset;
}

static const char *path_of(uint64_t number)
{
	static char paths[4][128];
	static size_t next;
	char *path = paths[next++ % 4], name[RECORD_NAME_BYTES];

	record_segment_name(name, number);
	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

/* A copy of a segment elsewhere, under another name. */
static const char *copy_of(uint64_t number, const char *name)
{
	static char paths[8][128];
	static size_t next;
	char *path = paths[next++ % 8], command[512];

	snprintf(path, sizeof(paths[0]), "%s/copies/%s", directory, name);
	snprintf(command, sizeof(command), "mkdir -p %s/copies && cp %s %s", directory, path_of(number), path);
	cr_assert_eq(system(command), 0);
	return path;
}

/* What the last run wrote is in `output` and `errors`. */
static char *output, *errors;

#define run(...) run_words((const char *const[]){"replay", __VA_ARGS__, NULL})

static int run_words(const char *const *words)
{
	int status = verb_run(command_replay, words);

	output = verb_printed();
	errors = verb_said();
	return status;
}

/* Which events the output has, in its order: "1 2 3", and "lost" where it says that something is. */
static const char *shown(void)
{
	static char list[4096];
	size_t length = 0;

	list[0] = 0;
	for (const char *line = output; *line; line = strchr(line, '\n') + 1) {
		size_t size = strcspn(line, "\n");
		const char *name = memmem(line, size, "/bin/p", 6);

		if (name)
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%ld", length ? " " : "",
						   strtol(name + 6, NULL, 10));
		else
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", length ? " " : "",
						   memmem(line, size, "lost", 4) ? "lost" : "?");
	}
	return list;
}

/* "from ... to" */
static const char *numbers(int from, int to)
{
	static char lists[4][4096];
	static size_t next;
	char *list = lists[next++ % 4];
	size_t length = 0;

	for (int i = from; i <= to; i++)
		length += (size_t)snprintf(list + length, sizeof(lists[0]) - length, "%s%d", i > from ? " " : "", i);
	return list;
}

static const char *around(const char *before, const char *middle, const char *behind)
{
	static char list[8192];

	snprintf(list, sizeof(list), "%s %s %s", before, middle, behind);
	return list;
}

Test(replay, a_directory_is_shown_from_its_first_event_to_its_last)
{
	make_recording(3);
	cr_assert_eq(run(directory), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(1, 30));
	cr_assert_str_eq(errors, "ringside: 30 events, 0 lost\n");
	/* FIRST_NS + OFFSET_NS + 1 s */
	cr_assert(!strncmp(output, "22:30:01.000", 12), "%.80s", output);
}

Test(replay, quiet_says_nothing_but_counts_are_the_output_of_none)
{
	make_recording(1);
	cr_assert_eq(run("-q", directory), 0);
	cr_assert_str_eq(errors, "");
	cr_assert_str_eq(shown(), numbers(1, 10));
}

Test(replay, without_output_events_are_counted)
{
	make_recording(2);
	cr_assert_eq(run("-q", "-o", "none", directory), 0);
	cr_assert_str_eq(output, "");
	cr_assert_str_eq(errors, "ringside: 20 events, 0 lost\n");
}

Test(replay, a_query_picks_events)
{
	make_recording(2);
	cr_assert_eq(run(directory, "process:exec where filename like '%5' or filename like '%0'"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "5 10 15 20");
}

Test(replay, a_query_of_what_is_not_recorded_shows_nothing)
{
	make_recording(2);
	cr_assert_eq(run(directory, "file:open", "process:exit"), 0, "%s", errors);
	cr_assert_str_eq(output, "");
}

Test(replay, a_query_of_a_limit_alone_is_about_everything)
{
	make_recording(2);
	cr_assert_eq(run(directory, "limit 12"), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(1, 12));
}

Test(replay, since_counts_back_from_the_last_event)
{
	make_recording(3);
	cr_assert_eq(run(directory, "--since", "7s"), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(23, 30));
}

Test(replay, since_counts_back_from_the_last_event_though_the_sensor_ran_on)
{
	uint64_t offset = make_recording(1) + RECORD_RUN_HOLE;
	struct record_segment_header header = {
		.number = 1,
		.offset = offset,
		.sequence = PER,
		.monotonic_ns = FIRST_NS + 50000 * NSEC_PER_SEC,
		.boot_id = {1},
		.begin = RECORD_BEGIN_STOPPED,
	};
	struct record_block_header end = {.offset = offset,
					  .first_sequence = PER,
					  .last_sequence = PER,
					  .first_time_ns = FIRST_NS + 60000 * NSEC_PER_SEC,
					  .last_time_ns = FIRST_NS + 60000 * NSEC_PER_SEC,
					  .realtime_offset_ns = OFFSET_NS};
	struct segment_writer *writer;
	struct error err = {0};

	header.realtime_ns = (int64_t)header.monotonic_ns + OFFSET_NS;
	memcpy(header.sensor_id, SENSOR, sizeof(header.sensor_id));
	memcpy(header.dialect, RECORD_DIALECT, sizeof(RECORD_DIALECT));
	cr_assert_eq(segment_writer_create(&writer, directory_fd, &header, "process", 3, &err), 0, "%s", err.message);
	cr_assert_eq(segment_writer_append(writer, &end, "", 0, &err), 0, "%s", err.message);
	cr_assert_eq(segment_writer_close(writer, &err), 0, "%s", err.message);
	cr_assert_eq(run(directory, "--since", "3s"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "7 8 9 10 lost");
}

Test(replay, since_and_for_in_a_query_are_the_same)
{
	make_recording(3);
	cr_assert_eq(run(directory, "process:exec; since 12s; for 3s"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "18 19 20");
}

Test(replay, since_before_the_beginning_says_that_it_is_not_kept)
{
	make_recording(1);
	/* The first segment has the beginning of all recording in its header: it is there, but begins a second before. */
	cr_assert_eq(run(directory, "--since", "1h"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "lost 1 2 3 4 5 6 7 8 9 10");
	cr_assert(strstr(output, "older than what is kept"), "%s", output);
}

Test(replay, for_counts_from_the_first_event)
{
	make_recording(3);
	cr_assert_eq(run(directory, "--for", "15s"), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(1, 15));
}

Test(replay, for_counts_from_where_since_begins)
{
	make_recording(3);
	cr_assert_eq(run(directory, "--since", "20s", "--for", "5s"), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(10, 14));
}

Test(replay, a_limit_ends_it)
{
	make_recording(3);
	cr_assert_eq(run(directory, "-n", "3", "process:exec where filename like '%5' or filename like '%0'"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "5 10 15");
	cr_assert_str_eq(errors, "ringside: 3 events, 0 lost\n");
}

Test(replay, a_throttle_counts_in_the_time_of_the_recording)
{
	make_recording(2);
	cr_assert_eq(run(directory, "--throttle", "4s"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "1 5 9 13 17");
}

Test(replay, copies_with_any_names_are_put_in_order)
{
	const char *third, *first, *second;

	make_recording(3);
	first = copy_of(0, "zebra");
	second = copy_of(1, "ape.bin");
	third = copy_of(2, "segment-0000000000000000.rec");
	cr_assert_eq(run(third, first, second), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(1, 30));
}

Test(replay, a_segment_that_is_there_twice_is_shown_once)
{
	const char *copy;

	make_recording(2);
	copy = copy_of(1, "again");
	cr_assert_eq(run(directory, copy, directory), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(1, 20));
}

Test(replay, of_two_copies_the_longer_one_is_shown)
{
	const char *whole;

	make_recording(2);
	whole = copy_of(1, "whole");
	cr_assert_eq(truncate(path_of(1), 300), 0);
	cr_assert_eq(run(path_of(1), whole, path_of(0)), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(1, 20));
}

Test(replay, two_segments_of_one_number_are_refused_with_both_names)
{
	const char *copy;
	uint64_t offset = make_recording(2);

	copy = copy_of(1, "other");
	cr_assert_eq(unlink(path_of(1)), 0);
	make_segment(1, offset, 1, SENSOR, &offset);
	cr_assert_eq(run(directory, copy), 1);
	cr_assert(strstr(errors, copy) && strstr(errors, path_of(1)), "%s", errors);
	cr_assert_str_eq(output, "");
}

Test(replay, segments_of_two_sensors_are_refused_with_both_names)
{
	uint64_t offset = make_recording(1);

	make_segment(1, offset, 1, "fedcba9876543210", &offset);
	cr_assert_eq(run(directory), 1);
	cr_assert(strstr(errors, path_of(0)) && strstr(errors, path_of(1)), "%s", errors);
	cr_assert_str_eq(output, "");
}

Test(replay, a_missing_segment_is_a_gap)
{
	make_recording(3);
	cr_assert_eq(unlink(path_of(1)), 0);
	cr_assert_eq(run(directory), 0, "%s", errors);
	cr_assert_str_eq(shown(), around(numbers(1, 10), "lost", numbers(21, 30)));
	cr_assert(strstr(output, "after 10, before 21"), "%s", output);
	cr_assert_str_eq(errors, "ringside: 20 events, 0 lost, 1 gap of unknown size in the recording\n");
}

/* Flips a bit of a file, so far before its end. */
static void damage(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 4;
	cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

Test(replay, a_damaged_block_is_a_gap_and_a_failure)
{
	struct record_segment_header header;
	int fd;

	make_recording(2);
	fd = open(path_of(0), O_RDONLY | O_CLOEXEC);
	cr_assert_eq(read(fd, &header, sizeof(header)), (ssize_t)sizeof(header));
	close(fd);
	/* In the bytes of the first block. */
	damage(path_of(0), (off_t)(header.header_size + sizeof(struct record_block_header) + 10));
	cr_assert_eq(run(directory), 1);
	cr_assert_str_eq(shown(), "lost 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20");
	cr_assert(strstr(output, "lost 5 records (recorder: the recording is damaged"), "%s", output);
	cr_assert_str_eq(errors, "ringside: 15 events, 5 lost (ring 0, queue 0, recorder 5)\n");
}

/* As a sensor that is writing, or has crashed, leaves it. */
Test(replay, a_block_that_is_not_written_to_its_end_is_not_there_yet)
{
	struct record_segment segment;
	struct error err = {0};

	make_recording(2);
	cr_assert_eq(record_segment_look(directory_fd, 1, &segment, &err), 0, "%s", err.message);
	/* Trailer, index, and some bytes of the second block. */
	cr_assert_eq(truncate(path_of(1), (off_t)(segment.size - sizeof(struct record_trailer) - sizeof(struct record_block_header) -
						  BLOCKS * sizeof(struct record_index_entry) - 3)),
		     0);
	cr_assert_eq(run(directory), 0, "%s", errors);
	cr_assert_str_eq(shown(), numbers(1, 15));
}

Test(replay, a_container_that_nothing_was_in_has_no_events)
{
	make_recording(2);
	cr_assert_eq(run(directory, "--container", "web"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "");
}

Test(replay, it_ends_when_nobody_reads_any_more)
{
	int ends[2], stdout_copy = dup(STDOUT_FILENO);

	make_recording(2);
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe(ends), 0);
	close(ends[0]);
	cr_assert_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	cr_assert_eq(run(directory), 0, "%s", errors);
	cr_assert_str_eq(errors, "");
	dup2(stdout_copy, STDOUT_FILENO);
}

Test(replay, output_that_cannot_be_written_is_a_failure)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), stdout_copy = dup(STDOUT_FILENO);

	make_recording(2);
	cr_assert_geq(full, 0);
	cr_assert_eq(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
	cr_assert_eq(run(directory), 1);
	cr_assert_str_eq(errors, "ringside: cannot write to standard output: No space left on device\n");
	dup2(stdout_copy, STDOUT_FILENO);
}

Test(replay, a_segment_that_cannot_be_read_is_said_and_passed_over)
{
	make_recording(3);
	damage(path_of(1), offsetof(struct record_segment_header, sequence));
	cr_assert_eq(run(directory), 1);
	cr_assert_str_eq(shown(), around(numbers(1, 10), "lost", numbers(21, 30)));
	cr_assert(strstr(errors, path_of(1)), "%s", errors);
}

Test(replay, what_is_no_recording_is_said_and_passed_over)
{
	char path[128];
	FILE *file;

	make_recording(1);
	snprintf(path, sizeof(path), "%s/note.txt", directory);
	file = fopen(path, "we");
	fputs("this is a note and nothing that a recorder has ever written, though it is longer than the header of a segment, "
	      "which has 136 bytes",
	      file);
	fclose(file);
	cr_assert_eq(run(path, path_of(0)), 1);
	cr_assert_str_eq(shown(), numbers(1, 10));
	cr_assert(strstr(errors, path), "%s", errors);
}

Test(replay, without_anything_that_can_be_read_it_fails)
{
	cr_assert_eq(run("/dev/null"), 1);
	cr_assert(strstr(errors, "/dev/null"), "%s", errors);
	cr_assert_str_eq(output, "");
}

Test(replay, a_directory_without_segments_is_named)
{
	char expected[256];

	cr_assert_eq(run(directory), 1);
	snprintf(expected, sizeof(expected), "ringside: %s: there is no segment of a recording in it (segment-*.rec)\n", directory);
	cr_assert_str_eq(errors, expected);
}

Test(replay, a_path_that_is_not_there_is_named)
{
	cr_assert_eq(run("/nonexistent/recording", "process"), 1);
	cr_assert_str_eq(errors, "ringside: /nonexistent/recording: No such file or directory\n");
}

Test(replay, without_words_it_says_what_it_needs)
{
	cr_assert_eq(run("-q"), EX_USAGE);
	cr_assert(strstr(errors, "a directory or a segment of a recording is needed"), "%s", errors);
}

Test(replay, a_query_with_a_mistake_is_shown)
{
	make_recording(1);
	cr_assert_eq(run(directory, "process:begin"), EX_USAGE);
	cr_assert(strstr(errors, "process:begin"), "%s", errors);
	cr_assert_str_eq(output, "");
}

Test(replay, two_dashes_end_the_paths)
{
	char before[128];

	/* A directory with the name of an event. */
	make_recording(1);
	snprintf(before, sizeof(before), "%s/process", directory);
	cr_assert_eq(mkdir(before, 0700), 0);
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(run(".", "process", "limit 2"), 1);
	cr_assert(strstr(errors, "process: there is no segment"), "%s", errors);
	cr_assert_str_eq(shown(), "1 2");
}

Test(replay, words_behind_two_dashes_are_queries)
{
	char before[128];

	make_recording(1);
	snprintf(before, sizeof(before), "%s/process", directory);
	cr_assert_eq(mkdir(before, 0700), 0);
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(run(".", "-n", "3", "--", "process"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "1 2 3");
}

Test(replay, json_is_an_object_per_line)
{
	unsigned long long number = 0;

	make_recording(2);
	cr_assert_eq(unlink(path_of(0)), 0);
	cr_assert_eq(run("-o", "json", directory, "process:exec"), 0, "%s", errors);
	for (const char *line = output; *line; line = strchr(line, '\n') + 1) {
		json_error_t why;
		json_t *object = json_loadb(line, strcspn(line, "\n"), 0, &why);
		json_t *event = json_object_get(object, "event");
		char name[64];

		cr_assert(event, "%s: %s", why.text, line);
		snprintf(name, sizeof(name), "/bin/p%llu", 11 + number);
		cr_assert_str_eq(json_string_value(json_object_get(json_object_get(event, "process"), "execFilename")), name);
		snprintf(name, sizeof(name), SENSOR "-%016llx", 11 + number++);
		cr_assert_str_eq(json_string_value(json_object_get(event, "id")), name);
		json_decref(object);
	}
	cr_assert_eq(number, 10);
}

static const char *write_file(const char *text)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/query", directory);
	file = fopen(path, "we");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

Test(replay, a_subscription_in_json_is_taken)
{
	make_recording(2);
	cr_assert_eq(run(directory, "--file",
			 write_file("{\"eventFilter\": {\"processEvents\": [{\"type\": \"PROCESS_EVENT_TYPE_EXEC\"}]}, "
				    "\"modifier\": {\"limit\": {\"limit\": 4}}}")),
		     0, "%s", errors);
	cr_assert_str_eq(shown(), "1 2 3 4");
}

Test(replay, a_subscription_in_json_that_means_nothing_is_refused)
{
	make_recording(1);
	cr_assert_eq(run(directory, "--file", write_file("{\"eventFilter\": {}}")), EX_USAGE);
	cr_assert(strstr(errors, "/query: "), "%s", errors);
	cr_assert_str_eq(output, "");
}

Test(replay, times_of_day_are_those_of_each_boot)
{
	uint64_t offset = make_recording(1);

	make_segment(1, offset + RECORD_RUN_HOLE, 2, SENSOR, &offset);
	cr_assert_eq(run(directory), 0, "%s", errors);
	cr_assert_str_eq(shown(), around(numbers(1, 10), "lost", numbers(11, 20)));
	cr_assert(!strncmp(output, "22:30:01.000", 12), "%.80s", output);
	cr_assert(strstr(output, "\n22:30:10.000"), "%s", output);
	cr_assert(strstr(output, "\n23:30:11.000"), "%s", output);
}

Test(replay, a_beginning_in_a_later_boot_needs_no_word_of_it)
{
	uint64_t offset = make_recording(1);

	make_segment(1, offset + RECORD_RUN_HOLE, 2, SENSOR, &offset);
	cr_assert_eq(run(directory, "--since", "2s"), 0, "%s", errors);
	cr_assert_str_eq(shown(), "18 19 20");
	cr_assert(!strncmp(output, "23:30:18.000", 12), "%.80s", output);
}

Test(replay, since_counts_in_the_time_of_day_over_boots)
{
	uint64_t offset = make_recording(1);

	make_segment(1, offset + RECORD_RUN_HOLE, 2, SENSOR, &offset);
	/* An hour and ten seconds from 10 to 20. */
	cr_assert_eq(run(directory, "--since", "3612s"), 0, "%s", errors);
	cr_assert_str_eq(shown(), around("8 9 10", "lost", numbers(11, 20)));
}
