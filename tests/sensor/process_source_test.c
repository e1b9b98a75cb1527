#include "sensor/source.h"

#include "base/clock.h"
#include "sensor/call_table.h"
#include "sensor/process_notes.h"
#include "tests/sensor/proc_tree.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows of process_source fed with samples that are laid out as real kernels lay them out (tests/data/formats). */

#define NO_GROUP_DEAD (-1)
#define US            UINT64_C(1000)

struct row {
	const struct source_probe *tracepoint;
	struct format *format;
	struct source_instance instance;
};

static struct proc_tree tree;
static struct source_context context;
static const char *kernel;
static uint64_t now_ns;

static void setup(void)
{
	struct process_cache_options options = {.proc = tree.path};

	proc_tree_init(&tree);
	proc_tree_put(&tree, &(struct proc_tree_process){.pid = 1, .comm = "init", .start_tick = 3});
	cr_assert_eq(process_cache_new(&context.processes, &options, NULL), 0);
	cr_assert_eq(process_cache_scan(context.processes, NULL), 0);
	context.notes = process_notes_new();
	context.calls = call_table_new();
	kernel = "6.18";
	now_ns = clock_monotonic_ns() + NSEC_PER_SEC;
}

static void teardown(void)
{
	context.processes = process_cache_free(context.processes);
	context.notes = process_notes_free(context.notes);
	context.calls = call_table_free(context.calls);
	proc_tree_done(&tree);
}

TestSuite(process_source, .init = setup, .fini = teardown);

static char *read_text(const char *path, size_t *ret_length)
{
	char *text = calloc(1, 4096);
	FILE *file = fopen(path, "r");

	cr_assert(file && text, "%s", path);
	*ret_length = fread(text, 1, 4095, file);
	(void)fclose(file);
	return text;
}

static void row_open(struct row *row, const char *name)
{
	struct error err = {0};
	char path[512];
	size_t length;
	char *text;

	memset(row, 0, sizeof(*row));
	for (size_t i = 0; i < process_source_count; i++) {
		if (strcmp(process_source[i].name, name) == 0)
			row->tracepoint = &process_source[i];
	}
	cr_assert_not_null(row->tracepoint, "%s", name);
	(void)snprintf(path, sizeof(path), "%s/formats/%s/%s/%s/format", TEST_DATA, kernel, row->tracepoint->system, name);
	text = read_text(path, &length);
	cr_assert_eq(format_parse(&row->format, row->tracepoint->system, name, text, length, &err), 0, "%s", err.message);
	free(text);
	for (size_t i = 0; i < SOURCE_FIELDS_MAX && row->tracepoint->fields[i]; i++) {
		const char *field = row->tracepoint->fields[i];
		bool optional = field[0] == '?';
		int r = format_field(row->format, field + optional, &row->instance.fields[i], &err);

		cr_assert(r == 0 || optional, "%s", err.message);
		if (r < 0)
			row->instance.fields[i] = (struct format_field){0};
	}
}

static void set_integer(const struct row *row, uint8_t *raw, const char *name, uint64_t value)
{
	struct format_field field;

	cr_assert_eq(format_field(row->format, name, &field, NULL), 0, "%s", name);
	memcpy(raw + field.offset, &value, field.size);
}

static void set_string(const struct row *row, uint8_t *raw, uint32_t *size, const char *name, const char *value)
{
	struct format_field field;
	uint32_t length = (uint32_t)strlen(value) + 1;
	uint32_t location = *size | length << 16;

	cr_assert_eq(format_field(row->format, name, &field, NULL), 0, "%s", name);
	if (!field.is_data_loc) {
		cr_assert_leq(length, field.size);
		memcpy(raw + field.offset, value, length);
		return;
	}
	memcpy(raw + field.offset, &location, sizeof(location));
	memcpy(raw + *size, value, length);
	*size += length;
}

/* As the sensor does it: the event starts with what every sample has. */
static bool build(struct row *row, uint32_t tgid, uint32_t tid, const uint8_t *raw, uint32_t size, struct event *ret)
{
	struct sample sample = {.kind = SAMPLE_HIT, .time_ns = now_ns, .tgid = tgid, .tid = tid, .raw = raw, .raw_size = size};
	bool built;

	memset(ret, 0xa5, sizeof(*ret));
	ret->time_ns = now_ns;
	ret->tgid = tgid;
	ret->tid = tid;
	ret->process = process_cache_get(context.processes, tgid, now_ns);
	built = row->tracepoint->build(&context, &row->instance, &sample, ret);
	if (built)
		cr_expect(row->tracepoint->kinds & EVENT_KIND_BIT(ret->kind));
	row->format = format_free(row->format);
	now_ns += 20 * US;
	return built;
}

