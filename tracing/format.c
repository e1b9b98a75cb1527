#include "tracing/format.h"

#include "base/buffer.h"

#include <errno.h>
#include <event-parse.h>
#include <stdlib.h>

struct format {
	struct tep_handle *tep;
	struct tep_event *event; /* owned by tep */
	char *system;
	char *text;
};

int format_parse(struct format **ret, const char *system, const char *name, const char *text, size_t text_length, struct error *err)
{
	struct format *f = calloc(1, sizeof(*f));

	if (!f)
		return error_set(err, -ENOMEM, "%s:%s: out of memory", system, name);
	f->system = strdup(system);
	f->text = strndup(text, text_length);
	f->tep = tep_alloc();
	if (!f->system || !f->text || !f->tep) {
		format_free(f);
		return error_set(err, -ENOMEM, "%s:%s: out of memory", system, name);
	}
	/* The samples are those of this host or of a recording of the same byte order. */
	tep_set_loglevel(TEP_LOG_NONE);
	if (tep_parse_format(f->tep, &f->event, f->text, strlen(f->text), f->system) || !f->event || strcmp(f->event->name, name) != 0) {
		format_free(f);
		return error_set(err, -EINVAL, "%s:%s: the kernel's description of its fields cannot be parsed", system, name);
	}
	*ret = f;
	return 0;
}

struct format *format_free(struct format *f)
{
	if (!f)
		return NULL;
	tep_free(f->tep);
	free(f->system);
	free(f->text);
	free(f);
	return NULL;
}

const char *format_system(const struct format *f)
{
	return f->system;
}

const char *format_name(const struct format *f)
{
	return f->event->name;
}

uint32_t format_id(const struct format *f)
{
	return (uint32_t)f->event->id;
}

const char *format_text(const struct format *f)
{
	return f->text;
}

static int format_no_field(const struct format *f, const char *name, struct error *err)
{
	struct buffer names;
	size_t length;
	char *list;
	int code;

	buffer_init(&names, 0);
	for (const struct tep_format_field *field = f->event->format.fields; field; field = field->next)
		buffer_printf(&names, "%s%s", names.length ? ", " : "", field->name);
	list = (char *)buffer_take(&names, &length);
	code = error_set(err, -ENOENT, "%s:%s has no field %s on this kernel, only %s", f->system, f->event->name, name, list ? list : "?");
	free(list);
	return code;
}

int format_field(const struct format *f, const char *name, struct format_field *ret, struct error *err)
{
	struct tep_format_field *field = tep_find_any_field(f->event, name);

	if (!field)
		return format_no_field(f, name, err);
	if (field->offset < 0 || field->size <= 0 || field->offset > UINT16_MAX || field->size > UINT16_MAX)
		return error_set(err, -EINVAL, "%s:%s: field %s lies outside of any sample", f->system, f->event->name, name);
	*ret = (struct format_field){
		.offset = (uint16_t)field->offset,
		.size = (uint16_t)field->size,
		.element_size = (uint16_t)field->size,
		.is_signed = field->flags & TEP_FIELD_IS_SIGNED,
		.is_array = (field->flags & TEP_FIELD_IS_ARRAY) && !(field->flags & TEP_FIELD_IS_DYNAMIC),
		.is_data_loc = field->flags & TEP_FIELD_IS_DYNAMIC,
	};
	if (ret->is_array && field->elementsize)
		ret->element_size = (uint16_t)field->elementsize;
	return 0;
}

const char *format_read_string(const struct format_field *field, const uint8_t *raw, uint32_t raw_size, size_t *ret_length)
{
	uint32_t location, offset = field->offset, size = field->size;

	*ret_length = 0;
	if (offset + size > raw_size)
		return "";
	if (field->is_data_loc) {
		if (size != sizeof(location))
			return "";
		memcpy(&location, raw + offset, sizeof(location));
		offset = location & 0xffff;
		size = location >> 16;
		if (offset > raw_size || size > raw_size - offset)
			return "";
	}
	*ret_length = strnlen((const char *)raw + offset, size);
	return (const char *)raw + offset;
}
