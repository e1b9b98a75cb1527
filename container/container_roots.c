#include "container/container_roots.h"

#include "base/cleanup.h"
#include "container/container_fact.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct list {
	char *paths[CONTAINER_ROOTS_MAX];
	size_t count;
	bool usual;
};

struct container_roots {
	pthread_mutex_t lock; /* of the counts; a path that is counted does not change */
	struct list lists[CONTAINER_ROOT_TYPES];
	char *host;
};

struct place {
	enum container_root_type type;
	const char *path;
};

static const struct place fixed[] = {
	{CONTAINER_ROOT_DOCKER, "/var/lib/docker"},
	{CONTAINER_ROOT_CONTAINERD, "/run/containerd"},
	{CONTAINER_ROOT_CONTAINERD, "/run/docker/containerd/daemon"},
	{CONTAINER_ROOT_STORAGE, "/var/lib/containers/storage"},
	{CONTAINER_ROOT_RUNC, "/run/runc"},
	{CONTAINER_ROOT_RUNC, "/run/crun"},
};

/* Patterns of glob(7), of directories that are the superuser's or the system's. */
static const struct place patterns[] = {
	{CONTAINER_ROOT_DOCKER, "/var/lib/docker/[0-9]*.[0-9]*"}, /* userns-remap */
	{CONTAINER_ROOT_DOCKER, "/var/snap/docker/common/var-lib-docker"},
	{CONTAINER_ROOT_CONTAINERD, "/run/k3s/containerd"},
	{CONTAINER_ROOT_CONTAINERD, "/run/snap.docker/containerd/daemon"},
	{CONTAINER_ROOT_CONTAINERD, "/var/snap/microk8s/common/run/containerd"},
	{CONTAINER_ROOT_RUNC, "/run/containerd/runc/*"},
	{CONTAINER_ROOT_RUNC, "/run/docker/runtime-*/*"},
	{CONTAINER_ROOT_RUNC, "/run/snap.docker/runtime-*/*"},
	{CONTAINER_ROOT_RUNC, "/run/user/*/runc"},
	{CONTAINER_ROOT_RUNC, "/run/user/*/crun"},
};

