#include "subscription/container_verdicts.h"

#include <stdlib.h>
#include <string.h>

/* Places that a revision can be at: a line of the cache. */
#define WAYS 8

/* One question in so many may remain unanswered for lack of places: the filter's answer takes some hundred times as long. */
#define PATIENCE 64

void container_verdicts_done(struct container_verdicts *v)
{
	free(v->places);
	*v = (struct container_verdicts){0};
}

/* What was in the table is asked once more: simpler than to move it, and done a dozen times at most. */
static void grow(struct container_verdicts *v)
{
	uint32_t capacity = v->capacity ? v->capacity * 2 : CONTAINER_VERDICTS_MIN;
	uint64_t *places = capacity > CONTAINER_VERDICTS_MAX ? NULL : aligned_alloc(WAYS * sizeof(*places), capacity * sizeof(*places));

	if (!places)
		return;
	memset(places, 0, capacity * sizeof(*places));
	free(v->places);
	v->places = places;
	v->capacity = capacity;
}

/* Each place may be taken once in the time of PATIENCE questions per place. */
static void count_miss(struct container_verdicts *v)
{
	if (v->missed++ < v->capacity)
		return;
	if (v->asked < (uint64_t)v->capacity * PATIENCE)
		grow(v);
	v->asked = 0;
	v->missed = 0;
}

/* Fibonacci hashing: the revisions of living containers can be any distance apart. */
static uint64_t *set_of(const struct container_verdicts *v, uint64_t revision)
{
	uint64_t hash = revision * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	return v->places + (hash & (v->capacity - 1) & ~(uint64_t)(WAYS - 1));
}

bool container_verdicts_match(struct container_verdicts *v, const struct container_filter *f, const struct container *c)
{
	uint64_t *set;
	bool verdict;

	if (!c)
		return false;
	if (!v->capacity)
		grow(v);
	if (!v->capacity)
		return container_filter_matches(f, c);
	v->asked++;
	set = set_of(v, c->revision);
	for (int i = 0; i < WAYS; i++)
		if (set[i] >> 1 == c->revision)
			return set[i] & 1;
	verdict = container_filter_matches(f, c);
	set[v->next_victim++ % WAYS] = c->revision << 1 | verdict;
	count_miss(v);
	return verdict;
}
