#ifndef PROTO_JSON_READ_H
#define PROTO_JSON_READ_H

#include "base/buffer.h"
#include "base/error.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

/*
 * Single values of protobuf's JSON mapping (message_parse_json.h), the other way round from json_scalar.h. -EINVAL: it is none of that type, or not
 * in its range; a sentence with the value and what is allowed.
 */

/* A number, or a string with a whole one in decimal, from `least` to `most`; *ret is in two's complement. */
int json_read_signed(const json_t *json, int64_t least, int64_t most, uint64_t *ret, struct error *err);
int json_read_unsigned(const json_t *json, uint64_t most, uint64_t *ret, struct error *err);

/* A number, a string with one, "NaN", "Infinity" or "-Infinity". */
int json_read_double(const json_t *json, double *ret, struct error *err);

/* true, false; as the key of a map, the strings "true" and "false". */
int json_read_bool(const json_t *json, uint64_t *ret, struct error *err);

/* A name of the enum, or a number, which it need not have. */
int json_read_enum(const json_t *json, const ProtobufCEnumDescriptor *type, uint64_t *ret, struct error *err);

/* A string in base64, of the standard or the URL alphabet, padded or not (RFC 4648, sections 4 and 5): appends the bytes. */
int json_read_base64(const json_t *json, struct buffer *out, struct error *err);

/* "a string", "an object", ... for sentences. */
const char *json_type_name(const json_t *json);

#endif
