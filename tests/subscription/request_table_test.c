#include "subscription/request_table.h"

#include <criterion/criterion.h>

static struct request_table table;

static void teardown(void)
{
	request_table_sweep(&table);
	cr_expect_null(table.entries, "all clauses are gone");
}

TestSuite(request_table, .fini = teardown);

static void add(struct subscription_spec *spec, enum event_kind kind, const char *symbol)
{
	struct clause *clause = subscription_spec_add(spec, kind);

	cr_assert_eq(probe_request_new_call(&clause->request, kind, NULL, symbol, NULL, 0, NULL, NULL), 0);
}

Test(request_table, clauses_that_ask_for_the_same_share_one_request)
{
	struct subscription_spec *first = subscription_spec_new(), *second = subscription_spec_new();
	const struct probe_request *shared;

	add(first, EVENT_KERNEL_CALL_ENTER, "vfs_read");
	subscription_spec_add(first, EVENT_FILE_OPEN);
	add(first, EVENT_KERNEL_CALL_ENTER, "vfs_read");
	add(second, EVENT_KERNEL_CALL_ENTER, "vfs_read");
	add(second, EVENT_KERNEL_CALL_ENTER, "vfs_write");
	cr_assert_eq(request_table_intern(&table, first), 0);
	cr_assert_eq(request_table_intern(&table, second), 0);
	shared = first->clauses[0].request;
	cr_expect_eq(first->clauses[2].request, shared);
	cr_expect_null(first->clauses[1].request);
	cr_expect_eq(second->clauses[0].request, shared);
	cr_expect_neq(second->clauses[1].request, shared);
	cr_expect_eq(shared->references, 4, "three clauses and the table");
	cr_expect_eq(request_table_find(&table, shared)->request, shared);
	subscription_spec_free(first);
	subscription_spec_free(second);
}

Test(request_table, the_kind_is_part_of_what_is_asked_for)
{
	struct subscription_spec *spec = subscription_spec_new();

	add(spec, EVENT_KERNEL_CALL_ENTER, "f");
	add(spec, EVENT_KERNEL_CALL_EXIT, "f");
	cr_assert_eq(request_table_intern(&table, spec), 0);
	cr_expect_neq(spec->clauses[0].request, spec->clauses[1].request);
	subscription_spec_free(spec);
}

Test(request_table, a_sweep_takes_what_nobody_has_and_leaves_the_rest)
{
	struct subscription_spec *kept = subscription_spec_new(), *gone = subscription_spec_new();
	const struct probe_request *request;

	add(kept, EVENT_KERNEL_CALL_ENTER, "kept");
	add(gone, EVENT_KERNEL_CALL_ENTER, "kept");
	add(gone, EVENT_KERNEL_CALL_ENTER, "gone");
	cr_assert_eq(request_table_intern(&table, kept), 0);
	cr_assert_eq(request_table_intern(&table, gone), 0);
	request = kept->clauses[0].request;
	subscription_spec_free(gone);
	request_table_sweep(&table);
	cr_assert_not_null(table.entries);
	cr_expect_null(table.entries->next);
	cr_expect_eq(request->references, 2);
	cr_expect_not_null(request_table_find(&table, request));
	subscription_spec_free(kept);
}

Test(request_table, what_a_plan_still_has_outlives_the_table)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct probe_request *of_plan;

	add(spec, EVENT_KERNEL_CALL_ENTER, "f");
	cr_assert_eq(request_table_intern(&table, spec), 0);
	of_plan = probe_request_ref(spec->clauses[0].request);
	subscription_spec_free(spec);
	request_table_sweep(&table);
	cr_expect_not_null(request_table_find(&table, of_plan));
	request_table_done(&table);
	cr_expect_null(table.entries);
	cr_expect_eq(of_plan->references, 1);
	probe_request_unref(of_plan);
}

Test(request_table, interning_twice_changes_nothing)
{
	struct subscription_spec *spec = subscription_spec_new();
	const struct probe_request *request;

	add(spec, EVENT_KERNEL_CALL_ENTER, "f");
	cr_assert_eq(request_table_intern(&table, spec), 0);
	request = spec->clauses[0].request;
	cr_assert_eq(request_table_intern(&table, spec), 0);
	cr_expect_eq(spec->clauses[0].request, request);
	cr_expect_eq(request->references, 2);
	subscription_spec_free(spec);
}
