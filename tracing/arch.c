#include "tracing/arch.h"

const struct arch *arch_host(void)
{
#ifdef __x86_64__
	return &arch_x86_64;
#else
#error "this machine has no table: write tracing/arch_NAME.c"
#endif
}
