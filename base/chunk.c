#include "base/chunk.h"

#include <stdatomic.h>
#include <stdlib.h>

struct chunk *chunk_new(uint8_t *data, size_t length, uint32_t events)
{
	struct chunk *c = malloc(sizeof(*c));

	if (!c) {
		free(data);
		return NULL;
	}
	atomic_init(&c->references, 1);
	c->events = events;
	c->length = length;
	c->data = data;
	c->extent = (struct chunk_extent){0};
	return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
	atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
	return c;
}

struct chunk *chunk_unref(struct chunk *c)
{
	if (c && atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) == 1) {
		free(c->data);
		free(c);
	}
	return NULL;
}
