#ifndef TRACING_SYSCALL_TABLE_H
#define TRACING_SYSCALL_TABLE_H

#include "tracing/sample_source.h"

#include <stdint.h>

/*
 * System calls by name and by number: the table of 64-bit callers (SAMPLE_ABI_64) and that of 32-bit ones (SAMPLE_ABI_32) on x86-64. The
 * rows come from the kernel's user space headers at build time (scripts/generate-syscalls); a newer kernel may have calls that the tables
 * do not know, so that an unknown number is nothing unusual.
 *
 * Immutable; any thread.
 */

/* "openat", or NULL when the table has no such number. SAMPLE_ABI_UNKNOWN is read as SAMPLE_ABI_64. */
const char *syscall_name(enum sample_abi abi, int64_t number);

/* The number of a call by its exact name; -1: the table has no such name. SAMPLE_ABI_UNKNOWN is read as SAMPLE_ABI_64. */
int64_t syscall_number(enum sample_abi abi, const char *name);

/* One more than the highest number that the table knows: with syscall_name() the way to walk it (numbers between may be unused). */
int64_t syscall_count(enum sample_abi abi);

#endif
