/* Random wishes, said in the contract's words and understood again. */
#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/capsule8_decoder.h"
#include "proto/capsule8_request.h"
#include "subscription/query_print.h"
#include "tests/expressions/reference.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define V0(name) Capsule8__Api__V0__##name

#define SPECS     10000
#define OLD_TREES 10000

static struct subscription_spec *spec, *back;
static struct buffer bytes;
static struct error err;

static void set_up(void)
{
	buffer_init(&bytes, 0);
}

static void tear_down(void)
{
	spec = subscription_spec_free(spec);
	back = subscription_spec_free(back);
	buffer_done(&bytes);
}

TestSuite(round_trip, .init = set_up, .fini = tear_down);

static bool is_syscall(enum event_kind kind)
{
	return kind == EVENT_SYSCALL_ENTER || kind == EVENT_SYSCALL_EXIT;
}

/* Of those that filters ask for with expressions. */
static enum event_kind random_kind(struct random *r)
{
	for (;;) {
		enum event_kind kind = (enum event_kind)random_below(r, EVENT_KIND_COUNT);

		if (kind != EVENT_PERFORMANCE && catalog_entry(kind)->observed)
			return kind;
	}
}

static struct probe_request *call_request(enum event_kind kind)
{
	struct probe_parameter parameters[] = {{"text", "+0(%di):string"}, {"s8", "%di:s8"},   {"s16", "%di:s16"},
					       {"s32", "%di:s32"},         {"s64", "%di:s64"}, {"u8", "%di:u8"},
					       {"u16", "%di:u16"},         {"u32", "%di:u32"}, {"u64", "%di:u64"}};
	bool is_user = kind == EVENT_USER_CALL_ENTER || kind == EVENT_USER_CALL_EXIT;
	struct probe_request *request;

	cr_assert_eq(probe_request_new_call(&request, kind, is_user ? "/bin/sh" : NULL, "f", parameters,
					    sizeof(parameters) / sizeof(parameters[0]), NULL, &err),
		     0, "%s", err.message);
	return request;
}

static void add(struct clause *c, const char *name, enum predicate_operator op, uint64_t integer, const char *string)
{
	cr_assert_eq(clause_add(c, name, op, integer, string, &err), 0, "%s: %s", name, err.message);
}

/* One of what filters have fields of their own for; some of it cannot be said by them. */
static void add_simple(struct clause *c, struct random *r)
{
	const struct catalog_entry *entry = catalog_entry(c->kind);
	const struct catalog_field *field;
	char text[32];

	if (!entry->field_count)
		return;
	field = &entry->fields[random_below(r, entry->field_count)];
	if (value_type_of_field(field) == VALUE_STRING)
		add(c, field->name, random_below(r, 2) ? PREDICATE_EQUAL : PREDICATE_GLOB, 0, random_string(r, text));
	else if (value_type_is_integer(value_type_of_field(field)))
		add(c, field->name, random_below(r, 3) ? PREDICATE_EQUAL : PREDICATE_BITS, random_integer(r, value_type_of_field(field)),
		    NULL);
}

static void add_tree(struct clause *c, struct random *r)
{
	const struct catalog_field *fields[FACTS_MAX];
	const struct random_fields choice = {.fields = fields, .count = known_event_fields(c->kind, fields), .request = c->request};
	struct expression *e = random_tree(r, &choice, (unsigned int)random_below(r, 5));

	cr_assert_eq(clause_add_expression(c, e, NULL, &err), 0, "%s", err.message);
}

