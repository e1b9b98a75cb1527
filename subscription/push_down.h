#ifndef SUBSCRIPTION_PUSH_DOWN_H
#define SUBSCRIPTION_PUSH_DOWN_H

#include "sensor/plan.h"
#include "subscription/spec.h"

/*
 * From clauses to a probe plan: which kinds are wanted, and for each the strongest kernel filter (Documentation/trace/events.rst, "Event
 * filtering") that surely lets everything through that some clause matches: `(id == 0) || (id == 257 && ret < 0)`.
 *
 * Only what the kernel is known to decide as user space does is pushed down; exact evaluation follows there in any case. Of an AND, what cannot
 * be pushed down is left out; an OR with such a part is left out as a whole. Some conditions are pushed down as weaker ones: a pattern with
 * `*` or `?` in it as what it begins or ends with, an equality under a mask as some bit of it; there is no `!` before Linux 4.17, so a mask that must
 * have no bit is left to user space. A clause that is left without any makes the filter NULL (everything). When all together are too long for
 * the kernel, or too costly in it, each clause gives only one of its conditions; when that is still too much, the filter is NULL.
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
