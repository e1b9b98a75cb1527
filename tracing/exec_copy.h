#ifndef TRACING_EXEC_COPY_H
#define TRACING_EXEC_COPY_H

#include "base/buffer.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What a kprobe on start_thread() captures of the stack of a new program: the kernel has put argc, the pointers and the strings there
 * (stack_dump.h says how they lie) and is about to let the program run, so nobody has had a chance to change them, and the gap before the
 * strings does not matter, because the pointers lead over it.
 *
 *	start_thread(regs, instruction pointer, stack pointer)		kernel: arch/x86/kernel/process_64.c; 64-bit programs
 *
 * Fetchargs of strings could make a record that is too long (probe_limits.h), by as much as the caller likes. So what is captured is words:
 * argc with the first pointers, and so many bytes from argv[0] on. It is always the same size, whatever the program is given.
 *
 * A fetcharg that meets memory that is not there (what is captured may go beyond the stack's end, and any page may be away for a moment)
 * leaves the place of the word in the record as it was, which is as some earlier record had it: perhaps other arguments. So a second
 * kprobe, at the same place, writes a record of the same layout into the same buffer just before (kernel/trace/trace_event_perf.c has one
 * for each CPU and context): zeros, from the kernel's empty_zero_page. A word that could not be read is then zero, which no eight bytes
 * of arguments are, but for eight empty ones in a row. That the wipe has been there is not assumed but seen in each record: a word is
 * fetched from address 16, which never is there, where the wipe has put the stack pointer.
 *
 *	common fields, address	16 bytes
 *	sp			the stack pointer
 *	proof			what the wipe has left: the stack pointer again
 *	p0, p1, ...		argc, argv[0], ...
 *	s0, s1, ...		the bytes from argv[0] on
 *
 * Pure functions on foreign bytes.
 */
#define EXEC_COPY_SYMBOL       "start_thread"
#define EXEC_COPY_OFFSET_SP    16
#define EXEC_COPY_OFFSET_PROOF 24
#define EXEC_COPY_OFFSET_WORDS 32
#define EXEC_COPY_ARRAY_BYTES  512 /* of one fetcharg: the kernel's MAX_ARRAY_LEN is 64 */

/*
 * More is not captured. What newer kernels take is not much more (PROBE_FIELDS_BYTES_MAX), and each word beyond the end of a stack is a page
 * fault: in containers, stacks end some hundred bytes behind the arguments.
 */
#define EXEC_COPY_STRING_BYTES_MAX 2032

struct exec_copy_layout {
	uint32_t pointer_bytes; /* argc and pointers, a multiple of EXEC_COPY_ARRAY_BYTES */
	uint32_t string_bytes;  /* a multiple of 8 */
};

/* For records of at most so many bytes (PROBE_RECORD_BYTES_OLD or more). */
struct exec_copy_layout exec_copy_layout(uint32_t record_bytes);

static inline uint32_t exec_copy_bytes(const struct exec_copy_layout *layout)
{
	return EXEC_COPY_OFFSET_WORDS + layout->pointer_bytes + layout->string_bytes;
}

/* The fetchargs of the two probes, with a NUL. A buffer that is too small has `failed` set. */
void exec_copy_fetchargs(struct buffer *ret, const struct exec_copy_layout *layout);
void exec_copy_wipe_fetchargs(struct buffer *ret, const struct exec_copy_layout *layout);

/* Pointers borrow from the record. */
struct exec_copy {
	uint64_t stack_pointer;
	uint64_t strings_address; /* argv[0] */
	uint32_t argc;
	uint32_t count;      /* arguments that are there as a whole, from argv[0] on; never more than argc */
	const char *strings; /* `count` strings, each with its NUL, one after another; NULL when count is 0 */
	size_t strings_size; /* bytes of them, NULs included */
};

/* Takes the raw data of a sample apart. -EINVAL: it is too short, argc is none (0 included), or argv[0] does not lie above the stack
 * pointer. -ESTALE: the wipe was not there, nothing in it can be believed. */
int exec_copy_decode(struct exec_copy *ret, const struct exec_copy_layout *layout, const uint8_t *raw, uint32_t raw_size);

#endif
