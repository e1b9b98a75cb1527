#include "proto/message_check.h"

#include "base/buffer.h"
#include "proto/utf8.h"
#include "proto/wire.h"

#include <errno.h>

#define PATH_MAX_BYTES 256

/* A message that is being looked through, inside its parent. */
struct frame {
	const struct frame *parent;
	const ProtobufCMessageDescriptor *descriptor;
	const uint8_t *bytes;
	const ProtobufCFieldDescriptor *field; /* the one that is looked at now */
	const uint8_t *field_end;
	unsigned int depth;
};

struct check {
	size_t fields;
	struct error *err;
};

/* How many times the current field stood in the message before this one: worked out only when there is something to complain about. */
static size_t field_index(const struct frame *f)
{
	const uint8_t *at = f->bytes;
	struct wire_field field;
	size_t count = 0;

	while (at < f->field_end && wire_read_field(&at, f->field_end, &field))
		count += field.number == f->field->id;
	return count ? count - 1 : 0;
}

static void put_path(const struct frame *f, struct buffer *out)
{
	if (f->parent)
		put_path(f->parent, out);
	if (!f->field)
		return;
	if (out->length)
		buffer_put_u8(out, '.');
	buffer_put_string(out, f->field->name);
	if (f->field->label == PROTOBUF_C_LABEL_REPEATED)
		buffer_printf(out, "[%zu]", field_index(f));
}

static int refuse(const struct check *c, const struct frame *f, const char *reason)
{
	struct buffer path;

	/* Deep paths are cut short by the limit. */
	buffer_init(&path, PATH_MAX_BYTES);
	put_path(f, &path);
	if (path.length)
		error_set(c->err, -EINVAL, "%.*s: %s", (int)path.length, (const char *)path.data, reason);
	else
		error_set(c->err, -EINVAL, "%s: %s", f->descriptor->short_name, reason);
	buffer_done(&path);
	return -EINVAL;
}

static int check_string(const struct check *c, const struct frame *f, const struct wire_field *field)
{
	if (field->size && memchr(field->bytes, 0, field->size))
		return refuse(c, f, "holds a NUL character; strings must not");
	if (!utf8_is_valid(field->bytes, field->size))
		return refuse(c, f, "is not UTF-8; strings must be");
	return 0;
}

static int check_message(struct check *c, struct frame *f, const uint8_t *end);

static int check_field(struct check *c, const struct frame *f, const struct wire_field *field)
{
	struct frame inner;

	if (!f->field || field->type != WIRE_LENGTH)
		return 0;
	if (f->field->type == PROTOBUF_C_TYPE_STRING)
		return check_string(c, f, field);
	if (f->field->type != PROTOBUF_C_TYPE_MESSAGE)
		return 0;
	inner = (struct frame){.parent = f, .descriptor = f->field->descriptor, .bytes = field->bytes, .depth = f->depth + 1};
	return check_message(c, &inner, field->bytes + field->size);
}

static int check_message(struct check *c, struct frame *f, const uint8_t *end)
{
	const uint8_t *at = f->bytes;
	struct wire_field field;
	int r;

	if (f->depth > MESSAGE_DEPTH_MAX)
		return refuse(c, f, "more than 256 messages in one another are not allowed");
	while (at < end) {
		f->field = NULL;
		if (!wire_read_field(&at, end, &field))
			return refuse(c, f, "the bytes are not a protobuf message");
		if (++c->fields > MESSAGE_FIELDS_MAX)
			return refuse(c, f, "more than 131072 fields in one message are not allowed");
		f->field = protobuf_c_message_descriptor_get_field(f->descriptor, field.number);
		f->field_end = at;
		r = check_field(c, f, &field);
		if (r)
			return r;
	}
	return 0;
}

int message_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size, struct error *err)
{
	static const uint8_t nothing;
	struct check check = {.err = err};
	struct frame root = {.descriptor = descriptor, .bytes = bytes ? bytes : &nothing, .depth = 1};

	return check_message(&check, &root, root.bytes + size);
}
