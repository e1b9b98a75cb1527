#ifndef SENSOR_PERFORMANCE_SOURCE_H
#define SENSOR_PERFORMANCE_SOURCE_H

#include "sensor/probe.h"
#include "sensor/probe_request.h"

/*
 * Groups of performance counters (tracing/counter_group.h) that clients ask for, and EVENT_PERFORMANCE events of their samples: one for each
 * sample of a CPU, with the values of that CPU's counters in the order of the request, whoever was on it. tgid and tid are those of the task
 * that was interrupted; both are 0 while the CPU idles. Samples that interrupted the sensor itself are not told.
 *
 * The loop thread.
 */

/* The kernel event of a group is called this, and the request's key. */
#define PERFORMANCE_SYSTEM "performance"

/* For request_install(): the same, for a request of kind EVENT_PERFORMANCE. Without hardware for a counter the error names it: -ENOENT. */
int performance_install(struct probe *p, struct probe_request *request, struct sample_source *source, struct error *err);

#endif
