#include "proto/wire.h"

bool wire_read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *from = *at;
	uint64_t value = 0;

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

static bool read_fixed(const uint8_t **at, const uint8_t *end, size_t size, uint64_t *ret)
{
	uint64_t value = 0;

	if ((size_t)(end - *at) < size)
		return false;
	memcpy(&value, *at, size);
	*ret = le64toh(value);
	*at += size;
	return true;
}

bool wire_read_field(const uint8_t **at, const uint8_t *end, struct wire_field *ret)
{
	uint64_t tag;

	if (!wire_read_varint(at, end, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
		return false;
	*ret = (struct wire_field){.number = (uint32_t)tag >> 3, .type = (enum wire_type)(tag & 7)};
	switch (ret->type) {
	case WIRE_VARINT:
		return wire_read_varint(at, end, &ret->value);
	case WIRE_FIXED64:
		return read_fixed(at, end, 8, &ret->value);
	case WIRE_FIXED32:
		return read_fixed(at, end, 4, &ret->value);
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
