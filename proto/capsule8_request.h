#ifndef PROTO_CAPSULE8_REQUEST_H
#define PROTO_CAPSULE8_REQUEST_H

#include "base/buffer.h"
#include "subscription/spec.h"

/*
 * The other way round from capsule8_decoder.h, for our own client: appends a packed capsule8.api.v0.GetEventsRequest that asks for what the
 * spec says. Clauses are grouped by family on the wire; within a family their order stays.
 *
 * The conditions that a filter begins with become the fields that the contract's filter has for them, as far as they stand in the decoder's
 * order (capsule8_decoder.h); everything else becomes filter_expression. What is decoded again is equal, but for the ABI of a syscall clause
 * that does not speak of it: it asks for 64-bit callers. One that names no system call is packed as it is, and a server may refuse it.
 *
 * -EINVAL: the contract has no words for it: a clause of kind EVENT_LOST or EVENT_KIND_COUNT, a filter of counters, ticks or characters, one
 * that is too deep (capsule8_expression.h), calls or counters without a request, a kernel filter on a user call, a limit, since or for beyond
 * INT64_MAX, a throttle that is no whole number of milliseconds. -ENOMEM.
 */
int capsule8_encode_request(const struct subscription_spec *spec, struct buffer *out, struct error *err);

#endif
