#include "runtime/known_facts.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct known {
	struct container_fact *fact;
	char *place;
	unsigned int list; /* the last listing that it was in */
	UT_hash_handle hh;
};

struct known_facts {
	struct container_inbox *inbox;
	struct known *all;
	unsigned int list;
};

struct known_facts *known_facts_new(struct container_inbox *inbox)
{
	struct known_facts *k = calloc(1, sizeof(*k));

	if (k)
		k->inbox = inbox;
	return k;
}

static struct known *find(const struct known_facts *k, const char *id)
{
	struct known *found;

	HASH_FIND_STR(k->all, id, found);
	return found;
}

static void forget(struct known_facts *k, struct known *known)
{
	HASH_DEL(k->all, known); /* NOLINT(clang-analyzer-unix.Malloc): it is in the table once */
	container_fact_free(known->fact);
	free(known->place);
	free(known);
}

struct known_facts *known_facts_free(struct known_facts *k)
{
	struct known *known, *next;

	if (!k)
		return NULL;
	HASH_ITER (hh, k->all, known, next)
		forget(k, known);
	free(k);
	return NULL;
}

const struct container_fact *known_facts_find(const struct known_facts *k, const char *id)
{
	const struct known *known = find(k, id);

	return known ? known->fact : NULL;
}

const char *known_facts_place(const struct known_facts *k, const char *id)
{
	const struct known *known = find(k, id);

	return known ? known->place : NULL;
}

/* The strings of a fact that are copied and compared. */
#define FACT_STRINGS \
	X(name) X(image_id) X(image_name) X(bundle) X(cgroup) X(pod.namespace_name) X(pod.name) X(pod.uid) X(pod.container_name)

static bool copy_strings(struct container_fact *to, const struct container_fact *from)
{
	bool copied = true;

#define X(member)                                  \
	if (from->member) {                        \
		to->member = strdup(from->member); \
		copied = copied && to->member;     \
	}
	FACT_STRINGS
#undef X
	for (size_t i = 0; i < from->label_count && copied; i++)
		copied = container_fact_add_label(to, from->labels[i].key, from->labels[i].value);
	return copied;
}

struct container_fact *known_facts_copy(const struct container_fact *f)
{
	struct container_fact *copy = container_fact_new(f->id, f->source);

	if (!copy)
		return NULL;
	copy->runtime = f->runtime;
	copy->labels_cut = f->labels_cut;
	copy->pod.sandbox = f->pod.sandbox;
	copy->created_ns = f->created_ns;
	copy->started_ns = f->started_ns;
	copy->finished_ns = f->finished_ns;
	copy->state = f->state;
	copy->init_pid = f->init_pid;
	copy->has_exit_code = f->has_exit_code;
	copy->exit_code = f->exit_code;
	copy->oom_killed = f->oom_killed;
	copy->settings = f->settings;
	return copy_strings(copy, f) ? copy : container_fact_free(copy);
}

static bool same_string(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_labels(const struct container_fact *a, const struct container_fact *b)
{
	if (a->label_count != b->label_count)
		return false;
	for (size_t i = 0; i < a->label_count; i++)
		if (strcmp(a->labels[i].key, b->labels[i].key) != 0 || strcmp(a->labels[i].value, b->labels[i].value) != 0)
			return false;
	return true;
}

static bool is_same(const struct container_fact *a, const struct container_fact *b)
{
#define X(member)                               \
	if (!same_string(a->member, b->member)) \
		return false;
	FACT_STRINGS
#undef X
	return same_labels(a, b) && a->runtime == b->runtime && a->labels_cut == b->labels_cut && a->pod.sandbox == b->pod.sandbox &&
	       a->created_ns == b->created_ns && a->started_ns == b->started_ns && a->finished_ns == b->finished_ns &&
	       a->state == b->state && a->init_pid == b->init_pid && a->has_exit_code == b->has_exit_code && a->exit_code == b->exit_code &&
	       a->oom_killed == b->oom_killed && a->settings == b->settings;
}

static struct known *add(struct known_facts *k, const struct container_fact *fact)
{
	struct known *known = HASH_COUNT(k->all) < KNOWN_FACTS_MAX ? calloc(1, sizeof(*known)) : NULL;

	if (!known)
		return NULL;
	known->fact = known_facts_copy(fact);
	if (!known->fact) {
		free(known);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, k->all, known->fact->id, strlen(known->fact->id), known);
	return known;
}

/* The key is the fact's id: the entry is made anew with another fact. */
static void remember(struct known_facts *k, struct known *known, const struct container_fact *fact, const char *place)
{
	if (known)
		forget(k, known);
	known = add(k, fact);
	if (!known)
		return;
	known->list = k->list;
	known->place = place ? strdup(place) : NULL;
}

bool known_facts_tell(struct known_facts *k, struct container_fact *fact, const char *place)
{
	struct known *known;

	if (!fact)
		return false;
	known = find(k, fact->id);
	if (known && !fact->docker_config && !fact->oci_config && same_string(known->place, place) && is_same(known->fact, fact)) {
		known->list = k->list;
		container_fact_free(fact);
		return false;
	}
	remember(k, known, fact, place);
	container_inbox_put(k->inbox, fact);
	return true;
}

static void put_gone(struct known_facts *k, const char *id, enum container_source source)
{
	struct container_fact *fact = container_fact_new(id, source);

	if (fact)
		fact->gone = true;
	container_inbox_put(k->inbox, fact);
}

bool known_facts_tell_gone(struct known_facts *k, const char *id, enum container_source source)
{
	struct known *known = find(k, id);

	if (!known)
		return false;
	put_gone(k, id, source);
	forget(k, known);
	return true;
}

void known_facts_begin_list(struct known_facts *k)
{
	k->list++;
}

void known_facts_see(struct known_facts *k, const char *id)
{
	struct known *known = find(k, id);

	if (known)
		known->list = k->list;
}

size_t known_facts_end_list(struct known_facts *k)
{
	struct known *known, *next;
	size_t count = 0;

	HASH_ITER (hh, k->all, known, next) {
		if (known->list == k->list)
			continue;
		put_gone(k, known->fact->id, known->fact->source);
		forget(k, known);
		count++;
	}
	return count;
}
