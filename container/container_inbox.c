#include "container/container_inbox.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>

struct container_inbox {
	pthread_mutex_t lock;
	struct container_fact *first, **end; /* where the next one goes */
	void (*wake)(void *context);
	void *context;
};

struct container_inbox *container_inbox_new(void (*wake)(void *context), void *context)
{
	struct container_inbox *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	b->end = &b->first;
	b->wake = wake;
	b->context = context;
	return b;
}

struct container_inbox *container_inbox_free(struct container_inbox *b)
{
	if (!b)
		return NULL;
	container_fact_free_all(b->first);
	pthread_mutex_destroy(&b->lock);
	free(b);
	return NULL;
}

void container_inbox_put(struct container_inbox *b, struct container_fact *fact)
{
	bool was_empty;

	if (!fact)
		return;
	fact->next = NULL;
	pthread_mutex_lock(&b->lock);
	fact->put_ns = clock_monotonic_ns();
	was_empty = !b->first;
	*b->end = fact;
	b->end = &fact->next;
	pthread_mutex_unlock(&b->lock);
	if (was_empty && b->wake)
		b->wake(b->context);
}

struct container_fact *container_inbox_take(struct container_inbox *b)
{
	struct container_fact *list;

	pthread_mutex_lock(&b->lock);
	list = b->first;
	b->first = NULL;
	b->end = &b->first;
	pthread_mutex_unlock(&b->lock);
	return list;
}
