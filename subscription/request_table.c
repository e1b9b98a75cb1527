#include "subscription/request_table.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

static void remove_entry(struct request_table *t, struct request_entry *entry)
{
	DL_DELETE(t->entries, entry);
	probe_request_unref(entry->request);
	free(entry);
}

void request_table_sweep(struct request_table *t)
{
	struct request_entry *entry, *next;

	DL_FOREACH_SAFE (t->entries, entry, next)
		if (entry->request->references == 1)
			remove_entry(t, entry);
}

void request_table_done(struct request_table *t)
{
	struct request_entry *entry, *next;

	DL_FOREACH_SAFE (t->entries, entry, next)
		remove_entry(t, entry);
}

static struct request_entry *find_equal(const struct request_table *t, const struct probe_request *request)
{
	struct request_entry *entry;

	DL_FOREACH (t->entries, entry)
		if (probe_request_equal(entry->request, request))
			return entry;
	return NULL;
}

static int intern(struct request_table *t, struct clause *c)
{
	struct request_entry *entry = find_equal(t, c->request);

	if (entry) {
		struct probe_request *shared = probe_request_ref(entry->request);

		probe_request_unref(c->request);
		c->request = shared;
		return 0;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->request = probe_request_ref(c->request);
	DL_APPEND(t->entries, entry);
	return 0;
}

int request_table_intern(struct request_table *t, struct subscription_spec *spec)
{
	int r = 0;

	for (size_t i = 0; !r && i < spec->clause_count; i++)
		if (spec->clauses[i].request)
			r = intern(t, &spec->clauses[i]);
	return r;
}

struct request_entry *request_table_find(struct request_table *t, const struct probe_request *request)
{
	struct request_entry *entry;

	DL_SEARCH_SCALAR(t->entries, entry, request, request);
	return entry;
}
