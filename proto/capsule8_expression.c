#include "proto/capsule8_expression.h"

#include "proto/message_check.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define V0(name)   Capsule8__Api__V0__##name
#define TYPE(name) CAPSULE8__API__V0__EXPRESSION__EXPRESSION_TYPE__##name

/* Above an expression are the request, its subscription, the list of filters and the filter; the deepest value is a Value and its Timestamp. */
#define MESSAGES_ABOVE 4
#define MESSAGES_BELOW 2
static_assert(MESSAGES_ABOVE + 2 * CAPSULE8_EXPRESSION_LEVELS_MAX + MESSAGES_BELOW <= MESSAGE_DEPTH_MAX, "what is sent must be taken");

/* An expression with whatever it may point to. */
struct node {
	V0(Expression) expression;
	V0(BinaryOp) operands;
	V0(Value) value;
	Google__Protobuf__Timestamp timestamp;
};

struct capsule8_expression_messages {
	size_t count;
	bool too_deep;
	const struct probe_request *request;
	struct node nodes[];
};

static V0(Expression__ExpressionType) type_of(enum expression_type type)
{
	static const V0(Expression__ExpressionType) types[] = {
		[EXPRESSION_FIELD] = TYPE(IDENTIFIER),
		[EXPRESSION_VALUE] = TYPE(VALUE),
		[EXPRESSION_AND] = TYPE(LOGICAL_AND),
		[EXPRESSION_OR] = TYPE(LOGICAL_OR),
		[EXPRESSION_EQ] = TYPE(EQ),
		[EXPRESSION_NE] = TYPE(NE),
		[EXPRESSION_LT] = TYPE(LT),
		[EXPRESSION_LE] = TYPE(LE),
		[EXPRESSION_GT] = TYPE(GT),
		[EXPRESSION_GE] = TYPE(GE),
		[EXPRESSION_LIKE] = TYPE(LIKE),
		[EXPRESSION_IS_NULL] = TYPE(IS_NULL),
		[EXPRESSION_IS_NOT_NULL] = TYPE(IS_NOT_NULL),
		[EXPRESSION_BITWISE_AND] = TYPE(BITWISE_AND),
	};

	return types[type];
}

static struct node *new_node(struct capsule8_expression_messages *m, enum expression_type type)
{
	struct node *node = &m->nodes[m->count++];

	capsule8__api__v0__expression__init(&node->expression);
	node->expression.type = type_of(type);
	return node;
}

static void put_timestamp(struct node *node, struct expression_timestamp timestamp)
{
	google__protobuf__timestamp__init(&node->timestamp);
	node->timestamp.seconds = timestamp.seconds;
	node->timestamp.nanos = timestamp.nanoseconds;
	node->value.timestamp_value = &node->timestamp;
	node->value.value_case = CAPSULE8__API__V0__VALUE__VALUE_TIMESTAMP_VALUE;
}

static void put_value(struct node *node, const struct expression *e)
{
	V0(Value) *value = &node->value;

	capsule8__api__v0__value__init(value);
	node->expression.value = value;
	node->expression.expr_case = CAPSULE8__API__V0__EXPRESSION__EXPR_VALUE;
	value->type = (V0(ValueType))e->value_type;
	switch (e->value_type) {
	case VALUE_STRING:
		value->string_value = e->string;
		value->value_case = CAPSULE8__API__V0__VALUE__VALUE_STRING_VALUE;
		break;
	case VALUE_BOOL:
		value->bool_value = e->integer != 0;
		value->value_case = CAPSULE8__API__V0__VALUE__VALUE_BOOL_VALUE;
		break;
	case VALUE_DOUBLE:
		value->double_value = e->number;
		value->value_case = CAPSULE8__API__V0__VALUE__VALUE_DOUBLE_VALUE;
		break;
	case VALUE_TIMESTAMP:
		put_timestamp(node, e->timestamp);
		break;
	default:
		if (value_type_is_signed(e->value_type)) {
			value->signed_value = (int64_t)e->integer;
			value->value_case = CAPSULE8__API__V0__VALUE__VALUE_SIGNED_VALUE;
		} else {
			value->unsigned_value = e->integer;
			value->value_case = CAPSULE8__API__V0__VALUE__VALUE_UNSIGNED_VALUE;
		}
	}
}

