#include "tracing/kprobe_blacklist.h"
#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool make_room(struct kprobe_blacklist *b)
{
	size_t capacity = b->capacity ? 2 * b->capacity : 256;
	struct kprobe_blacklist_entry *entries;

	if (b->count < b->capacity)
		return true;
	entries = reallocarray(b->entries, capacity, sizeof(*entries));
	if (!entries)
		return false;
	b->entries = entries;
	b->capacity = capacity;
	return true;
}

static void add_line(struct kprobe_blacklist *b, const char *line)
{
	struct kprobe_blacklist_entry entry;
	const char *name = strchr(line, '\t');

	if (!name || sscanf(line, "0x%" SCNx64 "-0x%" SCNx64, &entry.start, &entry.end) != 2 || !make_room(b))
		return;
	entry.name = strndup(name + 1, strcspn(name + 1, " \t\n"));
	if (entry.name)
		b->entries[b->count++] = entry;
}

void kprobe_blacklist_init(struct kprobe_blacklist *b, const char *path)
{
	cleanup_fclose FILE *file = fopen(path ? path : KPROBE_BLACKLIST_PATH, "re");
	cleanup_free char *line = NULL;
	size_t capacity = 0;

	*b = (struct kprobe_blacklist){0};
	while (file && getline(&line, &capacity, file) > 0)
		add_line(b, line);
}

void kprobe_blacklist_done(struct kprobe_blacklist *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->entries[i].name);
	free(b->entries);
	*b = (struct kprobe_blacklist){0};
}

bool kprobe_blacklist_has(const struct kprobe_blacklist *b, const char *name, uint64_t address)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct kprobe_blacklist_entry *entry = &b->entries[i];

		if (!strcmp(entry->name, name) || (address && address >= entry->start && address < entry->end))
			return true;
	}
	return false;
}
