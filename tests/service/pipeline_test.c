/* From what a kernel wrote to what a subscriber reads: a recording goes through the sensor, the subscriber set, the encoder and an outbox. What was
 * run while it was recorded is in tests/data/recordings/README.md. */
#include "proto/capsule8_encoder.h"
#include "proto/capsule8_events.h"
#include "sensor/sensor.h"
#include "sensor/wait_rule.h"
#include "subscription/subscriber_set.h"
#include "tracing/recording.h"
#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RECORDING     TEST_DATA "/recordings/first-light-6.18.rec"
#define SENSOR_ID     "0123456789abcdef"
#define CUT_BYTES     97
#define ROUND_SAMPLES 64
#define ROUNDS_MAX    100

typedef Capsule8__Api__V0__Event wire_event;
typedef Capsule8__Api__V0__ProcessEvent wire_process;

struct replay {
	struct encoder *encoder;
	struct sensor *sensor;
	struct subscriber_set *set;
	struct outbox *outbox;
	struct subscriber *subscriber;
	struct subscriber_statuses statuses;
	int subscribed; /* what subscriber_set_add() returned */
	struct buffer first;
	struct buffer events;
};

static char directory[64];
static char copy[96];

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	cr_assert_not_null(file, "%s", path);
	cr_assert(!size || fwrite(bytes, size, 1, file) == 1);
	cr_assert_eq(fclose(file), 0);
}

/* A host where nobody lives; only its boot has a name. */
static void set_up(void)
{
	static const char boot_id[] = "5f0c2a7e-91d0-4b3c-8f11-223344556677\n";
	char path[128];

	(void)snprintf(directory, sizeof(directory), "/tmp/pipeline.XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	(void)snprintf(copy, sizeof(copy), "%s/recording", directory);
	for (const char *below = "/sys\0/sys/kernel\0/sys/kernel/random\0"; *below; below += strlen(below) + 1) {
		(void)snprintf(path, sizeof(path), "%s%s", directory, below);
		cr_assert_eq(mkdir(path, 0755), 0);
	}
	(void)snprintf(path, sizeof(path), "%s/sys/kernel/random/boot_id", directory);
	write_file(path, boot_id, strlen(boot_id));
}

static void tear_down(void)
{
	cr_assert_eq(temporary_remove(directory), 0);
}

TestSuite(pipeline, .init = set_up, .fini = tear_down, .timeout = 120);

static void on_event(void *context, struct event *event)
{
	subscriber_set_dispatch(((struct replay *)context)->set, event);
}

static void on_flush(void *context)
{
	subscriber_set_flush(((struct replay *)context)->set);
}

static void on_apply(void *context, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	sensor_apply(((struct replay *)context)->sensor, plan, refusals);
}

static uint64_t on_now(void *context)
{
	return sensor_now_ns(((struct replay *)context)->sensor);
}

static struct chunk *on_first(void *context, const struct subscriber_statuses *statuses)
{
	(void)context;
	return capsule8_statuses_chunk(statuses);
}

/* What `process syscall:187:enter` asks for. */
static struct subscription_spec *wish(void)
{
	static const enum event_kind kinds[] = {EVENT_PROCESS_FORK, EVENT_PROCESS_EXEC, EVENT_PROCESS_EXIT, EVENT_SYSCALL_ENTER};
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = NULL;
	struct error err = {0};

	cr_assert_not_null(spec);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		clause = subscription_spec_add(spec, kinds[i]);
		cr_assert_not_null(clause);
	}
	cr_assert_eq(clause_add(clause, "id", PREDICATE_EQUAL, SYS_readahead, NULL, &err), 0, "%s", err.message);
	return spec;
}

static void replay_read(struct replay *r)
{
	struct outbox_end end;
	struct chunk *chunk;
	bool ended;

	while (outbox_take(r->outbox, &chunk, 1, SIZE_MAX, &end, &ended)) {
		buffer_put(r->first.length ? &r->events : &r->first, chunk->data, chunk->length);
		chunk_unref(chunk);
	}
	cr_assert_not(ended);
}

