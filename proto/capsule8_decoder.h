#ifndef PROTO_CAPSULE8_DECODER_H
#define PROTO_CAPSULE8_DECODER_H

#include "subscription/spec.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What a Capsule8 v0 client asks for: a packed capsule8.api.v0.GetEventsRequest becomes a subscription_spec.
 *
 * Errors name the field by its path in the request, its value and what is allowed:
 * "subscription.event_filter.syscall_events[0].id: not set; must name a system call by its number".
 *
 *	-EINVAL      the request makes no sense: bytes that are no such message, nothing asked for, a type that does not exist, a field that does
 *	             not belong to the type, a value out of bounds
 *	-EOPNOTSUPP  it makes sense, but narrows or widens the whole subscription in a way that this sensor cannot: filter_expression,
 *	             filter of network events. Left out of account, they would give the client other events than it asked for
 *	-ENOMEM
 *
 * A filter of a kind that this sensor does not serve (containers) becomes a clause of kind EVENT_KIND_COUNT with a refusal; the
 * others run. Fields that are in no .proto file are passed over, as protobuf has it.
 *
 * since_duration and for_duration are nanoseconds, like a ticker's interval.
 *
 * System call numbers mean the 64-bit table unless the filter's `abi` says otherwise: each syscall clause has a predicate on "abi".
 * A container_filter becomes the spec's (subscription/container_filter.h says what its lists take); one without entries is none. Ticks and
 * chargen's characters come from no container: with a container_filter their clauses are refused, INVALID_ARGUMENT, and the others run. A file
 * filter's `filename` is the name that the kind has first: source_file of links, oldname of renames. Function calls and performance
 * counters become the clause's request (sensor/probe_request.h), with the arguments in the order of the message.
 */

#define CAPSULE8_CLAUSES_MAX       4096
#define CAPSULE8_PATTERN_MAX_BYTES 4096
#define CAPSULE8_CHARGEN_MAX       65536

/* *ret: free with subscription_spec_free(). Any thread. */
int capsule8_decode_request(const uint8_t *bytes, size_t size, struct subscription_spec **ret, struct error *err);

#endif
