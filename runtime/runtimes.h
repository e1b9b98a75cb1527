#ifndef RUNTIME_RUNTIMES_H
#define RUNTIME_RUNTIMES_H

#include "container/container_inbox.h"
#include "container/container_roots.h"
#include "runtime/socket_thread.h"

/*
 * All that talks to container runtimes' sockets: a thread per socket, each of which puts facts into one inbox. A host without runtimes costs
 * sleeping threads.
 *
 * Docker's data root, when it can be read, is added to the roots: its state on disk is what is read then, and Docker's socket is quiet
 * (docker_client.h).
 */
struct runtimes;

/* Paths are copied. NULL: the usual socket; not NULL and a count of 0: none. */
struct runtimes_options {
	const char *const *docker_sockets; /* /run/docker.sock */
	size_t docker_socket_count;
	const char *const *containerd_sockets; /* /run/containerd/containerd.sock */
	size_t containerd_socket_count;

	struct container_inbox *inbox; /* borrowed, as the next one */
	struct container_roots *roots;

	/* There is a new root: whoever watches them may want to look (container_watch_look()). May be NULL. On a thread of the runtimes'. */
	void (*new_root)(void *context);
	void *context;
};

struct runtime_counters {
	enum container_runtime runtime; /* whose socket it is */
	char path[108];
	struct socket_thread_counters counters;
};

/* -EINVAL: a path that is not absolute or too long; -ENOMEM; what the system says when a thread cannot be had. */
int runtimes_new(struct runtimes **ret, const struct runtimes_options *options, struct error *err);

/* Ends the threads, within 100 ms whatever the other sides do. Takes NULL; returns NULL. */
struct runtimes *runtimes_free(struct runtimes *r);

/* How many sockets there are, and about the n-th. Any thread. */
size_t runtimes_count(const struct runtimes *r);
void runtimes_counters(const struct runtimes *r, size_t n, struct runtime_counters *ret);

#endif
