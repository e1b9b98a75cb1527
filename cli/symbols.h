#ifndef CLI_SYMBOLS_H
#define CLI_SYMBOLS_H

#include "base/buffer.h"

#include <stdint.h>

/*
 * Numbers by the names they have in the manual pages.
 */

/* "SIGSEGV", "SIGRTMIN+2", or the bare number. */
void symbol_put_signal(struct buffer *out, uint32_t signal);

/* "ENOENT" for 2; NULL for what is no error number. Knows those that the kernel keeps to itself (ERESTARTSYS), which are seen at the exit
 * of a system call that a signal interrupted. */
const char *symbol_errno(int64_t number);

/* Flags of open(2), the access mode first: "O_WRONLY|O_CREAT|O_TRUNC". What has no name stands at the end as a number. */
void symbol_put_open_flags(struct buffer *out, uint32_t flags);

/* Flags of clone(2) and clone3(2), with the exit signal in the low byte: "SIGCHLD|CLONE_VM"; "0" when there are none. What has no name
 * stands at the end as a number. */
void symbol_put_clone_flags(struct buffer *out, uint64_t flags);

#endif
