#ifndef BASE_FIRST_TURN_H
#define BASE_FIRST_TURN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Lets a thread that has little to do at a time run before all ordinary ones (SCHED_RR, man 7 sched), for as long as it does little.
 *
 * What such a thread is for can be over before a busy host runs an ordinary thread that was woken: a container has lived, a small ring has filled. A
 * low nice value does not help where the scheduler shares time between groups (cgroups, sessions) first. But what is done with such a
 * priority can be made to be much, by whoever makes what there is to do: so there is a budget, and beyond it the thread is an ordinary one again
 * until the window is over.
 *
 * Threads and processes that it starts are ordinary ones (SCHED_RESET_ON_FORK). Without CAP_SYS_NICE, or where real-time classes are not to be
 * had (a cgroup without a real-time share), the thread remains an ordinary one. One that has been given another policy (by whoever started it:
 * systemd.exec(5), CPUSchedulingPolicy=) keeps that.
 *
 * All of it is for the calling thread.
 */
#define FIRST_TURN_WINDOW_NS UINT64_C(250000000)
#define FIRST_TURN_BUDGET_NS UINT64_C(50000000) /* of CPU time, per window */

struct first_turn {
	bool is_allowed, is_first;
	uint64_t window_ns; /* its beginning, CLOCK_MONOTONIC */
	uint64_t used_ns;   /* CPU time of the thread at its beginning */
};

void first_turn_begin(struct first_turn *t);
/* To be called between two pieces of work. */
void first_turn_check(struct first_turn *t);
/* An ordinary thread from now on. */
void first_turn_end(struct first_turn *t);

#endif
