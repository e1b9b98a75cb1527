#ifndef SENSOR_SELF_FILTER_H
#define SENSOR_SELF_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The part of a kernel filter that keeps our own threads out of the rings: "common_pid != 17 && (common_pid < 20 || common_pid > 24)". Threads come and go inside
 * libraries; one that got through is noticed by its first sample (`seen`), which user space drops, and joins the list at the next refresh.
 */
struct self_filter {
	uint32_t tgid; /* 0: nobody is kept out */
	bool seen;     /* set by whoever meets a sample of ours */
	uint32_t *tids;
	size_t count;
};

/* Not more than this many threads are named in a filter; user space drops the others'. */
#define SELF_FILTER_THREADS 32

void self_filter_init(struct self_filter *f, uint32_t tgid);
void self_filter_done(struct self_filter *f);

/* Lists the threads anew if a sample of ours was seen. True: the list has changed. */
bool self_filter_refresh(struct self_filter *f);

/* Our part and `filter` (NULL: everything) in one expression, from malloc; NULL when nothing is left to filter, or without memory. With
 * `only`, our part is left out. */
char *self_filter_combine(const struct self_filter *f, const char *filter, bool only);

#endif
