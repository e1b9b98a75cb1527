#ifndef CLI_CARET_H
#define CLI_CARET_H

#include "base/buffer.h"

#include <stddef.h>

/*
 * A line with a pointer at the wrong word of it:
 *
 *	ringside: do_sys_openat2 name=+0(%zz):string
 *	                                 ^ Invalid register name
 *
 * `position` counts bytes of `text`, which may be foreign: what must not reach a terminal is escaped, and the caret stands under it still.
 */
void caret_put(struct buffer *out, const char *prefix, const char *text, size_t position, const char *reason);

#endif
