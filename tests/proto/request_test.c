#include "proto/capsule8_request.h"

#include "proto/capsule8_decoder.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

static struct subscription_spec *spec, *back;
static struct buffer bytes;
static struct error err;

static void set_up(void)
{
	spec = subscription_spec_new();
	cr_assert_not_null(spec);
	buffer_init(&bytes, 0);
}

static void tear_down(void)
{
	spec = subscription_spec_free(spec);
	back = subscription_spec_free(back);
	buffer_done(&bytes);
}

TestSuite(request, .init = set_up, .fini = tear_down);

static struct clause *add(enum event_kind kind)
{
	struct clause *clause = subscription_spec_add(spec, kind);

	cr_assert_not_null(clause);
	return clause;
}

static void add_integer(struct clause *clause, const char *name, uint64_t value)
{
	cr_assert_eq(clause_add(clause, name, PREDICATE_EQUAL, value, NULL, &err), 0, "%s", err.message);
}

static void add_string(struct clause *clause, enum predicate_operator op, const char *string)
{
	cr_assert_eq(clause_add(clause, "exec_filename", op, 0, string, &err), 0, "%s", err.message);
}

static void there_and_back(void)
{
	cr_assert_eq(capsule8_encode_request(spec, &bytes, &err), 0, "%s", err.message);
	cr_assert_eq(capsule8_decode_request(bytes.data, bytes.length, &back, &err), 0, "%s", err.message);
}

Test(request, what_is_asked_for_is_what_the_sensor_understands)
{
	struct clause *clause = add(EVENT_SYSCALL_ENTER);

	add_integer(clause, "id", 257);
	add_integer(clause, "abi", SAMPLE_ABI_64);
	add_integer(clause, "arg0", 0);
	add_integer(clause, "arg5", UINT64_MAX);
	clause = add(EVENT_SYSCALL_EXIT);
	add_integer(clause, "id", 5);
	add_integer(clause, "abi", SAMPLE_ABI_32);
	add_integer(clause, "ret", (uint64_t)-2);
	add(EVENT_PROCESS_FORK);
	clause = add(EVENT_PROCESS_EXEC);
	add_string(clause, PREDICATE_EQUAL, "/bin/gr\xc3\xbcn");
	add_string(clause, PREDICATE_GLOB, "*");
	clause = add(EVENT_PROCESS_EXIT);
	add_integer(clause, "exit_code", (uint64_t)INT64_C(-1));
	add(EVENT_CHARGEN)->length = 65536;
	add(EVENT_TICKER)->interval_ns = 1;
	spec->limit = 10;
	there_and_back();
	cr_expect(subscription_spec_equal(spec, back));
}

Test(request, a_call_without_an_abi_is_one_of_64_bit_programs)
{
	add_integer(add(EVENT_SYSCALL_ENTER), "id", 1);
	there_and_back();
	cr_assert_eq(back->clauses[0].predicate_count, 2);
	cr_expect_str_eq(back->clauses[0].predicates[1].field->name, "abi");
	cr_expect_eq(back->clauses[0].predicates[1].integer, SAMPLE_ABI_64);
}

Test(request, it_is_put_behind_what_the_buffer_has)
{
	add(EVENT_PROCESS_EXEC);
	buffer_put_string(&bytes, "before");
	cr_assert_eq(capsule8_encode_request(spec, &bytes, &err), 0);
	cr_expect_eq(memcmp(bytes.data, "before", 6), 0);
	cr_expect_eq(capsule8_decode_request(bytes.data + 6, bytes.length - 6, &back, &err), 0);
}

static void expect_refused(const char *piece)
{
	cr_assert_eq(capsule8_encode_request(spec, &bytes, &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, piece), "%s", err.message);
	cr_expect_eq(bytes.length, 0);
}

Test(request, fields_that_filters_do_not_have_are_refused)
{
	add_integer(add(EVENT_PROCESS_EXIT), "exit_signal", 9);
	expect_refused("exit_signal");
}

Test(request, predicates_on_what_a_generator_makes_are_refused)
{
	add_integer(add(EVENT_TICKER), "seconds", 9);
	expect_refused("seconds");
}

Test(request, two_values_for_one_field_are_refused)
{
	struct clause *clause = add(EVENT_SYSCALL_ENTER);

	add_integer(clause, "arg1", 1);
	add_integer(clause, "arg1", 2);
	expect_refused("arg1: asked for twice");
}

Test(request, lost_events_cannot_be_asked_for)
{
	add(EVENT_LOST);
	expect_refused("lost");
}

Test(request, a_limit_that_the_contract_cannot_say_is_refused)
{
	add(EVENT_PROCESS_EXEC);
	spec->limit = UINT64_MAX;
	expect_refused("limit");
}
