#ifndef CONTAINER_TASK_STATE_H
#define CONTAINER_TASK_STATE_H

#include "container/container_fact.h"
#include "container/state_file.h"

/*
 * What containerd keeps of tasks, while there are any: STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/ with config.json (the bundle) and init.pid
 * (before containerd 1.4 STATE/io.containerd.runtime.v1.linux/NAMESPACE/ID/). A container that has no task has nothing on disk but a row in
 * containerd's database. Namespace "moby" is Docker's, "k8s.io" that of Kubernetes.
 *
 * containerd makes the directory before the runtime makes the container's process; init.pid comes when that is created. When the task is deleted, so is
 * the directory.
 *
 * Any thread.
 */

/* Reads that of a task: of CONTAINER_SOURCE_TASK, the caller's. CREATED as long as there is no init.pid; from then on the state is not known: the files
 * do not tell whether it was started, nor whether it has ended. `created_ns` is when config.json was written. 0; -ENOENT: there is none; -EINVAL: it makes no sense, or the names cannot be any; others like state_file_read(). */
int task_state_read(struct container_fact **ret, const char *state, const char *name_space, const char *id);

/* Tells of all that have a directory: how many, or -errno. */
int task_state_list(const char *state, void (*fn)(void *context, const char *name_space, const char *id), void *context);

/* The directories that hold namespaces, below STATE: ends with NULL. */
extern const char *const task_state_directories[];

#endif