static bool fork_sample(uint32_t tgid, uint32_t tid, uint32_t child, uint64_t flags, struct event *ret)
{
	uint8_t raw[64] = {0};
	uint32_t size = 48;
	struct row row;

	row_open(&row, "task_newtask");
	set_integer(&row, raw, "pid", child);
	set_integer(&row, raw, "clone_flags", flags);
	set_string(&row, raw, &size, "comm", "sh");
	return build(&row, tgid, tid, raw, size, ret);
}

static bool rename_sample(uint32_t tgid, uint32_t tid, uint32_t pid, const char *comm)
{
	uint8_t raw[64] = {0};
	uint32_t size = 48;
	struct event event;
	struct row row;

	row_open(&row, "task_rename");
	set_integer(&row, raw, "pid", pid);
	set_string(&row, raw, &size, "newcomm", comm);
	return build(&row, tgid, tid, raw, size, &event);
}

/* The filename is borrowed from the sample. */
static bool exec_sample(uint32_t tgid, uint8_t raw[128], const char *filename, struct event *ret)
{
	uint32_t size = 20;
	struct row row;

	memset(raw, 0, 128);
	row_open(&row, "sched_process_exec");
	set_integer(&row, raw, "pid", tgid);
	set_integer(&row, raw, "old_pid", tgid);
	set_string(&row, raw, &size, "filename", filename);
	return build(&row, tgid, tgid, raw, size, ret);
}

static bool exit_sample(uint32_t tgid, uint32_t tid, int group_dead, struct event *ret)
{
	uint8_t raw[64] = {0};
	uint32_t size = 36;
	struct row row;

	row_open(&row, "sched_process_exit");
	set_integer(&row, raw, "pid", tid);
	set_string(&row, raw, &size, "comm", "sh");
	if (group_dead != NO_GROUP_DEAD)
		set_integer(&row, raw, "group_dead", (uint64_t)group_dead);
	return build(&row, tgid, tid, raw, size, ret);
}

static bool call_sample(const char *name, uint32_t tgid, uint32_t tid, uint64_t code)
{
	uint8_t raw[64] = {0};
	struct event event;
	struct row row;

	row_open(&row, name);
	set_integer(&row, raw, "error_code", code);
	return build(&row, tgid, tid, raw, 24, &event);
}

static bool signal_sample(uint32_t tgid, uint32_t tid, int signal, uint64_t handler)
{
	uint8_t raw[64] = {0};
	struct event event;
	struct row row;

	row_open(&row, "signal_deliver");
	set_integer(&row, raw, "sig", (uint64_t)signal);
	set_integer(&row, raw, "sa_handler", handler);
	return build(&row, tgid, tid, raw, 40, &event);
}

static bool sent_sample(uint32_t sender, uint32_t pid, int signal, int result)
{
	uint8_t raw[64] = {0};
	struct event event;
	struct row row;

	row_open(&row, "signal_generate");
	set_integer(&row, raw, "sig", (uint64_t)signal);
	set_integer(&row, raw, "pid", pid);
	set_integer(&row, raw, "result", (uint64_t)result);
	return build(&row, sender, sender, raw, 48, &event);
}

static void put_exit_notice(uint32_t tgid, uint32_t tid, int32_t status)
{
	process_notes_put(
		context.notes,
		&(struct notice){.kind = NOTICE_EXIT_STATUS, .tgid = tgid, .tid = tid, .time_ns = now_ns + 50 * US, .exit = {status}});
}

Test(process_source, a_fork_names_both_sides)
{
	struct event event;

	cr_assert(fork_sample(1, 1, 50, CLONE_VM | SIGCHLD, &event));
	cr_expect_eq(event.kind, EVENT_PROCESS_FORK);
	cr_assert_not_null(event.process);
	cr_expect_eq(event.process->tgid, 1);
	cr_expect_eq(event.fork.child->tgid, 50);
	cr_expect_eq(event.fork.child->parent, event.process);
	cr_expect_str_eq(event.fork.child->comm, "sh");
	cr_expect_eq(event.fork.clone_flags, CLONE_VM | SIGCHLD);
}

Test(process_source, a_new_thread_is_no_event)
{
	struct event event;

	cr_assert(fork_sample(1, 1, 50, 0, &event));
	cr_expect_not(fork_sample(50, 50, 51, CLONE_VM | CLONE_THREAD, &event));
	cr_expect_eq(process_cache_find(context.processes, 50)->threads, 2);
	cr_expect_not(fork_sample(70, 70, 71, CLONE_VM | CLONE_THREAD, &event), "of a process that nobody knows");
}

