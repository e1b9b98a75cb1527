#include "cli/command.h"

#include "base/clock.h"
#include "proto/capsule8_encoder.h"
#include "subscription/extent.h"
#include "recorder/recorder.h"
#include "tests/cli/verb.h"
#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* `ringside replay` and `ringside record`, on recordings that a recorder has made. */

static char directory[TEMPORARY_PATH_BYTES], first_segment[128], second_segment[128];

static void put(struct recorder *r, struct encoder *encoder, uint64_t sequence, enum event_kind kind, const char *name)
{
	struct event e = {.kind = kind, .sequence = sequence, .time_ns = clock_monotonic_ns(), .tid = 42, .tgid = 42};
	struct chunk *chunk;
	struct buffer out;
	uint8_t *data;
	size_t length;

	if (kind == EVENT_PROCESS_EXEC)
		e.exec.filename = (struct event_string){.bytes = name, .length = strlen(name)};
	else
		e.file.filename = (struct event_string){.bytes = name, .length = strlen(name)};
	buffer_init(&out, 0);
	encoder->encode(encoder, &e, DETAIL_BASIC, &out);
	data = buffer_take(&out, &length);
	chunk = chunk_new(data, length, 1);
	cr_assert_not_null(chunk);
	extent_add(&chunk->extent, &e);
	cr_assert(outbox_put(recorder_outbox(r), chunk));
	chunk_unref(chunk);
}

/* A run with two execs and the deletion of a file. */
static void record_run(void)
{
	const struct recorder_options options = {.directory = directory, .query = "process:exec; file:delete", .level = 1};
	struct encoder *encoder;
	struct recorder *r;
	struct error err = {0};
	uint64_t sequence;

	cr_assert_eq(recorder_new(&r, &options, &err), 0, "%s", err.message);
	encoder = capsule8_encoder_new(recorder_sensor_id(r));
	sequence = recorder_sequence(r);
	put(r, encoder, sequence + 1, EVENT_PROCESS_EXEC, "/bin/first");
	put(r, encoder, sequence + 2, EVENT_FILE_DELETE, "/tmp/gone");
	put(r, encoder, sequence + 3, EVENT_PROCESS_EXEC, "/bin/second");
	outbox_finish(recorder_outbox(r), 0, "");
	recorder_free(r, sequence + 3);
	capsule8_encoder_free(encoder);
}

static void set_up(void)
{
	temporary_make(directory);
	snprintf(first_segment, sizeof(first_segment), "%s/segment-0000000000000000.rec", directory);
	snprintf(second_segment, sizeof(second_segment), "%s/segment-0000000000000001.rec", directory);
	record_run();
	record_run();
	cr_redirect_stdout();
	cr_redirect_stderr();
}

static void tear_down(void)
{
	temporary_remove(directory);
}

TestSuite(recording, .init = set_up, .fini = tear_down);

/* What the last run wrote is in `output` and `errors`. */
static char *output, *errors;

static int run_verb(int (*verb)(int argc, char **argv), const char *const *words)
{
	int status = verb_run(verb, words);

	output = verb_printed();
	errors = verb_said();
	return status;
}

#define RUN(verb, ...) run_verb(verb, (const char *const[]){__VA_ARGS__, NULL})

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

Test(recording, a_replay_shows_all_of_it_with_what_is_between_two_runs)
{
	cr_assert_eq(RUN(command_replay, "replay", directory), 0);
	cr_assert_eq(count_lines(output), 7, "%s", output);
	cr_assert_not_null(strstr(output, "no sensor ran"), "%s", output);
	cr_assert_not_null(strstr(errors, "6 events"), "%s", errors);
}

Test(recording, a_replay_takes_queries_and_limits)
{
	cr_assert_eq(RUN(command_replay, "replay", "-q", directory, "process:exec where filename like '%second'"), 0);
	cr_assert_eq(count_lines(output), 3, "%s", output);
	cr_assert_null(strstr(output, "first"));
	cr_assert_eq(RUN(command_replay, "replay", "-q", "-n", "1", directory, "file:delete"), 0);
	cr_assert_eq(count_lines(output), 1, "%s", output);
	cr_assert_not_null(strstr(output, "/tmp/gone"));
}

Test(recording, a_replay_puts_copied_segments_in_order_and_takes_each_once)
{
	char copy[128], command[400];

	snprintf(copy, sizeof(copy), "%s/anything", directory);
	snprintf(command, sizeof(command), "cp %s %s", first_segment, copy);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(RUN(command_replay, "replay", "-o", "none", second_segment, copy, first_segment), 0);
	cr_assert_not_null(strstr(errors, "6 events"), "%s", errors);
}

