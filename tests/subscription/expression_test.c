#include "subscription/expression.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static struct expression *field(const char *name)
{
	return expression_new_field(name, 1);
}

static struct expression *signed_value(int64_t value)
{
	return expression_new_integer(VALUE_SINT64, (uint64_t)value, 2);
}

static struct expression *unsigned_value(uint64_t value)
{
	return expression_new_integer(VALUE_UINT64, value, 2);
}

static struct expression *text(const char *value)
{
	return expression_new_string(value, 2);
}

static struct expression *op(enum expression_type type, struct expression *left, struct expression *right)
{
	return expression_new(type, left, right, 3);
}

/* Checks it and frees it. `position`: of the node that the sentence is about. */
static void expect_refusal_at(int line, enum event_kind kind, struct expression *e, uint32_t position, const char *sentence)
{
	const struct expression *at = NULL;
	struct error err = {0};

	cr_assert_not_null(e);
	cr_assert_eq(expression_check(e, kind, NULL, &at, &err), -EINVAL, "line %d", line);
	cr_expect_str_eq(err.message, sentence, "line %d: %s", line, err.message);
	cr_assert_not_null(at);
	cr_expect_eq(at->position, position, "line %d: %u", line, at->position);
	expression_free(e);
}
#define expect_refusal(...) expect_refusal_at(__LINE__, __VA_ARGS__)

Test(expression, what_cannot_be_meant_is_refused_with_the_place_and_the_reason)
{
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_EQ, field("filname"), text("x")), 1,
		       "process:exec has no field \"filname\" (it has exec_filename; and pid, tid, cpu, comm, uid and others that all "
		       "events have)");
	expect_refusal(EVENT_TICKER, op(EXPRESSION_EQ, field("pid"), signed_value(1)), 1,
		       "ticker has no field \"pid\" (it has seconds, nanoseconds)");
	expect_refusal(EVENT_PROCESS_EXEC, field("filename"), 1, "exec_filename alone is no condition: compare it with something");
	expect_refusal(EVENT_PROCESS_EXEC, signed_value(1), 2, "SINT64 is not a condition");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_BITWISE_AND, field("uid"), signed_value(1)), 3, "UINT32 is not a condition");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_AND, op(EXPRESSION_EQ, field("uid"), signed_value(0)), field("gid")), 1,
		       "gid alone is no condition: compare it with something");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_EQ, field("uid"), text("root")), 2, "uid is a number, and \"root\" is a string");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_EQ, signed_value(0), field("filename")), 2,
		       "exec_filename is a string, and 0 is not");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_EQ, field("uid"), signed_value(-1)), 2,
		       "-1 does not fit into uid, which is UINT32");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_GT, field("uid"), unsigned_value(UINT64_C(1) << 32)), 2,
		       "4294967296 does not fit into uid, which is UINT32");
	expect_refusal(EVENT_PROCESS_EXIT, op(EXPRESSION_EQ, field("exit_code"), signed_value(INT64_C(-2147483649))), 2,
		       "-2147483649 does not fit into exit_code, which is SINT32");
	expect_refusal(EVENT_SYSCALL_EXIT, op(EXPRESSION_EQ, field("ret"), unsigned_value(UINT64_C(1) << 63)), 2,
		       "9223372036854775808 does not fit into ret, which is SINT64");
	expect_refusal(EVENT_SYSCALL_EXIT, op(EXPRESSION_EQ, field("ret"), expression_new_double(1.5, 2)), 2,
		       "1.5 does not fit into ret, which is SINT64");
	expect_refusal(EVENT_SYSCALL_EXIT, op(EXPRESSION_EQ, field("ret"), expression_new_double(NAN, 2)), 2,
		       "nan cannot be compared with anything");
	expect_refusal(EVENT_SYSCALL_EXIT, op(EXPRESSION_EQ, field("ret"), expression_new_bool(true, 2)), 2,
		       "ret is a number, and true is not");
	expect_refusal(EVENT_SYSCALL_EXIT,
		       op(EXPRESSION_EQ, field("ret"), expression_new_timestamp((struct expression_timestamp){1, 0}, 2)), 2,
		       "the time 1.000000000 does not fit into ret, which is SINT64");
	expect_refusal(EVENT_TICKER,
		       op(EXPRESSION_EQ, field("nanoseconds"), expression_new_timestamp((struct expression_timestamp){INT64_MAX, 0}, 2)), 2,
		       "the time 9223372036854775807.000000000 does not fit into nanoseconds, which is SINT64");
	expect_refusal(EVENT_TICKER, op(EXPRESSION_EQ, field("seconds"), expression_new_timestamp((struct expression_timestamp){1, 1}, 2)),
		       2, "the time 1.000000001 does not fit into seconds, which is SINT64");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_LT, field("filename"), text("x")), 3,
		       "STRING has no order: only = and != compare it, and LIKE");
	expect_refusal(EVENT_PROCESS_EXIT, op(EXPRESSION_GE, field("exit_core_dumped"), expression_new_bool(true, 2)), 3,
		       "BOOL has no order: only = and != compare it");
	expect_refusal(EVENT_PROCESS_EXIT, op(EXPRESSION_EQ, field("exit_core_dumped"), signed_value(2)), 2,
		       "2 does not fit into exit_core_dumped, which is BOOL");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_LIKE, field("uid"), text("*")), 1, "LIKE needs a string field on its left");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_LIKE, text("a"), text("*")), 2, "LIKE needs a string field on its left");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_LIKE, field("filename"), field("comm")), 1,
		       "LIKE needs a pattern on its right, a string");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_IS_NULL, text("a"), NULL), 2, "IS NULL and IS NOT NULL need a field");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_BITWISE_AND, field("filename"), text("a")), 3,
		       "STRING has no bits: & needs integers");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_EQ, field("filename"), field("uid")), 3,
		       "STRING and UINT32 are of different types");
	expect_refusal(EVENT_PROCESS_EXEC,
		       op(EXPRESSION_EQ, op(EXPRESSION_EQ, field("uid"), signed_value(1)), expression_new_bool(true, 2)), 3,
		       "a condition cannot be compared; only fields and values can");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_EQ, text("1"), signed_value(1)), 2, "STRING and SINT64 are of different types");
	expect_refusal(EVENT_PROCESS_EXEC, op(EXPRESSION_EQ, signed_value(-1), unsigned_value(UINT64_MAX)), 2,
		       "-1 cannot be compared with a value beyond the largest SINT64");
}

