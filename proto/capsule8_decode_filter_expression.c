#include "proto/capsule8_tree.h"

#define V0(name)        Capsule8__Api__V0__##name
#define TYPE(name)      CAPSULE8__API__V0__FILTER_EXPRESSION__FILTER_EXPRESSION_TYPE__##name
#define PREDICATE(name) CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__##name
#define VALUE_OF(name)  CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_##name

static V0(FilterPredicate__ValueCase) member_of(V0(FilterPredicate__ValueType) type)
{
	switch (type) {
	case CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_TYPE__UNSIGNED:
		return VALUE_OF(UNSIGNED_VALUE);
	case CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_TYPE__STRING:
		return VALUE_OF(STRING_VALUE);
	default:
		return VALUE_OF(SIGNED_VALUE);
	}
}

static const char *member_name(V0(FilterPredicate__ValueCase) value)
{
	switch (value) {
	case VALUE_OF(UNSIGNED_VALUE):
		return "unsigned_value";
	case VALUE_OF(STRING_VALUE):
		return "string_value";
	default:
		return "signed_value";
	}
}

/* The value that is there must be the one that value_type says. */
static bool check_value(struct tree *t, const struct tree_step *up, const V0(FilterPredicate) * p)
{
	const ProtobufCEnumDescriptor *types = &capsule8__api__v0__filter_predicate__value_type__descriptor;
	V0(FilterPredicate__ValueCase) needed = member_of(p->value_type);
	const struct tree_step step = {.up = up, .name = member_name(p->value_case ? p->value_case : needed)};

	if (!tree_check_choice(t, up, "value_type", types, (int)p->value_type))
		return false;
	if (p->value_case == needed)
		return p->value_case != VALUE_OF(STRING_VALUE) || tree_check_length(t, &step, p->string_value);
	if (p->value_case)
		tree_refuse(t, &step, "set; value_type %s needs %s instead", tree_enum_name(types, (int)p->value_type),
			    member_name(needed));
	else
		tree_refuse(t, &step, "not set; value_type %s needs it", tree_enum_name(types, (int)p->value_type));
	return false;
}

static struct expression *new_value(const V0(FilterPredicate) * p, uint32_t position)
{
	switch (p->value_case) {
	case VALUE_OF(UNSIGNED_VALUE):
		return expression_new_integer(VALUE_UINT64, p->unsigned_value, position);
	case VALUE_OF(STRING_VALUE):
		return expression_new_string(p->string_value, position);
	default:
		return expression_new_integer(VALUE_SINT64, (uint64_t)p->signed_value, position);
	}
}

/* CONST: true of every event, or of none. */
static struct expression *decode_constant(struct tree *t, const struct tree_step *step, const V0(FilterPredicate) * p)
{
	const struct tree_step name = {.up = step, .name = "field_name"}, string = {.up = step, .name = "string_value"};

	if (*p->field_name)
		return tree_refuse(t, &name, "\"%.100s\"; type CONST is the value alone", p->field_name);
	if (p->value_case == VALUE_OF(STRING_VALUE))
		return tree_refuse(t, &string, "\"%.100s\"; type CONST needs a number, which is true when it is not 0", p->string_value);
	return expression_new_bool(p->value_case == VALUE_OF(UNSIGNED_VALUE) ? p->unsigned_value != 0 : p->signed_value != 0,
				   tree_number(t, step));
}

static enum expression_type comparison_of(V0(FilterPredicate__PredicateType) type)
{
	switch (type) {
	case PREDICATE(NE):
		return EXPRESSION_NE;
	case PREDICATE(LT):
		return EXPRESSION_LT;
	case PREDICATE(LE):
		return EXPRESSION_LE;
	case PREDICATE(GT):
		return EXPRESSION_GT;
	case PREDICATE(GE):
		return EXPRESSION_GE;
	case PREDICATE(GLOB):
		return EXPRESSION_LIKE;
	default:
		return EXPRESSION_EQ;
	}
}

static struct expression *decode_comparison(struct tree *t, const struct tree_step *step, const V0(FilterPredicate) * p)
{
	const struct tree_step name = {.up = step, .name = "field_name"}, value = {.up = step, .name = member_name(p->value_case)};
	struct expression *left, *right;
	uint32_t position;

	if (!*p->field_name)
		return tree_refuse(t, &name, "not set; must name a field of the event");
	if (!tree_check_length(t, &name, p->field_name))
		return NULL;
	if (p->type == PREDICATE(GLOB) && p->value_case != VALUE_OF(STRING_VALUE))
		return tree_refuse(t, &value, "a number; type GLOB needs a pattern, in string_value");
	position = tree_number(t, step);
	left = expression_new_field(p->field_name, tree_number(t, &name));
	right = new_value(p, tree_number(t, &value));
	return expression_new(comparison_of(p->type), left, right, position);
}

static struct expression *decode_predicate(struct tree *t, const struct tree_step *step, const V0(FilterPredicate) * p)
{
	if (!tree_check_choice(t, step, "type", &capsule8__api__v0__filter_predicate__predicate_type__descriptor, (int)p->type) ||
	    !check_value(t, step, p))
		return NULL;
	return p->type == PREDICATE(CONST) ? decode_constant(t, step, p) : decode_comparison(t, step, p);
}

/* What stands in a FilterExpression must be what its type is about. */
static bool check_parts(struct tree *t, const struct tree_step *up, const V0(FilterExpression) * e)
{
	bool is_predicate = e->type == TYPE(PREDICATE);
	const struct {
		const char *name;
		const void *message;
		bool is_needed;
	} parts[] = {
		{"predicate", e->predicate, is_predicate},
		{"lhs", e->lhs, !is_predicate},
		{"rhs", e->rhs, !is_predicate},
	};
	const char *type;

	if (!tree_check_choice(t, up, "type", &capsule8__api__v0__filter_expression__filter_expression_type__descriptor, (int)e->type))
		return false;
	type = tree_enum_name(&capsule8__api__v0__filter_expression__filter_expression_type__descriptor, (int)e->type);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct tree_step step = {.up = up, .name = parts[i].name};

		if (parts[i].is_needed == (parts[i].message != NULL))
			continue;
		if (parts[i].is_needed)
			tree_refuse(t, &step, "not set; type %s needs it", type);
		else
			tree_refuse(t, &step, "set; type %s has none", type);
		return false;
	}
	return true;
}

static struct expression *decode(struct tree *t, const struct tree_step *step, const void *message)
{
	const struct tree_step predicate = {.up = step, .name = "predicate"};
	const struct tree_step lhs = {.up = step, .name = "lhs"}, rhs = {.up = step, .name = "rhs"};
	const V0(FilterExpression) *e = message;
	struct expression *left, *right;
	uint32_t position;

	if (!check_parts(t, step, e))
		return NULL;
	if (e->type == TYPE(PREDICATE))
		return decode_predicate(t, &predicate, e->predicate);
	position = tree_number(t, step);
	left = decode(t, &lhs, e->lhs);
	if (!left)
		return NULL;
	right = decode(t, &rhs, e->rhs);
	if (!right)
		return expression_free(left);
	return expression_new(e->type == TYPE(AND) ? EXPRESSION_AND : EXPRESSION_OR, left, right, position);
}

int place_add_filter_expression(const struct place *at, struct clause *clause, const V0(FilterExpression) * e)
{
	return tree_add(at, clause, "filter", decode, e);
}
