#include "cli/event_text.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct buffer out;
static struct event_text_options options;

static Capsule8__Api__V0__Process shell = CAPSULE8__API__V0__PROCESS__INIT;
static Capsule8__Api__V0__Process *lineage[] = {&shell};
static Capsule8__Api__V0__ProcessEvent process = CAPSULE8__API__V0__PROCESS_EVENT__INIT;
static Capsule8__Api__V0__SyscallEvent call = CAPSULE8__API__V0__SYSCALL_EVENT__INIT;
static Capsule8__Api__V0__LostRecordEvent lost = CAPSULE8__API__V0__LOST_RECORD_EVENT__INIT;
static Capsule8__Api__V0__TickerEvent ticker = CAPSULE8__API__V0__TICKER_EVENT__INIT;
static Capsule8__Api__V0__ChargenEvent chargen = CAPSULE8__API__V0__CHARGEN_EVENT__INIT;
static Capsule8__Api__V0__Event event = CAPSULE8__API__V0__EVENT__INIT;
static Capsule8__Api__V0__TelemetryEvent message = CAPSULE8__API__V0__TELEMETRY_EVENT__INIT;

/* 2023-11-14 22:13:20 UTC, when the sensor's clock says 5.25 s. */
#define REALTIME_NS (INT64_C(1700000000) * 1000000000)

static void init(void)
{
	static char comm[] = "bash";

	setenv("TZ", "UTC", 1);
	tzset();
	buffer_init(&out, 0);
	shell.command = comm;
	event.process_pid = 4711;
	event.process_tid = 4711;
	event.process_lineage = lineage;
	event.n_process_lineage = 1;
	event.sensor_monotime_nanos = INT64_C(5250000000);
	options.realtime_offset_ns = REALTIME_NS - INT64_C(5000000000);
	message.event = &event;
}

static void done(void)
{
	buffer_done(&out);
}

TestSuite(event_text, .init = init, .fini = done);

static const char *line(void)
{
	buffer_clear(&out);
	event_text_put(&out, &options, &message);
	cr_assert_not(out.failed);
	cr_assert_eq(out.data[out.length - 1], '\n');
	out.data[out.length - 1] = 0;
	return (const char *)out.data;
}

/* What stands in the last column. */
static const char *event_column(void)
{
	return line() + 14 + 15 + 17 + 14;
}

static void use_process(Capsule8__Api__V0__ProcessEventType type)
{
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_PROCESS;
	event.process = &process;
	process.type = type;
}

static void use_exec(char **argv, size_t argc, const char *filename)
{
	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC);
	process.exec_filename = (char *)(uintptr_t)filename;
	process.exec_command_line = argv;
	process.n_exec_command_line = argc;
}

static void use_syscall(Capsule8__Api__V0__SyscallEventType type, int64_t id)
{
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_SYSCALL;
	event.syscall = &call;
	call.type = type;
	call.id = id;
	call.abi = CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64;
}

Test(event_text, a_line_has_its_columns_where_the_head_has_them)
{
	char head[128];

	event_text_put_head(&out, &options);
	cr_assert_eq(out.length,
		     (size_t)snprintf(head, sizeof(head), "%-14s%-15s%-17s%-14sEVENT\n", "TIME", "PID", "PROCESS", "CONTAINER"));
	cr_assert_arr_eq(out.data, head, out.length);
	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	process.exit_status = 1;
	cr_assert_str_eq(line(), "22:13:20.250  4711           bash             -             exit status=1");
}

Test(event_text, a_thread_is_shown_beside_its_process)
{
	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	event.process_tid = 4715;
	cr_assert_str_eq(line(), "22:13:20.250  4711/4715      bash             -             exit status=0");
}

Test(event_text, an_event_of_no_process_has_dashes)
{
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_TICKER;
	event.ticker = &ticker;
	ticker.nanoseconds = REALTIME_NS + 7000000;
	event.process_pid = event.process_tid = 0;
	event.n_process_lineage = 0;
	cr_assert_str_eq(line(), "22:13:20.250  -              -                -             tick 22:13:20.007");
}

Test(event_text, a_container_is_shown_by_name_or_by_the_first_digits_of_its_id)
{
	static char id[] = "0123456789abcdef0123456789abcdef";
	static char name[] = "/web";

	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	event.container_id = id;
	cr_assert_str_eq(line(), "22:13:20.250  4711           bash             0123456789ab  exit status=0");
	event.container_name = name;
	cr_assert_str_eq(line(), "22:13:20.250  4711           bash             web           exit status=0");
}

Test(event_text, a_fork_has_its_child_and_its_flags_by_name)
{
	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_FORK);
	process.fork_child_pid = 4712;
	process.fork_clone_flags = CLONE_VM | SIGCHLD;
	cr_assert_str_eq(event_column(), "fork child=4712 flags=SIGCHLD|CLONE_VM");
}

