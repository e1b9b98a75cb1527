#include "tests/sensor/sensor_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>

/* Working directories and credentials, from samples to what later events are told with. */

#define THREAD (BENCH_PID + 1)
#define OTHER  (BENCH_PID + 2)

static const char *const cred_fields[] = {"u32 uid",  "u32 gid",   "u32 euid",  "u32 egid", "u32 suid",
					  "u32 sgid", "u32 fsuid", "u32 fsgid", NULL};

static struct bench b;

static void setup(void)
{
	bench_init(&b, "6.1");
	bench_know_processes(&b);
	bench_know(&b, "raw_syscalls", "sys_enter");
}

static void teardown(void)
{
	bench_done(&b);
}

TestSuite(context_source, .init = setup, .fini = teardown);

static void start(void)
{
	bench_know_function(&b, "kprobe", "commit_creds", cred_fields);
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_SYSCALL_ENTER) | EVENT_KIND_BIT(EVENT_PROCESS_EXIT) | EVENT_KIND_BIT(EVENT_PROCESS_FORK));
	cr_assert_not_null(fake_source_filter(b.source, "kprobe", "commit_creds"));
}

/* A thread's ids are uid, uid + 1 ... in the order of the fields. */
static void commit(uint32_t tid, uint32_t uid)
{
	static const char *const names[] = {"uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid"};
	struct bench_sample s;

	bench_sample_init(&s, &b, "kprobe", "commit_creds");
	for (uint32_t i = 0; i < 8; i++)
		bench_set(&s, names[i], uid + i);
	bench_push(&s, BENCH_PID, tid);
}

static void call(uint32_t tgid, uint32_t tid)
{
	struct bench_sample s;

	bench_sample_init(&s, &b, "raw_syscalls", "sys_enter");
	bench_push(&s, tgid, tid);
}

static void fork_of(uint32_t tid, uint32_t child, uint64_t flags)
{
	struct bench_sample s;

	bench_sample_init(&s, &b, "task", "task_newtask");
	bench_set(&s, "pid", child);
	bench_set(&s, "clone_flags", flags);
	bench_push(&s, BENCH_PID, tid);
}

static void end_of(uint32_t tid)
{
	struct bench_sample s;

	bench_sample_init(&s, &b, "sched", "sched_process_exit");
	bench_set(&s, "pid", tid);
	bench_push(&s, BENCH_PID, tid);
}

static void exec_of(uint32_t old_tid)
{
	struct bench_sample s;

	bench_sample_init(&s, &b, "sched", "sched_process_exec");
	bench_set_string(&s, "filename", "/bin/true");
	bench_set(&s, "pid", BENCH_PID);
	bench_set(&s, "old_pid", old_tid);
	bench_push(&s, BENCH_PID, BENCH_PID);
}

static void expect_uid(size_t event, uint32_t uid, bool is_threads)
{
	cr_assert_lt(event, b.count);
	cr_expect(b.events[event].credentials.known);
	cr_expect_eq(b.events[event].credentials.uid, uid, "%u", b.events[event].credentials.uid);
	cr_expect_eq(b.events[event].has_own_credentials, is_threads);
}

Test(context_source, credentials_are_those_of_proc_until_the_kernel_tells_of_others)
{
	start();
	call(BENCH_PID, BENCH_PID);
	commit(BENCH_PID, 200);
	call(BENCH_PID, BENCH_PID);
	bench_round(&b, 2);
	expect_uid(0, 1000, false);
	cr_expect(b.events[0].credentials.late);
	expect_uid(1, 200, false);
	cr_expect_eq(b.events[1].credentials.gid, 201);
	cr_expect_eq(b.events[1].credentials.euid, 202);
	cr_expect_eq(b.events[1].credentials.egid, 203);
	cr_expect_eq(b.events[1].credentials.suid, 204);
	cr_expect_eq(b.events[1].credentials.sgid, 205);
	cr_expect_eq(b.events[1].credentials.fsuid, 206);
	cr_expect_eq(b.events[1].credentials.fsgid, 207);
	cr_expect_not(b.events[1].credentials.late);
}

Test(context_source, a_thread_that_changes_its_own_is_told_with_them_and_the_others_are_not)
{
	start();
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	commit(THREAD, 200);
	call(BENCH_PID, THREAD);
	call(BENCH_PID, BENCH_PID);
	bench_round(&b, 2);
	expect_uid(0, 200, true);
	expect_uid(1, 1000, false);
}

