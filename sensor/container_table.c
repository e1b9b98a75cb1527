#include "sensor/container_table.h"

#include "base/clock.h"
#include "container/docker_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

_Static_assert(CONTAINER_ID_BYTES - 1 + 3 * CONTAINER_STRING_MAX <= CONTAINER_TEXT_BYTES, "encoders rely on it");

struct container_entry {
	struct container container; /* first: the public face */
	struct container_table *table;
	char id[CONTAINER_ID_BYTES];
	char *text;              /* what the other strings are in; NULL: nothing is known */
	uint32_t looks;          /* how often it was looked for in vain */
	uint64_t due_ns;         /* when to look again; UINT64_MAX: never */
	const char *docker_root; /* where it was found; NULL: nowhere yet */
	struct docker_files files;
	UT_hash_handle hh;
};

struct container_table {
	struct container_entry *entries;
	char **docker_roots;
	size_t docker_root_count;
	uint64_t revision; /* the last one given */
};

static struct container_entry *entry_of(struct container *c)
{
	return (struct container_entry *)c;
}

int container_table_new(struct container_table **ret, const struct container_table_options *options, struct error *err)
{
	struct container_table *t = calloc(1, sizeof(*t));

	if (!t)
		return error_set(err, -ENOMEM, "out of memory");
	t->docker_roots = calloc(options->docker_root_count + 1, sizeof(*t->docker_roots));
	for (size_t i = 0; t->docker_roots && i < options->docker_root_count; i++) {
		t->docker_roots[i] = strdup(options->docker_roots[i]);
		if (!t->docker_roots[i])
			break;
		t->docker_root_count++;
	}
	if (t->docker_root_count < options->docker_root_count || !t->docker_roots) {
		container_table_free(t);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret = t;
	return 0;
}

struct container_table *container_table_free(struct container_table *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->docker_root_count; i++)
		free(t->docker_roots[i]);
	free(t->docker_roots);
	free(t);
	return NULL;
}

static const struct event_string nothing = {.bytes = ""};

/* What is not known is nothing. */
static struct event_string put_string(char **at, const char *string)
{
	struct event_string ret = {.bytes = *at, .length = strlen(string)};

	if (!ret.length)
		return nothing;
	memcpy(*at, string, ret.length + 1);
	*at += ret.length + 1;
	return ret;
}

static const char *known(const char *string)
{
	return string ? string : "";
}

/* Without memory it stays what it was. */
static void describe(struct container_entry *e, const char *name, const char *image_id, const char *image_name)
{
	char *text = malloc(strlen(name) + strlen(image_id) + strlen(image_name) + 3);
	char *at = text;

	if (!text)
		return;
	e->container.name = put_string(&at, name);
	e->container.image_id = put_string(&at, image_id);
	e->container.image_name = put_string(&at, image_name);
	e->container.revision = ++e->table->revision;
	free(e->text);
	e->text = text;
}

static bool may_be_docker(const struct container_entry *e)
{
	return e->container.runtime == CONTAINER_RUNTIME_DOCKER || e->container.runtime == CONTAINER_RUNTIME_UNKNOWN;
}

/* Where it was found once, it is. */
static int read_docker(struct container_entry *e, struct container_fact **ret)
{
	const struct container_table *t = e->table;
	int r = -ENOENT;

	if (e->docker_root)
		return docker_state_read(ret, &e->files, e->docker_root, e->id);
	for (size_t i = 0; i < t->docker_root_count && r < 0; i++) {
		r = docker_state_read(ret, &e->files, t->docker_roots[i], e->id);
		if (r > 0)
			e->docker_root = t->docker_roots[i];
	}
	return r;
}

static void look(struct container_entry *e, uint64_t now_ns)
{
	struct container_fact *fact = NULL;
	int r = read_docker(e, &fact);

	if (r > 0)
		describe(e, known(fact->name), known(fact->image_id), known(fact->image_name));
	container_fact_free(fact);
	if (e->docker_root)
		e->due_ns = now_ns + CONTAINER_LOOK_AGAIN_NS;
	else if (e->looks < CONTAINER_LOOKS)
		e->due_ns = now_ns + (CONTAINER_LOOK_FIRST_NS << e->looks++);
	else
		e->due_ns = UINT64_MAX;
}

static struct container_entry *add(struct container_table *t, const struct container_path *path)
{
	struct container_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	memcpy(e->id, path->id, strlen(path->id) + 1);
	e->table = t;
	e->due_ns = UINT64_MAX;
	e->container = (struct container){
		.id = {.bytes = e->id, .length = strlen(e->id)},
		.name = nothing,
		.image_id = nothing,
		.image_name = nothing,
		.runtime = path->runtime,
		.revision = ++t->revision,
		.references = 1,
	};
	HASH_ADD(hh, t->entries, id, strlen(e->id), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	if (path->runtime == CONTAINER_RUNTIME_LXC || path->runtime == CONTAINER_RUNTIME_NSPAWN)
		describe(e, e->id, "", "");
	else if (may_be_docker(e) && t->docker_root_count)
		look(e, clock_monotonic_ns());
	return e;
}

struct container *container_table_get(struct container_table *t, const struct container_path *path)
{
	struct container_entry *e;

	HASH_FIND(hh, t->entries, path->id, strlen(path->id), e);
	if (e)
		return container_ref(&e->container);
	e = add(t, path);
	return e ? &e->container : NULL;
}

struct container *container_ref(struct container *c)
{
	if (c)
		c->references++;
	return c;
}

struct container *container_unref(struct container *c)
{
	struct container_entry *e;

	if (!c || --c->references)
		return NULL;
	e = entry_of(c);
	HASH_DEL(e->table->entries, e);
	free(e->text);
	free(e);
	return NULL;
}

void container_table_refresh(struct container_table *t, uint64_t now_ns, void (*fn)(void *context, const struct container *c),
			     void *context)
{
	for (struct container_entry *e = t->entries; e; e = e->hh.next) {
		uint64_t before = e->container.revision;

		if (e->due_ns > now_ns)
			continue;
		look(e, now_ns);
		if (e->container.revision != before)
			fn(context, &e->container);
	}
}

size_t container_table_count(const struct container_table *t)
{
	return HASH_COUNT(t->entries);
}
