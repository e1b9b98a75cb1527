#include "container/container_lookup.h"

#include "base/clock.h"
#include "container/docker_state.h"
#include "container/runc_state.h"
#include "container/state_file.h"
#include "container/storage_state.h"
#include "container/task_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES (64 + 2 * CONTAINER_ID_BYTES)

struct part {
	const char *text;
	size_t length;
};

static bool cut_suffix(struct part *p, const char *suffix)
{
	size_t length = strlen(suffix);

	if (p->length <= length || memcmp(p->text + p->length - length, suffix, length) != 0)
		return false;
	p->length -= length;
	return true;
}

static bool cut_prefix(struct part *p, const char *prefix)
{
	size_t length = strlen(prefix);

	if (p->length <= length || memcmp(p->text, prefix, length) != 0)
		return false;
	p->text += length;
	p->length -= length;
	return true;
}

static bool copy_id(char *id, const struct part *p)
{
	if (!p->length || p->length >= CONTAINER_ID_BYTES)
		return false;
	memcpy(id, p->text, p->length);
	id[p->length] = '\0';
	return container_id_is_valid(id);
}

/* Cuts the last part off *path. */
static struct part cut_last(struct part *path)
{
	struct part last;
	const char *slash;

	while (path->length && path->text[path->length - 1] == '/')
		path->length--;
	slash = memrchr(path->text, '/', path->length);
	last.text = slash ? slash + 1 : path->text;
	last.length = (size_t)(path->text + path->length - last.text);
	path->length -= last.length;
	return last;
}

static bool has_task(const struct container_roots *roots, const char *name_space, const char *id)
{
	char name[NAME_BYTES];

	for (size_t i = 0; i < container_roots_count(roots, CONTAINER_ROOT_CONTAINERD); i++) {
		const char *root = container_roots_path(roots, CONTAINER_ROOT_CONTAINERD, i);

		for (size_t j = 0; task_state_directories[j]; j++) {
			(void)snprintf(name, sizeof(name), "%s/%s/%s", task_state_directories[j], name_space, id);
			if (state_file_exists(root, name))
				return true;
		}
	}
	return false;
}

/* The directories that containerd and Docker give to runc end in their namespace. */
static enum container_runtime runtime_of_root(const char *root)
{
	const char *name = strrchr(root, '/') + 1;

	if (strstr(root, "/containerd/runc/") || strstr(root, "/runtime-"))
		return container_runtime_of_namespace(name);
	return CONTAINER_RUNTIME_RUNC;
}

static const char *find_runc(const struct container_roots *roots, const char *id)
{
	for (size_t i = 0; i < container_roots_count(roots, CONTAINER_ROOT_RUNC); i++) {
		const char *root = container_roots_path(roots, CONTAINER_ROOT_RUNC, i);

		if (state_file_exists(root, id))
			return root;
	}
	return NULL;
}

static bool take(struct container_path *ret, const char *id, enum container_runtime runtime)
{
	*ret = (struct container_path){.runtime = runtime, .depth = 1};
	memcpy(ret->id, id, strlen(id) + 1);
	return true;
}

/* "NAME", or of the systemd drivers "runc-NAME.scope". */
static bool look_for(const struct container_roots *roots, struct part name, struct part above, struct container_path *ret)
{
	struct part name_space = cut_last(&above);
	char id[CONTAINER_ID_BYTES], parent[CONTAINER_ID_BYTES];
	const char *root;

	if (cut_suffix(&name, ".scope") && !cut_prefix(&name, "runc-"))
		(void)cut_prefix(&name, "crun-");
	if (!copy_id(id, &name))
		return false;
	if (copy_id(parent, &name_space) && has_task(roots, parent, id))
		return take(ret, id, container_runtime_of_namespace(parent));
	root = find_runc(roots, id);
	return root && take(ret, id, runtime_of_root(root));
}

