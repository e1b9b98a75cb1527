#include "tracing/kernel_addresses.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this, an address is not in the function that begins before it. */
#define SYMBOL_BYTES_MAX (1 << 20)

struct symbol {
	uint64_t address;
	const char *name;
	const char *module; /* "[name]" or "" */
};

struct kernel_addresses {
	char *text;
	struct symbol *symbols;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const struct symbol *first = a, *second = b;

	if (first->address != second->address)
		return first->address < second->address ? -1 : 1;
	/* Aliases: always the same one. */
	return strcmp(first->name, second->name);
}

static bool read_line(struct symbol *ret, char *line)
{
	char *rest = NULL;
	char *address = strtok_r(line, " \t", &rest);
	char *type = strtok_r(NULL, " \t", &rest);
	char *name = strtok_r(NULL, " \t", &rest);
	char *module = strtok_r(NULL, " \t", &rest);

	if (!address || !type || !name)
		return false;
	*ret = (struct symbol){.address = strtoull(address, NULL, 16), .name = name, .module = module ? module : ""};
	return ret->address != 0;
}

int kernel_addresses_parse(struct kernel_addresses **ret, const char *text, struct error *err)
{
	struct kernel_addresses *a = calloc(1, sizeof(*a));
	size_t lines = 1;
	char *rest = NULL;

	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	if (a) {
		a->text = strdup(text);
		a->symbols = calloc(lines, sizeof(*a->symbols));
	}
	if (!a || !a->text || !a->symbols) {
		kernel_addresses_free(a);
		return error_set(err, -ENOMEM, "out of memory");
	}
	for (char *line = strtok_r(a->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (read_line(&a->symbols[a->count], line))
			a->count++;
	if (!a->count) {
		kernel_addresses_free(a);
		return error_set(err, -ENODATA, "/proc/kallsyms hides the kernel's addresses");
	}
	qsort(a->symbols, a->count, sizeof(*a->symbols), compare);
	*ret = a;
	return 0;
}

int kernel_addresses_read(struct kernel_addresses **ret, struct error *err)
{
	cleanup_fclose FILE *file = fopen("/proc/kallsyms", "re");
	cleanup_free char *text = NULL;
	size_t capacity = 0;

	if (!file)
		return error_set_errno(err, -errno, "open /proc/kallsyms");
	if (getdelim(&text, &capacity, '\0', file) < 0)
		return error_set(err, -EIO, "read /proc/kallsyms");
	return kernel_addresses_parse(ret, text, err);
}

struct kernel_addresses *kernel_addresses_free(struct kernel_addresses *a)
{
	if (!a)
		return NULL;
	free(a->text);
	free(a->symbols);
	free(a);
	return NULL;
}

/* The last symbol that begins at or before the address; NULL when there is none. */
static const struct symbol *find(const struct kernel_addresses *a, uint64_t address)
{
	size_t low = 0, high = a->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (a->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address - a->symbols[low - 1].address < SYMBOL_BYTES_MAX ? &a->symbols[low - 1] : NULL;
}

void kernel_addresses_put(const struct kernel_addresses *a, struct buffer *out, uint64_t address)
{
	const struct symbol *symbol = a ? find(a, address) : NULL;

	if (!symbol) {
		buffer_printf(out, "0x%" PRIx64, address);
		return;
	}
	/* Of several at one place, the first by name. */
	while (symbol > a->symbols && symbol[-1].address == symbol->address)
		symbol--;
	buffer_put_string(out, symbol->name);
	if (address != symbol->address)
		buffer_printf(out, "+0x%" PRIx64, address - symbol->address);
	if (*symbol->module)
		buffer_printf(out, " %s", symbol->module);
}
