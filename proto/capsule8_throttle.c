#include "proto/capsule8_throttle.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>

#define PATH "subscription.modifier.throttle."

struct unit {
	Capsule8__Api__V0__ThrottleModifier__IntervalType type;
	const char *name;
	uint64_t ns;
};

#define UNIT(name, ns)                                                                 \
	{                                                                              \
		CAPSULE8__API__V0__THROTTLE_MODIFIER__INTERVAL_TYPE__##name, #name, ns \
	}
/* The largest first. */
static const struct unit units[] = {
	UNIT(HOUR, 3600 * NSEC_PER_SEC),
	UNIT(MINUTE, 60 * NSEC_PER_SEC),
	UNIT(SECOND, NSEC_PER_SEC),
	UNIT(MILLISECOND, NSEC_PER_MSEC),
};
#define UNITS (sizeof(units) / sizeof(units[0]))

int capsule8_throttle_decode(const Capsule8__Api__V0__ThrottleModifier *throttle, uint64_t *ret_ns, struct error *err)
{
	size_t i = 0;

	while (i < UNITS && units[i].type != throttle->interval_type)
		i++;
	if (i == UNITS)
		return error_set(err, -EINVAL, PATH "interval_type: %d; must be MILLISECOND (0) to HOUR (3)", (int)throttle->interval_type);
	if (throttle->interval <= 0 || (uint64_t)throttle->interval > INT64_MAX / units[i].ns)
		return error_set(err, -EINVAL, PATH "interval: %" PRId64 "; must be 1 to %" PRIu64 " with the interval_type %s",
				 throttle->interval, INT64_MAX / units[i].ns, units[i].name);
	*ret_ns = (uint64_t)throttle->interval * units[i].ns;
	return 0;
}

int capsule8_throttle_encode(uint64_t ns, Capsule8__Api__V0__ThrottleModifier *ret, struct error *err)
{
	for (size_t i = 0; ns && ns <= INT64_MAX && i < UNITS; i++) {
		if (ns % units[i].ns)
			continue;
		ret->interval = (int64_t)(ns / units[i].ns);
		ret->interval_type = units[i].type;
		return 0;
	}
	return error_set(err, -EINVAL, "throttle: %" PRIu64 " ns; must be a whole number of milliseconds, 1 to %" PRIu64, ns,
			 INT64_MAX / NSEC_PER_MSEC);
}
