#ifndef SENSOR_CONTAINER_TABLE_H
#define SENSOR_CONTAINER_TABLE_H

#include "base/error.h"
#include "sensor/container.h"

/*
 * The containers that processes are in, by id, and what their runtimes know of them.
 *
 * Names and images come from Docker's state on disk (docker_state.h), which Docker has written before it starts a container's first process.
 * It is read at once when an id is first met, on the loop thread, so that the first event of a container that comes has everything: one open
 * of a small file that was just written, some 50 us. What is not there then (or makes no sense) is looked for again by
 * container_table_refresh(), CONTAINER_LOOKS times in ever longer intervals, about 25 s in all; until it is found, the container has an id
 * only, and no filter by name or image takes its events. What was found is looked at again every CONTAINER_LOOK_AGAIN_NS, because a container
 * can be renamed.
 *
 * A host without containers costs nothing here.
 *
 * The loop thread.
 */
struct container_table;

#define CONTAINER_LOOKS         8
#define CONTAINER_LOOK_FIRST_NS UINT64_C(100000000) /* and then twice as long each time */
#define CONTAINER_LOOK_AGAIN_NS UINT64_C(5000000000)

struct container_table_options {
	/* Docker's root directories ("/var/lib/docker"), copied; the first one that has a container is believed. None: ids only. */
	const char *const *docker_roots;
	size_t docker_root_count;
};

/* -ENOMEM. */
int container_table_new(struct container_table **ret, const struct container_table_options *options, struct error *err);
/* After the last reference to its containers is gone. Takes NULL; returns NULL. */
struct container_table *container_table_free(struct container_table *t);

/* The container of this id, made if it is not there, with a reference for the caller. NULL: out of memory. */
struct container *container_table_get(struct container_table *t, const struct container_path *path);

/* Looks again for what is due at this time (CLOCK_MONOTONIC ns) and calls fn for each container that is not what it was, with its new revision.
 * fn must not take or give references. To be called every few 100 ms. */
void container_table_refresh(struct container_table *t, uint64_t now_ns, void (*fn)(void *context, const struct container *c),
			     void *context);

/* How many there are. */
size_t container_table_count(const struct container_table *t);

/* Calls fn for each, in the order in which they became known. fn must not take or give references. */
void container_table_each(const struct container_table *t, void (*fn)(void *context, const struct container *c), void *context);

/* The one of this id, without a reference for the caller; NULL: there is none. */
const struct container *container_table_find(const struct container_table *t, const char *id);

#endif
