#ifndef TRACING_HOOK_H
#define TRACING_HOOK_H

#include "base/clock.h"
#include "tracing/counter_group.h"
#include "tracing/cpu_rings.h"
#include "tracing/sample_source.h"

#include <uthash.h>

/*
 * The collector's perf events: a hook is one kernel event on one CPU, opened, filtered, and redirected into that CPU's ring. Samples name
 * their hook by the id that perf gave it.
 *
 * A kernel event whose filter changes has hooks of two generations for a while (see collector.h): the new one waits until its first sample is
 * met in the ring, which ends the old one. The old one is closed HOOK_RETIRE_NS later only: a CPU may be in the middle of a hit for which it
 * has passed the place of the new one already, and must find the old one still open, even on a virtual machine that stands still meanwhile.
 *
 * A hook of an event with counters is the leader of a group of perf events (counter_group.h), and the samples are the leader's.
 *
 * A hook that was closed is remembered until the ring has been read past the place where it was closed: its samples may still be in there.
 */

#define HOOK_RETIRE_NS (100 * NSEC_PER_MSEC)

enum hook_state {
	HOOK_IDLE,     /* not enabled yet */
	HOOK_WAITING,  /* enabled; counts from its first sample in the ring on */
	HOOK_COUNTING, /* its samples are delivered */
	HOOK_ENDED,    /* its samples are skipped */
};

struct hook {
	uint64_t id;
	int fd;                     /* -1: closed */
	struct counter_group group; /* of an event with counters; empty: it has none */
	struct kernel_event *event; /* NULL: not installed any more, samples are skipped */
	struct cpu_slot *slot;
	uint32_t generation;
	enum hook_state state;
	struct hook *predecessor; /* of the generation before, while there is one */
	uint64_t retired_ns;      /* when it was replaced; 0: it was not */
	uint64_t lost;            /* as read last */
	uint64_t lost_reported;
	uint64_t closed_position; /* where the ring's head was after it was closed */
	UT_hash_handle hh;
	struct hook *slot_prev, *slot_next;
};

struct hook_table {
	struct hook *by_id;
	uint32_t closed;  /* how many wait to be reaped */
	uint32_t retired; /* how many are replaced but still open */
	uint32_t members; /* descriptors of counters beside their leaders */
	uint32_t generation;
};

struct hook_spec {
	const struct perf_features *features;
	uint32_t tracepoint;
	const char *filter;
	bool with_abi;
	bool wakes;                                /* each sample wakes whoever waits for the rings */
	const struct counter_group_spec *counters; /* NULL: a tracepoint; else nothing but the features matters beside them */
};

#define HOOK_ALL_GENERATIONS UINT32_MAX

/* Opens a hook, disabled. -ENODEV: the CPU is offline. */
int hook_table_open(struct hook_table *t, struct cpu_slot *slot, const struct hook_spec *spec, struct kernel_event *event,
		    uint32_t generation, struct error *err);

uint32_t hook_table_next_generation(struct hook_table *t);

/* Lets the hooks of an event's generation fire, and count from now on. */
void hook_table_enable_event(struct hook_table *t, struct kernel_event *event, uint32_t generation);

/* Enables the hooks of `generation` and retires the event's others; the new ones count once they are met in the ring. */
void hook_table_replace_event(struct hook_table *t, struct kernel_event *event, uint32_t generation);

/* Closes an event's hooks of one generation (or all); their last losses are read first. */
void hook_table_close_event(struct hook_table *t, const struct kernel_event *event, uint32_t generation);

/* The event goes away: samples that are left of it are skipped. */
void hook_table_forget_event(struct hook_table *t, const struct kernel_event *event);

/* All hooks of a CPU go away at once, with what is in its ring. */
void hook_table_drop_slot(struct hook_table *t, struct cpu_slot *slot);

/* Closes hooks that were retired long enough ago. Cheap when there are none. */
void hook_table_close_retired(struct hook_table *t, uint64_t now_ns);

/* Frees closed hooks whose ring has been read past them. */
void hook_table_reap(struct hook_table *t);

void hook_table_done(struct hook_table *t);
uint32_t hook_table_descriptors(const struct hook_table *t);

struct hook *hook_table_search(struct hook_table *t, struct cpu_slot *slot, uint64_t id);

/* The hook with this id; NULL when there is none. */
static inline struct hook *hook_table_find(struct hook_table *t, struct cpu_slot *slot, uint64_t id)
{
	struct hook *hook = slot->found[id % 8];

	return hook && hook->id == id ? hook : hook_table_search(t, slot, id);
}

/* A sample of a hook that does not count was met: true when it counts from here on. */
bool hook_take_over(struct hook *hook);

/* Losses since the last call; reads them from the kernel while the hook is open and not retired. */
uint64_t hook_take_lost(struct hook *hook);

#endif
