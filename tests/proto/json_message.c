#include "tests/proto/json_message.h"

#include "proto/wire.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put_varint(struct buffer *out, uint64_t value)
{
	uint8_t bytes[WIRE_FIELD_MAX + WIRE_SLACK];

	buffer_put(out, bytes, (size_t)(wire_varint(bytes, value) - bytes));
}

static void put_tag(struct buffer *out, const ProtobufCFieldDescriptor *field, enum wire_type type)
{
	put_varint(out, (uint64_t)field->id << 3 | type);
}

static void put_bytes(struct buffer *out, const ProtobufCFieldDescriptor *field, const void *bytes, size_t size)
{
	put_tag(out, field, WIRE_LENGTH);
	put_varint(out, size);
	buffer_put(out, bytes, size);
}

static uint64_t integer_of(const ProtobufCFieldDescriptor *field, json_t *json)
{
	const char *text = json_string_value(json);
	char *end;
	uint64_t value;

	if (json_is_integer(json))
		return (uint64_t)json_integer_value(json);
	cr_assert_not_null(text, "%s is no number", field->name);
	errno = 0;
	value = *text == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
	cr_assert(!errno && *text && !*end, "%s: \"%s\"", field->name, text);
	return value;
}

static uint64_t enum_of(const ProtobufCFieldDescriptor *field, json_t *json)
{
	const ProtobufCEnumValue *value;

	if (!json_is_string(json))
		return integer_of(field, json);
	value = protobuf_c_enum_descriptor_get_value_by_name(field->descriptor, json_string_value(json));
	cr_assert_not_null(value, "%s: %s", field->name, json_string_value(json));
	return (uint64_t)(int64_t)value->value;
}

static void put_double(struct buffer *out, const ProtobufCFieldDescriptor *field, json_t *json)
{
	double number = json_is_string(json) ? strtod(json_string_value(json), NULL) : json_number_value(json);

	put_tag(out, field, WIRE_FIXED64);
	buffer_put(out, &number, sizeof(number));
}

static void put_message(struct buffer *out, const ProtobufCFieldDescriptor *field, json_t *json)
{
	struct buffer inner;

	buffer_init(&inner, 0);
	json_message_pack(field->descriptor, json, &inner);
	put_bytes(out, field, inner.data, inner.length);
	buffer_done(&inner);
}

static void put_value(struct buffer *out, const ProtobufCFieldDescriptor *field, json_t *json)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		put_message(out, field, json);
		break;
	case PROTOBUF_C_TYPE_STRING:
		put_bytes(out, field, json_string_value(json), json_string_length(json));
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		put_double(out, field, json);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		put_tag(out, field, WIRE_VARINT);
		put_varint(out, json_is_true(json));
		break;
	case PROTOBUF_C_TYPE_ENUM:
		put_tag(out, field, WIRE_VARINT);
		put_varint(out, enum_of(field, json));
		break;
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SINT64:
		put_tag(out, field, WIRE_VARINT);
		put_varint(out, wire_zigzag((int64_t)integer_of(field, json)));
		break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
		put_tag(out, field, WIRE_VARINT);
		put_varint(out, integer_of(field, json));
		break;
	default:
		cr_assert_fail("%s: requests have no fields of its type", field->name);
	}
}

static void put_map(struct buffer *out, const ProtobufCFieldDescriptor *field, json_t *json)
{
	const char *key;
	json_t *value;

	json_object_foreach (json, key, value) {
		json_t *entry = json_pack("{s:s,s:O}", "key", key, "value", value);

		put_message(out, field, entry);
		json_decref(entry);
	}
}

static void put_field(struct buffer *out, const ProtobufCFieldDescriptor *field, json_t *json)
{
	json_t *element;
	size_t i;

	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		put_value(out, field, json);
	else if (json_is_object(json))
		put_map(out, field, json);
	else
		json_array_foreach (json, i, element)
			put_value(out, field, element);
}

void json_message_pack(const ProtobufCMessageDescriptor *descriptor, json_t *json, struct buffer *out)
{
	const char *name;
	json_t *value;

	json_object_foreach (json, name, value) {
		const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(descriptor, name);

		cr_assert_not_null(field, "%s has no field %s", descriptor->name, name);
		put_field(out, field, value);
	}
	cr_assert_not(out->failed);
}
