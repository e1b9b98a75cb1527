#ifndef BASE_SYMBOLS_H
#define BASE_SYMBOLS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
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

/* The other way round: all names of a family, one by one, those of several bits in front of the bits that they are made of. */
enum symbol_family {
	SYMBOL_OPEN_FLAG,  /* and the access modes, O_RDONLY among them, which is 0 */
	SYMBOL_CLONE_FLAG, /* without the signal in the low byte */
	SYMBOL_MODE,       /* S_ISUID, S_IRWXU, S_IRUSR, ..., S_IFREG, ... */
	SYMBOL_ERRNO,      /* positive */
	SYMBOL_SIGNAL,
};

struct symbol {
	char name[24];
	uint64_t value;
};

/* Indices below symbol_count(); false: there is nothing at this one. The name that a number has first comes first. */
size_t symbol_count(enum symbol_family family);
bool symbol_at(enum symbol_family family, size_t index, struct symbol *ret);

#endif
