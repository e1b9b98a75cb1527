#ifndef TRACING_STACK_DUMP_H
#define TRACING_STACK_DUMP_H

#include <stddef.h>
#include <stdint.h>

/*
 * The user stack of a program that has just been executed, as perf dumps it (PERF_SAMPLE_STACK_USER): upward from the stack pointer lie
 *
 *	argc | argv[0] ... argv[argc-1] | NULL | environment pointers | NULL | auxiliary vector | random bytes | a random gap |
 *	argument strings | environment strings
 *
 * (System V ABI, "Process Initialization"; kernel: fs/binfmt_elf.c, create_elf_tables). Words are 4 or 8 bytes, as the program's pointers
 * are. The strings stand one after another without holes, in the order of their pointers. The dump ends where the kernel met a page that
 * was not in memory, so anything behind argc may be missing.
 *
 * Pure functions on foreign bytes: nothing in a dump can make them read outside of it.
 */

/* AT_RANDOM: sixteen bytes that the kernel draws anew for every exec; what tells two execs of one process apart for sure. */
#define STACK_DUMP_RANDOM_BYTES 16

struct stack_dump {
	const uint8_t *bytes;
	size_t size; /* what came (dyn_size), not what was asked for */
	uint64_t stack_pointer;
	uint8_t word_bytes; /* 4 or 8 */
};

/* Pointers borrow from the dump. */
struct stack_arguments {
	uint32_t argc;
	uint32_t count;           /* strings that are in the dump as a whole, from argv[0] on; never more than argc */
	const char *strings;      /* `count` strings, each with its NUL, one after another; NULL when count is 0 */
	size_t strings_size;      /* bytes of them, NULs included */
	uint64_t strings_address; /* argv[0]; 0: not in the dump, or argc is 0 */
	uint64_t strings_end;     /* the first environment string, where the last argument's NUL is passed; 0: not known */
	const uint8_t *random;    /* STACK_DUMP_RANDOM_BYTES; NULL when not in the dump */
	uint64_t random_address;  /* 0: not in the dump */
};

/* -EINVAL: this is not the stack of a program that starts (not even argc, or one that no kernel gives). */
int stack_dump_parse(const struct stack_dump *dump, struct stack_arguments *ret);

#endif
