#ifndef TRACING_CLOSE_NAMES_H
#define TRACING_CLOSE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/*
 * The few symbols whose names come closest to one that there is not, for the error that says so. Near are names that the wanted one begins
 * ("do_sys_open" for "do_sys_openat2") or is a part of, and those that a slip of the finger makes of it. Names are copied when they are
 * good enough, so that what is offered may be gone a moment later. Offering a name that is far off takes some ten nanoseconds: whole symbol
 * tables can be offered.
 */
#define CLOSE_NAMES_MAX  3
#define CLOSE_NAME_BYTES 80

struct close_names {
	const char *wanted; /* borrowed */
	uint64_t letters;   /* which there are in it */
	size_t count;
	size_t scores[CLOSE_NAMES_MAX]; /* ascending */
	char names[CLOSE_NAMES_MAX][CLOSE_NAME_BYTES];
};

void close_names_init(struct close_names *c, const char *wanted);
void close_names_offer(struct close_names *c, const char *name);

/* Writes "; near it: a, b, c", or "" when nothing is. Returns `text`. */
const char *close_names_text(const struct close_names *c, char *text, size_t size);

#endif
