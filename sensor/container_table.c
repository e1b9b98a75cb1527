#include "sensor/container_entry.h"

#include "base/clock.h"
#include "container/container_lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of one container, what waits to be told: more is told although it should wait. */
#define CHANGES_MAX 64

/* A container of which nothing is known is looked for at so many execs in it. */
#define EXEC_LOOKS 4

static struct container_entry *entry_of(struct container *c)
{
	return (struct container_entry *)c;
}

int container_table_new(struct container_table **ret, const struct container_table_options *options, struct error *err)
{
	struct container_table *t = calloc(1, sizeof(*t));

	if (!t)
		return error_set(err, -ENOMEM, "out of memory");
	t->options = *options;
	if (!t->options.since_ns)
		t->options.since_ns = (int64_t)clock_realtime_ns();
	t->due_end = &t->due;
	*ret = t;
	return 0;
}

struct container_table *container_table_free(struct container_table *t)
{
	struct container_entry *e, *next;

	if (!t)
		return NULL;
	HASH_ITER (hh, t->entries, e, next) {
		if (e->is_held)
			container_unref(&e->container);
	}
	container_forget_answers(t);
	free(t);
	return NULL;
}

void container_table_on_revision(struct container_table *t, void (*fn)(void *context, const struct container *c), void *context)
{
	t->revised = fn;
	t->revised_context = context;
}

void container_table_on_found(struct container_table *t, void (*fn)(void *context, uint32_t pid), void *context)
{
	t->found = fn;
	t->found_context = context;
}

void container_table_set_scanning(struct container_table *t, bool scanning)
{
	t->scanning = scanning;
}

static void drop_json(struct container_fact *fact)
{
	free(fact->docker_config);
	free(fact->oci_config);
	fact->docker_config = fact->oci_config = NULL;
}

/* What has happened */

static void hold(struct container_entry *e)
{
	if (!e->is_held)
		container_ref(&e->container);
	e->is_held = true;
}

static void add_due(struct container_entry *e)
{
	struct container_table *t = e->table;

	if (e->is_due)
		return;
	hold(e);
	e->is_due = true;
	e->next_due = NULL;
	*t->due_end = e;
	t->due_end = &e->next_due;
}

static void add_changes(struct container_entry *e, const struct container_changes *changes, uint64_t now_ns)
{
	size_t count = e->change_count + changes->count;
	struct container_change *grown = changes->count ? realloc(e->changes, count * sizeof(*grown)) : NULL;

	if (!grown)
		return;
	e->changes = grown;
	memcpy(grown + e->change_count, changes->changes, changes->count * sizeof(*grown));
	e->change_count = (uint32_t)count;
	for (uint32_t i = 0; i < changes->count; i++) {
		if (changes->changes[i].kind == EVENT_CONTAINER_CREATED && e->container.pending)
			e->hold_until_ns = now_ns + CONTAINER_HOLD_NS;
	}
	add_due(e);
}

/* After a step of its life. */
static void follow_life(struct container_entry *e, const struct container_changes *changes, uint64_t now_ns)
{
	container_join_state(e);
	add_changes(e, changes, now_ns);
	if (e->life.over && !e->over_ns)
		e->over_ns = now_ns;
	else if (!e->life.over)
		e->over_ns = 0;
}

/* Exchanges the fact of its source, or, when the container is another one than the facts before were about, all of them. */
static void keep_fact(struct container_entry *e, struct container_fact *fact, bool is_another)
{
	struct container_fact *old[CONTAINER_SOURCES] = {NULL};
	struct container before = e->container;

	if (!e->table->keeps_json)
		drop_json(fact);
	for (int i = 0; i < CONTAINER_SOURCES; i++) {
		if (!is_another && i != (int)fact->source)
			continue;
		old[i] = e->facts[i];
		e->facts[i] = NULL;
	}
	e->facts[fact->source] = fact;
	container_join(e, &before);
	for (int i = 0; i < CONTAINER_SOURCES; i++)
		container_fact_free(old[i]);
}

