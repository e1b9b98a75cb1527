#ifndef TRACING_KERNEL_ADDRESSES_H
#define TRACING_KERNEL_ADDRESSES_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

/*
 * From a kernel address to "symbol+offset", for values whose fetcharg has the type `symbol`. The table is made of /proc/kallsyms at the first
 * question, some 6 MB, and shows the modules of that moment. One thread.
 */
struct kernel_addresses;

struct kernel_address {
	const char *symbol; /* these live as long as the table */
	const char *module; /* "": the kernel itself */
	uint64_t offset;    /* bytes behind the symbol's start */
};

/* `path` NULL: the kernel's. It is copied and not yet read. NULL: out of memory. */
struct kernel_addresses *kernel_addresses_new(const char *path);

/* Takes NULL; returns NULL. */
struct kernel_addresses *kernel_addresses_free(struct kernel_addresses *a);

/*
 * The symbol at or before `address`; the first one of the file where several begin there, which is the one that the kernel prints. -ENOENT:
 * it lies before all symbols, or more than 16 MiB behind the last one before it. -EPERM: kptr_restrict hides all addresses from us.
 * What kept the table from being read stays so: another one has to be made.
 */
int kernel_addresses_find(struct kernel_addresses *a, uint64_t address, struct kernel_address *ret, struct error *err);

/* Puts "vfs_read+0x1c", "vfs_read" at its very start, "nft_do_chain+0x8 [nf_tables]" in a module; "0x..." for what lies in no symbol, or with
 * `a` NULL. */
void kernel_addresses_put(struct kernel_addresses *a, struct buffer *out, uint64_t address);

#endif
