#ifndef PROTO_CAPSULE8_EXPRESSION_H
#define PROTO_CAPSULE8_EXPRESSION_H

#include "base/error.h"
#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "subscription/expression.h"

/*
 * Expressions as messages, for our own client (capsule8_request.h). The other way round is a part of the decoder (capsule8_place.h).
 */

/* Levels of operators in one another, with what they stand on. Each is two messages in one another, and the decoder follows no more than
 * MESSAGE_DEPTH_MAX (message_check.h). Chains of AND and of OR become trees as flat as can be, so that it takes an odd filter to get here. */
#define CAPSULE8_EXPRESSION_LEVELS_MAX 120

/* The messages of one expression. The strings in them are borrowed from the expression and the request. */
struct capsule8_expression_messages;

/*
 * Makes messages of a checked expression: of `first`, ANDed with what stands behind it in the same list of operands. So it takes a whole filter
 * or the end of its AND. `request`: of the clause; NULL: it has none.
 *
 * *ret_expression is in *ret and goes with it: capsule8_expression_messages_free(). -EINVAL: more than CAPSULE8_EXPRESSION_LEVELS_MAX levels.
 * -ENOMEM.
 */
int capsule8_expression_encode(const struct expression *first, const struct probe_request *request,
			       struct capsule8_expression_messages **ret, Capsule8__Api__V0__Expression **ret_expression,
			       struct error *err);

/* Takes NULL; returns NULL. */
struct capsule8_expression_messages *capsule8_expression_messages_free(struct capsule8_expression_messages *m);

#endif
