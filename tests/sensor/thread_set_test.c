#include "sensor/thread_set.h"

#include <criterion/criterion.h>

Test(thread_set, telling_twice_changes_nothing)
{
	struct thread_set s;

	thread_set_init(&s);
	cr_expect(thread_set_add(&s, 7));
	cr_expect(thread_set_add(&s, 7));
	cr_expect_eq(s.count, 1);
	cr_expect_null(s.more);
	cr_expect(thread_set_remove(&s, 7));
	cr_expect_not(thread_set_remove(&s, 7));
	cr_expect_eq(s.count, 0);
	thread_set_done(&s);
}

Test(thread_set, it_grows_and_is_emptied_in_any_order)
{
	struct thread_set s;

	thread_set_init(&s);
	for (uint32_t i = 0; i < 1000; i++)
		cr_assert(thread_set_add(&s, 5000 + i));
	cr_assert_eq(s.count, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		cr_assert(thread_set_remove(&s, 5000 + (i * 7) % 1000));
	cr_expect_eq(s.count, 0);
	thread_set_done(&s);
}

Test(thread_set, a_reset_leaves_one)
{
	struct thread_set s;

	thread_set_init(&s);
	for (uint32_t i = 0; i < 20; i++)
		cr_assert(thread_set_add(&s, i + 1));
	thread_set_reset(&s, 3);
	cr_expect_eq(s.count, 1);
	cr_expect(thread_set_remove(&s, 3));
	cr_expect_not(thread_set_remove(&s, 4));
	thread_set_done(&s);
}
