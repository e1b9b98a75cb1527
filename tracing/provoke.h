#ifndef TRACING_PROVOKE_H
#define TRACING_PROVOKE_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * A child process that makes something happen on command, so that one can see whether the kernel tells of it: the child waits until
 * provoke_act(), runs the action, says so, and waits again.
 *
 *	provoke_start(&p, action, context, &err);
 *	...						put a probe in the kernel, open a perf event on provoke_pid(&p)
 *	provoke_act(&p, STEP, 2000, &err);		whatever happened has happened when this returns
 *	provoke_stop(&p);
 *
 * The action runs in a forked copy of a process with many threads: it may make system calls and write to its own memory, and must not
 * allocate, lock or print. It sees `context` as it was at provoke_start(). It may change the child's ids, namespaces and directories, and may
 * execute another program. But for the three standard streams nothing of the parent is open in the child, so that it keeps no perf event or
 * probe alive; signals have their default actions. The child ends when its parent does.
 *
 * One thread.
 */
struct provoke {
	pid_t pid;  /* 0: none */
	int orders; /* a byte each: the step */
	int answers;
};

/* Returns 0, or a negative errno that provoke_act() hands on. */
typedef int (*provoke_action)(void *context, uint8_t step);

/* Forks the child. Whatever comes of it, provoke_stop() is allowed. */
int provoke_start(struct provoke *p, provoke_action action, void *context, struct error *err);

/* Has the action run once. What it returned: an error says which step failed with what. -ETIMEDOUT: it did not come back in time; the child
 * is killed. -ECHILD: the child is gone. An action that executes another program has come back with 0 when the program starts. */
int provoke_act(struct provoke *p, uint8_t step, uint32_t timeout_ms, struct error *err);

/* Waits until the child has ended by itself, for those whose action executes a program. *ret_status is as of waitpid(2). -ETIMEDOUT: it was
 * killed. */
int provoke_wait(struct provoke *p, uint32_t timeout_ms, int *ret_status, struct error *err);

/* Ends the child, if it still runs, and reaps it. Takes a zeroed or stopped one. */
void provoke_stop(struct provoke *p);

static inline pid_t provoke_pid(const struct provoke *p)
{
	return p->pid;
}

#endif
