#ifndef CONTAINER_WATCH_DIR_H
#define CONTAINER_WATCH_DIR_H

#include "container/inotify_set.h"
#include "container/told_facts.h"
#include "container/watch_tree.h"

#include <limits.h>
#define HASH_NONFATAL_OOM 1 /* what did not fit has no hh.tbl */
#include <uthash.h>
#include <utlist.h>

/*
 * The inside of the tree of directories: what watch_dir.c (one directory: its watch, what is read in it and told, its children) and watch_tree.c (the
 * roots, events, and whose turn it is) share. Nobody else includes this.
 *
 * One thread.
 */

enum watch_listed {
	LISTED_NEVER,
	LISTED_IF_OLDER, /* than the tree */
	LISTED_ALWAYS,
};

struct watch_root;

/* Which directory it is. File systems give an inode's number to the next one at once, but not the time of its birth, where they keep that. */
struct watch_identity {
	uint64_t device, inode;
	int64_t born_ns;
};

/* Whose watch it is. */
struct watch_owner {
	struct inotify_watch watch; /* first */
	struct watch_root *root;
	struct watch_dir *dir; /* NULL: the watch for the root to come */
};

struct watch_dir {
	struct watch_owner owner;
	const struct watch_kind *kind;
	struct watch_dir *parent, *children;
	UT_hash_handle hh; /* in the parent's children, by name */
	struct watch_dir *prev, *next, *polled_prev, *polled_next;
	struct told_facts told;
	enum watch_listed listed; /* what is found now: LISTED_NEVER after the first look */
	bool in_line, polled, failed, is_known;
	uint32_t ignored; /* children beyond the bound */
	uint32_t seen;    /* the scan that has seen it last */
	uint64_t batch;   /* after which it was read last */
	uint64_t stamp;   /* of the files when they were read by a look; 0: none */
	struct watch_identity identity;
	char name[];
};

struct watch_root {
	const char *path;
	const struct watch_kind *kind;
	struct watch_dir *dir; /* NULL: not there */
	enum watch_listed listed;
	struct watch_owner way;      /* watches the nearest directory above that is there, while the root is not */
	char way_name[NAME_MAX + 1]; /* what has to come in it */
	struct watch_root *next;
};

struct watch_tree {
	atomic_bool is_idle;
	struct inotify_set *set;
	struct container_inbox *inbox;
	void (*between)(void *context);
	void *context;
	struct watch_root *roots;
	struct watch_dir *line;   /* to be looked at */
	struct watch_dir *polled; /* the one that was looked at longest ago first */
	uint32_t polled_count, failed_count, ignored_count, containers, scan;
	uint64_t batch, facts, unreadable, overflows;
	uint64_t relook_ns, relooked_ns; /* CLOCK_MONOTONIC; 0: not due, never */
	int64_t start_ns;                /* CLOCK_REALTIME_COARSE */
	bool leads_to_roots;
	char problem[256];
};

void watch_tree_set_problem(struct watch_tree *t, const char *what, const char *path, int r);

/* 0; -ENOTDIR; others as statx(2). */
int watch_identity_read(struct watch_identity *ret, const char *path, int flags);
bool watch_identity_equal(const struct watch_identity *a, const struct watch_identity *b);

/* A directory that is known, of a parent or (NULL) a root's own. NULL: out of memory. */
struct watch_dir *watch_dir_new(struct watch_tree *t, struct watch_root *root, struct watch_dir *parent, const char *name);
/* What was told of it, and of all below, is gone. */
void watch_dir_drop(struct watch_tree *t, struct watch_dir *dir);

/* It will be looked at. */
void watch_dir_get_in_line(struct watch_tree *t, struct watch_dir *dir);
/* Watches it, then looks at what is there: children too, at once or when it is their turn. It may be no more afterwards. */
void watch_dir_look(struct watch_tree *t, struct watch_dir *dir, bool at_once);

/* Reads its files and tells what they say. `is_whole`: an event says that one was written to its end. */
void watch_dir_read(struct watch_tree *t, struct watch_dir *dir, bool is_whole);

/* The child of that name, known from now on; NULL: there are too many, which is noted. */
struct watch_dir *watch_dir_child(struct watch_tree *t, struct watch_dir *dir, const char *name);

#endif
