#ifndef PROTO_MESSAGE_JSON_H
#define PROTO_MESSAGE_JSON_H

#include "base/buffer.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/*
 * Any unpacked message in protobuf's JSON mapping (https://protobuf.dev/programming-guides/json/), on one line without a newline: names in
 * lowerCamelCase, 64-bit integers as strings, bytes in base64, enums by name (by number when it has none), maps as objects, wrappers as their
 * value, google.protobuf.Timestamp as RFC 3339, doubles with as many digits as they need and "NaN", "Infinity", "-Infinity". Fields that have
 * their default value are left out, except members of a oneof and optional ones, which say by being there that they are set.
 *
 * Where it parts from the mapping: google.protobuf.Any becomes {"@type": ..., "value": base64 of the packed message}, since nothing here knows
 * the type; bytes in strings that are not UTF-8 become U+FFFD.
 *
 * 0. -EINVAL: a Timestamp outside the years 1 to 9999, which has no JSON form. -ENOMEM, which also shows as out->failed. On failure `out` holds
 * a part of it.
 */
int message_json(const ProtobufCMessage *message, struct buffer *out);

/* Parts of the mapping that go both ways (message_parse_json.h). */

/* Whether a field is a map: a list of messages with a key and a value, to protobuf-c. */
bool message_json_is_map(const ProtobufCMessageDescriptor *message, const ProtobufCFieldDescriptor *field);
/* google.protobuf.Int64Value and the like. */
bool message_json_is_wrapper(const ProtobufCMessageDescriptor *type);
/* "execCommandLine" for "exec_command_line". */
void message_json_put_name(const char *name, struct buffer *out);

#endif
