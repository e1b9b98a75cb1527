#ifndef TRACING_LOSS_LIST_H
#define TRACING_LOSS_LIST_H

#include "tracing/sample_source.h"

/*
 * Losses that a source has found and has yet to report: those of one event on one CPU, of one sort, are added up until they are taken.
 *
 * One thread.
 */

struct loss {
	struct kernel_event *event;
	uint64_t count;
	uint64_t time_ns; /* of the first that was added */
	uint32_t cpu;
	bool missed; /* a probe was not run, rather than that there was no room (struct sample) */
};

struct loss_list {
	struct loss_entry *first;
};

/* A count of 0 is no loss. Without memory it is forgotten. */
void loss_list_add(struct loss_list *l, const struct loss *loss);

/* True: *ret is the oldest, which is not in the list any more. */
bool loss_list_take(struct loss_list *l, struct loss *ret);

/* The event goes away. */
void loss_list_forget(struct loss_list *l, const struct kernel_event *event);

#endif
