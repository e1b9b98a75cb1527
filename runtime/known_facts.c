#include "runtime/known_facts.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct known {
	struct container_fact *fact;
	uint64_t digest; /* of it */
	char *place;
	unsigned int list; /* the last listing that it was in */
	UT_hash_handle hh;
};

struct known_facts {
	struct container_inbox *inbox;
	struct known *all;
	unsigned int list;
};

struct known_facts *known_facts_new(struct container_inbox *inbox)
{
	struct known_facts *k = calloc(1, sizeof(*k));

	if (k)
		k->inbox = inbox;
	return k;
}

static struct known *find(const struct known_facts *k, const char *id)
{
	struct known *found;

	HASH_FIND_STR(k->all, id, found);
	return found;
}

static void forget(struct known_facts *k, struct known *known)
{
	HASH_DEL(k->all, known); /* NOLINT(clang-analyzer-unix.Malloc): it is in the table once */
	container_fact_free(known->fact);
	free(known->place);
	free(known);
}

struct known_facts *known_facts_free(struct known_facts *k)
{
	struct known *known, *next;

	if (!k)
		return NULL;
	HASH_ITER (hh, k->all, known, next)
		forget(k, known);
	free(k);
	return NULL;
}

const struct container_fact *known_facts_find(const struct known_facts *k, const char *id)
{
	const struct known *known = find(k, id);

	return known ? known->fact : NULL;
}

const char *known_facts_place(const struct known_facts *k, const char *id)
{
	const struct known *known = find(k, id);

	return known ? known->place : NULL;
}

static bool same_string(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static struct known *add(struct known_facts *k, const struct container_fact *fact)
{
	struct known *known = HASH_COUNT(k->all) < KNOWN_FACTS_MAX ? calloc(1, sizeof(*known)) : NULL;

	if (!known)
		return NULL;
	known->fact = container_fact_copy(fact);
	if (!known->fact) {
		free(known);
		return NULL;
	}
	known->digest = container_fact_digest(known->fact);
	HASH_ADD_KEYPTR(hh, k->all, known->fact->id, strlen(known->fact->id), known);
	return known;
}

/* The key is the fact's id: the entry is made anew with another fact. */
static void remember(struct known_facts *k, struct known *known, const struct container_fact *fact, const char *place)
{
	if (known)
		forget(k, known);
	known = add(k, fact);
	if (!known)
		return;
	known->list = k->list;
	known->place = place ? strdup(place) : NULL;
}

bool known_facts_tell(struct known_facts *k, struct container_fact *fact, const char *place)
{
	struct known *known;

	if (!fact)
		return false;
	known = find(k, fact->id);
	if (known && same_string(known->place, place) && known->digest == container_fact_digest(fact)) {
		known->list = k->list;
		container_fact_free(fact);
		return false;
	}
	remember(k, known, fact, place);
	container_inbox_put(k->inbox, fact);
	return true;
}

static void put_gone(struct known_facts *k, const char *id, enum container_source source)
{
	struct container_fact *fact = container_fact_new(id, source);

	if (fact)
		fact->gone = true;
	container_inbox_put(k->inbox, fact);
}

bool known_facts_tell_gone(struct known_facts *k, const char *id, enum container_source source)
{
	struct known *known = find(k, id);

	if (!known)
		return false;
	put_gone(k, id, source);
	forget(k, known);
	return true;
}

void known_facts_begin_list(struct known_facts *k)
{
	k->list++;
}

void known_facts_see(struct known_facts *k, const char *id)
{
	struct known *known = find(k, id);

	if (known)
		known->list = k->list;
}

size_t known_facts_end_list(struct known_facts *k)
{
	struct known *known, *next;
	size_t count = 0;

	HASH_ITER (hh, k->all, known, next) {
		if (known->list == k->list)
			continue;
		put_gone(k, known->fact->id, known->fact->source);
		forget(k, known);
		count++;
	}
	return count;
}
