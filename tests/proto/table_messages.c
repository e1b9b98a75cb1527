#include "tests/proto/table_messages.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/capsule8_events.h"
#include "sensor/probe_request.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define V0(name)           Capsule8__Api__V0__##name
#define EXPRESSION(name)   CAPSULE8__API__V0__EXPRESSION__EXPRESSION_TYPE__##name
#define OPERAND(name)      CAPSULE8__API__V0__EXPRESSION__EXPR_##name
#define VALUE(name)        CAPSULE8__API__V0__VALUE__VALUE_##name
#define FILTER(name)       CAPSULE8__API__V0__FILTER_EXPRESSION__FILTER_EXPRESSION_TYPE__##name
#define PREDICATE(name)    CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__##name
#define LITERAL_TYPE(name) CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_TYPE__##name
#define LITERAL(name)      CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_##name

/* Messages are made as protobuf-c makes those that it reads, and freed by it. */
static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	cr_assert_not_null(memory);
	return memory;
}

static char *copy(const char *string)
{
	return strcpy(allocate(strlen(string) + 1), string);
}

/* The second generation */

static V0(Expression) * second(const struct expression *e, bool narrow);

static enum value_type narrowest(const struct expression *e)
{
	int64_t number = (int64_t)e->integer;

	if (value_type_is_signed(e->value_type) && number < 0)
		return number >= INT8_MIN    ? VALUE_SINT8
		       : number >= INT16_MIN ? VALUE_SINT16
		       : number >= INT32_MIN ? VALUE_SINT32
					     : VALUE_SINT64;
	return e->integer <= UINT8_MAX    ? VALUE_UINT8
	       : e->integer <= UINT16_MAX ? VALUE_UINT16
	       : e->integer <= UINT32_MAX ? VALUE_UINT32
					  : VALUE_UINT64;
}

static V0(Value) * second_value(const struct expression *e, bool narrow)
{
	enum value_type type = narrow && value_type_is_integer(e->value_type) ? narrowest(e) : e->value_type;
	V0(Value) *value = allocate(sizeof(*value));

	capsule8__api__v0__value__init(value);
	value->type = (V0(ValueType))type;
	switch (type) {
	case VALUE_STRING:
		value->value_case = VALUE(STRING_VALUE);
		value->string_value = copy(e->string);
		break;
	case VALUE_BOOL:
		value->value_case = VALUE(BOOL_VALUE);
		value->bool_value = e->integer != 0;
		break;
	case VALUE_DOUBLE:
		value->value_case = VALUE(DOUBLE_VALUE);
		value->double_value = e->number;
		break;
	case VALUE_TIMESTAMP:
		value->value_case = VALUE(TIMESTAMP_VALUE);
		value->timestamp_value = allocate(sizeof(*value->timestamp_value));
		google__protobuf__timestamp__init(value->timestamp_value);
		value->timestamp_value->seconds = e->timestamp.seconds;
		value->timestamp_value->nanos = e->timestamp.nanoseconds;
		break;
	default:
		value->value_case = value_type_is_signed(type) ? VALUE(SIGNED_VALUE) : VALUE(UNSIGNED_VALUE);
		value->unsigned_value = e->integer;
	}
	return value;
}

static V0(Expression) * second_binary(V0(Expression__ExpressionType) type, V0(Expression) * left, V0(Expression) * right)
{
	V0(Expression) *to = allocate(sizeof(*to));

	capsule8__api__v0__expression__init(to);
	to->type = type;
	to->expr_case = OPERAND(BINARY_OP);
	to->binary_op = allocate(sizeof(*to->binary_op));
	capsule8__api__v0__binary_op__init(to->binary_op);
	to->binary_op->lhs = left;
	to->binary_op->rhs = right;
	return to;
}

