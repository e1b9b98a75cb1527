#include "sensor/container_table.h"

#include "base/clock.h"
#include "container/container_lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* Of one container, what waits to be told: more is told although it should wait. */
#define CHANGES_MAX 64

/* A container of which nothing is known is looked for at so many execs in it. */
#define EXEC_LOOKS 4

/* Paths that were asked for since the last refresh; those beyond are asked for each time. */
#define RESOLVED_MAX 4096

_Static_assert(CONTAINER_ID_BYTES + 3 * (CONTAINER_STRING_MAX + 1) <= CONTAINER_TEXT_BYTES, "encoders rely on it");

struct container_entry {
	struct container container; /* first: the public face */
	struct container_table *table;
	char id[CONTAINER_ID_BYTES];
	enum container_runtime path_runtime;             /* what its cgroup's name says */
	struct container_fact *facts[CONTAINER_SOURCES]; /* the last ones; the strings are theirs. NULL: none */
	uint64_t seen_ns[CONTAINER_SOURCES];
	struct container_life life;
	struct container_change *changes; /* that wait */
	uint32_t change_count;
	bool is_due; /* in the list of those that have some */
	struct container_entry *next_due;
	bool was_before; /* there when the sensor began */
	bool is_held;    /* one of the references is the table's */
	bool is_bare;    /* a runtime has it, and has told nothing of it yet */
	bool given_up;   /* looking for it */
	uint32_t looks;  /* how often it was looked for in vain */
	uint32_t exec_looks;
	uint64_t made_ns;
	uint64_t look_due_ns; /* UINT64_MAX: never */
	uint64_t hold_until_ns;
	uint64_t over_ns;            /* 0: it is not over */
	struct named_cgroup *cgroup; /* NULL: its cgroups are named by its id, or nobody has told */
	UT_hash_handle hh;
};

/* The cgroup of a container whose name does not say so, as a runtime tells it. */
struct named_cgroup {
	char *path;
	struct container_entry *entry;
	UT_hash_handle hh;
};

struct resolved {
	struct container_path path;
	bool is_container;
	UT_hash_handle hh;
	char text[]; /* the key, not terminated */
};

struct container_table {
	struct container_entry *entries;
	struct container_entry *due, **due_end;
	struct resolved *resolved;
	struct named_cgroup *cgroups;
	struct container_table_options options;
	uint64_t revision; /* the last one given */
	bool scanning;
	bool keeps_json;
	void (*revised)(void *context, const struct container *c);
	void *revised_context;
	void (*found)(void *context, uint32_t pid);
	void *found_context;
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
	t->options = *options;
	if (!t->options.since_ns)
		t->options.since_ns = (int64_t)clock_realtime_ns();
	t->due_end = &t->due;
	*ret = t;
	return 0;
}

