#include "sensor/process_notes.h"

#include "sensor/wait_rule.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define MS UINT64_C(1000000)

static struct process_notes *notes;

static void setup(void)
{
	notes = process_notes_new();
	cr_assert_not_null(notes);
}

static void teardown(void)
{
	notes = process_notes_free(notes);
}

TestSuite(process_notes, .init = setup, .fini = teardown);

static void put_exec(uint32_t tid, uint64_t time_ns, const char *bytes, size_t size, uint32_t count, uint32_t argc)
{
	process_notes_put(notes, &(struct notice){.kind = NOTICE_EXEC_ARGUMENTS,
						  .tgid = tid,
						  .tid = tid,
						  .time_ns = time_ns,
						  .exec = {.bytes = bytes, .size = size, .count = count, .argc = argc}});
}

static void put_exit(uint32_t tgid, uint32_t tid, uint64_t time_ns, int32_t status)
{
	process_notes_put(
		notes,
		&(struct notice){.kind = NOTICE_EXIT_STATUS, .tgid = tgid, .tid = tid, .time_ns = time_ns, .exit = {.status = status}});
}

static struct process_notes_counters counters(void)
{
	struct process_notes_counters ret;

	process_notes_counters(notes, &ret);
	return ret;
}

Test(process_notes, each_of_many_threads_and_processes_finds_its_own)
{
	int32_t status;

	for (uint32_t tid = 1; tid <= 2000; tid++) {
		put_exit(tid, tid, 100 * MS, (int32_t)tid);
		put_exit(tid, tid, 101 * MS, -(int32_t)tid);
		process_notes_exit_call(notes, tid, tid, true, (int32_t)(tid & 0xff), 100 * MS);
	}
	cr_assert_eq(counters().notices, 4000);
	cr_assert_eq(counters().marks, 2000);
	for (uint32_t tid = 2000; tid > 0; tid--) {
		cr_assert(process_notes_exit(notes, tid, tid, 100 * MS, &status));
		cr_assert_eq(status, (int32_t)tid);
		cr_assert(process_notes_exit(notes, tid, tid, 101 * MS, &status));
		cr_assert_eq(status, -(int32_t)tid);
		cr_assert_not(process_notes_exit(notes, tid, tid, 100 * MS, &status));
		cr_assert(process_notes_group_status(notes, tid, &status));
		cr_assert_eq(status, (int32_t)(tid & 0xff) << 8);
		process_notes_forget(notes, tid);
		cr_assert_not(process_notes_group_status(notes, tid, &status));
	}
	cr_assert_eq(counters().notices, 0);
	cr_assert_eq(counters().marks, 0);
	cr_assert_eq(counters().dropped, 0);
}

Test(process_notes, arguments_are_copied_and_joined_by_thread_and_nearest_time)
{
	char bytes[] = "ls\0-l";
	struct notice got;

	put_exec(7, 100 * MS, bytes, 6, 2, 2);
	put_exec(7, 100 * MS + 400000, "x", 2, 1, 1);
	put_exec(8, 100 * MS + 1000, "y", 2, 1, 1);
	memset(bytes, '#', sizeof(bytes));
	cr_assert(process_notes_exec(notes, 7, 100 * MS + 3000, &got));
	cr_expect_eq(got.exec.count, 2);
	cr_expect_eq(got.exec.size, 6);
	cr_expect_arr_eq(got.exec.bytes, "ls\0-l", 6);
	cr_assert(process_notes_exec(notes, 7, 100 * MS + 400000, &got));
	cr_expect_str_eq(got.exec.bytes, "x");
}

Test(process_notes, arguments_are_joined_once_and_not_from_afar)
{
	struct notice got;

	put_exec(7, 100 * MS, "x", 2, 1, 1);
	cr_expect_not(process_notes_exec(notes, 7, 100 * MS + PROCESS_NOTES_EXEC_NS + 1, &got));
	cr_expect_not(process_notes_exec(notes, 9, 100 * MS, &got));
	cr_expect(process_notes_exec(notes, 7, 100 * MS + PROCESS_NOTES_EXEC_NS, &got));
	cr_expect_not(process_notes_exec(notes, 7, 100 * MS, &got));
}

