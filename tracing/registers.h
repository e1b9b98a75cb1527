#ifndef TRACING_REGISTERS_H
#define TRACING_REGISTERS_H

/*
 * The registers in which a function of the kernel finds its first arguments, as fetchargs name them, where a fetcharg is put together at
 * compile time. What else depends on the processor is in its table (arch.h), which is made of these.
 */
#if defined(__x86_64__)
/* System V ABI for x86-64, section 3.2.3. */
#define REGISTER_NAME_1 "di"
#define REGISTER_NAME_2 "si"
#else
#error "no table of registers for this architecture"
#endif

#define REGISTER_ARGUMENT_1 "%" REGISTER_NAME_1
#define REGISTER_ARGUMENT_2 "%" REGISTER_NAME_2

#endif
