#ifndef PROTO_CAPSULE8_REQUEST_H
#define PROTO_CAPSULE8_REQUEST_H

#include "base/buffer.h"
#include "subscription/spec.h"

/*
 * The other way round from capsule8_decoder.h, for our own client: appends a packed capsule8.api.v0.GetEventsRequest that asks for what the
 * spec says. Clauses are grouped by family on the wire; within a family their order stays.
 *
 * -EINVAL: the contract has no words for it: a clause of kind EVENT_LOST or EVENT_KIND_COUNT, a predicate on a field that filters do not
 * have, two predicates on the same field, an operator that the filter does not have for it, calls or counters without a request, a kernel filter
 * on a user call, a limit, since or for beyond INT64_MAX, a throttle that is no whole number of milliseconds. -ENOMEM.
 *
 * A syscall clause without a predicate on "abi" asks for 64-bit callers; one without "id" is packed as it is, and a server may refuse it.
 */
int capsule8_encode_request(const struct subscription_spec *spec, struct buffer *out, struct error *err);

#endif
