#include "proto/wire.h"

/* Up to eight bytes at once, the way wire_varint_long() writes them; 0: there are more. */
static unsigned int read_short(const uint8_t *from, uint64_t *ret)
{
	uint64_t value, stop;

	memcpy(&value, from, sizeof(value));
	value = le64toh(value);
	stop = ~value & UINT64_C(0x8080808080808080);
	if (!stop)
		return 0;
	/* What stands behind the first byte without a high bit is not of it. */
	value &= stop ^ (stop - 1);
	value &= UINT64_C(0x7f7f7f7f7f7f7f7f);
	value = (value & UINT64_C(0x7f007f007f007f00)) >> 1 | (value & UINT64_C(0x007f007f007f007f));
	value = (value & UINT64_C(0x3fff00003fff0000)) >> 2 | (value & UINT64_C(0x00003fff00003fff));
	*ret = (value & UINT64_C(0x0fffffff00000000)) >> 4 | (value & UINT64_C(0x000000000fffffff));
	return ((unsigned int)__builtin_ctzll(stop) + 1) / 8;
}

bool wire_read_varint_long(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *from = *at;
	uint64_t value = 0;

	if ((size_t)(end - from) >= sizeof(value)) {
		unsigned int size = read_short(from, ret);

		*at += size;
		if (size)
			return true;
	}
	for (unsigned int shift = 0; shift < 64; shift += 7) {
		if (from == end)
			return false;
		value |= (uint64_t)(*from & 0x7f) << shift;
		if (*from++ < 0x80) {
			*at = from;
			*ret = value;
			return true;
		}
	}
	return false;
}
