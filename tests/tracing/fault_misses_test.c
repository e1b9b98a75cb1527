#include "tracing/fault_misses.h"

#include <criterion/criterion.h>

Test(fault_misses, can_come_of_fetchargs_that_follow_pointers_only)
{
	cr_assert(fault_misses_can_come_of("a=%di:u64 name=+0(+0(%si)):string"));
	cr_assert(fault_misses_can_come_of("a=@jiffies:u64"));
	cr_assert_not(fault_misses_can_come_of("a=%di:u64 b=$retval:s32 c=\\5"));
	cr_assert_not(fault_misses_can_come_of(""));
	cr_assert_not(fault_misses_can_come_of(NULL));
}