/* A system call has to be named, and the ABI to be spoken of: else the decoder would do it. */
static void add_clause(enum event_kind kind, struct random *r)
{
	struct clause *c = subscription_spec_add(spec, kind);
	uint64_t parts = random_below(r, 5), id_at = random_below(r, parts + 1);

	cr_assert_not_null(c);
	if (event_kind_is_of_container(kind) && random_below(r, 2))
		c->detail = DETAIL_FULL;
	if (probe_request_needed(kind))
		c->request = call_request(kind);
	for (uint64_t i = 0; i <= parts; i++) {
		if (is_syscall(kind) && i == id_at)
			add(c, "id", PREDICATE_EQUAL, random_below(r, 400), NULL);
		if (is_syscall(kind) && random_below(r, 2))
			add(c, "abi", PREDICATE_EQUAL, random_below(r, 3), NULL);
		if (i == parts)
			break;
		if (random_below(r, 2))
			add_simple(c, r);
		else
			add_tree(c, r);
	}
	if (is_syscall(kind) && !expression_has_field(c->filter, catalog_field(kind, "abi")))
		add(c, "abi", PREDICATE_EQUAL, SAMPLE_ABI_64, NULL);
}

static char *text_of(const struct subscription_spec *of)
{
	struct buffer out;

	buffer_init(&out, 0);
	subscription_spec_describe(of, &out);
	return (char *)buffer_take(&out, &(size_t){0});
}

static void expect_equal(void)
{
	char *wanted, *got;

	if (subscription_spec_equal(spec, back))
		return;
	wanted = text_of(spec);
	got = text_of(back);
	cr_assert_fail("%s\nbecame %s", wanted, got);
}

Test(round_trip, random_specs_come_back_as_they_were, .timeout = 120)
{
	struct random r = {.state = 815};

	for (int round = 0; round < SPECS; round++) {
		enum event_kind kind = random_kind(&r);

		tear_down();
		set_up();
		spec = subscription_spec_new();
		cr_assert_not_null(spec);
		for (uint64_t clauses = random_below(&r, 3) + 1; clauses; clauses--)
			add_clause(kind, &r);
		cr_assert_eq(capsule8_encode_request(spec, &bytes, &err), 0, "%s", err.message);
		cr_assert_eq(capsule8_decode_request(bytes.data, bytes.length, NULL, &back, &err), 0, "%s\n%s", text_of(spec), err.message);
		expect_equal();
	}
}

/* The older form, which nothing of ours sends: messages of an expression, as far as it can say it.
 * They go with the next round. */

static _Alignas(max_align_t) uint8_t messages[1 << 20];
static size_t messages_used;

