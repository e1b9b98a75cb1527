#include "proto/message_json.h"

#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json_scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

static int put_message(const ProtobufCMessage *message, struct buffer *out);

/* protobuf-c's member for a field, in memory. */
static const void *member_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (const uint8_t *)message + field->offset;
}

static size_t element_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

static void put_enum(const ProtobufCEnumDescriptor *type, int32_t value, struct buffer *out)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);

	if (known)
		buffer_printf(out, "\"%s\"", known->name);
	else
		buffer_printf(out, "%" PRId32, value);
}

static int put_value(const ProtobufCFieldDescriptor *field, const void *value, struct buffer *out)
{
	const ProtobufCBinaryData *bytes = value;
	const char *string;

	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		buffer_printf(out, "%" PRId32, *(const int32_t *)value);
		return 0;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		buffer_printf(out, "%" PRIu32, *(const uint32_t *)value);
		return 0;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		buffer_printf(out, "\"%" PRId64 "\"", *(const int64_t *)value);
		return 0;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		buffer_printf(out, "\"%" PRIu64 "\"", *(const uint64_t *)value);
		return 0;
	case PROTOBUF_C_TYPE_FLOAT:
		json_put_float(out, *(const float *)value);
		return 0;
	case PROTOBUF_C_TYPE_DOUBLE:
		json_put_double(out, *(const double *)value);
		return 0;
	case PROTOBUF_C_TYPE_BOOL:
		buffer_put_string(out, *(const protobuf_c_boolean *)value ? "true" : "false");
		return 0;
	case PROTOBUF_C_TYPE_ENUM:
		put_enum(field->descriptor, *(const int32_t *)value, out);
		return 0;
	case PROTOBUF_C_TYPE_STRING:
		string = *(const char *const *)value;
		json_put_text(out, string ? string : "", string ? strlen(string) : 0);
		return 0;
	case PROTOBUF_C_TYPE_BYTES:
		json_put_base64(out, bytes->data, bytes->len);
		return 0;
	case PROTOBUF_C_TYPE_MESSAGE:
		return put_message(*(const ProtobufCMessage *const *)value, out);
	}
	return -EINVAL;
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *value)
{
	static const uint8_t zeros[8];
	const char *string;

	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return !*(const void *const *)value;
	case PROTOBUF_C_TYPE_STRING:
		string = *(const char *const *)value;
		return !string || !*string;
	case PROTOBUF_C_TYPE_BYTES:
		return !((const ProtobufCBinaryData *)value)->len;
	default:
		return !memcmp(value, zeros, element_size(field->type));
	}
}

/* Whether a field that is not repeated is written. */
static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *member = member_of(message, field);
	bool pointer = field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING;
	uint32_t quantifier = 0;

	if (field->quantifier_offset)
		memcpy(&quantifier, (const uint8_t *)message + field->quantifier_offset, sizeof(quantifier));
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return quantifier == field->id && (!pointer || *(const void *const *)member);
	if (field->label == PROTOBUF_C_LABEL_NONE)
		return !is_default(field, member);
	if (pointer)
		return *(const void *const *)member && *(const void *const *)member != field->default_value;
	return field->label == PROTOBUF_C_LABEL_REQUIRED || quantifier;
}

/* protobuf-c shows a map as a list of messages with a key and a value, and keeps no mark of it. protoc names those messages after the field:
 * `arguments` of type X holds X.ArgumentsEntry. */
bool message_json_is_map(const ProtobufCMessageDescriptor *message, const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;
	size_t outer = strlen(message->name);
	const char *name;
	bool upper = true;

	if (field->type != PROTOBUF_C_TYPE_MESSAGE || entry->n_fields != 2)
		return false;
	if (strcmp(entry->fields[0].name, "key") != 0 || strcmp(entry->fields[1].name, "value") != 0)
		return false;
	if (strncmp(entry->name, message->name, outer) != 0 || entry->name[outer] != '.')
		return false;
	name = entry->name + outer + 1;
	for (const char *c = field->name; *c; c++) {
		if (*c == '_') {
			upper = true;
			continue;
		}
		if (*name++ != (upper && *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c))
			return false;
		upper = false;
	}
	return !strcmp(name, "Entry");
}

