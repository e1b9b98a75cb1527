#include "sensor/thread_credentials.h"

#include "sensor/number_table.h"

#include <stdlib.h>

struct thread_credentials_entry {
	uint32_t tid;
	struct credentials credentials;
	UT_hash_handle hh;
};

static struct thread_credentials_entry *find(const struct thread_credentials *t, uint32_t tid)
{
	struct thread_credentials_entry *entry = NULL;

	if (t->entries)
		HASH_FIND(hh, t->entries, &tid, sizeof(tid), entry);
	return entry;
}

void thread_credentials_done(struct thread_credentials *t)
{
	struct thread_credentials_entry *entry, *next;

	HASH_ITER (hh, t->entries, entry, next) {
		HASH_DEL(t->entries, entry); /* NOLINT(clang-analyzer-unix.Malloc): it is in the table once */
		free(entry);
	}
}

const struct credentials *thread_credentials_find(const struct thread_credentials *t, uint32_t tid)
{
	const struct thread_credentials_entry *entry = find(t, tid);

	return entry ? &entry->credentials : NULL;
}

void thread_credentials_set(struct thread_credentials *t, uint32_t tid, const struct credentials *credentials)
{
	struct thread_credentials_entry *entry = find(t, tid);

	if (entry) {
		entry->credentials = *credentials;
		return;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return;
	entry->tid = tid;
	entry->credentials = *credentials;
	HASH_ADD(hh, t->entries, tid, sizeof(entry->tid), entry);
	if (!entry->hh.tbl)
		free(entry);
}

void thread_credentials_forget(struct thread_credentials *t, uint32_t tid)
{
	struct thread_credentials_entry *entry = find(t, tid);

	if (!entry)
		return;
	HASH_DEL(t->entries, entry);
	free(entry);
}
