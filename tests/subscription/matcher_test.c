#include "subscription/matcher.h"

#include "sensor/probe_request.h"

#include <criterion/criterion.h>
#include <string.h>

static bool glob(const char *pattern, const char *text)
{
	return glob_matches(pattern, strlen(pattern), text, strlen(text));
}

Test(matcher, globs_match_as_documented)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything", true},
		{"**", "x", true},
		{"?", "", false},
		{"?", "x", true},
		{"?", "xy", false},
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"abcd", "abc", false},
		{"/usr/*", "/usr/bin/env", true},
		{"/usr/*", "/usr/", true},
		{"/usr/*", "/usr", false},
		{"*.sh", "a.sh", true},
		{"*.sh", ".sh", true},
		{"*.sh", "a.sh.bak", false},
		{"*bin*", "/usr/bin/env", true},
		{"*bin*", "/usr/lib", false},
		{"a*b*c", "abc", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"*ab", "aab", true},
		{"*aab*", "aaab", true},
		{"a?c*e", "abcde", true},
		{"a?c*e", "acde", false},
		{"*?", "", false},
		{"?*?", "a", false},
		{"?*?", "ab", true},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{"\\*", "\\anything", true},
		{"*a*a*a", "aa", false},
		{"*a*a*a", "xaxaxa", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(glob(rows[i].pattern, rows[i].text), rows[i].matches, "\"%s\" on \"%s\"", rows[i].pattern, rows[i].text);
}

/* A matcher that tries every way for every `*` would need more steps than there are atoms. */
Test(matcher, a_pathological_glob_ends_soon, .timeout = 10)
{
	char pattern[201], text[20000];

	for (size_t i = 0; i < 100; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	pattern[200] = 'b';
	memset(text, 'a', sizeof(text));
	cr_assert_not(glob_matches(pattern, sizeof(pattern), text, sizeof(text)));
	text[sizeof(text) - 1] = 'b';
	cr_assert(glob_matches(pattern, sizeof(pattern), text, sizeof(text)));
}

Test(matcher, strings_are_counted_and_not_terminated)
{
	cr_assert(glob_matches("a*c", 2, "abXX", 2));
	cr_assert_not(glob_matches("abc", 3, "abcd", 2));
	cr_assert(glob_matches("*", 1, "a\0b", 3));
}

static bool matches(enum event_kind kind, const char *field, enum predicate_operator op, uint64_t integer, const char *string,
		    const struct event *event)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, kind);
	struct matcher m;
	bool result;

	cr_assert_eq(clause_add(clause, field, op, integer, string, NULL), 0);
	cr_assert_eq(matcher_init(&m, clause), 0);
	result = matcher_matches(&m, event);
	matcher_done(&m);
	subscription_spec_free(spec);
	return result;
}

Test(matcher, integers_of_every_type_are_compared_whole)
{
	struct event enter = {.kind = EVENT_SYSCALL_ENTER, .syscall = {.id = 257, .abi = 2, .arguments = {[3] = UINT64_MAX}}};
	struct event leave = {.kind = EVENT_SYSCALL_EXIT, .syscall = {.id = 257, .result = -2}};
	struct event end = {.kind = EVENT_PROCESS_EXIT, .exit = {.code = -5, .status = 3000000000u, .core_dumped = true}};

	cr_assert(matches(EVENT_SYSCALL_ENTER, "id", PREDICATE_EQUAL, 257, NULL, &enter));
	cr_assert_not(matches(EVENT_SYSCALL_ENTER, "id", PREDICATE_EQUAL, 257 + (UINT64_C(1) << 32), NULL, &enter));
	cr_assert(matches(EVENT_SYSCALL_ENTER, "abi", PREDICATE_EQUAL, 2, NULL, &enter));
	cr_assert(matches(EVENT_SYSCALL_ENTER, "arg3", PREDICATE_EQUAL, UINT64_MAX, NULL, &enter));
	cr_assert_not(matches(EVENT_SYSCALL_ENTER, "arg2", PREDICATE_EQUAL, UINT64_MAX, NULL, &enter));
	cr_assert(matches(EVENT_SYSCALL_EXIT, "ret", PREDICATE_EQUAL, (uint64_t)-2, NULL, &leave));
	cr_assert_not(matches(EVENT_SYSCALL_EXIT, "ret", PREDICATE_EQUAL, 0xfffffffe, NULL, &leave));
	cr_assert(matches(EVENT_PROCESS_EXIT, "exit_code", PREDICATE_EQUAL, (uint64_t)-5, NULL, &end));
	cr_assert(matches(EVENT_PROCESS_EXIT, "exit_status", PREDICATE_EQUAL, 3000000000u, NULL, &end));
	cr_assert(matches(EVENT_PROCESS_EXIT, "exit_core_dumped", PREDICATE_EQUAL, 1, NULL, &end));
	cr_assert_not(matches(EVENT_PROCESS_EXIT, "exit_core_dumped", PREDICATE_EQUAL, 0, NULL, &end));
}

