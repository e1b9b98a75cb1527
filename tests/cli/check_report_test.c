#include "cli/check_report.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

static struct check_report report;
static struct buffer out;

static void done(void)
{
	check_report_done(&report);
	buffer_done(&out);
}

TestSuite(check_report, .fini = done);

Test(check_report, lines_are_aligned_under_the_name_of_their_group)
{
	check_report_add(&report, CHECK_KERNEL, VERDICT_INFO, "release", "Linux %d", 6);
	check_report_add(&report, CHECK_KERNEL, VERDICT_LIMITED, "uprobes", "not built in");
	check_report_add(&report, CHECK_EVENTS, VERDICT_GOOD, "process:exec", "tracepoint sched:sched_process_exec");
	check_report_add(&report, CHECK_EVENTS, VERDICT_MISSING, "process:exit", "no such\ntracepoint");
	check_report_text(&report, false, &out);
	buffer_put_u8(&out, 0);
	cr_assert_str_eq((const char *)out.data, "kernel\n"
						 "  release                 -        Linux 6\n"
						 "  uprobes                 limited  not built in\n"
						 "events\n"
						 "  process:exec            ok       tracepoint sched:sched_process_exec\n"
						 "  process:exit            missing  no such\\ntracepoint\n");
}

Test(check_report, the_status_is_0_when_all_events_work_in_full)
{
	check_report_add(&report, CHECK_KERNEL, VERDICT_LIMITED, "uprobes", "not built in");
	check_report_add(&report, CHECK_EVENTS, VERDICT_GOOD, "process:exec", "it fires");
	check_report_add(&report, CHECK_EVENTS, VERDICT_GOOD, "process:exit", "it fires");
	check_report_add(&report, CHECK_LIMITS, VERDICT_LIMITED, "open files", "few");
	cr_assert_eq(check_report_status(&report), 0);
}

Test(check_report, the_status_is_1_when_some_event_is_limited_or_missing)
{
	check_report_add(&report, CHECK_EVENTS, VERDICT_GOOD, "process:exec", "it fires");
	check_report_add(&report, CHECK_EVENTS, VERDICT_LIMITED, "process:exit", "it has no status");
	cr_assert_eq(check_report_status(&report), 1);
	report.items[1].verdict = VERDICT_MISSING;
	cr_assert_eq(check_report_status(&report), 1);
}

Test(check_report, the_status_is_2_when_no_event_works)
{
	cr_assert_eq(check_report_status(&report), 2);
	check_report_add(&report, CHECK_KERNEL, VERDICT_GOOD, "release", "Linux");
	check_report_add(&report, CHECK_EVENTS, VERDICT_MISSING, "process:exec", "permission denied");
	cr_assert_eq(check_report_status(&report), 2);
}

Test(check_report, json_says_the_same)
{
	json_t *root;
	json_t *check;

	check_report_add(&report, CHECK_PERF, VERDICT_INFO, "clock", "a \"quoted\" detail");
	check_report_add(&report, CHECK_EVENTS, VERDICT_MISSING, "process:exec", "no");
	check_report_json(&report, &out);
	root = json_loadb((const char *)out.data, out.length, 0, NULL);
	cr_assert_not_null(root);
	cr_assert_str_eq(json_string_value(json_object_get(root, "result")), "none");
	check = json_array_get(json_object_get(root, "checks"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(check, "group")), "perf");
	cr_assert_str_eq(json_string_value(json_object_get(check, "name")), "clock");
	cr_assert_str_eq(json_string_value(json_object_get(check, "verdict")), "info");
	cr_assert_str_eq(json_string_value(json_object_get(check, "detail")), "a \"quoted\" detail");
	json_decref(root);
}

Test(check_report, json_has_all_ways_of_what_has_several)
{
	json_t *root, *ways;

	check_report_add(&report, CHECK_EVENTS, VERDICT_LIMITED, "file:open", "by syscalls");
	check_report_add_way(&report, VERDICT_MISSING, "do_filp_open", "this kernel has no function do_filp_open");
	check_report_add_way(&report, VERDICT_LIMITED, "syscalls", "a little later");
	check_report_add(&report, CHECK_EVENTS, VERDICT_GOOD, "process:exec", "it fires");
	check_report_json(&report, &out);
	root = json_loadb((const char *)out.data, out.length, 0, NULL);
	cr_assert_not_null(root);
	ways = json_object_get(json_array_get(json_object_get(root, "checks"), 0), "ways");
	cr_assert_eq(json_array_size(ways), 2);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(ways, 0), "name")), "do_filp_open");
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(ways, 0), "verdict")), "missing");
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(ways, 1), "detail")), "a little later");
	cr_assert_null(json_object_get(json_array_get(json_object_get(root, "checks"), 1), "ways"));
	json_decref(root);
}

Test(check_report, a_detail_that_is_too_long_is_cut)
{
	char detail[2000];

	memset(detail, 'x', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = 0;
	check_report_add(&report, CHECK_EVENTS, VERDICT_GOOD, detail, "%s", detail);
	cr_assert_eq(strlen(report.items[0].detail), sizeof(report.items[0].detail) - 1);
	cr_assert_eq(strlen(report.items[0].name), sizeof(report.items[0].name) - 1);
}
