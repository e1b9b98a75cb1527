#ifndef SUBSCRIPTION_MATCHER_PROGRAM_H
#define SUBSCRIPTION_MATCHER_PROGRAM_H

#include "subscription/matcher.h"

/*
 * What a matcher is made of: matcher_compile.c writes it, matcher.c runs it. Nobody else includes this.
 */

/* Where to go on: the index of a term, or the answer. */
#define GOTO_MATCH    UINT32_MAX
#define GOTO_MISMATCH (UINT32_MAX - 1)

/* Where a value comes from. Integers are widened to 64 bits. */
enum source {
	SOURCE_SINT32,
	SOURCE_UINT32,
	SOURCE_64,
	SOURCE_BOOL,
	SOURCE_PORT,
	SOURCE_STRING,
	SOURCE_CHARS,
	SOURCE_ARGUMENT, /* of a call; `offset` is its index */
	SOURCE_ALL_ONES, /* no field: its mask is the value */
};

struct load {
	uint8_t source;   /* enum source */
	uint8_t base;     /* enum field_base */
	uint8_t presence; /* enum field_presence */
	uint32_t offset;
};

/* What a term compares. */
enum test {
	TEST_REQUEST,
	TEST_NULL,
	TEST_INTEGER, /* (field & mask) against `integer` */
	TEST_PAIR,    /* integers or booleans of several fields against one another */
	TEST_STRING,
	TEST_STRING_PAIR,
	TEST_GLOB,
};

/* What a comparison came to, as a bit; a test wants one of several. */
enum {
	ORDER_LESS = 1,
	ORDER_EQUAL = 2,
	ORDER_GREATER = 4,
};

struct matcher_term {
	uint8_t test;
	uint8_t wanted; /* ORDER_*: it holds for these */
	bool is_signed;
	struct load load;
	uint32_t on_match, on_mismatch;
	uint64_t mask; /* what is AND-ed to the field */
	union {
		uint64_t integer;
		const char *string; /* or pattern */
		const void *request;
		uint32_t operands[2]; /* TEST_PAIR: indices in m->operands of what stands left and right */
		struct load other;    /* TEST_STRING_PAIR */
	};
	uint32_t length; /* of `string` */
};

/* Fields and a mask, AND-ed; those of one side of a comparison stand together. */
struct matcher_operand {
	struct load load;
	uint64_t mask;
	bool is_last;
};

/* Of the beginning of a string, for MATCHER_KEY_PREFIX. FNV-1a. */
static inline uint64_t matcher_hash(const char *bytes, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
