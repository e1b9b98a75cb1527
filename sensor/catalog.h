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
	FIELD_CHARS,  /* char[], NUL-terminated */
	FIELD_PORT,   /* uint32_t with a port as sockaddrs have it, read as little endian; its value is the port's number */
};

/* What a field's offset is from. */
enum field_base {
	FIELD_OF_EVENT,       /* struct event */
	FIELD_OF_PROCESS,     /* its process; without one there is no such field */
	FIELD_OF_CREDENTIALS, /* its thread's or process's, while they are known */
	FIELD_OF_CONTAINER,   /* struct container, when it is about one or its process is in one */
};

/* When an event has the field; else it is NULL in expressions. */
enum field_presence {
	PRESENT_ALWAYS,
	PRESENT_FILLED, /* a string that is not empty, a number that is not 0 */
	PRESENT_INET,   /* with an address of this family */
	PRESENT_INET6,
	PRESENT_LOCAL,
	PRESENT_PORT,           /* with an address that has one */
	PRESENT_ADDRESS,        /* unless the address could not be read */
	PRESENT_NAME,           /* unless a name could not be read */
	PRESENT_EXIT_CODE,      /* when the wait status is known */
	PRESENT_CONTAINER_EXIT, /* the same of a container */
	PRESENT_ON_CPU,         /* unless it is about a container, which is on none */
};

/* How people write a field's values, where that is not simply the number: by names, or in the way of their kind. */
enum field_notation {
	NOTATION_PLAIN,
	NOTATION_PORT,    /* a port in network byte order, read as little endian */
	NOTATION_IPV4,    /* an address likewise */
	NOTATION_EPOCH_S, /* seconds since the epoch: times can be compared with it */
	NOTATION_EPOCH_NS,
	NOTATION_MODE, /* octal */
	NOTATION_OPEN_FLAGS,
	NOTATION_CLONE_FLAGS,
	NOTATION_SYSCALL, /* of the 64-bit table */
	NOTATION_SYSCALL_ABI,
	NOTATION_RESULT, /* negative errnos */
	NOTATION_SIGNAL,
	NOTATION_ADDRESS_FAMILY,
};

struct catalog_field {
	const char *name;  /* as clients name it in filters */
	const char *alias; /* another name for it, a shorter one; NULL: none */
	enum field_type type;
	enum field_base base;
	enum field_presence presence;
	enum field_notation notation;
	size_t offset; /* in what `base` says */
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
	/* Something that happened on the host, which the plan (plan.h) asks for: it has the common fields. Else it is made for a subscription. */
	bool observed;
	bool from_kernel; /* by probes; else by the sensor itself */
};

/* The row of a kind; kinds from outside must be checked against EVENT_KIND_COUNT first. */
const struct catalog_entry *catalog_entry(enum event_kind kind);

/* NULL when there is none. */
const struct catalog_entry *catalog_find(const char *family, const char *type);

/* By name or alias: one of the kind's own or, for what is observed, one of those that all have. NULL when there is none. */
const struct catalog_field *catalog_field(enum event_kind kind, const char *name);

/* What every observed event has beside its own fields: who did it, and where. Of what is about a container only the container's are not NULL. */
const struct catalog_field *catalog_common_fields(size_t *ret_count);

/* Of which kinds events may be among those that are told as lost (struct event_lost, `of`), as a set of EVENT_KIND_BITs: what is not told by probes is not
 * lost with the samples of some. */
uint64_t catalog_lost_kinds(enum event_kind of);

bool catalog_field_is_string(const struct catalog_field *field);

#endif
