#include "container/watch_kind.h"

#include "container/docker_state.h"
#include "container/runc_state.h"
#include "container/storage_state.h"
#include "container/task_state.h"

#include <limits.h>
#include <string.h>

/* What nobody on earth has more of; what is beyond would be made by somebody who wants us to be busy. Docker keeps containers that have ended. */
#define DOCKER_CONTAINERS_MAX 8192
#define TASKS_MAX             4096
#define RUNNING_MAX           2048 /* per root of runc: also users may have some */
#define TASK_DIRECTORIES_MAX  2
#define NAMESPACES_MAX        64
#define DRIVERS_MAX           16
#define USERS_MAX             256

static bool is_container(const char *name)
{
	return container_id_is_valid(name);
}

/* Docker: ROOT/containers/ID/config.v2.json */

static bool is_containers(const char *name)
{
	return !strcmp(name, "containers");
}

static int read_docker(struct container_fact **ret, const struct watch_place *place)
{
	int r = docker_state_read(ret, NULL, place->root, place->name);

	return r < 0 ? r : 0;
}

static const char *const docker_files[] = {"config.v2.json", "hostconfig.json", NULL};

static const struct watch_kind docker_container = {.files = docker_files, .read = read_docker, .is_container = true};
static const struct watch_kind docker_containers = {.child = &docker_container,
						    .takes_child = is_container,
						    .children_max = DOCKER_CONTAINERS_MAX};
static const struct watch_kind docker_root = {.child = &docker_containers, .takes_child = is_containers, .children_max = 1};

/* containerd: STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json, init.pid */

static bool is_tasks(const char *name)
{
	for (const char *const *known = task_state_directories; *known; known++)
		if (!strcmp(name, *known))
			return true;
	return false;
}

static bool is_name(const char *name)
{
	return name[0] != '.';
}

static int read_task(struct container_fact **ret, const struct watch_place *place)
{
	return task_state_read(ret, place->root, place->parent, place->name);
}

static const char *const task_files[] = {"config.json", "init.pid", NULL};

static const struct watch_kind task = {
	.files = task_files, .read = read_task, .is_container = true, .is_announced = true, .source = CONTAINER_SOURCE_TASK};
static const struct watch_kind task_namespace = {.child = &task, .takes_child = is_container, .children_max = TASKS_MAX};
static const struct watch_kind tasks = {.child = &task_namespace, .takes_child = is_name, .children_max = NAMESPACES_MAX};
static const struct watch_kind containerd_root = {.child = &tasks, .takes_child = is_tasks, .children_max = TASK_DIRECTORIES_MAX};

/* containers/storage: ROOT/DRIVER-containers/containers.json: all containers in one file, or two. */

#define STORAGE_SUFFIX "-containers"

static size_t driver_length(const char *name)
{
	size_t length = strlen(name), suffix = strlen(STORAGE_SUFFIX);

	return length > suffix && !strcmp(name + length - suffix, STORAGE_SUFFIX) ? length - suffix : 0;
}

static bool is_storage_containers(const char *name)
{
	return driver_length(name);
}

static int read_storage(struct container_fact **ret, const struct watch_place *place)
{
	char driver[NAME_MAX + 1] = "";

	memcpy(driver, place->name, driver_length(place->name));
	return storage_state_read(ret, place->root, driver);
}

static const char *const storage_files[] = {"containers.json", "volatile-containers.json", NULL};

static const struct watch_kind storage_containers = {.files = storage_files,
						     .markers = storage_files,
						     .read = read_storage,
						     .is_list = true};
static const struct watch_kind storage_root = {.child = &storage_containers,
					       .takes_child = is_storage_containers,
					       .children_max = DRIVERS_MAX};

/* runc and crun: ROOT/ID/state.json, status; the fifo is removed when the program is started. */

static int read_runc(struct container_fact **ret, const struct watch_place *place)
{
	return runc_state_read(ret, place->root, place->name);
}

static const char *const runc_files[] = {"state.json", "status", NULL};
static const char *const runc_markers[] = {"exec.fifo", NULL};

static const struct watch_kind runc_container = {.files = runc_files,
						 .markers = runc_markers,
						 .read = read_runc,
						 .is_container = true,
						 .is_announced = true,
						 .source = CONTAINER_SOURCE_RUNC};
static const struct watch_kind runc_root = {.child = &runc_container, .takes_child = is_container, .children_max = RUNNING_MAX};

const struct watch_kind *watch_kind_of_root(enum container_root_type type)
{
	static const struct watch_kind *const kinds[CONTAINER_ROOT_TYPES] = {
		[CONTAINER_ROOT_DOCKER] = &docker_root,
		[CONTAINER_ROOT_CONTAINERD] = &containerd_root,
		[CONTAINER_ROOT_STORAGE] = &storage_root,
		[CONTAINER_ROOT_RUNC] = &runc_root,
	};

	return kinds[type];
}

/* Where runc's roots come: one per namespace, or per user. */

static bool is_runc(const char *name)
{
	return !strcmp(name, "runc") || !strcmp(name, "crun");
}

static bool is_runtime(const char *name)
{
	return !strncmp(name, "runtime-", 8);
}

static const struct watch_kind leaf = {0};
static const struct watch_kind namespaces = {.child = &leaf,
					     .takes_child = is_name,
					     .children_max = NAMESPACES_MAX,
					     .leads_to_roots = true};
static const struct watch_kind user = {.child = &leaf, .takes_child = is_runc, .children_max = 2, .leads_to_roots = true};
static const struct watch_kind users = {.child = &user, .takes_child = is_name, .children_max = USERS_MAX};

static const struct watch_kind runtimes = {.child = &namespaces, .takes_child = is_runtime, .children_max = NAMESPACES_MAX};

const struct watch_hint watch_hints[WATCH_HINTS] = {
	{CONTAINER_ROOT_RUNC, "/run/containerd/runc", &namespaces},
	{CONTAINER_ROOT_RUNC, "/run/docker", &runtimes},
	{CONTAINER_ROOT_RUNC, "/run/snap.docker", &runtimes},
	{CONTAINER_ROOT_RUNC, "/run/user", &users},
};