Test(event_text, an_exec_reads_like_a_command_line)
{
	char *argv[] = {(char[]){"ls"}, (char[]){"-l"}, (char[]){"/tmp/a b"}};

	use_exec(argv, 3, "/usr/bin/ls");
	cr_assert_str_eq(event_column(), "exec /usr/bin/ls -l '/tmp/a b'");
}

Test(event_text, an_exec_under_another_name_says_so)
{
	char *argv[] = {(char[]){"-bash"}};

	use_exec(argv, 1, "/bin/bash");
	cr_assert_str_eq(event_column(), "exec /bin/bash (as -bash)");
}

Test(event_text, arguments_that_are_not_all_there_end_in_an_ellipsis)
{
	char *argv[] = {(char[]){"echo"}, (char[]){"1"}};

	use_exec(argv, 2, "/bin/echo");
	process.exec_command_line_truncated = true;
	cr_assert_str_eq(event_column(), "exec /bin/echo 1 …");
	process.n_exec_command_line = 0;
	cr_assert_str_eq(event_column(), "exec /bin/echo …");
}

Test(event_text, a_very_long_argument_is_cut_between_two_characters)
{
	static char argument[2001];
	char *argv[] = {(char[]){"echo"}, argument, (char[]){"end"}};
	char expected[600];

	/* Each is two bytes long; the first byte stands alone, so that the cut would fall inside of one. */
	argument[0] = 'x';
	for (size_t i = 1; i + 1 < sizeof(argument) - 1; i += 2)
		memcpy(argument + i, "\xc3\xa4", 2);
	memcpy(expected, argument, 511);
	snprintf(expected + 511, sizeof(expected) - 511, "… end");
	use_exec(argv, 3, "/bin/echo");
	cr_assert_eq(strncmp(event_column(), "exec /bin/echo ", 15), 0);
	cr_assert_str_eq(event_column() + 15, expected);
}

Test(event_text, of_very_many_arguments_the_rest_is_counted)
{
	static char argument[] = "abcdefghi";
	static char *argv[1000];

	for (size_t i = 0; i < 1000; i++)
		argv[i] = argument;
	use_exec(argv, 1000, "/bin/abcdefghi");
	cr_assert_lt(strlen(event_column()), 5000);
	cr_assert(strstr(event_column(), " abcdefghi … and 589 more"));
}

Test(event_text, names_and_arguments_cannot_write_to_the_terminal)
{
	static char comm[] = "a\033[2Jb";
	char *argv[] = {(char[]){"x"}, (char[]){"\033]0;owned\a"}};

	shell.command = comm;
	use_exec(argv, 2, "/tmp/\033[31mx");
	cr_assert_null(strchr(line(), '\033'));
	cr_assert_null(strchr(line(), '\a'));
	cr_assert(strstr(line(), "a\\x1b[2Jb"));
	cr_assert(strstr(line(), "$'\\x1b]0;owned\\a'"));
}

Test(event_text, an_exit_by_signal_names_the_signal_and_the_core)
{
	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	process.exit_code = 139;
	process.exit_signal = SIGSEGV;
	process.exit_core_dumped = true;
	cr_assert_str_eq(event_column(), "exit signal=SIGSEGV (core)");
	process.exit_core_dumped = false;
	process.exit_signal = SIGKILL;
	cr_assert_str_eq(event_column(), "exit signal=SIGKILL");
}

Test(event_text, an_exit_of_which_nothing_is_known_does_not_look_like_success)
{
	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	process.exit_code_unknown = true;
	cr_assert_str_eq(event_column(), "exit status unknown");
}

Test(event_text, a_new_directory_and_a_new_name_are_told)
{
	static char path[] = "/srv/a b";
	static char comm[] = "worker";

	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_UPDATE);
	cr_assert_str_eq(event_column(), "cwd unknown");
	process.update_cwd = path;
	cr_assert_str_eq(event_column(), "cwd '/srv/a b'");
	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_RENAME);
	process.update_comm = comm;
	cr_assert_str_eq(event_column(), "renamed worker");
}

Test(event_text, a_system_call_shows_its_six_arguments)
{
	use_syscall(CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER, 257);
	call.arg0 = 0xffffff9c;
	call.arg1 = UINT64_C(0x7ffd12345678);
	cr_assert_str_eq(event_column(), "openat(0xffffff9c, 0x7ffd12345678, 0x0, 0x0, 0x0, 0x0)");
}

Test(event_text, a_failed_system_call_names_the_error)
{
	use_syscall(CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT, 257);
	call.ret = -2;
	cr_assert_str_eq(event_column(), "openat = -2 ENOENT");
	call.ret = -512;
	cr_assert_str_eq(event_column(), "openat = -512 ERESTARTSYS");
}

