#ifndef SENSOR_PATH_H
#define SENSOR_PATH_H

#include "sensor/event.h"

/*
 * A name as a caller gave it, made absolute: put behind the directory that it is relative to, without empty, `.` and `..` components. Nothing is
 * looked up, so that a `..` behind a symbolic link gives where the name says, not where the kernel went.
 *
 * Pure functions; any thread.
 */

#define PATH_BYTES (2 * 4096)

/* `base` is an absolute directory; it is not needed for an absolute name. Returns "" when there is no base to a relative name, when either is
 * empty, or when the result is too long for `to`, which it points into otherwise. */
struct event_string path_resolve(const char *base, size_t base_length, const char *name, size_t name_length, char to[PATH_BYTES]);

#endif
