#include "subscription/query_tree.h"

#include <errno.h>
#include <stdlib.h>

/* Levels of nodes: each of the tree's, and what only the text has, such as a minus. */
#define DEPTH_MAX (3 * EXPRESSION_DEPTH_MAX)

struct parser {
	struct query_tree *tree;
	struct query_lexer *lexer;
	unsigned int parentheses;
	bool no_memory;
};

/* From the token that is there. */
static struct query_node *new_node(struct parser *p, enum query_node_type type, enum expression_type op)
{
	struct query_node *n = calloc(1, sizeof(*n));

	if (!n) {
		p->no_memory = true;
		return NULL;
	}
	*n = (struct query_node){.type = type,
				 .op = op,
				 .position = (uint32_t)p->lexer->position,
				 .size = (uint32_t)p->lexer->size,
				 .depth = 1,
				 .allocated = p->tree->allocated};
	p->tree->allocated = n;
	return n;
}

/* NULL for either: there was a mistake. */
static struct query_node *add(struct parser *p, struct query_node *to, struct query_node *operand)
{
	if (!to || !operand)
		return NULL;
	if (to->last)
		to->last->next = operand;
	else
		to->first = operand;
	to->last = operand;
	if (to->depth <= operand->depth)
		to->depth = operand->depth + 1;
	if (to->depth <= DEPTH_MAX)
		return to;
	query_mistake_set(p->lexer, to->position, "the condition is deeper than %d levels", EXPRESSION_DEPTH_MAX);
	return NULL;
}

static struct query_node *take_node(struct parser *p, enum query_node_type type, enum expression_type op)
{
	struct query_node *n = new_node(p, type, op);

	query_lexer_next(p->lexer);
	return n;
}

static struct query_node *parse_condition(struct parser *p);

static struct query_node *wrong(struct parser *p, const char *what)
{
	query_mistake_set(p->lexer, p->lexer->position, "%s", what);
	return NULL;
}

static struct query_node *parse_parentheses(struct parser *p)
{
	size_t open = p->lexer->position;
	struct query_node *inner;

	if (p->parentheses == EXPRESSION_DEPTH_MAX) {
		query_mistake_set(p->lexer, open, "parentheses in more than %d others", EXPRESSION_DEPTH_MAX);
		return NULL;
	}
	p->parentheses++;
	query_lexer_next(p->lexer);
	inner = parse_condition(p);
	if (!inner)
		return NULL;
	if (p->lexer->token != TOKEN_RIGHT) {
		if (p->lexer->token == TOKEN_END)
			query_mistake_set(p->lexer, open, "the parenthesis is not closed");
		return wrong(p, "here and, or, or the closing parenthesis must stand");
	}
	query_lexer_next(p->lexer);
	p->parentheses--;
	return inner;
}

static struct query_node *parse_timestamp(struct parser *p)
{
	query_lexer_next(p->lexer);
	if (p->lexer->token != TOKEN_STRING)
		return wrong(p, "timestamp needs a time behind it, like timestamp '2026-11-25T10:00:00Z'");
	return take_node(p, NODE_TIMESTAMP, 0);
}

static struct query_node *parse_minus(struct parser *p)
{
	struct query_node *minus = take_node(p, NODE_MINUS, 0);

	if (p->lexer->token == TOKEN_NUMBER)
		return add(p, minus, take_node(p, NODE_NUMBER, 0));
	if (p->lexer->token == TOKEN_NAME)
		return add(p, minus, take_node(p, NODE_NAME, 0));
	return wrong(p, "a minus needs a number behind it, or the name of an error");
}

static struct query_node *parse_name(struct parser *p)
{
	static const char *const words[] = {"and", "or", "like", "is", "null", "in", "where"};

	if (query_lexer_at(p->lexer, "true"))
		return take_node(p, NODE_BOOL, EXPRESSION_NE);
	if (query_lexer_at(p->lexer, "false"))
		return take_node(p, NODE_BOOL, EXPRESSION_EQ);
	if (query_lexer_at(p->lexer, "timestamp"))
		return parse_timestamp(p);
	if (query_lexer_at(p->lexer, "not"))
		return wrong(p, "there is no NOT: turn the comparison round, with != for =, >= for <, is not null for is null");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (query_lexer_at(p->lexer, words[i])) {
			query_mistake_set(p->lexer, p->lexer->position, "here a field or a value must stand, not \"%s\"", words[i]);
			return NULL;
		}
	return take_node(p, NODE_NAME, 0);
}

static struct query_node *parse_constant(struct parser *p)
{
	if (p->lexer->token == TOKEN_NEWLINE)
		query_lexer_next(p->lexer);
	switch (p->lexer->token) {
	case TOKEN_NAME:
		return parse_name(p);
	case TOKEN_QUOTED_NAME:
		return take_node(p, NODE_QUOTED_NAME, 0);
	case TOKEN_NUMBER:
		return take_node(p, NODE_NUMBER, 0);
	case TOKEN_STRING:
		return take_node(p, NODE_STRING, 0);
	case TOKEN_ADDRESS:
		return take_node(p, NODE_ADDRESS, 0);
	case TOKEN_MINUS:
		return parse_minus(p);
	case TOKEN_LEFT:
		return parse_parentheses(p);
	case TOKEN_END:
		return wrong(p, "something is missing at the end: a field or a value must follow");
	default:
		return wrong(p, "here a field or a value must stand");
	}
}

static struct query_node *parse_value(struct parser *p)
{
	struct query_node *first = parse_constant(p), *all;

