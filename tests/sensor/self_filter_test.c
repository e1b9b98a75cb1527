/* What keeps our own threads out of the rings, as the kernel reads it. */
#include "sensor/self_filter.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(self_filter, .timeout = 20);

static void expect(const uint32_t *tids, size_t count, const char *filter, bool only, const char *expected)
{
	const struct self_filter f = {.tgid = 1, .tids = (uint32_t *)tids, .count = count};
	char *text = self_filter_combine(&f, filter, only);

	if (expected)
		cr_expect_str_eq(text, expected);
	else
		cr_expect_null(text);
	free(text);
}

Test(self_filter, threads_in_a_row_are_two_comparisons)
{
	static const uint32_t tids[] = {7, 20, 21, 22, 30, 40, 41};

	expect(tids, 1, NULL, false, "common_pid != 7");
	expect(tids, 4, NULL, false, "common_pid != 7 && (common_pid < 20 || common_pid > 22)");
	expect(tids, 7, NULL, false,
	       "common_pid != 7 && (common_pid < 20 || common_pid > 22) && common_pid != 30 && (common_pid < 40 || common_pid > 41)");
}

Test(self_filter, what_is_wanted_comes_first_so_that_the_kernel_needs_to_look_no_further)
{
	static const uint32_t tids[] = {20, 21};

	expect(tids, 2, "id == 1 || id == 2", false, "(id == 1 || id == 2) && (common_pid < 20 || common_pid > 21)");
}

Test(self_filter, without_threads_or_without_our_part_the_filter_stays_as_it_is)
{
	static const uint32_t tids[] = {20};

	expect(tids, 0, "id == 1", false, "id == 1");
	expect(tids, 1, "id == 1", true, "id == 1");
	expect(tids, 0, NULL, false, NULL);
}
