#ifndef TESTS_TRACING_FAKE_KERNEL_H
#define TESTS_TRACING_FAKE_KERNEL_H

#include "tracing/format.h"

#include <stdint.h>

/*
 * What the kernel does with fetchargs, done in this process: expressions are evaluated by dereferencing its memory, and what comes is laid out
 * as a probe's record with a format to it. Pointers below 4096 are faults: 0, or an empty string. Understands what we write: one register,
 * `+N(...)`, `:string`, and no type.
 */
struct fake_record {
	struct format *format;
	uint8_t raw[65536];
	uint32_t size;
	uint32_t worst_size; /* with strings of 255 bytes */
	uint32_t arguments;
	uint32_t longest; /* argument, in characters */
};

/* `fetchargs` as written into a definition; `value` is what the register holds. */
void fake_record_make(struct fake_record *r, const char *fetchargs, const void *value);
void fake_record_done(struct fake_record *r);

#endif
