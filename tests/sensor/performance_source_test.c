#include "sensor/performance_source.h"
#include "sensor/sensor.h"
#include "tests/sensor/proc_tree.h"
#include "tracing/fake_source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 16
#define NOBODY     4194305 /* beyond any pid_max */
#define SELF       4194306

static const struct perf_counter counters[] = {{PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
					       {PERF_TYPE_HW_CACHE, 0x10002},
					       {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS}};

struct log {
	struct event events[EVENTS_MAX];
	uint64_t values[EVENTS_MAX][PERF_COUNTERS_MAX];
	size_t count;
};

static struct log taken;
static struct proc_tree proc;
static struct sample_source *source;
static struct sensor *sensor;
static struct probe_request *request;

static void take_event(void *context, struct event *event)
{
	struct log *log = context;

	cr_assert_lt(log->count, EVENTS_MAX);
	if (event->kind == EVENT_PERFORMANCE)
		memcpy(log->values[log->count], event->performance.values, event->performance.count * sizeof(uint64_t));
	log->events[log->count++] = *event;
}

static void take_flush(void *context)
{
	(void)context;
}

static struct error apply(bool is_wanted)
{
	struct error refusals[EVENT_KIND_COUNT] = {0}, refusal = {0};
	struct plan plan = {0};

	if (is_wanted)
		cr_assert_eq(plan_add_request(&plan, request, &refusal), 0);
	sensor_apply(sensor, &plan, refusals);
	plan_done(&plan);
	return refusal;
}

static void set_up(void)
{
	const struct sensor_consumer consumer = {.context = &taken, .event = take_event, .flush = take_flush};
	struct sensor_options options = {.probes = {.self_tgid = SELF}};
	struct error err = {0};

	proc_tree_init(&proc);
	source = fake_source_new();
	options.source = source;
	options.proc = proc.path;
	cr_assert_eq(sensor_new(&sensor, &options, &consumer, &err), 0, "%s", err.message);
	cr_assert_eq(probe_request_new_performance(&request, counters, 3, true, 99, &err), 0, "%s", err.message);
	cr_assert_eq(apply(true).code, 0);
}

static void tear_down(void)
{
	sensor_free(sensor);
	cr_expect_eq(request->references, 1, "the sensor has given its references back");
	probe_request_unref(request);
	proc_tree_done(&proc);
}

TestSuite(performance_source, .init = set_up, .fini = tear_down, .timeout = 60);

static void push(const struct sample *sample)
{
	cr_assert_eq(fake_source_push(source, PERFORMANCE_SYSTEM, request->key, sample), 0);
}

static void interrupt(uint64_t time_ns, uint32_t tgid, uint32_t tid, uint64_t factor)
{
	const struct counter_values values = {.time_enabled = 20 * factor,
					      .time_running = 10 * factor,
					      .values = {1 * factor, 2 * factor, 3 * factor},
					      .count = 3};

	push(&(struct sample){.time_ns = time_ns, .tgid = tgid, .tid = tid, .cpu = 5, .counters = &values});
}

Test(performance_source, a_sample_becomes_an_event_with_the_values_in_the_order_of_the_request)
{
	const struct event *event = &taken.events[0];

	interrupt(100, NOBODY, NOBODY + 1, 1000);
	interrupt(200, NOBODY, NOBODY + 1, 2000);
	cr_assert_eq(sensor_round(sensor, 100), SENSOR_IDLE);
	cr_assert_eq(taken.count, 2);
	cr_expect_eq(event->kind, EVENT_PERFORMANCE);
	cr_expect_eq(event->time_ns, 100);
	cr_expect_eq(event->cpu, 5);
	cr_expect_eq(event->tgid, NOBODY);
	cr_expect_eq(event->tid, NOBODY + 1);
	cr_expect_eq(event->request, request);
	cr_expect_eq(event->performance.count, 3);
	cr_expect_eq(event->performance.time_enabled, 20000);
	cr_expect_eq(event->performance.time_running, 10000);
	for (uint64_t i = 0; i < 3; i++) {
		cr_expect_eq(taken.values[0][i], 1000 * (i + 1));
		cr_expect_eq(taken.values[1][i], 2000 * (i + 1));
	}
}

Test(performance_source, an_idle_cpu_is_told_and_the_sensor_itself_is_not)
{
	interrupt(100, 0, 0, 1);
	interrupt(101, SELF, SELF + 7, 2);
	sensor_round(sensor, 100);
	cr_assert_eq(taken.count, 1);
	cr_expect_eq(taken.events[0].tgid, 0);
	cr_expect_eq(taken.events[0].tid, 0);
	cr_expect_null(taken.events[0].process);
}

Test(performance_source, losses_name_the_request)
{
	interrupt(100, NOBODY, NOBODY, 1);
	cr_assert_eq(fake_source_push_lost(source, PERFORMANCE_SYSTEM, request->key, 150, 17), 0);
	sensor_round(sensor, 100);
	cr_assert_eq(taken.count, 2);
	cr_expect_eq(taken.events[1].kind, EVENT_LOST);
	cr_expect_eq(taken.events[1].request, request);
	cr_expect_eq(taken.events[1].lost.count, 17);
	cr_expect_eq(taken.events[1].lost.of, EVENT_PERFORMANCE);
	cr_expect_eq(taken.events[1].lost.cause, LOST_RING);
}

struct seen {
	unsigned int count;
	char name[128];
	const struct format *format;
};

static void see(void *context, const char *system, const char *name, const char *filter, const struct kernel_event *event)
{
	struct seen *seen = context;

	if (strcmp(system, PERFORMANCE_SYSTEM) != 0)
		return;
	cr_expect_str_eq(filter, "");
	seen->count++;
	seen->format = event->format;
	(void)snprintf(seen->name, sizeof(seen->name), "%s", name);
}

Test(performance_source, a_group_is_listed_by_its_key_and_gone_when_nobody_wants_it)
{
	struct seen seen = {0};

	sensor_each_event(sensor, see, &seen);
	cr_assert_eq(seen.count, 1);
	cr_expect_str_eq(seen.name, request->key);
	cr_expect_null(seen.format);
	cr_expect_not_null(fake_source_filter(source, PERFORMANCE_SYSTEM, request->key));
	apply(false);
	cr_expect_null(fake_source_filter(source, PERFORMANCE_SYSTEM, request->key));
	seen = (struct seen){0};
	sensor_each_event(sensor, see, &seen);
	cr_expect_eq(seen.count, 0);
	cr_expect_eq(request->references, 1);
}

Test(performance_source, what_cannot_be_installed_is_refused_with_the_reason_and_keeps_no_reference)
{
	struct error err = {0};
	struct probe probe = {0};

	/* It is there once. */
	cr_expect_eq(performance_install(&probe, request, source, &err), -EEXIST);
	cr_expect_not_null(strstr(err.message, request->key), "%s", err.message);
	cr_expect_null(probe.event);
	cr_expect_null(probe.request);
	cr_expect_eq(request->references, 2);
}
