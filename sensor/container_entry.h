#ifndef SENSOR_CONTAINER_ENTRY_H
#define SENSOR_CONTAINER_ENTRY_H

#include "sensor/container_table.h"

#include <uthash.h>

/*
 * The inside of the container table: what container_table.c (who is there, and what is to be told of them), container_join.c (what is known of one) and
 * container_cgroup.c (which cgroup is whose) share. Nobody else includes this.
 *
 * The loop thread.
 */

struct container_entry {
	struct container container; /* first: the public face */
	struct container_table *table;
	char id[CONTAINER_ID_BYTES];
	enum container_runtime path_runtime;             /* what its cgroup's name says */
	struct container_fact *facts[CONTAINER_SOURCES]; /* the last ones; the strings are theirs. NULL: none */
	uint64_t seen_ns[CONTAINER_SOURCES];
	struct container_life life;
	struct container_change *changes; /* that wait */
	uint32_t change_count;
	bool is_due; /* in the list of those that have some */
	struct container_entry *next_due;
	bool was_before; /* there when the sensor began */
	bool is_held;    /* one of the references is the table's */
	bool is_bare;    /* a runtime has it, and has told nothing of it yet */
	bool given_up;   /* looking for it */
	uint32_t looks;  /* how often it was looked for in vain */
	uint32_t exec_looks;
	uint64_t made_ns;
	uint64_t look_due_ns; /* UINT64_MAX: never */
	uint64_t hold_until_ns;
	uint64_t over_ns;            /* 0: it is not over */
	struct named_cgroup *cgroup; /* NULL: its cgroups are named by its id, or nobody has told */
	UT_hash_handle hh;
};

/* The cgroup of a container whose name does not say so, as a runtime tells it. */
struct named_cgroup {
	char *path;
	struct container_entry *entry;
	UT_hash_handle hh;
};

/* What the runtimes have answered about a path. */
struct resolved {
	struct container_path path;
	bool is_container;
	UT_hash_handle hh;
	char text[]; /* the key, not terminated */
};

struct container_table {
	struct container_entry *entries;
	struct container_entry *due, **due_end;
	struct resolved *resolved;
	struct named_cgroup *cgroups;
	struct container_table_options options;
	uint64_t revision; /* the last one given */
	bool scanning;
	bool keeps_json;
	void (*revised)(void *context, const struct container *c);
	void *revised_context;
	void (*found)(void *context, uint32_t pid);
	void *found_context;
};

/* Makes the public face of what the facts say, and of its life. After the facts have changed: `before` is what it was, whose strings are still
 * there. Whoever is interested in other names is told. */
void container_join(struct container_entry *e, const struct container *before);
/* The same for its life alone. */
void container_join_state(struct container_entry *e);

/* A runtime has told of its cgroup (NULL: has not) and of its first process. */
void container_learn_cgroup(struct container_entry *e, const char *path, uint32_t pid);
void container_forget_cgroup(struct container_entry *e);

/* What the runtimes have answered may not be true any more. */
void container_forget_answers(struct container_table *t);

#endif
