#ifndef CONTAINER_CONTAINER_ROOTS_H
#define CONTAINER_CONTAINER_ROOTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Where container runtimes keep their state: directories that were told, or else the usual ones. A directory need not be there (yet).
 *
 *	Docker        data root            /var/lib/docker, /var/lib/docker/UID.GID (userns-remap), ~/.local/share/docker of users
 *	                                                                       containers/ID/config.v2.json, hostconfig.json
 *	containerd    state                /run/containerd, /run/docker/containerd/daemon (Docker's own), /run/k3s/containerd
 *	                                                                       io.containerd.runtime.v2.task/NAMESPACE/ID/config.json, init.pid
 *	Podman, CRI-O containers/storage   /var/lib/containers/storage, ~/.local/share/containers/storage of users
 *	                                                                       DRIVER-containers/containers.json, DRIVER-images/images.json
 *	runc, crun    state                /run/runc, /run/crun, /run/containerd/runc/NAMESPACE, /run/docker/runtime-NAME/NAMESPACE,
 *	                                   /run/user/UID/runc, /run/user/UID/crun     ID/state.json, ID/status
 *
 * and where the snap packages of Docker and MicroK8s have theirs. Of users only those in /etc/passwd who have a /run/user/UID (are logged in, or linger)
 * are looked at: to ask for others, or to look into their homes, can take as long as some server takes.
 *
 * A list that only grows; any thread.
 */
enum container_root_type {
	CONTAINER_ROOT_DOCKER,
	CONTAINER_ROOT_CONTAINERD,
	CONTAINER_ROOT_STORAGE,
	CONTAINER_ROOT_RUNC,
	CONTAINER_ROOT_TYPES,
};

#define CONTAINER_ROOTS_MAX 256 /* of a type; more are not looked for */

struct container_roots;

struct container_roots_options {
	/* Per type: absolute paths, copied. None: the usual ones. */
	const char *const *paths[CONTAINER_ROOT_TYPES];
	size_t counts[CONTAINER_ROOT_TYPES];
	/* Where the host's files are seen; put in front of the usual ones, but not of those that are told. Copied; NULL: "/". */
	const char *host;
};

/* -EINVAL: a path that is not absolute; -ENOSPC: more than CONTAINER_ROOTS_MAX; -ENOMEM. */
int container_roots_new(struct container_roots **ret, const struct container_roots_options *options, struct error *err);
/* Takes NULL; returns NULL. */
struct container_roots *container_roots_free(struct container_roots *r);

/* Adds one that was found out (what Docker's socket says of its data root, say), unless it is there already, is not absolute or there are
 * CONTAINER_ROOTS_MAX. True: it is new. */
bool container_roots_add(struct container_roots *r, enum container_root_type type, const char *path);

/* Looks for usual ones whose names have a part that nobody knows before (a namespace, a user) and adds those that are there. To be called every
 * few seconds, and when such a directory was seen to be made. Only of types of which none were told. True: there are new ones. */
bool container_roots_discover(struct container_roots *r);

/* How many there are of a type, and the n-th: valid as long as the list is. */
size_t container_roots_count(const struct container_roots *r, enum container_root_type type);
const char *container_roots_path(const struct container_roots *r, enum container_root_type type, size_t n);

/* What stands in front of the usual ones: "" or a path without a slash at its end. */
const char *container_roots_host(const struct container_roots *r);

/* Whether they are the usual ones: none were told. */
bool container_roots_are_usual(const struct container_roots *r, enum container_root_type type);

#endif