/* The leaves, and IS NULL. */
static V0(Expression) * second_single(V0(Expression__ExpressionType) type, const struct expression *e, bool narrow)
{
	V0(Expression) *to = allocate(sizeof(*to));

	capsule8__api__v0__expression__init(to);
	to->type = type;
	if (e->type == EXPRESSION_FIELD) {
		to->expr_case = OPERAND(IDENTIFIER);
		to->identifier = copy(e->name);
	} else if (e->type == EXPRESSION_VALUE) {
		to->expr_case = OPERAND(VALUE);
		to->value = second_value(e, narrow);
	} else {
		to->expr_case = OPERAND(UNARY_OP);
		to->unary_op = second(e->first, narrow);
	}
	return to;
}

static V0(Expression) * second(const struct expression *e, bool narrow)
{
	static const V0(Expression__ExpressionType) types[] = {
		[EXPRESSION_FIELD] = EXPRESSION(IDENTIFIER),
		[EXPRESSION_VALUE] = EXPRESSION(VALUE),
		[EXPRESSION_AND] = EXPRESSION(LOGICAL_AND),
		[EXPRESSION_OR] = EXPRESSION(LOGICAL_OR),
		[EXPRESSION_EQ] = EXPRESSION(EQ),
		[EXPRESSION_NE] = EXPRESSION(NE),
		[EXPRESSION_LT] = EXPRESSION(LT),
		[EXPRESSION_LE] = EXPRESSION(LE),
		[EXPRESSION_GT] = EXPRESSION(GT),
		[EXPRESSION_GE] = EXPRESSION(GE),
		[EXPRESSION_LIKE] = EXPRESSION(LIKE),
		[EXPRESSION_IS_NULL] = EXPRESSION(IS_NULL),
		[EXPRESSION_IS_NOT_NULL] = EXPRESSION(IS_NOT_NULL),
		[EXPRESSION_BITWISE_AND] = EXPRESSION(BITWISE_AND),
	};
	V0(Expression) * to;

	if (!e->first || !e->first->next)
		return second_single(types[e->type], e, narrow);
	to = second(e->first, narrow);
	for (const struct expression *operand = e->first->next; operand; operand = operand->next)
		to = second_binary(types[e->type], to, second(operand, narrow));
	return to;
}

/* The first generation */

static enum expression_type mirrored(enum expression_type type)
{
	switch (type) {
	case EXPRESSION_LT:
		return EXPRESSION_GT;
	case EXPRESSION_LE:
		return EXPRESSION_GE;
	case EXPRESSION_GT:
		return EXPRESSION_LT;
	case EXPRESSION_GE:
		return EXPRESSION_LE;
	default:
		return type;
	}
}

static bool can_be_said_first(const struct expression *e)
{
	const struct expression *left = e->first;

	if (e->type == EXPRESSION_VALUE)
		return e->value_type == VALUE_BOOL;
	if (e->type == EXPRESSION_AND || e->type == EXPRESSION_OR) {
		for (; left; left = left->next)
			if (!can_be_said_first(left))
				return false;
		return true;
	}
	if (!expression_is_comparison(e->type) && e->type != EXPRESSION_LIKE)
		return false;
	/* The pattern has its place, on the right. */
	if (left->type == EXPRESSION_VALUE && e->type == EXPRESSION_LIKE)
		return false;
	if (left->type == EXPRESSION_VALUE)
		return left->next->type == EXPRESSION_FIELD &&
		       (value_type_is_integer(left->value_type) || left->value_type == VALUE_STRING);
	return left->type == EXPRESSION_FIELD && left->next->type == EXPRESSION_VALUE &&
	       (value_type_is_integer(left->next->value_type) || left->next->value_type == VALUE_STRING);
}

static void set_literal(V0(FilterPredicate) * to, const struct expression *value)
{
	if (value->value_type == VALUE_STRING) {
		to->value_type = LITERAL_TYPE(STRING);
		to->value_case = LITERAL(STRING_VALUE);
		to->string_value = copy(value->string);
	} else if (value_type_is_signed(value->value_type)) {
		to->value_type = LITERAL_TYPE(SIGNED);
		to->value_case = LITERAL(SIGNED_VALUE);
		to->signed_value = (int64_t)value->integer;
	} else {
		to->value_type = LITERAL_TYPE(UNSIGNED);
		to->value_case = LITERAL(UNSIGNED_VALUE);
		to->unsigned_value = value->integer;
	}
}

