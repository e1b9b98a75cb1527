#include "container/task_state.h"

#include "container/oci_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const task_state_directories[] = {"io.containerd.runtime.v2.task", "io.containerd.runtime.v1.linux", NULL};

#define NAME_BYTES (64 + 2 * CONTAINER_ID_BYTES)

static int take_pid(struct container_fact *f, const char *state, const char *directory)
{
	char path[NAME_BYTES + 16];
	struct state_file file;
	char *end;
	long pid;
	int r;

	(void)snprintf(path, sizeof(path), "%s/init.pid", directory);
	r = state_file_read(&file, state, path);
	if (r == -ENOENT) {
		f->state = CONTAINER_CREATED;
		return 0;
	}
	if (r < 0)
		return r;
	pid = strtol(file.text, &end, 10);
	if (end != file.text && pid > 0 && pid <= INT32_MAX)
		f->init_pid = (uint32_t)pid;
	state_file_done(&file);
	return 0;
}

static int take(struct container_fact *f, const char *state, const char *name_space, const char *directory)
{
	char path[CONTAINER_PATH_MAX + 1];
	int r;

	f->runtime = container_runtime_of_namespace(name_space);
	if (snprintf(path, sizeof(path), "%s/%s", state, directory) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (!container_fact_set(&f->bundle, path, strlen(path), CONTAINER_PATH_MAX))
		return -ENOMEM;
	r = oci_config_read(f, state, directory);
	if (r)
		return r;
	(void)snprintf(path, sizeof(path), "%s/config.json", directory);
	f->created_ns = state_file_modified_ns(state, path);
	return take_pid(f, state, directory);
}

static int read_in(struct container_fact **ret, const char *state, const char *parent, const char *name_space, const char *id)
{
	struct container_fact *f = container_fact_new(id, CONTAINER_SOURCE_TASK);
	char directory[NAME_BYTES];
	int r;

	(void)snprintf(directory, sizeof(directory), "%s/%s/%s", parent, name_space, id);
	r = f ? take(f, state, name_space, directory) : -ENOMEM;
	*ret = r ? container_fact_free(f) : f;
	return r;
}

int task_state_read(struct container_fact **ret, const char *state, const char *name_space, const char *id)
{
	int r = -ENOENT;

	*ret = NULL;
	if (!container_id_is_valid(id) || !container_id_is_valid(name_space))
		return -EINVAL;
	for (size_t i = 0; task_state_directories[i] && r == -ENOENT; i++)
		r = read_in(ret, state, task_state_directories[i], name_space, id);
	return r;
}

/* Three levels of directories: what the inner calls need to know of the outer ones. */
struct listing {
	const char *state;
	const char *parent;
	const char *name_space;
	void (*fn)(void *context, const char *name_space, const char *id);
	void *context;
	int count;
};

static void tell(void *context, const char *id)
{
	struct listing *l = context;

	l->fn(l->context, l->name_space, id);
	l->count++;
}

static void list_name_space(void *context, const char *name_space)
{
	struct listing *l = context;
	char path[NAME_BYTES];

	l->name_space = name_space;
	(void)snprintf(path, sizeof(path), "%s/%s", l->parent, name_space);
	(void)state_file_list(l->state, path, tell, l);
}

int task_state_list(const char *state, void (*fn)(void *context, const char *name_space, const char *id), void *context)
{
	struct listing listing = {.state = state, .fn = fn, .context = context};
	int ret = -ENOENT;

	for (size_t i = 0; task_state_directories[i]; i++) {
		int r;

		listing.parent = task_state_directories[i];
		r = state_file_list(state, listing.parent, list_name_space, &listing);
		if (ret == -ENOENT)
			ret = r;
	}
	return ret < 0 ? ret : listing.count;
}
