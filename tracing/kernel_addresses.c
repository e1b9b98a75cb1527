#include "tracing/kernel_addresses.h"
#include "base/buffer.h"
#include "tracing/kallsyms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REACH_BYTES (UINT64_C(16) << 20)
/* The names of 200,000 symbols take 5 MB. */
#define NAMES_LIMIT (UINT64_C(256) << 20)

/* Names stand one after another in one buffer: "symbol\0module\0". */
struct entry {
	uint64_t address;
	uint64_t name; /* where in `names`; grows with the line of the file */
};

struct kernel_addresses {
	char *path;
	bool loaded;
	struct error refused;
	struct buffer names;
	struct buffer entries;
};

struct kernel_addresses *kernel_addresses_new(const char *path)
{
	struct kernel_addresses *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	buffer_init(&a->names, NAMES_LIMIT);
	buffer_init(&a->entries, NAMES_LIMIT);
	a->path = strdup(path ? path : KALLSYMS_PATH);
	return a->path ? a : kernel_addresses_free(a);
}

struct kernel_addresses *kernel_addresses_free(struct kernel_addresses *a)
{
	if (!a)
		return NULL;
	buffer_done(&a->names);
	buffer_done(&a->entries);
	free(a->path);
	free(a);
	return NULL;
}

static int compare(const void *left, const void *right)
{
	const struct entry *l = left;
	const struct entry *r = right;

	if (l->address != r->address)
		return l->address < r->address ? -1 : 1;
	return l->name < r->name ? -1 : l->name > r->name;
}

static void add(struct kernel_addresses *a, const struct kallsyms_line *line)
{
	struct entry entry = {.address = line->address, .name = a->names.length};

	/* Absolute ones are offsets into per-CPU memory, not places. */
	if (!line->address || line->type == 'A' || line->type == 'a')
		return;
	buffer_put(&a->names, line->name, strlen(line->name) + 1);
	buffer_put_string(&a->names, line->module ? line->module : "");
	buffer_put_u8(&a->names, 0);
	buffer_put(&a->entries, &entry, sizeof(entry));
}

static size_t entry_count(const struct kernel_addresses *a)
{
	return a->entries.length / sizeof(struct entry);
}

static int load(struct kernel_addresses *a, struct error *err)
{
	struct kallsyms kallsyms;
	struct kallsyms_line line;
	int r = kallsyms_open(&kallsyms, a->path, err);

	while (r == 0 && kallsyms_next(&kallsyms, &line))
		add(a, &line);
	kallsyms_close(&kallsyms);
	if (r < 0)
		return r;
	if (a->names.failed || a->entries.failed)
		return error_set(err, -ENOMEM, "%s: out of memory for the symbols", a->path);
	if (!entry_count(a))
		return error_set(err, -EPERM, "%s shows no addresses (see /proc/sys/kernel/kptr_restrict)", a->path);
	qsort(a->entries.data, entry_count(a), sizeof(struct entry), compare);
	return 0;
}

/* The last entry at or before the address, then back to the first one of those that begin there; NULL when there is none. */
static const struct entry *last_before(const struct kernel_addresses *a, uint64_t address)
{
	const struct entry *entries = (const struct entry *)(const void *)a->entries.data;
	size_t low = 0;
	size_t high = entry_count(a);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (entries[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	low--;
	while (low > 0 && entries[low - 1].address == entries[low].address)
		low--;
	return &entries[low];
}

int kernel_addresses_find(struct kernel_addresses *a, uint64_t address, struct kernel_address *ret, struct error *err)
{
	const struct entry *entry;

	if (!a->loaded)
		load(a, &a->refused);
	a->loaded = true;
	if (a->refused.code)
		return error_set(err, a->refused.code, "%s", a->refused.message);
	entry = last_before(a, address);
	if (!entry || address - entry->address > REACH_BYTES)
		return error_set(err, -ENOENT, "no symbol of the kernel is at 0x%" PRIx64, address);
	ret->symbol = (const char *)a->names.data + entry->name;
	ret->module = ret->symbol + strlen(ret->symbol) + 1;
	ret->offset = address - entry->address;
	return 0;
}

void kernel_addresses_put(struct kernel_addresses *a, struct buffer *out, uint64_t address)
{
	struct kernel_address found = {.symbol = "", .module = ""};

	if (!a || kernel_addresses_find(a, address, &found, NULL)) {
		buffer_printf(out, "0x%" PRIx64, address);
		return;
	}
	buffer_put_string(out, found.symbol);
	if (found.offset)
		buffer_printf(out, "+0x%" PRIx64, found.offset);
	if (*found.module)
		buffer_printf(out, " [%s]", found.module);
}