Test(process_source, an_exec_has_its_name_filename_and_arguments)
{
	uint8_t raw[128];
	struct event event;

	fork_sample(1, 1, 50, 0, &event);
	cr_expect(rename_sample(50, 50, 50, "ls"));
	process_notes_put(context.notes, &(struct notice){.kind = NOTICE_EXEC_ARGUMENTS,
							  .tgid = 50,
							  .tid = 50,
							  .time_ns = now_ns + 3 * US,
							  .exec = {.bytes = "ls\0-l\0/", .size = 8, .count = 3, .argc = 3}});
	cr_assert(exec_sample(50, raw, "/bin/ls", &event));
	cr_expect_eq(event.kind, EVENT_PROCESS_EXEC);
	cr_expect_str_eq(event.process->comm, "ls");
	cr_assert_eq(event.exec.filename.length, 7);
	cr_expect_arr_eq(event.exec.filename.bytes, "/bin/ls", 7);
	cr_assert_eq(event.exec.arguments.length, 8);
	cr_expect_arr_eq(event.exec.arguments.bytes, "ls\0-l\0/", 8);
	cr_expect_eq(event.exec.argument_count, 3);
	cr_expect_not(event.exec.arguments_truncated);
}

Test(process_source, an_exec_without_all_its_arguments_says_so)
{
	uint8_t raw[128];
	struct event event;

	fork_sample(1, 1, 50, 0, &event);
	cr_assert(exec_sample(50, raw, "./x", &event));
	cr_expect_eq(event.exec.argument_count, 0);
	cr_expect_eq(event.exec.arguments.length, 0);
	cr_expect_not_null(event.exec.arguments.bytes);
	cr_expect(event.exec.arguments_truncated);
	process_notes_put(context.notes, &(struct notice){.kind = NOTICE_EXEC_ARGUMENTS,
							  .tgid = 50,
							  .tid = 50,
							  .time_ns = now_ns,
							  .exec = {.bytes = "x", .size = 2, .count = 1, .argc = 2}});
	cr_assert(exec_sample(50, raw, "./x", &event));
	cr_expect_eq(event.exec.argument_count, 1);
	cr_expect(event.exec.arguments_truncated);
}

Test(process_source, a_name_that_another_thread_gives_goes_to_the_one_that_is_named)
{
	struct event event;

	fork_sample(1, 1, 50, 0, &event);
	fork_sample(50, 50, 51, CLONE_THREAD, &event);
	rename_sample(50, 51, 50, "by thread");
	cr_expect_str_eq(process_cache_find(context.processes, 50)->comm, "by thread");
	rename_sample(50, 50, 51, "of thread");
	cr_expect_str_eq(process_cache_find(context.processes, 50)->comm, "by thread");
	fork_sample(2, 2, 60, CLONE_VM, &event);
	rename_sample(1, 1, 60, "kworker/1:2");
	cr_expect_str_eq(process_cache_find(context.processes, 60)->comm, "kworker/1:2");
}

struct code {
	int32_t code;
	uint32_t status, signal;
	bool core;
};

static const struct code codes[] = {
	{0, 0, 0, false},        {256, 1, 0, false},       {255 << 8, 255, 0, false}, {SIGKILL, 0, SIGKILL, false},
	{SIGSEGV, 0, 11, false}, {0x80 | 11, 0, 11, true}, {64, 0, 64, false},
};

Test(process_source, an_exit_status_is_decoded_as_wait_does)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct event event;

		fork_sample(1, 1, 50, 0, &event);
		put_exit_notice(50, 50, codes[i].code);
		cr_assert(exit_sample(50, 50, 1, &event));
		cr_expect_eq(event.kind, EVENT_PROCESS_EXIT);
		cr_assert_not_null(event.process);
		cr_expect_eq(event.process->tgid, 50);
		cr_expect_not(event.exit.code_unknown);
		cr_expect_eq(event.exit.code, codes[i].code);
		cr_expect_eq(event.exit.status, codes[i].status);
		cr_expect_eq(event.exit.signal, codes[i].signal);
		cr_expect_eq(event.exit.core_dumped, codes[i].core);
		now_ns += NSEC_PER_MSEC;
	}
}

Test(process_source, a_status_that_nobody_told_is_unknown)
{
	struct event event;

	fork_sample(1, 1, 50, 0, &event);
	cr_assert(exit_sample(50, 50, 1, &event));
	cr_expect(event.exit.code_unknown);
	cr_expect_eq(event.exit.code, 0);
	cr_expect_eq(event.exit.status, 0);
	cr_expect_eq(event.exit.signal, 0);
}

