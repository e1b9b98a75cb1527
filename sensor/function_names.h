#ifndef SENSOR_FUNCTION_NAMES_H
#define SENSOR_FUNCTION_NAMES_H

#include "base/error.h"

#include <stddef.h>

/*
 * Which of the kernel functions that the tables of captures (source.h) name are there in the running kernel, and by which symbol: compilers
 * rename some of them (kernel_symbols.h). Looked up for all of them in one pass, which takes some hundred milliseconds on a slow machine: when the
 * kernel has refused the first one, and never again.
 *
 * The loop thread.
 */
struct function_names {
	struct kernel_symbol_request *requests; /* NULL: not looked up yet */
	size_t count;
	struct error err; /* why nothing could be looked up */
};

/* What kprobes call it. NULL: this kernel has no such function (-ENOENT), or nobody can say. Valid for the life of the names. */
const char *function_names_find(struct function_names *n, const char *name, struct error *err);

/* Whether they are looked up already: asking costs nothing then. */
static inline int function_names_are_known(const struct function_names *n)
{
	return n->requests != NULL;
}

void function_names_done(struct function_names *n);

#endif
