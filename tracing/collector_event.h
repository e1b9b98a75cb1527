#ifndef TRACING_COLLECTOR_EVENT_H
#define TRACING_COLLECTOR_EVENT_H

#include "tracing/hook.h"
#include "tracing/late_reads.h"
#include "tracing/sample_record.h"

/*
 * What the collector knows of a kernel event beside its perf events (hook.h): the format or the counters, the probe that was put in for it,
 * what is to be read of its samples' tasks.
 *
 * The collector's thread.
 */

struct dynamic_probe;

struct collector_event {
	struct kernel_event base;
	struct format *format; /* NULL: counters */
	char *filter;
	struct sample_record_form form;
	struct dynamic_probe *probe; /* NULL: a tracepoint, or counters */
	bool misses_are_true;        /* the kernel tells them, and counts nothing else with them (fault_misses.h) */
	uint64_t misses;             /* of the probe, as far as they were told */
	struct late_read_plan reads;
	struct counter_group_spec counters; /* of `group`; none: count is 0 */
	struct perf_counter group[PERF_COUNTERS_MAX];
	struct collector_event *prev, *next;
};

/* Puts the probe in, if there is one, and reads the format. `features` decide what is sampled. Errors are the kernel's. */
int collector_event_new(struct collector_event **ret, const struct kernel_event_spec *spec, const struct perf_features *features,
			void *owner, struct error *err);

/* Takes the probe out, too: its perf events are closed. Takes NULL; returns NULL. */
struct collector_event *collector_event_free(struct collector_event *event);

/* Opens its hook on a CPU, disabled. The error names the tracepoint and, for a filter, what the kernel dislikes about it; or the counter.
 * -ENODEV: the CPU is offline. */
int collector_event_open(struct collector_event *event, struct hook_table *hooks, struct cpu_slot *slot,
			 const struct perf_features *features, uint32_t generation, struct error *err);

/* Whether the kernel can pass its probe by without running it, and tells so. */
bool collector_event_can_miss(const struct collector_event *event);

/* What was missed since the last call, when the kernel says that it was `misses` since the probe is there. */
uint64_t collector_event_take_misses(struct collector_event *event, uint64_t misses);

#endif
