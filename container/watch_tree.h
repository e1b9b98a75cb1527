#ifndef CONTAINER_WATCH_TREE_H
#define CONTAINER_WATCH_TREE_H

#include "container/container_inbox.h"
#include "container/container_watch.h"
#include "container/inotify_set.h"
#include "container/watch_kind.h"

#include <stdatomic.h>

/*
 * The directories below all roots that matter (watch_kind.h), each with its watch; what is read in them is put into the inbox.
 *
 * A directory's watch is there before anybody looks at what is in it, so nothing falls between: what came before is seen by looking, what comes
 * later is told. What was removed and made again in between has another watch, by which the two are told apart. An event makes one look at once;
 * everything else (the first listing, queues that were full) waits in line, and events go first, because a container that lives for 10 ms
 * does not wait for the thousand that are there.
 *
 * Bounds: WATCH_CONTAINERS_MAX directories of containers in all, and as many in one directory as its kind says. Those beyond are not looked at before
 * others are gone. When the kernel gives no more watches, directories are looked at every second (watch_tree_poll()), a part of them when they are
 * many.
 *
 * One thread.
 */
#define WATCH_CONTAINERS_MAX 16384
#define WATCH_POLLED_MAX     4096 /* looked at per call of watch_tree_poll() */

struct watch_tree;

/* The inbox is borrowed. `between` (may be NULL) is called after each look or read. NULL: out of memory. */
struct watch_tree *watch_tree_new(struct container_inbox *inbox, void (*between)(void *context), void *context);
/* Tells nothing. Takes NULL; returns NULL. */
struct watch_tree *watch_tree_free(struct watch_tree *t);

/* Watches what is below `path`, which is borrowed, and waits for it while it is not there. The same path again: nothing. `listed`: what is there now
 * was there when it was looked at first, else only what is older than the tree. -ENOMEM. */
int watch_tree_add_root(struct watch_tree *t, const char *path, const struct watch_kind *kind, bool listed);

/* Waits for events, for `timeout_ms` at most, or until `wake_fd` is readable, and handles them and what waits in line: a part of it, when
 * there is much. False: nothing is left. */
bool watch_tree_run(struct watch_tree *t, int wake_fd, int timeout_ms, const atomic_bool *stop);

/* Whether events wait to be read. Any thread. */
bool watch_tree_has_events(const struct watch_tree *t);
/* Whether everything that has happened has been told of. Any thread. */
bool watch_tree_is_idle(const struct watch_tree *t);

/* Every few seconds: whether each root's path still leads to the same directory, which no event tells of mounts and links; and what
 * could not be read or looked at is tried again. */
void watch_tree_check(struct watch_tree *t);

/* Every second while watch_tree_is_polled(): looks at what could not be watched, and tries to watch it. */
void watch_tree_poll(struct watch_tree *t);
bool watch_tree_is_polled(const struct watch_tree *t);

/* What is told already is told again. */
void watch_tree_repeat(struct watch_tree *t);

/* Whether a directory came, since it was asked last, that may lead to new roots. */
bool watch_tree_leads_to_roots(struct watch_tree *t);

void watch_tree_count(const struct watch_tree *t, struct container_watch_counters *ret);

#endif
