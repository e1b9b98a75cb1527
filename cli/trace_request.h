#ifndef CLI_TRACE_REQUEST_H
#define CLI_TRACE_REQUEST_H

#include "base/buffer.h"
#include "base/error.h"
#include "tracing/fetchargs.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The words of `ringside trace`: a place and what to fetch there.
 */

struct trace_place {
	bool is_user;
	bool is_inside;           /* not at the first instruction of a function, as far as its name tells */
	char place[PATH_MAX + 1]; /* what the probe takes: the kernel's symbol, or the file's path */
	uint64_t offset;          /* in the file */
};

struct trace_request {
	const char *word; /* the place as it was given, borrowed */
	struct trace_place place;
	bool at_return;
	unsigned int maxactive;
	const char *filter; /* NULL: none; borrowed */
	struct fetcharg args[FETCHARGS_MAX];
	size_t count;
	char *text; /* the words with blanks between, for carets */
};

/*
 * Where the probe is to stand: PATH:SYMBOL, PROGRAM:SYMBOL or LIBRARY:SYMBOL (target_path.h, elf_symbol.h), or else SYMBOL, SYMBOL+OFFSET or
 * MODULE:SYMBOL of the kernel (kernel_symbols.h). -EINVAL, -ENOENT, with what comes close.
 */
int trace_place_resolve(struct trace_place *ret, const char *word, struct error *err);

/*
 * Reads WORD NAME=FETCHARG ... into `ret`, whose at_return is set before; without fetchargs, arg1 to arg3 (at the return: ret) are taken. On a
 * failure (-EINVAL, -ENOENT, -E2BIG) `report` gets the lines for the user, with a caret where there is something to point at.
 * trace_request_done() in any case.
 */
int trace_request_parse(struct trace_request *ret, char *const *words, size_t count, struct buffer *report);
void trace_request_done(struct trace_request *r);

/* Where argument `index` begins in the request's text. */
size_t trace_request_position(const struct trace_request *r, size_t index);

#endif
