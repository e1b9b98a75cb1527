#ifndef TRACING_ARCH_H
#define TRACING_ARCH_H

#include <stddef.h>
#include <stdint.h>

/*
 * What depends on the processor, one table for each: the registers that carry a function's arguments, and where the kernel keeps those of a
 * system call in its struct pt_regs. Another processor is another file arch_NAME.c and a line in arch_host().
 *
 * Immutable; any thread.
 */

#define ARCH_SYSCALL_ARGUMENTS 6

struct arch {
	const char *name; /* as uname(2) calls the machine */
	/* The names that the kernel takes behind '%' in a fetcharg (kernel: arch/NAME/kernel/ptrace.c, regoffset_table); NULL at the end. */
	const char *const *registers;
	/* Arguments of C functions that come in registers, the first one first; the others lie on the stack. */
	const char *const *argument_registers;
	size_t argument_register_count;
	/* The word of the stack ($stackN) that holds the first argument without a register, at a function's first instruction. */
	unsigned int stack_argument_first;
	/* Byte offsets in struct pt_regs of a system call's arguments, which its wrapper (__x64_sys_openat, say) gets a pointer to. */
	uint16_t syscall_argument_offsets[ARCH_SYSCALL_ARGUMENTS];
	uint8_t word_bytes;
};

/* The machine that this was built for. */
const struct arch *arch_host(void);

#ifdef __x86_64__
extern const struct arch arch_x86_64;
#endif

#endif
