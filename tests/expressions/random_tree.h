#ifndef TESTS_EXPRESSIONS_RANDOM_TREE_H
#define TESTS_EXPRESSIONS_RANDOM_TREE_H

#include "subscription/expression.h"

/*
 * Random expressions in the form that expression_check() gives them, over fields of the caller's choice, with values that are often near one
 * another and near the bounds of their types, so that comparisons do not always come to the same.
 */

/* A stream of random numbers that is the same for the same seed on every host. */
struct random {
	uint64_t state;
};

uint64_t random_next(struct random *r);
uint64_t random_below(struct random *r, uint64_t bound);

struct random_fields {
	const struct catalog_field *const *fields;
	size_t count;
	const struct probe_request *request; /* its arguments are fields too; NULL: none */
};

struct expression *random_tree(struct random *r, const struct random_fields *fields, unsigned int depth);

/* Of a type: near 0, near bounds, few bits, or anything. Sign-extended. */
uint64_t random_integer(struct random *r, enum value_type type);

/* Short ones of few letters, empty ones, odd ones: quotes, wildcards, control characters, UTF-8. At most 31 bytes. */
const char *random_string(struct random *r, char to[32]);

#endif
