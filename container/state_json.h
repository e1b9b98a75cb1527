#ifndef CONTAINER_STATE_JSON_H
#define CONTAINER_STATE_JSON_H

#include "container/container_fact.h"

#include <jansson.h>

/*
 * From JSON that came from outside to what stands in a fact. Keys that are not there and values of another type than expected are unknown: "", 0, NULL.
 * All functions take NULL for a value that is not there.
 *
 * Any thread.
 */

#define STATE_JSON_VALUES_MAX 262144 /* in one text; an empty object costs some hundred times its two bytes of text */

/* 0: *ret is the caller's (json_decref()), an object or array. -EINVAL: no JSON (RFC 8259, in UTF-8), deeper than 2048 (which takes 0.7 MiB of stack),
 * or with more values than STATE_JSON_VALUES_MAX; -ENOMEM. Integers beyond int64_t are doubles. */
int state_json_load(json_t **ret, const char *text, size_t size);

/* *string (one of a fact's) becomes the string under that key, unless it is none, empty or longer than `max`; then it stays as it is. False: out of
 * memory. */
bool state_json_string(char **string, const json_t *object, const char *key, size_t max);

/* Like that, for an image's id: without "sha256:". */
bool state_json_image_id(char **string, const json_t *object, const char *key);

/* An object of strings becomes the fact's labels, behind those that it has. False: out of memory. */
bool state_json_labels(struct container_fact *f, const json_t *object);

/* RFC 3339 ("2006-01-02T15:04:05.999999999Z", "...+02:00"), in ns since the epoch. 0: none, or before 1970 (Go's "0001-01-01T00:00:00Z" is never). */
int64_t state_json_time_ns(const json_t *object, const char *key);

/* A whole number in [0, max]; 0: none. */
uint64_t state_json_number(const json_t *object, const char *key, uint64_t max);

/* A hash of some values, whatever the order of their keys. Feed it, then take the result, which is never 0. */
struct state_json_hash;
struct state_json_hash *state_json_hash_new(void);
void state_json_hash_add(struct state_json_hash *h, const json_t *value);
/* Frees it; 0: it was NULL (out of memory), or became so. */
uint64_t state_json_hash_end(struct state_json_hash *h);

#endif
