#ifndef CONTAINER_STATE_FILE_H
#define CONTAINER_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Files and directories that runtimes keep their state in: read whole, without waiting, and without leaving the root directory that they are
 * named in. Some of these directories belong to users (rootless Podman), who may put there whatever they like; it is read by root.
 *
 * Any thread.
 */

/* Which file it was, to see whether it is another one now. All zeros: none. */
struct state_file_id {
	uint64_t device, inode, size;
	int64_t modified_ns;
};

struct state_file {
	char *text; /* the content and a NUL behind it, from malloc; NULL: there is none */
	size_t size;
	struct state_file_id id;
};

/* Reads ROOT/name whole. No part of `name` may be "..", nor a symbolic link, unless ROOT is trusted.
 * 0: *ret is the caller's (state_file_done()). -ENOENT: there is none; -ELOOP, -ENOTDIR: a link; -EINVAL: no regular file, or it changed its size
 * meanwhile; -EFBIG: longer than CONTAINER_JSON_MAX; -ENAMETOOLONG; -ENOMEM; others as open(2) has them. */
int state_file_read(struct state_file *ret, const char *root, const char *name);

/* Frees the text. One that could not be read is fine. */
void state_file_done(struct state_file *f);

/* Whether there is something of that name, of whatever type, links not followed. */
bool state_file_exists(const char *root, const char *name);

/* When ROOT/name (a file or directory) was modified last, CLOCK_REALTIME; 0: there is none. */
int64_t state_file_modified_ns(const char *root, const char *name);

/* Whether ROOT is a directory of the superuser: what is written there can be believed to lead elsewhere. */
bool state_file_is_trusted(const char *root);

#define STATE_FILE_NAMES_MAX 16384 /* names of one directory that are told */

/* Tells of every directory in ROOT/name whose name can be a container's id (container_id_is_valid()). `name` may be "": ROOT itself. The number
 * of them; -errno, when it cannot be opened (-ENOENT: it is not there). */
int state_file_list(const char *root, const char *name, void (*fn)(void *context, const char *directory), void *context);

#endif
