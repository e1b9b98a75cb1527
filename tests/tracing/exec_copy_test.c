#include "tracing/exec_copy.h"
#include "base/cleanup.h"
#include "tracing/probe_limits.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_POINTER UINT64_C(0x7ffc12345670)
#define STRINGS       UINT64_C(0x7ffc12347000)

/* A record as the two probes make it. */
struct record {
	struct exec_copy_layout layout;
	uint8_t raw[4096];
	size_t strings_size; /* put so far */
	uint64_t pointers;
};

static void put_word(struct record *r, size_t offset, uint64_t value)
{
	memcpy(r->raw + offset, &value, sizeof(value));
}

static uint8_t *strings_of(struct record *r)
{
	return r->raw + EXEC_COPY_OFFSET_WORDS + r->layout.pointer_bytes;
}

static void begin(struct record *r, uint32_t record_bytes, uint64_t argc)
{
	memset(r, 0, sizeof(*r));
	r->layout = exec_copy_layout(record_bytes);
	put_word(r, EXEC_COPY_OFFSET_SP, STACK_POINTER);
	put_word(r, EXEC_COPY_OFFSET_PROOF, STACK_POINTER);
	put_word(r, EXEC_COPY_OFFSET_WORDS, argc);
}

/* An argument with its pointer; what does not fit any more is left out, as the kernel does it. */
static void put_argument(struct record *r, const char *text)
{
	size_t size = strlen(text) + 1;
	size_t room = r->strings_size < r->layout.string_bytes ? r->layout.string_bytes - r->strings_size : 0;
	size_t pointer = 8 + 8 * r->pointers++;

	if (pointer < r->layout.pointer_bytes)
		put_word(r, EXEC_COPY_OFFSET_WORDS + pointer, STRINGS + r->strings_size);
	memcpy(strings_of(r) + r->strings_size, text, size < room ? size : room);
	r->strings_size += size;
}

/* What stands behind the arguments. */
static void put_rest(struct record *r)
{
	static const char rest[] = "LANG=C\0HOME=/\0/bin/program";
	size_t room = r->strings_size < r->layout.string_bytes ? r->layout.string_bytes - r->strings_size : 0;

	memcpy(strings_of(r) + r->strings_size, rest, sizeof(rest) < room ? sizeof(rest) : room);
}

static void begin_three(struct record *r)
{
	begin(r, PROBE_RECORD_BYTES_OLD, 3);
	put_argument(r, "/bin/program");
	put_argument(r, "");
	put_argument(r, "odd\x01\xff bytes");
	put_rest(r);
}

static int decode(const struct record *r, struct exec_copy *ret)
{
	uint32_t size = exec_copy_bytes(&r->layout);
	uint8_t *exact = malloc(size);
	int code;

	/* So that a byte too far is seen by the sanitizers. */
	memcpy(exact, r->raw, size);
	code = exec_copy_decode(ret, &r->layout, exact, size);
	if (ret->strings)
		ret->strings = (const char *)r->raw + (ret->strings - (const char *)exact);
	free(exact);
	return code;
}

Test(exec_copy, records_stay_below_the_limits_of_the_kernel)
{
	const uint32_t limits[] = {PROBE_RECORD_BYTES_OLD, PROBE_RECORD_BYTES_NEW};

	for (size_t i = 0; i < 2; i++) {
		struct exec_copy_layout layout = exec_copy_layout(limits[i]);

		/* perf rounds them up, with 4 bytes in front */
		cr_assert_leq((exec_copy_bytes(&layout) + 4 + 7) / 8 * 8, limits[i]);
		cr_assert_leq(exec_copy_bytes(&layout) - PROBE_HEADER_BYTES, PROBE_FIELDS_BYTES_MAX);
		cr_assert_geq(layout.string_bytes, 1400);
		cr_assert_eq(layout.string_bytes % 8, 0);
		cr_assert_eq(layout.pointer_bytes % EXEC_COPY_ARRAY_BYTES, 0);
	}
}

static uint32_t count_words(const char *fetchargs)
{
	uint32_t words = 0;

	for (const char *at = fetchargs; (at = strstr(at, ":u64")); at += 4)
		words += at[4] == '[' ? (uint32_t)strtoul(at + 5, NULL, 10) : 1;
	return words;
}

