#include "base/symbols.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>

static struct buffer out;

static void done(void)
{
	buffer_done(&out);
}

TestSuite(symbols, .fini = done);

static void expect(const char *expected)
{
	buffer_put_u8(&out, 0);
	cr_assert_str_eq((const char *)out.data, expected);
	buffer_clear(&out);
}

Test(symbols, signals_have_their_names)
{
	symbol_put_signal(&out, SIGSEGV);
	expect("SIGSEGV");
	symbol_put_signal(&out, SIGCHLD);
	expect("SIGCHLD");
}

Test(symbols, real_time_signals_count_from_the_first)
{
	symbol_put_signal(&out, (uint32_t)SIGRTMIN);
	expect("SIGRTMIN+0");
	symbol_put_signal(&out, (uint32_t)SIGRTMIN + 2);
	expect("SIGRTMIN+2");
}

Test(symbols, a_number_that_is_no_signal_stays_a_number)
{
	symbol_put_signal(&out, 200);
	expect("200");
	symbol_put_signal(&out, 0);
	expect("0");
}

Test(symbols, errors_have_their_names)
{
	cr_assert_str_eq(symbol_errno(2), "ENOENT");
	cr_assert_str_eq(symbol_errno(11), "EAGAIN");
	cr_assert_null(symbol_errno(0));
	cr_assert_null(symbol_errno(-2));
	cr_assert_null(symbol_errno(4000));
}

Test(symbols, the_kernels_own_errors_have_names_too)
{
	cr_assert_str_eq(symbol_errno(512), "ERESTARTSYS");
	cr_assert_str_eq(symbol_errno(516), "ERESTART_RESTARTBLOCK");
}

Test(symbols, clone_flags_begin_with_the_exit_signal)
{
	symbol_put_clone_flags(&out, CLONE_VM | CLONE_VFORK | SIGCHLD);
	expect("SIGCHLD|CLONE_VM|CLONE_VFORK");
	symbol_put_clone_flags(&out, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM);
	expect("CLONE_VM|CLONE_SIGHAND|CLONE_THREAD");
}

Test(symbols, clone_flags_beyond_32_bits_are_known)
{
	symbol_put_clone_flags(&out, UINT64_C(0x200000000));
	expect("CLONE_INTO_CGROUP");
}

Test(symbols, clone_flags_without_a_name_are_a_number)
{
	symbol_put_clone_flags(&out, UINT64_C(1) << 60 | CLONE_FS);
	expect("CLONE_FS|0x1000000000000000");
	symbol_put_clone_flags(&out, 0);
	expect("0");
}
