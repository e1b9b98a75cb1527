#include "tracing/loss_list.h"

#include <stdlib.h>
#include <utlist.h>

struct loss_entry {
	struct loss loss;
	struct loss_entry *prev, *next;
};

void loss_list_add(struct loss_list *l, const struct loss *loss)
{
	struct loss_entry *entry;

	if (!loss->count)
		return;
	DL_FOREACH (l->first, entry) {
		if (entry->loss.event == loss->event && entry->loss.cpu == loss->cpu && entry->loss.missed == loss->missed) {
			entry->loss.count += loss->count;
			return;
		}
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return;
	entry->loss = *loss;
	DL_APPEND(l->first, entry);
}

bool loss_list_take(struct loss_list *l, struct loss *ret)
{
	struct loss_entry *entry = l->first;

	if (!entry)
		return false;
	*ret = entry->loss;
	DL_DELETE(l->first, entry);
	free(entry);
	return true;
}

void loss_list_forget(struct loss_list *l, const struct kernel_event *event)
{
	struct loss_entry *entry, *next;

	DL_FOREACH_SAFE (l->first, entry, next) {
		if (entry->loss.event != event)
			continue;
		DL_DELETE(l->first, entry);
		free(entry);
	}
}
