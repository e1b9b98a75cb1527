#ifndef SUBSCRIPTION_WINDOW_H
#define SUBSCRIPTION_WINDOW_H

#include "subscription/spec.h"

/*
 * The time that a subscription is about: from begin_ns on, before end_ns. CLOCK_MONOTONIC ns, which stand still while the host is
 * suspended.
 *
 * What happens from live_ns on comes from the kernel. What is before it, [begin_ns, min(live_ns, end_ns)), only a recorder could tell, between
 * the first response and the first live event; there is none yet.
 */
struct window {
	uint64_t begin_ns;
	uint64_t live_ns; /* when the subscription became active */
	uint64_t end_ns;  /* UINT64_MAX: it never ends */
};

/* Of a subscription that becomes active now. */
struct window window_of(const struct subscription_spec *spec, uint64_t now_ns);

/* Nothing that happens from now on is in it. */
static inline bool window_is_past(const struct window *w)
{
	return w->end_ns <= w->live_ns;
}

#endif
