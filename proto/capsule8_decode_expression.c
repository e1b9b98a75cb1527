#include "proto/capsule8_tree.h"

#include <inttypes.h>
#include <math.h>

#define V0(name)       Capsule8__Api__V0__##name
#define TYPE(name)     CAPSULE8__API__V0__EXPRESSION__EXPRESSION_TYPE__##name
#define EXPR(name)     CAPSULE8__API__V0__EXPRESSION__EXPR_##name
#define VALUE_OF(name) CAPSULE8__API__V0__VALUE__VALUE_##name

/* google.protobuf.Timestamp: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z. */
#define SECONDS_MIN     INT64_C(-62135596800)
#define SECONDS_MAX     INT64_C(253402300799)
#define NANOSECONDS_MAX 999999999

/* The member of Expression.expr that a type needs, and what it becomes. */
struct meaning {
	V0(Expression__ExprCase) needs;
	enum expression_type becomes;
};

static struct meaning meaning_of(V0(Expression__ExpressionType) type)
{
	switch (type) {
	case TYPE(IDENTIFIER):
		return (struct meaning){EXPR(IDENTIFIER), EXPRESSION_FIELD};
	case TYPE(LOGICAL_AND):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_AND};
	case TYPE(LOGICAL_OR):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_OR};
	case TYPE(EQ):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_EQ};
	case TYPE(NE):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_NE};
	case TYPE(LT):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_LT};
	case TYPE(LE):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_LE};
	case TYPE(GT):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_GT};
	case TYPE(GE):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_GE};
	case TYPE(LIKE):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_LIKE};
	case TYPE(IS_NULL):
		return (struct meaning){EXPR(UNARY_OP), EXPRESSION_IS_NULL};
	case TYPE(IS_NOT_NULL):
		return (struct meaning){EXPR(UNARY_OP), EXPRESSION_IS_NOT_NULL};
	case TYPE(BITWISE_AND):
		return (struct meaning){EXPR(BINARY_OP), EXPRESSION_BITWISE_AND};
	default:
		return (struct meaning){EXPR(VALUE), EXPRESSION_VALUE};
	}
}

static V0(Value__ValueCase) member_of(V0(ValueType) type)
{
	switch (type) {
	case CAPSULE8__API__V0__VALUE_TYPE__STRING:
		return VALUE_OF(STRING_VALUE);
	case CAPSULE8__API__V0__VALUE_TYPE__BOOL:
		return VALUE_OF(BOOL_VALUE);
	case CAPSULE8__API__V0__VALUE_TYPE__DOUBLE:
		return VALUE_OF(DOUBLE_VALUE);
	case CAPSULE8__API__V0__VALUE_TYPE__TIMESTAMP:
		return VALUE_OF(TIMESTAMP_VALUE);
	default:
		return value_type_is_signed((enum value_type)type) ? VALUE_OF(SIGNED_VALUE) : VALUE_OF(UNSIGNED_VALUE);
	}
}

/* Members of a oneof have the numbers of their fields. */
static const char *member_name(const ProtobufCMessageDescriptor *message, int oneof_case)
{
	return protobuf_c_message_descriptor_get_field(message, (unsigned int)oneof_case)->name;
}

/* The one that is needed must be the one that is set. */
static bool check_member(struct tree *t, const struct tree_step *step, const ProtobufCMessageDescriptor *message, int needed, int set,
			 const char *type)
{
	const struct tree_step at = {.up = step, .name = member_name(message, set ? set : needed)};

	if (set == needed)
		return true;
	if (set)
		tree_refuse(t, &at, "set; type %s needs %s instead", type, member_name(message, needed));
	else
		tree_refuse(t, &at, "not set; type %s needs it", type);
	return false;
}

static unsigned int bits_of(V0(ValueType) type)
{
	switch (type) {
	case CAPSULE8__API__V0__VALUE_TYPE__SINT8:
	case CAPSULE8__API__V0__VALUE_TYPE__UINT8:
		return 8;
	case CAPSULE8__API__V0__VALUE_TYPE__SINT16:
	case CAPSULE8__API__V0__VALUE_TYPE__UINT16:
		return 16;
	case CAPSULE8__API__V0__VALUE_TYPE__SINT32:
	case CAPSULE8__API__V0__VALUE_TYPE__UINT32:
		return 32;
	default:
		return 64;
	}
}

static struct expression *decode_integer(struct tree *t, const struct tree_step *step, const V0(Value) * value, uint32_t position)
{
	enum value_type type = (enum value_type)value->type;
	unsigned int unused = 64 - bits_of(value->type);

	if (!value_type_is_signed(type)) {
		if (value->unsigned_value > UINT64_MAX >> unused)
			return tree_refuse(t, step, "%" PRIu64 "; must be 0 to %" PRIu64 " (%s)", value->unsigned_value,
					   UINT64_MAX >> unused, value_type_name(type));
		return expression_new_integer(type, value->unsigned_value, position);
	}
	if (value->signed_value < INT64_MIN >> unused || value->signed_value > INT64_MAX >> unused)
		return tree_refuse(t, step, "%" PRId64 "; must be %" PRId64 " to %" PRId64 " (%s)", value->signed_value,
				   INT64_MIN >> unused, INT64_MAX >> unused, value_type_name(type));
	return expression_new_integer(type, (uint64_t)value->signed_value, position);
}

