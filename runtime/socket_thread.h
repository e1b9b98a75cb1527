#ifndef RUNTIME_SOCKET_THREAD_H
#define RUNTIME_SOCKET_THREAD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A thread that talks to whoever listens on a unix socket, for as long as there is somebody, and again when there is somebody again.
 *
 * While there is no socket, the thread sleeps: inotify(7) wakes it when the socket, or the first directory of its path that is missing, is made;
 * where inotify cannot be had it looks every SOCKET_THREAD_LOOK_MS. When a session ends, the next one begins after a pause that doubles
 * from SOCKET_THREAD_PAUSE_MS to SOCKET_THREAD_PAUSE_MAX_MS, is short again after a session that was good, and ends early when another socket
 * stands at the path: a daemon that was started again is met at once.
 *
 * The thread has a name of its own and all signals blocked.
 */
#define SOCKET_THREAD_LOOK_MS      5000
#define SOCKET_THREAD_PAUSE_MS     50
#define SOCKET_THREAD_PAUSE_MAX_MS 30000

struct socket_thread;

struct socket_thread_options {
	const char *name; /* of the thread, at most 15 bytes */
	const char *path; /* absolute; copied */

	/* Connects, talks, and returns when that is over, with what ended it, or as soon as socket_thread_stopping() is true. On the thread. */
	int (*session)(void *context, struct error *err);

	/* NULL: the session watches socket_thread_stop_fd(). Else makes a session that waits for something return soon. Any thread, any time. */
	void (*interrupt)(void *context);
	void *context;
};

struct socket_thread_counters {
	bool connected;    /* somebody is there and has answered */
	uint64_t sessions; /* that were good */
	uint64_t facts;    /* that were told */
	uint64_t errors;
	char problem[256]; /* the last one; "": none yet */
};

/* -EINVAL: a path that is not absolute or too long for a socket's (107 bytes); -ENOMEM; what the system says. The session may be called before this
 * returns, and finds *ret set. */
int socket_thread_start(struct socket_thread **ret, const struct socket_thread_options *options, struct error *err);

/* Lets the session and the thread end, and does not wait for that: for somebody who has several to free. Any thread; once or more. */
void socket_thread_stop(struct socket_thread *t);
/* Stops it, if that was not done before, and waits for its end. Takes NULL; returns NULL. */
struct socket_thread *socket_thread_free(struct socket_thread *t);

void socket_thread_counters(struct socket_thread *t, struct socket_thread_counters *ret);

/* For the session. */

bool socket_thread_stopping(const struct socket_thread *t);
/* Readable from when the thread has to stop. */
int socket_thread_stop_fd(const struct socket_thread *t);
const char *socket_thread_path(const struct socket_thread *t);

/* Whoever is there has answered: the session is good. */
void socket_thread_connected(struct socket_thread *t);
void socket_thread_count_fact(struct socket_thread *t);
/* Counts it; logs it unless it is the same that was logged last. The text is "what: why". */
void socket_thread_problem(struct socket_thread *t, const struct error *err);

/* Sleeps until the socket is another one or none, or the thread has to stop. For a session that is good and has nothing to do. */
void socket_thread_wait_change(struct socket_thread *t);

#endif
