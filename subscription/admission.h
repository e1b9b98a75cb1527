#ifndef SUBSCRIPTION_ADMISSION_H
#define SUBSCRIPTION_ADMISSION_H

#include "subscription/feed.h"

/*
 * Which clauses of a subscription can be served, and what to answer for those that cannot.
 */

/* The google.rpc.Code for a negative errno from a probe that could not be had. */
enum status_code admission_code(int error);

/* Whether this build could serve the clause at all. False: *ret says why not. */
bool admission_check(const struct clause *c, bool has_loop, struct subscriber_status *ret);

/* Fills in a status for a clause that the kernel (or the process's limits) refused: "process:exec: reason". */
void admission_refuse(const struct clause *c, const struct error *reason, struct subscriber_status *ret);

/* Appends the answer to a subscription that is to begin in the past. */
void admission_refuse_since(uint64_t since_ns, struct subscriber_statuses *statuses);

/* Appends an answer. The last one that there is room for stands for all that follow. */
void admission_append(struct subscriber_statuses *statuses, const struct subscriber_status *status);

#endif
