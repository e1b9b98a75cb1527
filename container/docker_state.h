#ifndef CONTAINER_DOCKER_STATE_H
#define CONTAINER_DOCKER_STATE_H

#include <stddef.h>
#include <stdint.h>

/*
 * What Docker keeps about a container in ROOT/containers/ID/config.v2.json (moby: container/container.go, struct Container, written whole and
 * renamed into place). Of it, these are read: "ID", "Name", "Image" (the image's id) and "Config"."Image" (its name as it was given).
 */

#define DOCKER_NAME_BYTES     257 /* with their NUL; longer ones are not known */
#define DOCKER_IMAGE_ID_BYTES 129
#define DOCKER_IMAGE_BYTES    513

struct docker_state {
	char name[DOCKER_NAME_BYTES];         /* "/web" */
	char image_id[DOCKER_IMAGE_ID_BYTES]; /* without "sha256:" */
	char image_name[DOCKER_IMAGE_BYTES];  /* "nginx:1.25" */
};

/* Which file it was, to see whether it is another one now. */
struct docker_file {
	uint64_t device, inode, size;
	int64_t modified_ns;
};

/* The content of a config.v2.json. What it lacks is "". -EINVAL: no JSON object, or that of another container. */
int docker_state_parse(struct docker_state *ret, const char *json, size_t size, const char *id);

/* Reads that of a container; *file (zeros at first) says what was read last. 1: *ret is new; 0: the file is the same as last time. -ENOENT: there
 * is none; -EINVAL: it makes no sense, is no regular file or longer than 4 MiB; other errors as the system gives them. */
int docker_state_read(struct docker_state *ret, struct docker_file *file, const char *root, const char *id);

#endif
