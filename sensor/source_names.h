#ifndef SENSOR_SOURCE_NAMES_H
#define SENSOR_SOURCE_NAMES_H

#include "sensor/call_table.h"
#include "sensor/path.h"
#include "sensor/source.h"

/*
 * Names of files in samples, for builders: whole strings, beginnings that a late read completes, names that were only read late; and the paths
 * that they make.
 */

struct source_name {
	struct event_string string; /* bytes is never NULL */
	bool truncated;
	bool unknown; /* nothing could be read */
	enum event_capture capture;
};

/* The name of a file in a kernel's own structure (fetchargs type `:name`): `field` holds it, or its beginning; then read `long_read` has the
 * whole, if it came in time. */
void source_read_name(const struct format_field *field, const struct sample *sample, unsigned int long_read, struct source_name *ret);

/* A string from the caller's memory, fetched by the probe; or, when its page was not there yet, by read `long_read`. */
void source_read_caller_name(const struct format_field *field, const struct sample *sample, unsigned int long_read,
			     struct source_name *ret);

/* A string that late read `read` got. */
void source_read_late_name(const struct sample *sample, unsigned int read, struct source_name *ret);

/* What a late read got, "" when it got nothing or there was none. */
struct event_string source_late_string(const struct sample *sample, unsigned int read);

/* The path that the row's probe captured (path_base), in `to`, NUL-terminated. */
void source_read_path(const struct source_instance *probe, const struct sample *sample, char to[PATH_BYTES], struct source_name *ret);

/* Keeps it as string `index` of a call, with its marks. */
void source_keep_name(struct call *call, unsigned int index, const struct source_name *name);

/* The directory that a name is relative to: `directory` when it is not empty, the process's working directory when `dfd` is AT_FDCWD; "" when it
 * is not known. */
struct event_string source_base(const struct process *process, int64_t dfd, struct event_string directory);

#endif
