#include "proto/wire.h"

#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

/* The textbook way, to compare with. */
static size_t plain_varint(uint8_t *to, uint64_t value)
{
	size_t size = 0;

	for (; value >= 0x80; value >>= 7)
		to[size++] = (uint8_t)(value | 0x80);
	to[size++] = (uint8_t)value;
	return size;
}

static void expect_varint(uint64_t value)
{
	uint8_t expected[WIRE_VARINT_MAX], bytes[WIRE_VARINT_MAX + WIRE_SLACK];
	size_t size = plain_varint(expected, value);
	const uint8_t *at = bytes;
	uint64_t back = 0;

	cr_assert_eq((size_t)(wire_varint(bytes, value) - bytes), size, "%#llx", (unsigned long long)value);
	cr_assert_eq(memcmp(bytes, expected, size), 0, "%#llx", (unsigned long long)value);
	cr_assert_eq(wire_varint_size(value), size, "%#llx", (unsigned long long)value);
	cr_assert(wire_read_varint(&at, bytes + size, &back));
	cr_assert_eq(back, value);
	cr_assert_eq(at, bytes + size);
	/* With something behind it. */
	memset(bytes + size, 0xff, sizeof(bytes) - size);
	at = bytes;
	cr_assert(wire_read_varint(&at, bytes + sizeof(bytes), &back));
	cr_assert_eq(back, value);
	cr_assert_eq(at, bytes + size);
	cr_assert_eq(at, bytes + size);
	at = bytes;
	cr_assert_not(wire_read_varint(&at, bytes + size - 1, &back));
}

Test(wire, varints_of_every_length_are_written_as_the_textbook_writes_them)
{
	uint64_t value = 1;

	expect_varint(0);
	for (unsigned int bit = 0; bit < 64; bit++) {
		expect_varint(UINT64_C(1) << bit);
		expect_varint((UINT64_C(1) << bit) - 1);
		expect_varint((UINT64_C(1) << bit) + 1);
		expect_varint(UINT64_MAX << bit);
	}
	for (int i = 0; i < 10000; i++) {
		value = value * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		expect_varint(value >> (i % 64));
	}
}

Test(wire, zigzag_maps_small_negatives_to_small_numbers)
{
	cr_expect_eq(wire_zigzag(0), 0);
	cr_expect_eq(wire_zigzag(-1), 1);
	cr_expect_eq(wire_zigzag(1), 2);
	cr_expect_eq(wire_unzigzag(wire_zigzag(INT64_MIN)), INT64_MIN);
	cr_expect_eq(wire_unzigzag(wire_zigzag(INT64_MAX)), INT64_MAX);
	cr_expect_eq(wire_unzigzag(wire_zigzag(-1)), -1);
	cr_expect_eq(wire_zigzag(INT64_MIN), UINT64_MAX);
	cr_expect_eq(wire_zigzag(INT64_MAX), UINT64_MAX - 1);
}

Test(wire, a_sub_message_gets_its_length_whatever_was_guessed)
{
	static const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 70000};
	static uint8_t out[70000 + 64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned int width = 1; width <= 3; width++) {
			uint8_t *start = wire_begin(out, 5, width);
			const uint8_t *at = out, *end;
			struct wire_field field;

			for (size_t b = 0; b < sizes[i]; b++)
				start[b] = (uint8_t)(b * 7);
			end = wire_end(start, start + sizes[i], width);
			cr_assert_eq((size_t)(end - out), 1 + wire_varint_size(sizes[i]) + sizes[i]);
			cr_assert(wire_read_field(&at, end, &field));
			cr_assert_eq(at, end);
			cr_assert_eq(field.number, 5);
			cr_assert_eq(field.size, sizes[i]);
			for (size_t b = 0; b < sizes[i]; b++)
				cr_assert_eq(field.bytes[b], (uint8_t)(b * 7));
		}
	}
}

Test(wire, every_type_of_field_is_read_back)
{
	uint8_t out[128];
	uint8_t *to = out;
	const uint8_t *at = out;
	struct wire_field f;

	to = wire_put_varint(to, 1, 300);
	to = wire_put_int(to, 15, -1);
	to = wire_put_sint(to, 16, -2);
	to = wire_put_bool(to, 1000, true);
	to = wire_put_fixed32(to, 3, 0x01020304);
	to = wire_put_fixed64(to, 536870911, UINT64_C(0x0102030405060708));
	to = wire_put_bytes(to, 2048, "abc", 3);
	cr_assert(wire_read_field(&at, to, &f) && f.number == 1 && f.type == WIRE_VARINT && f.value == 300);
	cr_assert(wire_read_field(&at, to, &f) && f.number == 15 && f.value == UINT64_MAX);
	cr_assert(wire_read_field(&at, to, &f) && f.number == 16 && f.value == 3);
	cr_assert(wire_read_field(&at, to, &f) && f.number == 1000 && f.value == 1);
	cr_assert(wire_read_field(&at, to, &f) && f.number == 3 && f.type == WIRE_FIXED32 && f.value == 0x01020304);
	cr_assert(wire_read_field(&at, to, &f) && f.number == 536870911 && f.type == WIRE_FIXED64 &&
		  f.value == UINT64_C(0x0102030405060708));
	cr_assert(wire_read_field(&at, to, &f) && f.number == 2048 && f.type == WIRE_LENGTH && f.size == 3 && !memcmp(f.bytes, "abc", 3));
	cr_assert_eq(at, to);
}

Test(wire, default_values_are_left_out)
{
	uint8_t out[64];

	cr_expect_eq(wire_put_varint(out, 1, 0), out);
	cr_expect_eq(wire_put_sint(out, 1, 0), out);
	cr_expect_eq(wire_put_bool(out, 1, false), out);
	cr_expect_eq(wire_put_fixed32(out, 1, 0), out);
	cr_expect_eq(wire_put_fixed64(out, 1, 0), out);
}

static bool readable(const char *bytes, size_t size)
{
	const uint8_t *at = (const uint8_t *)bytes;
	struct wire_field f;

	return wire_read_field(&at, at + size, &f);
}

Test(wire, fields_that_make_no_sense_are_refused)
{
	cr_expect_not(readable("", 0));
	cr_expect_not(readable("\x08", 1), "a tag alone");
	cr_expect_not(readable("\x00\x01", 2), "field number 0");
	cr_expect_not(readable("\x0a\x05"
			       "abc",
			       5),
		      "longer than the bytes there are");
	cr_expect_not(readable("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), "a length of 2^64 - 1");
	cr_expect_not(readable("\x0b\x0c", 2), "a group");
	cr_expect_not(readable("\x0d\x01\x02\x03", 4), "half a fixed32");
	cr_expect_not(readable("\x09\x01\x02\x03\x04\x05\x06\x07", 8), "most of a fixed64");
	cr_expect_not(readable("\x0f", 1), "wire type 7");
	cr_expect_not(readable("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12), "a varint of eleven bytes");
}