Test(process_source, exit_calls_and_deadly_signals_tell_where_nobody_else_does)
{
	struct event event;

	fork_sample(1, 1, 50, 0, &event);
	cr_expect_not(call_sample("sys_enter_exit_group", 50, 50, 0xffffffff00000103));
	cr_assert(exit_sample(50, 50, 1, &event));
	cr_expect_eq(event.exit.code, 3 << 8);

	fork_sample(1, 1, 51, 0, &event);
	cr_expect_not(call_sample("sys_enter_exit", 51, 51, 7));
	cr_assert(exit_sample(51, 51, 1, &event));
	cr_expect_eq(event.exit.status, 7);

	fork_sample(1, 1, 52, 0, &event);
	cr_expect_not(signal_sample(52, 52, SIGCHLD, 0));
	cr_expect_not(signal_sample(52, 52, SIGINT, 0x401000));
	cr_expect_not(signal_sample(52, 52, SIGHUP, 1));
	cr_expect_not(signal_sample(52, 52, SIGTERM, 0));
	cr_assert(exit_sample(52, 52, 1, &event));
	cr_expect_eq(event.exit.signal, SIGTERM);
}

Test(process_source, a_signal_that_kills_as_it_is_sent_keeps_its_number)
{
	struct event event;

	fork_sample(1, 1, 50, 0, &event);
	cr_expect_not(sent_sample(1, 50, SIGTERM, 0));
	cr_expect_not(sent_sample(1, 50, SIGCHLD, 0));
	cr_expect_not(sent_sample(1, 50, SIGINT, 1));
	signal_sample(50, 50, SIGKILL, 0);
	cr_assert(exit_sample(50, 50, 1, &event));
	cr_expect_eq(event.exit.signal, SIGTERM);
}

Test(process_source, the_signals_that_clear_the_way_for_an_exec_are_not_the_end)
{
	uint8_t raw[128];
	struct event event;

	fork_sample(1, 1, 50, 0, &event);
	fork_sample(50, 50, 51, CLONE_THREAD, &event);
	signal_sample(50, 51, SIGKILL, 0);
	cr_expect_not(exit_sample(50, 51, 0, &event));
	exec_sample(50, raw, "/bin/true", &event);
	cr_assert(exit_sample(50, 50, 1, &event));
	cr_expect(event.exit.code_unknown);
}

Test(process_source, a_pid_does_not_inherit_the_last_words_of_another)
{
	struct event event;

	fork_sample(1, 1, 50, 0, &event);
	call_sample("sys_enter_exit_group", 50, 50, 3);
	/* The exit sample was lost. */
	fork_sample(1, 1, 50, 0, &event);
	cr_assert(exit_sample(50, 50, 1, &event));
	cr_expect(event.exit.code_unknown);
}

Test(process_source, a_kernel_that_does_not_tell_the_last_thread_gives_one_exit_per_process)
{
	struct event event;

	kernel = "4.4";
	cr_assert(fork_sample(1, 1, 50, 0, &event));
	cr_expect_not(fork_sample(50, 50, 51, CLONE_THREAD, &event));
	cr_expect_not(fork_sample(50, 51, 52, CLONE_THREAD, &event));
	cr_expect_not(exit_sample(50, 50, NO_GROUP_DEAD, &event));
	put_exit_notice(50, 51, SIGKILL);
	cr_expect_not(exit_sample(50, 52, NO_GROUP_DEAD, &event));
	cr_assert(exit_sample(50, 51, NO_GROUP_DEAD, &event));
	cr_expect_eq(event.exit.signal, SIGKILL);
	cr_expect_eq(event.process->tgid, 50);
}

Test(process_source, missing_samples_do_no_harm)
{
	uint8_t raw[128];
	struct event event;

	/* No fork. */
	cr_assert(exec_sample(80, raw, "/bin/x", &event));
	cr_expect_null(event.process);
	cr_assert(exit_sample(80, 80, 1, &event));
	cr_expect_null(event.process);
	/* No exit, twice. */
	for (int i = 0; i < 2; i++) {
		cr_assert(fork_sample(1, 1, 81, 0, &event));
		cr_expect_eq(event.fork.child->tgid, 81);
	}
	/* Exit without anything, not the last, of a thread. */
	cr_expect_not(exit_sample(82, 83, 0, &event));
	/* A fork of an unknown forker. */
	cr_assert(fork_sample(84, 84, 85, 0, &event));
	cr_expect_null(event.process);
	cr_expect_null(event.fork.child->parent);
}

Test(process_source, a_cut_sample_is_read_as_zeroes)
{
	struct event event;
	uint8_t raw[8] = {0};
	struct row row;

	row_open(&row, "task_newtask");
	cr_expect_not(build(&row, 1, 1, raw, 8, &event));
	row_open(&row, "sched_process_exec");
	cr_assert(build(&row, 1, 1, raw, 8, &event));
	cr_expect_eq(event.exec.filename.length, 0);
}
