#ifndef SUBSCRIPTION_QUERY_PRINT_H
#define SUBSCRIPTION_QUERY_PRINT_H

#include "base/buffer.h"
#include "subscription/spec.h"

/*
 * The text form (query_parse.h) of what is subscribed to, on one line. There is one text for each meaning, and reading it gives what was printed:
 * the same tree, node by node, for every checked one. spec.h has the functions for whole clauses and subscriptions.
 *
 * Foreign strings come out quoted, with what must not reach a terminal escaped.
 */

/* Appends a checked expression. `request`: of its clause; NULL: none. */
void expression_print(const struct expression *e, const struct probe_request *request, struct buffer *out);

#endif
