#ifndef TRACING_ELF_ENTRY_H
#define TRACING_ELF_ENTRY_H

#include "base/error.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where programs begin: the file offset of an ELF file's first instruction, which is what a uprobe wants, and the dynamic loaders whose
 * first instruction is the first one of every program linked with them. Both classes of ELF, through libelf.
 */

/* The file offset of the entry point: its virtual address carried back through the PT_LOAD segment that holds it (elf(5)). -ENOEXEC when
 * the file is no ELF file, or has no entry point in a segment. */
int elf_entry_offset(const char *path, uint64_t *ret_offset, struct error *err);

/* The loader that an ELF file asks for (PT_INTERP). -ENOENT when it asks for none (static), -ENAMETOOLONG when `size` is too small. */
int elf_interpreter(const char *path, char *ret, size_t size, struct error *err);

struct elf_loader {
	char path[PATH_MAX];
	uint64_t entry_offset;
};

#define ELF_LOADERS_MAX 8

/* The loaders of this host: the one of this very program and those at the usual places, each file once (told apart by inode). Those that
 * are not there or cannot be read are left out. Returns how many of the ELF_LOADERS_MAX places were filled. */
size_t elf_loaders_find(struct elf_loader loaders[ELF_LOADERS_MAX]);

#endif
