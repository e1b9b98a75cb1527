#ifndef PROTO_CAPSULE8_THROTTLE_H
#define PROTO_CAPSULE8_THROTTLE_H

#include "base/error.h"
#include "capsule8/api/v0/telemetry_service.pb-c.h"

#include <stdint.h>

/*
 * A ThrottleModifier says its interval as a number of some unit, a subscription_spec in nanoseconds. Any thread.
 */

/* -EINVAL: an interval of less than 1, one whose nanoseconds do not fit into an int64, a unit that does not exist. */
int capsule8_throttle_decode(const Capsule8__Api__V0__ThrottleModifier *throttle, uint64_t *ret_ns, struct error *err);

/* Fills in the fields, with the largest unit that says it exactly. -EINVAL: not a whole number of milliseconds of at least 1. */
int capsule8_throttle_encode(uint64_t ns, Capsule8__Api__V0__ThrottleModifier *ret, struct error *err);

#endif