	if (!first || p->lexer->token != TOKEN_BAR)
		return first;
	all = add(p, new_node(p, NODE_COMBINE, 0), first);
	while (all && p->lexer->token == TOKEN_BAR) {
		query_lexer_next(p->lexer);
		all = add(p, all, parse_constant(p));
	}
	return all;
}

static struct query_node *parse_operand(struct parser *p)
{
	struct query_node *left = parse_value(p);

	while (left && p->lexer->token == TOKEN_AMPERSAND) {
		struct query_node *mask = add(p, take_node(p, NODE_MASK, EXPRESSION_BITWISE_AND), left);

		left = mask ? add(p, mask, parse_value(p)) : NULL;
	}
	return left;
}

static struct query_node *parse_comparison(struct parser *p, struct query_node *left)
{
	struct query_node *both = add(p, take_node(p, NODE_CONDITION, p->lexer->comparison), left);

	both = both ? add(p, both, parse_operand(p)) : NULL;
	if (both && p->lexer->token == TOKEN_COMPARISON)
		return wrong(p, "comparisons cannot be chained: write a < b and b < c");
	return both;
}

static struct query_node *parse_like(struct parser *p, struct query_node *left)
{
	struct query_node *like = add(p, take_node(p, NODE_CONDITION, EXPRESSION_LIKE), left);

	if (like && p->lexer->token != TOKEN_STRING)
		return wrong(p, "like needs a pattern behind it, like '/usr/bin/%' or '*.sh'");
	return like ? add(p, like, take_node(p, NODE_STRING, 0)) : NULL;
}

static struct query_node *parse_is(struct parser *p, struct query_node *left)
{
	struct query_node *is = add(p, take_node(p, NODE_CONDITION, EXPRESSION_IS_NULL), left);

	if (is && query_lexer_at(p->lexer, "not")) {
		is->op = EXPRESSION_IS_NOT_NULL;
		query_lexer_next(p->lexer);
	}
	if (is && !query_lexer_at(p->lexer, "null"))
		return wrong(p, "is needs null or not null behind it");
	query_lexer_next(p->lexer);
	return is;
}

static struct query_node *parse_in(struct parser *p, struct query_node *left)
{
	struct query_node *in = add(p, take_node(p, NODE_IN, 0), left);

	if (in && p->lexer->token == TOKEN_ADDRESS)
		return add(p, in, take_node(p, NODE_ADDRESS, 0));
	if (in && p->lexer->token != TOKEN_LEFT)
		return wrong(p, "in needs a list behind it, like in (1, 2), or a network, like in 10.0.0.0/8");
	do {
		query_lexer_next(p->lexer);
		in = in ? add(p, in, parse_operand(p)) : NULL;
	} while (in && p->lexer->token == TOKEN_COMMA);
	if (in && p->lexer->token != TOKEN_RIGHT)
		return wrong(p, "here a comma and the next value, or the closing parenthesis must stand");
	query_lexer_next(p->lexer);
	return in;
}

static struct query_node *refuse_not(struct parser *p)
{
	size_t position = p->lexer->position;

	query_lexer_next(p->lexer);
	if (query_lexer_at(p->lexer, "in"))
		query_mistake_set(p->lexer, position,
				  "there is no NOT IN: write each != a and != b; of a network, (ipv4_address & MASK) != NETWORK");
	else if (query_lexer_at(p->lexer, "like"))
		query_mistake_set(p->lexer, position, "there is no NOT LIKE: write != for each string that is not wanted");
	else
		query_mistake_set(p->lexer, position, "there is no NOT: turn the comparison round, with != for = or >= for <");
	return NULL;
}

static struct query_node *parse_single(struct parser *p)
{
	struct query_node *left = parse_operand(p);

	if (!left)
		return NULL;
	if (p->lexer->token == TOKEN_COMPARISON)
		return parse_comparison(p, left);
	if (query_lexer_at(p->lexer, "like"))
		return parse_like(p, left);
	if (query_lexer_at(p->lexer, "is"))
		return parse_is(p, left);
	if (query_lexer_at(p->lexer, "in"))
		return parse_in(p, left);
	if (query_lexer_at(p->lexer, "not"))
		return refuse_not(p);
	return left;
}

static struct query_node *parse_chain(struct parser *p, const char *word, enum expression_type op,
				      struct query_node *(*parse)(struct parser *p))
{
	struct query_node *first = parse(p), *all;

	if (!first || !query_lexer_at(p->lexer, word))
		return first;
	all = add(p, new_node(p, NODE_CONDITION, op), first);
	while (all && query_lexer_at(p->lexer, word)) {
		query_lexer_next(p->lexer);
		all = add(p, all, parse(p));
	}
	return all;
}

static struct query_node *parse_all(struct parser *p)
{
	return parse_chain(p, "and", EXPRESSION_AND, parse_single);
}

static struct query_node *parse_condition(struct parser *p)
{
	return parse_chain(p, "or", EXPRESSION_OR, parse_all);
}

int query_tree_parse(struct query_tree *tree, struct query_lexer *l)
{
	struct parser p = {.tree = tree, .lexer = l};

	*tree = (struct query_tree){0};
	tree->root = parse_condition(&p);
	if (p.no_memory)
		return -ENOMEM;
	return tree->root && !l->failed ? 0 : -EINVAL;
}

void query_tree_free(struct query_tree *tree)
{
	while (tree->allocated) {
		struct query_node *n = tree->allocated;

		tree->allocated = n->allocated;
		free(n);
	}
	tree->root = NULL;
}
