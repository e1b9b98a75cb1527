#ifndef PROTO_MESSAGE_CHECK_H
#define PROTO_MESSAGE_CHECK_H

#include "base/error.h"

#include <protobuf-c/protobuf-c.h>

/*
 * Looks through the bytes of a message from outside before protobuf-c unpacks them, for what protobuf-c does not mind: it calls itself for
 * each level of nesting, allocates for each field, cuts strings at a NUL and takes any bytes for a string.
 *
 * Refused, with -EINVAL and a message that begins with the path of the place ("subscription.event_filter.process_events[3]"): bytes that are
 * not the wire format, more than MESSAGE_DEPTH_MAX messages in one another, more than MESSAGE_FIELDS_MAX fields in all, strings that hold a
 * NUL or are not UTF-8. A message that passes may still be refused by protobuf-c, for a field of the wrong wire type.
 */

#define MESSAGE_DEPTH_MAX  256
#define MESSAGE_FIELDS_MAX 131072

int message_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size, struct error *err);

#endif
