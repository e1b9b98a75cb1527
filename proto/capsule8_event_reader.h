#ifndef PROTO_CAPSULE8_EVENT_READER_H
#define PROTO_CAPSULE8_EVENT_READER_H

#include "proto/capsule8_entry.h"
#include "sensor/container.h"
#include "sensor/probe_request.h"
#include "sensor/process_cache.h"

/*
 * From the wire back to the event model: what a filter can ask of an event (catalog.h), so that matchers (subscription/matcher.h) and container
 * filters give of a recorded event the answer that they gave of the live one. What no filter can ask for (arguments of an exec, lineages, JSON of
 * runtimes) is left out.
 *
 * Strings are as they stand on the wire: bytes that were no UTF-8 are U+FFFD there, which only a filter notices that asks for them. A process's name
 * that has become too long by that has one byte 0xff for each of them.
 *
 * Allocates nothing and may be used again for event after event. One thread at a time.
 */

#define CAPSULE8_READ_ARGUMENTS_MAX (PROBE_PARAMETERS_MAX + 16) /* the request's, and the common fields of a sample */
#define CAPSULE8_READ_COUNTERS_MAX  64

struct capsule8_event_reader {
	struct event event; /* its pointers point into this structure, and its strings into the entry */

	/* What event.process and so on point to, when the entry has them. */
	struct process process;
	struct container container;
	struct credentials thread_credentials;
	struct call_argument arguments[CAPSULE8_READ_ARGUMENTS_MAX];
	struct event_string argument_names[CAPSULE8_READ_ARGUMENTS_MAX]; /* arguments[].name is NULL */
	uint64_t counter_values[CAPSULE8_READ_COUNTERS_MAX];
	/* Of whose call, or which counters, it tells: for capsule8_event_is_of(). */
	struct event_string symbol, executable;
	struct {
		uint32_t type; /* PERF_TYPE_...; UINT32_MAX: another one */
		uint64_t config;
	} counters[CAPSULE8_READ_COUNTERS_MAX];
};

/* Fills r->event and what it points to. False: the entry makes no sense, or has more arguments than there is room for. */
bool capsule8_event_read(struct capsule8_event_reader *r, const struct capsule8_entry *entry);

/* Whether the event that was read may have come of the request: the same kind, function and names of arguments (those of the request first), or the
 * same counters. Two requests can differ in more than an event shows. */
bool capsule8_event_is_of(const struct capsule8_event_reader *r, const struct probe_request *request);

#endif
