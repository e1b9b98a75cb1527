#ifndef PROTO_EVENT_STRING_H
#define PROTO_EVENT_STRING_H

#include "proto/utf8.h"
#include "sensor/event.h"

/* A string of an event as a field (utf8_put_field()); of an empty one, nothing. */
static inline uint8_t *event_string_put(uint8_t *to, uint32_t field, const struct event_string *string)
{
	return string->length ? utf8_put_field(to, field, string->bytes, string->length) : to;
}

#endif
