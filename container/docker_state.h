#ifndef CONTAINER_DOCKER_STATE_H
#define CONTAINER_DOCKER_STATE_H

#include "container/container_fact.h"
#include "container/state_file.h"

/*
 * What Docker keeps of its containers on disk: ROOT/containers/ID/config.v2.json (moby: container/container.go, struct Container) and
 * hostconfig.json beside it (api/types/container/hostconfig.go). Both are written to a file of another name and renamed into place, at each change,
 * hostconfig.json first. When a container is removed, its directory is.
 *
 * A container that could not be started ("State"."Error") is CREATED, unless it ran before: then it is EXITED. So is one that waits to be started again
 * ("State"."Restarting").
 *
 * `settings` is of name, image, "Config" and hostconfig.json, without what Docker itself changes while it creates a container; 0 if hostconfig.json is not
 * there or makes no sense; when a container is removed, that goes first.
 *
 * Any thread.
 */

/* Which files were read last, to see whether they are others now. All zeros at first. */
struct docker_files {
	struct state_file_id config, host_config;
};

/* The content of the two files; `host_config` may be NULL. *ret is a fact of CONTAINER_SOURCE_DOCKER, the caller's.
 * -EINVAL: no JSON object, or that of another container; -ENOMEM. */
int docker_state_parse(struct container_fact **ret, const char *id, const char *config, size_t config_size, const char *host_config,
		       size_t host_config_size);

/* The answer to GET /containers/ID/json of Docker's API (docs.docker.com/engine/api, "ContainerInspect"): of CONTAINER_SOURCE_DOCKER_API, with the
 * id that stands in it. Its `settings` cannot be compared with those from files. Errors as above. */
int docker_state_parse_inspect(struct container_fact **ret, const char *json, size_t size);

/* Reads those of a container. `known` may be NULL. 1: *ret is new (the caller's), and so is *known; 0: nothing has changed since *known.
 * -ENOENT: there is none; -EINVAL: it makes no sense, or the id cannot be one; others like state_file_read(). */
int docker_state_read(struct container_fact **ret, struct docker_files *known, const char *root, const char *id);

/* Tells of the ids of all containers that have a directory: how many, or -errno. */
int docker_state_list(const char *root, void (*fn)(void *context, const char *id), void *context);

#endif
