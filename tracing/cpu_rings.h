#ifndef TRACING_CPU_RINGS_H
#define TRACING_CPU_RINGS_H

#include "tracing/perf_event.h"
#include "tracing/ring_merge.h"

/*
 * One perf ring per CPU that is online, all of the same size, merged by time. A ring belongs to a perf event of its own that never fires;
 * the CPU's other events are redirected into it (hook.h), so that it is there whatever events come and go.
 *
 * One thread.
 */

struct hook;

/* One CPU with its ring. */
struct cpu_slot {
	struct merge_ring merge;
	int cpu;
	uint64_t incarnation; /* cpu_incarnation() when the ring was opened */
	int fd;               /* owns the ring */
	bool in_merge;
	bool gone;       /* the CPU went offline; to be removed once the ring is read */
	uint64_t looked; /* how far the ring was searched for samples of whose task something is to be read */
	struct hook *hooks;
	struct hook *found[8]; /* the last ones that were looked up, by the id's low bits */
	struct cpu_slot *prev, *next;
};

struct cpu_rings {
	struct perf_features features;
	struct ring_merge merge;
	struct cpu_slot *slots;
	uint64_t ring_bytes; /* per CPU, as asked for */
	int epoll_fd;        /* readable when a ring has filled up to its watermark */
};

/* Opens a ring on every CPU that is online; `memory_bytes` is for all of them. On failure cpu_rings_close() cleans up. */
int cpu_rings_open(struct cpu_rings *r, const struct perf_features *features, uint64_t memory_bytes, struct error *err);

/* Their hooks are gone already. */
void cpu_rings_close(struct cpu_rings *r);

/* One more CPU. -ENODEV: it is offline. */
int cpu_rings_add(struct cpu_rings *r, int cpu, struct cpu_slot **ret, struct error *err);

/* One less. Its hooks are gone already. */
void cpu_rings_remove(struct cpu_rings *r, struct cpu_slot *slot);

/* Answers epoll_fd: takes the rings off its ready list. */
void cpu_rings_woken(struct cpu_rings *r);

static inline struct cpu_slot *cpu_slot_of(struct merge_ring *ring)
{
	return (struct cpu_slot *)((char *)ring - offsetof(struct cpu_slot, merge));
}

/* Makes the kernel write a record into this CPU's ring, where features.lost_count is missing: it carries the last losses with it. */
void cpu_slot_provoke_record(const struct cpu_slot *slot);

#endif
