#ifndef TRACING_PERF_EVENT_H
#define TRACING_PERF_EVENT_H

#include "base/error.h"

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * perf_event_open(2) as this kernel has it. What a kernel can do is found by trying, never by its version.
 */

/* Younger than Debian 12's headers. */
#ifndef PERF_FORMAT_LOST
#define PERF_FORMAT_LOST (1U << 4)
#endif

struct perf_features {
	bool clockid;    /* samples can be stamped with CLOCK_MONOTONIC (4.1) */
	bool identifier; /* PERF_SAMPLE_IDENTIFIER (3.12); else the id stands behind the time */
	bool lost_count; /* PERF_FORMAT_LOST: each event counts its own losses (6.0, stable 5.4 and later) */
	bool user_abi;   /* PERF_SAMPLE_REGS_USER (3.7) */
	bool user_stack; /* PERF_SAMPLE_STACK_USER (3.7) */
};

/* Tries them all on the calling CPU. -EACCES: perf is forbidden here; the error says what forbids it. */
int perf_features_probe(struct perf_features *ret, struct error *err);

/* Does without the features that are set in `forbidden`, as an older kernel would. */
void perf_features_without(struct perf_features *features, const struct perf_features *forbidden);

/* The layout of every sample that perf_event_attr() asks for: identifier (or id), tid, time, raw, then what the caller adds. Offsets from
 * the record's first byte. */
struct perf_layout {
	uint16_t id;
	uint16_t tid; /* u32 tgid, u32 tid */
	uint16_t time;
	uint16_t raw; /* u32 size, then the data */
};

struct perf_layout perf_layout(const struct perf_features *features);

/* An attr for a tracepoint (config: its id) that samples every hit into a ring with this layout, disabled at first. */
struct perf_event_attr perf_tracepoint_attr(const struct perf_features *features, uint64_t config);

/* An attr for a counter with the same layout in front, disabled at first; what is sampled and read, and how often, is for the caller to say
 * (counter_group.h). */
struct perf_event_attr perf_counter_attr(const struct perf_features *features, uint32_t type, uint64_t config);

/* An attr for an event that never fires and only owns a ring which wakes its reader each time another `watermark_bytes` are in it. */
struct perf_event_attr perf_ring_owner_attr(const struct perf_features *features, uint32_t watermark_bytes);

/* Opens it for all tasks on one CPU; returns the descriptor (close-on-exec). -ENODEV: that CPU is offline. -EMFILE: the error names the
 * limit. */
int perf_event_open_cpu(struct perf_event_attr *attr, int cpu, struct error *err);

/* Opens it for one thread wherever it runs, children not included; returns the descriptor (close-on-exec). A ring can be mapped on it. */
int perf_event_open_task(struct perf_event_attr *attr, pid_t tid, struct error *err);

/* The same, as a member of the group that `leader_fd` leads; -1: of none. */
int perf_event_open_member(struct perf_event_attr *attr, int cpu, int leader_fd, struct error *err);

/* The id that this event's samples carry. */
int perf_event_id(int fd, uint64_t *ret_id, struct error *err);

/* Hits that found no room, since the event was opened; needs features.lost_count. */
int perf_event_lost(int fd, uint64_t *ret_lost);

/* Sets the kernel filter. Works once per event (EEXIST after that). */
int perf_event_filter(int fd, const char *filter, struct error *err);

/* Without clockid samples carry the kernel's sched_clock. Measures CLOCK_MONOTONIC minus that, to a few microseconds. */
int perf_clock_offset(const struct perf_features *features, int64_t *ret_offset_ns, struct error *err);

#endif
