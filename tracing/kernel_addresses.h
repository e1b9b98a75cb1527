#ifndef TRACING_KERNEL_ADDRESSES_H
#define TRACING_KERNEL_ADDRESSES_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

/*
 * From an address in the kernel to the symbol it lies in, from /proc/kallsyms ("ffffffff81000000 T _text\t[module]"). The other way around is
 * kernel_symbols.h. Immutable once it is there; any thread.
 */
struct kernel_addresses;

/* Parses that text. -ENODATA: it has no addresses (they are shown to root only, and to nobody with kernel.kptr_restrict=2). */
int kernel_addresses_parse(struct kernel_addresses **ret, const char *text, struct error *err);

/* Of the running kernel: some ten megabytes, and some hundredths of a second. */
int kernel_addresses_read(struct kernel_addresses **ret, struct error *err);

/* Takes NULL; returns NULL. */
struct kernel_addresses *kernel_addresses_free(struct kernel_addresses *a);

/* Puts "vfs_read+0x1c" (without an offset of 0; "[module]" behind), or "0x..." for what lies in no symbol, or with `a` NULL. */
void kernel_addresses_put(const struct kernel_addresses *a, struct buffer *out, uint64_t address);

#endif