/* Keys are strings in JSON, whatever they are in the map. */
static int put_key(const ProtobufCFieldDescriptor *field, const void *key, struct buffer *out)
{
	bool quoted = field->type == PROTOBUF_C_TYPE_STRING || element_size(field->type) == 8;
	int r;

	if (!quoted)
		buffer_put_u8(out, '"');
	r = put_value(field, key, out);
	if (!quoted)
		buffer_put_u8(out, '"');
	return r;
}

static int put_map(const ProtobufCMessage *const *entries, size_t count, struct buffer *out)
{
	buffer_put_u8(out, '{');
	for (size_t i = 0; i < count; i++) {
		const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
		const void *value = member_of(entries[i], &fields[1]);
		int r;

		if (i)
			buffer_put_u8(out, ',');
		r = put_key(&fields[0], member_of(entries[i], &fields[0]), out);
		buffer_put_u8(out, ':');
		/* An entry without a value has an empty one. */
		if (!r && fields[1].type == PROTOBUF_C_TYPE_MESSAGE && !*(const void *const *)value)
			buffer_put_string(out, "{}");
		else if (!r)
			r = put_value(&fields[1], value, out);
		if (r)
			return r;
	}
	buffer_put_u8(out, '}');
	return 0;
}

static int put_repeated(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count, struct buffer *out)
{
	const uint8_t *elements = *(const uint8_t *const *)member_of(message, field);

	if (message_json_is_map(message->descriptor, field))
		return put_map((const ProtobufCMessage *const *)(const void *)elements, count, out);
	buffer_put_u8(out, '[');
	for (size_t i = 0; i < count; i++) {
		int r;

		if (i)
			buffer_put_u8(out, ',');
		r = put_value(field, elements + i * element_size(field->type), out);
		if (r)
			return r;
	}
	buffer_put_u8(out, ']');
	return 0;
}

/* exec_command_line → "execCommandLine": */
static void put_name(const char *name, bool first, struct buffer *out)
{
	buffer_put_string(out, first ? "\"" : ",\"");
	message_json_put_name(name, out);
	buffer_put_string(out, "\":");
}

void message_json_put_name(const char *name, struct buffer *out)
{
	bool upper = false;

	for (; *name; name++) {
		if (*name != '_')
			buffer_put_u8(out, (uint8_t)(upper && *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name));
		upper = *name == '_';
	}
}

static int put_fields(const ProtobufCMessage *message, struct buffer *out)
{
	bool first = true;

	for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		size_t count = 0;
		int r;

		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			memcpy(&count, (const uint8_t *)message + field->quantifier_offset, sizeof(count));
		if (field->label == PROTOBUF_C_LABEL_REPEATED ? !count : !is_set(message, field))
			continue;
		put_name(field->name, first, out);
		first = false;
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			r = put_repeated(message, field, count, out);
		else
			r = put_value(field, member_of(message, field), out);
		if (r)
			return r;
	}
	return 0;
}

static int put_any(const Google__Protobuf__Any *any, struct buffer *out)
{
	buffer_put_string(out, "{\"@type\":");
	json_put_text(out, any->type_url, strlen(any->type_url));
	buffer_put_string(out, ",\"value\":");
	json_put_base64(out, any->value.data, any->value.len);
	buffer_put_u8(out, '}');
	return 0;
}

bool message_json_is_wrapper(const ProtobufCMessageDescriptor *type)
{
	static const char package[] = "google.protobuf.";
	size_t length = strlen(type->name);

	return type->n_fields == 1 && !strncmp(type->name, package, sizeof(package) - 1) && length > 5 &&
	       !strcmp(type->name + length - 5, "Value") && !strcmp(type->fields[0].name, "value");
}

static int put_message(const ProtobufCMessage *message, struct buffer *out)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const Google__Protobuf__Timestamp *time = (const Google__Protobuf__Timestamp *)message;
	int r;

	if (type == &google__protobuf__timestamp__descriptor)
		return json_put_time(out, time->seconds, time->nanos) ? 0 : -EINVAL;
	if (type == &google__protobuf__any__descriptor)
		return put_any((const Google__Protobuf__Any *)message, out);
	if (message_json_is_wrapper(type))
		return put_value(&type->fields[0], member_of(message, &type->fields[0]), out);
	buffer_put_u8(out, '{');
	r = put_fields(message, out);
	buffer_put_u8(out, '}');
	return r;
}

int message_json(const ProtobufCMessage *message, struct buffer *out)
{
	int r = put_message(message, out);

	return r ? r : out->failed ? -ENOMEM : 0;
}
