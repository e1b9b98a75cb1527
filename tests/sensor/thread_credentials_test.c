#include "sensor/thread_credentials.h"

#include <criterion/criterion.h>

static const struct credentials root = {.known = true}, user = {.known = true, .uid = 1000, .euid = 1000};

static struct thread_credentials table;

static void teardown(void)
{
	thread_credentials_done(&table);
}

TestSuite(thread_credentials, .fini = teardown);

Test(thread_credentials, a_thread_that_is_not_in_it_has_those_of_its_process)
{
	cr_expect_null(thread_credentials_find(&table, 1));
	thread_credentials_forget(&table, 1);
	thread_credentials_set(&table, 1, &user);
	cr_expect_null(thread_credentials_find(&table, 2));
}

Test(thread_credentials, the_last_that_was_set_counts_until_it_is_forgotten)
{
	thread_credentials_set(&table, 1, &user);
	thread_credentials_set(&table, 2, &root);
	thread_credentials_set(&table, 1, &root);
	cr_assert_not_null(thread_credentials_find(&table, 1));
	cr_expect(credentials_equal(thread_credentials_find(&table, 1), &root));
	thread_credentials_forget(&table, 1);
	cr_expect_null(thread_credentials_find(&table, 1));
	cr_expect_not_null(thread_credentials_find(&table, 2));
}

Test(thread_credentials, it_can_be_emptied_and_filled_again)
{
	thread_credentials_set(&table, 1, &user);
	thread_credentials_done(&table);
	cr_expect_null(thread_credentials_find(&table, 1));
	thread_credentials_set(&table, 1, &root);
	cr_expect_not_null(thread_credentials_find(&table, 1));
}
