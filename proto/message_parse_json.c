#include "proto/message_parse_json.h"

#include "base/suggest.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json_read.h"
#include "proto/message_check.h"
#include "proto/message_json.h"
#include "proto/wire.h"
#include "subscription/query_value.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Where a value stands, inside of what it is a part of. */
struct place {
	const struct place *parent; /* NULL: the message itself */
	const char *name;           /* NULL: an element of a list */
	size_t index;
	unsigned int depth;
};

static void put_path(const struct place *at, struct buffer *path)
{
	if (!at->parent)
		return;
	put_path(at->parent, path);
	if (at->name)
		buffer_printf(path, "%s%.64s", path->length ? "." : "", at->name);
	else
		buffer_printf(path, "[%zu]", at->index);
}

/* Puts the path in front of the sentence. */
static int fail_at(const struct place *at, int r, struct error *err)
{
	struct buffer path;

	if (r != -EINVAL || !at->parent)
		return r;
	buffer_init(&path, 0);
	put_path(at, &path);
	error_prefix(err, r, "%.*s", path.length > 300 ? 300 : (int)path.length, (const char *)path.data);
	buffer_done(&path);
	return r;
}

static void put_varint(uint64_t value, struct buffer *out)
{
	uint8_t *to = buffer_reserve(out, WIRE_FIELD_MAX + WIRE_SLACK);

	if (to)
		out->length += (size_t)(wire_varint(to, value) - to);
}

static void put_tag(const ProtobufCFieldDescriptor *field, enum wire_type type, struct buffer *out)
{
	put_varint(WIRE_TAG(field->id, type), out);
}

static void put_bytes(const ProtobufCFieldDescriptor *field, const void *bytes, size_t size, struct buffer *out)
{
	put_tag(field, WIRE_LENGTH, out);
	put_varint(size, out);
	buffer_put(out, bytes, size);
}

static int put_message(const ProtobufCMessageDescriptor *type, const json_t *json, const struct place *at, struct buffer *out,
		       struct error *err);

static int read_integer(const ProtobufCFieldDescriptor *field, const json_t *json, uint64_t *ret, struct error *err)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return json_read_signed(json, INT32_MIN, INT32_MAX, ret, err);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return json_read_signed(json, INT64_MIN, INT64_MAX, ret, err);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_read_unsigned(json, UINT32_MAX, ret, err);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return json_read_unsigned(json, UINT64_MAX, ret, err);
	case PROTOBUF_C_TYPE_BOOL:
		return json_read_bool(json, ret, err);
	default:
		return json_read_enum(json, field->descriptor, ret, err);
	}
}

static int put_integer(const ProtobufCFieldDescriptor *field, const json_t *json, struct buffer *out, struct error *err)
{
	uint64_t value;
	int r = read_integer(field, json, &value, err);

	if (r)
		return r;
	switch (field->type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
		put_tag(field, WIRE_FIXED32, out);
		buffer_put_u32(out, (uint32_t)value);
		break;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
		put_tag(field, WIRE_FIXED64, out);
		buffer_put_u64(out, value);
		break;
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SINT64:
		put_tag(field, WIRE_VARINT, out);
		put_varint(wire_zigzag((int64_t)value), out);
		break;
	default:
		put_tag(field, WIRE_VARINT, out);
		put_varint(value, out);
	}
	return 0;
}

static int put_real(const ProtobufCFieldDescriptor *field, const json_t *json, struct buffer *out, struct error *err)
{
	uint64_t bits = 0;
	double number;
	float single;
	int r = json_read_double(json, &number, err);

	if (r)
		return r;
	if (field->type == PROTOBUF_C_TYPE_FLOAT) {
		single = (float)number;
		memcpy(&bits, &single, sizeof(single));
		put_tag(field, WIRE_FIXED32, out);
		buffer_put_u32(out, (uint32_t)bits);
		return 0;
	}
	memcpy(&bits, &number, sizeof(number));
	put_tag(field, WIRE_FIXED64, out);
	buffer_put_u64(out, bits);
	return 0;
}

static int put_base64(const ProtobufCFieldDescriptor *field, const json_t *json, struct buffer *out, struct error *err)
{
	struct buffer bytes;
	int r;

	buffer_init(&bytes, 0);
	r = json_read_base64(json, &bytes, err);
	if (!r)
		put_bytes(field, bytes.data, bytes.length, out);
	out->failed |= bytes.failed;
	buffer_done(&bytes);
	return r;
}

static int put_inner(const ProtobufCFieldDescriptor *field, const json_t *json, const struct place *at, struct buffer *out,
		     struct error *err)
{
	struct buffer inner;
	int r;

