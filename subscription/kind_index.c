#include "subscription/kind_index.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

/* So many clauses with the same key are few enough to be asked one after the other. */
#define CROWDED 4

/* Keys are numbers: one multiplication (Fibonacci hashing) mixes them well enough, and an event pays for it. */
#undef HASH_FUNCTION
#define HASH_FUNCTION(key, length, hash) ((hash) = (unsigned int)(*(const uint64_t *)(key)*UINT64_C(0x9e3779b97f4a7c15) >> 32))

static void group_free(struct kind_index_group *group)
{
	struct kind_index_bucket *bucket, *next;

	HASH_ITER (hh, group->buckets, bucket, next) {
		HASH_DEL(group->buckets, bucket);
		free(bucket->list.entries);
		free(bucket);
	}
	free(group);
}

void kind_index_done(struct kind_index *index)
{
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		struct kind_index_group *group, *next;

		LL_FOREACH_SAFE (index->kinds[kind].groups, group, next)
			group_free(group);
		free(index->kinds[kind].rest.entries);
	}
	*index = (struct kind_index){0};
}

static bool is_indexed(const struct feed *f, size_t clause)
{
	return f->fed[clause] && (f->kinds & EVENT_KIND_BIT(f->spec->clauses[clause].kind));
}

static struct kind_index_bucket *find_bucket(const struct kind_index_group *group, uint64_t value)
{
	struct kind_index_bucket *bucket;

	HASH_FIND(hh, group->buckets, &value, sizeof(value), bucket);
	return bucket;
}

static struct kind_index_group *find_group(const struct kind_index *index, enum event_kind kind, const struct matcher_key *key)
{
	struct kind_index_group *group;

	LL_FOREACH (index->kinds[kind].groups, group)
		if (group->key.type == key->type && group->key.offset == key->offset && group->key.length == key->length)
			break;
	return group;
}

/* The group of the key, a new one if there is none. NULL: out of memory. */
static struct kind_index_group *get_group(struct kind_index *index, enum event_kind kind, const struct matcher_key *key)
{
	struct kind_index_group *group = find_group(index, kind, key);

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->key = *key;
	LL_PREPEND(index->kinds[kind].groups, group);
	return group;
}

/* How many have this key already. */
static size_t count_at(const struct kind_index *index, enum event_kind kind, const struct matcher_key *key)
{
	const struct kind_index_group *group = find_group(index, kind, key);
	const struct kind_index_bucket *bucket = group ? find_bucket(group, key->value) : NULL;

	return bucket ? bucket->list.count : 0;
}

/* The first of its keys, unless many have that one: a thousand clauses about the same system call are told apart by its arguments. NULL: it has none. */
static const struct matcher_key *choose_key(const struct kind_index *index, enum event_kind kind, const struct matcher *m)
{
	const struct matcher_key *best = m->key_count ? &m->keys[0] : NULL;
	size_t least = best ? count_at(index, kind, best) : 0;

	if (least < CROWDED)
		return best;
	for (uint32_t i = 1; i < m->key_count; i++) {
		size_t count = count_at(index, kind, &m->keys[i]);

		/* What stands last says most, as a rule. */
		if (count > least || (best == &m->keys[0] && count > least / 2))
			continue;
		least = count;
		best = &m->keys[i];
	}
	return best;
}

/* The list that clauses with this key belong to. NULL: out of memory. */
static struct kind_index_list *get_list(struct kind_index *index, enum event_kind kind, const struct matcher_key *key)
{
	struct kind_index_group *group;
	struct kind_index_bucket *bucket;

	if (!key)
		return &index->kinds[kind].rest;
	group = get_group(index, kind, key);
	if (!group)
		return NULL;
	bucket = find_bucket(group, key->value);
	if (bucket)
		return &bucket->list;
	bucket = calloc(1, sizeof(*bucket));
	if (!bucket)
		return NULL;
	bucket->value = key->value;
	HASH_ADD(hh, group->buckets, value, sizeof(bucket->value), bucket);
	if (!bucket->hh.tbl) {
		free(bucket);
		return NULL;
	}
	return &bucket->list;
}

static int append(struct kind_index_list *list, struct feed *f, size_t clause, const struct matcher_key *key)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 4;
		struct kind_index_entry *entries = reallocarray(list->entries, capacity, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		list->entries = entries;
		list->capacity = capacity;
	}
	list->entries[list->count] = (struct kind_index_entry){.matcher = f->matchers[clause], .feed = f};
	/* Whoever is found by its key need not be asked for it again. */
	if (key)
		list->entries[list->count].matcher.start = matcher_start_behind(&f->matchers[clause], key);
	list->count++;
	return 0;
}

int kind_index_add(struct kind_index *index, struct feed *f)
{
	for (size_t i = 0; i < f->spec->clause_count; i++) {
		enum event_kind kind = f->spec->clauses[i].kind;
		const struct matcher_key *key;
		struct kind_index_list *list;

		if (!is_indexed(f, i))
			continue;
		key = choose_key(index, kind, &f->matchers[i]);
		list = get_list(index, kind, key);
		if (!list || append(list, f, i, key)) {
			kind_index_remove(index, f);
			return -ENOMEM;
		}
	}
	return 0;
}

static void remove_from(struct kind_index_list *list, const struct feed *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].feed != f)
			list->entries[kept++] = list->entries[i];
	list->count = kept;
}

static void remove_from_group(struct kind_index_group *group, const struct feed *f)
{
	struct kind_index_bucket *bucket, *next;

	HASH_ITER (hh, group->buckets, bucket, next) {
		remove_from(&bucket->list, f);
		if (bucket->list.count)
			continue;
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc,clang-analyzer-core.NullDereference): it is in the table once */
		HASH_DEL(group->buckets, bucket);
		free(bucket->list.entries);
		free(bucket);
	}
}

void kind_index_remove(struct kind_index *index, const struct feed *f)
{
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		struct kind_index_group *group, *next;

		remove_from(&index->kinds[kind].rest, f);
		LL_FOREACH_SAFE (index->kinds[kind].groups, group, next) {
			remove_from_group(group, f);
			if (group->buckets)
				continue;
			LL_DELETE(index->kinds[kind].groups, group);
			group_free(group);
		}
	}
}

/* Appends the feeds of a list that take the event and were not found in this search. */
static size_t find_in(const struct kind_index_list *list, const struct event *event, uint64_t search, struct feed **ret, size_t count)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct kind_index_entry *entry = &list->entries[i];

		if (entry->feed->ended || entry->feed->found_by == search || !matcher_matches(&entry->matcher, event))
			continue;
		entry->feed->found_by = search;
		ret[count++] = entry->feed;
	}
	return count;
}

size_t kind_index_find(struct kind_index *index, const struct event *event, struct feed **ret)
{
	uint64_t search = ++index->searches;
	size_t count = find_in(&index->kinds[event->kind].rest, event, search, ret, 0);
	struct kind_index_group *group;

	LL_FOREACH (index->kinds[event->kind].groups, group) {
		const struct kind_index_bucket *bucket;
		uint64_t value;

		bucket = matcher_key_load(&group->key, event, &value) ? find_bucket(group, value) : NULL;
		if (bucket)
			count = find_in(&bucket->list, event, search, ret, count);
	}
	return count;
}
