#ifndef TRACING_EXEC_COPY_PROBE_H
#define TRACING_EXEC_COPY_PROBE_H

#include "base/error.h"
#include "tracing/exec_copy.h"

/*
 * The two kprobes of exec_copy.h in the kernel. Embedded; one thread. tracefs_open() comes first.
 */
struct dynamic_probe;

struct exec_copy_probe {
	struct exec_copy_layout layout;
	struct dynamic_probe *copy;
	struct dynamic_probe *wipe;
	uint64_t copy_config; /* perf's attr.config */
	uint64_t wipe_config; /* to be counted, not sampled, and enabled before the other */
};

/* -ENODEV, -ENOENT, -EINVAL and the like: this kernel has no kprobes, no arrays (4.20), or no such places; nothing is left behind. */
int exec_copy_probe_install(struct exec_copy_probe *p, struct error *err);

/* Perf events on them are closed first. Takes a zeroed or removed one. */
void exec_copy_probe_remove(struct exec_copy_probe *p);

#endif