static void put_field(const struct capsule8_expression_messages *m, struct node *node, const struct expression *e)
{
	/* The messages are only read. */
	node->expression.identifier = e->field ? (char *)e->field->name : m->request->parameters[e->argument].name;
	node->expression.expr_case = CAPSULE8__API__V0__EXPRESSION__EXPR_IDENTIFIER;
}

static size_t count_operands(const struct expression *first)
{
	size_t count = 0;

	for (; first; first = first->next)
		count++;
	return count;
}

static V0(Expression) * put(struct capsule8_expression_messages *m, const struct expression *e, unsigned int level);

/* `count` operands from `first` on, as a tree of operators that have two. */
static V0(Expression) * put_operands(struct capsule8_expression_messages *m, enum expression_type type, const struct expression *first,
				     size_t count, unsigned int level)
{
	const struct expression *middle = first;
	struct node *node;

	if (count == 1)
		return put(m, first, level);
	for (size_t i = 0; i < count / 2; i++)
		middle = middle->next;
	node = new_node(m, type);
	capsule8__api__v0__binary_op__init(&node->operands);
	node->expression.binary_op = &node->operands;
	node->expression.expr_case = CAPSULE8__API__V0__EXPRESSION__EXPR_BINARY_OP;
	node->operands.lhs = put_operands(m, type, first, count / 2, level + 1);
	node->operands.rhs = put_operands(m, type, middle, count - count / 2, level + 1);
	return &node->expression;
}

static V0(Expression) * put(struct capsule8_expression_messages *m, const struct expression *e, unsigned int level)
{
	struct node *node;

	m->too_deep = m->too_deep || level > CAPSULE8_EXPRESSION_LEVELS_MAX;
	if (e->type != EXPRESSION_FIELD && e->type != EXPRESSION_VALUE && e->first->next)
		return put_operands(m, e->type, e->first, count_operands(e->first), level);
	node = new_node(m, e->type);
	if (e->type == EXPRESSION_FIELD) {
		put_field(m, node, e);
	} else if (e->type == EXPRESSION_VALUE) {
		put_value(node, e);
	} else {
		node->expression.unary_op = put(m, e->first, level + 1);
		node->expression.expr_case = CAPSULE8__API__V0__EXPRESSION__EXPR_UNARY_OP;
	}
	return &node->expression;
}

/* How many messages `first` and what is behind it become: n operands need n - 1 operators. */
static size_t count_messages(const struct expression *first)
{
	size_t count = 0;

	for (const struct expression *e = first; e; e = e->next)
		count += (e != first) + (e->first ? count_messages(e->first) : 1) + (e->first && !e->first->next);
	return count;
}

int capsule8_expression_encode(const struct expression *first, const struct probe_request *request,
			       struct capsule8_expression_messages **ret, V0(Expression) * *ret_expression, struct error *err)
{
	struct capsule8_expression_messages *m = malloc(sizeof(*m) + count_messages(first) * sizeof(m->nodes[0]));

	if (!m)
		return error_set(err, -ENOMEM, "no room for the expression");
	*m = (struct capsule8_expression_messages){.request = request};
	*ret_expression = put_operands(m, EXPRESSION_AND, first, count_operands(first), 1);
	if (m->too_deep) {
		capsule8_expression_messages_free(m);
		return error_set(err, -EINVAL, "the filter is deeper than the %d levels that can be sent", CAPSULE8_EXPRESSION_LEVELS_MAX);
	}
	*ret = m;
	return 0;
}

struct capsule8_expression_messages *capsule8_expression_messages_free(struct capsule8_expression_messages *m)
{
	free(m);
	return NULL;
}
