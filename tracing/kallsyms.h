#ifndef TRACING_KALLSYMS_H
#define TRACING_KALLSYMS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The kernel's own symbol table, read line by line: /proc/kallsyms, 100,000 to 200,000 lines of
 *
 *	ffffffff816b5580 T do_sys_open
 *	ffffffffc0201000 t nf_hook	[nf_tables]
 *
 * address, type as nm(1) has it, name and, behind a tab, the module (kernel: kernel/kallsyms.c, s_show()). All addresses are 0 for readers
 * that kptr_restrict keeps them from. One reader belongs to one thread.
 */
#define KALLSYMS_PATH "/proc/kallsyms"

struct kallsyms_line {
	uint64_t address;
	char type;
	const char *name;
	const char *module; /* NULL: the kernel itself */
};

struct kallsyms {
	FILE *file;
	char *line;
	size_t capacity;
};

/* Cuts one line up in place. False when it is none of the form above; `line` is spoilt then as well. */
bool kallsyms_parse_line(char *line, struct kallsyms_line *ret);

/* Is it a function? Weak ones are. */
bool kallsyms_is_text(const struct kallsyms_line *line);

/* `path` NULL: the kernel's. To be closed, also after a failure. */
int kallsyms_open(struct kallsyms *k, const char *path, struct error *err);
void kallsyms_close(struct kallsyms *k);

/* The next line that can be read; others are passed over. The names live until the next call. False at the end. */
bool kallsyms_next(struct kallsyms *k, struct kallsyms_line *ret);

#endif
