#ifndef SENSOR_CATALOG_H
#define SENSOR_CATALOG_H

#include "sensor/event.h"

/*
 * The event catalog: one row per event kind, one row per field. Filters are type-checked against it, evaluated through its offsets, and
 * pushed down to the kernel where a field has a kernel name; `ringside events` prints it.
 */

enum field_type {
	FIELD_SINT32,
	FIELD_UINT32,
	FIELD_SINT64,
	FIELD_UINT64,
	FIELD_BOOL,
	FIELD_STRING, /* struct event_string */
};

struct catalog_field {
	const char *name; /* as clients name it in filters */
	enum field_type type;
	size_t offset; /* in struct event */
	/* What a kernel filter calls it, where the way that the kind is captured has it (source.h: `filterable`); NULL: user space decides. */
	const char *kernel_name;
	const char *summary;
};

struct catalog_entry {
	enum event_kind kind;
	const char *family; /* "syscall": what stands before the colon in `ringside watch` */
	const char *type;   /* "enter"; "" when the family has only one */
	const char *summary;
	const struct catalog_field *fields;
	size_t field_count;
	bool from_kernel; /* else it is made by the sensor itself */
};

/* The row of a kind; kinds from outside must be checked against EVENT_KIND_COUNT first. */
const struct catalog_entry *catalog_entry(enum event_kind kind);

/* NULL when there is none. */
const struct catalog_entry *catalog_find(const char *family, const char *type);
const struct catalog_field *catalog_field(enum event_kind kind, const char *name);

#endif
