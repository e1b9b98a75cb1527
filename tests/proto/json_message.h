#ifndef TESTS_PROTO_JSON_MESSAGE_H
#define TESTS_PROTO_JSON_MESSAGE_H

#include "base/buffer.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/*
 * Packs a message that is written in protobuf's JSON: names as in the .proto file, enums by name or number, 64-bit integers as strings or
 * numbers, doubles also as "NaN" and "Infinity", maps as objects. No message has a shorter form of its own. Whatever is written is packed,
 * zeros too, in the order in which it is written.
 *
 * Asserts that the message has the fields, and that they can have the values.
 */
void json_message_pack(const ProtobufCMessageDescriptor *descriptor, json_t *json, struct buffer *out);

#endif
