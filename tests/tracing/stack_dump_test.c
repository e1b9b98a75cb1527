#include "tracing/stack_dump.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define STACK_POINTER        UINT64_C(0x7ffc12345670)
#define NARROW_STACK_POINTER UINT64_C(0xffd51230)

/* A stack laid out as fs/binfmt_elf.c does it. */
struct stack {
	uint8_t bytes[8192];
	size_t size; /* of all of it */
	size_t gap;  /* where the random gap begins */
	uint64_t strings;
	uint64_t environment;
	struct stack_dump dump;
};

static const uint8_t random_bytes[STACK_DUMP_RANDOM_BYTES] = "fifteen letters";

static void put_word(struct stack *s, uint64_t value)
{
	memcpy(s->bytes + s->size, &value, s->dump.word_bytes);
	s->size += s->dump.word_bytes;
}

static size_t strings_length(const char *const *strings)
{
	size_t length = 0;

	for (; *strings; strings++)
		length += strlen(*strings) + 1;
	return length;
}

static void put_pointers(struct stack *s, const char *const *strings, uint64_t address)
{
	for (; *strings; strings++) {
		put_word(s, address);
		address += strlen(*strings) + 1;
	}
	put_word(s, 0);
}

static void put_strings(struct stack *s, const char *const *strings)
{
	for (; *strings; strings++) {
		memcpy(s->bytes + s->size, *strings, strlen(*strings) + 1);
		s->size += strlen(*strings) + 1;
	}
}

static void build(struct stack *s, uint8_t word_bytes, uint64_t argc, const char *const *arguments, const char *const *environment)
{
	uint64_t random;
	size_t count = 0;
	size_t words;

	memset(s, 0, sizeof(*s));
	s->dump.word_bytes = word_bytes;
	s->dump.stack_pointer = word_bytes == 8 ? STACK_POINTER : NARROW_STACK_POINTER;
	for (const char *const *a = arguments; *a; a++)
		count++;
	for (const char *const *a = environment; *a; a++)
		count++;
	words = 1 + count + 2 + 6;
	random = s->dump.stack_pointer + words * word_bytes;
	s->strings = s->dump.stack_pointer + 4096;
	s->environment = s->strings + strings_length(arguments);

	put_word(s, argc);
	put_pointers(s, arguments, s->strings);
	put_pointers(s, environment, s->environment);
	put_word(s, AT_PAGESZ);
	put_word(s, 4096);
	put_word(s, AT_RANDOM);
	put_word(s, random);
	put_word(s, AT_NULL);
	put_word(s, 0);
	cr_assert_eq(s->size, words * word_bytes);
	memcpy(s->bytes + s->size, random_bytes, sizeof(random_bytes));
	s->gap = s->size + sizeof(random_bytes);
	s->size = 4096;
	put_strings(s, arguments);
	put_strings(s, environment);
	s->dump.bytes = s->bytes;
	s->dump.size = s->size;
}

static const char *const three_arguments[] = {"/bin/prog", "", "odd\x01\xff bytes", NULL};
static const char *const two_variables[] = {"PATH=/bin", "HOME=/", NULL};
static const char *const nothing[] = {NULL};

Test(stack_dump, a_whole_dump_gives_all_arguments)
{
	static const char expected[] = "/bin/prog\0\0odd\x01\xff bytes";
	struct stack s;
	struct stack_arguments found;

	for (uint8_t word_bytes = 4; word_bytes <= 8; word_bytes += 4) {
		build(&s, word_bytes, 3, three_arguments, two_variables);
		cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
		cr_assert_eq(found.argc, 3);
		cr_assert_eq(found.count, 3);
		cr_assert_eq(found.strings_size, sizeof(expected));
		cr_assert_eq(memcmp(found.strings, expected, sizeof(expected)), 0);
		cr_assert_eq(found.strings_address, s.strings);
		cr_assert_eq(found.strings_end, s.environment);
	}
}

Test(stack_dump, the_random_bytes_are_found_behind_the_auxiliary_vector)
{
	struct stack s;
	struct stack_arguments found;

	for (uint8_t word_bytes = 4; word_bytes <= 8; word_bytes += 4) {
		build(&s, word_bytes, 3, three_arguments, two_variables);
		s.dump.size = s.gap;
		cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
		cr_assert_not_null(found.random);
		cr_assert_eq(memcmp(found.random, random_bytes, sizeof(random_bytes)), 0);
		cr_assert_eq(found.random_address, s.dump.stack_pointer + s.gap - sizeof(random_bytes));

		s.dump.size = s.gap - 1;
		cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
		cr_assert_null(found.random);
	}
}

