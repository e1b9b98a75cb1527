#include "tracing/syscall_table.h"

#include <criterion/criterion.h>
#include <sys/syscall.h>

Test(syscall_table, a_name_has_its_own_number_in_each_table)
{
	cr_assert_eq(syscall_number(SAMPLE_ABI_64, "openat"), SYS_openat);
	cr_assert_eq(syscall_number(SAMPLE_ABI_32, "openat"), 295);
	cr_assert_eq(syscall_number(SAMPLE_ABI_64, "read"), 0);
	cr_assert_eq(syscall_number(SAMPLE_ABI_32, "read"), 3);
}

Test(syscall_table, a_number_has_its_own_name_in_each_table)
{
	cr_assert_str_eq(syscall_name(SAMPLE_ABI_64, SYS_getppid), "getppid");
	cr_assert_str_eq(syscall_name(SAMPLE_ABI_32, 64), "getppid");
	cr_assert_str_eq(syscall_name(SAMPLE_ABI_32, 102), "socketcall");
}

Test(syscall_table, an_unknown_abi_is_read_as_64_bit)
{
	cr_assert_str_eq(syscall_name(SAMPLE_ABI_UNKNOWN, SYS_execve), "execve");
	cr_assert_eq(syscall_number(SAMPLE_ABI_UNKNOWN, "execve"), SYS_execve);
}

Test(syscall_table, a_name_that_only_one_table_has_is_missing_in_the_other)
{
	cr_assert_eq(syscall_number(SAMPLE_ABI_64, "socketcall"), -1);
	cr_assert_eq(syscall_number(SAMPLE_ABI_32, "arch_prctl"), 384);
	cr_assert_eq(syscall_number(SAMPLE_ABI_32, "accept"), -1);
}

Test(syscall_table, numbers_outside_of_the_table_have_no_name)
{
	cr_assert_null(syscall_name(SAMPLE_ABI_64, -1));
	cr_assert_null(syscall_name(SAMPLE_ABI_64, INT64_MAX));
	cr_assert_null(syscall_name(SAMPLE_ABI_64, syscall_count(SAMPLE_ABI_64)));
	cr_assert_null(syscall_name(SAMPLE_ABI_32, syscall_count(SAMPLE_ABI_32)));
	/* The tables of all architectures leave the numbers free that x86-64 had already given away. */
	cr_assert_null(syscall_name(SAMPLE_ABI_64, 400));
}

Test(syscall_table, every_name_leads_back_to_its_number)
{
	static const enum sample_abi abis[] = {SAMPLE_ABI_64, SAMPLE_ABI_32};

	for (size_t i = 0; i < 2; i++) {
		int64_t named = 0;

		for (int64_t number = 0; number < syscall_count(abis[i]); number++) {
			const char *name = syscall_name(abis[i], number);

			if (!name)
				continue;
			named++;
			cr_assert_eq(syscall_number(abis[i], name), number, "%s", name);
		}
		cr_assert_gt(named, 300);
	}
}
