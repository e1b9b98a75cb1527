#ifndef TRACING_FAULT_MISSES_H
#define TRACING_FAULT_MISSES_H

#include "tracing/perf_event.h"

#include <stdbool.h>

/*
 * Kernels before 5.14 add to a kprobe's misses in kprobe_profile whenever one of its fetchargs reads memory that is not there (kernel:
 * kprobe_fault_handler() of arch/x86/kernel/kprobes/core.c), once for each, although the probe runs and its sample comes. Of such a kernel the
 * misses of a probe that follows pointers say nothing.
 *
 * The thread that owns the probes (dynamic_probe.h).
 */

/* Whether this kernel does so; found by trying, once: a probe on a call of our own reads where nothing is. False when it cannot be tried. */
bool fault_misses_are_counted(const struct perf_features *features);

/* Whether fetchargs (as written for the kernel; NULL: none) read memory through a pointer. */
bool fault_misses_can_come_of(const char *fetchargs);

#endif