static void take_one(struct container_entry *e, struct container_fact *fact, uint64_t now_ns)
{
	struct container_changes changes = {0};
	uint32_t life = e->life.number;

	if (fact->seen_ns < e->seen_ns[fact->source] || fact->bare) {
		e->is_bare |= fact->bare;
		if (fact->bare)
			hold(e);
		container_fact_free(fact);
		return;
	}
	e->seen_ns[fact->source] = fact->seen_ns;
	container_life_take(&e->life, fact, e->table->options.since_ns, now_ns, &changes);
	if (fact->gone || e->life.over) {
		/* What was known of it is still true of what is told late. */
		container_fact_free(fact);
	} else {
		keep_fact(e, fact, e->life.number != life);
		hold(e);
		container_learn_cgroup(e, fact->cgroup, fact->init_pid);
	}
	follow_life(e, &changes, now_ns);
}

static struct container_entry *find(const struct container_table *t, const char *id)
{
	struct container_entry *e;

	HASH_FIND(hh, t->entries, id, strlen(id), e);
	return e;
}

static struct container_entry *add(struct container_table *t, const char *id, enum container_runtime runtime, uint64_t now_ns)
{
	struct container_entry *e = calloc(1, sizeof(*e));
	struct container before;

	if (!e)
		return NULL;
	memcpy(e->id, id, strlen(id) + 1);
	e->table = t;
	e->path_runtime = runtime;
	e->was_before = t->scanning;
	e->made_ns = now_ns;
	e->look_due_ns = now_ns + CONTAINER_LOOK_FIRST_NS;
	e->container.id = (struct event_string){.bytes = e->id, .length = strlen(e->id)};
	e->container.name = e->container.image_id = e->container.image_name = (struct event_string){.bytes = ""};
	e->container.revision = ++t->revision;
	HASH_ADD(hh, t->entries, id, strlen(e->id), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	before = e->container;
	container_join(e, &before);
	return e;
}

static void look(struct container_entry *e, uint64_t now_ns)
{
	struct container_fact *list =
		e->table->options.roots ? container_lookup_read(e->table->options.roots, e->id, e->path_runtime) : NULL;

	while (list) {
		struct container_fact *fact = list;

		list = fact->next;
		take_one(e, fact, now_ns);
	}
}

static void give_up(struct container_entry *e)
{
	struct container before = e->container;

	e->given_up = true;
	container_join(e, &before);
}

static void look_again(struct container_entry *e, uint64_t now_ns)
{
	look(e, now_ns);
	if (!e->container.pending)
		return;
	if (e->looks == CONTAINER_LOOKS)
		give_up(e);
	else
		e->look_due_ns = now_ns + (CONTAINER_LOOK_FIRST_NS << e->looks++);
}

struct container *container_table_get(struct container_table *t, const struct container_path *path)
{
	struct container_entry *e = find(t, path->id);
	uint64_t now_ns;

