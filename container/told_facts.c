#include "container/told_facts.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* what did not fit has no hh.tbl */
#include <uthash.h>

struct told_fact {
	char id[CONTAINER_ID_BYTES];
	enum container_source source;
	enum container_runtime runtime;
	uint64_t digest; /* 0: to be told again */
	uint32_t round;
	bool listed;
	UT_hash_handle hh;
};

static struct told_fact *get(struct told_facts *t, const struct container_fact *fact)
{
	struct told_fact *known;

	HASH_FIND_STR(t->by_id, fact->id, known);
	if (known)
		return known;
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	memcpy(known->id, fact->id, sizeof(known->id));
	known->source = fact->source;
	known->listed = fact->listed;
	HASH_ADD_STR(t->by_id, id, known);
	if (known->hh.tbl)
		return known;
	free(known);
	return NULL;
}

bool told_facts_put(struct told_facts *t, struct container_inbox *inbox, struct container_fact *fact)
{
	struct told_fact *known = fact ? get(t, fact) : NULL;
	uint64_t digest;

	/* What cannot be kept in mind is not told: nobody could say that it is gone. */
	if (!known) {
		container_fact_free(fact);
		return false;
	}
	digest = container_fact_digest(fact);
	known->round = t->round;
	known->runtime = fact->runtime;
	if (digest == known->digest) {
		container_fact_free(fact);
		return false;
	}
	known->digest = digest;
	fact->listed = known->listed;
	container_inbox_put(inbox, fact);
	return true;
}

bool told_facts_announce(struct told_facts *t, struct container_inbox *inbox, const char *id, enum container_source source)
{
	struct told_fact *known;
	struct container_fact *fact;

	HASH_FIND_STR(t->by_id, id, known);
	if (known)
		return false;
	fact = container_fact_new(id, source);
	if (!fact || !get(t, fact)) {
		container_fact_free(fact);
		return false;
	}
	fact->bare = true;
	container_inbox_put(inbox, fact);
	return true;
}

static size_t put_gone(struct told_facts *t, struct container_inbox *inbox, struct told_fact *known)
{
	struct container_fact *fact = container_fact_new(known->id, known->source);

	if (!fact)
		return 0;
	fact->runtime = known->runtime;
	fact->gone = true;
	HASH_DEL(t->by_id, known); /* NOLINT(clang-analyzer-unix.Malloc): it is in the table once */
	free(known);
	container_inbox_put(inbox, fact);
	return 1;
}

void told_facts_begin(struct told_facts *t)
{
	t->round++;
}

size_t told_facts_end(struct told_facts *t, struct container_inbox *inbox)
{
	struct told_fact *known, *next;
	size_t put = 0;

	HASH_ITER (hh, t->by_id, known, next)
		if (known->round != t->round)
			put += put_gone(t, inbox, known);
	return put;
}

size_t told_facts_done(struct told_facts *t, struct container_inbox *inbox)
{
	size_t put;

	told_facts_begin(t);
	put = told_facts_end(t, inbox);
	/* Without memory for a fact there is none. */
	told_facts_forget(t);
	return put;
}

void told_facts_forget(struct told_facts *t)
{
	while (t->by_id) {
		struct told_fact *known = t->by_id;

		HASH_DEL(t->by_id, known); /* NOLINT(clang-analyzer-unix.Malloc): it is in the table once */
		free(known);
	}
}

void told_facts_repeat(struct told_facts *t)
{
	struct told_fact *known, *next;

	HASH_ITER (hh, t->by_id, known, next)
		known->digest = 0;
}
