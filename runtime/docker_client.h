#ifndef RUNTIME_DOCKER_CLIENT_H
#define RUNTIME_DOCKER_CLIENT_H

#include "container/container_inbox.h"
#include "runtime/socket_thread.h"

/*
 * Tells what Docker's socket (the Docker Engine API, HTTP) has to say of containers: at first of those that are there (`listed`, the first time that
 * somebody answers), then, for each event about a container's life, what it is now, in Docker's order.
 *
 * Docker's state on disk says the same and more, sooner, and costs the daemon nothing. So /info is asked first, for where that is, and whoever
 * started this says whether it is read. If so, nothing else is asked, and the socket is left alone until it is another one: a daemon
 * that was started again may have another root.
 *
 * Facts are what GET /containers/ID/json says (container/docker_state.h). Where that is ahead of the events, what they say happened is told too: a
 * container that runs when its creation is looked at was created before, a run that had ended when its start is looked at has run, one
 * that was begun again when its end is looked at has ended. When a container is removed before it can be looked at, what was known of it and what the event says is told.
 *
 * When the connection is lost, the daemon is waited for (socket_thread.h), and its containers are listed again: what has vanished is gone.
 */
struct docker_client;

struct docker_client_options {
	const char *path;              /* of the socket, absolute */
	struct container_inbox *inbox; /* borrowed */

	/* Docker's state on disk is there, says the daemon. True: it is read, and the socket need not tell. NULL: it is not read. On the client's
	 * thread, once per connection. */
	bool (*found_root)(void *context, const char *path);
	void *context;
};

/* Errors as socket_thread_start(). */
int docker_client_new(struct docker_client **ret, const struct docker_client_options *options, struct error *err);

/* Lets the thread end, and does not wait for that. Any thread. */
void docker_client_stop(struct docker_client *c);
/* Ends the thread, within 100 ms whatever the other side does. Takes NULL; returns NULL. */
struct docker_client *docker_client_free(struct docker_client *c);

/* Any thread. */
void docker_client_counters(struct docker_client *c, struct socket_thread_counters *ret);

#endif
