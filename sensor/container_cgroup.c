#include "sensor/container_entry.h"

#include "base/clock.h"
#include "container/container_lookup.h"

#include <stdlib.h>
#include <string.h>

/* Paths that were asked for since the last refresh; those beyond are asked for each time. */
#define RESOLVED_MAX 4096

void container_forget_answers(struct container_table *t)
{
	struct resolved *r = t->resolved, *next;

	HASH_CLEAR(hh, t->resolved);
	for (; r; r = next) {
		next = r->hh.next;
		free(r);
	}
}

void container_forget_cgroup(struct container_entry *e)
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

void container_learn_cgroup(struct container_entry *e, const char *path, uint32_t pid)
{
	struct container_table *t = e->table;
	struct named_cgroup *c;

	if (!path || (e->cgroup && !strcmp(e->cgroup->path, path)) || is_named_by_id(e, path))
		return;
	HASH_FIND(hh, t->cgroups, path, strlen(path), c);
	if (c)
		container_forget_cgroup(c->entry);
	container_forget_cgroup(e);
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
