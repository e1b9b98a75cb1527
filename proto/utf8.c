#include "proto/utf8.h"

#include "proto/wire.h"

#include <string.h>

bool utf8_is_ascii(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t word, all = 0;

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		all |= word;
	}
	for (; size; size--)
		all |= *at++;
	return !(all & UINT64_C(0x8080808080808080));
}

/* Bounds of the second byte of a character by its first (Unicode standard, table 3-7) and its length; 0: not a first byte. */
static unsigned int first_byte(uint8_t byte, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
	*ret_high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
	if (byte < 0x80)
		return 1;
	if (byte < 0xc2 || byte > 0xf4)
		return 0;
	return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/* How many bytes at `at` belong together: a character (*ret_valid), or what one U+FFFD stands for. `size` is not 0. */
static size_t sequence(const uint8_t *at, size_t size, bool *ret_valid)
{
	uint8_t low, high;
	unsigned int length = first_byte(*at, &low, &high);
	size_t i;

	*ret_valid = length > 0;
	for (i = 1; i < length; i++) {
		if (i == size || at[i] < low || at[i] > high) {
			*ret_valid = false;
			break;
		}
		low = 0x80;
		high = 0xbf;
	}
	return i;
}

bool utf8_is_valid(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	bool valid = true;

	if (utf8_is_ascii(bytes, size))
		return true;
	while (size && valid) {
		size_t length = sequence(at, size, &valid);

		at += length;
		size -= length;
	}
	return valid;
}

size_t utf8_copy_valid(uint8_t *to, const void *bytes, size_t size)
{
	static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};
	const uint8_t *at = bytes;
	const uint8_t *start = to;

	while (size) {
		bool valid;
		size_t length = sequence(at, size, &valid);

		if (valid) {
			memcpy(to, at, length);
			to += length;
		} else {
			memcpy(to, replacement, sizeof(replacement));
			to += sizeof(replacement);
		}
		at += length;
		size -= length;
	}
	return (size_t)(to - start);
}

uint8_t *utf8_put_field(uint8_t *to, uint32_t field, const void *bytes, size_t size)
{
	unsigned int width = wire_varint_size(size);
	uint8_t *start;

	if (utf8_is_ascii(bytes, size))
		return wire_put_bytes(to, field, bytes, size);
	start = wire_begin(to, field, width);
	return wire_end(start, start + utf8_copy_valid(start, bytes, size), width);
}
