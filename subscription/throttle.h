#ifndef SUBSCRIPTION_THROTTLE_H
#define SUBSCRIPTION_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether an event of this time gets through a throttle: the first one does, and the first behind each interval, which begins with it. *until_ns is the end of the
 * interval; 0: none has begun. */
static inline bool throttle_passes(uint64_t throttle_ns, uint64_t *until_ns, uint64_t time_ns)
{
	if (time_ns < *until_ns)
		return false;
	if (__builtin_add_overflow(time_ns, throttle_ns, until_ns))
		*until_ns = UINT64_MAX;
	return true;
}

#endif
