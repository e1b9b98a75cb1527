#ifndef TRACING_TARGET_PATH_H
#define TRACING_TARGET_PATH_H

#include "base/error.h"

#include <limits.h>

/*
 * The file that a uprobe goes into, from the name that somebody gives:
 *
 *	/usr/bin/bash, ./a.out     a path
 *	/proc/PID/root/bin/sh      a path in the root of a process: in its mount namespace or chroot. It works as long as that process lives;
 *	                           a probe that stands by then stays
 *	/proc/PID/exe and the like taken as they are
 *	bash                       a program: the first one of PATH
 *	libc.so.6                  a library (a name with ".so" in it): the first one of the system's usual directories
 *
 * The kernel looks the path up once more when the probe is written, as the process that writes it. It would follow an absolute symbolic link
 * in a container to the host's file of that name; so what comes out has no symbolic links left inside of a process's root: they have been
 * followed as that process does. (openat2() with RESOLVE_IN_ROOT follows them in the same way, but yields a descriptor, and the name of that
 * is one of the other namespace.) Whoever owns that root can change it at any time: what he gains is a probe in another file.
 */
struct target_path {
	char root[PATH_MAX];  /* "/proc/PID/root"; "" for a path of ours */
	char inner[PATH_MAX]; /* absolute, as seen from that root, no symbolic links */
	char path[PATH_MAX];  /* root and inner: as tracefs takes it */
};

/* -ENOENT: no such file; -EINVAL: not a regular file, or a path with blanks, which uprobe_events cannot be told; -ELOOP, -ENAMETOOLONG. */
int target_path_resolve(struct target_path *ret, const char *name, struct error *err);

/* The path by which we open what a process with this root ("" for ours) calls `inner`, which is absolute. Symbolic links are followed inside
 * of it. `ret_inner` may be NULL. Errors as above. */
int target_path_in_root(const char *root, const char *inner, char ret_path[PATH_MAX], char ret_inner[PATH_MAX], struct error *err);

#endif