/* Below a user's home. */
static const struct place of_users[] = {
	{CONTAINER_ROOT_DOCKER, ".local/share/docker"},
	{CONTAINER_ROOT_STORAGE, ".local/share/containers/storage"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "/a//" and "/a" are the same. */
static size_t length_of(const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	return length;
}

static bool is_in(const struct list *l, const char *path, size_t length)
{
	for (size_t i = 0; i < l->count; i++)
		if (strlen(l->paths[i]) == length && !memcmp(l->paths[i], path, length))
			return true;
	return false;
}

static int add(struct container_roots *r, enum container_root_type type, const char *path)
{
	struct list *l = &r->lists[type];
	size_t length = length_of(path);

	if (*path != '/' || length > CONTAINER_PATH_MAX)
		return -EINVAL;
	if (is_in(l, path, length))
		return -EEXIST;
	if (l->count == CONTAINER_ROOTS_MAX)
		return -ENOSPC;
	l->paths[l->count] = strndup(path, length);
	if (!l->paths[l->count])
		return -ENOMEM;
	l->count++;
	return 0;
}

static int add_locked(struct container_roots *r, enum container_root_type type, const char *path)
{
	int ret;

	pthread_mutex_lock(&r->lock);
	ret = add(r, type, path);
	pthread_mutex_unlock(&r->lock);
	return ret;
}

static int add_told(struct container_roots *r, enum container_root_type type, const struct container_roots_options *options,
		    struct error *err)
{
	for (size_t i = 0; i < options->counts[type]; i++) {
		const char *path = options->paths[type][i];
		int ret = add(r, type, path);

		if (ret == -EINVAL)
			return error_set(err, ret, "\"%.200s\" is no directory of a container runtime: an absolute path is needed", path);
		if (ret == -ENOSPC)
			return error_set(err, ret, "more than %d directories of container runtimes of a type", CONTAINER_ROOTS_MAX);
		if (ret == -ENOMEM)
			return error_set(err, ret, "out of memory");
	}
	return 0;
}

static int add_usual(struct container_roots *r, struct error *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < COUNT(fixed); i++) {
		if (!r->lists[fixed[i].type].usual)
			continue;
		if (snprintf(path, sizeof(path), "%s%s", r->host, fixed[i].path) >= (int)sizeof(path))
			return error_set(err, -EINVAL, "\"%.200s...\" is too long a path", r->host);
		if (add(r, fixed[i].type, path) == -ENOMEM)
			return error_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int fill(struct container_roots *r, const struct container_roots_options *options, struct error *err)
{
	const char *host = options->host ? options->host : "";

	if (*host && *host != '/')
		return error_set(err, -EINVAL, "\"%.200s\" is no root of the host's files: an absolute path is needed", host);
	r->host = strndup(host, length_of(host));
	if (!r->host)
		return error_set(err, -ENOMEM, "out of memory");
	if (!strcmp(r->host, "/"))
		*r->host = '\0';
	for (int type = 0; type < CONTAINER_ROOT_TYPES; type++) {
		int ret = add_told(r, (enum container_root_type)type, options, err);

		if (ret)
			return ret;
		r->lists[type].usual = !options->counts[type];
	}
	return add_usual(r, err);
}

int container_roots_new(struct container_roots **ret, const struct container_roots_options *options, struct error *err)
{
	struct container_roots *r = calloc(1, sizeof(*r));
	int failed;

	*ret = NULL;
	if (!r)
		return error_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	failed = fill(r, options, err);
	if (failed) {
		container_roots_free(r);
		return failed;
	}
	*ret = r;
	return 0;
}

struct container_roots *container_roots_free(struct container_roots *r)
{
	if (!r)
		return NULL;
	for (int type = 0; type < CONTAINER_ROOT_TYPES; type++)
		for (size_t i = 0; i < r->lists[type].count; i++)
			free(r->lists[type].paths[i]);
	free(r->host);
	pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}

bool container_roots_add(struct container_roots *r, enum container_root_type type, const char *path)
{
	return !add_locked(r, type, path);
}

static bool is_directory(const char *path)
{
	struct stat stat_of;

	return !stat(path, &stat_of) && S_ISDIR(stat_of.st_mode);
}

static bool discover_pattern(struct container_roots *r, const struct place *pattern)
{
	char path[PATH_MAX];
	bool found = false;
	glob_t matches;

	if (snprintf(path, sizeof(path), "%s%s", r->host, pattern->path) >= (int)sizeof(path) || glob(path, GLOB_NOSORT, NULL, &matches))
		return false;
	for (size_t i = 0; i < matches.gl_pathc; i++)
		found |= is_directory(matches.gl_pathv[i]) && !add_locked(r, pattern->type, matches.gl_pathv[i]);
	globfree(&matches);
	return found;
}

static bool discover_user(struct container_roots *r, const struct passwd *user)
{
	char path[PATH_MAX];
	bool found = false;

	if (snprintf(path, sizeof(path), "%s/run/user/%u", r->host, user->pw_uid) >= (int)sizeof(path) || !is_directory(path))
		return false;
	for (size_t i = 0; i < COUNT(of_users); i++) {
		if (!r->lists[of_users[i].type].usual ||
		    snprintf(path, sizeof(path), "%s%s/%s", r->host, user->pw_dir, of_users[i].path) >= (int)sizeof(path))
			continue;
		found |= is_directory(path) && !add_locked(r, of_users[i].type, path);
	}
	return found;
}

/* Not getpwent(3): that may ask a directory server, and wait. And only of users who are there: to look into other homes may have a server
 * mount them, and wait. */
static bool discover_users(struct container_roots *r)
{
	cleanup_fclose FILE *file = NULL;
	char path[PATH_MAX], line[4096];
	struct passwd user, *read;
	bool found = false;

	if (snprintf(path, sizeof(path), "%s/etc/passwd", r->host) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	while (file && !fgetpwent_r(file, &user, line, sizeof(line), &read))
		found |= discover_user(r, &user);
	return found;
}

bool container_roots_discover(struct container_roots *r)
{
	bool found = false;

	for (size_t i = 0; i < COUNT(patterns); i++)
		if (r->lists[patterns[i].type].usual)
			found |= discover_pattern(r, &patterns[i]);
	return discover_users(r) || found;
}

size_t container_roots_count(const struct container_roots *r, enum container_root_type type)
{
	/* To lock is to change, but not what anybody sees. */
	pthread_mutex_t *lock = (pthread_mutex_t *)&r->lock;
	size_t count;

	pthread_mutex_lock(lock);
	count = r->lists[type].count;
	pthread_mutex_unlock(lock);
	return count;
}

const char *container_roots_path(const struct container_roots *r, enum container_root_type type, size_t n)
{
	return r->lists[type].paths[n];
}

bool container_roots_are_usual(const struct container_roots *r, enum container_root_type type)
{
	return r->lists[type].usual;
}

const char *container_roots_host(const struct container_roots *r)
{
	return r->host;
}
