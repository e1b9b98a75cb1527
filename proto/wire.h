#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The protobuf wire format (https://protobuf.dev/programming-guides/encoding/), written into memory that is known to be large enough:
 * nothing here checks for room. A caller computes an upper bound, reserves that (buffer_reserve()), and writes straight through. Every
 * function takes the place to write to and returns the place behind what it wrote.
 *
 * Upper bounds: WIRE_FIELD_MAX for a field that is a number; WIRE_FIELD_MAX plus the content for one that has a length. Writers may touch up
 * to WIRE_SLACK bytes behind what they wrote, so the bound of a whole message ends with "+ WIRE_SLACK".
 */

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_LENGTH = 2,
	WIRE_FIXED32 = 5,
};

#define WIRE_VARINT_MAX 10
#define WIRE_TAG_MAX    5
#define WIRE_FIELD_MAX  (WIRE_TAG_MAX + WIRE_VARINT_MAX)
#define WIRE_SLACK      16

#define WIRE_TAG(field, type) ((uint32_t)(field) << 3 | (uint32_t)(type))

/* Bytes that a varint takes, 1 to 10. */
static inline unsigned int wire_varint_size(uint64_t value)
{
	/* (bits + 6) / 7 without a division, exact for 1 to 64 bits. */
	return ((63u ^ (unsigned int)__builtin_clzll(value | 1)) * 9 + 73) / 64;
}

/* A varint of two bytes or more: the low 56 bits are spread to eight groups of seven at once, which beats a loop for the addresses and times
 * that events are full of. */
static inline uint8_t *wire_varint_long(uint8_t *to, uint64_t value)
{
	unsigned int size = wire_varint_size(value);
	uint64_t spread = value & UINT64_C(0x00ffffffffffffff);

	spread = (spread & UINT64_C(0x00fffffff0000000)) << 4 | (spread & UINT64_C(0x000000000fffffff));
	spread = (spread & UINT64_C(0x0fffc0000fffc000)) << 2 | (spread & UINT64_C(0x00003fff00003fff));
	spread = (spread & UINT64_C(0x3f803f803f803f80)) << 1 | (spread & UINT64_C(0x007f007f007f007f));
	if (__builtin_expect(size <= 8, 1)) {
		spread = htole64(spread | UINT64_C(0x8080808080808080) >> (72 - 8 * size));
		memcpy(to, &spread, sizeof(spread));
		return to + size;
	}
	spread = htole64(spread | UINT64_C(0x8080808080808080));
	memcpy(to, &spread, sizeof(spread));
	to[8] = (uint8_t)((value >> 56 & 0x7f) | (size > 9 ? 0x80 : 0));
	to[9] = (uint8_t)(value >> 63);
	return to + size;
}

static inline uint8_t *wire_varint(uint8_t *to, uint64_t value)
{
	if (value < 0x80) {
		*to = (uint8_t)value;
		return to + 1;
	}
	return wire_varint_long(to, value);
}

static inline uint64_t wire_zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

/* The tag of a field; a constant field number makes it one or two stores. */
static inline uint8_t *wire_tag(uint8_t *to, uint32_t field, enum wire_type type)
{
	uint32_t tag = WIRE_TAG(field, type);

	while (tag >= 0x80) {
		*to++ = (uint8_t)(tag | 0x80);
		tag >>= 7;
	}
	*to++ = (uint8_t)tag;
	return to;
}

/* Number fields; 0 is proto3's default and is left out. Negative int32 and int64 values are sign-extended to ten bytes. */
static inline uint8_t *wire_put_varint(uint8_t *to, uint32_t field, uint64_t value)
{
	if (!value)
		return to;
	return wire_varint(wire_tag(to, field, WIRE_VARINT), value);
}

static inline uint8_t *wire_put_int(uint8_t *to, uint32_t field, int64_t value)
{
	return wire_put_varint(to, field, (uint64_t)value);
}

static inline uint8_t *wire_put_sint(uint8_t *to, uint32_t field, int64_t value)
{
	return wire_put_varint(to, field, wire_zigzag(value));
}

static inline uint8_t *wire_put_bool(uint8_t *to, uint32_t field, bool value)
{
	return wire_put_varint(to, field, value);
}

static inline uint8_t *wire_put_fixed32(uint8_t *to, uint32_t field, uint32_t value)
{
	if (!value)
		return to;
	to = wire_tag(to, field, WIRE_FIXED32);
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
	return to + sizeof(value);
}

