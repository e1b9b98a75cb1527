#include "proto/capsule8_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of a long way, this much of its beginning and its end is told: the message has to have room for the reason. */
#define STEPS_AT_THE_BEGINNING 2
#define STEPS_AT_THE_END       6

static size_t path_put(char *to, size_t size, size_t length, const char *separator, const char *name)
{
	int written = length < size ? snprintf(to + length, size - length, "%s%s", separator, name) : 0;

	return length + (written > 0 ? (size_t)written : 0);
}

/* `behind`: how many steps come after this one. */
static size_t put_steps(const struct tree_step *step, size_t behind, size_t all, char *to, size_t size)
{
	size_t before = all - behind - 1;
	size_t length = step->up ? put_steps(step->up, behind + 1, all, to, size) : 0;
	char left_out[40];

	if (all <= STEPS_AT_THE_BEGINNING + STEPS_AT_THE_END + 1 || before < STEPS_AT_THE_BEGINNING || behind < STEPS_AT_THE_END)
		return path_put(to, size, length, before ? "." : "", step->name);
	if (before > STEPS_AT_THE_BEGINNING)
		return length;
	snprintf(left_out, sizeof(left_out), "(%zu more)", all - STEPS_AT_THE_BEGINNING - STEPS_AT_THE_END);
	return path_put(to, size, length, ".", left_out);
}

static void put_path(const struct tree_step *step, char *to, size_t size)
{
	size_t all = 1;

	for (const struct tree_step *s = step->up; s; s = s->up)
		all++;
	put_steps(step, 0, all, to, size);
}

uint32_t tree_number(struct tree *t, const struct tree_step *step)
{
	if (++t->count == t->wanted)
		put_path(step, t->path, sizeof(t->path));
	return t->count;
}

struct expression *tree_refuse(struct tree *t, const struct tree_step *step, const char *format, ...)
{
	char sentence[ERROR_MESSAGE_BYTES], path[sizeof(t->path)];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	put_path(step, path, sizeof(path));
	t->r = place_refuse(t->at, path, "%s", sentence);
	return NULL;
}

bool tree_check_enum(struct tree *t, const struct tree_step *step, const char *name, const ProtobufCEnumDescriptor *type, int value)
{
	const struct tree_step field = {.up = step, .name = name};
	char path[sizeof(t->path)];

	put_path(&field, path, sizeof(path));
	t->r = place_check_enum(t->at, path, type, value);
	return !t->r;
}

bool tree_check_choice(struct tree *t, const struct tree_step *step, const char *name, const ProtobufCEnumDescriptor *type, int value)
{
	const struct tree_step field = {.up = step, .name = name};
	char path[sizeof(t->path)];

	put_path(&field, path, sizeof(path));
	t->r = place_check_choice(t->at, path, type, value);
	return !t->r;
}

bool tree_check_length(struct tree *t, const struct tree_step *step, const char *string)
{
	char path[sizeof(t->path)];

	put_path(step, path, sizeof(path));
	t->r = place_check_length(t->at, path, string);
	return !t->r;
}

const char *tree_enum_name(const ProtobufCEnumDescriptor *type, int value)
{
	return protobuf_c_enum_descriptor_get_value(type, value)->name;
}

/* Puts the path of the part with this number in front of the error. */
static int prefix_path(const struct place *at, uint32_t position, const struct tree_step *root, tree_decode_fn *decode, const void *message)
{
	struct tree t = {.at = at, .wanted = position};

	snprintf(t.path, sizeof(t.path), "%s", root->name);
	expression_free(decode(&t, root, message));
	return place_prefix(at, t.path);
}

int tree_add(const struct place *at, struct clause *clause, const char *name, tree_decode_fn *decode, const void *message)
{
	const struct tree_step root = {.name = name};
	struct tree t = {.at = at};
	uint32_t position = 0;
	struct expression *e;
	int r;

	if (!message)
		return 0;
	e = decode(&t, &root, message);
	if (!e)
		return t.r ? t.r : place_no_memory(at);
	r = clause_add_expression(clause, e, &position, at->err);
	return r == -EINVAL ? prefix_path(at, position, &root, decode, message) : r;
}
