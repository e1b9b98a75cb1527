#ifndef CLI_FORBIDDEN_H
#define CLI_FORBIDDEN_H

#include "tracing/kernel_layout.h"

#include <stddef.h>

/*
 * What a verb's --forbid and --forbid-structure say: ways to capture events that must not be used, and structures of the kernel that count as
 * not known. The latter is for tests and for kernels on which a calibration is wrong. Words are borrowed.
 */

#define FORBIDDEN_MAX 256

struct forbidden {
	const char *names[FORBIDDEN_MAX]; /* of candidates (sensor/capture.h) */
	size_t count;
	uint32_t structures; /* LAYOUT_GROUP_BIT() */
};

/* 0, or EX_USAGE after an error to standard error. */
int forbidden_add(struct forbidden *f, const char *verb, const char *name);
int forbidden_add_structure(struct forbidden *f, const char *verb, const char *name);

#endif
