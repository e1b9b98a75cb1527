#include "proto/capsule8_place.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 5

int place_prefix(const struct place *at, const char *field)
{
	return error_prefix(at->err, at->err->code, "subscription.event_filter.%s[%zu].%s", at->list, at->index, field);
}

int place_refuse(const struct place *at, const char *field, const char *format, ...)
{
	char sentence[ERROR_MESSAGE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	error_set(at->err, -EINVAL, "%s", sentence);
	return place_prefix(at, field);
}

int place_no_memory(const struct place *at)
{
	return error_set(at->err, -ENOMEM, "out of memory");
}

/* "A (1), B (2)", or "A (1) to Z (26)" when there are many; without the first `without`. */
static void list_values(const ProtobufCEnumDescriptor *type, unsigned int without, char *to, size_t size)
{
	const ProtobufCEnumValue *first = &type->values[without];
	const ProtobufCEnumValue *last = &type->values[type->n_values - 1];
	size_t length = 0;

	if (type->n_values - without > NAMES_MAX) {
		snprintf(to, size, "%s (%d) to %s (%d)", first->name, first->value, last->name, last->value);
		return;
	}
	for (const ProtobufCEnumValue *v = first; v <= last && length < size; v++)
		length += (size_t)snprintf(to + length, size - length, "%s%s (%d)", v == first ? "" : ", ", v->name, v->value);
}

int place_check_enum(const struct place *at, const char *field, const ProtobufCEnumDescriptor *type, int value)
{
	char allowed[256];

	if (value && protobuf_c_enum_descriptor_get_value(type, value))
		return 0;
	list_values(type, 1, allowed, sizeof(allowed));
	return place_refuse(at, field, "%d%s; must be %s", value, value ? "" : " (unspecified)", allowed);
}

int place_check_choice(const struct place *at, const char *field, const ProtobufCEnumDescriptor *type, int value)
{
	char allowed[256];

	if (protobuf_c_enum_descriptor_get_value(type, value))
		return 0;
	list_values(type, 0, allowed, sizeof(allowed));
	return place_refuse(at, field, "%d; must be %s", value, allowed);
}

int place_check_length(const struct place *at, const char *field, const char *string)
{
	size_t length = strlen(string);

	if (length <= CAPSULE8_PATTERN_MAX_BYTES)
		return 0;
	return place_refuse(at, field, "%zu bytes long; at most %d are allowed", length, CAPSULE8_PATTERN_MAX_BYTES);
}

struct clause *place_add_clause(const struct place *at, enum event_kind kind)
{
	struct clause *clause = subscription_spec_add(at->spec, kind);

	if (!clause)
		place_no_memory(at);
	return clause;
}

int place_add_integer(const struct place *at, struct clause *clause, const char *field, const char *name, enum predicate_operator op,
		      uint64_t value)
{
	return clause_add(clause, name, op, value, NULL, at->err) ? place_prefix(at, field) : 0;
}

int place_add_string(const struct place *at, struct clause *clause, const char *field, const char *name, enum predicate_operator op,
		     const Google__Protobuf__StringValue *value)
{
	int r;

	if (!value)
		return 0;
	r = place_check_length(at, field, value->value);
	if (r)
		return r;
	return clause_add(clause, name, op, 0, value->value, at->err) ? place_prefix(at, field) : 0;
}
