#include "subscription/container_filter.h"

#include "subscription/path_glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ID_DIGITS_MIN 4
#define ID_DIGITS_MAX 64
#define DIGEST        "sha256:"
#define SHOWN_BYTES   80 /* of a value in a sentence */

static const char *const list_names[CONTAINER_FILTER_LISTS] = {"ids", "names", "image_ids", "image_names"};

const char *container_filter_list_name(enum container_filter_list list)
{
	return list_names[list];
}

struct container_filter *container_filter_new(void)
{
	return calloc(1, sizeof(struct container_filter));
}

struct container_filter *container_filter_free(struct container_filter *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->count; i++)
		free(f->entries[i].text);
	free(f->entries);
	free(f);
	return NULL;
}

struct container_filter *container_filter_copy(const struct container_filter *f)
{
	struct container_filter *copy = f ? container_filter_new() : NULL;

	if (!copy || !f->count)
		return copy;
	copy->entries = reallocarray(NULL, f->count, sizeof(*copy->entries));
	if (!copy->entries)
		return container_filter_free(copy);
	for (; copy->count < f->count; copy->count++) {
		struct container_filter_entry *entry = &copy->entries[copy->count];

		*entry = f->entries[copy->count];
		entry->text = strdup(entry->text);
		if (!entry->text)
			return container_filter_free(copy);
	}
	return copy;
}

/* Behind the prefix, if it is there. */
static const char *skip(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) ? text : text + length;
}

static int refuse(const char *value, const char *reason, struct error *err)
{
	size_t length = strlen(value);

	return error_set(err, -EINVAL, "\"%.*s%s\"; %s", length > SHOWN_BYTES ? SHOWN_BYTES : (int)length, value,
			 length > SHOWN_BYTES ? "..." : "", reason);
}

static bool is_id(const char *text)
{
	size_t digits = strspn(text, "0123456789abcdef");

	return !text[digits] && digits >= ID_DIGITS_MIN && digits <= ID_DIGITS_MAX;
}

static bool is_name(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/");

	return length && !text[length] && length <= CONTAINER_FILTER_NAME_MAX;
}

static int check_image_name(const char *value, struct error *err)
{
	struct error reason;

	if (path_glob_check(value, &reason)) {
		refuse(value, reason.message, err);
		return -EINVAL;
	}
	if (!strncmp(value, DIGEST, strlen(DIGEST)) && !strpbrk(value, "*?[\\") && !is_id(skip(value, DIGEST)))
		return refuse(value, "behind sha256: must be 4 to 64 hexadecimal digits in lower case, or a pattern", err);
	return 0;
}

/* *ret_text: what is kept of the value. */
static int check(enum container_filter_list list, const char *value, const char **ret_text, struct error *err)
{
	const char *text = value;

	switch (list) {
	case CONTAINER_FILTER_ID:
		if (!is_id(text))
			return refuse(value, "must be 4 to 64 hexadecimal digits in lower case: a container's id or its beginning", err);
		break;
	case CONTAINER_FILTER_NAME:
		text = skip(text, "/");
		if (!is_name(text))
			return refuse(value, "must be a container's whole name: 1 to 256 letters, digits, or _ . - /", err);
		break;
	case CONTAINER_FILTER_IMAGE_ID:
		text = skip(text, DIGEST);
		if (!is_id(text))
			return refuse(
				value,
				"must be 4 to 64 hexadecimal digits in lower case: an image's id or its beginning, with or without sha256:",
				err);
		break;
	default:
		if (check_image_name(value, err))
			return -EINVAL;
		break;
	}
	*ret_text = text;
	return 0;
}

int container_filter_add(struct container_filter *f, enum container_filter_list list, const char *value, struct error *err)
{
	struct container_filter_entry *entries;
	const char *text = value;
	char *copy;

	if (check(list, value, &text, err))
		return -EINVAL;
	if (f->count == CONTAINER_FILTER_ENTRIES_MAX)
		return refuse(value, "at most 1024 entries are allowed in all lists together", err);
	copy = strdup(text);
	entries = copy ? reallocarray(f->entries, f->count + 1, sizeof(*entries)) : NULL;
	if (!entries) {
		free(copy);
		return error_set(err, -ENOMEM, "out of memory");
	}
	f->entries = entries;
	entries[f->count++] = (struct container_filter_entry){.list = list, .text = copy};
	return 0;
}

int container_filter_add_any(struct container_filter *f, const char *value, struct error *err)
{
	static const enum container_filter_list lists[] = {CONTAINER_FILTER_ID, CONTAINER_FILTER_NAME, CONTAINER_FILTER_IMAGE_NAME};
	size_t before = f->count;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *text;
		int r = check(lists[i], value, &text, NULL) ? 0 : container_filter_add(f, lists[i], value, err);

		if (r)
			return r;
	}
	/* The last list takes what the others do: its reason is the reason. */
	return f->count > before ? 0 : check_image_name(value, err);
}

bool container_filter_equal(const struct container_filter *a, const struct container_filter *b)
{
	if (!a || !b)
		return a == b;
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->entries[i].list != b->entries[i].list || strcmp(a->entries[i].text, b->entries[i].text) != 0)
			return false;
	return true;
}

/* A name that serves as an id is only itself. */
static bool id_matches(const struct container *c, const char *text)
{
	return event_string_begins_with(&c->id, text) && (c->id.length == ID_DIGITS_MAX || c->id.length == strlen(text));
}

static bool name_matches(const struct container *c, const char *text)
{
	size_t slash = event_string_begins_with(&c->name, "/");
	size_t length = c->name.length - slash;

	return length && length == strlen(text) && !memcmp(c->name.bytes + slash, text, length);
}

static bool image_name_matches(const struct container *c, const char *text)
{
	const char *digest = skip(text, DIGEST);

	if (c->image_name.length && path_glob_matches(text, c->image_name.bytes, c->image_name.length))
		return true;
	if (digest == text || !c->image_id.length)
		return false;
	return event_string_begins_with(&c->image_id, digest) || path_glob_matches(digest, c->image_id.bytes, c->image_id.length);
}

static bool entry_matches(const struct container_filter_entry *e, const struct container *c)
{
	switch (e->list) {
	case CONTAINER_FILTER_ID:
		return id_matches(c, e->text);
	case CONTAINER_FILTER_NAME:
		return name_matches(c, e->text);
	case CONTAINER_FILTER_IMAGE_ID:
		return c->image_id.length && event_string_begins_with(&c->image_id, e->text);
	case CONTAINER_FILTER_IMAGE_NAME:
		return image_name_matches(c, e->text);
	case CONTAINER_FILTER_LISTS:
		break;
	}
	return false;
}

bool container_filter_matches(const struct container_filter *f, const struct container *c)
{
	for (size_t i = 0; c && i < f->count; i++)
		if (entry_matches(&f->entries[i], c))
			return true;
	return false;
}
