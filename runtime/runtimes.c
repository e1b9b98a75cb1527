#include "runtime/runtimes.h"

#include "base/cleanup.h"
#include "runtime/containerd_client.h"
#include "runtime/docker_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* One of the two. */
struct socket {
	struct docker_client *docker;
	struct containerd_client *containerd;
	char path[108];
};

struct runtimes {
	struct runtimes_options options; /* its paths may be gone */
	struct socket *sockets;
	size_t count;
};

/* Readable is what can be opened: that it is there and can be searched would not do. */
static bool found_root(void *context, const char *path)
{
	const struct runtimes *r = context;
	cleanup_close int fd = -1;
	char containers[PATH_MAX];

	if (snprintf(containers, sizeof(containers), "%s/containers", path) >= (int)sizeof(containers))
		return false;
	fd = open(containers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (container_roots_add(r->options.roots, CONTAINER_ROOT_DOCKER, path) && r->options.new_root)
		r->options.new_root(r->options.context);
	return true;
}

static int add_docker(struct runtimes *r, const char *path, struct error *err)
{
	const struct docker_client_options options = {.path = path, .inbox = r->options.inbox, .found_root = found_root, .context = r};
	struct socket *s = &r->sockets[r->count];
	int code = docker_client_new(&s->docker, &options, err);

	if (code < 0)
		return code;
	snprintf(s->path, sizeof(s->path), "%s", path);
	r->count++;
	return 0;
}

static int add_containerd(struct runtimes *r, const char *path, struct error *err)
{
	struct socket *s = &r->sockets[r->count];
	int code = containerd_client_new(&s->containerd, path, r->options.inbox, err);

	if (code < 0)
		return code;
	snprintf(s->path, sizeof(s->path), "%s", path);
	r->count++;
	return 0;
}

static int add_all(struct runtimes *r, const struct runtimes_options *options, struct error *err)
{
	int code = 0;

	for (size_t i = 0; i < options->docker_socket_count && code == 0; i++)
		code = add_docker(r, options->docker_sockets[i], err);
	for (size_t i = 0; i < options->containerd_socket_count && code == 0; i++)
		code = add_containerd(r, options->containerd_sockets[i], err);
	return code;
}

static void use_usual(const char *const **paths, size_t *count, const char *const *usual)
{
	if (*paths)
		return;
	*paths = usual;
	*count = 1;
}

int runtimes_new(struct runtimes **ret, const struct runtimes_options *options, struct error *err)
{
	static const char *const usual_docker[] = {"/run/docker.sock"};
	static const char *const usual_containerd[] = {"/run/containerd/containerd.sock"};
	struct runtimes_options all = *options;
	struct runtimes *r = calloc(1, sizeof(*r));
	int code;

	use_usual(&all.docker_sockets, &all.docker_socket_count, usual_docker);
	use_usual(&all.containerd_sockets, &all.containerd_socket_count, usual_containerd);
	if (r)
		r->sockets = calloc(all.docker_socket_count + all.containerd_socket_count + 1, sizeof(*r->sockets));
	if (!r || !r->sockets) {
		free(r);
		return error_set(err, -ENOMEM, "out of memory");
	}
	r->options = *options;
	code = add_all(r, &all, err);
	if (code < 0) {
		runtimes_free(r);
		return code;
	}
	*ret = r;
	return 0;
}

static void stop(const struct socket *s)
{
	if (s->docker)
		docker_client_stop(s->docker);
	else
		containerd_client_stop(s->containerd);
}

struct runtimes *runtimes_free(struct runtimes *r)
{
	if (!r)
		return NULL;
	/* All at the same time. */
	for (size_t i = 0; i < r->count; i++)
		stop(&r->sockets[i]);
	for (size_t i = 0; i < r->count; i++) {
		docker_client_free(r->sockets[i].docker);
		containerd_client_free(r->sockets[i].containerd);
	}
	free(r->sockets);
	free(r);
	return NULL;
}

size_t runtimes_count(const struct runtimes *r)
{
	return r->count;
}

void runtimes_counters(const struct runtimes *r, size_t n, struct runtime_counters *ret)
{
	const struct socket *s = &r->sockets[n];

	ret->runtime = s->docker ? CONTAINER_RUNTIME_DOCKER : CONTAINER_RUNTIME_CONTAINERD;
	snprintf(ret->path, sizeof(ret->path), "%s", s->path);
	if (s->docker)
		docker_client_counters(s->docker, &ret->counters);
	else
		containerd_client_counters(s->containerd, &ret->counters);
}
