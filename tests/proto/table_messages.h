#ifndef TESTS_PROTO_TABLE_MESSAGES_H
#define TESTS_PROTO_TABLE_MESSAGES_H

#include "base/buffer.h"
#include "sensor/event.h"
#include "subscription/expression.h"

/*
 * Expressions as clients that are not ours send them: a packed GetEventsRequest of one filter, with the tree as its author wrote it, before any
 * check. So values have the types that they were written with, and what makes no sense is sent all the same.
 */

/* The second generation: filter_expression. False: filters of this kind have none. Of a system call the id and ABI are those of `event`.
 * `narrow`: integers have the narrowest type that holds them, unsigned unless they are negative, instead of the one that they have in the tree. */
bool table_message_second(const struct event *event, const struct probe_request *request, const struct expression *e, bool narrow,
			  struct buffer *out);

/* The first generation: NetworkEventFilter.filter. False: it is not about the network, or needs words that there were not: NULL, &, booleans
 * other than the constants, doubles, times, a field or a value on both sides. */
bool table_message_first(const struct event *event, const struct expression *e, struct buffer *out);

#endif
