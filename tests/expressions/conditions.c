#include "tests/expressions/conditions.h"

#include <string.h>

static const struct expression *first_condition(const struct clause *c)
{
	return c->filter && c->filter->type == EXPRESSION_AND ? c->filter->first : c->filter;
}

size_t condition_count(const struct clause *c)
{
	size_t count = 0;

	for (const struct expression *e = first_condition(c); e; e = e->next)
		count++;
	return count;
}

const struct expression *condition_at(const struct clause *c, size_t index)
{
	const struct expression *e = first_condition(c);

	for (; e && index; index--)
		e = e->next;
	return e;
}

/* `FIELD TYPE VALUE`. */
static bool is_comparison(const struct expression *e, enum expression_type type, const char *name, uint64_t integer, const char *string)
{
	const struct expression *field = e->first, *value = field ? field->next : NULL;

	if (e->type != type || !value || field->type != EXPRESSION_FIELD || !field->field || strcmp(field->field->name, name) != 0 ||
	    value->type != EXPRESSION_VALUE)
		return false;
	return string ? value->value_type == VALUE_STRING && !strcmp(value->string, string)
		      : value_type_is_integer(value->value_type) && value->integer == integer;
}

bool condition_is(const struct clause *c, size_t index, const char *name, enum predicate_operator op, uint64_t integer, const char *string)
{
	const struct expression *e = condition_at(c, index);

	if (!e)
		return false;
	switch (op) {
	case PREDICATE_EQUAL:
		return is_comparison(e, EXPRESSION_EQ, name, integer, string);
	case PREDICATE_GLOB:
		return is_comparison(e, EXPRESSION_LIKE, name, integer, string);
	case PREDICATE_BITS:
		return e->type == EXPRESSION_NE && is_comparison(e->first, EXPRESSION_BITWISE_AND, name, integer, NULL) &&
		       e->first->next->type == EXPRESSION_VALUE && !e->first->next->integer;
	}
	return false;
}
