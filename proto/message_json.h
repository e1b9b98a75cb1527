#ifndef PROTO_MESSAGE_JSON_H
#define PROTO_MESSAGE_JSON_H

#include "base/buffer.h"

#include <protobuf-c/protobuf-c.h>

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

#endif
