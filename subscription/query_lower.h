#ifndef SUBSCRIPTION_QUERY_LOWER_H
#define SUBSCRIPTION_QUERY_LOWER_H

#include "subscription/query_tree.h"

/*
 * The parser's inside: what a condition of the text (query_tree.h) means for one of the clauses that it belongs to.
 */

/* The clauses of one EVENT word; its condition is ANDed to each of them. */
struct query_clauses {
	struct clause *clauses;
	size_t count;
};

/* What it means for the clause at `index`, as it is written: nothing is checked but what names and constants need, nothing is added. -EINVAL, with
 * the lexer's mistake told; -ENOMEM. Free *ret with expression_free(). */
int query_lower_one(const struct query_tree *tree, struct query_lexer *l, const struct query_clauses *clauses, size_t index,
		    struct expression **ret);

/* -EINVAL, with the lexer's mistake told; -ENOMEM. Some clauses may have got the condition then. */
int query_lower(const struct query_tree *tree, struct query_lexer *l, const struct query_clauses *clauses);

#endif
