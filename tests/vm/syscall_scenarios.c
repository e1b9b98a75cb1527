#include "tests/vm/observation.h"
#include "tests/vm/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A call that nothing else makes: what is counted is ours. */
#define CALL      SYS_readahead
#define CALLS     1000
#define I386_CALL 225 /* readahead in the i386 table */

static struct subscription_spec *wish_call(enum event_kind kind, uint64_t id)
{
	struct subscription_spec *spec = wish(kind);

	require_integer(spec, "id", id);
	return spec;
}

static void enter_tells_all_six_arguments(void)
{
	struct observation *o = observe(wish_call(EVENT_SYSCALL_ENTER, CALL));
	const Capsule8__Api__V0__Event *event;

	syscall(CALL, -1L, 0x1122334455667788L, 3L, -4L, 5L, 0x66666666L);
	event = await_of_process(o, EVENT_SYSCALL_ENTER, getpid());
	CHECK_INTEGER(event->process_tid, gettid());
	CHECK_INTEGER(event->syscall->id, CALL);
	CHECK_INTEGER(event->syscall->abi, CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64);
	CHECK_INTEGER(event->syscall->arg0, -1);
	CHECK_INTEGER(event->syscall->arg1, 0x1122334455667788);
	CHECK_INTEGER(event->syscall->arg2, 3);
	CHECK_INTEGER(event->syscall->arg3, -4);
	CHECK_INTEGER(event->syscall->arg4, 5);
	CHECK_INTEGER(event->syscall->arg5, 0x66666666);
}

static void exit_tells_an_error_as_a_negative_errno(void)
{
	struct observation *o = observe(wish_call(EVENT_SYSCALL_EXIT, CALL));

	syscall(CALL, -1L, 0L, 0L);
	CHECK_INTEGER(await_of_process(o, EVENT_SYSCALL_EXIT, getpid())->syscall->ret, -EBADF);
}

static void exit_tells_a_result_of_64_bits(void)
{
	struct observation *o = observe(wish_call(EVENT_SYSCALL_EXIT, SYS_lseek));
	int fd = (int)CHECK_CALL(open("file", O_RDWR | O_CREAT, 0600));

	CHECK_INTEGER(lseek(fd, 0x123456789a, SEEK_SET), 0x123456789a);
	CHECK_INTEGER(await_of_process(o, EVENT_SYSCALL_EXIT, getpid())->syscall->ret, 0x123456789a);
}

static void each_of_1000_calls_is_told_once_and_in_order(void)
{
	struct of_process entered = {EVENT_SYSCALL_ENTER, getpid()};
	struct observation *o = observe(wish_call(EVENT_SYSCALL_ENTER, CALL));
	uint64_t sequence = 0;
	int64_t time_ns = 0;

	for (long i = 0; i < CALLS; i++)
		syscall(CALL, -1L, i, 0L);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &entered), CALLS);
	for (size_t i = 0; i < CALLS; i++) {
		const Capsule8__Api__V0__Event *event = nth_event(o, matches_process, &entered, i);

		CHECK_INTEGER(event->syscall->arg1, i);
		CHECK(event->sensor_sequence_number > sequence, "number %" PRIu64 " after %" PRIu64, event->sensor_sequence_number,
		      sequence);
		CHECK(event->sensor_monotime_nanos >= time_ns, "the time runs backwards");
		sequence = event->sensor_sequence_number;
		time_ns = event->sensor_monotime_nanos;
	}
}

static void a_filter_on_an_argument_lets_only_its_calls_through(void)
{
	struct subscription_spec *spec = wish_call(EVENT_SYSCALL_ENTER, CALL);
	struct observation *o;

	require_integer(spec, "arg1", 500);
	o = observe(spec);
	for (long i = 0; i < CALLS; i++)
		syscall(CALL, -1L, i, 0L);
	CHECK_INTEGER(await_of_process(o, EVENT_SYSCALL_ENTER, getpid())->syscall->arg1, 500);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_SYSCALL_ENTER, getpid()}), 1);
}

static void a_filter_on_the_result_lets_only_its_calls_through(void)
{
	struct subscription_spec *spec = wish_call(EVENT_SYSCALL_EXIT, SYS_lseek);
	int fd = (int)CHECK_CALL(open("file", O_RDWR | O_CREAT, 0600));
	struct observation *o;

	require_integer(spec, "ret", 321);
	o = observe(spec);
	for (off_t i = 0; i < CALLS; i++)
		CHECK_INTEGER(lseek(fd, i, SEEK_SET), i);
	await_of_process(o, EVENT_SYSCALL_EXIT, getpid());
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_SYSCALL_EXIT, getpid()}), 1);
}

/* call32 makes the call with -1, a count from 0, and 0. */
static void a_32_bit_program_calls_by_its_own_table(void)
{
	struct subscription_spec *spec = wish_call(EVENT_SYSCALL_ENTER, I386_CALL);
	char *arguments[] = {"call32", "3", "225", NULL};
	struct of_process called = {.kind = EVENT_SYSCALL_ENTER};
	struct observation *o;
	int status;

	require_integer(spec, "abi", SAMPLE_ABI_32);
	o = observe(spec);
	status = start_and_reap(run_program, &(struct program){program_path("call32"), arguments}, &called.pid);
	if (status == 127 << 8)
		scenario_skip("this kernel does not run 32-bit programs");
	CHECK_INTEGER(status, 0);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &called), 3);
	for (size_t i = 0; i < 3; i++) {
		const Capsule8__Api__V0__SyscallEvent *call = nth_event(o, matches_process, &called, i)->syscall;

		CHECK_INTEGER(call->abi, CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386);
		CHECK_INTEGER(call->id, I386_CALL);
		CHECK_INTEGER((int32_t)call->arg0, -1);
		CHECK_INTEGER(call->arg1, i);
	}
}

/* The same number is another call in the 64-bit table. */
static void a_filter_on_64_bit_calls_does_not_take_those_of_32_bit_programs(void)
{
	struct observation *o = observe(wish_call(EVENT_SYSCALL_ENTER, I386_CALL));
	char *arguments[] = {"call32", "3", "225", NULL};
	struct of_process called = {.kind = EVENT_SYSCALL_ENTER};

	if (start_and_reap(run_program, &(struct program){program_path("call32"), arguments}, &called.pid) == 127 << 8)
		scenario_skip("this kernel does not run 32-bit programs");
	syscall(I386_CALL, 0L, 0L, 0L);
	await_of_process(o, EVENT_SYSCALL_ENTER, getpid());
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &called), 0);
}

const struct scenario syscall_scenarios[] = {
	{"enter_tells_all_six_arguments", enter_tells_all_six_arguments},
	{"exit_tells_an_error_as_a_negative_errno", exit_tells_an_error_as_a_negative_errno},
	{"exit_tells_a_result_of_64_bits", exit_tells_a_result_of_64_bits},
	{"each_of_1000_calls_is_told_once_and_in_order", each_of_1000_calls_is_told_once_and_in_order},
	{"a_filter_on_an_argument_lets_only_its_calls_through", a_filter_on_an_argument_lets_only_its_calls_through},
	{"a_filter_on_the_result_lets_only_its_calls_through", a_filter_on_the_result_lets_only_its_calls_through},
	{"a_32_bit_program_calls_by_its_own_table", a_32_bit_program_calls_by_its_own_table},
	{"a_filter_on_64_bit_calls_does_not_take_those_of_32_bit_programs",
	 a_filter_on_64_bit_calls_does_not_take_those_of_32_bit_programs},
	{0},
};