Test(matcher, strings_are_compared_by_length_and_bytes)
{
	struct event exec = {.kind = EVENT_PROCESS_EXEC, .exec = {.filename = {"/bin/true-and-more", 9}}};
	struct event nameless = {.kind = EVENT_PROCESS_EXEC};

	cr_assert(matches(EVENT_PROCESS_EXEC, "exec_filename", PREDICATE_EQUAL, 0, "/bin/true", &exec));
	cr_assert_not(matches(EVENT_PROCESS_EXEC, "exec_filename", PREDICATE_EQUAL, 0, "/bin/true-", &exec));
	cr_assert_not(matches(EVENT_PROCESS_EXEC, "exec_filename", PREDICATE_EQUAL, 0, "/bin/tru", &exec));
	cr_assert_not(matches(EVENT_PROCESS_EXEC, "exec_filename", PREDICATE_EQUAL, 0, "/bin/*", &exec));
	cr_assert(matches(EVENT_PROCESS_EXEC, "exec_filename", PREDICATE_GLOB, 0, "/bin/*", &exec));
	/* What could not be read is NULL. */
	cr_assert_not(matches(EVENT_PROCESS_EXEC, "exec_filename", PREDICATE_EQUAL, 0, "", &nameless));
	cr_assert_not(matches(EVENT_PROCESS_EXEC, "exec_filename", PREDICATE_GLOB, 0, "*", &nameless));
}

Test(matcher, all_predicates_must_hold_and_none_means_everything)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_SYSCALL_EXIT);
	struct event event = {.kind = EVENT_SYSCALL_EXIT, .syscall = {.id = 1, .result = 5}};
	struct matcher m;

	cr_assert_eq(matcher_init(&m, clause), 0);
	cr_assert(matcher_matches(&m, &event));
	matcher_done(&m);
	clause_add(clause, "id", PREDICATE_EQUAL, 1, NULL, NULL);
	clause_add(clause, "ret", PREDICATE_EQUAL, 5, NULL, NULL);
	cr_assert_eq(matcher_init(&m, clause), 0);
	cr_assert(matcher_matches(&m, &event));
	event.syscall.result = 6;
	cr_assert_not(matcher_matches(&m, &event));
	event.syscall.result = 5;
	event.syscall.id = 2;
	cr_assert_not(matcher_matches(&m, &event));
	matcher_done(&m);
	subscription_spec_free(spec);
}

Test(matcher, bits_match_when_any_of_them_is_set)
{
	struct event open = {.kind = EVENT_FILE_OPEN, .file = {.flags = (int32_t)0x80000041}};
	struct event enter = {.kind = EVENT_SYSCALL_ENTER, .syscall = {.arguments = {UINT64_C(0x8000000000000000)}}};

	cr_expect(matches(EVENT_FILE_OPEN, "open_flags", PREDICATE_BITS, 0x40, NULL, &open));
	cr_expect(matches(EVENT_FILE_OPEN, "open_flags", PREDICATE_BITS, 0x42, NULL, &open));
	cr_expect(matches(EVENT_FILE_OPEN, "open_flags", PREDICATE_BITS, (uint64_t)INT32_MIN, NULL, &open));
	cr_expect_not(matches(EVENT_FILE_OPEN, "open_flags", PREDICATE_BITS, 0x2, NULL, &open));
	cr_expect(matches(EVENT_SYSCALL_ENTER, "arg0", PREDICATE_BITS, UINT64_C(1) << 63, NULL, &enter));
	cr_expect_not(matches(EVENT_SYSCALL_ENTER, "arg0", PREDICATE_BITS, INT64_MAX, NULL, &enter));
}

Test(matcher, an_event_of_a_request_goes_to_clauses_with_that_very_request)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_KERNEL_CALL_ENTER);
	struct probe_request *other;
	struct event event = {.kind = EVENT_KERNEL_CALL_ENTER};
	struct matcher m;

	cr_assert_eq(probe_request_new_call(&clause->request, EVENT_KERNEL_CALL_ENTER, NULL, "f", NULL, 0, NULL, NULL), 0);
	cr_assert_eq(probe_request_new_call(&other, EVENT_KERNEL_CALL_ENTER, NULL, "f", NULL, 0, NULL, NULL), 0);
	cr_assert_eq(matcher_init(&m, clause), 0);
	cr_expect_not(matcher_matches(&m, &event));
	event.request = other;
	cr_expect_not(matcher_matches(&m, &event));
	event.request = clause->request;
	cr_expect(matcher_matches(&m, &event));
	matcher_done(&m);
	probe_request_unref(other);
	subscription_spec_free(spec);
}
