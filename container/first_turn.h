#ifndef CONTAINER_FIRST_TURN_H
#define CONTAINER_FIRST_TURN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Lets a thread that has little to do at a time run before all ordinary ones (SCHED_RR, man 7 sched), for as long as it does little.
 *
 * A container can live for less time than a busy host takes to run an ordinary thread that was woken, and afterwards nobody can tell what it was. A
 * low nice value does not help where the scheduler shares time between groups (cgroups, sessions) first. But what is done with such a
 * priority can be made to be much, by whoever writes what is read: so there is a budget, and beyond it the thread is an ordinary one again until the
 * window is over.
 *
 * Without CAP_SYS_NICE, or where real-time classes are not to be had, the thread remains an ordinary one.
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

#endif
