#ifndef PROTO_CAPSULE8_EVENTS_H
#define PROTO_CAPSULE8_EVENTS_H

#include "base/error.h"
#include "sensor/event.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The receiving side of the Capsule8 v0 dialect, for our own client: a packed capsule8.api.v0.GetEventsResponse becomes protobuf-c's
 * structures, to be read only:
 *
 *	for (size_t i = 0; i < response->n_events; i++)
 *		if (response->events[i]->event)
 *			... response->events[i]->event->process_pid ...
 *
 * message_json() prints them. Whoever only has to count, walks the bytes with wire_read_field() (wire.h). Any thread.
 */

/* -EINVAL: the bytes are no such message. Free with capsule8_response_free(). */
int capsule8_response_unpack(const uint8_t *bytes, size_t size, Capsule8__Api__V0__GetEventsResponse **ret, struct error *err);

/* Takes NULL; returns NULL. */
Capsule8__Api__V0__GetEventsResponse *capsule8_response_free(Capsule8__Api__V0__GetEventsResponse *response);

/* The catalog's kind of an event; EVENT_KIND_COUNT: one that the catalog does not have (of another server, say), or no kind at all. */
enum event_kind capsule8_event_kind(const Capsule8__Api__V0__Event *event);

/* The same of what the event is made of: which member of its oneof it has, and the type in that (0: none is given). */
enum event_kind capsule8_member_kind(Capsule8__Api__V0__Event__EventCase member, int type);

/* The same of a type, in a response or in a filter. */
enum event_kind capsule8_process_kind(Capsule8__Api__V0__ProcessEventType type);
enum event_kind capsule8_file_kind(Capsule8__Api__V0__FileEventType type);
enum event_kind capsule8_network_kind(Capsule8__Api__V0__NetworkEventType type);
enum event_kind capsule8_container_kind(Capsule8__Api__V0__ContainerEventType type);

/* And back; 0 (..._UNKNOWN) for a kind of another family. */
Capsule8__Api__V0__ProcessEventType capsule8_process_type(enum event_kind kind);
Capsule8__Api__V0__FileEventType capsule8_file_type(enum event_kind kind);
Capsule8__Api__V0__NetworkEventType capsule8_network_type(enum event_kind kind);
Capsule8__Api__V0__ContainerEventType capsule8_container_type(enum event_kind kind);

/* What the catalog calls the name that a FileEventFilter asks for: "filename", or that of a kind with two names. */
const char *capsule8_file_name_field(enum event_kind kind);

#endif
