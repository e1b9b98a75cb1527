#ifndef SUBSCRIPTION_PUSH_DOWN_H
#define SUBSCRIPTION_PUSH_DOWN_H

#include "sensor/plan.h"
#include "subscription/spec.h"

/*
 * From clauses to a probe plan: which kinds are wanted, and for each the strongest kernel filter (Documentation/trace/events.rst, "Event
 * filtering") that surely lets everything through that some clause matches: `(id == 0) || (id == 257 && ret == -2)`.
 *
 * Only what the kernel is known to decide as user space does is pushed down; exact evaluation follows there in any case. A predicate that
 * cannot be pushed down leaves its clause with the rest of its predicates; a clause that is left without any makes the filter NULL
 * (everything), and so does a filter that would be too long for the kernel (or too costly in it).
 *
 * The same set of clauses gives the same string, whatever their order.
 */
#define PUSH_DOWN_FILTER_BYTES 3000 /* the kernel takes less than a page */
#define PUSH_DOWN_PREDICATES   60
#define PUSH_DOWN_STRING_BYTES 200 /* the kernel's limit is 256 */

/* Fills *ret, to be released with plan_done(). Kinds that do not come from the kernel are not wanted from it. Without memory for a filter
 * it is NULL. */
void push_down_plan(const struct clause *const *clauses, size_t count, struct plan *ret);

#endif
