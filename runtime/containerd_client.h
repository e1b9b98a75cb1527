#ifndef RUNTIME_CONTAINERD_CLIENT_H
#define RUNTIME_CONTAINERD_CLIENT_H

#include "container/container_inbox.h"
#include "runtime/socket_thread.h"

/*
 * Tells what containerd's socket has to say of the containers of all namespaces: at first of those that are there (`listed`, the first time that
 * somebody answers), then of each event, in containerd's order.
 *
 *	what                     from                                    the fact
 *	name, pod                labels of the CRI plugin and nerdctl    NULL with other clients: containerd's containers have ids only
 *	image_name               the container's image                   NULL in the namespace "moby": Docker keeps images by itself
 *	image_id                 Images.Get of that name                 the digest of the image's target (an index or a manifest), as `ctr images` and
 *	                                                                 `nerdctl` show it; not the config's digest that Docker calls the id
 *	bundle, init_pid         TaskCreate; the pid also Tasks.List
 *	state and its times      TaskCreate, -Start, -Exit, -Delete      started_ns of what was found running: when its first process started, by /proc
 *	oom_killed               TaskOOM, until the next start
 *	settings                 name, image_name, labels
 *	gone                     ContainerDelete
 *
 * The OCI config is not told: it stands in the bundle, which another source reads, and would be most of the traffic.
 *
 * For a container that lives for 10 ms, the metadata can be deleted before it is asked for. What the events said of it is told then.
 *
 * Containers are told by ids, which containerd has once per namespace: of two with the same id, the one is told of which something came last.
 *
 * containerd says nothing when a subscription is in effect. It is asked for something else first, then listed, and once more after a second for
 * what may have fallen between. When the connection is lost, containerd is waited for (socket_thread.h), and listed again: what
 * has vanished is gone. A listing needs containerd 1.3 or later.
 */
struct containerd_client;

/* `path` of the socket, absolute; the inbox is borrowed. Errors as socket_thread_start(). */
int containerd_client_new(struct containerd_client **ret, const char *path, struct container_inbox *inbox, struct error *err);

/* Lets the thread end, and does not wait for that. Any thread. */
void containerd_client_stop(struct containerd_client *c);
/* Ends the thread, within 100 ms whatever the other side does. Takes NULL; returns NULL. */
struct containerd_client *containerd_client_free(struct containerd_client *c);

/* Any thread. */
void containerd_client_counters(struct containerd_client *c, struct socket_thread_counters *ret);

#endif
