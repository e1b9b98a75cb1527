#ifndef TRACING_ELF_DEBUG_H
#define TRACING_ELF_DEBUG_H

#include "tracing/elf_file.h"
#include "tracing/target_path.h"

/*
 * The file that a stripped program's symbol table was moved to. It is looked for as debuggers do (GDB manual, "Separate Debug Files"): by build
 * id, then by the name in .gnu_debuglink beside the program, in .debug/ there, and below /usr/lib/debug; in the root that the program is
 * seen from, and then, by build id only, in our own.
 *
 * A file that is found counts when its build id is the program's or, where one of them has none, when its CRC is the one in .gnu_debuglink.
 */

/* Opens it. `path` gets its path and has to live as long as the file is open. -ENOENT: none that fits. */
int elf_debug_open(struct elf_file *ret, char path[PATH_MAX], const struct elf_file *program, const struct target_path *target,
		   struct error *err);

#endif