static void replay_run(struct replay *r, const char *path)
{
	struct sensor_consumer consumer = {.context = r, .event = on_event, .flush = on_flush};
	struct subscriber_set_callbacks callbacks = {.context = r, .apply = on_apply, .now_ns = on_now};
	struct sensor_options options = {.proc = directory};
	struct error err = {0};
	int rounds = 0;

	*r = (struct replay){.encoder = capsule8_encoder_new(SENSOR_ID), .outbox = outbox_new(8u << 20, &(struct outbox_callbacks){0})};
	buffer_init(&r->first, 0);
	buffer_init(&r->events, 0);
	cr_assert_eq(recording_open(&options.source, path, NULL, NULL, &err), 0, "%s", err.message);
	cr_assert_eq(sensor_new(&r->sensor, &options, &consumer, &err), 0, "%s", err.message);
	recording_set_notice(options.source, sensor_notice, r->sensor);
	r->set = subscriber_set_new(&callbacks, NULL);
	cr_assert(r->encoder && r->outbox && r->set);
	r->subscribed = subscriber_set_add(r->set, wish(), r->encoder, r->outbox, on_first, NULL, &r->subscriber, &r->statuses, &err);
	while (sensor_round(r->sensor, ROUND_SAMPLES) == SENSOR_MORE)
		cr_assert_lt(++rounds, ROUNDS_MAX);
	replay_read(r);
}

static void replay_done(struct replay *r)
{
	if (r->subscribed == 0)
		subscriber_set_remove(r->set, r->subscriber);
	subscriber_set_free(r->set, 0, "");
	outbox_unref(r->outbox);
	sensor_free(r->sensor);
	capsule8_encoder_free(r->encoder);
	buffer_done(&r->first);
	buffer_done(&r->events);
}

/* The whole recording as a client has it. */
static Capsule8__Api__V0__GetEventsResponse *replay_whole(void)
{
	Capsule8__Api__V0__GetEventsResponse *ret, *first;
	struct sensor_counters counters;
	struct replay replay;
	struct error err = {0};

	replay_run(&replay, RECORDING);
	cr_assert_eq(replay.subscribed, 0);
	cr_assert_eq(capsule8_response_unpack(replay.first.data, replay.first.length, &first, &err), 0, "%s", err.message);
	cr_assert_eq(first->n_statuses, 1);
	cr_assert_eq(first->statuses[0]->code, 0);
	cr_assert_eq(first->n_events, 0);
	capsule8_response_free(first);
	cr_assert_eq(capsule8_response_unpack(replay.events.data, replay.events.length, &ret, &err), 0, "%s", err.message);
	sensor_counters(replay.sensor, &counters);
	cr_assert_eq(counters.source.lost, 0);
	cr_assert_eq(counters.source.corrupt, 0);
	replay_done(&replay);
	return ret;
}

static const wire_event *event_at(const Capsule8__Api__V0__GetEventsResponse *all, size_t i)
{
	cr_assert_not_null(all->events[i]->event);
	return all->events[i]->event;
}

/* The n-th event of a kind by a process (0: any); NULL: there are not so many. */
static const wire_event *find(const Capsule8__Api__V0__GetEventsResponse *all, enum event_kind kind, int32_t pid, size_t n)
{
	for (size_t i = 0; i < all->n_events; i++) {
		const wire_event *event = event_at(all, i);

		if (capsule8_event_kind(event) == kind && (!pid || event->process_pid == pid) && n-- == 0)
			return event;
	}
	return NULL;
}

static size_t count(const Capsule8__Api__V0__GetEventsResponse *all, enum event_kind kind)
{
	size_t n = 0;

	while (find(all, kind, 0, n))
		n++;
	return n;
}

