#ifndef SENSOR_FILE_BUILDERS_H
#define SENSOR_FILE_BUILDERS_H

#include "sensor/source.h"

/*
 * What makes file events of samples. Names come by one of three ways (source_names.h), and most events only when the call has succeeded: the
 * probe at its beginning keeps the names in the call table, the one at its end makes the event. The rows are in file_source.c.
 */

/* The sort of a call (call_table.h), in a row's tag. */
enum file_call {
	FILE_CALL_OPEN = 1,
	FILE_CALL_CREATE,
	FILE_CALL_DELETE,
	FILE_CALL_RENAME,
	FILE_CALL_LINK,
	FILE_CALL_SYMLINK,
	FILE_CALL_ATTRIBUTE,
	FILE_CALL_TRUNCATE,
	FILE_CALL_WRITE,
	FILE_CALL_CWD,
	FILE_CALL_OPEN_NEW, /* an open, to see whether it makes a file */
	FILE_CALL_FLAGS,    /* an open's flags as they were passed */
};

/* Beside the sort, in the tags of rows at a beginning. */
#define FILE_TAG_TARGET    0x100U /* the name is the second one of the call */
#define FILE_TAG_CREAT     0x200U /* creat(2): flags are implied */
#define FILE_TAG_OPENAT2   0x400U /* openat2(2): flags and mode are in a structure, late read FILE_READ_TARGET */
#define FILE_TAG_SORT(tag) ((tag)&0xffU)

/* The order of `fields` of rows at a beginning; "?" for what there is not. */
enum file_field {
	FILE_FIELD_NAME,
	FILE_FIELD_DIRECTORY,
	FILE_FIELD_FLAGS,
	FILE_FIELD_MODE,
	FILE_FIELD_TARGET_DIRECTORY,
};

/* And of `reads`. With a name that is a kernel's copy, the first one completes it; else it is the name. */
enum file_read {
	FILE_READ_NAME,
	FILE_READ_DIRECTORY,
	FILE_READ_TARGET,
	FILE_READ_TARGET_DIRECTORY,
};

typedef bool file_builder(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			  struct event *ret);

/* An open is about to be tried; the name is a kernel's copy, fetched from the caller, or read late. */
file_builder file_build_open_kernel, file_build_open_caller, file_build_open_late;

/* A call begins. */
file_builder file_begin_kernel;
/* The names are late reads. Without one (AT_EMPTY_PATH; utimensat(2) with NULL, which needs FILE_FIELD_NAME) the subject is the directory's
 * descriptor. */
file_builder file_begin_late;
/* One whose subject is an open descriptor; its path is late read FILE_READ_NAME. Or only when that is a regular file. */
file_builder file_begin_descriptor, file_begin_regular;
/* One whose subject is a struct path (path_base). */
file_builder file_begin_path;

/* An open is about to begin with the flags of field 0. */
file_builder file_note_flags;

/* The open that is under way makes a file. */
file_builder file_note_new;

/* A call ends, with field 0 as its result: 0 or an errno; or, of an open, a descriptor or a pointer. */
file_builder file_end;
/* An open ends, with a pointer or an errno as field 0 and the mode of its struct file as field 1. */
file_builder file_end_new;

/* A struct file is written to, or closed after it could be written to (path_base). */
file_builder file_build_modify, file_build_close;

#endif