Test(exec_copy, both_probes_have_fields_of_the_same_size)
{
	struct exec_copy_layout layout = exec_copy_layout(PROBE_RECORD_BYTES_NEW);
	struct buffer copy;
	struct buffer wipe;

	buffer_init(&copy, 0);
	buffer_init(&wipe, 0);
	exec_copy_fetchargs(&copy, &layout);
	exec_copy_wipe_fetchargs(&wipe, &layout);
	cr_assert_not(copy.failed || wipe.failed);
	cr_assert_eq(count_words((char *)copy.data) * 8, exec_copy_bytes(&layout) - PROBE_HEADER_BYTES);
	cr_assert_eq(count_words((char *)wipe.data) * 8, exec_copy_bytes(&layout) - PROBE_HEADER_BYTES);
	for (char *at = strtok((char *)copy.data, " "); at; at = strtok(NULL, " "))
		cr_assert_leq(strlen(strchr(at, '=') + 1), PROBE_ARGUMENT_CHARACTERS_MAX, "%s", at);
	buffer_done(&copy);
	buffer_done(&wipe);
}

Test(exec_copy, all_arguments_are_found)
{
	static const char expected[] = "/bin/program\0\0odd\x01\xff bytes";
	struct exec_copy found;
	struct record r;

	begin_three(&r);
	cr_assert_eq(decode(&r, &found), 0);
	cr_assert_eq(found.stack_pointer, STACK_POINTER);
	cr_assert_eq(found.strings_address, STRINGS);
	cr_assert_eq(found.argc, 3);
	cr_assert_eq(found.count, 3);
	cr_assert_eq(found.strings_size, sizeof(expected));
	cr_assert_eq(memcmp(found.strings, expected, sizeof(expected)), 0);
}

Test(exec_copy, what_kernels_have_sent_is_read)
{
	static const char expected[] = "tiny\0one\0\0three words";
	const struct {
		const char *path;
		uint32_t record_bytes;
	} files[] = {{TEST_DATA "/exec_copy/5.10", PROBE_RECORD_BYTES_OLD}, {TEST_DATA "/exec_copy/6.12", PROBE_RECORD_BYTES_NEW}};

	for (size_t i = 0; i < 2; i++) {
		struct exec_copy_layout layout = exec_copy_layout(files[i].record_bytes);
		cleanup_fclose FILE *file = fopen(files[i].path, "re");
		struct exec_copy found;
		uint8_t raw[4096];
		size_t size;

		cr_assert_not_null(file, "%s", files[i].path);
		size = fread(raw, 1, sizeof(raw), file);
		cr_assert_eq(exec_copy_decode(&found, &layout, raw, (uint32_t)size), 0);
		cr_assert_eq(found.argc, 4);
		cr_assert_eq(found.count, 4);
		cr_assert_eq(found.strings_size, sizeof(expected));
		cr_assert_eq(memcmp(found.strings, expected, sizeof(expected)), 0);
	}
}

Test(exec_copy, more_strings_than_fit_give_those_that_are_whole)
{
	char text[100];
	struct exec_copy found;
	struct record r;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	begin(&r, PROBE_RECORD_BYTES_OLD, 200);
	for (int i = 0; i < 200; i++)
		put_argument(&r, text);
	cr_assert_eq(decode(&r, &found), 0);
	cr_assert_eq(found.argc, 200);
	cr_assert_eq(found.count, r.layout.string_bytes / sizeof(text));
	cr_assert_eq(found.strings_size, found.count * sizeof(text));
}

Test(exec_copy, more_pointers_than_fit_are_no_hindrance)
{
	struct exec_copy found;
	struct record r;

	begin(&r, PROBE_RECORD_BYTES_OLD, 300);
	for (int i = 0; i < 300; i++)
		put_argument(&r, "a");
	put_rest(&r);
	cr_assert_eq(decode(&r, &found), 0);
	cr_assert_eq(found.count, 300);
	cr_assert_eq(found.strings_size, 600);
}

Test(exec_copy, a_record_without_the_wipe_is_not_believed)
{
	struct exec_copy found;
	struct record r;

	begin_three(&r);
	put_word(&r, EXEC_COPY_OFFSET_PROOF, STACK_POINTER + 16);
	cr_assert_eq(decode(&r, &found), -ESTALE);
	cr_assert_eq(found.count, 0);
	put_word(&r, EXEC_COPY_OFFSET_PROOF, 0);
	put_word(&r, EXEC_COPY_OFFSET_SP, 0);
	cr_assert_eq(decode(&r, &found), -ESTALE);
}

Test(exec_copy, a_record_that_is_cut_is_refused)
{
	struct exec_copy found;
	struct record r;

	begin_three(&r);
	for (uint32_t size = 0; size < exec_copy_bytes(&r.layout); size += 4) {
		uint8_t *cut = malloc(size + 1);

		memcpy(cut, r.raw, size);
		cr_assert_eq(exec_copy_decode(&found, &r.layout, cut, size), -EINVAL);
		free(cut);
	}
}

