#include "sensor/probe_request.h"
#include "tests/vm/observation.h"
#include "tests/vm/scenario.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

/* Groups of performance counters. */

#define CPUS_MAX 64
#define SAMPLES  5
#define TRIES    40

#define PAGE_BYTES   4096
#define MEMORY_BYTES (256 * PAGE_BYTES)

#define SOFTWARE(name)                                   \
	{                                                \
		PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##name \
	}

struct group {
	struct perf_counter counters[4];
	size_t count;
	bool by_frequency;
	uint64_t rate;
};

/* A process that uses its processor, gets pages and waits. */
static void work(void *unused)
{
	(void)unused;
	for (;;) {
		char *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			_exit(1);
		for (int i = 0; i < MEMORY_BYTES; i += PAGE_BYTES)
			*(volatile char *)(memory + i) = 1;
		munmap(memory, MEMORY_BYTES);
		usleep(1000);
	}
}

static bool is_counters(const Capsule8__Api__V0__Event *event, const void *unused)
{
	(void)unused;
	return event->event_case == CAPSULE8__API__V0__EVENT__EVENT_PERFORMANCE;
}

static Capsule8__Api__V0__PerformanceEventType wire_type(uint32_t type)
{
	return type == PERF_TYPE_HARDWARE ? CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE
					  : CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_SOFTWARE;
}

static void check_counters(const Capsule8__Api__V0__PerformanceEvent *event, const struct group *group)
{
	CHECK_INTEGER(event->n_values, group->count);
	for (size_t i = 0; i < group->count; i++) {
		CHECK_INTEGER(event->values[i]->type, wire_type(group->counters[i].type));
		CHECK_INTEGER(event->values[i]->config, group->counters[i].config);
	}
	CHECK(event->total_time_running > 0, "the counters did not run");
	CHECK(event->total_time_enabled >= event->total_time_running, "they ran longer than they were enabled");
}

/* On each CPU, values and times only grow. */
static void check_growth(struct observation *o, size_t count)
{
	const Capsule8__Api__V0__PerformanceEvent *last[CPUS_MAX] = {0};

	for (size_t n = 0; n < count; n++) {
		const Capsule8__Api__V0__Event *event = nth_event(o, is_counters, NULL, n);
		const Capsule8__Api__V0__PerformanceEvent *now = event->performance, *before = last[event->cpu % CPUS_MAX];

		for (size_t i = 0; before && i < now->n_values; i++)
			CHECK(now->values[i]->value >= before->values[i]->value, "counter %zu goes back", i);
		CHECK(!before || now->total_time_enabled > before->total_time_enabled, "time stands still");
		last[event->cpu % CPUS_MAX] = now;
	}
}

static struct observation *try_group(const struct group *group, const char **ret_reason)
{
	struct subscription_spec *spec = wish(EVENT_PERFORMANCE);
	struct error err;

	if (probe_request_new_performance(&spec->clauses[0].request, group->counters, group->count, group->by_frequency, group->rate, &err))
		scenario_fail("%s", err.message);
	return try_observe(spec, ret_reason);
}

static void check_group(struct observation *o, const struct group *group)
{
	size_t count = 0;

	start(work, NULL);
	for (int i = 0; i < TRIES && count < SAMPLES; i++) {
		receive_some(o);
		count = count_events(o, is_counters, NULL);
	}
	CHECK(count >= SAMPLES, "only %zu samples came", count);
	for (size_t n = 0; n < count; n++)
		check_counters(nth_event(o, is_counters, NULL, n)->performance, group);
	check_growth(o, count);
}

static void observe_group(const struct group *group)
{
	const char *reason;
	struct observation *o = try_group(group, &reason);

	if (!o)
		scenario_fail("the sensor refuses: %s", reason);
	check_group(o, group);
}

static void software_counters_by_period(void)
{
	observe_group(&(struct group){
		.counters = {SOFTWARE(PAGE_FAULTS), SOFTWARE(CPU_CLOCK), SOFTWARE(CONTEXT_SWITCHES)},
		.count = 3,
		.rate = 200,
	});
}

static void software_counters_by_frequency(void)
{
	observe_group(&(struct group){
		.counters = {SOFTWARE(CPU_CLOCK), SOFTWARE(CONTEXT_SWITCHES), SOFTWARE(PAGE_FAULTS)},
		.count = 3,
		.by_frequency = true,
		.rate = 50,
	});
}

static void hardware_counters_by_frequency(void)
{
	const struct group group = {
		.counters = {{PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES}, {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS}},
		.count = 2,
		.by_frequency = true,
		.rate = 50,
	};
	const char *reason;
	struct observation *o = try_group(&group, &reason);

	if (!o)
		scenario_skip("%s", reason);
	check_group(o, &group);
}

const struct scenario counter_scenarios[] = {
	{"counters_of_software_come_by_period_in_their_order", software_counters_by_period},
	{"counters_of_software_come_by_frequency_in_their_order", software_counters_by_frequency},
	{"counters_of_hardware_come_by_frequency_where_there_are_any", hardware_counters_by_frequency},
	{0},
};
