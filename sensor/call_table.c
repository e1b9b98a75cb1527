#include "sensor/call_table.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct call_entry {
	struct call call; /* first: the public face */
	uint64_t key;
	char *owned[CALL_STRINGS]; /* what call.strings point to; NULL: "" */
	UT_hash_handle hh;
};

struct call_table {
	struct call_entry *entries; /* in the order in which they began */
	struct call_entry *ended;   /* the last one, for its borrower */
	uint64_t sorts;             /* bits of those that were ever begun */
	uint64_t forgotten;
};

struct call_table *call_table_new(void)
{
	return calloc(1, sizeof(struct call_table));
}

static struct call_entry *entry_free(struct call_entry *entry)
{
	if (!entry)
		return NULL;
	for (size_t i = 0; i < CALL_STRINGS; i++)
		free(entry->owned[i]);
	free(entry);
	return NULL;
}

static void remove_entry(struct call_table *t, struct call_entry *entry)
{
	HASH_DEL(t->entries, entry); /* NOLINT(clang-analyzer-unix.Malloc): it is in the table once */
}

struct call_table *call_table_free(struct call_table *t)
{
	struct call_entry *entry, *next;

	if (!t)
		return NULL;
	HASH_ITER (hh, t->entries, entry, next) {
		remove_entry(t, entry);
		entry_free(entry);
	}
	entry_free(t->ended);
	free(t);
	return NULL;
}

static uint64_t key_of(uint32_t tid, uint32_t sort)
{
	return (uint64_t)sort << 32 | tid;
}

static struct call_entry *find(const struct call_table *t, uint32_t tid, uint32_t sort)
{
	uint64_t key = key_of(tid, sort);
	struct call_entry *entry;

	HASH_FIND(hh, t->entries, &key, sizeof(key), entry);
	return entry;
}

struct call *call_table_begin(struct call_table *t, uint32_t tid, uint32_t sort, uint64_t time_ns)
{
	struct call_entry *entry = find(t, tid, sort);

	if (!entry && HASH_COUNT(t->entries) >= CALL_TABLE_MAX) {
		entry = t->entries;
		t->forgotten++;
	}
	if (entry) {
		remove_entry(t, entry);
		entry_free(entry);
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = key_of(tid, sort);
	entry->call = (struct call){.tid = tid, .sort = sort, .time_ns = time_ns};
	for (size_t i = 0; i < CALL_STRINGS; i++)
		entry->call.strings[i].bytes = "";
	HASH_ADD(hh, t->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		entry_free(entry);
		return NULL;
	}
	t->sorts |= UINT64_C(1) << sort;
	return &entry->call;
}

void call_set_string(struct call *c, unsigned int index, const char *bytes, size_t length)
{
	struct call_entry *entry = (struct call_entry *)c;
	char *copy = length ? malloc(length + 1) : NULL;

	free(entry->owned[index]);
	entry->owned[index] = NULL;
	c->strings[index] = (struct event_string){.bytes = ""};
	if (length && !copy)
		c->unknown = true;
	if (!copy)
		return;
	memcpy(copy, bytes, length);
	copy[length] = '\0';
	entry->owned[index] = copy;
	c->strings[index] = (struct event_string){.bytes = copy, .length = length};
}

struct call *call_table_find(struct call_table *t, uint32_t tid, uint32_t sort)
{
	struct call_entry *entry = find(t, tid, sort);

	return entry ? &entry->call : NULL;
}

const struct call *call_table_end(struct call_table *t, uint32_t tid, uint32_t sort)
{
	struct call_entry *entry = find(t, tid, sort);

	if (!entry)
		return NULL;
	remove_entry(t, entry);
	entry_free(t->ended);
	t->ended = entry;
	return &entry->call;
}

void call_table_forget(struct call_table *t, uint32_t tid)
{
	for (uint32_t sort = 0; t->entries && sort < CALL_SORTS; sort++) {
		struct call_entry *entry = t->sorts & (UINT64_C(1) << sort) ? find(t, tid, sort) : NULL;

		if (!entry)
			continue;
		remove_entry(t, entry);
		entry_free(entry);
	}
}

uint64_t call_table_forgotten(const struct call_table *t)
{
	return t->forgotten;
}
