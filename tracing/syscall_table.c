#include "tracing/syscall_table.h"

#include <string.h>

#define SYSCALL(table, number, name) ROW_##table(number, #name)

#define ROW_64(number, name) [number] = (name),
#define ROW_32(number, name)
static const char *const names_64[] = {
#include "tracing/syscall_table.inc"
};
#undef ROW_64
#undef ROW_32

#define ROW_64(number, name)
#define ROW_32(number, name) [number] = (name),
static const char *const names_32[] = {
#include "tracing/syscall_table.inc"
};
#undef ROW_64
#undef ROW_32

#define COUNT(table) ((int64_t)(sizeof(table) / sizeof((table)[0])))

int64_t syscall_count(enum sample_abi abi)
{
	return abi == SAMPLE_ABI_32 ? COUNT(names_32) : COUNT(names_64);
}

const char *syscall_name(enum sample_abi abi, int64_t number)
{
	if (number < 0 || number >= syscall_count(abi))
		return NULL;
	return abi == SAMPLE_ABI_32 ? names_32[number] : names_64[number];
}

int64_t syscall_number(enum sample_abi abi, const char *name)
{
	for (int64_t number = 0; number < syscall_count(abi); number++) {
		const char *known = syscall_name(abi, number);

		if (known && !strcmp(known, name))
			return number;
	}
	return -1;
}
