#ifndef TRACING_TRACEFS_H
#define TRACING_TRACEFS_H

#include "base/error.h"
#include "tracing/error_log.h"
#include "tracing/format.h"

/*
 * The tracing filesystem: found where it is mounted (/sys/kernel/tracing, or /sys/kernel/debug/tracing on kernels before 4.1), mounted when
 * it is nowhere. Never unmounted: others may have begun to use it.
 *
 * One thread, except tracefs_path().
 */

/* Finds or mounts it. -EACCES when not root, -ENODEV when the kernel has no tracing. */
int tracefs_open(struct error *err);

/* Where it is; "" before tracefs_open(). */
const char *tracefs_path(void);

/* The whole text of a file at its top (kprobe_events, say), to be freed; NULL when this kernel has no such file, or nothing is in it. */
int tracefs_read_list(const char *file, char **ret, struct error *err);

/* Reads and parses events/SYSTEM/NAME/format. -ENOENT: this kernel has no such tracepoint. */
int tracefs_format(struct format **ret, const char *system, const char *name, struct error *err);

/*
 * The kernel's own reason for the refusal of `command` (a probe definition), from tracefs' error_log (kernel 5.2 and later): put behind err's
 * message, with the word that the kernel's caret points at. Does nothing when the kernel has no entry for this very command.
 */
void tracefs_explain(const char *command, struct error *err);

/* The same by itself. False: the kernel has no such entry, or (before 5.2) no log. */
bool tracefs_reason(struct error_log_entry *ret, const char *command);

/* The same for a filter. perf does not log why it refuses one, so it is put to the kernel once more in a tracing instance of our own, which
 * exists for that moment only. */
void tracefs_explain_filter(const char *system, const char *name, const char *filter, struct error *err);

/* Removes such instances that a sensor left behind which was killed at that moment. */
void tracefs_sweep(void);

#endif
