#include "subscription/expression.h"

#include "tracing/fetchargs.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NSEC_PER_SEC INT64_C(1000000000)

struct check {
	const struct catalog_entry *entry;
	const struct probe_request *request;
	const struct expression *at;
	struct error *err;
	size_t nodes;
};

#define refuse(c, node, ...) ((c)->at = (node), error_set((c)->err, -EINVAL, __VA_ARGS__))

enum value_type value_type_of_field(const struct catalog_field *field)
{
	switch (field->type) {
	case FIELD_SINT32:
		return VALUE_SINT32;
	case FIELD_UINT32:
		return VALUE_UINT32;
	case FIELD_SINT64:
		return VALUE_SINT64;
	case FIELD_UINT64:
		return VALUE_UINT64;
	case FIELD_BOOL:
		return VALUE_BOOL;
	case FIELD_PORT:
		return VALUE_UINT16;
	case FIELD_STRING:
	case FIELD_CHARS:
		break;
	}
	return VALUE_STRING;
}

/* What a call's argument is once it is decoded; VALUE_NONE: bytes. */
static enum value_type argument_value_type(const struct fetcharg *arg)
{
	static const enum value_type of_size[2][9] = {
		{[1] = VALUE_UINT8, [2] = VALUE_UINT16, [4] = VALUE_UINT32, [8] = VALUE_UINT64},
		{[1] = VALUE_SINT8, [2] = VALUE_SINT16, [4] = VALUE_SINT32, [8] = VALUE_SINT64},
	};

	if (arg->array_count)
		return VALUE_NONE;
	if (arg->is_string)
		return VALUE_STRING;
	return arg->size <= 8 ? of_size[arg->is_signed][arg->size] : VALUE_NONE;
}

static void list_names(const struct check *c, char *to, size_t size)
{
	size_t count = c->request ? c->request->parameter_count : c->entry->field_count;
	size_t length = 0;

	for (size_t i = 0; i < count && length < size; i++)
		length += (size_t)snprintf(to + length, size - length, "%s%s", i ? ", " : "",
					   c->request && c->request->parameter_count ? c->request->parameters[i].name
										     : c->entry->fields[i].name);
}

static int refuse_unknown_field(struct check *c, const struct expression *e)
{
	const struct catalog_entry *entry = c->entry;
	const char *common = entry->observed ? "; and pid, tid, cpu, comm, uid and others that all events have" : "";
	char names[256] = "";

	list_names(c, names, sizeof(names));
	if (!*names)
		return refuse(c, e, "%s%s%s has no field \"%.100s\"%s", entry->family, *entry->type ? ":" : "", entry->type, e->name,
			      *common ? " (it has pid, tid, cpu, comm, uid and others that all events have)" : "");
	return refuse(c, e, "%s%s%s has no field \"%.100s\" (it has %s%s)", entry->family, *entry->type ? ":" : "", entry->type, e->name,
		      names, common);
}

/* 1: it is an argument of the call; 0: it is not. */
static int find_argument(struct check *c, struct expression *e)
{
	struct fetcharg arg;

	for (size_t i = 0; c->request && i < c->request->parameter_count; i++) {
		const struct probe_parameter *parameter = &c->request->parameters[i];

		if (strcmp(parameter->name, e->name) != 0)
			continue;
		if (fetcharg_parse(&arg, parameter->name, parameter->expression, NULL, NULL))
			return refuse(c, e, "the argument \"%.100s\" cannot be compared: its fetcharg is not understood", e->name);
		e->value_type = argument_value_type(&arg);
		if (!e->value_type)
			return refuse(c, e, "the argument \"%.100s\" cannot be compared: it is an array", e->name);
		e->argument = (uint32_t)i;
		return 1;
	}
	return 0;
}

static int check_field(struct check *c, struct expression *e)
{
	int r = find_argument(c, e);

	if (r)
		return r < 0 ? r : 0;
	e->field = catalog_field(c->entry->kind, e->name);
	if (!e->field)
		return refuse_unknown_field(c, e);
	e->value_type = value_type_of_field(e->field);
	return 0;
}

