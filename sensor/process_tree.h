#ifndef SENSOR_PROCESS_TREE_H
#define SENSOR_PROCESS_TREE_H

#include "sensor/number_table.h"
#include "sensor/process_cache.h"
#include "sensor/thread_set.h"

/*
 * The inside of the process cache: entries, the lineages between them, and how long they stay in memory. Nobody else includes this.
 *
 * An entry is referenced by the table, while its tgid finds it, and by each of its children. One that ended lingers in the table first; when
 * it leaves that with children it is kept for their lineages. Without a reference it is freed.
 */
struct process_entry {
	struct process process; /* first: the public face */
	uint32_t nth;           /* process of this tgid in this tick, from 1 */
	uint64_t seen_ns;       /* CLOCK_MONOTONIC: /proc showed it then; 0: known from its fork sample */
	uint64_t asked_ns;      /* CLOCK_MONOTONIC: up to here /proc knew no newer process of this tgid */
	uint64_t scan;          /* number of the last scan that met it */
	uint64_t hierarchies;   /* CONTAINER_HIERARCHY_BIT() of those in which it is in its container */
	struct thread_set threads;
	bool in_table;
	bool exit_sampled;  /* its end is known from a sample, not only because /proc had it no more */
	bool encoded_below; /* it or a descendant may have encoded bytes that are current; never set without its parent's */
	struct process_entry *children;
	struct process_entry *sibling_prev, *sibling_next;
	struct process_entry *older, *newer;             /* in `lingering` or `kept` */
	struct process_entry *member_prev, *member_next; /* of its container's members */
	UT_hash_handle hh;
};

struct process_tree {
	uint64_t revision;               /* the last one given */
	struct process_entry *lingering; /* ended and in the table, oldest first */
	struct process_entry *kept;      /* ended, in lineages only, oldest first */
	size_t lingering_count;
	size_t kept_count;
	uint64_t cut;
};

static inline struct process_entry *process_entry_of(const struct process *p)
{
	return (struct process_entry *)(uintptr_t)p;
}

static inline struct process_entry *process_entry_parent(const struct process_entry *e)
{
	return process_entry_of(e->process.parent);
}

/* A living process in no lineage yet, with one reference for the table. NULL: out of memory. */
struct process_entry *process_tree_add(struct process_tree *t, uint32_t tgid);

/* Makes `parent` (NULL: none) the parent of `child`. Refused, and the child has no parent then, when it is the child's own descendant. */
void process_tree_link(struct process_tree *t, struct process_entry *child, struct process_entry *parent);

/* Something changed that this entry's encoded bytes and those of its descendants may show. */
void process_tree_revise(struct process_tree *t, struct process_entry *e);

/* Cuts dead ancestors out of the lineage of `e` until it has no more than PROCESS_LINEAGE_MAX, or only living ones. */
void process_tree_bound_lineage(struct process_tree *t, struct process_entry *e);

/* The process ended. */
void process_tree_end(struct process_tree *t, struct process_entry *e, uint64_t exit_time_ns);

/* The table gives up an entry that ended: it is kept or freed. */
void process_tree_leave_table(struct process_tree *t, struct process_entry *e);

/* Cuts the oldest kept entry out of all lineages and thereby frees it. */
void process_tree_cut_oldest(struct process_tree *t);

/* Takes over the reference of the container that it is in now (NULL: none), and gives back that of the one before. */
void process_entry_contain(struct process_entry *e, struct container *container);

/* Frees the memory of one entry and of nothing it refers to, but gives its container back. */
void process_entry_free(struct process_entry *e);

#endif
