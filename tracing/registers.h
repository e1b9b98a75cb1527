#ifndef TRACING_REGISTERS_H
#define TRACING_REGISTERS_H

/*
 * Where a function of the kernel finds its arguments when it is entered, as fetchargs name the registers (kernel: arch/ARCH/kernel/ptrace.c,
 * regoffset_table, and the calling convention of the architecture). The old form: `$argN` is of 5.1.
 */
#if defined(__x86_64__)
#define REGISTER_ARGUMENT_1 "%di"
#define REGISTER_ARGUMENT_2 "%si"
#else
#error "no table of registers for this architecture"
#endif

#endif
