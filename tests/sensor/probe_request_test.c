#include "sensor/probe_request.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

static struct probe_request *request;
static struct error err;

static void teardown(void)
{
	request = probe_request_unref(request);
}

TestSuite(probe_request, .fini = teardown);

#define PARAMETER(name_, expression_) \
	((struct probe_parameter){.name = (char *)(uintptr_t)(name_), .expression = (char *)(uintptr_t)(expression_)})

static int make(enum event_kind kind, const char *executable, const char *symbol, const char *filter)
{
	request = probe_request_unref(request);
	return probe_request_new_call(&request, kind, executable, symbol, NULL, 0, filter, &err);
}

static const char *key_of(enum event_kind kind, const char *executable, const char *symbol, const char *filter)
{
	cr_assert_eq(make(kind, executable, symbol, filter), 0, "%s", err.message);
	return request->key;
}

Test(probe_request, calls_and_counters_need_one_and_nothing_else_does)
{
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		cr_expect_eq(probe_request_needed((enum event_kind)kind),
			     kind == EVENT_KERNEL_CALL_ENTER || kind == EVENT_KERNEL_CALL_EXIT || kind == EVENT_USER_CALL_ENTER ||
				     kind == EVENT_USER_CALL_EXIT || kind == EVENT_PERFORMANCE);
}

Test(probe_request, a_key_says_all_that_is_asked_for)
{
	const struct probe_parameter parameters[] = {PARAMETER("fd", "$arg1"), PARAMETER("name", "+0($arg2):string")};

	cr_expect_str_eq(key_of(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", NULL), "vfs_read");
	cr_expect_str_eq(key_of(EVENT_KERNEL_CALL_EXIT, NULL, "vfs_read", ""), "vfs_read exit");
	cr_expect_null(request->filter);
	cr_expect_str_eq(key_of(EVENT_KERNEL_CALL_ENTER, "ignored", "vfs_read", "fd > 2"), "vfs_read if fd > 2");
	cr_expect_null(request->executable);
	cr_expect_str_eq(key_of(EVENT_USER_CALL_EXIT, "/bin/a program", "main", NULL), "/bin/a program main exit");
	request = probe_request_unref(request);
	cr_assert_eq(probe_request_new_call(&request, EVENT_KERNEL_CALL_ENTER, NULL, "f", parameters, 2, "fd == 1", &err), 0);
	cr_expect_str_eq(request->key, "f fd=$arg1 name=+0($arg2):string if fd == 1");
	cr_expect_eq(request->parameter_count, 2);
	cr_expect_neq(request->parameters[1].name, parameters[1].name, "copies");
	cr_expect_str_eq(request->parameters[1].expression, "+0($arg2):string");
}

Test(probe_request, what_no_kernel_could_take_is_refused_with_a_sentence)
{
	static const struct {
		enum event_kind kind;
		const char *executable, *symbol, *says;
	} rows[] = {
		{EVENT_KERNEL_CALL_ENTER, NULL, NULL, "no symbol"},
		{EVENT_KERNEL_CALL_ENTER, NULL, "", "no symbol"},
		{EVENT_KERNEL_CALL_ENTER, NULL, "two words", "blank"},
		{EVENT_KERNEL_CALL_ENTER, NULL, "f\np:own vfs_read", "control character"},
		{EVENT_KERNEL_CALL_ENTER, NULL, "\x7f", "control character"},
		{EVENT_USER_CALL_ENTER, NULL, "main", "no executable is given; it must name the program or library that has main"},
		{EVENT_USER_CALL_EXIT, "", "main", "no executable"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(make(rows[i].kind, rows[i].executable, rows[i].symbol, NULL), -EINVAL, "%zu", i);
		cr_expect_not_null(strstr(err.message, rows[i].says), "%s", err.message);
		cr_expect_null(request);
	}
}

static int make_with(const struct probe_parameter *parameters, size_t count)
{
	request = probe_request_unref(request);
	return probe_request_new_call(&request, EVENT_KERNEL_CALL_ENTER, NULL, "f", parameters, count, NULL, &err);
}

Test(probe_request, parameters_are_words_and_each_is_there_once)
{
	struct probe_parameter many[PROBE_PARAMETERS_MAX + 1];
	char names[PROBE_PARAMETERS_MAX + 1][8];
	const struct probe_parameter blank[] = {PARAMETER("a", "%di"), PARAMETER("b", "%di c=%si")};
	const struct probe_parameter newline[] = {PARAMETER("a\nb", "%di")};
	const struct probe_parameter twice[] = {PARAMETER("a", "%di"), PARAMETER("b", "%si"), PARAMETER("a", "%dx")};

	cr_expect_eq(make_with(blank, 2), -EINVAL);
	cr_expect_not_null(strstr(err.message, "argument 2"), "%s", err.message);
	cr_expect_eq(make_with(newline, 1), -EINVAL);
	cr_expect_not_null(strstr(err.message, "argument 1"), "%s", err.message);
	cr_expect_eq(make_with(twice, 3), -EINVAL);
	cr_expect_not_null(strstr(err.message, "argument a is there twice"), "%s", err.message);
	for (size_t i = 0; i <= PROBE_PARAMETERS_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "a%zu", i);
		many[i] = PARAMETER(names[i], "%di");
	}
	cr_expect_eq(make_with(many, PROBE_PARAMETERS_MAX + 1), -E2BIG);
	cr_expect_not_null(strstr(err.message, "65 arguments; at most 64"), "%s", err.message);
	cr_expect_eq(make_with(many, PROBE_PARAMETERS_MAX), 0);
}

Test(probe_request, counters_are_copied_and_named_in_their_order)
{
	struct perf_counter counters[PERF_COUNTERS_MAX + 1] = {{PERF_TYPE_HARDWARE, 1}, {PERF_TYPE_HW_CACHE, 0x10002}};

	cr_assert_eq(probe_request_new_performance(&request, counters, 2, true, 99, &err), 0);
	counters[0].config = 7;
	cr_expect_str_eq(request->key, "0:0x1,3:0x10002 frequency 99");
	cr_expect_eq(request->counters[0].config, 1);
	request = probe_request_unref(request);
	cr_assert_eq(probe_request_new_performance(&request, counters, 1, false, 1000, &err), 0);
	cr_expect_str_eq(request->key, "0:0x7 period 1000");
	request = probe_request_unref(request);
	cr_expect_eq(probe_request_new_performance(&request, counters, 0, false, 1, &err), -EINVAL);
	cr_expect_eq(probe_request_new_performance(&request, counters, PERF_COUNTERS_MAX + 1, false, 1, &err), -E2BIG);
	cr_expect_eq(probe_request_new_performance(&request, counters, 1, false, 0, &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "the period is 0"), "%s", err.message);
}

Test(probe_request, the_last_reference_frees_it)
{
	struct probe_request *r;

	cr_assert_eq(make(EVENT_USER_CALL_ENTER, "/bin/sh", "main", "a == 1"), 0);
	r = request;
	cr_expect_eq(probe_request_ref(r), r);
	cr_expect_null(probe_request_unref(r));
	cr_expect_str_eq(r->symbol, "main");
	cr_expect_null(probe_request_unref(NULL));
}
