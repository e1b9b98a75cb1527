#ifndef TRACING_DYNAMIC_PROBE_H
#define TRACING_DYNAMIC_PROBE_H

#include "base/error.h"
#include "tracing/error_log.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Probes that we put into the kernel by name (kernel: Documentation/trace/uprobetracer.rst, kprobetrace.rst). They belong to the host, not
 * to a process: they outlive whoever made them, and everybody sees them in the same two files. So the name says whose they are: the group
 * is `ringside_PID_STARTTIME` (probe_owner.h). That makes leftovers of a process that was killed recognisable, however often its pid was
 * used again, and keeps sensors that run side by side apart. (A sensor in another pid namespace that shares this tracefs cannot be
 * recognised as alive; its probes are saved by being in use: the kernel does not let go of them.)
 *
 * The event's name is `NAME_PID`: kprobe_profile tells it without its group (probe_profile.h).
 *
 * A probe is to be used like a tracepoint named dynamic_probe_group():dynamic_probe_name(). tracefs_open() comes first. Whether it is used
 * by several is for the caller to count.
 *
 * Definitions are written here and not by libtracefs (tracefs_dynevent_create()): the kernel's reason for a refusal is found in its error_log
 * by the very text that was written, which libtracefs keeps to itself, and a file that is missing (no kprobes in this kernel) has to be told
 * from a refusal with the same errno.
 *
 * Memory is not kernel state: dynamic_probe_free() leaves the probe in the kernel, dynamic_probe_remove() leaves the memory.
 *
 * One thread.
 */
struct dynamic_probe;

#define DYNAMIC_PROBE_DEFINITION_BYTES 4096
#define DYNAMIC_PROBE_MAXACTIVE_MAX    4096 /* kernel/trace/trace_kprobe.c, KRETPROBE_MAXACTIVE_MAX */

enum dynamic_probe_kind {
	DYNAMIC_PROBE_KPROBE,    /* fires when the kernel comes to `place` */
	DYNAMIC_PROBE_KRETPROBE, /* when the function `place` returns */
	DYNAMIC_PROBE_UPROBE,    /* when any process executes the instruction at `offset` of the file `place` */
	DYNAMIC_PROBE_URETPROBE, /* when the function that begins there returns */
};

/* Strings are borrowed for the call. */
struct dynamic_probe_spec {
	enum dynamic_probe_kind kind;
	const char *name;
	const char *place;     /* SYMBOL, SYMBOL+OFFSET or MODULE:SYMBOL; a path for user functions */
	uint64_t offset;       /* in the file; user functions only */
	const char *fetchargs; /* as fetchargs_write() makes them; NULL or "": none */
	unsigned int
		maxactive; /* calls of a KRETPROBE that can be under way at once, the others are missed (0: the kernel's choice, twice the
				   number of CPUs or so). Kernels before 4.12 always choose. */
};

/* What the kernel said about a definition, for whoever wants to point at it. */
struct dynamic_probe_refusal {
	char definition[DYNAMIC_PROBE_DEFINITION_BYTES]; /* "" when it was not even written */
	uint32_t place;                                  /* where the place begins in it; fetchargs follow behind a blank */
	bool is_explained;                               /* the kernel gave a reason */
	struct error_log_entry reason;                   /* its position is one in the definition */
};

/* -EINVAL, -ENOENT (no such symbol or file), -EADDRNOTAVAIL (several functions of that name) and the like with the kernel's own reason; -EEXIST: we have one of that name; -ENODEV: this
 * kernel has no such probes, or cannot have one there. `ret_refusal` (may be NULL) is filled on failure, else its definition is "". */
int dynamic_probe_install(struct dynamic_probe **ret, const struct dynamic_probe_spec *spec, struct dynamic_probe_refusal *ret_refusal,
			  struct error *err);

/* The same in short. */
int dynamic_probe_install_uprobe(struct dynamic_probe **ret, const char *name, const char *path, uint64_t offset, const char *fetchargs,
				 struct error *err);
int dynamic_probe_install_uretprobe(struct dynamic_probe **ret, const char *name, const char *path, uint64_t offset, const char *fetchargs,
				    struct error *err);
int dynamic_probe_install_kprobe(struct dynamic_probe **ret, const char *name, const char *symbol, const char *fetchargs,
				 struct error *err);
int dynamic_probe_install_kretprobe(struct dynamic_probe **ret, const char *name, const char *symbol, const char *fetchargs,
				    struct error *err);

/*
 * Takes it out of the kernel. A probe that is gone already is no error. -EBUSY while a perf event on it is open: close those first. The last
 * close() may still be under way in the kernel, so that this tries for up to DYNAMIC_PROBE_REMOVE_MS before it gives up.
 */
#define DYNAMIC_PROBE_REMOVE_MS 500
int dynamic_probe_remove(struct dynamic_probe *p, struct error *err);

/* Takes NULL; returns NULL. */
struct dynamic_probe *dynamic_probe_free(struct dynamic_probe *p);

/* The group of all probes of this process; valid for its life. */
const char *dynamic_probe_group(void);
/* The event's name, which has our pid behind the name that was asked for. */
const char *dynamic_probe_name(const struct dynamic_probe *p);
bool dynamic_probe_is_user(const struct dynamic_probe *p);

/*
 * For the start: removes the probes of owners that do not live any more. Never touches those of a living one, nor anything whose group is
 * not exactly of our form. Returns how many were removed, or a negative errno when the lists could not be read; a probe that the kernel
 * refuses to let go is left for the next time.
 */
int dynamic_probe_sweep(struct error *err);

/* The same, telling of each: `error` is NULL for one that was removed, else why it could not be. */
int dynamic_probe_sweep_each(void (*swept)(void *context, const char *group, const char *name, const struct error *error), void *context,
			     struct error *err);

#endif
