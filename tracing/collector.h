#ifndef TRACING_COLLECTOR_H
#define TRACING_COLLECTOR_H

#include "tracing/perf_event.h"
#include "tracing/sample_source.h"

/*
 * The live sample source (sample_source.h): kernel events of all tasks, through one perf ring per CPU that all events of the CPU share.
 *
 * Order. Rings are merged by time. A round begins with advance(): the clock is read, then every ring's head. What a sample caused (a fork its
 * child's exec) is stamped and published before what it caused can be, so everything up to that clock reading comes out in causal order even
 * across CPUs. A CPU can be interrupted between stamping a sample and publishing it; reorder_ns is how long we wait for such: the horizon is
 * the clock reading minus it. A sample that comes later still is delivered, its time moved up to the horizon it missed, and counted.
 *
 * The ring is the reorder buffer: samples beyond the horizon stay in it.
 *
 * Changing a filter. The kernel takes one filter per perf event, so a new perf event with the new filter is enabled beside the old one, which
 * is then closed. Per CPU, the old one's samples count until the first of the new one shows up in the ring, and the new one's from there.
 * That is exact because the kernel gives one hit to the perf events of a tracepoint newest first (kernel: perf_trace_add() puts events at the
 * head of the list), in the same ring.
 *
 * Losses. With PERF_FORMAT_LOST each perf event counts its own; the counts are read when a ring record tells of losses or a ring has been
 * nearly full, so that idle CPUs are left alone. Without it the counts in the ring's records are for all events of the ring, and each of them
 * is told the sum: an upper bound. The last losses of such a ring are written with the next record that fits, so settle() makes one.
 *
 * Misses. A kprobe that is hit while another one is being handled, and a kretprobe without a free return slot, are not run at all. No ring
 * tells; kprobe_profile does (probe_profile.h), for all CPUs together and before any filter: what settle() finds there is reported as lost
 * with `missed` set and CPU 0, and is an upper bound for an event with a filter. What was missed since the last settle() before remove() is
 * not told, nor, on kernels before 5.14, what probes miss that follow pointers: those count other things with it (fault_misses.h).
 *
 * What nobody tells: a probe's sample that would be larger than the kernel's PERF_MAX_TRACE_SIZE (2 KiB on old kernels, 8 KiB on newer ones)
 * is dropped with one warning in the kernel's log and without any count. For a probe without a filter, hits in the profile minus samples minus
 * losses show it once nothing is on its way any more; for one with a filter nothing does. So what fetchargs fetch must stay below it.
 *
 * Counters (counter_group.h) share the CPUs' rings and the order with everything else. A sample of theirs that found no room is a loss, one
 * that the kernel did not take because of its own limits is not told. What the CPU was idle for has tgid and tid 0.
 *
 * CPUs that are offline are left out, and cared for when they come (collector_update_cpus()).
 */

struct collector_options {
	uint64_t ring_memory_bytes; /* of all rings together; at least one page per CPU is taken */
	uint64_t reorder_ns;
	/* Features to do without although the kernel has them, for tests of the fallbacks. */
	struct perf_features forbidden;
};

/* Finds tracefs, tries out perf, opens the rings. */
int collector_open(struct sample_source **ret, const struct collector_options *options, struct error *err);

/* Readable (poll, epoll) when a ring has filled up to its watermark. Reading is not needed: a round answers it. */
int collector_fd(const struct sample_source *s);

/* Answers collector_fd(): call once when it is readable. */
void collector_woken(struct sample_source *s);

/* Of the ring of each CPU. */
uint64_t collector_ring_bytes(const struct sample_source *s);

/* Samples that were delivered so far. */
uint64_t collector_samples(const struct sample_source *s);

/* When the first sample that waits in a ring will be within the horizon, as far as the last advance() has seen: CLOCK_MONOTONIC ns; UINT64_MAX: none
 * waits. */
uint64_t collector_pending_ns(const struct sample_source *s);

/* Follows CPUs that came or went since the last call; what happens on a CPU before it is followed is not seen. Returns how many did, or a
 * negative errno when one that came cannot be watched (the others are). Cheap when none did. */
int collector_update_cpus(struct sample_source *s, struct error *err);

const struct perf_features *collector_features(const struct sample_source *s);

#endif