static void forget_resolved(struct container_table *t)
{
	struct resolved *r = t->resolved, *next;

	HASH_CLEAR(hh, t->resolved);
	for (; r; r = next) {
		next = r->hh.next;
		free(r);
	}
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
	forget_resolved(t);
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

/* What is known */

static const struct event_string nothing = {.bytes = ""};

static struct event_string string_of(const char *string)
{
	return string ? (struct event_string){.bytes = string, .length = strlen(string)} : nothing;
}

/* The value of those that have most to say comes last, and stays. */
#define PICK(member, to)                                          \
	do {                                                      \
		for (int i_ = 0; i_ < CONTAINER_SOURCES; i_++)    \
			if (e->facts[i_] && e->facts[i_]->member) \
				(to) = e->facts[i_]->member;      \
	} while (0)

static struct event_string pick_name(const struct container_entry *e)
{
	enum container_runtime runtime = e->container.runtime;
	const char *name = NULL;

	PICK(name, name);
	if (name)
		return string_of(name);
	/* Runtimes for which the id is what people call it. */
	if (runtime == CONTAINER_RUNTIME_LXC || runtime == CONTAINER_RUNTIME_NSPAWN || runtime == CONTAINER_RUNTIME_RUNC ||
	    (runtime == CONTAINER_RUNTIME_CONTAINERD && (e->facts[CONTAINER_SOURCE_CONTAINERD] || e->given_up)))
		return string_of(e->id);
	return nothing;
}

static enum container_runtime pick_runtime(const struct container_entry *e)
{
	enum container_runtime runtime = CONTAINER_RUNTIME_UNKNOWN;

	PICK(runtime, runtime);
	return runtime == CONTAINER_RUNTIME_UNKNOWN || (runtime == CONTAINER_RUNTIME_RUNC && e->path_runtime) ? e->path_runtime : runtime;
}

static bool is_pending(const struct container_entry *e)
{
	const struct container *c = &e->container;

	if (e->given_up || !e->table->options.roots || e->facts[CONTAINER_SOURCE_DOCKER] || e->facts[CONTAINER_SOURCE_DOCKER_API] ||
	    e->facts[CONTAINER_SOURCE_STORAGE] || e->facts[CONTAINER_SOURCE_CONTAINERD])
		return false;
	switch (c->runtime) {
	case CONTAINER_RUNTIME_LXC:
	case CONTAINER_RUNTIME_NSPAWN:
		return false;
	case CONTAINER_RUNTIME_RUNC:
		return !e->facts[CONTAINER_SOURCE_RUNC];
	default:
		return !c->name.length || !c->image_name.length;
	}
}

static bool strings_are_equal(const struct event_string *a, const struct event_string *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

static bool reads_the_same(const struct container *a, const struct container *b)
{
	return strings_are_equal(&a->name, &b->name) && strings_are_equal(&a->image_id, &b->image_id) &&
	       strings_are_equal(&a->image_name, &b->image_name);
}

static void join_labels(struct container_entry *e)
{
	e->container.labels = NULL;
	e->container.label_count = 0;
	for (int i = 0; i < CONTAINER_SOURCES; i++) {
		if (e->facts[i] && e->facts[i]->label_count) {
			e->container.labels = e->facts[i]->labels;
			e->container.label_count = e->facts[i]->label_count;
		}
	}
}

static void join_pod(struct container_entry *e)
{
	e->container.pod = (struct container_pod){0};
	for (int i = 0; i < CONTAINER_SOURCES; i++)
		if (e->facts[i] && e->facts[i]->pod.name)
			e->container.pod = e->facts[i]->pod;
}

static void join_strings(struct container_entry *e)
{
	const char *image_id = NULL, *image_name = NULL, *bundle = NULL, *docker_config = NULL, *oci_config = NULL;

	PICK(image_id, image_id);
	PICK(image_name, image_name);
	PICK(bundle, bundle);
	PICK(docker_config, docker_config);
	PICK(oci_config, oci_config);
	e->container.name = pick_name(e);
	e->container.image_id = string_of(image_id);
	e->container.image_name = string_of(image_name);
	e->container.bundle = string_of(bundle);
	e->container.docker_config = string_of(docker_config);
	e->container.oci_config = string_of(oci_config);
}

static void join_state(struct container_entry *e)
{
	struct container *c = &e->container;

	c->state = e->life.state;
	c->init_pid = c->state == CONTAINER_RUNNING || c->state == CONTAINER_CREATED ? e->life.pid : 0;
	c->has_exit_code = c->state == CONTAINER_EXITED && e->life.exit.known;
	c->exit_code = c->has_exit_code ? e->life.exit.code : 0;
	PICK(created_ns, c->created_ns);
	PICK(started_ns, c->started_ns);
	PICK(finished_ns, c->finished_ns);
}

/* After its facts have changed, `before` being what it was; the strings of that are still there. */
static void join(struct container_entry *e, const struct container *before)
{
	struct container_table *t = e->table;

	e->container.runtime = pick_runtime(e);
	join_strings(e);
	join_labels(e);
	join_pod(e);
	join_state(e);
	e->container.pending = is_pending(e);
	if (!e->container.pending)
		e->look_due_ns = UINT64_MAX;
	if (reads_the_same(&e->container, before))
		return;
	e->container.revision = ++t->revision;
	if (t->revised && e->container.references > e->is_held)
		t->revised(t->revised_context, &e->container);
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
	join_state(e);
	add_changes(e, changes, now_ns);
	if (e->life.over && !e->over_ns)
		e->over_ns = now_ns;
	else if (!e->life.over)
		e->over_ns = 0;
}

static void forget_cgroup(struct container_entry *e)
{
	if (!e->cgroup)
		return;
	HASH_DEL(e->table->cgroups, e->cgroup);
	free(e->cgroup->path);
	free(e->cgroup);
	e->cgroup = NULL;
}

/* Whether everybody can see which container a cgroup is. */
static bool is_named_by_id(const struct container_entry *e, const char *path)
{
	struct container_path found;

	return container_path_parse(path, strlen(path), &found) && !strcmp(found.id, e->id);
}

static void learn_cgroup(struct container_entry *e, const char *path, uint32_t pid)
{
	struct container_table *t = e->table;
	struct named_cgroup *c;

	if (!path || (e->cgroup && !strcmp(e->cgroup->path, path)) || is_named_by_id(e, path))
		return;
	HASH_FIND(hh, t->cgroups, path, strlen(path), c);
	forget_cgroup(c ? c->entry : e);
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->path = strdup(path);
	c->entry = e;
	if (c->path)
		HASH_ADD_KEYPTR(hh, t->cgroups, c->path, strlen(c->path), c);
	if (!c->path || !c->hh.tbl) {
		free(c->path);
		free(c);
		return;
	}
	e->cgroup = c;
	/* It was put there before anybody could know. */
	if (t->found && pid)
		t->found(t->found_context, pid);
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
	join(e, &before);
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
		learn_cgroup(e, fact->cgroup, fact->init_pid);
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
	e->container.id = string_of(e->id);
	e->container.name = e->container.image_id = e->container.image_name = nothing;
	e->container.revision = ++t->revision;
	HASH_ADD(hh, t->entries, id, strlen(e->id), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	before = e->container;
	join(e, &before);
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
	join(e, &before);
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
	forget_cgroup(e);
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

/* In the innermost of those that runtimes have told of. */
static bool find_cgroup(const struct container_table *t, const char *path, size_t length, struct container_path *ret)
{
	struct named_cgroup *c = NULL;

	while (t->cgroups && length > 1) {
		HASH_FIND(hh, t->cgroups, path, length, c);
		if (c)
			break;
		while (length && path[--length] != '/')
			;
	}
	if (!c || c->entry->life.over)
		return false;
	*ret = (struct container_path){.runtime = c->entry->container.runtime, .depth = 1};
	memcpy(ret->id, c->entry->id, sizeof(ret->id));
	return true;
}

/* A container by the last name in the path, or one of those before: of a runtime that names cgroups so. */
static bool find_by_name(const struct container_table *t, const char *path, size_t length, struct container_path *ret)
{
	while (length > 1) {
		const char *slash = memrchr(path, '/', length);
		size_t size = slash ? (size_t)(path + length - slash - 1) : 0;
		struct container_entry *e = NULL;

		if (size)
			HASH_FIND(hh, t->entries, slash + 1, size, e);
		if (e && (e->is_bare || e->facts[CONTAINER_SOURCE_RUNC] || e->facts[CONTAINER_SOURCE_TASK])) {
			*ret = (struct container_path){.runtime = e->path_runtime, .depth = 1};
			memcpy(ret->id, e->id, sizeof(ret->id));
			return true;
		}
		length = slash ? (size_t)(slash - path) : 0;
	}
	return false;
}

/* What has come and gone meanwhile is known to those who watch. */
static bool ask_anew(struct container_table *t, const char *path, size_t length, struct container_path *ret)
{
	if (container_lookup_path(t->options.roots, path, length, ret))
		return true;
	if (!t->options.catch_up)
		return false;
	container_table_take(t, t->options.catch_up(t->options.context), clock_monotonic_ns());
	return find_cgroup(t, path, length, ret) || find_by_name(t, path, length, ret);
}

static bool ask_runtimes(struct container_table *t, const char *path, size_t length, struct container_path *ret)
{
	struct resolved *r;

	HASH_FIND(hh, t->resolved, path, length, r);
	if (r) {
		*ret = r->path;
		return r->is_container;
	}
	r = HASH_COUNT(t->resolved) < RESOLVED_MAX ? calloc(1, sizeof(*r) + length) : NULL;
	if (!r)
		return container_lookup_path(t->options.roots, path, length, ret);
	memcpy(r->text, path, length);
	r->is_container = container_lookup_path(t->options.roots, path, length, &r->path);
	*ret = r->path;
	HASH_ADD_KEYPTR(hh, t->resolved, r->text, length, r);
	if (r->hh.tbl)
		return r->is_container;
	free(r);
	return container_lookup_path(t->options.roots, path, length, ret);
}

bool container_table_resolve(struct container_table *t, const char *path, size_t length, bool anew, struct container_path *ret)
{
	if (!t->options.roots || length < 2)
		return false;
	if (find_cgroup(t, path, length, ret) || find_by_name(t, path, length, ret))
		return true;
	return anew ? ask_anew(t, path, length, ret) : ask_runtimes(t, path, length, ret);
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

static bool begins_with(const struct event_string *string, const char *prefix)
{
	size_t length = strlen(prefix);

	return string->length >= length && !memcmp(string->bytes, prefix, length);
}

void container_table_exec(struct container_table *t, struct container *c, uint32_t pid, const struct event_string *filename,
			  uint64_t now_ns)
{
	struct container_entry *e = entry_of(c);
	struct container_changes changes = {0};

	(void)t;
	/* Runtimes run themselves anew, in the container already. */
	if (begins_with(filename, "/proc/") || begins_with(filename, "/dev/fd/"))
		return;
	if (c->pending && e->exec_looks++ < EXEC_LOOKS)
		look(e, now_ns);
	container_life_exec(&e->life, pid, &changes);
	follow_life(e, &changes, now_ns);
}

void container_table_out_of_memory(struct container_table *t, struct container *c)
{
	(void)t;
	entry_of(c)->life.oom_killed = true;
}

void container_table_exit(struct container_table *t, struct container *c, uint32_t pid, const struct container_exit *exit, uint64_t now_ns)
{
	struct container_entry *e = entry_of(c);
	struct container_changes changes = {0};

	(void)t;
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

	forget_resolved(t);
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
		e->container.docker_config = e->container.oci_config = nothing;
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