static int check_value(struct check *c, const struct expression *e)
{
	switch (e->value_type) {
	case VALUE_NONE:
		return refuse(c, e, "a value without a type; must have one");
	case VALUE_DOUBLE:
		return isfinite(e->number) ? 0 : refuse(c, e, "%g cannot be compared with anything", e->number);
	case VALUE_TIMESTAMP:
		if (e->timestamp.nanoseconds < 0 || e->timestamp.nanoseconds >= NSEC_PER_SEC)
			return refuse(c, e, "a time with %" PRId32 " nanoseconds; must have 0 to 999999999", e->timestamp.nanoseconds);
		return 0;
	default:
		return 0;
	}
}

/* Values, as far as a sentence needs them. */
static const char *value_text(const struct expression *e, char to[128])
{
	switch (e->value_type) {
	case VALUE_STRING:
		snprintf(to, 128, "\"%.100s\"", e->string);
		break;
	case VALUE_BOOL:
		snprintf(to, 128, "%s", e->integer ? "true" : "false");
		break;
	case VALUE_DOUBLE:
		snprintf(to, 128, "%g", e->number);
		break;
	case VALUE_TIMESTAMP:
		snprintf(to, 128, "the time %" PRId64 ".%09" PRId32, e->timestamp.seconds, e->timestamp.nanoseconds);
		break;
	default:
		snprintf(to, 128, value_type_is_signed(e->value_type) ? "%" PRId64 : "%" PRIu64, e->integer);
	}
	return to;
}

static bool integer_fits(enum value_type type, bool is_signed, uint64_t integer)
{
	static const unsigned int bits[] = {[VALUE_SINT8] = 8, [VALUE_SINT16] = 16, [VALUE_SINT32] = 32, [VALUE_SINT64] = 64,
					    [VALUE_UINT8] = 8, [VALUE_UINT16] = 16, [VALUE_UINT32] = 32, [VALUE_UINT64] = 64};
	unsigned int shift = 64 - bits[type];

	if (value_type_is_signed(type)) {
		if (!is_signed && integer > INT64_MAX)
			return false;
		return (int64_t)integer >= INT64_MIN >> shift && (int64_t)integer <= INT64_MAX >> shift;
	}
	if (is_signed && (int64_t)integer < 0)
		return false;
	return integer <= UINT64_MAX >> shift;
}

static int refuse_value(struct check *c, const struct expression *value, enum value_type type, const char *name)
{
	char text[128];

	return refuse(c, value, "%s does not fit into %s, which is %s", value_text(value, text), name, value_type_name(type));
}

/* A double that is a whole number becomes one. */
static bool double_to_integer(struct expression *value)
{
	double number = value->number;

	/* From the least that 64 bits hold to below the least that they do not. */
	if (number != trunc(number) || number < ldexp(-1, 63) || number >= ldexp(1, 64))
		return false;
	if (number < 0) {
		value->value_type = VALUE_SINT64;
		value->integer = (uint64_t)(int64_t)number;
	} else {
		value->value_type = VALUE_UINT64;
		value->integer = (uint64_t)number;
	}
	return true;
}

/* A time becomes the integer that the field counts. */
static bool timestamp_to_integer(struct expression *value, enum field_notation notation)
{
	struct expression_timestamp time = value->timestamp;
	int64_t integer = time.seconds;

	if (notation == NOTATION_EPOCH_NS) {
		/* Before 1970 the whole seconds can be beyond what the sum is not. */
		int64_t whole = time.seconds < 0 ? time.seconds + 1 : time.seconds;
		int64_t rest = time.seconds < 0 ? time.nanoseconds - NSEC_PER_SEC : time.nanoseconds;

		if (__builtin_mul_overflow(whole, NSEC_PER_SEC, &integer) || __builtin_add_overflow(integer, rest, &integer))
			return false;
	} else if (notation != NOTATION_EPOCH_S || time.nanoseconds) {
		return false;
	}
	value->value_type = VALUE_SINT64;
	value->integer = (uint64_t)integer;
	return true;
}

