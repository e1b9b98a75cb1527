#ifndef TRACING_KERNEL_SYMBOLS_H
#define TRACING_KERNEL_SYMBOLS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * From the name of a kernel function, as a person or a table gives it, to the symbol that a kprobe takes. What is looked for:
 *
 *	vfs_read            the function of that name, in the kernel or in a module
 *	nf_tables:nft_do    the one of that module
 *	a system call       (is_system_call) by any of its names, with or without a prefix: `openat`, `sys_openat`, `__x64_sys_openat`. Its
 *	                    entry is __x64_sys_openat from 4.17 on, SyS_openat or sys_openat before.
 *	a renamed one       gcc renames what it changes: `name.isra.0` lost or split arguments, `name.constprop.0` is a copy for constant
 *	                    arguments, `name.part.0` the slow part of one whose beginning is in its callers (clang: `name.llvm.HASH`). These
 *	                    stand in for a name that is not there itself, and chains of them do. `name.cold` is never an entry.
 *
 * The text is all that is needed: names are found also when kptr_restrict shows all addresses as 0. One pass over the file serves all
 * requests of a call; a second one, for names that come close, is only made when something is not found. No state, any thread.
 */

/* "MODULE:SYMBOL" and its NUL, by the kernel's KSYM_NAME_LEN (512 since 6.1) and MODULE_NAME_LEN. */
#define KERNEL_SYMBOL_BYTES 576

struct kernel_symbol {
	char name[KERNEL_SYMBOL_BYTES]; /* as kprobe_events takes it: with its module in front when it is in one */
	uint64_t address;               /* 0: hidden from us */
	unsigned same_count;            /* symbols of this very name, 1 when it is unambiguous */
	unsigned copy_count;            /* copies by the compiler under other names: a probe on this one does not see their calls */
	bool takes_registers;           /* a system call whose only argument points to the caller's registers (struct pt_regs) */
};

/*
 * `err.code` says how one request ended:
 *	0               found
 *	-ENOENT         no such function, or only as data, or inlined: err names what comes close
 *	-EADDRNOTAVAIL  several functions have that name. `symbol` is filled all the same: kernels before 6.7 take the first one, later ones
 *	                refuse with this very error
 *	-EPERM          the kernel's list of functions that must not be probed has it (`symbol` is filled)
 *	-EINVAL         not a name
 */
struct kernel_symbol_request {
	const char *name; /* in; borrowed */
	bool is_system_call;
	bool is_brief; /* when it is missing, what comes close need not be told, which would take the second pass */
	struct kernel_symbol symbol;
	struct error err;
};

/* Where to read; NULL, as a whole or one by one: the running kernel's. */
struct kernel_symbol_files {
	const char *kallsyms;
	const char *blacklist; /* debugfs kprobes/blacklist; one that cannot be read is an empty one */
};

/* Answers all requests. A negative errno only when nothing could be looked up: no kallsyms, no memory. */
int kernel_symbols_find(const struct kernel_symbol_files *files, struct kernel_symbol_request *requests, size_t count, struct error *err);

/* One function by its name; returns its request's code. */
int kernel_symbol_find(const struct kernel_symbol_files *files, const char *name, struct kernel_symbol *ret, struct error *err);

#endif
