#include "subscription/kind_index.h"

#include <errno.h>
#include <stdlib.h>

void kind_index_done(struct kind_index *index)
{
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++)
		free(index->kinds[kind].entries);
	*index = (struct kind_index){0};
}

static bool is_indexed(const struct feed *f, size_t clause)
{
	return f->served[clause] && (f->kinds & EVENT_KIND_BIT(f->spec->clauses[clause].kind));
}

static int append(struct kind_index_list *list, struct feed *f, size_t clause)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 8;
		struct kind_index_entry *entries = reallocarray(list->entries, capacity, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		list->entries = entries;
		list->capacity = capacity;
	}
	list->entries[list->count++] = (struct kind_index_entry){.matcher = f->matchers[clause], .feed = f};
	return 0;
}

int kind_index_add(struct kind_index *index, struct feed *f)
{
	for (size_t i = 0; i < f->spec->clause_count; i++) {
		if (is_indexed(f, i) && append(&index->kinds[f->spec->clauses[i].kind], f, i)) {
			kind_index_remove(index, f);
			return -ENOMEM;
		}
	}
	return 0;
}

void kind_index_remove(struct kind_index *index, const struct feed *f)
{
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		struct kind_index_list *list = &index->kinds[kind];
		size_t kept = 0;

		for (size_t i = 0; i < list->count; i++)
			if (list->entries[i].feed != f)
				list->entries[kept++] = list->entries[i];
		list->count = kept;
	}
}

size_t kind_index_find(const struct kind_index *index, const struct event *event, struct feed **ret)
{
	const struct kind_index_list *list = &index->kinds[event->kind];
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct kind_index_entry *entry = &list->entries[i];

		if (entry->feed->ended || (count && ret[count - 1] == entry->feed))
			continue;
		if (matcher_matches(&entry->matcher, event))
			ret[count++] = entry->feed;
	}
	return count;
}
