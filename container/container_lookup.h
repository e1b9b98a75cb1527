#ifndef CONTAINER_CONTAINER_LOOKUP_H
#define CONTAINER_CONTAINER_LOOKUP_H

#include "container/container_fact.h"
#include "container/container_roots.h"

/*
 * Questions to the runtimes' state on disk that somebody waits for: a few small files are opened and read, 0.1 to 1 ms: a state.json of runc
 * with its filter of system calls has 30 KB. Any thread.
 */

#define CONTAINER_LOOKUP_DEPTH 8 /* names of a path that are looked for, from the last one on */

/* Which container a cgroup belongs to whose name does not say so (container_path_parse() found none): the innermost name in the path that a runtime
 * has a directory for; for containerd that and the one above it (its namespace), for the systemd drivers of runc and crun "runc-NAME.scope" and
 * "crun-NAME.scope". Runtimes make the directory before the cgroup. One stat(2) per root and name. False: none. */
bool container_lookup_path(const struct container_roots *roots, const char *path, size_t length, struct container_path *ret);

/* All that the files say of a container now, at most one fact per source, in the order of enum container_source, as a list that the caller frees; NULL:
 * nothing. Only sources that
 * can have a container of that runtime are asked; for CONTAINER_RUNTIME_UNKNOWN all. */
struct container_fact *container_lookup_read(const struct container_roots *roots, const char *id, enum container_runtime runtime);

#endif
