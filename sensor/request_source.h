#ifndef SENSOR_REQUEST_SOURCE_H
#define SENSOR_REQUEST_SOURCE_H

#include "sensor/probe.h"
#include "sensor/probe_request.h"
#include "sensor/self_filter.h"

/*
 * From a client's request (probe_request.h) to a probe that is installed, and from its samples to events: functions of the kernel and of
 * programs (call_source.h), and performance counters.
 *
 * The loop thread.
 */

/* Holds a reference of the request until probe_remove(). A symbol that does not exist, cannot be probed or is inlined, and arguments that the
 * kernel does not take, are refused with the kernel's reason: -ENOENT, -EINVAL and the like. `kernel` (but not what it points to) and `self`
 * are borrowed for the call. */
int request_install(struct probe *p, struct probe_request *request, const struct probe_kernel *kernel, const struct self_filter *self,
		    struct sample_source *source, struct error *err);

#endif
