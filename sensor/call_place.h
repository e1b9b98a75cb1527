#ifndef SENSOR_CALL_PLACE_H
#define SENSOR_CALL_PLACE_H

#include "sensor/probe_request.h"
#include "tracing/dynamic_probe.h"
#include "tracing/fetchargs.h"
#include "tracing/kernel_symbols.h"

#include <limits.h>

/*
 * Where the probe of a request goes.
 *
 * A kernel function is given to the kernel by the name that the client gave, since that is looked up in no time; only when the kernel knows
 * no such name, /proc/kallsyms is read (some 50 ms) for one that stands in for it. A stand-in is taken only when it means what was asked for:
 * a system call's entry has other arguments than the function of old kernels whose name it is known by, and what the compiler has renamed
 * (`.isra.0`, `.constprop.0`) may have lost some. A client who knows that may ask for the stand-in by its own name.
 */

struct call_place {
	enum dynamic_probe_kind kind;
	enum fetcharg_place sort;
	char name[PATH_MAX]; /* as tracefs takes it: a symbol, or a path */
	uint64_t offset;     /* in the file; user functions */
};

/* `args` are the request's parameters, parsed. Errors as those of target_path_resolve() and elf_symbol_find(); -EOPNOTSUPP: $argN of a 32-bit
 * program. Looks a kernel function's name not up yet. */
int call_place_find(struct call_place *ret, const struct probe_request *request, const struct fetcharg *args, struct error *err);

/* The kernel does not know the place's name: finds what stands in for it. -ENOENT: nothing does; else as kernel_symbol_request.err has it. */
int call_place_substitute(struct call_place *place, const struct probe_request *request, const struct fetcharg *args,
			  const struct kernel_symbol_files *files, struct error *err);

/* The kernel could not set the probe at a function that it knows. True: because nobody may; err is filled. */
bool call_place_is_forbidden(const struct call_place *place, const struct kernel_symbol_files *files, struct error *err);

#endif
