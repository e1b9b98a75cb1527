#include "tracing/format.h"

#include "base/buffer.h"

#include <ctype.h>
#include <errno.h>
#include <event-parse.h>
#include <stdio.h>
#include <stdlib.h>

struct format {
	struct tep_handle *tep;
	struct tep_event *event; /* owned by tep */
	char *system;
	char *text;
};

/* A declaration of plain words, stars and an array of a plain number: what all fields that anybody looks for have. */
static bool is_plain_declaration(const char *text, size_t length)
{
	char before = ' ';
	size_t words = 0, brackets = 0;

	for (size_t i = 0; i < length; i++) {
		bool in_brackets = brackets % 2;
		bool is_word = isalnum((unsigned char)text[i]) || text[i] == '_';
		bool was_word = isalnum((unsigned char)before) || before == '_';

		if (in_brackets ? !isdigit((unsigned char)text[i]) && text[i] != ']' : !is_word && !strchr(" *[", text[i]))
			return false;
		if (text[i] == '[' && !was_word)
			return false;
		if (!in_brackets && is_word && !was_word) {
			if (isdigit((unsigned char)text[i]))
				return false;
			words++;
		}
		brackets += text[i] == '[' || text[i] == ']';
		before = text[i];
	}
	return words >= 2 && brackets % 2 == 0 && brackets <= 4 && before != ' ' && before != '*';
}

/* A probe's array of strings, "__data_loc char[][4] name", is so many locations, which the field's size tells as well. */
static void drop_string_count(char *declaration)
{
	char *count = strstr(declaration, "[][");
	char *end = count ? strchr(count + 2, ']') : NULL;

	if (end)
		memmove(count + 2, end + 1, strlen(end + 1) + 1);
}

static void copy_field(const char *line, size_t length, struct buffer *out)
{
	static const char key[] = "\tfield:";
	size_t start = strlen(key);
	const char *end = memchr(line, ';', length);
	unsigned int offset, size, is_signed = 0;
	char declaration[128];

	if (!end || length < start || memcmp(line, key, start) != 0 || (size_t)(end - line) - start >= sizeof(declaration))
		return;
	snprintf(declaration, sizeof(declaration), "%.*s", (int)((size_t)(end - line) - start), line + start);
	drop_string_count(declaration);
	if (!is_plain_declaration(declaration, strlen(declaration)))
		return;
	if (sscanf(end, ";\toffset:%5u;\tsize:%5u;\tsigned:%1u;", &offset, &size, &is_signed) < 2)
		return;
	buffer_printf(out, "%s%s;\toffset:%u;\tsize:%u;\tsigned:%u;\n", key, declaration, offset, size, is_signed);
}

/* What is read of a text: name, number and the fields that are plain. libtraceevent does not survive every text, and takes the most trouble
 * with how the event is to be printed, which is not wanted here. NULL: no description of fields, or out of memory. */
static char *format_essence(const char *text)
{
	struct buffer out;
	char name[128];
	unsigned int id;
	size_t length;
	int read = 0;

	if (sscanf(text, "name: %127[A-Za-z0-9_] ID: %9u format:%n", name, &id, &read) != 2 || !read)
		return NULL;
	buffer_init(&out, 0);
	buffer_printf(&out, "name: %s\nID: %u\nformat:\n", name, id);
	for (const char *line = text + read + (text[read] == '\n'); *line; line += length + (line[length] == '\n')) {
		length = strcspn(line, "\n");
		if (!length && line[1] == '\t')
			buffer_put(&out, "\n", 1);
		copy_field(line, length, &out);
	}
	buffer_printf(&out, "\nprint fmt: \"\"\n%c", '\0');
	return (char *)buffer_take(&out, &length);
}

static int format_read(struct format *f, const char *name)
{
	char *essence = format_essence(f->text);
	int code = -EINVAL;

	if (essence && !tep_parse_format(f->tep, &f->event, essence, strlen(essence), f->system) && f->event &&
	    !strcmp(f->event->name, name))
		code = 0;
	free(essence);
	return code;
}

int format_parse(struct format **ret, const char *system, const char *name, const char *text, size_t text_length, struct error *err)
{
	struct format *f = calloc(1, sizeof(*f));

	if (!f)
		return error_set(err, -ENOMEM, "%s:%s: out of memory", system, name);
	f->system = strdup(system);
	f->text = malloc(text_length + 1);
	f->tep = tep_alloc();
	if (!f->system || !f->text || !f->tep) {
		format_free(f);
		return error_set(err, -ENOMEM, "%s:%s: out of memory", system, name);
	}
	memcpy(f->text, text, text_length);
	f->text[text_length] = 0;
	/* The samples are those of this host or of a recording of the same byte order. */
	tep_set_loglevel(TEP_LOG_NONE);
	if (format_read(f, name)) {
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

bool format_has_string(const struct format_field *field, const uint8_t *raw, uint32_t raw_size)
{
	uint32_t location;

	if ((uint32_t)field->offset + field->size > raw_size)
		return false;
	if (!field->is_data_loc)
		return true;
	memcpy(&location, raw + field->offset, sizeof(location));
	return location >> 16;
}
