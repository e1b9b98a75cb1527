#include "cli/trace_request.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct trace_request request;
static struct buffer report;

static void init(void)
{
	buffer_init(&report, 0);
}

static void done(void)
{
	buffer_done(&report);
	trace_request_done(&request);
}

TestSuite(trace_request, .init = init, .fini = done);

static int parse(const char *first, const char *second, const char *third)
{
	static char words[3][256];
	char *list[] = {words[0], words[1], words[2]};
	size_t count = third ? 3 : second ? 2 : 1;
	int r;

	snprintf(words[0], sizeof(words[0]), "%s", first);
	snprintf(words[1], sizeof(words[1]), "%s", second ? second : "");
	snprintf(words[2], sizeof(words[2]), "%s", third ? third : "");
	r = trace_request_parse(&request, list, count, &report);
	buffer_put_u8(&report, 0);
	return r;
}

Test(trace_request, a_function_of_the_kernel_with_what_is_to_be_fetched)
{
	cr_assert_eq(parse("do_sys_openat2", "name=+u0($arg2):ustring", "flags=%dx:x32"), 0);
	cr_assert_not(request.place.is_user);
	cr_assert_str_eq(request.place.place, "do_sys_openat2");
	cr_assert_eq(request.count, 2);
	cr_assert_str_eq(request.args[1].name, "flags");
	cr_assert_eq(trace_request_position(&request, 0), strlen("do_sys_openat2 "));
	cr_assert_eq(trace_request_position(&request, 1), strlen("do_sys_openat2 name=+u0($arg2):ustring "));
}

Test(trace_request, without_any_the_first_three_arguments_are_taken)
{
	cr_assert_eq(parse("module:symbol", NULL, NULL), 0);
	cr_assert_eq(request.count, 3);
	cr_assert_eq(request.args[2].base, FETCHARG_ARGUMENT);
	cr_assert_eq(request.args[2].number, 3);
	cr_assert_eq(request.args[2].type, FETCHARG_X64);
	cr_assert_eq(trace_request_position(&request, 1), 0, "they are no words of the user's");
}

Test(trace_request, nothing_is_taken_by_default_in_the_middle_of_a_function_and_the_result_at_its_return)
{
	cr_assert_eq(parse("symbol+4", NULL, NULL), 0);
	cr_assert(request.place.is_inside);
	cr_assert_eq(request.count, 0);
	trace_request_done(&request);
	request.at_return = true;
	cr_assert_eq(parse("symbol+0", NULL, NULL), 0);
	cr_assert_not(request.place.is_inside);
	cr_assert_eq(request.count, 1);
	cr_assert_eq(request.args[0].base, FETCHARG_RETVAL);
	cr_assert(request.args[0].is_signed);
}

Test(trace_request, a_word_with_a_slash_is_a_place_in_a_file)
{
	cr_assert_eq(parse("/proc/self/exe:trace_place_resolve", "n=$arg1:s32", NULL), 0, "%s", (const char *)report.data);
	cr_assert(request.place.is_user);
	cr_assert_neq(request.place.offset, 0);
}

Test(trace_request, places_that_are_none_are_refused_by_name)
{
	static const char *const bad[] = {
		"/bin/sh", "/bin/sh:", "/bin/sh:no_such_function", "/bin/sh:0xzz", "/nonexistent/file:0x1", "/bin/sh:0xffffffffffff", ""};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buffer_clear(&report);
		cr_expect_lt(parse(bad[i], NULL, NULL), 0, "%s", bad[i]);
		cr_expect_eq(strncmp((const char *)report.data, "ringside: ", 10), 0);
		trace_request_done(&request);
	}
}

Test(trace_request, a_caret_points_at_the_wrong_word)
{
	cr_assert_eq(parse("f", "good=%di", "name=+0(%di):strong"), -EINVAL);
	cr_assert(strstr((const char *)report.data, "ringside: f good=%di name=+0(%di):strong\n"
						    "                                  ^ the types are "),
		  "%s", (const char *)report.data);
}

Test(trace_request, what_is_fetched_needs_a_name)
{
	cr_assert_eq(parse("f", "%di", NULL), -EINVAL);
	cr_assert(strstr((const char *)report.data, "\n            ^ what is fetched needs a name"), "%s", (const char *)report.data);
}
