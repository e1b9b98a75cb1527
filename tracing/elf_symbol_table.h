#ifndef TRACING_ELF_SYMBOL_TABLE_H
#define TRACING_ELF_SYMBOL_TABLE_H

#include "tracing/elf_file.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The symbols of one table (.symtab or .dynsym) with their versions: from .gnu.version and .gnu.version_d for the dynamic table (Drepper,
 * "ELF Symbol Versioning"), from the name itself ("memcpy@@GLIBC_2.14") in the other. Lives as long as its file is open. One thread.
 */
struct elf_symbol_table {
	Elf *elf;
	const Elf_Data *symbols;
	size_t count;
	const char *names;        /* all of them, */
	size_t names_size;        /* up to and with the last NUL */
	const Elf_Data *versions; /* NULL: none, like the next */
	const Elf_Data *version_definitions;
	size_t version_names; /* the section of their names */
};

#define ELF_NAME_BYTES 4096 /* mangled names are long */

enum elf_version {
	ELF_VERSION_NONE,
	ELF_VERSION_DEFAULT, /* @@ */
	ELF_VERSION_OLD,     /* @ */
};

struct elf_table_symbol {
	const char *name; /* not terminated by a NUL when a version follows */
	size_t name_length;
	GElf_Sym symbol;
	enum elf_version version_kind;
	const char *version; /* NULL with ELF_VERSION_NONE */
};

/* `type` is SHT_SYMTAB or SHT_DYNSYM. False when the file has no such table. */
bool elf_symbol_table_open(struct elf_symbol_table *t, const struct elf_file *f, uint32_t type);

/* The symbol at `index` (below t->count) without its version, which takes longer. False when it cannot be read, or has no name or one of
 * ELF_NAME_BYTES or more. */
bool elf_symbol_table_get(const struct elf_symbol_table *t, size_t index, struct elf_table_symbol *ret);

/* Fills in the version of one that was got at `index`. */
void elf_symbol_table_version(const struct elf_symbol_table *t, size_t index, struct elf_table_symbol *symbol);

#endif
