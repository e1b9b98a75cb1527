#ifndef CONTAINER_CONTAINER_LOOKUP_H
#define CONTAINER_CONTAINER_LOOKUP_H

#include "container/container_fact.h"
#include "container/container_roots.h"

/*
 * Questions to the runtimes' state on disk that somebody waits for: a few small files are opened and read, some 100 us. Any thread.
 */

/* Which container a cgroup belongs to whose name does not say so (container_path_parse() found none): the last name in the path, or for containerd
 * the last two (namespace and id), is what a runtime has a directory for. Runtimes make the directory before the cgroup. One stat(2) per root.
 * False: none. */
bool container_lookup_path(const struct container_roots *roots, const char *path, size_t length, struct container_path *ret);

/* All that the files say of a container now, at most one fact per source, as a list that the caller frees; NULL: nothing. Only sources that
 * can have a container of that runtime are asked; for CONTAINER_RUNTIME_UNKNOWN all. */
struct container_fact *container_lookup_read(const struct container_roots *roots, const char *id, enum container_runtime runtime);

#endif