static struct expression *decode_timestamp(struct tree *t, const struct tree_step *step, const Google__Protobuf__Timestamp *timestamp,
					   uint32_t position)
{
	const struct tree_step seconds = {.up = step, .name = "seconds"}, nanos = {.up = step, .name = "nanos"};

	if (timestamp->seconds < SECONDS_MIN || timestamp->seconds > SECONDS_MAX)
		return tree_refuse(t, &seconds, "%" PRId64 "; must be %" PRId64 " to %" PRId64 " (of the years 1 to 9999)",
				   timestamp->seconds, SECONDS_MIN, SECONDS_MAX);
	if (timestamp->nanos < 0 || timestamp->nanos > NANOSECONDS_MAX)
		return tree_refuse(t, &nanos, "%" PRId32 "; must be 0 to %d", timestamp->nanos, NANOSECONDS_MAX);
	return expression_new_timestamp(
		(struct expression_timestamp){
			.seconds = timestamp->seconds,
			.nanoseconds = timestamp->nanos,
		},
		position);
}

/* `up` leads to the Value. */
static struct expression *decode_value(struct tree *t, const struct tree_step *up, const V0(Value) * value)
{
	const ProtobufCMessageDescriptor *message = &capsule8__api__v0__value__descriptor;
	struct tree_step step = {.up = up};
	uint32_t position;

	if (!tree_check_enum(t, up, "type", &capsule8__api__v0__value_type__descriptor, (int)value->type) ||
	    !check_member(t, up, message, (int)member_of(value->type), (int)value->value_case,
			  value_type_name((enum value_type)value->type)))
		return NULL;
	position = tree_number(t, up);
	step.name = member_name(message, (int)value->value_case);
	switch (value->value_case) {
	case VALUE_OF(STRING_VALUE):
		return tree_check_length(t, &step, value->string_value) ? expression_new_string(value->string_value, position) : NULL;
	case VALUE_OF(BOOL_VALUE):
		return expression_new_bool(value->bool_value, position);
	case VALUE_OF(DOUBLE_VALUE):
		if (!isfinite(value->double_value))
			return tree_refuse(t, &step, "%g; must be a finite number", value->double_value);
		return expression_new_double(value->double_value, position);
	case VALUE_OF(TIMESTAMP_VALUE):
		return decode_timestamp(t, &step, value->timestamp_value, position);
	default:
		return decode_integer(t, &step, value, position);
	}
}

static struct expression *decode_identifier(struct tree *t, const struct tree_step *up, const char *identifier)
{
	const struct tree_step step = {.up = up, .name = "identifier"};

	if (!*identifier)
		return tree_refuse(t, &step, "empty; must name a field of the event");
	if (!tree_check_length(t, &step, identifier))
		return NULL;
	return expression_new_field(identifier, tree_number(t, &step));
}

static struct expression *decode(struct tree *t, const struct tree_step *step, const V0(Expression) * e);

/* Where a condition is wanted, `a & b` is one: `(a & b) != 0`. */
static struct expression *as_condition(struct expression *e)
{
	uint32_t position = e ? e->position : 0;

	if (!e || e->type != EXPRESSION_BITWISE_AND)
		return e;
	return expression_new(EXPRESSION_NE, e, expression_new_integer(VALUE_SINT64, 0, position), position);
}

static struct expression *decode_operand(struct tree *t, const struct tree_step *step, const V0(Expression) * e, enum expression_type of)
{
	struct expression *operand;

	if (!e)
		return tree_refuse(t, step, "not set; the operator needs it");
	operand = decode(t, step, e);
	return of == EXPRESSION_AND || of == EXPRESSION_OR ? as_condition(operand) : operand;
}

static struct expression *decode_binary(struct tree *t, const struct tree_step *step, const V0(BinaryOp) * op, enum expression_type type)
{
	const struct tree_step lhs = {.up = step, .name = "binary_op.lhs"}, rhs = {.up = step, .name = "binary_op.rhs"};
	uint32_t position = tree_number(t, step);
	struct expression *left, *right;

	left = decode_operand(t, &lhs, op->lhs, type);
	if (!left)
		return NULL;
	right = decode_operand(t, &rhs, op->rhs, type);
	if (!right)
		return expression_free(left);
	return expression_new(type, left, right, position);
}

static struct expression *decode_unary(struct tree *t, const struct tree_step *step, const V0(Expression) * operand,
				       enum expression_type type)
{
	const struct tree_step below = {.up = step, .name = "unary_op"};
	uint32_t position = tree_number(t, step);
	struct expression *e = decode_operand(t, &below, operand, type);

	return e ? expression_new(type, e, NULL, position) : NULL;
}

static struct expression *decode(struct tree *t, const struct tree_step *step, const V0(Expression) * e)
{
	const ProtobufCEnumDescriptor *types = &capsule8__api__v0__expression__expression_type__descriptor;
	const struct tree_step value = {.up = step, .name = "value"};
	struct meaning meaning;

	if (!tree_check_enum(t, step, "type", types, (int)e->type))
		return NULL;
	meaning = meaning_of(e->type);
	if (!check_member(t, step, &capsule8__api__v0__expression__descriptor, (int)meaning.needs, (int)e->expr_case,
			  tree_enum_name(types, (int)e->type)))
		return NULL;
	switch (meaning.needs) {
	case EXPR(IDENTIFIER):
		return decode_identifier(t, step, e->identifier);
	case EXPR(BINARY_OP):
		return decode_binary(t, step, e->binary_op, meaning.becomes);
	case EXPR(UNARY_OP):
		return decode_unary(t, step, e->unary_op, meaning.becomes);
	default:
		return decode_value(t, &value, e->value);
	}
}

static struct expression *decode_root(struct tree *t, const struct tree_step *step, const void *message)
{
	return as_condition(decode(t, step, message));
}

int place_add_expression(const struct place *at, struct clause *clause, const V0(Expression) * e)
{
	return tree_add(at, clause, "filter_expression", decode_root, e);
}
