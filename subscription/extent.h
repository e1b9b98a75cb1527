#ifndef SUBSCRIPTION_EXTENT_H
#define SUBSCRIPTION_EXTENT_H

#include "base/chunk.h"
#include "sensor/event.h"

/*
 * What the bytes of a chunk are about, told event by event as they are encoded, so that nobody has to decode them for it.
 */

/* What `behind` is about comes behind it. */
static inline void extent_join(struct chunk_extent *e, const struct chunk_extent *behind)
{
	if (!behind->kinds)
		return;
	if (!e->kinds)
		e->first_time_ns = behind->first_time_ns;
	e->last_time_ns = behind->last_time_ns;
	if (!e->first_sequence)
		e->first_sequence = behind->first_sequence;
	if (behind->last_sequence)
		e->last_sequence = behind->last_sequence;
	e->kinds |= behind->kinds;
	e->lost_events += behind->lost_events;
	e->dropped += behind->dropped;
}

/* The event comes behind those that were added before. */
static inline void extent_add(struct chunk_extent *e, const struct event *event)
{
	bool is_loss = event->kind == EVENT_LOST;
	const struct chunk_extent one = {
		.kinds = EVENT_KIND_BIT(event->kind),
		.first_sequence = event->sequence,
		.last_sequence = event->sequence,
		.first_time_ns = event->time_ns,
		.last_time_ns = event->time_ns,
		.lost_events = is_loss,
		.dropped = is_loss && !event->sequence ? event->lost.count : 0,
	};

	extent_join(e, &one);
}

#endif