static V0(FilterPredicate) * first_predicate(const struct expression *e)
{
	static const V0(FilterPredicate__PredicateType) types[] = {
		[EXPRESSION_VALUE] = PREDICATE(CONST), [EXPRESSION_EQ] = PREDICATE(EQ),     [EXPRESSION_NE] = PREDICATE(NE),
		[EXPRESSION_LT] = PREDICATE(LT),       [EXPRESSION_LE] = PREDICATE(LE),     [EXPRESSION_GT] = PREDICATE(GT),
		[EXPRESSION_GE] = PREDICATE(GE),       [EXPRESSION_LIKE] = PREDICATE(GLOB),
	};
	const struct expression *left = e->first;
	V0(FilterPredicate) *to = allocate(sizeof(*to));

	capsule8__api__v0__filter_predicate__init(to);
	if (e->type == EXPRESSION_VALUE) {
		to->type = types[e->type];
		set_literal(to, e);
	} else if (left->type == EXPRESSION_VALUE) {
		to->type = types[mirrored(e->type)];
		to->field_name = copy(left->next->name);
		set_literal(to, left);
	} else {
		to->type = types[e->type];
		to->field_name = copy(left->name);
		set_literal(to, left->next);
	}
	return to;
}

static V0(FilterExpression) * first(const struct expression *e)
{
	const struct expression *operand = e->first;
	V0(FilterExpression) * to;

	if (e->type != EXPRESSION_AND && e->type != EXPRESSION_OR) {
		to = allocate(sizeof(*to));
		capsule8__api__v0__filter_expression__init(to);
		to->type = FILTER(PREDICATE);
		to->predicate = first_predicate(e);
		return to;
	}
	to = first(operand);
	while ((operand = operand->next)) {
		V0(FilterExpression) *both = allocate(sizeof(*both));

		capsule8__api__v0__filter_expression__init(both);
		both->type = e->type == EXPRESSION_AND ? FILTER(AND) : FILTER(OR);
		both->lhs = to;
		both->rhs = first(operand);
		to = both;
	}
	return to;
}

/* The filters around them */

#define LIST(filter, list, message)                                 \
	do {                                                        \
		(filter)->list = allocate(sizeof(*(filter)->list)); \
		(filter)->list[0] = (message);                      \
		(filter)->n_##list = 1;                             \
	} while (0)

static V0(NetworkEventFilter) * add_network(V0(EventFilter) * to, enum event_kind kind)
{
	V0(NetworkEventFilter) *filter = allocate(sizeof(*filter));

	capsule8__api__v0__network_event_filter__init(filter);
	filter->type = capsule8_network_type(kind);
	LIST(to, network_events, filter);
	return filter;
}

static void add_container(V0(EventFilter) * to, enum event_kind kind, V0(Expression) * e)
{
	V0(ContainerEventFilter) *filter = allocate(sizeof(*filter));

	capsule8__api__v0__container_event_filter__init(filter);
	filter->type = capsule8_container_type(kind);
	filter->filter_expression = e;
	LIST(to, container_events, filter);
}

static void add_syscall(V0(EventFilter) * to, const struct event *event, V0(Expression) * e)
{
	V0(SyscallEventFilter) *filter = allocate(sizeof(*filter));

	capsule8__api__v0__syscall_event_filter__init(filter);
	filter->type = event->kind == EVENT_SYSCALL_ENTER ? CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER
							  : CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT;
	filter->id = allocate(sizeof(*filter->id));
	google__protobuf__int64_value__init(filter->id);
	filter->id->value = event->syscall.id;
	filter->abi = event->syscall.abi == SAMPLE_ABI_32 ? CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386
							  : CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64;
	filter->filter_expression = e;
	LIST(to, syscall_events, filter);
}

