#ifndef TRACING_DYNAMIC_PROBE_H
#define TRACING_DYNAMIC_PROBE_H

#include "base/error.h"

#include <stdint.h>

/*
 * Probes that we put into the kernel by name (kernel: Documentation/trace/uprobetracer.rst, kprobetrace.rst). They belong to the host, not
 * to a process: they outlive whoever made them, and everybody sees them in the same two files. So the name says whose they are: the group
 * is `ringside_PID_STARTTIME`, the start time in clock ticks as /proc/PID/stat has it. That makes leftovers of a process that was killed
 * recognisable, however often its pid was used again, and keeps sensors that run side by side apart. (A sensor in another pid namespace
 * that shares this tracefs cannot be recognised as alive; its probes are saved by being in use: the kernel does not let go of them.)
 *
 * A probe is to be used like a tracepoint named dynamic_probe_group():dynamic_probe_name(). tracefs_open() comes first.
 *
 * Memory is not kernel state: dynamic_probe_free() leaves the probe in the kernel, dynamic_probe_remove() leaves the memory.
 *
 * One thread.
 */
struct dynamic_probe;

/* A uprobe: fires when any process executes the instruction at `offset` of the file at `path`. `fetchargs` may be "". -EINVAL and the
 * like with the kernel's own reason; -EEXIST: we have one of that name; -ENODEV: this kernel has no uprobes. */
int dynamic_probe_install_uprobe(struct dynamic_probe **ret, const char *name, const char *path, uint64_t offset, const char *fetchargs,
				 struct error *err);

/* A kprobe: fires when the kernel comes to `symbol`, or returns from it. Errors as above. */
int dynamic_probe_install_kprobe(struct dynamic_probe **ret, const char *name, const char *symbol, const char *fetchargs,
				 struct error *err);
int dynamic_probe_install_kretprobe(struct dynamic_probe **ret, const char *name, const char *symbol, const char *fetchargs,
				    struct error *err);

/* Takes it out of the kernel. -EBUSY while a perf event on it is open: close those first. A probe that is gone already is no error. */
int dynamic_probe_remove(struct dynamic_probe *p, struct error *err);

/* Takes NULL; returns NULL. */
struct dynamic_probe *dynamic_probe_free(struct dynamic_probe *p);

/* The group of all probes of this process; valid for its life. */
const char *dynamic_probe_group(void);
const char *dynamic_probe_name(const struct dynamic_probe *p);

/*
 * For the start: removes the probes of owners that do not live any more. Never touches those of a living one, nor anything whose group is
 * not exactly of our form. Returns how many were removed, or a negative errno when the lists could not be read; a probe that the kernel
 * refuses to let go is left for the next time.
 */
int dynamic_probe_sweep(struct error *err);

#endif
