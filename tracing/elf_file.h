#ifndef TRACING_ELF_FILE_H
#define TRACING_ELF_FILE_H

#include "base/error.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * An ELF file that is open for reading (elf(5), libelf): both classes, both byte orders. Where a program's addresses lie in the file is said
 * by its PT_LOAD segments, and a uprobe wants the place in the file. One thread.
 */
struct elf_file {
	int fd;
	Elf *elf;
	const char *path; /* as given, borrowed: for errors */
};

#define ELF_FILE_NONE    \
	{                \
		.fd = -1 \
	}

/* -ENOEXEC: no ELF file. To be closed, also after a failure. */
int elf_file_open(struct elf_file *f, const char *path, struct error *err);

/* Also one that was never opened (ELF_FILE_NONE), or twice. */
void elf_file_close(struct elf_file *f);

#define cleanup_elf_file __attribute__((cleanup(elf_file_close)))

/* The first segment of a type whose part of the file holds `address` (any, when address is NULL). */
bool elf_file_segment(const struct elf_file *f, uint32_t type, const uint64_t *address, GElf_Phdr *ret);

/* Carries a virtual address back to the file. False when no PT_LOAD segment holds it. */
bool elf_file_offset(const struct elf_file *f, uint64_t address, uint64_t *ret_offset);

/* Is this place of the file mapped as code? The kernel puts a uprobe anywhere, but only there is it ever hit. */
bool elf_file_is_code(const struct elf_file *f, uint64_t offset);

/*
 * The content of a section, in libelf's memory and as long as the file is open. NULL when it is empty, broken, or larger than any real symbol
 * table (1 GiB): a file that somebody else made shall not cost us all memory.
 */
const Elf_Data *elf_file_section(Elf_Scn *section);

#endif
