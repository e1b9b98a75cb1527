#ifndef SUBSCRIPTION_EXTENT_H
#define SUBSCRIPTION_EXTENT_H

#include "base/chunk.h"
#include "sensor/event.h"

/*
 * What the bytes of a chunk are about, told event by event as they are encoded, so that nobody has to decode them for it.
 */

/* The event comes behind those that were added before. */
static inline void extent_add(struct chunk_extent *e, const struct event *event)
{
	if (!e->kinds) {
		e->first_time_ns = event->time_ns;
		e->first_sequence = event->sequence;
	}
	e->last_time_ns = event->time_ns;
	if (event->sequence) {
		if (!e->first_sequence)
			e->first_sequence = event->sequence;
		e->last_sequence = event->sequence;
	}
	e->kinds |= EVENT_KIND_BIT(event->kind);
	if (__builtin_expect(event->kind == EVENT_LOST, 0)) {
		e->lost_events++;
		e->dropped += event->sequence ? 0 : event->lost.count;
	}
}

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

#endif
