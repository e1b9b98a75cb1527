#include "subscription/expression.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct expression *new_node(enum expression_type type, enum value_type value_type, uint32_t position)
{
	struct expression *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->type = type;
	e->value_type = value_type;
	e->position = position;
	return e;
}

struct expression *expression_new_field(const char *name, uint32_t position)
{
	struct expression *e = new_node(EXPRESSION_FIELD, VALUE_NONE, position);

	if (!e)
		return NULL;
	e->name = strdup(name);
	return e->name ? e : expression_free(e);
}

struct expression *expression_new_integer(enum value_type type, uint64_t integer, uint32_t position)
{
	struct expression *e = new_node(EXPRESSION_VALUE, type, position);

	if (e)
		e->integer = integer;
	return e;
}

struct expression *expression_new_bool(bool value, uint32_t position)
{
	return expression_new_integer(VALUE_BOOL, value, position);
}

struct expression *expression_new_double(double number, uint32_t position)
{
	struct expression *e = new_node(EXPRESSION_VALUE, VALUE_DOUBLE, position);

	if (e)
		e->number = number;
	return e;
}

struct expression *expression_new_timestamp(struct expression_timestamp timestamp, uint32_t position)
{
	struct expression *e = new_node(EXPRESSION_VALUE, VALUE_TIMESTAMP, position);

	if (e)
		e->timestamp = timestamp;
	return e;
}

struct expression *expression_new_string(const char *string, uint32_t position)
{
	struct expression *e = new_node(EXPRESSION_VALUE, VALUE_STRING, position);

	if (!e)
		return NULL;
	e->string = strdup(string);
	return e->string ? e : expression_free(e);
}

static bool takes_any_number(enum expression_type type)
{
	return type == EXPRESSION_AND || type == EXPRESSION_OR;
}

/* Behind the operands that are there: `e` itself or, when it is the same operator, what it is made of. Returns its last one. */
static struct expression *append(struct expression *to, struct expression *last, struct expression *e)
{
	struct expression *first = e;

	if (takes_any_number(to->type) && e->type == to->type) {
		first = e->first;
		e->first = NULL;
		expression_free(e);
	}
	if (last)
		last->next = first;
	else
		to->first = first;
	for (last = first; last->next; last = last->next)
		;
	return last;
}

struct expression *expression_new(enum expression_type type, struct expression *left, struct expression *right, uint32_t position)
{
	bool is_unary = type == EXPRESSION_IS_NULL || type == EXPRESSION_IS_NOT_NULL;
	struct expression *e = new_node(type, type == EXPRESSION_BITWISE_AND ? VALUE_NONE : VALUE_BOOL, position);
	struct expression *last;

	if (!e || !left || (!right && !is_unary)) {
		free(e);
		expression_free(left);
		return expression_free(right);
	}
	last = append(e, NULL, left);
	if (right)
		append(e, last, right);
	return e;
}

/* Trees are as deep as whoever sent them liked: their nodes go into one list, one after the other. */
struct expression *expression_free(struct expression *e)
{
	struct expression *last = e;

	for (; last && last->next; last = last->next)
		;
	while (e) {
		struct expression *next;

		last->next = e->first;
		for (; last->next; last = last->next)
			;
		next = e->next;
		if (e->type == EXPRESSION_FIELD)
			free(e->name);
		if (e->type == EXPRESSION_VALUE && e->value_type == VALUE_STRING)
			free(e->string);
		free(e);
		e = next;
	}
	return NULL;
}

/* What the node itself owns. False: out of memory; it owns nothing then. */
static bool copy_text(struct expression *e)
{
	char **text;

	if (e->type == EXPRESSION_FIELD)
		text = &e->name;
	else if (e->type == EXPRESSION_VALUE && e->value_type == VALUE_STRING)
		text = &e->string;
	else
		return true;
	*text = strdup(*text);
	return *text;
}

struct expression *expression_copy(const struct expression *e)
{
	struct expression *copy = e ? malloc(sizeof(*copy)) : NULL;
	struct expression **end;

	if (!copy)
		return NULL;
	*copy = *e;
	copy->first = copy->next = NULL;
	if (!copy_text(copy)) {
		free(copy);
		return NULL;
	}
	end = &copy->first;
	for (const struct expression *operand = e->first; operand; operand = operand->next, end = &(*end)->next) {
		*end = expression_copy(operand);
		if (!*end)
			return expression_free(copy);
	}
	return copy;
}

