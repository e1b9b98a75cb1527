#include "sensor/call_table.h"

#include <criterion/criterion.h>
#include <string.h>

static struct call_table *table;

static void setup(void)
{
	table = call_table_new();
	cr_assert_not_null(table);
}

static void teardown(void)
{
	table = call_table_free(table);
}

TestSuite(call_table, .init = setup, .fini = teardown);

Test(call_table, a_call_that_begins_is_empty_and_its_strings_are_never_null)
{
	const struct call *call = call_table_begin(table, 7, 3, 1000);

	cr_expect_eq(call->tid, 7);
	cr_expect_eq(call->sort, 3);
	cr_expect_eq(call->time_ns, 1000);
	cr_expect_not(call->truncated || call->unknown || call->told);
	for (int i = 0; i < 6; i++)
		cr_expect_eq(call->numbers[i], 0);
	for (int i = 0; i < CALL_STRINGS; i++)
		cr_expect_str_eq(call->strings[i].bytes, "");
}

Test(call_table, calls_are_told_apart_by_thread_and_sort)
{
	call_table_begin(table, 1, 1, 0)->numbers[0] = 11;
	call_table_begin(table, 1, 2, 0)->numbers[0] = 12;
	call_table_begin(table, 2, 1, 0)->numbers[0] = 21;
	cr_expect_eq(call_table_find(table, 1, 2)->numbers[0], 12);
	cr_expect_null(call_table_find(table, 2, 2));
	cr_expect_eq(call_table_end(table, 1, 1)->numbers[0], 11);
	cr_expect_null(call_table_find(table, 1, 1));
	cr_expect_null(call_table_end(table, 1, 1));
	cr_expect_eq(call_table_find(table, 2, 1)->numbers[0], 21);
}

Test(call_table, one_whose_end_never_came_is_replaced_whole)
{
	struct call *call = call_table_begin(table, 1, 1, 10);

	call_set_string(call, 0, "old", 3);
	call->unknown = true;
	call = call_table_begin(table, 1, 1, 20);
	cr_expect_eq(call->time_ns, 20);
	cr_expect_eq(call->strings[0].length, 0);
	cr_expect_not(call->unknown);
	cr_expect_eq(call_table_forgotten(table), 0);
}

Test(call_table, strings_are_copied_and_live_until_the_next_end)
{
	char name[] = "name", other[] = "a longer one";
	struct call *call = call_table_begin(table, 1, 1, 0);
	const struct call *ended;

	call_set_string(call, 1, name, 4);
	call_set_string(call, 3, other, 8);
	memset(name, 'x', 4);
	memset(other, 'x', 8);
	ended = call_table_end(table, 1, 1);
	cr_expect_str_eq(ended->strings[1].bytes, "name");
	cr_expect_str_eq(ended->strings[3].bytes, "a longer");
	cr_expect_eq(ended->strings[3].length, 8);
	cr_expect_eq(ended->strings[0].length, 0);
}

Test(call_table, a_string_that_is_set_again_takes_the_place_of_the_other_even_when_it_is_empty)
{
	struct call *call = call_table_begin(table, 1, 1, 0);

	call_set_string(call, 0, "first", 5);
	call_set_string(call, 0, "second", 6);
	cr_expect_str_eq(call->strings[0].bytes, "second");
	call_set_string(call, 0, NULL, 0);
	cr_expect_str_eq(call->strings[0].bytes, "");
	cr_expect_eq(call->strings[0].length, 0);
	cr_expect_not(call->unknown);
}

Test(call_table, beyond_its_bound_the_oldest_is_forgotten_and_counted)
{
	for (uint32_t i = 0; i < CALL_TABLE_MAX; i++)
		cr_assert_not_null(call_table_begin(table, i, 1, i));
	cr_expect_eq(call_table_forgotten(table), 0);
	call_table_begin(table, 0, 1, 0);
	cr_expect_eq(call_table_forgotten(table), 0, "it took its own place");
	call_table_begin(table, CALL_TABLE_MAX, 1, 0);
	call_table_begin(table, CALL_TABLE_MAX + 1, 1, 0);
	cr_expect_eq(call_table_forgotten(table), 2);
	cr_expect_null(call_table_find(table, 1, 1));
	cr_expect_null(call_table_find(table, 2, 1));
	cr_expect_not_null(call_table_find(table, 0, 1), "it had begun anew");
	cr_expect_not_null(call_table_find(table, 3, 1));
}

Test(call_table, the_calls_of_a_thread_end_with_it)
{
	call_table_forget(table, 1);
	for (uint32_t sort = 0; sort < CALL_SORTS; sort++) {
		call_set_string(call_table_begin(table, 1, sort, 0), 0, "string", 6);
		call_table_begin(table, 2, sort, 0);
	}
	call_table_forget(table, 1);
	for (uint32_t sort = 0; sort < CALL_SORTS; sort++) {
		cr_expect_null(call_table_find(table, 1, sort));
		cr_expect_not_null(call_table_find(table, 2, sort));
	}
	cr_expect_eq(call_table_forgotten(table), 0);
}

Test(call_table, freeing_nothing_is_allowed)
{
	cr_expect_null(call_table_free(NULL));
}