bool container_lookup_path(const struct container_roots *roots, const char *path, size_t length, struct container_path *ret)
{
	struct part rest = {path, length};

	for (int depth = 0; depth < CONTAINER_LOOKUP_DEPTH && rest.length; depth++) {
		struct part name = cut_last(&rest);
		struct part unit = name;

		/* Those are systemd's own. */
		if (cut_suffix(&unit, ".slice") || cut_suffix(&unit, ".service"))
			continue;
		if (look_for(roots, name, rest, ret))
			return true;
	}
	return false;
}

/* What is read of, and the end of the list that is made. */
struct reading {
	const struct container_roots *roots;
	const char *id;
	enum container_runtime runtime;
	struct container_fact **end;
};

static bool may_be(const struct reading *r, enum container_runtime runtime)
{
	return r->runtime == runtime || r->runtime == CONTAINER_RUNTIME_UNKNOWN;
}

static void put(struct reading *r, struct container_fact *f)
{
	if (!f)
		return;
	*r->end = f;
	r->end = &f->next;
}

static void read_runc(struct reading *r)
{
	struct container_fact *f = NULL;

	for (size_t i = 0; !f && i < container_roots_count(r->roots, CONTAINER_ROOT_RUNC); i++)
		(void)runc_state_read(&f, container_roots_path(r->roots, CONTAINER_ROOT_RUNC, i), r->id);
	put(r, f);
}

struct task_search {
	const struct reading *reading;
	const char *root;
	struct container_fact *found;
};

static void read_task_in(void *context, const char *name_space)
{
	struct task_search *s = context;

	if (!s->found && may_be(s->reading, container_runtime_of_namespace(name_space)))
		(void)task_state_read(&s->found, s->root, name_space, s->reading->id);
}

static void read_task(struct reading *r)
{
	struct task_search search = {.reading = r};

	for (size_t i = 0; !search.found && i < container_roots_count(r->roots, CONTAINER_ROOT_CONTAINERD); i++) {
		search.root = container_roots_path(r->roots, CONTAINER_ROOT_CONTAINERD, i);
		for (size_t j = 0; task_state_directories[j]; j++)
			(void)state_file_list(search.root, task_state_directories[j], read_task_in, &search);
	}
	put(r, search.found);
}

static void read_storage(struct reading *r)
{
	struct container_fact *f = NULL;

	for (size_t i = 0; !f && i < container_roots_count(r->roots, CONTAINER_ROOT_STORAGE); i++)
		(void)storage_state_read_one(&f, container_roots_path(r->roots, CONTAINER_ROOT_STORAGE, i), r->id);
	put(r, f);
}

static void read_docker(struct reading *r)
{
	struct container_fact *f = NULL;

	for (size_t i = 0; !f && i < container_roots_count(r->roots, CONTAINER_ROOT_DOCKER); i++)
		(void)docker_state_read(&f, NULL, container_roots_path(r->roots, CONTAINER_ROOT_DOCKER, i), r->id);
	put(r, f);
}

struct container_fact *container_lookup_read(const struct container_roots *roots, const char *id, enum container_runtime runtime)
{
	struct container_fact *ret = NULL;
	struct reading r = {.roots = roots, .id = id, .runtime = runtime, .end = &ret};
	uint64_t seen_ns = clock_monotonic_ns();

	if (!container_id_is_valid(id) || runtime == CONTAINER_RUNTIME_LXC || runtime == CONTAINER_RUNTIME_NSPAWN)
		return NULL;
	read_runc(&r);
	if (may_be(&r, CONTAINER_RUNTIME_CONTAINERD) || may_be(&r, CONTAINER_RUNTIME_DOCKER))
		read_task(&r);
	if (may_be(&r, CONTAINER_RUNTIME_PODMAN) || may_be(&r, CONTAINER_RUNTIME_CRIO))
		read_storage(&r);
	if (may_be(&r, CONTAINER_RUNTIME_DOCKER))
		read_docker(&r);
	container_fact_set_seen(ret, seen_ns);
	return ret;
}
