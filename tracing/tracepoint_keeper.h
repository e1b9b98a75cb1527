#ifndef TRACING_TRACEPOINT_KEEPER_H
#define TRACING_TRACEPOINT_KEEPER_H

#include <stddef.h>
#include <stdint.h>

/*
 * When the last perf event of a tracepoint is closed, the kernel takes the tracepoint out of the code and waits until no CPU can be in it any more: some
 * 40 ms, in which nobody else can open or close such an event (kernel: perf_trace_event_unreg()). Whoever opens and closes events of the same
 * tracepoints again and again, as trials do, has them kept meanwhile: by one event each, which is never enabled.
 *
 * Zeroed: nothing is kept. One thread.
 */
struct tracepoint_keeper {
	struct kept_tracepoint {
		uint32_t id;
		int fd;
	} * kept;
	size_t count, capacity;
};

/* Keeps a tracepoint that is open at this moment, by its id (format_id()); once is enough. Where it cannot be kept (descriptors, memory), closing it
 * takes its time, and that is all. Not for probes: they cannot be removed while they are kept. */
void tracepoint_keeper_hold(struct tracepoint_keeper *k, uint32_t id);

/* Lets go of all: those that nobody else has open are taken out of the kernel now. */
void tracepoint_keeper_release(struct tracepoint_keeper *k);

#endif
