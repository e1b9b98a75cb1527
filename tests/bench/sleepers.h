#ifndef TESTS_BENCH_SLEEPERS_H
#define TESTS_BENCH_SLEEPERS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Real processes that do nothing, in real cgroups that are called like Docker's: for as long as the program runs that made them, and no longer,
 * whatever ends it. As root.
 */
struct sleepers {
	char cgroup[128]; /* the directory that all of theirs are in; empty: there is none */
	uint32_t count, containers;
	pid_t keeper; /* their parent */
	pid_t *pids;
};

/* In the cgroups of the caller. */
void sleepers_make(struct sleepers *s, uint32_t count);
/* Puts them into so many containers (the ids are crowd_container_id()'s), ten and ten into the same one. */
void sleepers_contain(struct sleepers *s, uint32_t containers);
/* Ends them and removes their cgroups. Takes a zeroed one. */
void sleepers_done(struct sleepers *s);

#endif