Test(exec_copy, an_argc_that_no_kernel_gives_is_refused)
{
	const uint64_t wrong[] = {0, UINT64_C(0x80000000), UINT64_MAX};
	struct exec_copy found;
	struct record r;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin_three(&r);
		put_word(&r, EXEC_COPY_OFFSET_WORDS, wrong[i]);
		cr_assert_eq(decode(&r, &found), -EINVAL);
	}
}

Test(exec_copy, an_argc_that_is_too_high_does_not_make_arguments_of_the_environment)
{
	struct exec_copy found;
	struct record r;

	begin_three(&r);
	put_word(&r, EXEC_COPY_OFFSET_WORDS, 5);
	cr_assert_eq(decode(&r, &found), 0);
	cr_assert_eq(found.argc, 5);
	cr_assert_eq(found.count, 3);
}

Test(exec_copy, a_pointer_that_is_not_where_the_string_before_it_ends_ends_the_list)
{
	struct exec_copy found;
	struct record r;

	for (size_t i = 1; i < 3; i++) {
		begin_three(&r);
		put_word(&r, EXEC_COPY_OFFSET_WORDS + 8 + 8 * i, STRINGS + 1);
		cr_assert_eq(decode(&r, &found), 0);
		cr_assert_eq(found.count, i);
	}
	begin_three(&r);
	put_word(&r, EXEC_COPY_OFFSET_WORDS + 8, STACK_POINTER - 8);
	cr_assert_eq(decode(&r, &found), -EINVAL);
}

Test(exec_copy, strings_without_an_end_are_none)
{
	struct exec_copy found;
	struct record r;

	begin_three(&r);
	memset(strings_of(&r), 'x', r.layout.string_bytes);
	cr_assert_eq(decode(&r, &found), 0);
	cr_assert_eq(found.argc, 3);
	cr_assert_eq(found.count, 0);
	cr_assert_null(found.strings);
}

/* The pages of a word that could not be read have left zeros, which would be empty arguments. */
Test(exec_copy, words_that_could_not_be_read_are_no_empty_arguments)
{
	struct exec_copy found;
	struct record r;

	for (size_t word = 0; word < 8; word++) {
		begin(&r, PROBE_RECORD_BYTES_OLD, 64);
		for (int i = 0; i < 32; i++)
			put_argument(&r, "a");
		/* Beyond the captured pointers there is nothing but the strings to go by. */
		memset(r.raw + EXEC_COPY_OFFSET_WORDS + 16, 0, r.layout.pointer_bytes - 16);
		for (uint64_t i = 1; i < 32; i++)
			put_word(&r, EXEC_COPY_OFFSET_WORDS + 8 + 8 * i, STRINGS + 2 * i);
		put_rest(&r);
		memset(strings_of(&r) + 8 * word, 0, 8);
		cr_assert_eq(decode(&r, &found), 0);
		cr_assert_eq(found.count, 4 * word);
	}
}

/* Of a word that lies in two pages, one half may have been read: argv[0] has any address. */
Test(exec_copy, half_a_word_that_could_not_be_read_is_no_end_of_a_string)
{
	const uint64_t before_page = 4096 - 19;
	struct exec_copy found;
	struct record r;

	for (int half = 0; half < 2; half++) {
		begin(&r, PROBE_RECORD_BYTES_OLD, 1);
		put_argument(&r, "a name with more than a few words");
		put_rest(&r);
		put_word(&r, EXEC_COPY_OFFSET_WORDS + 8, STRINGS + before_page);
		cr_assert_eq(decode(&r, &found), 0);
		cr_assert_eq(found.count, 1);
		/* The page ends behind the third byte of the third word. */
		if (half == 0)
			memset(strings_of(&r) + 16, 0, 3);
		else
			memset(strings_of(&r) + 19, 0, 5);
		cr_assert_eq(decode(&r, &found), 0);
		cr_assert_eq(found.count, 0, "half %d", half);
	}
}

Test(exec_copy, eight_empty_arguments_in_a_row_are_left_to_other_ways)
{
	struct exec_copy found;
	struct record r;

	begin(&r, PROBE_RECORD_BYTES_OLD, 18);
	put_argument(&r, "program");
	for (int i = 0; i < 16; i++)
		put_argument(&r, "");
	put_argument(&r, "end");
	put_rest(&r);
	cr_assert_eq(decode(&r, &found), 0);
	cr_assert_eq(found.argc, 18);
	cr_assert_eq(found.count, 1);
}
