#include "subscription/window.h"

#include <criterion/criterion.h>

#define NOW UINT64_C(1000)

static struct window window(uint64_t since_ns, bool has_for, uint64_t for_ns)
{
	const struct subscription_spec spec = {.since_ns = since_ns, .has_for = has_for, .for_ns = for_ns};

	return window_of(&spec, NOW);
}

static void expect_window(struct window w, uint64_t begin_ns, uint64_t end_ns, bool past)
{
	cr_expect_eq(w.begin_ns, begin_ns);
	cr_expect_eq(w.live_ns, NOW);
	cr_expect_eq(w.end_ns, end_ns, "%llu instead of %llu", (unsigned long long)w.end_ns, (unsigned long long)end_ns);
	cr_expect_eq(window_is_past(&w), past);
}

Test(window, without_durations_it_begins_now_and_never_ends)
{
	expect_window(window(0, false, 0), NOW, UINT64_MAX, false);
	expect_window(window(0, false, 5), NOW, UINT64_MAX, false);
}

Test(window, it_ends_so_long_after_its_beginning)
{
	expect_window(window(0, true, 0), NOW, NOW, true);
	expect_window(window(0, true, 1), NOW, NOW + 1, false);
	expect_window(window(300, true, 299), NOW - 300, NOW - 1, true);
	expect_window(window(300, true, 300), NOW - 300, NOW, true);
	expect_window(window(300, true, 301), NOW - 300, NOW + 1, false);
	expect_window(window(300, false, 0), NOW - 300, UINT64_MAX, false);
}

Test(window, one_that_is_older_than_the_clock_begins_with_it_and_ends_when_it_should)
{
	expect_window(window(5000, true, 6000), 0, NOW + 1000, false);
	expect_window(window(5000, true, 4500), 0, NOW - 500, true);
	expect_window(window(5000, true, 3000), 0, 0, true);
	expect_window(window(INT64_MAX, true, INT64_MAX), 0, NOW, true);
}

Test(window, one_that_is_longer_than_the_clock_never_ends)
{
	expect_window(window(0, true, UINT64_MAX), NOW, UINT64_MAX, false);
	expect_window(window(0, true, INT64_MAX), NOW, NOW + INT64_MAX, false);
}
