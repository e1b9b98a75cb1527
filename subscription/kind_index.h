#ifndef SUBSCRIPTION_KIND_INDEX_H
#define SUBSCRIPTION_KIND_INDEX_H

#include "subscription/feed.h"

/*
 * From an event's kind to the clauses that it has to be held against: an event costs what the clauses of its own kind cost, whatever else is
 * subscribed to. A feed's clauses stand together, so that none is asked twice once one has matched.
 */
struct kind_index_entry {
	struct matcher matcher; /* a copy; the terms are the feed's */
	struct feed *feed;
};

struct kind_index_list {
	struct kind_index_entry *entries;
	size_t count;
	size_t capacity;
};

struct kind_index {
	struct kind_index_list kinds[EVENT_KIND_COUNT];
};

void kind_index_done(struct kind_index *index);

/* Enters the served clauses whose events come from the kernel. -ENOMEM: nothing was entered. */
int kind_index_add(struct kind_index *index, struct feed *f);
void kind_index_remove(struct kind_index *index, const struct feed *f);

/* The feeds that take the event, each once. `ret` has room for all feeds. Returns how many. */
size_t kind_index_find(const struct kind_index *index, const struct event *event, struct feed **ret);

#endif
