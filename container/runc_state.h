#ifndef CONTAINER_RUNC_STATE_H
#define CONTAINER_RUNC_STATE_H

#include "container/container_fact.h"
#include "container/state_file.h"

/*
 * What low-level runtimes keep of their containers: ROOT/ID/state.json of runc (libcontainer/container_linux.go, struct State) and ROOT/ID/status of
 * crun (src/libcrun/status.c). They are there from create to delete; others (containerd, Docker, Podman) have them made, too.
 *
 * In this order: the directory is made; exec.fifo in it; the container's process; its cgroups, and the process is moved there; state.json (or status),
 * to be renamed into place. When the program is started, exec.fifo is removed, and at the same time the process executes the program: either can be
 * first. Then `runc update` replaces state.json. Nothing in the directory changes when the program ends: whether its process is there is asked of /proc.
 * `init_pid` is of a process that has ended, too: it says which run that was. Exit codes are nowhere. `runc run` is create and start with nothing in between; `crun run` makes no exec.fifo. At last the files are removed, and the
 * directory.
 *
 * `oci_config` is there for containers of runc, crun, Podman and CRI-O; those of Docker and containerd have it among their tasks.
 *
 * `runtime` is whose container it is as the bundle's path and the annotations say; CONTAINER_RUNTIME_RUNC if they say nothing.
 *
 * Any thread.
 */

/* The content of a state.json: a fact of CONTAINER_SOURCE_RUNC, the caller's, as if its process were there and its program started.
 * -EINVAL: no JSON object, or that of another container; -ENOMEM. */
int runc_state_parse(struct container_fact **ret, const char *id, const char *json, size_t size);

/* The same of crun's status, which does not say whose it is. */
int runc_state_parse_crun(struct container_fact **ret, const char *id, const char *json, size_t size);

/* Reads that of a container, whichever of the two made it. 0: *ret is the caller's. -ENOENT: there is none (yet); -EINVAL: it makes no sense, or the
 * id cannot be one; others like state_file_read(). */
int runc_state_read(struct container_fact **ret, const char *root, const char *id);

/* Tells of the ids of all containers that have a directory: how many, or -errno. */
int runc_state_list(const char *root, void (*fn)(void *context, const char *id), void *context);

#endif