static void *new_message(size_t size)
{
	void *message = messages + messages_used;

	messages_used += (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
	cr_assert_leq(messages_used, sizeof(messages));
	return message;
}

static bool old_type(enum expression_type type, V0(FilterPredicate__PredicateType) * ret)
{
	static const int types[] = {
		[EXPRESSION_EQ] = CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__EQ,
		[EXPRESSION_NE] = CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__NE,
		[EXPRESSION_LT] = CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__LT,
		[EXPRESSION_LE] = CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__LE,
		[EXPRESSION_GT] = CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__GT,
		[EXPRESSION_GE] = CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__GE,
		[EXPRESSION_LIKE] = CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__GLOB,
	};

	if (type < EXPRESSION_EQ || type > EXPRESSION_LIKE)
		return false;
	*ret = (V0(FilterPredicate__PredicateType))types[type];
	return true;
}

static void old_value(const struct expression *value, V0(FilterPredicate) * to)
{
	if (value->value_type == VALUE_STRING) {
		to->value_type = CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_TYPE__STRING;
		to->value_case = CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_STRING_VALUE;
		to->string_value = value->string;
	} else if (value_type_is_signed(value->value_type) || (value->integer <= INT64_MAX && value->integer % 2)) {
		to->value_type = CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_TYPE__SIGNED;
		to->value_case = CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_SIGNED_VALUE;
		to->signed_value = (int64_t)value->integer;
	} else {
		to->value_type = CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_TYPE__UNSIGNED;
		to->value_case = CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_UNSIGNED_VALUE;
		to->unsigned_value = value->integer;
	}
}

static bool old_predicate(const struct expression *e, V0(FilterPredicate) * to)
{
	if (e->type == EXPRESSION_VALUE) {
		to->type = CAPSULE8__API__V0__FILTER_PREDICATE__PREDICATE_TYPE__CONST;
		to->value_case = CAPSULE8__API__V0__FILTER_PREDICATE__VALUE_SIGNED_VALUE;
		to->signed_value = (int64_t)e->integer;
		return true;
	}
	if (!old_type(e->type, &to->type) || e->first->type != EXPRESSION_FIELD || e->first->next->type != EXPRESSION_VALUE)
		return false;
	to->field_name = (char *)e->first->field->name;
	old_value(e->first->next, to);
	return true;
}

static V0(FilterExpression) * old_expression(const struct expression *e);

/* `last` of `operands` is on the right, all before it on the left. */
static V0(FilterExpression) * old_operator(const struct expression *operands, V0(FilterExpression__FilterExpressionType) type)
{
	V0(FilterExpression) *left = old_expression(operands), *both;

	for (const struct expression *operand = operands->next; left && operand; operand = operand->next) {
		both = new_message(sizeof(*both));
		capsule8__api__v0__filter_expression__init(both);
		both->type = type;
		both->lhs = left;
		both->rhs = old_expression(operand);
		left = both->rhs ? both : NULL;
	}
	return left;
}

/* NULL: it cannot be said. */
static V0(FilterExpression) * old_expression(const struct expression *e)
{
	V0(FilterExpression) * to;

	if (e->type == EXPRESSION_AND)
		return old_operator(e->first, CAPSULE8__API__V0__FILTER_EXPRESSION__FILTER_EXPRESSION_TYPE__AND);
	if (e->type == EXPRESSION_OR)
		return old_operator(e->first, CAPSULE8__API__V0__FILTER_EXPRESSION__FILTER_EXPRESSION_TYPE__OR);
	to = new_message(sizeof(*to));
	capsule8__api__v0__filter_expression__init(to);
	to->predicate = new_message(sizeof(*to->predicate));
	capsule8__api__v0__filter_predicate__init(to->predicate);
	return old_predicate(e, to->predicate) ? to : NULL;
}

static void pack_old(enum event_kind kind, V0(FilterExpression) * filter)
{
	V0(GetEventsRequest) request = CAPSULE8__API__V0__GET_EVENTS_REQUEST__INIT;
	V0(Subscription) subscription = CAPSULE8__API__V0__SUBSCRIPTION__INIT;
	V0(EventFilter) events = CAPSULE8__API__V0__EVENT_FILTER__INIT;
	V0(NetworkEventFilter) network = CAPSULE8__API__V0__NETWORK_EVENT_FILTER__INIT, *networks[] = {&network};
	uint8_t *to;

	request.subscription = &subscription;
	subscription.event_filter = &events;
	events.network_events = networks;
	events.n_network_events = 1;
	network.type = kind == EVENT_CONNECT_ATTEMPT ? CAPSULE8__API__V0__NETWORK_EVENT_TYPE__NETWORK_EVENT_TYPE_CONNECT_ATTEMPT
						     : CAPSULE8__API__V0__NETWORK_EVENT_TYPE__NETWORK_EVENT_TYPE_LISTEN_RESULT;
	network.filter = filter;
	to = buffer_reserve(&bytes, capsule8__api__v0__get_events_request__get_packed_size(&request));
	cr_assert_not_null(to);
	bytes.length += capsule8__api__v0__get_events_request__pack(&request, to);
}

Test(round_trip, the_older_form_means_the_same, .timeout = 120)
{
	struct random r = {.state = 42};
	int said = 0;

	for (int round = 0; round < OLD_TREES; round++) {
		enum event_kind kind = random_below(&r, 2) ? EVENT_CONNECT_ATTEMPT : EVENT_LISTEN_RESULT;
		V0(FilterExpression) * filter;

		tear_down();
		set_up();
		messages_used = 0;
		spec = subscription_spec_new();
		cr_assert_not_null(spec);
		add_tree(subscription_spec_add(spec, kind), &r);
		filter = old_expression(spec->clauses[0].filter);
		if (!filter)
			continue;
		said++;
		pack_old(kind, filter);
		cr_assert_eq(capsule8_decode_request(bytes.data, bytes.length, NULL, &back, &err), 0, "%s\n%s", text_of(spec), err.message);
		expect_equal();
	}
	cr_expect_geq(said, OLD_TREES / 20, "%d", said);
}
