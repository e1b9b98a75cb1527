#include "proto/capsule8_place.h"
#include "sensor/probe_request.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>

static uint32_t perf_type(Capsule8__Api__V0__PerformanceEventType type)
{
	switch (type) {
	case CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE_CACHE:
		return PERF_TYPE_HW_CACHE;
	case CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_SOFTWARE:
		return PERF_TYPE_SOFTWARE;
	default:
		return PERF_TYPE_HARDWARE;
	}
}

static int decode_counters(const struct place *at, const Capsule8__Api__V0__PerformanceEventFilter *filter, struct perf_counter *counters)
{
	char field[64];
	int r = 0;

	if (!filter->n_events)
		return place_refuse(at, "events", "empty; must have at least one counter");
	if (filter->n_events > PERF_COUNTERS_MAX)
		return place_refuse(at, "events", "%zu counters; at most %d are allowed", filter->n_events, PERF_COUNTERS_MAX);
	for (size_t i = 0; !r && i < filter->n_events; i++) {
		const Capsule8__Api__V0__PerformanceEventCounter *event = filter->events[i];

		snprintf(field, sizeof(field), "events[%zu].type", i);
		r = place_check_enum(at, field, &capsule8__api__v0__performance_event_type__descriptor, (int)event->type);
		counters[i] = (struct perf_counter){.type = perf_type(event->type), .config = event->config};
	}
	return r;
}

static int decode_rate(const struct place *at, const Capsule8__Api__V0__PerformanceEventFilter *filter, uint64_t *ret)
{
	bool by_frequency = filter->sample_rate_type == CAPSULE8__API__V0__SAMPLE_RATE_TYPE__SAMPLE_RATE_TYPE_FREQUENCY;
	const char *field = by_frequency ? "frequency" : "period";
	bool is_set = filter->sample_rate_case == (by_frequency ? CAPSULE8__API__V0__PERFORMANCE_EVENT_FILTER__SAMPLE_RATE_FREQUENCY
								: CAPSULE8__API__V0__PERFORMANCE_EVENT_FILTER__SAMPLE_RATE_PERIOD);

	if (!is_set)
		return place_refuse(at, field, "not set; sample_rate_type %s needs it", by_frequency ? "FREQUENCY" : "PERIOD");
	*ret = by_frequency ? filter->frequency : filter->period;
	if (!*ret)
		return place_refuse(at, field, "0; must be at least 1");
	return 0;
}

int place_decode_performance(const struct place *at, const Capsule8__Api__V0__PerformanceEventFilter *filter)
{
	bool by_frequency = filter->sample_rate_type == CAPSULE8__API__V0__SAMPLE_RATE_TYPE__SAMPLE_RATE_TYPE_FREQUENCY;
	struct perf_counter counters[PERF_COUNTERS_MAX];
	struct clause *clause;
	uint64_t rate = 0;
	int r;

	r = decode_counters(at, filter, counters);
	if (!r)
		r = place_check_enum(at, "sample_rate_type", &capsule8__api__v0__sample_rate_type__descriptor,
				     (int)filter->sample_rate_type);
	if (!r)
		r = decode_rate(at, filter, &rate);
	if (r)
		return r;
	clause = place_add_clause(at, EVENT_PERFORMANCE);
	if (!clause)
		return -ENOMEM;
	r = probe_request_new_performance(&clause->request, counters, filter->n_events, by_frequency, rate, at->err);
	return r ? place_prefix(at, "events") : 0;
}
