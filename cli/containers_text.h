#ifndef CLI_CONTAINERS_TEXT_H
#define CLI_CONTAINERS_TEXT_H

#include "base/buffer.h"
#include "ringside/v0/sensor.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Containers, as ringside.v0.SensorService.ListContainers tells of them, as a table for people: a line per container under a head, columns as
 * wide as what is in them. The one that was made last comes first, those of which that is not known come last. Only when one belongs to a pod, there
 * is a column for pods. Nothing is put when there are none. Pure.
 */
struct containers_text_options {
	bool color;
	uint64_t now_ns;  /* CLOCK_REALTIME: what ages are counted to */
	size_t width_max; /* what is wider in a column of foreign text ends in "..." there; 0: nothing is cut */
};

/* Sorts `containers`. Out of memory shows as out->failed. */
void containers_text_put(struct buffer *out, const struct containers_text_options *options, Ringside__V0__Container **containers,
			 size_t count);

#endif
