#ifndef SENSOR_CONTAINER_LIFE_H
#define SENSOR_CONTAINER_LIFE_H

#include "container/container_fact.h"
#include "sensor/event.h"

/*
 * The life of one container: what of it has been told, so that each thing is told once and in order, from whomever it is learnt first.
 *
 *	created -> (running -> exited)* -> destroyed, and updated any number of times in between
 *
 * Several sources tell of the same container, each when it gets to it (container_fact.h), and the kernel tells of the exec and the exit of its
 * first process. A *run* is one start of it. Which run a fact is about is found by the first process, or else by the time at which the
 * source says that it was started: a time that the source has not told before is the current run as long as the source has not told of
 * that, and another run when it has.
 *
 * It is updated when the source that has most to say of it says so: others tell of the same later. It is gone when that source says so; when that
 * is only a source that forgets containers as soon as they do not run (CONTAINER_SOURCE_TASK and below) and the runtime is one that has more to
 * say, that is given a moment to say it.
 *
 * What was over when the sensor started is not told: what was created, started or ended before `since_ns`.
 *
 * No memory, no clock, no kernel: values in, changes out. One thread.
 */

#define CONTAINER_EXIT_GRACE_NS  UINT64_C(2000000000) /* how long to wait for somebody to say how a first process ended */
#define CONTAINER_LEAVE_GRACE_NS UINT64_C(1000000000) /* and for a source with more to say */
#define CONTAINER_START_GRACE_NS UINT64_C(500000000)  /* and, when it had a first process, for the kernel to say that this ran */

/* How a process ended, as the kernel has it. */
struct container_exit {
	bool known; /* else all zeros */
	int32_t code;
	uint32_t status;
	uint32_t signal;
	bool core_dumped;
	bool oom_killed; /* something in the container was, during that run; valid also when the rest is not known */
};

/* Something to be told. */
struct container_change {
	enum event_kind kind;
	uint32_t pid; /* of the run's first process; 0: not known */
	struct container_exit exit;
};

/* One step makes no more than these. */
#define CONTAINER_CHANGES_MAX 8

struct container_changes {
	struct container_change changes[CONTAINER_CHANGES_MAX];
	uint32_t count;
};

struct container_life_source {
	bool present;
	int64_t started_ns; /* as it told last; 0: never */
	uint32_t run;       /* the last one that it told of */
	uint64_t settings;
};

/* All zeros at first. */
struct container_life {
	uint32_t number;            /* counts containers that had the same id one after another */
	enum container_state state; /* CONTAINER_STATE_UNKNOWN: nothing is known; CONTAINER_CREATED: before its first run */
	enum container_runtime runtime;
	bool over;    /* destroyed; begins anew when a source tells that has as much to say as the one that said so */
	bool leaving; /* about to be: when it does not run any more, at leave_due_ns, or with its exit */
	bool leaves_with_exit;
	enum container_source last_by; /* who said so */
	uint64_t leave_due_ns;
	uint32_t run;               /* number of the current or last one, from 1; 0: none yet */
	uint32_t pid;               /* of its first process; 0: not known */
	bool ran;                   /* this run's `running` is through */
	struct container_exit exit; /* of the last run */
	bool oom_killed;            /* set by whoever sees that something in it was killed for lack of memory */
	uint64_t exit_due_ns;       /* this run has ended, and until then somebody may say how; 0: no */
	/* The first exec in it since the last run ended: the first process of a run that nobody has told of yet. */
	uint32_t exec_pid;
	bool exec_ended;
	struct container_exit exec_exit;
	struct container_life_source sources[CONTAINER_SOURCES];
};

/* A source has told. `now_ns` is CLOCK_MONOTONIC as in all of these, `since_ns` CLOCK_REALTIME. */
void container_life_take(struct container_life *l, const struct container_fact *fact, int64_t since_ns, uint64_t now_ns,
			 struct container_changes *ret);

/* A process in it has run a program; for programs of the runtime itself (in /proc or /dev) it is not to be called. */
void container_life_exec(struct container_life *l, uint32_t pid, struct container_changes *ret);

/* A process in it has ended. */
void container_life_exit(struct container_life *l, uint32_t pid, const struct container_exit *exit, uint64_t now_ns,
			 struct container_changes *ret);

/* Nobody tells of this container, but processes are in it: then what the kernel tells is all there is. */
void container_life_begin_untold(struct container_life *l, bool was_before, struct container_changes *ret);
/* The last of its processes is gone. */
void container_life_end_untold(struct container_life *l, struct container_changes *ret);

/* Time has passed: what was waited for is not waited for any longer. */
void container_life_wait(struct container_life *l, uint64_t now_ns, struct container_changes *ret);

/* Whether a source has told of it and has not said that it is gone. */
bool container_life_is_told(const struct container_life *l);

/* Whether container_life_wait() has something to do some time. */
bool container_life_waits(const struct container_life *l);

/* Of what runtimes tell, 128 + number of a signal; and of what the kernel tells of the first process. */
struct container_exit container_exit_decode(int32_t code);
struct container_exit container_exit_of_process(const struct event_exit *exit);

#endif