Test(context_source, what_a_thread_makes_has_the_threads_credentials)
{
	start();
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	commit(THREAD, 200);
	fork_of(THREAD, THREAD + 10, CLONE_THREAD);
	fork_of(THREAD, OTHER + 20, 0);
	call(BENCH_PID, THREAD + 10);
	call(OTHER + 20, OTHER + 20);
	bench_round(&b, 3);
	expect_uid(0, 200, true);
	expect_uid(1, 200, true);
	expect_uid(2, 200, false);
}

/* As the C library does it: all threads, one after another. */
Test(context_source, when_the_process_follows_its_threads_there_is_nothing_special_about_them_any_more)
{
	start();
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	commit(THREAD, 200);
	commit(BENCH_PID, 200);
	call(BENCH_PID, THREAD);
	bench_round(&b, 1);
	expect_uid(0, 200, false);
}

/* The builder takes the thread out of the table before its event is told: the event must not point there. */
Test(context_source, the_last_thread_of_a_process_ends_with_its_own_credentials)
{
	start();
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	commit(THREAD, 200);
	end_of(BENCH_PID);
	end_of(THREAD);
	bench_round(&b, 1);
	cr_expect_eq(b.events[0].event.kind, EVENT_PROCESS_EXIT);
	expect_uid(0, 200, true);
}

Test(context_source, a_thread_that_has_ended_leaves_nothing_to_the_next_one_with_its_number)
{
	start();
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	commit(THREAD, 200);
	end_of(THREAD);
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	call(BENCH_PID, THREAD);
	bench_round(&b, 1);
	expect_uid(0, 1000, false);
}

/* It becomes the main thread, whose number it gets; its own ends without a sample. */
Test(context_source, a_thread_that_execs_leaves_nothing_to_the_next_one_with_its_number)
{
	start();
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	commit(THREAD, 200);
	exec_of(THREAD);
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	call(BENCH_PID, THREAD);
	bench_round(&b, 2);
	cr_expect_eq(b.events[0].event.kind, EVENT_PROCESS_EXEC);
	expect_uid(1, 1000, false);
}

Test(context_source, what_changed_while_nobody_looked_is_not_told_as_it_was_before)
{
	start();
	fork_of(BENCH_PID, THREAD, CLONE_THREAD);
	commit(THREAD, 200);
	commit(BENCH_PID, 300);
	bench_round(&b, 0);
	bench_want(&b, 0);
	cr_assert_null(fake_source_filter(b.source, "kprobe", "commit_creds"));
	bench_want(&b, EVENT_KIND_BIT(EVENT_SYSCALL_ENTER));
	call(BENCH_PID, THREAD);
	bench_round(&b, 1);
	expect_uid(0, 1000, false);
}

Test(context_source, after_a_loss_credentials_and_directories_are_looked_up_anew)
{
	start();
	commit(BENCH_PID, 200);
	cr_assert_eq(fake_source_push_lost(b.source, "kprobe", "commit_creds", b.now_ns += 1000, 1), 0);
	bench_round(&b, 0);
	sensor_settle(b.sensor);
	call(BENCH_PID, BENCH_PID);
	bench_round(&b, 1);
	expect_uid(0, 1000, false);
	cr_expect(b.events[0].credentials.late);
}

/* Beside those of /proc: what a later status says. */
static void start_late(void)
{
	static const char *const calls[] = {"sys_exit_setuid",    "sys_exit_setgid",    "sys_exit_setreuid", "sys_exit_setregid",
					    "sys_exit_setresuid", "sys_exit_setresgid", "sys_exit_setfsuid", "sys_exit_setfsgid"};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		bench_know(&b, "syscalls", calls[i]);
	bench_know(&b, "sched", "sched_process_exec#2");
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_SYSCALL_ENTER));
	cr_assert_not_null(fake_source_filter(b.source, "syscalls", "sys_exit_setresuid"), "there is no commit_creds");
}

/* NULL: the thread is gone before its file is read. */
static void status(uint32_t tid, const char *text)
{
	struct bench_sample s;

	bench_sample_init(&s, &b, "syscalls", "sys_exit_setresuid");
	bench_read_error(&s, 0, text ? 0 : -ENOENT, text ? text : "");
	bench_push(&s, BENCH_PID, tid);
}