static inline uint8_t *wire_put_fixed64(uint8_t *to, uint32_t field, uint64_t value)
{
	if (!value)
		return to;
	to = wire_tag(to, field, WIRE_FIXED64);
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
	return to + sizeof(value);
}

/* Bytes, or a string that is known to be UTF-8; an empty one is written too (utf8.h has the writer for strings of unknown origin). */
static inline uint8_t *wire_put_bytes(uint8_t *to, uint32_t field, const void *bytes, size_t size)
{
	to = wire_varint(wire_tag(to, field, WIRE_LENGTH), size);
	if (size)
		memcpy(to, bytes, size);
	return to + size;
}

/*
 * A field whose length is known only when its content is written (a sub-message):
 *
 *	start = wire_begin(to, FIELD, width);
 *	end = ... write the content from start on ...
 *	to = wire_end(start, end, width);
 *
 * `width` is how many bytes the length will probably take: wire_varint_size() of a guess. A wrong guess costs a move of the content, up to
 * WIRE_VARINT_MAX - 1 bytes further.
 */
static inline uint8_t *wire_begin(uint8_t *to, uint32_t field, unsigned int width)
{
	return wire_tag(to, field, WIRE_LENGTH) + width;
}

static inline uint8_t *wire_end(uint8_t *start, uint8_t *end, unsigned int width)
{
	size_t length = (size_t)(end - start);
	unsigned int needed = wire_varint_size(length);
	uint8_t *at = start - width;

	if (__builtin_expect(needed != width, 0)) {
		memmove(at + needed, start, length);
		end = at + needed + length;
	}
	/* Not wire_varint(): its slack is content here. */
	for (; length >= 0x80; length >>= 7)
		*at++ = (uint8_t)(length | 0x80);
	*at = (uint8_t)length;
	return end;
}

/* Reading. *at moves behind what was read; false: the bytes end too early or make no sense, and *at means nothing. */

/* For varints of two bytes or more; of those of one byte, too. */
bool wire_read_varint_long(const uint8_t **at, const uint8_t *end, uint64_t *ret);

static inline bool wire_read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	if (__builtin_expect(*at < end && **at < 0x80, 1)) {
		*ret = *(*at)++;
		return true;
	}
	return wire_read_varint_long(at, end, ret);
}

static inline bool wire_read_fixed(const uint8_t **at, const uint8_t *end, size_t size, uint64_t *ret)
{
	uint64_t value = 0;

	if ((size_t)(end - *at) < size)
		return false;
	memcpy(&value, *at, size);
	*ret = le64toh(value);
	*at += size;
	return true;
}

struct wire_field {
	uint32_t number;
	enum wire_type type;
	uint64_t value;       /* of a number */
	const uint8_t *bytes; /* of WIRE_LENGTH, `size` of them; borrowed from what is read */
	size_t size;
};

/* Field numbers up to 2047 without a call. */
static inline bool wire_read_tag(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	if (end - *at >= 2 && **at >= 0x80 && (*at)[1] < 0x80) {
		*ret = (uint64_t)(**at & 0x7f) | (uint64_t)(*at)[1] << 7;
		*at += 2;
	} else if (!wire_read_varint(at, end, ret)) {
		return false;
	}
	return *ret >> 3 && *ret <= UINT32_MAX;
}

/* The next field of a message; groups are refused. Always inline, so that what nobody asks of a field costs nothing: this is what a replay does most. */
__attribute__((always_inline)) static inline bool wire_read_field(const uint8_t **at, const uint8_t *end, struct wire_field *ret)
{
	uint64_t tag;

	if (!wire_read_tag(at, end, &tag))
		return false;
	*ret = (struct wire_field){.number = (uint32_t)tag >> 3, .type = (enum wire_type)(tag & 7)};
	switch (ret->type) {
	case WIRE_VARINT:
		return wire_read_varint(at, end, &ret->value);
	case WIRE_FIXED64:
		return wire_read_fixed(at, end, 8, &ret->value);
	case WIRE_FIXED32:
		return wire_read_fixed(at, end, 4, &ret->value);
	case WIRE_LENGTH:
		if (!wire_read_varint(at, end, &ret->value) || ret->value > (uint64_t)(end - *at))
			return false;
		ret->bytes = *at;
		ret->size = (size_t)ret->value;
		*at += ret->size;
		return true;
	default:
		return false;
	}
}

/* Its tag: what to switch on, so that a field of another type than it should be is like one that nobody knows, as for every protobuf parser. */
static inline uint32_t wire_field_tag(const struct wire_field *f)
{
	return WIRE_TAG(f->number, f->type);
}

static inline int64_t wire_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

#endif
