#ifndef SENSOR_EVENT_CONTAINER_H
#define SENSOR_EVENT_CONTAINER_H

#include "sensor/process_cache.h"

/* The container of an event: the one that it is about, or the one that its process is in; NULL: none, or it is not known. Borrowed like everything
 * in an event. */
static inline const struct container *event_container_of(const struct event *event)
{
	if (event->process)
		return event->process->container;
	return event_kind_is_of_container(event->kind) ? event->container.container : NULL;
}

#endif
