#include "tracing/collector_event.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>

static const struct perf_features features = {.identifier = true, .lost_count = true};

Test(collector_event, misses_are_told_once_and_a_count_that_went_back_is_none)
{
	struct collector_event event = {0};

	cr_expect_eq(collector_event_take_misses(&event, 0), 0);
	cr_expect_eq(collector_event_take_misses(&event, 5), 5);
	cr_expect_eq(collector_event_take_misses(&event, 5), 0);
	/* A probe that is not in the profile has no counts. */
	cr_expect_eq(collector_event_take_misses(&event, 0), 0);
	cr_expect_eq(collector_event_take_misses(&event, 7), 2);
}

static int make(const struct counter_group_spec *group, struct collector_event **ret, struct error *err)
{
	const struct kernel_event_spec spec = {.system = "performance", .name = "test", .with_abi = true, .counters = group};

	return collector_event_new(ret, &spec, &features, NULL, err);
}

Test(collector_event, counters_are_copied_and_have_neither_format_nor_probe)
{
	struct perf_counter counters[] = {{PERF_TYPE_SOFTWARE, 1}, {PERF_TYPE_HARDWARE, 2}};
	const struct counter_group_spec group = {.counters = counters, .count = 2, .rate = 1000};
	struct collector_event *event = NULL;
	struct error err = {0};

	cr_assert_eq(make(&group, &event, &err), 0, "%s", err.message);
	memset(counters, 0xff, sizeof(counters));
	cr_expect_null(event->base.format);
	cr_expect_not(collector_event_can_miss(event));
	cr_expect_not(event->form.with_abi);
	cr_expect_eq(event->form.counters, 2);
	cr_expect_eq(event->form.read_format, counter_group_read_format(&features));
	cr_expect_eq(event->counters.count, 2);
	cr_expect_eq(event->counters.rate, 1000);
	cr_expect_eq(event->counters.counters[1].type, PERF_TYPE_HARDWARE);
	cr_expect_eq(event->counters.counters[1].config, 2);
	cr_expect_null(collector_event_free(event));
}

Test(collector_event, groups_that_no_kernel_takes_are_refused_with_what_is_allowed)
{
	static const struct perf_counter counter = {PERF_TYPE_SOFTWARE, 1};
	static const struct {
		struct counter_group_spec group;
		const char *words;
	} wrong[] = {
		{{.counters = &counter, .count = 0, .rate = 1}, "a group has 1 to 16"},
		{{.counters = &counter, .count = PERF_COUNTERS_MAX + 1, .rate = 1}, "17 counters"},
		{{.counters = &counter, .count = 1, .rate = 0}, "the period is 0"},
		{{.counters = &counter, .count = 1, .rate = 0, .by_frequency = true}, "the frequency is 0"},
		{{.counters = &counter, .count = 1, .rate = UINT64_C(1) << 63}, "at most 9223372036854775807"},
		{{.counters = &counter, .count = 1, .rate = UINT32_MAX, .by_frequency = true}, "kernel.perf_event_max_sample_rate"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct collector_event *event = NULL;
		struct error err = {0};

		cr_expect_eq(make(&wrong[i].group, &event, &err), -EINVAL);
		cr_expect_not_null(strstr(err.message, wrong[i].words), "%s", err.message);
		cr_expect_null(event);
	}
}
