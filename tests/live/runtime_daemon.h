#ifndef TESTS_LIVE_RUNTIME_DAEMON_H
#define TESTS_LIVE_RUNTIME_DAEMON_H

#include "container/container_inbox.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * A real containerd or dockerd for a test: everything of it in a directory of its own, its containers in cgroups of its own, and nothing left of it
 * in the end: no process, no mount, no cgroup.
 */
struct runtime_daemon {
	char directory[64];
	char name[64];    /* of cgroups and of the namespace, "ringside-test-PID" */
	char socket[128]; /* the path of it: there once it is started */
	pid_t pid;        /* of the daemon; 0: it does not run */
	bool docker;
};

/* Skips the test, with the reason, without root or without what is needed. */
void runtime_daemon_init(struct runtime_daemon *d, bool docker);
/* Returns when it answers. */
void runtime_daemon_start(struct runtime_daemon *d);
/* Without a farewell. Its containers go on, if it is containerd. */
void runtime_daemon_kill(struct runtime_daemon *d);
void runtime_daemon_done(struct runtime_daemon *d);

/* Runs a client ("ctr ...", "docker ...") with the arguments that follow, which a shell splits; its exit status. */
int runtime_daemon_client(const struct runtime_daemon *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit status of a shell's command. */
int runtime_daemon_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Loads an image that has busybox in it, "ringside.test/busybox:1". */
void runtime_daemon_load_image(const struct runtime_daemon *d);

/* Waits for the next fact of an inbox; the caller frees it. NULL: none came in time. */
struct container_fact *runtime_daemon_next_fact(struct container_inbox *inbox, int timeout_ms);

#endif
