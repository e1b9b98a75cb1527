#include "tracing/exec_copy.h"

#include "tracing/probe_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define WORD_BYTES 8
#define PAGE_BYTES 4096

/* perf puts the data's size, 4 bytes, before it and rounds both up to a word. */
#define SIZE_BYTES 4

/* MAX_ARG_STRINGS of linux/binfmts.h. */
#define ARGC_MAX UINT64_C(0x7fffffff)

struct exec_copy_layout exec_copy_layout(uint32_t record_bytes)
{
	struct exec_copy_layout layout = {.pointer_bytes = EXEC_COPY_ARRAY_BYTES};

	_Static_assert(EXEC_COPY_OFFSET_WORDS - PROBE_HEADER_BYTES + 2 * EXEC_COPY_ARRAY_BYTES + EXEC_COPY_STRING_BYTES_MAX <=
			       PROBE_FIELDS_BYTES_MAX,
		       "newer kernels take it");
	if (record_bytes >= 4 * EXEC_COPY_ARRAY_BYTES + EXEC_COPY_STRING_BYTES_MAX)
		layout.pointer_bytes *= 2;
	layout.string_bytes = record_bytes - SIZE_BYTES - EXEC_COPY_OFFSET_WORDS - layout.pointer_bytes;
	layout.string_bytes -= layout.string_bytes % WORD_BYTES;
	if (layout.string_bytes > EXEC_COPY_STRING_BYTES_MAX)
		layout.string_bytes = EXEC_COPY_STRING_BYTES_MAX;
	return layout;
}

/* The place of each is that of its first byte, counted from the first one's: BEFORE AT BEHIND. */
static void put_arrays(struct buffer *ret, char prefix, uint32_t bytes, const char *before, const char *behind)
{
	for (uint32_t at = 0; at < bytes; at += EXEC_COPY_ARRAY_BYTES) {
		uint32_t size = bytes - at < EXEC_COPY_ARRAY_BYTES ? bytes - at : EXEC_COPY_ARRAY_BYTES;

		buffer_printf(ret, " %c%" PRIu32 "=%s%" PRIu32 "%s:u64[%" PRIu32 "]", prefix, at / EXEC_COPY_ARRAY_BYTES, before, at,
			      behind, size / WORD_BYTES);
	}
}

/* Without the u of user memory, which the kernel does not take with arrays; on x86 it reads by the address. */
void exec_copy_fetchargs(struct buffer *ret, const struct exec_copy_layout *layout)
{
	buffer_put_string(ret, "sp=%dx:u64 proof=@0x10:u64");
	put_arrays(ret, 'p', layout->pointer_bytes, "+", "(%dx)");
	put_arrays(ret, 's', layout->string_bytes, "+", "(+8(%dx))");
	buffer_put_u8(ret, 0);
}

void exec_copy_wipe_fetchargs(struct buffer *ret, const struct exec_copy_layout *layout)
{
	buffer_put_string(ret, "sp=%dx:u64 proof=%dx:u64");
	put_arrays(ret, 'p', layout->pointer_bytes, "@empty_zero_page+", "");
	put_arrays(ret, 's', layout->string_bytes, "@empty_zero_page+", "");
	buffer_put_u8(ret, 0);
}

static uint64_t read_word(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	static const uint8_t zeros[WORD_BYTES];

	return memcmp(bytes, zeros, size) == 0;
}

/* How many of the bytes have certainly been read. A word that two pages share may have been read by halves. */
static size_t read_size(const uint8_t *bytes, size_t size, uint64_t address)
{
	for (size_t at = 0; at < size; at += WORD_BYTES) {
		size_t first = PAGE_BYTES - (address + at) % PAGE_BYTES;

		if (first > WORD_BYTES)
			first = WORD_BYTES;
		if (is_zero(bytes + at, first) || (first < WORD_BYTES && is_zero(bytes + at + first, WORD_BYTES - first)))
			return at;
	}
	return size;
}

/* Each pointer that was captured has to be where the string before it ends. */
static void find_strings(struct exec_copy *ret, const uint8_t *pointers, size_t pointer_count, const uint8_t *strings, size_t size)
{
	size_t at = 0;

	while (ret->count < ret->argc && at < size) {
		const uint8_t *end = memchr(strings + at, '\0', size - at);

		if (!end)
			break;
		if (ret->count < pointer_count && read_word(pointers + (size_t)ret->count * WORD_BYTES) != ret->strings_address + at)
			break;
		at = (size_t)(end + 1 - strings);
		ret->count++;
	}
	if (!ret->count)
		return;
	ret->strings = (const char *)strings;
	ret->strings_size = at;
}

int exec_copy_decode(struct exec_copy *ret, const struct exec_copy_layout *layout, const uint8_t *raw, uint32_t raw_size)
{
	const uint8_t *words = raw + EXEC_COPY_OFFSET_WORDS;
	const uint8_t *strings = words + layout->pointer_bytes;
	uint64_t argc;

	*ret = (struct exec_copy){0};
	if (raw_size < exec_copy_bytes(layout))
		return -EINVAL;
	ret->stack_pointer = read_word(raw + EXEC_COPY_OFFSET_SP);
	if (!ret->stack_pointer || ret->stack_pointer != read_word(raw + EXEC_COPY_OFFSET_PROOF))
		return -ESTALE;
	argc = read_word(words);
	ret->strings_address = read_word(words + WORD_BYTES);
	if (!argc || argc > ARGC_MAX || ret->strings_address <= ret->stack_pointer)
		return -EINVAL;
	ret->argc = (uint32_t)argc;
	find_strings(ret, words + WORD_BYTES, layout->pointer_bytes / WORD_BYTES - 1, strings,
		     read_size(strings, layout->string_bytes, ret->strings_address));
	return 0;
}
