#ifndef PROTO_CAPSULE8_DECODER_H
#define PROTO_CAPSULE8_DECODER_H

#include "subscription/spec.h"

#include <stdbool.h>
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
 *	-ENOMEM
 *
 * A filter of a kind that this sensor does not serve (containers) becomes a clause of kind EVENT_KIND_COUNT with a refusal; the
 * others run. Fields that are in no .proto file are passed over, as protobuf has it.
 *
 * since_duration and for_duration are nanoseconds, like a ticker's interval.
 *
 * A clause's filter is the AND of what the filter of the request has, in this order: its own fields (syscalls: id, abi, arg0 to arg5, ret;
 * processes: exec_filename, exec_filename_pattern, exit_code; files: filename, filename_pattern, open_flags_mask, create_mode_mask), the older
 * form of expressions (`filter` of network events), and filter_expression. A mask wants any of its bits, and so does BITWISE_AND where it is a
 * condition of its own. Expressions of calls are over the call's arguments by name, and over what all events have. A refusal of a part of an
 * expression has its path: "...file_events[0].filter_expression.binary_op.rhs.value.signed_value: 300; must be -128 to 127 (SINT8)"; of a very
 * deep one the middle is left out.
 *
 * A syscall filter must name system calls, by `id` or by an expression that is true for certain numbers only (expression_binds()): all calls
 * of a host are more than most clients can have meant. System call numbers mean the 64-bit table unless the filter's `abi` or the expression
 * speaks of the ABI: else the clause has a condition on "abi".
 *
 * A container_filter becomes the spec's (subscription/container_filter.h says what its lists take); one without entries is none. Ticks and
 * chargen's characters come from no container: with a container_filter their clauses are refused, INVALID_ARGUMENT, and the others run.
 *
 * A file filter's `filename` is the name that the kind has first: source_file of links, oldname of renames. Function calls and performance
 * counters become the clause's request (sensor/probe_request.h), with the arguments in the order of the message.
 */

#define CAPSULE8_CLAUSES_MAX       4096
#define CAPSULE8_PATTERN_MAX_BYTES 4096
#define CAPSULE8_CHARGEN_MAX       65536

/* What a server allows beyond the contract. */
struct capsule8_decode_options {
	bool all_syscalls; /* syscall filters need not name a system call */
};

/* *ret: free with subscription_spec_free(). `options`: NULL allows nothing more. Any thread. */
int capsule8_decode_request(const uint8_t *bytes, size_t size, const struct capsule8_decode_options *options,
			    struct subscription_spec **ret, struct error *err);

#endif
