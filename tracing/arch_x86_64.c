#include "tracing/arch.h"

#include "tracing/registers.h"

#ifdef __x86_64__

#include <stddef.h>

static const char *const registers[] = {"ax",  "bx",  "cx",  "dx",  "si", "di", "bp",    "sp", "r8", "r9", "r10",     "r11",
					"r12", "r13", "r14", "r15", "ip", "cs", "flags", "ss", "ds", "es", "orig_ax", NULL};

/* System V ABI for x86-64, section 3.2.3. */
static const char *const argument_registers[] = {REGISTER_NAME_1, REGISTER_NAME_2, "dx", "cx", "r8", "r9"};

const struct arch arch_x86_64 = {
	.name = "x86_64",
	.registers = registers,
	.argument_registers = argument_registers,
	.argument_register_count = 6,
	/* Word 0 is the return address. */
	.stack_argument_first = 1,
	/* di, si, dx, r10, r8, r9 (kernel: arch/x86/include/asm/ptrace.h; the fourth argument of a system call is not in cx). */
	.syscall_argument_offsets = {112, 104, 96, 56, 72, 64},
	.word_bytes = 8,
};

#endif