Test(event_text, results_are_decimal_unless_they_are_addresses)
{
	use_syscall(CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT, 9);
	call.ret = 3;
	cr_assert_str_eq(event_column(), "mmap = 3");
	call.ret = INT64_C(0x7f0012345000);
	cr_assert_str_eq(event_column(), "mmap = 0x7f0012345000");
}

Test(event_text, a_32_bit_caller_is_named_from_its_own_table)
{
	use_syscall(CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT, 295);
	call.abi = CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386;
	call.ret = 3;
	cr_assert_str_eq(event_column(), "openat[32-bit] = 3");
}

Test(event_text, a_system_call_without_a_name_is_shown_by_number)
{
	use_syscall(CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT, 4000);
	call.ret = -38;
	cr_assert_str_eq(event_column(), "syscall_4000 = -38 ENOSYS");
}

Test(event_text, a_loss_says_how_much_of_what_and_where)
{
	static char source[] = "syscall:enter";

	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_LOST;
	event.lost = &lost;
	lost.lost = 17;
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RING;
	cr_assert_str_eq(event_column(), "lost 17 records (ring)");
	lost.lost = 1;
	lost.source = source;
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_QUEUE;
	cr_assert_str_eq(event_column(), "lost 1 record of syscall:enter (queue)");
}

Test(event_text, a_gap_in_a_recording_says_why_and_where)
{
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_LOST;
	event.lost = &lost;
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER;
	lost.lost = 55;
	lost.gap = CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_DAMAGED;
	lost.after_sequence_number = 41;
	lost.before_sequence_number = 97;
	cr_assert_str_eq(event_column(), "lost 55 records (recorder: the recording is damaged; after 41, before 97)");
	lost.lost = 0;
	lost.gap = CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_NOT_KEPT;
	lost.after_sequence_number = 0;
	cr_assert_str_eq(event_column(), "lost an unknown number of records (recorder: older than what is kept; before 97)");
	lost.gap = CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_CRASHED;
	lost.after_sequence_number = 41;
	lost.before_sequence_number = 0;
	cr_assert_str_eq(event_column(),
			 "lost an unknown number of records (recorder: the sensor ended without writing its last events; after 41)");
	lost.gap = (Capsule8__Api__V0__RecordGap)77;
	lost.after_sequence_number = 0;
	cr_assert_str_eq(event_column(), "lost an unknown number of records (recorder)");
}

Test(event_text, every_gap_has_a_reason_of_its_own)
{
	static const char *const reasons[] = {
		NULL,
		"older than what is kept",
		"no sensor ran",
		"the sensor ended without writing its last events",
		"the recording is damaged",
		"deleted to make room, or left out",
		"its disk was too slow, full or gone",
	};

	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_LOST;
	event.lost = &lost;
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER;
	for (size_t i = 1; i < capsule8__api__v0__record_gap__descriptor.n_values; i++) {
		lost.gap = (Capsule8__Api__V0__RecordGap)i;
		cr_assert_lt(i, sizeof(reasons) / sizeof(reasons[0]));
		cr_expect(strstr(event_column(), reasons[i]), "%zu: %s", i, event_column());
	}
}

Test(event_text, chargen_shows_its_characters)
{
	static char characters[] = " !\"#";

	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_CHARGEN;
	event.chargen = &chargen;
	chargen.index = 95;
	chargen.characters = characters;
	cr_assert_str_eq(event_column(), "chargen index=95 ' !\"#'");
}

Test(event_text, what_this_program_does_not_know_is_said_to_be_unknown)
{
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT__NOT_SET;
	cr_assert_str_eq(event_column(), "event of kind 0, which this program does not know");
	message.event = NULL;
	cr_assert(strstr(line(), "does not know"));
}

Test(event_text, with_colour_the_columns_stay_where_they_are)
{
	size_t columns = 0;
	const char *text;

	options.color = true;
	use_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	text = line();
	cr_assert_not_null(strchr(text, '\033'));
	for (; strncmp(text, "exit", 4) != 0; text++) {
		if (*text == '\033')
			text = strchr(text, 'm');
		else
			columns++;
	}
	cr_assert_eq(columns, 60);
	options.color = false;
}

Test(event_text, an_event_about_a_container_has_no_process_but_its_column)
{
	static Capsule8__Api__V0__ContainerEvent container = CAPSULE8__API__V0__CONTAINER_EVENT__INIT;
	static char id[] = "4f57c1af3f04c0ffee", name[] = "/web";

	event.process_pid = event.process_tid = 0;
	event.n_process_lineage = 0;
	event.container_id = id;
	event.container_name = name;
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_CONTAINER;
	event.container = &container;
	container.type = CAPSULE8__API__V0__CONTAINER_EVENT_TYPE__CONTAINER_EVENT_TYPE_DESTROYED;
	cr_expect_str_eq(line(), "22:13:20.250  -              -                web           container destroyed id=4f57c1af3f04");
}
