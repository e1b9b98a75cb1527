#include "subscription/spec.h"

#include "sensor/probe_request.h"
#include "subscription/query_parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static void expect_description(const struct subscription_spec *spec, const char *expected)
{
	struct buffer text;
	char *string;

	buffer_init(&text, 0);
	subscription_spec_describe(spec, &text);
	string = (char *)buffer_take(&text, NULL);
	cr_assert_str_eq(string, expected);
	free(string);
}

static struct subscription_spec *make_two_clauses(void)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_SYSCALL_EXIT);

	cr_assert_eq(clause_add(clause, "id", PREDICATE_EQUAL, 257, NULL, NULL), 0);
	cr_assert_eq(clause_add(clause, "ret", PREDICATE_EQUAL, (uint64_t)-2, NULL, NULL), 0);
	clause = subscription_spec_add(spec, EVENT_PROCESS_EXEC);
	cr_assert_eq(clause_add(clause, "exec_filename", PREDICATE_GLOB, 0, "/usr/*", NULL), 0);
	return spec;
}

Test(spec, a_copy_asks_for_the_same_and_outlives_it)
{
	static const char text[] = "kernel_call:vfs_read(path=+0(%di):string,n=%si:u64) where (path like '/etc/*' or n & 4095 = 0) and "
				   "(uid != 0 or pid is not null); ticker:1s; process:exec where exec_filename != 'a' and uid = euid; "
				   "file:open; container name 'web'; container image 'nginx*'; limit 10; throttle 100ms; since 1h; for 10m";
	struct subscription_spec *spec = NULL, *copy, *second;
	struct error err = {0};

	cr_assert_eq(query_parse(text, &spec, NULL, &err), 0, "%s", err.message);
	cr_assert_eq(clause_refuse(subscription_spec_add(spec, EVENT_FILE_OPEN), 12, "clause %d", 5), 0);
	copy = subscription_spec_copy(spec);
	cr_assert_not_null(copy);
	cr_expect(subscription_spec_equal(spec, copy));
	cr_expect_eq(copy->clauses[0].request, spec->clauses[0].request);
	cr_expect_eq(copy->clauses[0].request->references, 2);
	subscription_spec_free(spec);
	cr_expect_eq(copy->clauses[0].request->references, 1);
	cr_expect_str_eq(copy->clauses[copy->clause_count - 1].refusal, "clause 5");
	/* All that it has can be used. */
	second = subscription_spec_copy(copy);
	cr_assert_not_null(second);
	cr_expect(subscription_spec_equal(copy, second));
	cr_assert_eq(clause_add(&second->clauses[2], "exec_filename", PREDICATE_EQUAL, 0, "b", NULL), 0);
	cr_expect_not(subscription_spec_equal(copy, second));
	subscription_spec_free(copy);
	subscription_spec_free(second);
}

Test(spec, an_empty_one_is_copied_too)
{
	struct subscription_spec *spec = subscription_spec_new(), *copy;

	spec->containers = container_filter_new();
	copy = subscription_spec_copy(spec);
	cr_assert_not_null(copy);
	cr_expect(subscription_spec_equal(spec, copy));
	subscription_spec_free(spec);
	cr_expect_eq(copy->clause_count, 0);
	cr_expect_eq(copy->containers->count, 0);
	subscription_spec_free(copy);
}

Test(spec, a_description_says_every_clause_in_words)
{
	struct subscription_spec *spec = make_two_clauses();

	spec->limit = 10;
	expect_description(spec,
			   "syscall:exit where id = openat and ret = -ENOENT; process:exec where exec_filename like '/usr/*'; limit 10");
	subscription_spec_free(spec);
}

