#ifndef TRACING_EXEC_MEMORY_H
#define TRACING_EXEC_MEMORY_H

#include "base/buffer.h"
#include "tracing/stack_dump.h"

/*
 * The arguments of a program that has just been executed, from its memory: for what no stack dump has brought. The program may be gone, and
 * its process may already run another one, with other arguments. So what is read is only believed together with a proof, taken from the
 * same memory by the same system call, that it is still the same program: the random bytes that the kernel gave to this exec, or, where
 * the dump did not reach that far, argc and the first argument pointers.
 *
 * Needs the right to trace the process (ptrace(2), "Ptrace access mode checking"). Where a security module refuses that even to root,
 * /proc/PID/cmdline is read, believed when /proc/PID/stat gives the place of argv[0] that the dump had, before and after.
 */

#define EXEC_MEMORY_PROOF_BYTES 64

/* The kernel lets arguments and environment be three quarters of 8 MiB at most (execve(2), "Limits on size of arguments"). */
#define EXEC_MEMORY_BYTES_MAX ((size_t)8 << 20)

struct exec_memory {
	uint32_t pid;
	uint32_t argc;
	uint64_t strings_address;
	uint64_t strings_end; /* 0: not known, `argc` strings are looked for */
	uint64_t proof_address;
	size_t proof_bytes;
	uint8_t proof[EXEC_MEMORY_PROOF_BYTES];
};

/* Notes what is needed from a dump and what was found in it. -ENODATA: argv[0] is not in it, or argc is 0: nothing to read, or no proof. */
int exec_memory_init(struct exec_memory *m, uint32_t pid, const struct stack_dump *dump, const struct stack_arguments *arguments);

/* Appends the arguments to `ret`. Returns how many came as a whole, not more than INT_MAX; -ESRCH: the program is gone; -ESTALE: the process
 * runs another one; else what the kernel said. What `ret` has more than those strings is to be ignored. */
int exec_memory_read(const struct exec_memory *m, struct buffer *ret);

#endif
