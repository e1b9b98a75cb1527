#ifndef SUBSCRIPTION_CONTAINER_FILTER_H
#define SUBSCRIPTION_CONTAINER_FILTER_H

#include "base/error.h"
#include "sensor/container.h"

/*
 * Which containers a subscription is about: one that fits any of the entries, of whichever list, is in. What is in no container never is, nor is,
 * for an entry by name or image, a container of which those are not known (container_table.h says when that can be).
 *
 * A value that owns its entries; checked when they are added, so that matching needs neither memory nor errors.
 */

enum container_filter_list {
	/* 4 to 64 hexadecimal digits in lower case: the id, or its beginning (people use 12). */
	CONTAINER_FILTER_ID,
	/* The whole name, with or without the slash that Docker puts in front of it. Also what LXC and systemd-nspawn call a container, which is
	 * all that those have for an id. */
	CONTAINER_FILTER_NAME,
	/* The image's id or its beginning, as with ids; with or without "sha256:". */
	CONTAINER_FILTER_IMAGE_ID,
	/* A pattern (path_glob.h) that the image's name fits as it was given when the container was made: "nginx" is not "nginx:latest", "nginx*" is
	 * both, and neither is "docker.io/library/nginx". One that begins with "sha256:" is also held against the image's id, and need only be
	 * the beginning of that, at least 4 digits of it. */
	CONTAINER_FILTER_IMAGE_NAME,
	CONTAINER_FILTER_LISTS,
};

#define CONTAINER_FILTER_ENTRIES_MAX 1024 /* in all lists together */
#define CONTAINER_FILTER_NAME_MAX    256

struct container_filter_entry {
	enum container_filter_list list;
	char *text; /* NUL-terminated; names without their slash, image ids without "sha256:" */
};

struct container_filter {
	struct container_filter_entry *entries;
	size_t count;
};

/* An empty one; NULL: out of memory. */
struct container_filter *container_filter_new(void);
/* Takes NULL; returns NULL. */
struct container_filter *container_filter_free(struct container_filter *f);

/* NULL: out of memory, or `f` is NULL. */
struct container_filter *container_filter_copy(const struct container_filter *f);

/* -EINVAL: the value is not what the list takes, or there are CONTAINER_FILTER_ENTRIES_MAX already; a sentence with the value and what is allowed.
 * -ENOMEM. */
int container_filter_add(struct container_filter *f, enum container_filter_list list, const char *value, struct error *err);

/* Adds it to each list of ids, names and image names that it can be in, as people write it. Errors as above, when it can be in none. */
int container_filter_add_any(struct container_filter *f, const char *value, struct error *err);

/* What the contract calls the list: "image_names". */
const char *container_filter_list_name(enum container_filter_list list);

/* Both may be NULL. */
bool container_filter_equal(const struct container_filter *a, const struct container_filter *b);

/* `c` NULL: no container. */
bool container_filter_matches(const struct container_filter *f, const struct container *c);

#endif