Test(spec, a_description_says_the_modifiers_and_the_window)
{
	struct subscription_spec *spec = subscription_spec_new();

	subscription_spec_add(spec, EVENT_PROCESS_FORK);
	spec->throttle_ns = 100000000;
	spec->since_ns = UINT64_C(5400000000000);
	spec->has_for = true;
	expect_description(spec, "process:fork; throttle 100ms; since 90m; for 0s");
	spec->limit = 3;
	spec->throttle_ns = UINT64_C(7200000000000);
	spec->since_ns = 0;
	spec->for_ns = 1001;
	expect_description(spec, "process:fork; limit 3; throttle 2h; for 1001ns");
	subscription_spec_free(spec);
}

Test(spec, a_description_says_of_which_containers_and_can_be_read_again)
{
	static const char text[] = "process:exec; container id '4f57c1af3f04'; container name 'web'; container image_id '0011'; container "
				   "image 'nginx*'; limit 1";
	struct subscription_spec *spec = subscription_spec_new(), *again;
	struct error err = {0};

	subscription_spec_add(spec, EVENT_PROCESS_EXEC);
	spec->limit = 1;
	spec->containers = container_filter_new();
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_ID, "4f57c1af3f04", NULL), 0);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_NAME, "/web", NULL), 0);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_IMAGE_ID, "sha256:0011", NULL), 0);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_IMAGE_NAME, "nginx*", NULL), 0);
	expect_description(spec, text);
	cr_assert_eq(query_parse(text, &again, NULL, &err), 0, "%s", err.message);
	cr_expect(subscription_spec_equal(spec, again));
	subscription_spec_free(again);
	cr_assert_eq(query_parse("process:exec; container web", &again, NULL, &err), 0, "%s", err.message);
	expect_description(again, "process:exec; container name 'web'; container image 'web'");
	subscription_spec_free(again);
	cr_assert_eq(query_parse("process:exec; container id 'x y'", &again, NULL, &err), -EINVAL);
	cr_expect_eq(strncmp(err.message, "column 28: ", 11), 0, "%s", err.message);
	cr_assert_eq(query_parse("process:exec; container id 'x", &again, NULL, &err), -EINVAL);
	cr_expect_str_eq(err.message, "column 28: the string is not closed: there is no other '");
	subscription_spec_free(spec);
}

Test(spec, a_description_of_generators_says_their_parameters)
{
	struct subscription_spec *spec = subscription_spec_new();

	subscription_spec_add(spec, EVENT_TICKER)->interval_ns = 1000000;
	subscription_spec_add(spec, EVENT_CHARGEN)->length = 72;
	subscription_spec_add(spec, EVENT_PROCESS_FORK);
	expect_description(spec, "ticker:1ms; chargen:72; process:fork");
	subscription_spec_free(spec);
}

Test(spec, a_description_escapes_what_a_client_wrote)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_PROCESS_EXEC);

	cr_assert_eq(clause_add(clause, "exec_filename", PREDICATE_EQUAL, 0, "a\"\n\\", NULL), 0);
	clause = subscription_spec_add(spec, EVENT_KIND_COUNT);
	clause->refusal = strdup("file events: not \"yet\"");
	expect_description(spec, "process:exec where exec_filename = 'a\"\\n\\\\'; unserved('file events: not \"yet\"')");
	subscription_spec_free(spec);
}

Test(spec, an_unknown_field_is_refused_with_those_there_are)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_SYSCALL_EXIT);
	struct error err;

	cr_assert_eq(clause_add(clause, "arg0", PREDICATE_EQUAL, 1, NULL, &err), -EINVAL);
	cr_assert_str_eq(
		err.message,
		"syscall:exit has no field \"arg0\" (it has id, abi, ret; and pid, tid, cpu, comm, uid and others that all events have)");
	cr_assert_null(clause->filter);
	subscription_spec_free(spec);
}

