#ifndef PROTO_JSON_SCALAR_H
#define PROTO_JSON_SCALAR_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Single values in the JSON of protobuf's mapping (message_json.h). Out of memory shows as out->failed. */

/* A quoted string; bytes that are not UTF-8 become U+FFFD. */
void json_put_text(struct buffer *out, const char *bytes, size_t size);

/* In quotes, standard alphabet, padded (RFC 4648, section 4). */
void json_put_base64(struct buffer *out, const uint8_t *bytes, size_t size);

/* The shortest number that reads back as the same value; "NaN", "Infinity", "-Infinity" in quotes. */
void json_put_double(struct buffer *out, double value);
void json_put_float(struct buffer *out, float value);

/* RFC 3339 in UTC, with 0, 3, 6 or 9 digits behind the second, in quotes. False, and nothing put: outside the years 1 to 9999, or nanos
 * outside 0 to 999,999,999. */
bool json_put_time(struct buffer *out, int64_t seconds, int32_t nanos);

#endif