	if (e) {
		if (path->runtime != CONTAINER_RUNTIME_UNKNOWN)
			e->path_runtime = path->runtime;
		return container_ref(&e->container);
	}
	now_ns = clock_monotonic_ns();
	e = add(t, path->id, path->runtime, now_ns);
	if (!e)
		return NULL;
	if (e->container.pending)
		look(e, now_ns);
	return container_ref(&e->container);
}

static void free_entry(struct container_entry *e)
{
	container_forget_cgroup(e);
	for (int i = 0; i < CONTAINER_SOURCES; i++)
		container_fact_free(e->facts[i]);
	free(e->changes);
	free(e);
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
	free_entry(e);
	return NULL;
}

void container_table_take(struct container_table *t, struct container_fact *list, uint64_t now_ns)
{
	while (list) {
		struct container_fact *fact = list;
		struct container_entry *e = find(t, fact->id);

		list = fact->next;
		if (!e && !fact->gone)
			e = add(t, fact->id, CONTAINER_RUNTIME_UNKNOWN, now_ns);
		if (e)
			take_one(e, fact, now_ns);
		else
			container_fact_free(fact);
	}
}

void container_table_exec(struct container *c, uint32_t pid, const struct event_string *filename, uint64_t now_ns)
{
	struct container_entry *e = entry_of(c);
	struct container_changes changes = {0};

	/* Runtimes run themselves anew, in the container already. */
	if (event_string_begins_with(filename, "/proc/") || event_string_begins_with(filename, "/dev/fd/"))
		return;
	if (c->pending && e->exec_looks++ < EXEC_LOOKS)
		look(e, now_ns);
	container_life_exec(&e->life, pid, &changes);
	follow_life(e, &changes, now_ns);
}

void container_table_out_of_memory(struct container *c)
{
	entry_of(c)->life.oom_killed = true;
}

void container_table_exit(struct container *c, uint32_t pid, const struct container_exit *exit, uint64_t now_ns)
{
	struct container_entry *e = entry_of(c);
	struct container_changes changes = {0};

	container_life_exit(&e->life, pid, exit, now_ns, &changes);
	follow_life(e, &changes, now_ns);
}

static bool must_wait(const struct container_entry *e, uint64_t now_ns)
{
	return e->container.pending && now_ns < e->hold_until_ns && e->change_count < CHANGES_MAX;
}

void container_table_flush(struct container_table *t, uint64_t now_ns, container_change_fn fn, void *context)
{
	struct container_entry *e = t->due, *next;

	t->due = NULL;
	t->due_end = &t->due;
	for (; e; e = next) {
		next = e->next_due;
		e->is_due = false;
		if (must_wait(e, now_ns)) {
			add_due(e);
			continue;
		}
		for (uint32_t i = 0; i < e->change_count; i++)
			fn(context, &e->container, &e->changes[i]);
		e->change_count = 0;
	}
}

/* Nobody tells of it: what the kernel tells is all there is. */
static void follow_untold(struct container_entry *e, uint64_t now_ns)
{
	bool has_processes = e->container.processes;
	bool is_there = has_processes || e->life.exec_pid;
	struct container_changes changes = {0};

	if (is_there && e->life.state == CONTAINER_STATE_UNKNOWN && now_ns >= e->made_ns + CONTAINER_UNTOLD_NS)
		container_life_begin_untold(&e->life, e->was_before, &changes);
	else if (!has_processes && e->life.state != CONTAINER_STATE_UNKNOWN)
		container_life_end_untold(&e->life, &changes);
	if (e->life.state != CONTAINER_STATE_UNKNOWN)
		hold(e);
	follow_life(e, &changes, now_ns);
}

static void refresh(struct container_entry *e, uint64_t now_ns)
{
	if (now_ns >= e->look_due_ns)
		look_again(e, now_ns);
	if (container_life_waits(&e->life)) {
		struct container_changes changes = {0};

		container_life_wait(&e->life, now_ns, &changes);
		follow_life(e, &changes, now_ns);
	} else if (!e->life.over && !container_life_is_told(&e->life)) {
		follow_untold(e, now_ns);
	}
	if (e->is_bare && e->life.state == CONTAINER_STATE_UNKNOWN && !e->over_ns && now_ns >= e->made_ns + CONTAINER_LINGER_NS)
		e->over_ns = now_ns;
	if (e->is_held && e->over_ns && !e->is_due && now_ns >= e->over_ns + CONTAINER_LINGER_NS) {
		e->is_held = false;
		container_unref(&e->container);
	}
}

void container_table_refresh(struct container_table *t, uint64_t now_ns)
{
	struct container_entry *e, *next;

	container_forget_answers(t);
	HASH_ITER (hh, t->entries, e, next) {
		refresh(e, now_ns);
	}
}

void container_table_keep_json(struct container_table *t, bool keep)
{
	t->keeps_json = keep;
	for (struct container_entry *e = keep ? NULL : t->entries; e; e = e->hh.next) {
		for (int i = 0; i < CONTAINER_SOURCES; i++)
			if (e->facts[i])
				drop_json(e->facts[i]);
		e->container.docker_config = e->container.oci_config = (struct event_string){.bytes = ""};
	}
}

size_t container_table_count(const struct container_table *t)
{
	return HASH_COUNT(t->entries);
}

void container_table_each(const struct container_table *t, void (*fn)(void *context, const struct container *c), void *context)
{
	for (struct container_entry *e = t->entries; e; e = e->hh.next)
		if (!e->life.over)
			fn(context, &e->container);
}

const struct container *container_table_find(const struct container_table *t, const char *id)
{
	struct container_entry *e = find(t, id);

	return e && !e->life.over ? &e->container : NULL;
}
