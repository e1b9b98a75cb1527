#ifndef CONTAINER_CONTAINER_WATCH_H
#define CONTAINER_CONTAINER_WATCH_H

#include "base/error.h"
#include "container/container_inbox.h"
#include "container/container_roots.h"

/*
 * Watches the runtimes' state on disk with a thread of its own: at first it tells of every container that is there (`listed`), then of each
 * change, in the order in which inotify(7) has them over all directories; and that a container is gone, when what a source has of it is removed.
 * Directories that are not there yet are waited for: a runtime that is installed later is noticed. Where inotify cannot be had (no instance or watch
 * left, an old network filesystem) directories are read again every second, and the counters say so.
 *
 * Of one container, a source's facts come in the order of its changes, and the last one is of what there is after the last change; states that were
 * over before anybody could look are left out, and what is the same as before is not told again. "Gone" is told once for each time that something was
 * told before. The same id in two roots of one type is told twice; the same directory by two paths is not.
 *
 * Nothing changes on disk when a container's program ends by itself and nobody asks its runtime: that is for others to see.
 *
 * A host without runtimes costs a sleeping thread, which looks every five seconds for what no event tells of. While there is little to do the thread
 * runs before ordinary ones (first_turn.h).
 */
struct container_watch;

struct container_watch_counters {
	uint64_t facts;
	uint64_t unreadable; /* files that could not be read, or made no sense */
	uint64_t overflows;  /* times that inotify's queue was full and everything was looked at again */
	uint32_t containers; /* directories of containers that are watched now */
	uint32_t
		unwatched; /* directories that are polled, because no watch could be had, or left alone, because there are too many (watch_tree.h) */
	char problem[256]; /* the last thing that could not be read or watched, and why; "": nothing */
};

/* Both are borrowed until it is freed. When it returns 0, the first listing is complete in the inbox, or 2 s are over. */
int container_watch_new(struct container_watch **ret, struct container_roots *roots, struct container_inbox *inbox, struct error *err);
/* Ends the thread. Takes NULL; returns NULL. */
struct container_watch *container_watch_free(struct container_watch *w);

/* There may be new roots: look. Any thread. */
void container_watch_look(struct container_watch *w);

/* Tells everything once more, for somebody who wants more of it than before. Any thread. */
void container_watch_repeat(struct container_watch *w);

/* Waits until everything that had happened when it was called is in the inbox, or `timeout_ms` are over. Mostly it is, and nothing is waited for. Any
 * thread. */
void container_watch_catch_up(struct container_watch *w, uint32_t timeout_ms);

void container_watch_counters(struct container_watch *w, struct container_watch_counters *ret);

#endif