static void expect_checked(enum event_kind kind, struct expression *e)
{
	struct error err = {0};

	cr_assert_eq(expression_check(e, kind, NULL, NULL, &err), 0, "%s", err.message);
}

Test(expression, values_get_the_type_of_what_they_are_compared_with_when_they_fit_exactly)
{
	struct expression *e = op(EXPRESSION_EQ, field("uid"), expression_new_double(1000, 0));

	expect_checked(EVENT_PROCESS_EXEC, e);
	cr_expect_eq(e->first->next->value_type, VALUE_UINT32);
	cr_expect_eq(e->first->next->integer, 1000);
	expression_free(e);

	e = op(EXPRESSION_EQ, field("nanoseconds"), expression_new_timestamp((struct expression_timestamp){-1, 5}, 0));
	expect_checked(EVENT_TICKER, e);
	cr_expect_eq((int64_t)e->first->next->integer, -999999995);
	expression_free(e);

	e = op(EXPRESSION_NE, op(EXPRESSION_BITWISE_AND, unsigned_value(1), field("open_flags")), signed_value(0));
	expect_checked(EVENT_FILE_OPEN, e);
	cr_expect_eq(e->value_type, VALUE_BOOL);
	cr_expect_eq(e->first->value_type, VALUE_SINT32);
	cr_expect_eq(e->first->next->value_type, VALUE_SINT32);
	expression_free(e);
}

Test(expression, chains_are_one_level_and_names_are_looked_up_by_their_short_form_too)
{
	struct expression *e = op(EXPRESSION_EQ, field("filename"), text("0"));
	struct expression *same;

	for (int i = 1; i < 1000; i++) {
		struct expression *next = op(EXPRESSION_EQ, field("exec_filename"), text("1"));

		e = i % 2 ? op(EXPRESSION_OR, e, next) : op(EXPRESSION_OR, next, e);
	}
	expect_checked(EVENT_PROCESS_EXEC, e);
	cr_expect_eq(e->type, EXPRESSION_OR);
	cr_expect(expression_has_field(e, catalog_field(EVENT_PROCESS_EXEC, "filename")));
	cr_expect(expression_binds(e, catalog_field(EVENT_PROCESS_EXEC, "filename")));
	same = e->first;
	cr_expect(expression_equal(same->next, same->next->next));
	expression_free(e);
}

Test(expression, too_deep_and_too_large_trees_are_refused)
{
	struct expression *e = op(EXPRESSION_EQ, field("uid"), signed_value(0));

	for (int i = 0; i < EXPRESSION_DEPTH_MAX; i++)
		e = op(i % 2 ? EXPRESSION_OR : EXPRESSION_AND, e, op(EXPRESSION_EQ, field("uid"), signed_value(0)));
	expect_refusal(EVENT_PROCESS_EXEC, e, 3, "the expression is deeper than 100 levels");
	e = op(EXPRESSION_EQ, field("uid"), signed_value(0));
	for (int i = 0; i < EXPRESSION_NODES_MAX / 3; i++)
		e = op(EXPRESSION_OR, op(EXPRESSION_EQ, field("uid"), signed_value(0)), e);
	expect_refusal(EVENT_PROCESS_EXEC, e, 3, "the expression has more than 4096 parts");
}

Test(expression, what_binds_a_field_holds_for_a_bounded_set_of_its_values_only)
{
	const struct catalog_field *id = catalog_field(EVENT_SYSCALL_EXIT, "id");
	struct expression *e = op(EXPRESSION_EQ, field("id"), signed_value(1));

	expect_checked(EVENT_SYSCALL_EXIT, e);
	cr_expect(expression_binds(e, id));
	e = op(EXPRESSION_OR, e,
	       op(EXPRESSION_AND, op(EXPRESSION_EQ, signed_value(2), field("id")), op(EXPRESSION_LT, field("ret"), signed_value(0))));
	expect_checked(EVENT_SYSCALL_EXIT, e);
	cr_expect(expression_binds(e, id));
	e = op(EXPRESSION_OR, e, op(EXPRESSION_LT, field("id"), signed_value(3)));
	expect_checked(EVENT_SYSCALL_EXIT, e);
	cr_expect_not(expression_binds(e, id));
	cr_expect_not(expression_binds(e, catalog_field(EVENT_SYSCALL_EXIT, "ret")));
	cr_expect_not(expression_binds(NULL, id));
	expression_free(e);
}

Test(expression, what_misses_an_operand_is_nothing)
{
	cr_assert_null(expression_new(EXPRESSION_EQ, NULL, signed_value(1), 0));
	cr_assert_null(expression_new(EXPRESSION_EQ, field("uid"), NULL, 0));
	cr_assert_null(expression_new(EXPRESSION_IS_NULL, NULL, NULL, 0));
	cr_assert_null(expression_free(NULL));
}
