#ifndef TESTS_EXPRESSIONS_CONDITIONS_H
#define TESTS_EXPRESSIONS_CONDITIONS_H

#include "subscription/spec.h"

/*
 * A clause's filter, looked at as what is ANDed in it.
 */

/* 0 without a filter; what is no AND is one condition. */
size_t condition_count(const struct clause *c);

/* NULL: there are not so many. */
const struct expression *condition_at(const struct clause *c, size_t index);

/* Whether the one at `index` is what clause_add() makes of the same arguments: a field with the catalog's name, an operator, a value. */
bool condition_is(const struct clause *c, size_t index, const char *name, enum predicate_operator op, uint64_t integer, const char *string);

#endif
