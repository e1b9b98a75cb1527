#ifndef SUBSCRIPTION_KIND_INDEX_H
#define SUBSCRIPTION_KIND_INDEX_H

#include "subscription/feed.h"

/* Out of memory is an answer, not an end. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/*
 * From an event to the clauses that it has to be held against: those of its kind and, of the ones that want a certain value of a field
 * (matcher.h: keys) or a string with a certain beginning, those that want what it has. A clause that wants several such things stands where the fewest
 * others do. An event costs what these cost, whatever else is subscribed to.
 */
struct kind_index_entry {
	struct feed *feed;
	struct matcher matcher; /* a copy; the terms are the feed's */
};

struct kind_index_list {
	struct kind_index_entry *entries;
	size_t count;
	size_t capacity;
};

/* The clauses with the same key. */
struct kind_index_bucket {
	uint64_t value;
	struct kind_index_list list;
	UT_hash_handle hh;
};

/* The clauses of a kind whose keys differ in their values only. */
struct kind_index_group {
	struct matcher_key key; /* of one of them */
	struct kind_index_bucket *buckets;
	struct kind_index_group *next;
};

struct kind_index {
	struct {
		struct kind_index_group *groups;
		struct kind_index_list rest; /* without a key */
	} kinds[EVENT_KIND_COUNT];
	uint64_t searches;
};

void kind_index_done(struct kind_index *index);

/* Enters the clauses that are fed and whose events come from the kernel. -ENOMEM: nothing was entered. */
int kind_index_add(struct kind_index *index, struct feed *f);
void kind_index_remove(struct kind_index *index, const struct feed *f);

/* The feeds that take the event, each once. `ret` has room for all feeds. Returns how many. */
size_t kind_index_find(struct kind_index *index, const struct event *event, struct feed **ret);

#endif
