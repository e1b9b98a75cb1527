#ifndef TRACING_FORMAT_H
#define TRACING_FORMAT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The layout of one tracepoint's raw data, as the kernel describes it in `events/SYSTEM/NAME/format` (kernel:
 * Documentation/trace/events.rst), parsed with libtraceevent. Fields are looked up by name once, when a probe is installed, and compiled to
 * offset and type: a field that moved, grew or vanished between kernels is found or missed by name, and reading it from a sample is a load.
 *
 * Immutable after format_parse(); may be read by any thread.
 */
struct format;

/* One field, compiled. Offsets count from the first byte of the raw data (common_type). */
struct format_field {
	uint16_t offset;
	uint16_t size;         /* bytes of the whole field; a __data_loc field's own 4 bytes */
	uint16_t element_size; /* bytes of one element of an array; equals size for a scalar */
	bool is_signed;
	bool is_array;    /* fixed array, also of char */
	bool is_data_loc; /* u32 at offset: offset of the data in its low half, length in its high half */
};

/* Parses `text` (the content of a format file). -EINVAL when it cannot be parsed. */
int format_parse(struct format **ret, const char *system, const char *name, const char *text, size_t text_length, struct error *err);

/* Takes NULL; returns NULL. */
struct format *format_free(struct format *f);

const char *format_system(const struct format *f);
const char *format_name(const struct format *f);
/* What the kernel calls the tracepoint: perf's attr.config and the common_type of its samples. */
uint32_t format_id(const struct format *f);
/* The text it was parsed from, for a recording. */
const char *format_text(const struct format *f);

/* -ENOENT, and an error that lists what there is, when the tracepoint has no such field. */
int format_field(const struct format *f, const char *name, struct format_field *ret, struct error *err);

/* The value of an integer field, sign-extended when it is signed; 0 when the sample is too short for it (the kernel never sends such). */
static inline uint64_t format_read_integer(const struct format_field *field, const uint8_t *raw, uint32_t raw_size)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} value;

	if ((uint32_t)field->offset + field->size > raw_size)
		return 0;
	raw += field->offset;
	switch (field->element_size) {
	case 1:
		memcpy(&value.u8, raw, 1);
		return field->is_signed ? (uint64_t)(int64_t)(int8_t)value.u8 : value.u8;
	case 2:
		memcpy(&value.u16, raw, 2);
		return field->is_signed ? (uint64_t)(int64_t)(int16_t)value.u16 : value.u16;
	case 4:
		memcpy(&value.u32, raw, 4);
		return field->is_signed ? (uint64_t)(int64_t)(int32_t)value.u32 : value.u32;
	case 8:
		memcpy(&value.u64, raw, 8);
		return value.u64;
	default:
		return 0;
	}
}

/* Whether the kernel could read what a string field is to hold: a fetcharg that met a page that is not there has no bytes at all, not even a
 * NUL (kernel: kernel/trace/trace_probe_tmpl.h). */
bool format_has_string(const struct format_field *field, const uint8_t *raw, uint32_t raw_size);

/* The bytes of a string field (char array or __data_loc), without the NUL; *ret_length is 0 when the sample is too short for it. Borrowed
 * from `raw`; NOT terminated at *ret_length when the kernel's copy was cut. */
const char *format_read_string(const struct format_field *field, const uint8_t *raw, uint32_t raw_size, size_t *ret_length);

#endif
