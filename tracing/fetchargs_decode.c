#include "tracing/fetchargs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An element's name: NAME__63 */
#define ELEMENT_NAME_BYTES (FETCHARG_NAME_BYTES + 4)

enum slot_form {
	SLOT_ABSENT, /* $comm on a kernel without it */
	SLOT_NUMBER,
	SLOT_STRING,
	SLOT_ARRAY,
	SLOT_STRING_ARRAY,
	SLOT_ELEMENTS, /* an array as so many fields */
	SLOT_STRING_ELEMENTS,
};

struct slot {
	enum slot_form form;
	enum fetcharg_kind kind;
	bool is_address;
	uint8_t element_size;
	size_t field_count;
	struct format_field *fields; /* one, or one for each element */
	struct buffer scratch;
};

struct fetcharg_decoder {
	size_t count;
	struct slot slots[];
};

static enum fetcharg_kind number_kind(unsigned int size, bool is_signed)
{
	switch (size) {
	case 1:
		return is_signed ? FETCHARG_KIND_SINT8 : FETCHARG_KIND_UINT8;
	case 2:
		return is_signed ? FETCHARG_KIND_SINT16 : FETCHARG_KIND_UINT16;
	case 4:
		return is_signed ? FETCHARG_KIND_SINT32 : FETCHARG_KIND_UINT32;
	default:
		return is_signed ? FETCHARG_KIND_SINT64 : FETCHARG_KIND_UINT64;
	}
}

static int find_elements(struct slot *slot, const struct format *format, const struct fetcharg *arg, struct error *err)
{
	char name[ELEMENT_NAME_BYTES];

	for (unsigned int i = 0; i < arg->array_count; i++) {
		int r;

		snprintf(name, sizeof(name), "%s__%u", arg->name, i);
		r = format_field(format, name, &slot->fields[i], err);
		if (r)
			return r;
	}
	slot->field_count = arg->array_count;
	slot->form = arg->is_string ? SLOT_STRING_ELEMENTS : SLOT_ELEMENTS;
	return 0;
}

static void set_single(struct slot *slot, const struct fetcharg *arg)
{
	struct format_field *field = &slot->fields[0];

	slot->field_count = 1;
	if (arg->array_count) {
		slot->form = arg->is_string ? SLOT_STRING_ARRAY : SLOT_ARRAY;
		return;
	}
	/* symstr may have been written as a number. */
	slot->form = field->is_data_loc ? SLOT_STRING : SLOT_NUMBER;
	if (slot->form == SLOT_STRING) {
		slot->kind = FETCHARG_KIND_STRING;
		slot->is_address = false;
		return;
	}
	/* Old kernels call a bit field's and a plain number's sign as they like; what was asked for counts. */
	field->is_signed = arg->is_signed;
	field->element_size = field->size;
	slot->kind = number_kind(field->size, arg->is_signed);
}

static int slot_init(struct slot *slot, const struct format *format, const struct fetcharg *arg, struct error *err)
{
	buffer_init(&slot->scratch, 0);
	slot->element_size = arg->size;
	slot->kind = arg->array_count ? FETCHARG_KIND_BYTES : FETCHARG_KIND_STRING;
	slot->is_address = arg->type == FETCHARG_SYMBOL_NAME || arg->type == FETCHARG_SYMBOL_TEXT;
	slot->fields = calloc(arg->array_count ? arg->array_count : 1, sizeof(*slot->fields));
	if (!slot->fields)
		return error_set(err, -ENOMEM, "out of memory");
	if (!format_field(format, arg->name, &slot->fields[0], NULL)) {
		set_single(slot, arg);
		return 0;
	}
	if (arg->array_count)
		return find_elements(slot, format, arg, err);
	if (arg->base == FETCHARG_COMM)
		return 0;
	return format_field(format, arg->name, &slot->fields[0], err);
}

int fetcharg_decoder_new(struct fetcharg_decoder **ret, const struct format *format, const struct fetcharg *args, size_t count,
			 struct error *err)
{
	struct fetcharg_decoder *d = calloc(1, sizeof(*d) + count * sizeof(d->slots[0]));

	if (!d)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		int r = slot_init(&d->slots[i], format, &args[i], err);

		d->count++;
		if (r) {
			fetcharg_decoder_free(d);
			return r;
		}
	}
	*ret = d;
	return 0;
}

struct fetcharg_decoder *fetcharg_decoder_free(struct fetcharg_decoder *d)
{
	if (!d)
		return NULL;
	for (size_t i = 0; i < d->count; i++) {
		free(d->slots[i].fields);
		buffer_done(&d->slots[i].scratch);
	}
	free(d);
	return NULL;
}