/* Gives the value the type of what it is compared with, if it can say the same in it. */
static int convert_value(struct check *c, struct expression *value, const struct expression *field)
{
	const char *name = field->field ? field->field->name : field->name;
	enum field_notation notation = field->field ? field->field->notation : NOTATION_PLAIN;
	enum value_type type = field->value_type;
	char text[128];

	if ((type == VALUE_STRING) != (value->value_type == VALUE_STRING))
		return refuse(c, value, "%s is a %s, and %s is %s", name,
			      type == VALUE_STRING ? "string"
			      : type == VALUE_BOOL ? "boolean"
						   : "number",
			      value_text(value, text), type == VALUE_STRING ? "not" : "a string");
	if (type == value->value_type)
		return 0;
	if (value->value_type == VALUE_TIMESTAMP && !timestamp_to_integer(value, notation))
		return refuse_value(c, value, type, name);
	if (value->value_type == VALUE_DOUBLE && !double_to_integer(value))
		return refuse_value(c, value, type, name);
	if (type == VALUE_BOOL) {
		if (value->integer > 1)
			return refuse_value(c, value, type, name);
	} else if (value->value_type == VALUE_BOOL) {
		return refuse(c, value, "%s is a number, and %s is not", name, value_text(value, text));
	} else if (!integer_fits(type, value_type_is_signed(value->value_type), value->integer)) {
		return refuse_value(c, value, type, name);
	}
	value->value_type = type;
	return 0;
}

/* Integers without a field beside them: there is one way to say each. */
static void widen(struct expression *value)
{
	if (value_type_is_integer(value->value_type))
		value->value_type = value_type_is_signed(value->value_type) || value->integer <= INT64_MAX ? VALUE_SINT64 : VALUE_UINT64;
}

static int convert_values(struct check *c, struct expression *left, struct expression *right)
{
	widen(left);
	widen(right);
	if (left->value_type == right->value_type)
		return 0;
	/* One is beyond what the other's type holds; they differ all the same, and as UINT64 only if neither is negative. */
	if (value_type_is_integer(left->value_type) && value_type_is_integer(right->value_type)) {
		const struct expression *lesser = left->value_type == VALUE_SINT64 ? left : right;
		char text[128];

		if ((int64_t)lesser->integer < 0)
			return refuse(c, lesser, "%s cannot be compared with a value beyond the largest SINT64", value_text(lesser, text));
		left->value_type = right->value_type = VALUE_UINT64;
		return 0;
	}
	return refuse(c, right, "%s and %s are of different types", value_type_name(left->value_type), value_type_name(right->value_type));
}

/* Both operands to one type. */
static int unify(struct check *c, const struct expression *operator, struct expression * left, struct expression *right)
{
	bool left_is_value = left->type == EXPRESSION_VALUE, right_is_value = right->type == EXPRESSION_VALUE;

	if (left_is_value && right_is_value)
		return convert_values(c, left, right);
	/* The name of what is compared: that of a field under its mask. */
	if (left_is_value || right_is_value) {
		struct expression *value = left_is_value ? left : right;
		const struct expression *field = left_is_value ? right : left;

		while (field->type == EXPRESSION_BITWISE_AND)
			field = field->first->type == EXPRESSION_VALUE ? field->first->next : field->first;
		return convert_value(c, value, field);
	}
	if (left->value_type != right->value_type)
		return refuse(c, operator, "%s and %s are of different types", value_type_name(left->value_type),
			      value_type_name(right->value_type));
	return 0;
}

static bool is_operand(const struct expression *e)
{
	return e->type == EXPRESSION_FIELD || e->type == EXPRESSION_VALUE || e->type == EXPRESSION_BITWISE_AND;
}

/* Two operands, brought to one type. */
static int check_pair(struct check *c, const struct expression *e)
{
	struct expression *left = e->first, *right = left->next;

	if (!is_operand(left) || !is_operand(right))
		return refuse(c, is_operand(left) ? right : left, "a condition cannot be compared; only fields and values can");
	return unify(c, e, left, right);
}

static int check_comparison(struct check *c, struct expression *e)
{
	const struct expression *left = e->first;
	int r = check_pair(c, e);

	if (r)
		return r;
	if (e->type > EXPRESSION_NE && (left->value_type == VALUE_STRING || left->value_type == VALUE_BOOL))
		return refuse(c, e, "%s has no order: only = and != compare it%s", value_type_name(left->value_type),
			      left->value_type == VALUE_STRING ? ", and LIKE" : "");
	return 0;
}

