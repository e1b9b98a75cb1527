#ifndef TESTS_PROTO_TABLE_EVENTS_H
#define TESTS_PROTO_TABLE_EVENTS_H

#include "sensor/event.h"
#include "sensor/probe_request.h"

/* The events that tests/data/expressions.txt speaks of, by the names of its sections. */
struct table_event {
	const char *name;
	struct event event; /* of a call: the request is whoever's clause it is held against */
};

/* NULL: there is none. */
const struct table_event *table_event_find(const char *name);

/* One after the other; NULL: there are no more. */
const struct table_event *table_event_at(size_t index);

/* A request for the call that the events named call-... are of; NULL: the kind is no call. Unreference it. */
struct probe_request *table_request_new(enum event_kind kind);

#endif
