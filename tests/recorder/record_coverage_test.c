#include "recorder/record_coverage.h"

#include "subscription/query_parse.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(record_coverage, .timeout = 30);

static struct subscription_spec *parse(const char *text)
{
	struct subscription_spec *spec = NULL;
	struct error err = {0};

	cr_assert_eq(query_parse(text, &spec, NULL, &err), 0, "%s: %s", text, err.message);
	return spec;
}

/* Of the first clause that is wanted. */
static enum record_coverage coverage(const char *kept_text, const char *wanted_text)
{
	struct subscription_spec *kept = parse(kept_text), *wanted = parse(wanted_text);
	bool served[8];
	enum record_coverage ret;

	memset(served, true, sizeof(served));
	cr_assert_leq(kept->clause_count, sizeof(served));
	ret = record_coverage_of(kept, served, wanted, 0);
	subscription_spec_free(kept);
	subscription_spec_free(wanted);
	return ret;
}

Test(record_coverage, a_kind_that_is_recorded_without_a_condition_covers_any_condition)
{
	cr_expect_eq(coverage("process:exec", "process:exec"), RECORD_COVERS_ALL);
	cr_expect_eq(coverage("process:exec", "process:exec where filename like '/bin/*' or uid = 0"), RECORD_COVERS_ALL);
	cr_expect_eq(coverage("process:exec", "process:exit"), RECORD_COVERS_NOTHING);
	cr_expect_eq(coverage("process:exec", "ticker:1s"), RECORD_COVERS_NOTHING);
}

/* Once a system call that was recorded was "recorded in part" for whoever asked for some of its calls only: its number is a condition, too. */
Test(record_coverage, a_condition_covers_whatever_asks_for_more_along_with_it)
{
	cr_expect_eq(coverage("syscall:openat:enter", "syscall:openat:enter where arg1 < 9000"), RECORD_COVERS_ALL);
	cr_expect_eq(coverage("file:open where uid = 0", "file:open where filename like '/etc/*' and uid = 0 and pid > 1"),
		     RECORD_COVERS_ALL);
	cr_expect_eq(coverage("file:open where uid = 0 and pid > 1", "file:open where pid > 1 and gid = 0 and uid = 0"), RECORD_COVERS_ALL);
	cr_expect_eq(coverage("file:open where uid = 0 or gid = 0", "file:open where (uid = 0 or gid = 0) and pid > 1"), RECORD_COVERS_ALL);
}

Test(record_coverage, a_condition_covers_only_in_part_what_does_not_ask_for_it)
{
	cr_expect_eq(coverage("file:open where uid = 0", "file:open"), RECORD_COVERS_PART);
	cr_expect_eq(coverage("file:open where uid = 0", "file:open where uid = 1"), RECORD_COVERS_PART);
	cr_expect_eq(coverage("file:open where uid = 0", "file:open where uid = 0 or pid > 1"), RECORD_COVERS_PART);
	cr_expect_eq(coverage("file:open where uid = 0 and pid > 1", "file:open where uid = 0"), RECORD_COVERS_PART);
	cr_expect_eq(coverage("file:open where uid = 0 and pid > 1", "file:open where uid = 0 and gid = 0"), RECORD_COVERS_PART);
	cr_expect_eq(coverage("file:open where uid = 0 and pid > 1", "file:open where uid = 0 or pid > 1"), RECORD_COVERS_PART);
	cr_expect_eq(coverage("syscall:openat:enter", "syscall:close:enter where arg0 = 1"), RECORD_COVERS_PART);
}

Test(record_coverage, one_clause_of_several_is_enough)
{
	cr_expect_eq(coverage("file:open where uid = 0; file:open where gid = 0", "file:open where gid = 0 and pid > 1"),
		     RECORD_COVERS_ALL);
}

Test(record_coverage, a_recording_of_some_containers_covers_these_only)
{
	cr_expect_eq(coverage("process:exec; container name web", "process:exec; container name web"), RECORD_COVERS_ALL);
	cr_expect_eq(coverage("process:exec", "process:exec; container name web"), RECORD_COVERS_ALL);
	cr_expect_eq(coverage("process:exec; container name web", "process:exec; container name shop"), RECORD_COVERS_PART);
	cr_expect_eq(coverage("process:exec; container name web", "process:exec"), RECORD_COVERS_PART);
}
