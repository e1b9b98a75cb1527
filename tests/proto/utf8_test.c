#include "proto/utf8.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define R "\xef\xbf\xbd" /* U+FFFD */

struct sample {
	const char *bytes;
	const char *valid;
};

/* Unicode standard 15, tables 3-8 to 3-11, and the ends of each range. */
static const struct sample samples[] = {
	{"", ""},
	{"plain", "plain"},
	{"eight by", "eight by"},
	{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	{"\xe2\x82\xac \xf0\x9f\x90\xa7", "\xe2\x82\xac \xf0\x9f\x90\xa7"},
	{"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	 "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	{"\xff", R},
	{"a\x80z", "a" R "z"},
	{"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", R R R R R R R R "A"},
	{"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", R R R R R R R R "A"},
	{"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", R R R R R "A" R R "B"},
	{"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", R R R R "A"},
	{"cut \xe2\x82", "cut " R},
	{"cut \xf0\x9f\x90", "cut " R},
	{"long enough for words \xfe and so on", "long enough for words " R " and so on"},
};

Test(utf8, invalid_sequences_are_replaced_and_valid_ones_stay)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size_t size = strlen(samples[i].bytes);
		uint8_t *out = malloc(UTF8_EXPANSION * size + 1);
		size_t length;

		cr_assert_not_null(out);
		length = utf8_copy_valid(out, samples[i].bytes, size);
		cr_expect_eq(length, strlen(samples[i].valid), "sample %zu", i);
		cr_expect_eq(memcmp(out, samples[i].valid, length), 0, "sample %zu", i);
		cr_expect_eq(utf8_is_valid(samples[i].bytes, size), !strcmp(samples[i].bytes, samples[i].valid), "sample %zu", i);
		cr_expect(utf8_is_valid(out, length), "sample %zu", i);
		free(out);
	}
}

Test(utf8, ascii_is_told_from_everything_else_at_each_place)
{
	char bytes[40];

	memset(bytes, 'a', sizeof(bytes));
	cr_expect(utf8_is_ascii(bytes, sizeof(bytes)));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = '\x80';
		cr_expect_not(utf8_is_ascii(bytes, sizeof(bytes)), "at %zu", i);
		cr_expect(utf8_is_ascii(bytes, i), "before %zu", i);
		bytes[i] = 'a';
	}
}
