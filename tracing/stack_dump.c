#include "tracing/stack_dump.h"

#include <errno.h>
#include <linux/auxvec.h>
#include <stdbool.h>
#include <string.h>

/* MAX_ARG_STRINGS of linux/binfmts.h. */
#define ARGC_MAX UINT64_C(0x7fffffff)

static bool read_word(const struct stack_dump *dump, uint64_t index, uint64_t *ret)
{
	uint32_t narrow;

	if (index >= dump->size / dump->word_bytes)
		return false;
	if (dump->word_bytes == sizeof(*ret)) {
		memcpy(ret, dump->bytes + index * sizeof(*ret), sizeof(*ret));
		return true;
	}
	memcpy(&narrow, dump->bytes + index * sizeof(narrow), sizeof(narrow));
	*ret = narrow;
	return true;
}

/* The bytes of the dump from an address on; NULL when it lies outside. */
static const uint8_t *at_address(const struct stack_dump *dump, uint64_t address, size_t *ret_left)
{
	uint64_t offset = address - dump->stack_pointer;

	if (address < dump->stack_pointer || offset >= dump->size)
		return NULL;
	*ret_left = dump->size - offset;
	return dump->bytes + offset;
}

static void find_strings(const struct stack_dump *dump, struct stack_arguments *ret)
{
	size_t left = 0;
	const uint8_t *start = at_address(dump, ret->strings_address, &left);
	const uint8_t *string = start;

	while (string && ret->count < ret->argc) {
		const uint8_t *end = left ? memchr(string, '\0', left) : NULL;
		uint64_t pointer;

		/* A pointer that is not where the string before it ends: somebody has rearranged the list, it is not as the kernel left it. */
		if (!end || !read_word(dump, 1 + (uint64_t)ret->count, &pointer) ||
		    pointer != ret->strings_address + (uint64_t)(string - start))
			break;
		left -= (size_t)(end + 1 - string);
		string = end + 1;
		ret->count++;
	}
	if (!ret->count)
		return;
	ret->strings = (const char *)start;
	ret->strings_size = (size_t)(string - start);
}

/* `index`: of the first environment pointer. Returns the index of the auxiliary vector, 0 when it is not in the dump. */
static uint64_t skip_environment(const struct stack_dump *dump, uint64_t index)
{
	uint64_t pointer;

	while (read_word(dump, index, &pointer)) {
		index++;
		if (!pointer)
			return index;
	}
	return 0;
}

static void find_random(const struct stack_dump *dump, uint64_t index, struct stack_arguments *ret)
{
	uint64_t type;
	uint64_t value;
	size_t left;

	for (; read_word(dump, index, &type) && read_word(dump, index + 1, &value) && type != AT_NULL; index += 2) {
		const uint8_t *bytes;

		if (type != AT_RANDOM)
			continue;
		bytes = at_address(dump, value, &left);
		if (bytes && left >= STACK_DUMP_RANDOM_BYTES) {
			ret->random = bytes;
			ret->random_address = value;
		}
		return;
	}
}

int stack_dump_parse(const struct stack_dump *dump, struct stack_arguments *ret)
{
	uint64_t argc;
	uint64_t environment;
	uint64_t auxiliary;

	memset(ret, 0, sizeof(*ret));
	if ((dump->word_bytes != 4 && dump->word_bytes != 8) || !read_word(dump, 0, &argc) || argc > ARGC_MAX)
		return -EINVAL;
	ret->argc = (uint32_t)argc;
	if (argc && read_word(dump, 1, &ret->strings_address))
		find_strings(dump, ret);

	environment = 1 + argc + 1;
	if (!read_word(dump, environment, &ret->strings_end))
		return 0;
	auxiliary = skip_environment(dump, environment);
	if (auxiliary)
		find_random(dump, auxiliary, ret);
	return 0;
}