Test(context_source, without_kprobes_credentials_are_those_of_the_status_file_after_a_change)
{
	start_late();
	status(BENCH_PID, "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n");
	status(THREAD, "Name:\tx\nUid:\t9\t9\t9\t9\nGid:\t9\t9\t9\t9\n");
	call(BENCH_PID, BENCH_PID);
	call(BENCH_PID, THREAD);
	bench_round(&b, 2);
	expect_uid(0, 1, false);
	cr_expect(b.events[0].credentials.late);
	cr_expect_eq(b.events[0].credentials.euid, 2);
	cr_expect_eq(b.events[0].credentials.suid, 3);
	cr_expect_eq(b.events[0].credentials.fsuid, 4);
	cr_expect_eq(b.events[0].credentials.fsgid, 8);
	expect_uid(1, 9, true);
}

Test(context_source, a_change_that_could_not_be_looked_up_leaves_credentials_that_nobody_knows)
{
	start_late();
	status(BENCH_PID, NULL);
	call(BENCH_PID, BENCH_PID);
	bench_round(&b, 1);
	cr_expect_not(b.events[0].credentials.known);
	cr_expect_eq(b.events[0].credentials.uid, 0);
}

/* Directories */

static void start_cwd(void)
{
	bench_know(&b, "syscalls", "sys_exit_chdir");
	bench_know(&b, "syscalls", "sys_exit_fchdir");
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_PROCESS_CWD) | EVENT_KIND_BIT(EVENT_PROCESS_FORK));
}

static void chdir_of(uint32_t tgid, int64_t result, int error, const char *cwd)
{
	struct bench_sample s;

	bench_sample_init(&s, &b, "syscalls", "sys_exit_chdir");
	bench_set(&s, "ret", (uint64_t)result);
	bench_read_error(&s, 0, error, cwd);
	bench_push(&s, tgid, tgid);
}

static const char *cwd_of(uint32_t tgid)
{
	const struct process *process = process_cache_find(sensor_processes(b.sensor), tgid);

	cr_assert_not_null(process);
	return process->cwd;
}

Test(context_source, a_change_of_directory_is_an_event_and_known_of_the_process)
{
	start_cwd();
	cr_expect_str_eq(cwd_of(BENCH_PID), "/home/someone");
	chdir_of(BENCH_PID, 0, 0, "/srv");
	bench_round(&b, 1);
	cr_expect_eq(b.events[0].event.kind, EVENT_PROCESS_CWD);
	cr_expect_eq(b.events[0].event.capture, CAPTURE_LATE);
	cr_expect_str_eq(b.events[0].strings[BENCH_PATH], "/srv");
	cr_expect_str_eq(cwd_of(BENCH_PID), "/srv");
}

Test(context_source, a_change_of_directory_that_failed_is_none)
{
	start_cwd();
	chdir_of(BENCH_PID, -ENOENT, 0, "/home/someone");
	bench_round(&b, 0);
	cr_expect_str_eq(cwd_of(BENCH_PID), "/home/someone");
}

Test(context_source, a_directory_that_could_not_be_looked_up_is_not_known_any_more)
{
	start_cwd();
	chdir_of(BENCH_PID, 0, -ENOENT, "");
	bench_round(&b, 1);
	cr_expect_str_eq(b.events[0].strings[BENCH_PATH], "");
	cr_expect_null(cwd_of(BENCH_PID));
}

/* What the kernel shows of one outside of the reader's root (fs/d_path.c). */
Test(context_source, a_directory_that_cannot_be_reached_is_not_known)
{
	start_cwd();
	chdir_of(BENCH_PID, 0, 0, "(unreachable)/srv");
	bench_round(&b, 1);
	cr_expect_str_eq(b.events[0].strings[BENCH_PATH], "");
	cr_expect_null(cwd_of(BENCH_PID));
}

Test(context_source, a_child_is_where_its_parent_was_when_it_was_made)
{
	start_cwd();
	chdir_of(BENCH_PID, 0, 0, "/srv");
	fork_of(BENCH_PID, OTHER, 0);
	chdir_of(BENCH_PID, 0, 0, "/tmp");
	bench_round(&b, 3);
	cr_expect_str_eq(cwd_of(OTHER), "/srv");
	cr_expect_str_eq(cwd_of(BENCH_PID), "/tmp");
}

Test(context_source, directories_are_followed_for_whoever_wants_names_of_files)
{
	bench_know(&b, "syscalls", "sys_exit_chdir");
	bench_know(&b, "syscalls", "sys_exit_fchdir");
	bench_start(&b, NULL);
	cr_expect_null(cwd_of(BENCH_PID));
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_DELETE));
	cr_expect_str_eq(cwd_of(BENCH_PID), "/home/someone");
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_CLOSE_FOR_MODIFY));
	cr_expect_null(cwd_of(BENCH_PID), "paths of those are captured whole");
}