	buffer_init(&inner, 0);
	r = put_message(field->descriptor, json, at, &inner, err);
	if (!r)
		put_bytes(field, inner.data, inner.length, out);
	out->failed |= inner.failed;
	buffer_done(&inner);
	return r;
}

/* One value, at its place. */
static int put_value(const ProtobufCFieldDescriptor *field, const json_t *json, const struct place *at, struct buffer *out,
		     struct error *err)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return put_inner(field, json, at, out, err);
	case PROTOBUF_C_TYPE_STRING:
		if (!json_is_string(json))
			return fail_at(at, error_set(err, -EINVAL, "a string is needed, not %s", json_type_name(json)), err);
		put_bytes(field, json_string_value(json), json_string_length(json), out);
		return 0;
	case PROTOBUF_C_TYPE_BYTES:
		return fail_at(at, put_base64(field, json, out, err), err);
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return fail_at(at, put_real(field, json, out, err), err);
	default:
		return fail_at(at, put_integer(field, json, out, err), err);
	}
}

static int put_entry(const ProtobufCFieldDescriptor *field, const char *key, const json_t *value, const struct place *at,
		     struct buffer *out, struct error *err)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;
	json_t *key_json = json_string(key);
	struct buffer inner;
	int r = key_json ? 0 : error_set(err, -ENOMEM, "out of memory");

	buffer_init(&inner, 0);
	if (!r)
		r = put_value(&entry->fields[0], key_json, at, &inner, err);
	if (!r)
		r = put_value(&entry->fields[1], value, at, &inner, err);
	if (!r)
		put_bytes(field, inner.data, inner.length, out);
	out->failed |= inner.failed;
	buffer_done(&inner);
	json_decref(key_json);
	return r;
}

static int put_map(const ProtobufCFieldDescriptor *field, const json_t *json, const struct place *at, struct buffer *out, struct error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(json))
		return fail_at(at, error_set(err, -EINVAL, "an object is needed, not %s", json_type_name(json)), err);
	json_object_foreach ((json_t *)json, key, value) {
		struct place inner = {.parent = at, .name = key, .depth = at->depth};
		int r = put_entry(field, key, value, &inner, out, err);

		if (r)
			return r;
	}
	return 0;
}

static int put_list(const ProtobufCFieldDescriptor *field, const json_t *json, const struct place *at, struct buffer *out,
		    struct error *err)
{
	if (!json_is_array(json))
		return fail_at(at, error_set(err, -EINVAL, "a list is needed, not %s", json_type_name(json)), err);
	for (size_t i = 0; i < json_array_size(json); i++) {
		struct place inner = {.parent = at, .index = i, .depth = at->depth};
		int r = put_value(field, json_array_get(json, i), &inner, out, err);

		if (r)
			return r;
	}
	return 0;
}

static bool has_json_name(const ProtobufCFieldDescriptor *field, const char *name)
{
	struct buffer camel;
	bool same;

	if (!strcmp(field->name, name))
		return true;
	buffer_init(&camel, 0);
	message_json_put_name(field->name, &camel);
	same = camel.length == strlen(name) && !memcmp(camel.data, name, camel.length);
	buffer_done(&camel);
	return same;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, const char *name)
{
	for (unsigned int i = 0; i < type->n_fields; i++)
		if (has_json_name(&type->fields[i], name))
			return &type->fields[i];
	return NULL;
}

static int refuse_unknown(const ProtobufCMessageDescriptor *type, const char *name, struct error *err)
{
	struct suggestion s;
	char known[160] = "";
	size_t length = 0;

	suggestion_init(&s, name);
	for (unsigned int i = 0; i < type->n_fields; i++) {
		suggestion_offer(&s, type->fields[i].name);
		if (length < sizeof(known))
			length += (size_t)snprintf(known + length, sizeof(known) - length, "%s%s", i ? ", " : "", type->fields[i].name);
	}
	if (suggestion_best(&s))
		return error_set(err, -EINVAL, "%s has no such field; did you mean %s?", type->short_name, suggestion_best(&s));
	return error_set(err, -EINVAL, "%s has no such field; it has %s", type->short_name, *known ? known : "none");
}

/* Fields that are set already, in this message. */
struct fields {
	const ProtobufCMessageDescriptor *type;
	uint8_t set[64]; /* bits, by the place in the descriptor */
};