Test(process_notes, a_virtual_cpu_that_stood_still_between_sample_and_notice_is_no_matter_unless_notices_were_lost)
{
	struct notice got;

	put_exec(7, 100 * MS, "x", 2, 1, 1);
	cr_expect(process_notes_exec(notes, 7, 108 * MS, &got));
	put_exec(7, 200 * MS, "y", 2, 1, 1);
	process_notes_put(notes, &(struct notice){.kind = NOTICE_EXEC_LOST, .time_ns = 205 * MS});
	cr_expect_not(process_notes_exec(notes, 7, 208 * MS, &got), "it may be that of another exec");
	cr_expect(process_notes_exec(notes, 7, 200 * MS + PROCESS_NOTES_EXEC_STRICT_NS, &got));
}

Test(process_notes, more_strings_of_the_same_exec_replace_fewer)
{
	struct notice got;

	put_exec(7, 100 * MS, "", 0, 0, 2);
	put_exec(7, 100 * MS + 20000, "a\0b", 4, 2, 2);
	put_exec(7, 100 * MS + 30000, "a", 2, 1, 2);
	cr_expect_eq(counters().notices, 1);
	cr_assert(process_notes_exec(notes, 7, 100 * MS, &got));
	cr_expect_eq(got.exec.count, 2);
	cr_expect_eq(got.time_ns, 100 * MS);
}

Test(process_notes, an_exit_status_belongs_to_the_exit_before_it)
{
	int32_t status = -1;

	put_exit(5, 5, 100 * MS, 256);
	put_exit(5, 5, 300 * MS, 512);
	cr_expect_not(process_notes_exit(notes, 5, 6, 99 * MS, &status));
	cr_expect_not(process_notes_exit(notes, 6, 5, 99 * MS, &status));
	cr_expect_not(process_notes_exit(notes, 5, 5, 301 * MS, &status));
	cr_assert(process_notes_exit(notes, 5, 5, 299 * MS, &status));
	cr_expect_eq(status, 512);
	cr_assert(process_notes_exit(notes, 5, 5, 60 * MS, &status));
	cr_expect_eq(status, 256);
	cr_expect_not(process_notes_exit(notes, 5, 5, 60 * MS, &status));
}

Test(process_notes, old_notices_go)
{
	put_exec(7, 100 * MS, "x", 2, 1, 1);
	put_exit(5, 5, 200 * MS, 256);
	process_notes_advance(notes, 100 * MS + PROCESS_NOTES_LINGER_NS);
	cr_expect_eq(counters().notices, 2);
	process_notes_advance(notes, 101 * MS + PROCESS_NOTES_LINGER_NS);
	cr_expect_eq(counters().notices, 1);
	cr_expect_eq(counters().bytes, 0);
	process_notes_advance(notes, 201 * MS + PROCESS_NOTES_LINGER_NS);
	cr_expect_eq(counters().notices, 0);
}

Test(process_notes, their_number_is_bounded_and_the_oldest_go)
{
	struct notice got;
	int32_t status;

	for (uint32_t i = 0; i < PROCESS_NOTES_MAX + 10; i++) {
		put_exec(i + 1, i * MS, "x", 2, 1, 1);
		process_notes_exit_call(notes, i + 1, i + 1, true, 1, i * MS);
	}
	cr_expect_eq(counters().notices, PROCESS_NOTES_MAX);
	cr_expect_eq(counters().marks, PROCESS_NOTES_MAX);
	cr_expect_eq(counters().dropped, 20);
	cr_expect_not(process_notes_exec(notes, 10, 9 * MS, &got));
	cr_expect(process_notes_exec(notes, 11, 10 * MS, &got));
	cr_expect_not(process_notes_group_status(notes, 10, &status));
	cr_expect(process_notes_group_status(notes, 11, &status));
}

Test(process_notes, their_bytes_are_bounded)
{
	static char megabyte[1 << 20];

	for (uint32_t i = 0; i < 70; i++) {
		put_exec(i + 1, i * MS, megabyte, sizeof(megabyte), 1, 1);
		cr_assert_leq(counters().bytes, PROCESS_NOTES_BYTES);
	}
	cr_expect_eq(counters().notices, 64);
}

