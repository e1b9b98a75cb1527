#ifndef CONTAINER_WATCH_KIND_H
#define CONTAINER_WATCH_KIND_H

#include "container/container_fact.h"
#include "container/container_roots.h"

/*
 * The directories that runtimes keep state in, as a table: below each type of root there are directories of one kind, in those some of another
 * one, and so on; in some there are files that say something of one container or of many.
 */

/* Where a directory is: names as in "ROOT/containers/ID", NULL where there is none. */
struct watch_place {
	const char *root;   /* the root's path */
	const char *parent; /* the name of the directory that it is in */
	const char *name;
};

/* A directory's files say as much as *ret, a list that the caller frees. 0; -ENOENT: nothing (yet); other errors as the readers have them. */
typedef int watch_read_fn(struct container_fact **ret, const struct watch_place *place);

struct watch_kind {
	/* Directories in it, if it takes their names; NULL: none matter. */
	const struct watch_kind *child;
	bool (*takes_child)(const char *name);
	uint32_t children_max; /* no more than that are looked at, the others are counted */

	/* What the files in it say is read when one of these is written, or one of those is removed; both end with NULL. The removal of others is the
	 * beginning of the directory's own: a look for what is just being removed waits for the one who removes it. */
	const char *const *files;
	const char *const *markers; /* may be NULL */
	watch_read_fn *read;
	bool is_list; /* the files have all there are: what is in them no more is gone. Else the directory is one container's, and goes with it. */
	bool is_container; /* counted as one */
	/* A container's that can be gone before anything is read: that it came is told at once, by its name, as this source. */
	bool is_announced;
	enum container_source source;

	/* When a directory comes here, there may be new roots. */
	bool leads_to_roots;
};

/* What a root of this type is. */
const struct watch_kind *watch_kind_of_root(enum container_root_type type);

/* A place where new roots of a type may come, as long as the usual ones are looked for. */
struct watch_hint {
	enum container_root_type type;
	const char *path; /* on the host */
	const struct watch_kind *kind;
};

#define WATCH_HINTS 4
extern const struct watch_hint watch_hints[WATCH_HINTS];

#endif
