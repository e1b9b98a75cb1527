#ifndef CLI_FETCHARG_TEXT_H
#define CLI_FETCHARG_TEXT_H

#include "base/buffer.h"
#include "tracing/fetchargs.h"

/*
 * Fetchargs in words that can be read without the manual: "+0(+8($arg2)):string" is "string at [argument 2 + 8]".
 */

/* "%di as s32", "user string at %si", "u8[16] at %si + 4", "%dx as bits 0-3 of a u32", "the return value as s64". */
void fetcharg_text_put(struct buffer *out, const struct fetcharg *arg);

/* The same for an expression as tracefs lists it; what it does not understand (fields of BTF, say) is put as it is, escaped. */
void fetcharg_text_put_expression(struct buffer *out, const char *expression);

#endif