static const wire_process *exit_of(const Capsule8__Api__V0__GetEventsResponse *all, int32_t pid)
{
	const wire_event *event = find(all, EVENT_PROCESS_EXIT, pid, 0);

	cr_assert_not_null(event);
	cr_assert_null(find(all, EVENT_PROCESS_EXIT, pid, 1), "nobody ends twice");
	cr_assert_not(event->process->exit_code_unknown);
	return event->process;
}

static const wire_event *fork_of(const Capsule8__Api__V0__GetEventsResponse *all, int32_t child)
{
	for (size_t n = 0;; n++) {
		const wire_event *event = find(all, EVENT_PROCESS_FORK, 0, n);

		cr_assert_not_null(event, "%d was never made", child);
		if (event->process->fork_child_pid == child)
			return event;
	}
}

#define R "\xef\xbf\xbd" /* U+FFFD */

enum program {
	SCRIPT,
	ODD_ARGUMENTS,
	EXIT_3,
	SEGMENTATION_FAULT,
	PIPE_ECHO,
	PIPE_TR,
	PIPE_WC,
	SYSCALL_FLOOD,
	EXIT_WAYS,
	PROGRAMS,
};

static const struct {
	const char *file;
	const char *arguments[8];
	const char *command;
	int32_t wait_status;
} programs[PROGRAMS] = {
	[SCRIPT] = {"/usr/bin/sh", {"sh", "./script"}, "sh", 0},
	[ODD_ARGUMENTS] = {"/bin/echo", {"/bin/echo", "two  words", "", "--flag=a b", "caf\xc3\xa9 " R, "line\nbreak"}, "echo", 0},
	[EXIT_3] = {"/bin/sh", {"/bin/sh", "-c", "exit 3"}, "sh", 3 << 8},
	[SEGMENTATION_FAULT] = {"/bin/sh", {"/bin/sh", "-c", "kill -SEGV $$"}, "sh", 11},
	[PIPE_ECHO] = {"/bin/echo", {"/bin/echo", "one two"}, "echo", 0},
	[PIPE_TR] = {"/usr/bin/tr", {"/usr/bin/tr", "a-z", "A-Z"}, "tr", 0},
	[PIPE_WC] = {"/usr/bin/wc", {"/usr/bin/wc", "-c"}, "wc", 0},
	[SYSCALL_FLOOD] = {"./syscall_flood", {"./syscall_flood", "20"}, "syscall_flood", 0},
	[EXIT_WAYS] = {"./exit_ways", {"./exit_ways"}, "exit_ways", 0},
};

/* What waitpid(2) told tests/load/exit_ways.c about its children, one after another. */
static const int32_t exit_ways[] = {0, 256, 65280, 1792, 15, 9, 37, 11, 6, 1024, 2304, 1280, 9, 32512};

/* Its main thread ends first, by exit: whose code the process gets is a question of the kernel, here of the one that replays. */
#define FIRST_THREAD_ENDS_FIRST 11
#define CODE_OF_MAIN_THREAD     (3 << 8)

#define EXIT_WAYS_COUNT (sizeof(exit_ways) / sizeof(exit_ways[0]))

static bool is_program(const wire_process *exec, enum program program)
{
	size_t n = 0;

	for (; programs[program].arguments[n]; n++)
		if (n == exec->n_exec_command_line || strcmp(exec->exec_command_line[n], programs[program].arguments[n]) != 0)
			return false;
	return n == exec->n_exec_command_line && !strcmp(exec->exec_filename, programs[program].file);
}

static const wire_event *exec_of(const Capsule8__Api__V0__GetEventsResponse *all, enum program program)
{
	for (size_t n = 0;; n++) {
		const wire_event *event = find(all, EVENT_PROCESS_EXEC, 0, n);

		cr_assert_not_null(event, "%s with these arguments was never executed", programs[program].file);
		if (is_program(event->process, program))
			return event;
	}
}

