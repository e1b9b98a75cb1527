#include "sensor/thread_set.h"

#include <stdlib.h>

void thread_set_init(struct thread_set *s)
{
	*s = (struct thread_set){0};
}

void thread_set_done(struct thread_set *s)
{
	free(s->more);
	thread_set_init(s);
}

static uint32_t *members(struct thread_set *s)
{
	return s->capacity ? s->more : &s->only;
}

void thread_set_reset(struct thread_set *s, uint32_t tid)
{
	thread_set_done(s);
	s->only = tid;
	s->count = 1;
}

/* From the end: threads that were made last tend to go first. */
static uint32_t *find(struct thread_set *s, uint32_t tid)
{
	uint32_t *tids = members(s);

	for (uint32_t i = s->count; i > 0; i--) {
		if (tids[i - 1] == tid)
			return &tids[i - 1];
	}
	return NULL;
}

static bool grow(struct thread_set *s)
{
	uint32_t capacity = s->capacity ? s->capacity * 2 : 8;
	uint32_t *more = realloc(s->more, capacity * sizeof(*more));

	if (!more)
		return false;
	if (!s->capacity)
		more[0] = s->only;
	s->more = more;
	s->capacity = capacity;
	return true;
}

bool thread_set_add(struct thread_set *s, uint32_t tid)
{
	if (find(s, tid))
		return true;
	if (s->count == (s->capacity ? s->capacity : 1) && !grow(s))
		return false;
	members(s)[s->count++] = tid;
	return true;
}

bool thread_set_remove(struct thread_set *s, uint32_t tid)
{
	uint32_t *found = find(s, tid);

	if (!found)
		return false;
	*found = members(s)[--s->count];
	return true;
}
