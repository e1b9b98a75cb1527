#ifndef SENSOR_CALL_SOURCE_H
#define SENSOR_CALL_SOURCE_H

#include "sensor/probe.h"
#include "sensor/probe_request.h"
#include "sensor/self_filter.h"

/*
 * Calls of functions of the kernel and of programs that clients ask for by name: a request becomes a kprobe, kretprobe, uprobe or uretprobe,
 * its samples become events with the arguments (event_call).
 *
 * The meaning of a request is the same on every kernel: fetchargs are written in its notation (fetchargs.h), and what it cannot do is refused
 * rather than left out. The place is found by call_place.h, the filter is looked at by call_filter.h, values are made by call_decoder.h.
 *
 * Unlike the filters of the sensor's own probes, which only save work, a client's filter is what it asked for: when the kernel refuses it,
 * the request is refused. Only the part that keeps our own threads out may be missing; user space drops them anyway.
 *
 * A hit whose record would be longer than perf takes (probe_limits.h) is lost without a count: by the kernel, and before anybody could know. A
 * client who asks for several long strings at once has to expect it.
 *
 * The loop thread.
 */

/*
 * See request_install(). Errors begin with the function's name and say
 *
 *	-ENOENT         there is no such function, and what comes close
 *	-EADDRNOTAVAIL  there are several
 *	-EPERM          the kernel lets nobody probe it
 *	-EINVAL         which argument, or which word of the filter, and the kernel's reason
 *	-EOPNOTSUPP     what this kernel's probes lack
 *	-ENODEV         it has no such probes at all
 */
int call_install(struct probe *p, struct probe_request *request, const struct probe_kernel *kernel, const struct self_filter *self,
		 struct sample_source *source, struct error *err);

#endif