static int check_like(struct check *c, const struct expression *e)
{
	const struct expression *field = e->first, *pattern = field->next;

	if (field->type != EXPRESSION_FIELD || field->value_type != VALUE_STRING)
		return refuse(c, field, "LIKE needs a string field on its left");
	if (pattern->type != EXPRESSION_VALUE || pattern->value_type != VALUE_STRING)
		return refuse(c, pattern, "LIKE needs a pattern on its right, a string");
	return 0;
}

static int check_null(struct check *c, const struct expression *e)
{
	if (e->first->type != EXPRESSION_FIELD)
		return refuse(c, e->first, "IS NULL and IS NOT NULL need a field");
	return 0;
}

/* Of two values it becomes their value. */
static void fold(struct expression *e)
{
	struct expression *left = e->first;

	e->type = EXPRESSION_VALUE;
	e->integer = left->integer & left->next->integer;
	e->first = expression_free(left);
}

static int check_bitwise_and(struct check *c, struct expression *e)
{
	const struct expression *left = e->first;
	int r = check_pair(c, e);

	if (r)
		return r;
	if (!value_type_is_integer(left->value_type))
		return refuse(c, e, "%s has no bits: & needs integers", value_type_name(left->value_type));
	e->value_type = left->value_type;
	if (left->type == EXPRESSION_VALUE && left->next->type == EXPRESSION_VALUE)
		fold(e);
	return 0;
}

static const char *name_of(const struct expression *field)
{
	return field->field ? field->field->name : field->name;
}

static int refuse_condition(struct check *c, const struct expression *e)
{
	if (e->type == EXPRESSION_FIELD)
		return refuse(c, e, "%s alone is no condition: compare it with something", name_of(e));
	return refuse(c, e, "%s is not a condition", value_type_name(e->value_type));
}

static int check_conditions(struct check *c, const struct expression *e)
{
	for (const struct expression *operand = e->first; operand; operand = operand->next)
		if (operand->value_type != VALUE_BOOL)
			return refuse_condition(c, operand);
	return 0;
}

static bool has_its_operands(const struct expression *e)
{
	if (e->type == EXPRESSION_FIELD || e->type == EXPRESSION_VALUE)
		return true;
	return e->first && (e->type == EXPRESSION_IS_NULL || e->type == EXPRESSION_IS_NOT_NULL || e->first->next);
}

static int check_node(struct check *c, struct expression *e)
{
	if (!has_its_operands(e))
		return refuse(c, e, "an operator without its operands");
	switch (e->type) {
	case EXPRESSION_FIELD:
		return check_field(c, e);
	case EXPRESSION_VALUE:
		return check_value(c, e);
	case EXPRESSION_AND:
	case EXPRESSION_OR:
		return check_conditions(c, e);
	case EXPRESSION_EQ:
	case EXPRESSION_NE:
	case EXPRESSION_LT:
	case EXPRESSION_LE:
	case EXPRESSION_GT:
	case EXPRESSION_GE:
		return check_comparison(c, e);
	case EXPRESSION_LIKE:
		return check_like(c, e);
	case EXPRESSION_IS_NULL:
	case EXPRESSION_IS_NOT_NULL:
		return check_null(c, e);
	case EXPRESSION_BITWISE_AND:
		return check_bitwise_and(c, e);
	}
	return refuse(c, e, "an operator that does not exist");
}

static int check_tree(struct check *c, struct expression *e, unsigned int depth)
{
	if (depth > EXPRESSION_DEPTH_MAX)
		return refuse(c, e, "the expression is deeper than %d levels", EXPRESSION_DEPTH_MAX);
	if (++c->nodes > EXPRESSION_NODES_MAX)
		return refuse(c, e, "the expression has more than %d parts", EXPRESSION_NODES_MAX);
	for (struct expression *operand = e->first; operand; operand = operand->next) {
		int r = check_tree(c, operand, depth + 1);

		if (r)
			return r;
	}
	return check_node(c, e);
}

int expression_check(struct expression *e, enum event_kind kind, const struct probe_request *request, const struct expression **ret_at,
		     struct error *err)
{
	struct check c = {.entry = catalog_entry(kind), .request = request, .err = err};
	int r = check_tree(&c, e, 1);

	if (!r && e->value_type != VALUE_BOOL)
		r = refuse_condition(&c, e);
	if (r && ret_at)
		*ret_at = c.at;
	return r;
}
