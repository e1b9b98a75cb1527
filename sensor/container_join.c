#include "sensor/container_entry.h"

#include <string.h>

_Static_assert(CONTAINER_ID_BYTES + 3 * (CONTAINER_STRING_MAX + 1) <= CONTAINER_TEXT_BYTES, "encoders rely on it");

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

void container_join_state(struct container_entry *e)
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

void container_join(struct container_entry *e, const struct container *before)
{
	struct container_table *t = e->table;

	e->container.runtime = pick_runtime(e);
	join_strings(e);
	join_labels(e);
	join_pod(e);
	container_join_state(e);
	e->container.pending = is_pending(e);
	if (!e->container.pending)
		e->look_due_ns = UINT64_MAX;
	if (reads_the_same(&e->container, before))
		return;
	e->container.revision = ++t->revision;
	if (t->revised && e->container.references > e->is_held)
		t->revised(t->revised_context, &e->container);
}