struct step {
	enum {
		CALL_GROUP,
		CALL_EXIT,
		SENT,
		HANDLED,
		SIGNAL,
		MAIN_EXIT,
		NOTICE
	} what;
	uint32_t tid;
	int32_t value;
	uint64_t time_ms;
};

struct rule {
	const char *name;
	struct step steps[5];
	size_t count;
	uint32_t last_tid;
	bool known;
	int32_t status;
	int32_t status_of_main; /* where the kernel's rule is to take the main thread's; 0: the same */
};

#define TGID 100

/* The last sample is at 5000 ms. */
static const struct rule rules[] = {
	{"nothing is known", {{0}}, 0, TGID, false, 0, 0},
	{"exit_group's code", {{CALL_GROUP, TGID, 3, 4999}}, 1, TGID, true, 3 << 8, 0},
	{"only the low byte of a code counts", {{CALL_GROUP, TGID, -1, 4999}}, 1, TGID, true, 255 << 8, 0},
	{"a single thread's exit", {{CALL_EXIT, TGID, 4, 4999}}, 1, TGID, true, 4 << 8, 0},
	{"a signal", {{SIGNAL, TGID, SIGSEGV, 4999}}, 1, TGID, true, SIGSEGV, 0},
	{"the notice tells of the core as well",
	 {{SIGNAL, TGID, SIGSEGV, 4999}, {NOTICE, TGID, SIGSEGV | 0x80, 5001}},
	 2,
	 TGID,
	 true,
	 SIGSEGV | 0x80,
	 0},
	{"the kernel kills the other threads after exit_group",
	 {{CALL_GROUP, 101, 7, 4990}, {SIGNAL, TGID, SIGKILL, 4991}},
	 2,
	 TGID,
	 true,
	 7 << 8,
	 0},
	{"and after a signal", {{SIGNAL, 101, SIGSEGV, 4990}, {SIGNAL, TGID, SIGKILL, 4991}}, 2, TGID, true, SIGSEGV, 0},
	{"the first of two calls of exit_group", {{CALL_GROUP, 101, 7, 4990}, {CALL_GROUP, TGID, 8, 4990}}, 2, TGID, true, 7 << 8, 0},
	{"a container's first process ignores the signal and is killed later",
	 {{SIGNAL, TGID, SIGTERM, 1000}, {SIGNAL, TGID, SIGKILL, 4990}},
	 2,
	 TGID,
	 true,
	 SIGKILL,
	 0},
	{"or ends by itself", {{SIGNAL, TGID, SIGTERM, 4950}, {CALL_GROUP, TGID, 0, 4990}}, 2, TGID, true, 0, 0},
	{"a signal that was sent is delivered as SIGKILL",
	 {{SENT, TGID, SIGTERM, 4990}, {SIGNAL, 101, SIGKILL, 4990}, {SIGNAL, TGID, SIGKILL, 4991}},
	 3,
	 101,
	 true,
	 SIGTERM,
	 0},
	{"also when it was sent to one thread", {{SENT, 101, 37, 4990}, {SIGNAL, 101, SIGKILL, 4990}}, 2, TGID, true, 37, 0},
	{"a signal that was blocked, then a real SIGKILL",
	 {{SENT, TGID, SIGTERM, 4980}, {SENT, TGID, SIGKILL, 4990}, {SIGNAL, TGID, SIGKILL, 4990}},
	 3,
	 TGID,
	 true,
	 SIGKILL,
	 0},
	{"a signal that was handled, then a SIGKILL that nobody sent",
	 {{SENT, TGID, SIGTERM, 4980}, {HANDLED, TGID, SIGTERM, 4981}, {SIGNAL, TGID, SIGKILL, 4990}},
	 3,
	 TGID,
	 true,
	 SIGKILL,
	 0},
	{"a signal that was sent long before", {{SENT, TGID, SIGTERM, 1000}, {SIGNAL, TGID, SIGKILL, 4990}}, 2, TGID, true, SIGKILL, 0},
	{"the notice of a single thread", {{NOTICE, TGID, 9 << 8, 5001}}, 1, TGID, true, 9 << 8, 0},
	{"exit_group after the main thread's end",
	 {{CALL_EXIT, TGID, 3, 1000}, {MAIN_EXIT, TGID, 0, 1000}, {CALL_GROUP, 101, 0, 4990}, {NOTICE, 101, 0, 5001}},
	 4,
	 101,
	 true,
	 0,
	 0},
	{"a signal after the main thread's end, of which only the notice tells",
	 {{CALL_EXIT, TGID, 3, 1000}, {MAIN_EXIT, TGID, 0, 1000}, {NOTICE, 101, SIGKILL, 5001}},
	 3,
	 101,
	 true,
	 SIGKILL,
	 0},
	{"every thread by exit, the main one first",
	 {{CALL_EXIT, TGID, 3, 1000}, {MAIN_EXIT, TGID, 0, 1000}, {CALL_EXIT, 101, 5, 4999}, {NOTICE, 101, 5 << 8, 5001}},
	 4,
	 101,
	 true,
	 5 << 8,
	 3 << 8},
	{"the same by notices alone for the main thread",
	 {{NOTICE, TGID, 3 << 8, 1001}, {MAIN_EXIT, TGID, 0, 1000}, {CALL_EXIT, 101, 5, 4999}},
	 3,
	 101,
	 true,
	 5 << 8,
	 3 << 8},
	{"the main thread's notice comes late",
	 {{MAIN_EXIT, TGID, 0, 4000}, {CALL_EXIT, 101, 5, 4999}, {NOTICE, TGID, 3 << 8, 4001}, {NOTICE, 101, 5 << 8, 5001}},
	 4,
	 101,
	 true,
	 5 << 8,
	 3 << 8},
};