Test(pipeline, every_program_comes_with_exactly_its_arguments_and_its_end)
{
	Capsule8__Api__V0__GetEventsResponse *all = replay_whole();

	cr_assert_eq(count(all, EVENT_PROCESS_EXEC), PROGRAMS);
	for (enum program program = 0; program < PROGRAMS; program++) {
		const wire_event *exec = exec_of(all, program);
		const wire_process *end = exit_of(all, exec->process_pid);
		int32_t status = programs[program].wait_status;

		cr_expect_not(exec->process->exec_command_line_truncated);
		cr_expect_eq(exec->process_tid, exec->process_pid);
		cr_expect_str_eq(exec->process_lineage[0]->command, programs[program].command);
		cr_expect_eq(end->exit_code, status, "%s: %d", programs[program].file, end->exit_code);
		cr_expect_eq(end->exit_status, (uint32_t)status >> 8);
		cr_expect_eq(end->exit_signal, (uint32_t)status & 0x7f);
		cr_expect_not(end->exit_core_dumped);
		cr_expect_str_eq(find(all, EVENT_PROCESS_EXIT, exec->process_pid, 0)->process_id, exec->process_id);
	}
	capsule8_response_free(all);
}

Test(pipeline, a_process_has_one_id_from_the_fork_that_made_it_on)
{
	Capsule8__Api__V0__GetEventsResponse *all = replay_whole();
	const char *script = exec_of(all, SCRIPT)->process_id;

	for (enum program program = 0; program < PROGRAMS; program++) {
		const wire_event *exec = exec_of(all, program);
		const wire_event *made = fork_of(all, exec->process_pid);

		cr_expect_str_eq(made->process->fork_child_id, exec->process_id);
		cr_expect_lt(made->sensor_sequence_number, exec->sensor_sequence_number);
		if (program == SCRIPT)
			continue;
		cr_expect_str_eq(made->process_id, script);
		cr_expect_str_neq(exec->process_id, script);
		cr_assert_geq(exec->n_process_lineage, 2);
		cr_expect_eq(exec->process_lineage[1]->pid, made->process_pid);
		cr_expect_str_eq(exec->process_lineage[1]->command, "sh");
	}
	capsule8_response_free(all);
}

Test(pipeline, every_way_to_end_has_the_status_that_wait_told)
{
	Capsule8__Api__V0__GetEventsResponse *all = replay_whole();
	int32_t parent = exec_of(all, EXIT_WAYS)->process_pid;

	for (size_t i = 0; i < EXIT_WAYS_COUNT; i++) {
		const wire_event *made = find(all, EVENT_PROCESS_FORK, parent, i);
		int32_t status = exit_ways[i];

		cr_assert_not_null(made);
		if (i == FIRST_THREAD_ENDS_FIRST && wait_rule_takes_main_thread())
			status = CODE_OF_MAIN_THREAD;
		cr_expect_eq(exit_of(all, made->process->fork_child_pid)->exit_code, status, "child %zu", i);
	}
	cr_expect_null(find(all, EVENT_PROCESS_FORK, parent, EXIT_WAYS_COUNT));
	capsule8_response_free(all);
}

Test(pipeline, every_system_call_comes_once_with_its_arguments)
{
	Capsule8__Api__V0__GetEventsResponse *all = replay_whole();
	const wire_event *flood = exec_of(all, SYSCALL_FLOOD);

	cr_assert_eq(count(all, EVENT_SYSCALL_ENTER), 20);
	for (size_t i = 0; i < 20; i++) {
		const wire_event *event = find(all, EVENT_SYSCALL_ENTER, flood->process_pid, i);

		cr_assert_not_null(event);
		cr_expect_eq(event->syscall->id, SYS_readahead);
		cr_expect_eq(event->syscall->arg0, UINT64_MAX);
		cr_expect_eq(event->syscall->arg1, i);
		cr_expect_eq(event->syscall->arg2, 0x72696e67);
		cr_expect_eq(event->syscall->abi, CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64);
		cr_expect_str_eq(event->process_id, flood->process_id);
	}
	capsule8_response_free(all);
}