enum fetcharg_kind fetcharg_decoder_kind(const struct fetcharg_decoder *d, size_t index)
{
	return d->slots[index].kind;
}

static void decode_number(const struct slot *slot, const uint8_t *raw, uint32_t raw_size, struct fetcharg_value *ret)
{
	ret->uint = format_read_integer(&slot->fields[0], raw, raw_size);
	if (slot->is_address)
		ret->state = FETCHARG_UNRESOLVED;
}

static void decode_string(const struct slot *slot, const uint8_t *raw, uint32_t raw_size, struct fetcharg_value *ret)
{
	const struct format_field *field = &slot->fields[0];
	uint32_t location = 0;

	ret->bytes = format_read_string(field, raw, raw_size, &ret->length);
	if ((uint32_t)field->offset + sizeof(location) <= raw_size)
		memcpy(&location, raw + field->offset, sizeof(location));
	/* An empty string has a NUL at least. */
	if (!(location >> 16))
		ret->state = FETCHARG_FAULT;
}

static void decode_array(const struct slot *slot, const uint8_t *raw, uint32_t raw_size, struct fetcharg_value *ret)
{
	const struct format_field *field = &slot->fields[0];

	ret->bytes = "";
	ret->length = 0;
	if ((uint32_t)field->offset + field->size > raw_size)
		return;
	ret->bytes = (const char *)raw + field->offset;
	ret->length = field->size;
}

static void put_string(struct slot *slot, const struct format_field *field, const uint8_t *raw, uint32_t raw_size)
{
	size_t length;
	const char *string = format_read_string(field, raw, raw_size, &length);

	/* No record of the kernel holds more; one that was made up could name the same bytes again and again. */
	if (slot->scratch.length + length < UINT16_MAX)
		buffer_put(&slot->scratch, string, length);
	buffer_put_u8(&slot->scratch, 0);
}

static void put_string_array(struct slot *slot, const uint8_t *raw, uint32_t raw_size)
{
	struct format_field field = slot->fields[0];
	size_t count = field.size / sizeof(uint32_t);

	field.size = sizeof(uint32_t);
	field.is_data_loc = true;
	for (size_t i = 0; i < count; i++) {
		put_string(slot, &field, raw, raw_size);
		field.offset = (uint16_t)(field.offset + sizeof(uint32_t));
	}
}

static void put_element(struct slot *slot, const struct format_field *field, const uint8_t *raw, uint32_t raw_size)
{
	static const uint8_t nothing[8];
	bool is_whole = field->size >= slot->element_size && (uint32_t)field->offset + field->size <= raw_size;

	buffer_put(&slot->scratch, is_whole ? raw + field->offset : nothing, slot->element_size);
}

static void decode_parts(struct slot *slot, const uint8_t *raw, uint32_t raw_size, struct fetcharg_value *ret)
{
	buffer_clear(&slot->scratch);
	if (slot->form == SLOT_STRING_ARRAY)
		put_string_array(slot, raw, raw_size);
	for (size_t i = 0; i < slot->field_count && slot->form == SLOT_STRING_ELEMENTS; i++)
		put_string(slot, &slot->fields[i], raw, raw_size);
	for (size_t i = 0; i < slot->field_count && slot->form == SLOT_ELEMENTS; i++)
		put_element(slot, &slot->fields[i], raw, raw_size);
	ret->bytes = slot->scratch.data ? (const char *)slot->scratch.data : "";
	ret->length = slot->scratch.length;
}

void fetcharg_decode(struct fetcharg_decoder *d, size_t index, const uint8_t *raw, uint32_t raw_size, struct fetcharg_value *ret)
{
	struct slot *slot = &d->slots[index];

	*ret = (struct fetcharg_value){.kind = slot->kind, .state = FETCHARG_COMPLETE};
	switch (slot->form) {
	case SLOT_ABSENT:
		ret->state = FETCHARG_FROM_PROCESS;
		ret->bytes = "";
		return;
	case SLOT_NUMBER:
		decode_number(slot, raw, raw_size, ret);
		return;
	case SLOT_STRING:
		decode_string(slot, raw, raw_size, ret);
		return;
	case SLOT_ARRAY:
		decode_array(slot, raw, raw_size, ret);
		return;
	case SLOT_STRING_ARRAY:
	case SLOT_ELEMENTS:
	case SLOT_STRING_ELEMENTS:
		decode_parts(slot, raw, raw_size, ret);
		return;
	}
}
