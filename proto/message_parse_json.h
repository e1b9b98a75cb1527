#ifndef PROTO_MESSAGE_PARSE_JSON_H
#define PROTO_MESSAGE_PARSE_JSON_H

#include "base/buffer.h"
#include "base/error.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/*
 * Any message from protobuf's JSON mapping (https://protobuf.dev/programming-guides/json/), the other way round from message_json.h: fields by their
 * lowerCamelCase or their own names, 64-bit integers as strings or numbers, enums by name or number, bytes in base64, maps as objects, wrappers as
 * their value, google.protobuf.Timestamp as RFC 3339, null for a field that is not set. google.protobuf.Any is {"@type": ..., "value": base64 of
 * the packed message}, as message_json() writes it.
 *
 * The message is packed as it is read and appended to `out`; fields come in the order of the text. What was written into the JSON reaches
 * the other side, too where it is a default.
 *
 * -EINVAL: a sentence that begins with the path of the place ("subscription.eventFilter.processEvents[3].type: ..."), or with the line and column where
 * the text is no JSON. Refused are fields that the message does not have, two members of one oneof, values of the wrong type or out of
 * range, MESSAGE_DEPTH_MAX messages in one another. -ENOMEM. `out` holds a part of the message then.
 */
int message_parse_json(const ProtobufCMessageDescriptor *type, const json_t *json, struct buffer *out, struct error *err);

/* Reads the text of an object; json_decref() it. */
int message_json_load(const char *text, size_t size, json_t **ret, struct error *err);

#endif