Test(spec, an_operator_or_value_that_does_not_fit_the_type_is_refused)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *exec = subscription_spec_add(spec, EVENT_PROCESS_EXEC), *exit;
	struct error err;

	cr_assert_eq(clause_add(exec, "exec_filename", PREDICATE_EQUAL, 5, NULL, &err), -EINVAL);
	cr_assert_str_eq(err.message, "exec_filename is a string, and 5 is not");
	exit = subscription_spec_add(spec, EVENT_PROCESS_EXIT);
	cr_assert_eq(clause_add(exit, "exit_code", PREDICATE_GLOB, 5, NULL, &err), -EINVAL);
	cr_assert_eq(clause_add(exit, "exit_code", PREDICATE_EQUAL, 0, "5", &err), -EINVAL);
	cr_assert_eq(clause_add(exit, "exit_code", PREDICATE_EQUAL, UINT64_C(1) << 31, NULL, &err), -EINVAL);
	cr_assert_str_eq(err.message, "2147483648 does not fit into exit_code, which is SINT32");
	cr_assert_eq(clause_add(exit, "exit_code", PREDICATE_EQUAL, (uint64_t)INT32_MIN, NULL, &err), 0);
	cr_assert_eq(clause_add(exit, "exit_status", PREDICATE_EQUAL, (uint64_t)-1, NULL, &err), -EINVAL);
	cr_assert_eq(clause_add(exit, "exit_core_dumped", PREDICATE_EQUAL, 2, NULL, &err), -EINVAL);
	cr_assert_eq(exit->filter->type, EXPRESSION_EQ);
	subscription_spec_free(spec);
}

Test(spec, specs_are_equal_when_they_ask_for_the_same)
{
	struct subscription_spec *a = make_two_clauses(), *b = make_two_clauses();
	struct expression *value;

	cr_assert(subscription_spec_equal(a, b));
	b->limit = 1;
	cr_assert_not(subscription_spec_equal(a, b));
	b->limit = 0;
	b->throttle_ns = 1;
	cr_assert_not(subscription_spec_equal(a, b));
	b->throttle_ns = 0;
	b->since_ns = 1;
	cr_assert_not(subscription_spec_equal(a, b));
	b->since_ns = 0;
	b->has_for = true;
	cr_assert_not(subscription_spec_equal(a, b));
	a->has_for = true;
	cr_assert(subscription_spec_equal(a, b));
	b->for_ns = 1;
	cr_assert_not(subscription_spec_equal(a, b));
	a->has_for = b->has_for = false;
	value = b->clauses[0].filter->first->next->first->next;
	value->integer = 2;
	cr_assert_not(subscription_spec_equal(a, b));
	value->integer = (uint64_t)-2;
	value = b->clauses[1].filter->first->next;
	value->string[1] = 'U';
	cr_assert_not(subscription_spec_equal(a, b));
	value->string[1] = 'u';
	cr_assert(subscription_spec_equal(a, b));
	subscription_spec_add(b, EVENT_TICKER)->interval_ns = 5;
	cr_assert_not(subscription_spec_equal(a, b));
	subscription_spec_free(a);
	subscription_spec_free(b);
}

Test(spec, a_clause_that_is_refused_forgets_what_it_asked_for)
{
	struct subscription_spec *s = subscription_spec_new();
	struct clause *c = subscription_spec_add(s, EVENT_KERNEL_CALL_ENTER);
	struct buffer out;

	cr_assert_eq(probe_request_new_call(&c->request, EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", NULL, 0, NULL, NULL), 0);
	cr_assert_eq(clause_refuse(c, 7, "no %s", "way"), 0);
	cr_assert_eq(clause_refuse(c, 12, "still %s", "no way"), 0);
	cr_assert_eq(c->kind, EVENT_KIND_COUNT);
	cr_assert_eq(c->refusal_code, 12);
	cr_assert_null(c->request);
	buffer_init(&out, 0);
	clause_describe(c, &out);
	buffer_put_u8(&out, 0);
	cr_assert_str_eq((const char *)out.data, "unserved('still no way')");
	buffer_done(&out);
	subscription_spec_free(s);
}

Test(spec, freeing_nothing_is_allowed)
{
	cr_assert_null(subscription_spec_free(NULL));
}
