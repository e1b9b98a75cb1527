#ifndef SENSOR_TRIAL_H
#define SENSOR_TRIAL_H

#include "sensor/probe.h"

/*
 * The trial of a capture candidate: its probes are put into the kernel, a child of ours does the capture's provocation, and the very builders
 * that would run later must make exactly the event of it; so with each of several provocations. Nothing is left behind, whatever comes of it.
 *
 * Takes some ten milliseconds, most of them the kernel's when it takes probes out again, and TRIAL_GRACE_MS more when nothing comes; has rings
 * of its own. Needs root and a kernel with tracefs.
 *
 * One thread, the one that owns the probes (dynamic_probe.h).
 */

#define TRIAL_ACT_TIMEOUT_MS 3000
#define TRIAL_GRACE_MS       100 /* the child has acted by then, so that its samples are in the rings */

/* 0: it works. -ENODATA: its probes install, but do not tell what was done; else why they do not install. The signature of
 * capture_options.trial; context is not used. */
int trial_run(void *context, const struct source_capture *capture, const struct source_candidate *candidate, struct probe_kernel *kernel,
	      struct error *err);

#endif
