#ifndef TRACING_PROBE_TRIAL_H
#define TRACING_PROBE_TRIAL_H

#include "base/error.h"
#include "tracing/format.h"
#include "tracing/perf_event.h"
#include "tracing/perf_ring.h"

#include <sys/types.h>

/*
 * One kprobe put into the kernel to see what it captures of one thread (usually of a child that is provoked to hit it, tracing/provoke.h),
 * and taken out again. Nothing is left behind whatever fails: probe_trial_close() is always allowed after probe_trial_open().
 *
 *	probe_trial_open(&t, &spec, provoke_pid(&child), &err);
 *	provoke_act(&child, STEP, TIMEOUT_MS, &err);
 *	while ((raw = probe_trial_next(&t, &raw_size)))
 *		...					in the order of the hits
 *	probe_trial_close(&t);
 *
 * tracefs_open() comes first. One thread.
 */
struct probe_trial_spec {
	const struct perf_features *features;
	const char *name; /* of the probe; must be free in our group */
	const char *symbol;
	const char *fetchargs;
	bool is_return;
};

struct probe_trial {
	struct dynamic_probe *probe;
	struct format *format;
	struct perf_ring ring;
	struct perf_layout layout;
	int fd;
	uint64_t lost; /* hits that found no room, as far as probe_trial_next() has met a note of them */
};

/* Hits count from its return on. Errors are those of dynamic_probe_install_kprobe(), tracefs_format() and perf_event_open_task(). */
int probe_trial_open(struct probe_trial *t, const struct probe_trial_spec *spec, pid_t tid, struct error *err);

/* The raw data of the next hit, to be read with t->format; NULL when there is none (any more). Valid until the next call. */
const uint8_t *probe_trial_next(struct probe_trial *t, uint32_t *ret_raw_size);

/* Takes a zeroed or closed one. A probe that the kernel will not let go is logged: it stays until the next start sweeps it. */
void probe_trial_close(struct probe_trial *t);

#endif
