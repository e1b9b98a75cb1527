#ifndef TRACING_ELF_SYMBOL_H
#define TRACING_ELF_SYMBOL_H

#include "base/error.h"
#include "tracing/target_path.h"

#include <stdint.h>

/*
 * From a function's name to the place in the file that a uprobe takes, in shared libraries, PIEs and programs at fixed addresses, of both
 * classes. A place is one of
 *
 *	SYMBOL             the function
 *	SYMBOL@VERSION     one of several versions (also SYMBOL@@VERSION); without it, the default one
 *	SYMBOL+OFFSET      an instruction in it, decimal or 0x...: less than the function's size. That one begins there is not checked
 *	0xOFFSET           a place in the file itself, in a segment of code
 *
 * Functions are looked for in .symtab, in .dynsym, and in the separate debug file (tracing/elf_debug.h) when the file has no .symtab. Of
 * several of one name a default version is taken before an old one, a global symbol before a weak one, and that before a local one.
 * Any thread, no state.
 */
struct elf_symbol {
	uint64_t file_offset; /* what uprobe_events takes */
	uint64_t size;        /* bytes of the function; 0: not known, or a place without a symbol */
};

/*
 *	-ENOENT         no such function: err says what the file has instead, that it is stripped, or that the function is in a library
 *	-EADDRNOTAVAIL  several local functions have that name; 0xOFFSET says which
 *	-ENOTSUP        an indirect function (STT_GNU_IFUNC): programs call what its resolver chose at their start, so that a probe at the
 *	                symbol would see one call of the resolver
 *	-ERANGE         outside of the function or of the code
 *	-EINVAL         not a place
 *	-ENOEXEC        not an ELF file
 */
int elf_symbol_find(const struct target_path *target, const char *place, struct elf_symbol *ret, struct error *err);

#endif