Test(pipeline, numbers_have_no_holes_and_time_does_not_go_back)
{
	Capsule8__Api__V0__GetEventsResponse *all = replay_whole();
	int64_t last_ns = 0;

	/* The script's shell, a subshell of it for $(printf), the programs and exit_ways' children. */
	cr_expect_eq(count(all, EVENT_PROCESS_FORK), 1 + PROGRAMS + EXIT_WAYS_COUNT);
	cr_expect_eq(count(all, EVENT_PROCESS_EXIT), 1 + PROGRAMS + EXIT_WAYS_COUNT);
	cr_expect_eq(count(all, EVENT_LOST), 0);
	for (size_t i = 0; i < all->n_events; i++) {
		const wire_event *event = event_at(all, i);
		char id[40];

		(void)snprintf(id, sizeof(id), SENSOR_ID "-%016zx", i + 1);
		cr_expect_eq(event->sensor_sequence_number, i + 1);
		cr_expect_str_eq(event->id, id);
		cr_expect_geq(event->sensor_monotime_nanos, last_ns);
		last_ns = event->sensor_monotime_nanos;
	}
	capsule8_response_free(all);
}

static void read_recording(struct buffer *bytes)
{
	FILE *file = fopen(RECORDING, "rb");
	uint8_t block[4096];
	size_t size;

	cr_assert_not_null(file);
	buffer_init(bytes, 0);
	while ((size = fread(block, 1, sizeof(block), file)))
		buffer_put(bytes, block, size);
	cr_assert_eq(fclose(file), 0);
	cr_assert_gt(bytes->length, CUT_BYTES);
}

/* Nothing is in its events that stands behind the cut, and nothing is missing that stands whole before it. */
Test(pipeline, a_recording_that_was_cut_gives_the_beginning_of_what_the_whole_one_gives)
{
	struct replay whole, cut;
	struct buffer bytes;
	size_t last = SIZE_MAX;

	read_recording(&bytes);
	replay_run(&whole, RECORDING);
	write_file(copy, bytes.data, bytes.length);
	for (size_t size = (bytes.length - 1) / CUT_BYTES * CUT_BYTES; size >= RECORDING_MAGIC_BYTES; size -= CUT_BYTES) {
		cr_assert_eq(truncate(copy, (off_t)size), 0);
		replay_run(&cut, copy);
		cr_assert_leq(cut.events.length, whole.events.length);
		cr_assert(!cut.events.length || !memcmp(cut.events.data, whole.events.data, cut.events.length), "cut at %zu", size);
		cr_assert_leq(cut.events.length, last);
		last = cut.events.length;
		replay_done(&cut);
	}
	cr_assert_eq(last, 0, "without its formats there is nothing");
	replay_done(&whole);
	buffer_done(&bytes);
}

Test(pipeline, what_is_no_recording_is_refused_with_a_sentence)
{
	struct sample_source *source = NULL;
	struct error err = {0};

	write_file(copy, "ringrec0 and more", 17);
	cr_assert_eq(recording_open(&source, copy, NULL, NULL, &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "is not a recording"), "%s", err.message);
	cr_expect_not_null(strstr(err.message, copy), "%s", err.message);
	write_file(copy, "", 0);
	cr_assert_eq(recording_open(&source, copy, NULL, NULL, &err), -EINVAL);
	cr_assert_eq(recording_open(&source, directory, NULL, NULL, &err), -EINVAL);
	cr_assert_eq(unlink(copy), 0);
	cr_assert_eq(recording_open(&source, copy, NULL, NULL, &err), -ENOENT);
	cr_expect_not_null(strstr(err.message, "No such file"), "%s", err.message);
	cr_expect_null(source);
}