static void add_process(V0(EventFilter) * to, enum event_kind kind, V0(Expression) * e)
{
	V0(ProcessEventFilter) *filter = allocate(sizeof(*filter));

	capsule8__api__v0__process_event_filter__init(filter);
	filter->type = capsule8_process_type(kind);
	filter->filter_expression = e;
	LIST(to, process_events, filter);
}

static void add_file(V0(EventFilter) * to, enum event_kind kind, V0(Expression) * e)
{
	V0(FileEventFilter) *filter = allocate(sizeof(*filter));

	capsule8__api__v0__file_event_filter__init(filter);
	filter->type = capsule8_file_type(kind);
	filter->filter_expression = e;
	LIST(to, file_events, filter);
}

static void add_kernel_call(V0(EventFilter) * to, const struct probe_request *request, V0(Expression) * e)
{
	V0(KernelFunctionCallFilter) *filter = allocate(sizeof(*filter));

	capsule8__api__v0__kernel_function_call_filter__init(filter);
	filter->type = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_ENTER;
	filter->symbol = copy(request->symbol);
	filter->n_arguments = request->parameter_count;
	filter->arguments = allocate(request->parameter_count * sizeof(*filter->arguments));
	for (size_t i = 0; i < request->parameter_count; i++) {
		filter->arguments[i] = allocate(sizeof(*filter->arguments[i]));
		capsule8__api__v0__kernel_function_call_filter__arguments_entry__init(filter->arguments[i]);
		filter->arguments[i]->key = copy(request->parameters[i].name);
		filter->arguments[i]->value = copy(request->parameters[i].expression);
	}
	filter->filter_expression = e;
	LIST(to, kernel_events, filter);
}

static V0(GetEventsRequest) * new_message(void)
{
	V0(GetEventsRequest) *message = allocate(sizeof(*message));

	capsule8__api__v0__get_events_request__init(message);
	message->subscription = allocate(sizeof(*message->subscription));
	capsule8__api__v0__subscription__init(message->subscription);
	message->subscription->event_filter = allocate(sizeof(*message->subscription->event_filter));
	capsule8__api__v0__event_filter__init(message->subscription->event_filter);
	return message;
}

static void pack(V0(GetEventsRequest) * message, struct buffer *out)
{
	size_t size = capsule8__api__v0__get_events_request__get_packed_size(message);
	uint8_t *bytes = allocate(size);

	capsule8__api__v0__get_events_request__pack(message, bytes);
	buffer_put(out, bytes, size);
	free(bytes);
	capsule8__api__v0__get_events_request__free_unpacked(message, NULL);
}

bool table_message_second(const struct event *event, const struct probe_request *request, const struct expression *e, bool narrow,
			  struct buffer *out)
{
	const char *family = catalog_entry(event->kind)->family;
	V0(GetEventsRequest) * message;
	V0(EventFilter) * filter;

	if (event->kind == EVENT_TICKER)
		return false;
	message = new_message();
	filter = message->subscription->event_filter;
	if (!strcmp(family, "syscall"))
		add_syscall(filter, event, second(e, narrow));
	else if (!strcmp(family, "process"))
		add_process(filter, event->kind, second(e, narrow));
	else if (!strcmp(family, "file"))
		add_file(filter, event->kind, second(e, narrow));
	else if (!strcmp(family, "network"))
		add_network(filter, event->kind)->filter_expression = second(e, narrow);
	else if (!strcmp(family, "container"))
		add_container(filter, event->kind, second(e, narrow));
	else
		add_kernel_call(filter, request, second(e, narrow));
	pack(message, out);
	return true;
}

bool table_message_first(const struct event *event, const struct expression *e, struct buffer *out)
{
	V0(GetEventsRequest) * message;

	if (strcmp(catalog_entry(event->kind)->family, "network") != 0 || !can_be_said_first(e))
		return false;
	message = new_message();
	add_network(message->subscription->event_filter, event->kind)->filter = first(e);
	pack(message, out);
	return true;
}
