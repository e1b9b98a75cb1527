#ifndef SENSOR_CONTAINER_TABLE_H
#define SENSOR_CONTAINER_TABLE_H

#include "base/error.h"
#include "container/container_roots.h"
#include "sensor/container.h"
#include "sensor/container_life.h"

/*
 * The containers of the host, by id: what is known of each, joined from all who tell of it, and what has happened to it and is to be told.
 *
 * Facts (container_fact.h) come from threads that watch the runtimes, container_table_take(). They may come later than a container's first
 * event, which would be told without a name then, or withheld from whoever asked for that name. So the runtimes' files are also read at once, on
 * the loop thread, when an id is first met, and again at the first exec in a container of which still nothing is known: runtimes write
 * them before they start the first process. That is a few opens of small files that were just written, some 100 us per container. What is
 * not found then is looked for again CONTAINER_LOOKS times in ever longer intervals, about 25 s in all; until it is found, or has been given up, the
 * container is `pending`: no filter by name or image takes its events.
 *
 * What happens to containers is told by container_table_flush() as changes (container_life.h). One that has just been made and is pending is
 * not told before CONTAINER_HOLD_NS are over. A container that no runtime tells of lives as long as there are processes in it.
 *
 * Staleness and bounds: a container stays for CONTAINER_LINGER_NS after it was destroyed, for late samples and late facts, and as long as a
 * process refers to it. There are as many as the runtimes have on disk. A host without containers costs nothing here.
 *
 * The loop thread.
 */
struct container_table;

#define CONTAINER_LOOKS         8
#define CONTAINER_LOOK_FIRST_NS UINT64_C(100000000) /* and then twice as long each time */
#define CONTAINER_HOLD_NS       UINT64_C(1000000000)
#define CONTAINER_UNTOLD_NS     UINT64_C(1000000000) /* after so long without a runtime's word, the kernel's is all there is */
#define CONTAINER_LINGER_NS     UINT64_C(10000000000)

struct container_table_options {
	/* Where the runtimes keep their state; borrowed, must live longer. NULL: ids only. */
	const struct container_roots *roots;
	/* CLOCK_REALTIME: what happened to containers before is not told. 0: now. */
	int64_t since_ns;
	/* Asked when a cgroup is met that might be a container's that came and went already: has all that had happened when it was called found out by
	 * whoever watches the runtimes, for some ms at most, and returns those facts, a list. NULL: nobody watches. */
	struct container_fact *(*catch_up)(void *context);
	void *context;
};

/* -ENOMEM. */
int container_table_new(struct container_table **ret, const struct container_table_options *options, struct error *err);
/* After the last reference to its containers is gone. Takes NULL; returns NULL. */
struct container_table *container_table_free(struct container_table *t);

/* fn is called for each container that has processes and got another revision. It must not take or give references. */
void container_table_on_revision(struct container_table *t, void (*fn)(void *context, const struct container *c), void *context);

/* fn is called for the first process of a container whose cgroup could not be known to be one when the process was put there: it is to be looked at
 * again. */
void container_table_on_found(struct container_table *t, void (*fn)(void *context, uint32_t pid), void *context);

/* The container of this id, made if it is not there, with a reference for the caller. NULL: out of memory. */
struct container *container_table_get(struct container_table *t, const struct container_path *path);

/* What is there now was so before the sensor began: until it is called again with false, what container_table_get() makes is not new. */
void container_table_set_scanning(struct container_table *t, bool scanning);

/* Which container a cgroup is whose name does not say so: a runtime has told of it, or the runtimes' directories are asked. `anew`: even when they were asked before in this round of
 * container_table_refresh(), and those that watch them too. False: none. */
bool container_table_resolve(struct container_table *t, const char *path, size_t length, bool anew, struct container_path *ret);

/* Takes a list of facts over. `now_ns` as in all of these: CLOCK_MONOTONIC. */
void container_table_take(struct container_table *t, struct container_fact *list, uint64_t now_ns);

/* A process of the container has run a program (its path as given to execve(2)), has been killed for lack of memory, or has ended. */
void container_table_exec(struct container *c, uint32_t pid, const struct event_string *filename, uint64_t now_ns);
void container_table_out_of_memory(struct container *c);
void container_table_exit(struct container *c, uint32_t pid, const struct container_exit *exit, uint64_t now_ns);

/* Tells what is due, in order for each container. fn must not call the table. */
typedef void (*container_change_fn)(void *context, const struct container *c, const struct container_change *change);
void container_table_flush(struct container_table *t, uint64_t now_ns, container_change_fn fn, void *context);

/* Looks for what is missing, and forgets what is over. To be called every few 100 ms. */
void container_table_refresh(struct container_table *t, uint64_t now_ns);

/* Whether docker_config and oci_config are kept of facts that come from now on. When not, those that are there are freed. */
void container_table_keep_json(struct container_table *t, bool keep);

/* How many there are, those that linger included. */
size_t container_table_count(const struct container_table *t);

/* Calls fn for each that is not over, in the order in which they became known. fn must not take or give references. */
void container_table_each(const struct container_table *t, void (*fn)(void *context, const struct container *c), void *context);

/* The one of this id, without a reference for the caller; NULL: there is none. */
const struct container *container_table_find(const struct container_table *t, const char *id);

#endif