static bool values_equal(const struct expression *a, const struct expression *b)
{
	switch (a->value_type) {
	case VALUE_STRING:
		return !strcmp(a->string, b->string);
	case VALUE_DOUBLE:
		return a->number == b->number && signbit(a->number) == signbit(b->number);
	case VALUE_TIMESTAMP:
		return a->timestamp.seconds == b->timestamp.seconds && a->timestamp.nanoseconds == b->timestamp.nanoseconds;
	default:
		return a->integer == b->integer;
	}
}

bool expression_equal(const struct expression *a, const struct expression *b)
{
	const struct expression *of_a, *of_b;

	if (!a || !b)
		return a == b;
	if (a->type != b->type || a->value_type != b->value_type)
		return false;
	if (a->type == EXPRESSION_FIELD)
		return a->field == b->field && a->argument == b->argument;
	if (a->type == EXPRESSION_VALUE)
		return values_equal(a, b);
	for (of_a = a->first, of_b = b->first; of_a && of_b; of_a = of_a->next, of_b = of_b->next)
		if (!expression_equal(of_a, of_b))
			return false;
	return of_a == of_b;
}

bool expression_has_field(const struct expression *e, const struct catalog_field *field)
{
	if (!e)
		return false;
	if (e->type == EXPRESSION_FIELD)
		return e->field == field;
	for (const struct expression *operand = e->first; operand; operand = operand->next)
		if (expression_has_field(operand, field))
			return true;
	return false;
}

static bool is_field_and_value(const struct expression *a, const struct expression *b, const struct catalog_field *field)
{
	return a->type == EXPRESSION_FIELD && a->field == field && b->type == EXPRESSION_VALUE;
}

bool expression_binds(const struct expression *e, const struct catalog_field *field)
{
	const struct expression *operand;

	if (!e)
		return false;
	switch (e->type) {
	case EXPRESSION_EQ:
		return is_field_and_value(e->first, e->first->next, field) || is_field_and_value(e->first->next, e->first, field);
	case EXPRESSION_AND:
		for (operand = e->first; operand; operand = operand->next)
			if (expression_binds(operand, field))
				return true;
		return false;
	case EXPRESSION_OR:
		for (operand = e->first; operand; operand = operand->next)
			if (!expression_binds(operand, field))
				return false;
		return true;
	default:
		return false;
	}
}

bool expression_is_comparison(enum expression_type type)
{
	return type >= EXPRESSION_EQ && type <= EXPRESSION_GE;
}

bool value_type_is_integer(enum value_type type)
{
	return type >= VALUE_SINT8 && type <= VALUE_UINT64;
}

bool value_type_is_signed(enum value_type type)
{
	return type >= VALUE_SINT8 && type <= VALUE_SINT64;
}

const char *value_type_name(enum value_type type)
{
	static const char *const names[] = {
		[VALUE_NONE] = "VALUETYPE_UNSPECIFIED",
		[VALUE_STRING] = "STRING",
		[VALUE_SINT8] = "SINT8",
		[VALUE_SINT16] = "SINT16",
		[VALUE_SINT32] = "SINT32",
		[VALUE_SINT64] = "SINT64",
		[VALUE_UINT8] = "UINT8",
		[VALUE_UINT16] = "UINT16",
		[VALUE_UINT32] = "UINT32",
		[VALUE_UINT64] = "UINT64",
		[VALUE_BOOL] = "BOOL",
		[VALUE_DOUBLE] = "DOUBLE",
		[VALUE_TIMESTAMP] = "TIMESTAMP",
	};

	return names[type];
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* Negative, 0 or positive; they are of one type. */
static int order_of(const struct expression *a, const struct expression *b)
{
	switch (a->value_type) {
	case VALUE_STRING:
		return strcmp(a->string, b->string);
	case VALUE_DOUBLE:
		return ORDER(a->number, b->number);
	case VALUE_TIMESTAMP:
		return a->timestamp.seconds != b->timestamp.seconds ? ORDER(a->timestamp.seconds, b->timestamp.seconds)
								    : ORDER(a->timestamp.nanoseconds, b->timestamp.nanoseconds);
	default:
		return value_type_is_signed(a->value_type) ? ORDER((int64_t)a->integer, (int64_t)b->integer)
							   : ORDER(a->integer, b->integer);
	}
}

bool expression_compare_values(enum expression_type type, const struct expression *left, const struct expression *right)
{
	int order = order_of(left, right);

	switch (type) {
	case EXPRESSION_EQ:
		return !order;
	case EXPRESSION_NE:
		return order;
	case EXPRESSION_LT:
		return order < 0;
	case EXPRESSION_LE:
		return order <= 0;
	case EXPRESSION_GT:
		return order > 0;
	case EXPRESSION_GE:
		return order >= 0;
	default:
		return false;
	}
}
