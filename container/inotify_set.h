#ifndef CONTAINER_INOTIFY_SET_H
#define CONTAINER_INOTIFY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Directories that are watched with one instance of inotify(7), which has one order over the changes in all of them.
 *
 * The kernel has one watch per directory, however many paths lead to it; here, several may watch the same one, and each gets the events that it
 * asked for. There may be no instance to be had (fs.inotify.max_user_instances): watches fail then, until inotify_set_open() succeeds.
 *
 * One thread.
 */
struct inotify_set;

/* Embedded in whatever watches a directory; all zeros at first. */
struct inotify_watch {
	struct inotify_watch *next;
	struct inotify_entry *entry; /* NULL: nothing is watched */
	uint32_t mask;
};

/* `w` NULL: the queue was full, anything may have happened anywhere (IN_Q_OVERFLOW). IN_IGNORED: the directory or its filesystem is gone, and `w`
 * watches nothing any more. `name` of what is in the directory, "" for the directory itself; borrowed. May add and remove watches, `w` too. */
typedef void inotify_set_fn(void *context, struct inotify_watch *w, uint32_t mask, const char *name);

/* Without an instance yet. NULL: out of memory. */
struct inotify_set *inotify_set_new(inotify_set_fn *fn, void *context);
/* When nothing is watched any more. Takes NULL; returns NULL. */
struct inotify_set *inotify_set_free(struct inotify_set *s);

/* 0, also when there is an instance already; else as inotify_init1(2): -EMFILE. */
int inotify_set_open(struct inotify_set *s);
/* To poll(2) for reading; -1: no instance. */
int inotify_set_fd(const struct inotify_set *s);

/* Watches a directory with `w`, instead of what it watched before; `mask` as inotify_add_watch(2) has it, with IN_ONLYDIR and IN_EXCL_UNLINK added.
 * 1: it is another directory than `w` watched before (or it watched none); 0: the same one. -EMFILE: no instance; -ENOSPC:
 * fs.inotify.max_user_watches are in use; others as the system call; `w` watches what it watched before then. */
int inotify_set_watch(struct inotify_set *s, struct inotify_watch *w, const char *path, uint32_t mask);
/* Nothing happens when it watches nothing. Events that are in the queue already are not told. */
void inotify_set_unwatch(struct inotify_set *s, struct inotify_watch *w);

/* Reads once and tells what came, some 1,000 events at most; does not wait. False: there was nothing. */
bool inotify_set_read(struct inotify_set *s);

#endif