/* Not twice, by its two names, and not beside another one of its oneof: they stand at the same quantifier. */
static int take_field(struct fields *f, const ProtobufCFieldDescriptor *field, struct error *err)
{
	size_t index = (size_t)(field - f->type->fields);

	for (size_t i = 0; i < f->type->n_fields && i < 8 * sizeof(f->set); i++) {
		const ProtobufCFieldDescriptor *other = &f->type->fields[i];

		if (!(f->set[i / 8] >> i % 8 & 1))
			continue;
		if (i == index)
			return error_set(err, -EINVAL, "it is there twice");
		if (field->flags & other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && field->quantifier_offset == other->quantifier_offset)
			return error_set(err, -EINVAL, "%s is there already, and only one of them can be", other->name);
	}
	if (index < 8 * sizeof(f->set))
		f->set[index / 8] |= (uint8_t)(1 << index % 8);
	return 0;
}

static int put_field(struct fields *f, const char *name, const json_t *json, const struct place *at, struct buffer *out, struct error *err)
{
	const ProtobufCFieldDescriptor *field = find_field(f->type, name);
	int r;

	if (!field)
		return fail_at(at, refuse_unknown(f->type, name, err), err);
	if (json_is_null(json))
		return 0;
	r = take_field(f, field, err);
	if (r)
		return fail_at(at, r, err);
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return put_value(field, json, at, out, err);
	if (message_json_is_map(f->type, field))
		return put_map(field, json, at, out, err);
	return put_list(field, json, at, out, err);
}

static int put_timestamp(const json_t *json, struct buffer *out, struct error *err)
{
	const char *text = json_string_value(json);
	struct expression_timestamp time;
	uint8_t bytes[2 * WIRE_FIELD_MAX + WIRE_SLACK], *to = bytes;

	if (!text || *text == '@' || !value_parse_time(text, &time))
		return error_set(err, -EINVAL, "a time is needed, like \"2026-11-25T10:00:00.5Z\"%s%.64s%s", text ? ", not \"" : "",
				 text ? text : "", text ? "\"" : "");
	to = wire_put_int(to, 1, time.seconds);
	to = wire_put_int(to, 2, time.nanoseconds);
	buffer_put(out, bytes, (size_t)(to - bytes));
	return 0;
}

static int put_any(const json_t *json, const struct place *at, struct buffer *out, struct error *err)
{
	const ProtobufCFieldDescriptor *fields = google__protobuf__any__descriptor.fields;
	const json_t *type = json_object_get(json, "@type"), *value = json_object_get(json, "value");

	if (!json_is_string(type) || !value || json_object_size(json) != 2)
		return fail_at(at, error_set(err, -EINVAL, "{\"@type\": ..., \"value\": ...} is needed, the value packed and in base64"),
			       err);
	put_bytes(&fields[0], json_string_value(type), json_string_length(type), out);
	return fail_at(at, put_base64(&fields[1], value, out, err), err);
}

static int put_message(const ProtobufCMessageDescriptor *type, const json_t *json, const struct place *at, struct buffer *out,
		       struct error *err)
{
	struct fields fields = {.type = type};
	const char *name;
	json_t *value;

	if (at->depth == MESSAGE_DEPTH_MAX)
		return fail_at(at, error_set(err, -EINVAL, "more than %d messages in one another", MESSAGE_DEPTH_MAX), err);
	if (type == &google__protobuf__timestamp__descriptor)
		return fail_at(at, put_timestamp(json, out, err), err);
	if (message_json_is_wrapper(type))
		return put_value(&type->fields[0], json, at, out, err);
	if (!json_is_object(json))
		return fail_at(at, error_set(err, -EINVAL, "an object is needed, not %s", json_type_name(json)), err);
	if (type == &google__protobuf__any__descriptor)
		return put_any(json, at, out, err);
	json_object_foreach ((json_t *)json, name, value) {
		struct place inner = {.parent = at, .name = name, .depth = at->depth + 1};
		int r = put_field(&fields, name, value, &inner, out, err);

		if (r)
			return r;
	}
	return 0;
}

int message_parse_json(const ProtobufCMessageDescriptor *type, const json_t *json, struct buffer *out, struct error *err)
{
	struct place message = {0};
	int r = put_message(type, json, &message, out, err);

	return r ? r : out->failed ? error_set(err, -ENOMEM, "out of memory") : 0;
}

int message_json_load(const char *text, size_t size, json_t **ret, struct error *err)
{
	json_error_t error;

	*ret = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!*ret)
		return error_set(err, -EINVAL, "line %d, column %d: %s", error.line, error.column, error.text);
	if (json_is_object(*ret))
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return error_set(err, -EINVAL, "an object is needed, between { and }");
}
