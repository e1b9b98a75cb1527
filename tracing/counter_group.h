#ifndef TRACING_COUNTER_GROUP_H
#define TRACING_COUNTER_GROUP_H

#include "tracing/perf_event.h"
#include "tracing/sample_source.h"

/*
 * A group of performance counters on one CPU (perf_event_open(2)): its first counter, the leader, is sampled, and each sample carries the
 * values of all of them (PERF_SAMPLE_READ with PERF_FORMAT_GROUP). They count whatever runs on the CPU, in the kernel as well, from the moment
 * the leader is enabled. Any mix of hardware, cache and software counters will do.
 *
 * A group is counted as a whole or not at all. Where a processor has fewer counters than are wanted at once, the kernel gives them to the
 * groups by turns: then time_running is less than time_enabled, and values are to be scaled by who wants estimates. Groups are not pinned, so
 * that they never keep others' counters out.
 *
 * Samples are for finding out where time goes, not for counting: the kernel takes fewer than were asked for when they come too fast (more in
 * one tick than kernel.perf_event_max_sample_rate allows, or more work than kernel.perf_cpu_time_max_percent). That is not told as a loss. The
 * values go on being exact. A software counter with a rate of 1 is never slowed down.
 */

/* -EINVAL for what no kernel takes, with a sentence that says what is allowed: no counters or too many, a rate of 0, a period of 2^63 or
 * more, a frequency of more than kernel.perf_event_max_sample_rate is now. */
int counter_group_check(const struct counter_group_spec *spec, struct error *err);

struct counter_group {
	uint32_t count; /* with the leader, whose descriptor is the caller's */
	uint32_t open;  /* members that are open, without the leader */
	int members[PERF_COUNTERS_MAX - 1];
};

/* Opens all of them on a CPU, disabled; returns the leader's descriptor. Whoever enables or disables the leader does so to all. -ENODEV: the
 * CPU is offline. The error names the counter: -ENOENT: the processor has none such; -EOPNOTSUPP: it cannot be sampled; -EINVAL: the kernel
 * does not know it, or there is no room for it beside the others. */
int counter_group_open(struct counter_group *ret, const struct counter_group_spec *spec, const struct perf_features *features, int cpu,
		       struct error *err);

/* Closes the members. To be done before the leader is closed: the kernel would let them run on alone. */
void counter_group_close(struct counter_group *g);

/* What samples are asked to carry (enum perf_event_read_format). */
uint64_t counter_group_read_format(const struct perf_features *features);

/* The read block of a sample (linux/perf_event.h, "struct read_format"; the block of a group, with any of the optional parts), in the order in
 * which the counters were opened. False: it is shorter than it says, or not of `count` counters. */
bool counter_group_parse(const uint8_t *block, size_t size, uint64_t read_format, uint32_t count, struct counter_values *ret);

/*
 * Whose sample it is: the leader's id. Not every kernel fills the id of a sample in right: from Linux 6.3 on, when a software counter is sampled
 * by several perf events, of whatever process, all their samples have the first one's id (kernel: do_perf_sw_event() passes one
 * perf_sample_data on, and perf_prepare_sample() leaves alone what is there; seen on 6.18). The block is always the event's own. False: `size`
 * bytes are not exactly a block of this format.
 */
bool counter_group_block_id(const uint8_t *block, size_t size, uint64_t read_format, uint64_t *ret);

/* Samples that found no room, since the group was opened. -ENODATA: without features.lost_count nobody knows. */
int counter_group_lost(const struct counter_group *g, int leader_fd, uint64_t *ret_lost);

#endif