Test(recording, a_replay_in_json_has_an_object_a_line)
{
	size_t lines = 0;

	cr_assert_eq(RUN(command_replay, "replay", "-q", "-o", "json", directory, "process:exec"), 0);
	for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		json_t *json = json_loads(line, 0, NULL);

		cr_assert_not_null(json, "%s", line);
		cr_assert_not_null(json_object_get(json, "event"));
		json_decref(json);
	}
	cr_assert_eq(lines, 5);
}

Test(recording, what_cannot_be_read_is_told_and_the_rest_is_shown)
{
	cr_assert_eq(truncate(first_segment, 20), 0);
	cr_assert_eq(RUN(command_replay, "replay", directory), 1);
	cr_assert_not_null(strstr(errors, "segment-0000000000000000.rec"), "%s", errors);
	cr_assert_eq(count_lines(output), 3, "%s", output);
	cr_assert_eq(RUN(command_record, "record", "verify", directory), 1);
	cr_assert_not_null(strstr(output, "segment-0000000000000000.rec"), "%s", output);
	cr_assert_eq(RUN(command_record, "record", "repair", directory), 0);
	cr_assert_not_null(strstr(output, ".damaged"), "%s", output);
	cr_assert_eq(access(first_segment, F_OK), -1);
	cr_assert_eq(RUN(command_record, "record", "verify", directory), 0);
}

static void flip(const char *path, long place)
{
	FILE *file = fopen(path, "r+");
	int c;

	fseek(file, place, SEEK_SET);
	c = fgetc(file);
	fseek(file, place, SEEK_SET);
	fputc(c ^ 1, file);
	fclose(file);
}

Test(recording, a_damaged_block_is_a_gap)
{
	/* Behind the headers of the segment and of its first block. */
	flip(first_segment, 136 + 32 + 104 + 5);
	cr_assert_eq(RUN(command_replay, "replay", directory), 1);
	cr_assert_not_null(strstr(output, "lost"), "%s", output);
	cr_assert_not_null(strstr(errors, "3 events"), "%s", errors);
	cr_assert_eq(RUN(command_record, "record", "verify", directory), 1);
	cr_assert_not_null(strstr(output, "1 thing is wrong"), "%s", output);
}

Test(recording, info_tells_of_segments_and_of_what_is_between_them)
{
	json_t *json;

	cr_assert_eq(RUN(command_record, "record", "info", directory), 0);
	cr_assert_not_null(strstr(output, "2 segments"), "%s", output);
	cr_assert_not_null(strstr(output, "6 events"), "%s", output);
	cr_assert_not_null(strstr(output, "after a stop"), "%s", output);
	cr_assert_not_null(strstr(output, "2 runs of the sensor; 0 gaps"), "%s", output);
	cr_assert_not_null(strstr(output, "process:exec; file:delete"), "%s", output);
	cr_assert_eq(RUN(command_record, "record", "-o", "json", "info", directory), 0);
	json = json_loads(output, 0, NULL);
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(json, "sums"), "events")), 6);
	cr_assert_eq(json_array_size(json_object_get(json, "segments")), 2);
	json_decref(json);
}

Test(recording, what_is_none_is_said)
{
	char empty[96], nothing[96];

	snprintf(empty, sizeof(empty), "%s/empty", directory);
	snprintf(nothing, sizeof(nothing), "%s/nothing", directory);
	cr_assert_eq(mkdir(empty, 0700), 0);
	cr_assert_eq(RUN(command_replay, "replay", empty), 1);
	cr_assert_not_null(strstr(errors, "there is no segment of a recording in it"), "%s", errors);
	cr_assert_eq(RUN(command_record, "record", "info", nothing), 1);
	cr_assert_not_null(strstr(errors, "No such file"), "%s", errors);
	cr_assert_eq(RUN(command_replay, "replay"), EX_USAGE);
	cr_assert_eq(RUN(command_record, "record", "burn", directory), EX_USAGE);
	cr_assert_not_null(strstr(errors, "cannot \"burn\": it can info, verify and repair"), "%s", errors);
}

Test(recording, a_recording_that_is_being_written_is_not_repaired)
{
	const struct recorder_options options = {.directory = directory, .query = "", .level = 1};
	struct recorder *r;

	cr_assert_eq(recorder_new(&r, &options, NULL), 0);
	cr_assert_eq(RUN(command_record, "record", "repair", directory), 1);
	cr_assert_not_null(strstr(errors, directory), "%s", errors);
	outbox_finish(recorder_outbox(r), 0, "");
	recorder_free(r, 6);
}
