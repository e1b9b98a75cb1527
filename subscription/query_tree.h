#ifndef SUBSCRIPTION_QUERY_TREE_H
#define SUBSCRIPTION_QUERY_TREE_H

#include "subscription/expression.h"
#include "subscription/query_parse.h"

#include <stdint.h>

/*
 * The parser's inside: a condition as it stands in the text, before it is known what the names in it are. The same one becomes an expression
 * for each kind of a clause (query_lower.h).
 */

enum query_token {
	TOKEN_END, /* of the text, or ; */
	TOKEN_NEWLINE,
	TOKEN_NAME,
	TOKEN_QUOTED_NAME,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_ADDRESS,
	TOKEN_COMPARISON,
	TOKEN_LEFT,
	TOKEN_RIGHT,
	TOKEN_COMMA,
	TOKEN_AMPERSAND,
	TOKEN_BAR,
	TOKEN_MINUS,
	TOKEN_WRONG, /* the mistake is told */
};

struct query_lexer {
	const char *text;
	size_t next; /* behind the token */
	size_t parentheses;
	struct query_mistake *mistake;
	bool failed;

	enum query_token token;
	size_t position;
	size_t size;
	enum expression_type comparison;
};

/* The first token from `position` on. `mistake` is told the first mistake, by the lexer and by its users. */
void query_lexer_init(struct query_lexer *l, const char *text, size_t position, struct query_mistake *mistake);
void query_lexer_next(struct query_lexer *l);

/* Whether the token is this word of the language. */
bool query_lexer_at(const struct query_lexer *l, const char *word);

/* Tells a mistake, if none is told yet; always -EINVAL. */
int query_mistake_set(struct query_lexer *l, size_t position, const char *format, ...) __attribute__((format(printf, 3, 4)));

enum query_node_type {
	NODE_CONDITION, /* `op` is the operator: AND and OR of any number, comparisons, LIKE, IS NULL, ... */
	NODE_IN,        /* the field, then the values */
	NODE_MASK,      /* & */
	NODE_COMBINE,   /* | */
	NODE_MINUS,
	NODE_NAME,
	NODE_QUOTED_NAME,
	NODE_NUMBER,
	NODE_STRING,
	NODE_ADDRESS,
	NODE_BOOL,      /* `op` EXPRESSION_NE: true */
	NODE_TIMESTAMP, /* its string */
};

struct query_node {
	enum query_node_type type;
	enum expression_type op;
	uint32_t position, size; /* of the token that it is, or of its operator */
	uint32_t depth;
	struct query_node *first, *last, *next;
	struct query_node *allocated; /* the one that was made before it */
};

struct query_tree {
	struct query_node *root;
	struct query_node *allocated;
};

/* Reads a condition up to the first token that cannot belong to it. -EINVAL, with the lexer's mistake told; -ENOMEM. Free it in any case. */
int query_tree_parse(struct query_tree *tree, struct query_lexer *l);
void query_tree_free(struct query_tree *tree);

#endif
