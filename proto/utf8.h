#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Strings on the wire must be UTF-8 (RFC 3629), but what programs give to the kernel is bytes. Each invalid sequence becomes one U+FFFD, the
 * way the Unicode standard recommends (section 3.9, "maximal subparts"): cut characters, overlong forms, surrogates and stray bytes.
 */

/* A replaced byte becomes three. */
#define UTF8_EXPANSION 3

bool utf8_is_ascii(const void *bytes, size_t size);
bool utf8_is_valid(const void *bytes, size_t size);

/* Copies with replacement; `to` needs room for UTF8_EXPANSION * size bytes. Returns how many were written. */
size_t utf8_copy_valid(uint8_t *to, const void *bytes, size_t size);

/* A length-delimited field with valid UTF-8 made of the bytes (wire.h). Needs room for WIRE_FIELD_MAX + UTF8_EXPANSION * size + WIRE_SLACK
 * bytes, or WIRE_FIELD_MAX + size + WIRE_SLACK when they are known to be ASCII. */
uint8_t *utf8_put_field(uint8_t *to, uint32_t field, const void *bytes, size_t size);

#endif
