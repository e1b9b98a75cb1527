#ifndef RUNTIME_CONTAINERD_TASK_H
#define RUNTIME_CONTAINERD_TASK_H

#include "runtime/containerd_messages.h"

/*
 * How the running side of a container goes on, by events and by listings. The two overlap: events that were already waiting when a listing was made
 * come after it and are older than it. None of these functions takes a container back in time.
 */

/* An event of a task; `f` is what was known before, or a new fact with nothing in it. */
void containerd_task_event(struct container_fact *f, const struct containerd_event *e);

/* What Tasks.List has; NULL: no task. `f` is new metadata, `known` (NULL: nothing) what was told of the container. */
void containerd_task_listed(struct container_fact *f, const struct container_fact *known, const struct containerd_task *task);

/* New metadata `f` gets what is known of its task: nothing, when it is another container of the same id. */
void containerd_task_keep(struct container_fact *f, const struct container_fact *known);

/* When a process started, CLOCK_REALTIME, to 10 ms (/proc/PID/stat); 0: there is none. */
int64_t containerd_task_process_start_ns(uint32_t pid);

#endif