Test(stack_dump, a_dump_that_ends_in_the_gap_still_tells_how_many_arguments_there_are_and_where)
{
	struct stack s;
	struct stack_arguments found;

	build(&s, 8, 3, three_arguments, two_variables);
	s.dump.size = s.gap;
	cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
	cr_assert_eq(found.argc, 3);
	cr_assert_eq(found.count, 0);
	cr_assert_null(found.strings);
	cr_assert_eq(found.strings_address, s.strings);
	cr_assert_eq(found.strings_end, s.environment);
}

Test(stack_dump, a_string_that_the_dump_cuts_off_does_not_count)
{
	struct stack s;
	struct stack_arguments found;

	build(&s, 8, 3, three_arguments, nothing);
	s.dump.size = s.size - 1;
	cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
	cr_assert_eq(found.argc, 3);
	cr_assert_eq(found.count, 2);
	cr_assert_eq(found.strings_size, sizeof("/bin/prog") + 1);
	cr_assert_eq(found.strings_end, 0);
}

Test(stack_dump, no_arguments_at_all_are_no_strings)
{
	struct stack s;
	struct stack_arguments found;

	build(&s, 8, 0, nothing, two_variables);
	cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
	cr_assert_eq(found.argc, 0);
	cr_assert_eq(found.count, 0);
	cr_assert_eq(found.strings_address, 0);
}

Test(stack_dump, an_argc_that_no_kernel_gives_is_refused)
{
	struct stack s;
	struct stack_arguments found;

	build(&s, 8, UINT64_C(1) << 31, three_arguments, two_variables);
	cr_assert_eq(stack_dump_parse(&s.dump, &found), -EINVAL);
	build(&s, 8, UINT64_MAX, three_arguments, two_variables);
	cr_assert_eq(stack_dump_parse(&s.dump, &found), -EINVAL);
}

Test(stack_dump, an_argc_far_beyond_the_pointers_gives_the_strings_that_are_there)
{
	struct stack s;
	struct stack_arguments found;

	build(&s, 8, 0x7fffffff, three_arguments, two_variables);
	cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
	cr_assert_eq(found.argc, 0x7fffffff);
	cr_assert_eq(found.count, 3);
	cr_assert_eq(found.strings_end, 0);
}

Test(stack_dump, pointers_that_do_not_follow_the_strings_end_the_list)
{
	struct stack s;
	struct stack_arguments found;
	uint64_t elsewhere;

	build(&s, 8, 3, three_arguments, two_variables);
	elsewhere = s.strings;
	memcpy(s.bytes + 16, &elsewhere, sizeof(elsewhere));
	cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
	cr_assert_eq(found.count, 1);
}

Test(stack_dump, a_first_pointer_outside_of_the_dump_gives_no_strings)
{
	const uint64_t wild[] = {0, 1, STACK_POINTER - 1, STACK_POINTER + 8192, UINT64_MAX};
	struct stack s;
	struct stack_arguments found;

	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		build(&s, 8, 3, three_arguments, two_variables);
		memcpy(s.bytes + 8, &wild[i], sizeof(wild[i]));
		cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
		cr_assert_eq(found.count, 0);
	}
}

Test(stack_dump, without_argc_there_is_nothing_to_say)
{
	struct stack s;
	struct stack_arguments found;

	build(&s, 8, 3, three_arguments, two_variables);
	s.dump.size = 7;
	cr_assert_eq(stack_dump_parse(&s.dump, &found), -EINVAL);
	s.dump.size = 0;
	cr_assert_eq(stack_dump_parse(&s.dump, &found), -EINVAL);
	s.dump.size = s.size;
	s.dump.word_bytes = 2;
	cr_assert_eq(stack_dump_parse(&s.dump, &found), -EINVAL);
}

Test(stack_dump, a_dump_cut_at_any_byte_is_read_within_its_bounds)
{
	struct stack s;
	struct stack_arguments found;

	build(&s, 8, 3, three_arguments, two_variables);
	for (size_t size = 8; size <= s.size; size++) {
		uint8_t *copy = malloc(size);

		memcpy(copy, s.bytes, size);
		s.dump.bytes = copy;
		s.dump.size = size;
		cr_assert_eq(stack_dump_parse(&s.dump, &found), 0);
		cr_assert_eq(found.argc, 3);
		cr_assert(found.count == 0 || found.strings + found.strings_size <= (const char *)copy + size);
		free(copy);
	}
}