static void take_step(const struct step *step)
{
	uint64_t time_ns = step->time_ms * MS;

	switch (step->what) {
	case CALL_GROUP:
	case CALL_EXIT:
		process_notes_exit_call(notes, TGID, step->tid, step->what == CALL_GROUP, step->value, time_ns);
		break;
	case SENT:
		process_notes_signal_sent(notes, step->tid, step->value, time_ns);
		break;
	case HANDLED:
		process_notes_signal_handled(notes, TGID, step->tid, step->value);
		break;
	case SIGNAL:
		process_notes_fatal_signal(notes, TGID, step->tid, step->value, time_ns);
		break;
	case MAIN_EXIT:
		process_notes_main_exit(notes, TGID, time_ns);
		break;
	case NOTICE:
		put_exit(TGID, step->tid, time_ns, step->value);
		break;
	}
}

Test(process_notes, the_status_of_a_process_follows_the_kernels_rules)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];
		int32_t expected = rule->status_of_main && wait_rule_takes_main_thread() ? rule->status_of_main : rule->status;
		int32_t status = 0;

		for (size_t k = 0; k < rule->count; k++)
			take_step(&rule->steps[k]);
		cr_expect_eq(process_notes_status(notes, TGID, rule->last_tid, 5000 * MS, &status), rule->known, "%s", rule->name);
		if (rule->known)
			cr_expect_eq(status, expected, "%s: %x instead of %x", rule->name, (unsigned)status, (unsigned)expected);
		process_notes_forget(notes, TGID);
		process_notes_forget(notes, 101);
		process_notes_advance(notes, 60000 * MS);
		cr_expect_eq(counters().notices + counters().marks, 0, "%s", rule->name);
	}
}

Test(process_notes, what_is_forgotten_is_the_marks_and_not_the_notices_of_the_next)
{
	int32_t status;

	process_notes_exit_call(notes, TGID, TGID, true, 3, 10 * MS);
	put_exit(TGID, TGID, 50 * MS, 256);
	process_notes_forget(notes, TGID);
	cr_expect_not(process_notes_group_status(notes, TGID, &status));
	cr_assert(process_notes_status(notes, TGID, TGID, 49 * MS, &status));
	cr_expect_eq(status, 256);
}

Test(wait_rule, it_can_be_tried_without_harm)
{
	bool first = wait_rule_takes_main_thread();

	cr_expect_eq(wait_rule_takes_main_thread(), first);
}
