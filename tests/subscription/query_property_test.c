#include "subscription/query_parse.h"
#include "subscription/query_print.h"
#include "tests/expressions/reference.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREES 10000

/* Arguments of each type; many have names that mean something else. */
static struct probe_request *make_request(enum event_kind kind)
{
	struct probe_parameter parameters[] = {{"text", "+0(%di):string"}, {"s8", "%di:s8"},           {"and", "%di:s16"},
					       {"where", "%di:s32"},       {"s64", "%di:s64"},         {"u8", "%di:u8"},
					       {"true", "%di:u16"},        {"process_pid", "%di:u32"}, {"Timestamp", "%di:u64"},
					       {"address", "%di:u32"},     {"O_CREAT", "%di:s32"}};
	struct probe_request *request;

	cr_assert_eq(probe_request_new_call(&request, kind, "/bin/x", "f", parameters, sizeof(parameters) / sizeof(parameters[0]), NULL,
					    NULL),
		     0);
	return request;
}

static bool is_call(enum event_kind kind)
{
	return kind >= EVENT_KERNEL_CALL_ENTER && kind <= EVENT_USER_CALL_EXIT;
}

/* Of a field whose values are written in a way of their own: flags, masks of networks, errors, and what is near them. */
static uint64_t noted_value(struct random *r, uint64_t value)
{
	switch (random_below(r, 8)) {
	case 0:
		return __builtin_bswap32((uint32_t)(UINT64_C(0xffffffff) << random_below(r, 33)));
	case 1:
		return value & 0x3fffff;
	case 2:
		return value & 0xffff;
	case 3:
		return 17 | (value & 0x1f) << 8;
	default:
		return value;
	}
}

static void change_values(struct random *r, struct expression *e)
{
	for (struct expression *operand = e->first; operand; operand = operand->next)
		change_values(r, operand);
	if (e->type != EXPRESSION_VALUE)
		return;
	if (e->value_type == VALUE_UINT32)
		e->integer = noted_value(r, e->integer);
	else if (e->value_type == VALUE_UINT64 && !random_below(r, 3))
		e->integer = __builtin_bswap64(random_below(r, 65) ? UINT64_MAX << random_below(r, 64) : 0);
	else if (e->value_type == VALUE_SINT64 && !random_below(r, 3))
		e->integer = -random_below(r, 600);
	else if (e->value_type == VALUE_SINT32 && !random_below(r, 3))
		e->integer = noted_value(r, e->integer) & 0x7fffffff;
}

static struct expression *half(struct random *r, const char *name)
{
	struct expression *field = expression_new_field(name, 0);
	uint64_t mask = __builtin_bswap64(UINT64_MAX << random_below(r, 64));
	uint64_t value = random_below(r, 2) ? random_next(r) & mask : random_next(r);

	if (random_below(r, 2))
		return expression_new(EXPRESSION_EQ, field, expression_new_integer(VALUE_UINT64, value, 0), 0);
	return expression_new(EXPRESSION_EQ,
			      expression_new(EXPRESSION_BITWISE_AND, field, expression_new_integer(VALUE_UINT64, mask, 0), 0),
			      expression_new_integer(VALUE_UINT64, value, 0), 0);
}

/* The halves of IPv6 addresses, which the printer brings together. */
static struct expression *halves(struct random *r)
{
	struct expression *e = half(r, "ipv6_high");

	for (uint64_t more = random_below(r, 4); more; more--)
		e = expression_new(random_below(r, 3) ? EXPRESSION_AND : EXPRESSION_OR, e,
				   half(r, random_below(r, 3) ? "ipv6_low" : "ipv6_high"), 0);
	return e;
}

static char *describe(const struct subscription_spec *spec)
{
	struct buffer out;
	char *text;

	buffer_init(&out, 0);
	subscription_spec_describe(spec, &out);
	text = (char *)buffer_take(&out, NULL);
	cr_assert_not_null(text);
	return text;
}

/* Both properties: what is printed is read as the same, and printed in the same way again. */
static void expect_round_trip(const struct subscription_spec *spec)
{
	struct subscription_spec *again = NULL;
	struct error err = {0};
	char *text = describe(spec), *text_again;

	cr_assert_eq(query_parse(text, &again, NULL, &err), 0, "%s\n%s", text, err.message);
	text_again = describe(again);
	cr_assert_str_eq(text_again, text);
	cr_assert(subscription_spec_equal(again, spec), "%s", text);
	subscription_spec_free(again);
	free(text_again);
	free(text);
}

/* A common field with the name of an argument can only be meant by its alias, which the generator does not use. */
static size_t without_arguments(const struct catalog_field **fields, size_t count, const struct probe_request *request)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		bool hidden = false;

		for (size_t j = 0; request && j < request->parameter_count; j++)
			hidden |= !strcmp(request->parameters[j].name, fields[i]->name);
		if (!hidden)
			fields[kept++] = fields[i];
	}
	return kept;
}

static struct expression *random_filter(struct random *r, struct clause *c)
{
	const struct catalog_field *fields[FACTS_MAX];
	size_t count = without_arguments(fields, known_event_fields(c->kind, fields), c->request);
	struct random_fields choice = {.fields = fields, .count = count, .request = c->request};
	struct expression *e = random_tree(r, &choice, (unsigned int)random_below(r, 5));

	change_values(r, e);
	if (catalog_field(c->kind, "ipv6_high") && !random_below(r, 3))
		e = expression_new(random_below(r, 2) ? EXPRESSION_AND : EXPRESSION_OR, e, halves(r), 0);
	return e;
}

static void add_random_clause(struct random *r, struct subscription_spec *spec)
{
	enum event_kind kind = (enum event_kind)random_below(r, EVENT_LOST);
	struct clause *c = subscription_spec_add(spec, kind);
	struct perf_counter counters[] = {{0, random_below(r, 10)}, {4, random_next(r)}};
	struct error err = {0};

	c->interval_ns = kind == EVENT_TICKER ? 1 + random_below(r, 3) * 999999999 : 0;
	c->length = kind == EVENT_CHARGEN ? 1 + (uint32_t)random_below(r, 100) : 0;
	if (event_kind_is_of_container(kind) && random_below(r, 2))
		c->detail = DETAIL_FULL;
	if (is_call(kind))
		c->request = make_request(kind);
	if (kind == EVENT_PERFORMANCE)
		cr_assert_eq(probe_request_new_performance(&c->request, counters, 2, random_below(r, 2), 5, NULL), 0);
	if (random_below(r, 6))
		cr_assert_eq(clause_add_expression(c, random_filter(r, c), NULL, &err), 0, "%s", err.message);
}

static void add_random_containers(struct random *r, struct subscription_spec *spec)
{
	static const char *const values[] = {"abcd", "0123456789ab", "ffff", "name", "image"};

	if (random_below(r, 3))
		return;
	spec->containers = container_filter_new();
	for (uint64_t count = 1 + random_below(r, 4); count; count--) {
		enum container_filter_list list = (enum container_filter_list)random_below(r, CONTAINER_FILTER_LISTS);
		bool any = list == CONTAINER_FILTER_NAME || list == CONTAINER_FILTER_IMAGE_NAME;

		cr_assert_eq(container_filter_add(spec->containers, list, values[random_below(r, any ? 5 : 3)], NULL), 0);
	}
}

Test(query_property, what_is_printed_is_read_as_the_same_tree_and_printed_as_the_same_text, .timeout = 120)
{
	struct random r = {.state = 2026};

	for (int i = 0; i < TREES; i++) {
		struct subscription_spec *spec = subscription_spec_new();

		for (uint64_t count = 1 + random_below(&r, 3); count; count--)
			add_random_clause(&r, spec);
		spec->limit = random_below(&r, 3);
		spec->throttle_ns = random_below(&r, 3) * 1500000000;
		spec->since_ns = random_below(&r, 3) * 7;
		spec->has_for = random_below(&r, 2);
		spec->for_ns = spec->has_for ? random_below(&r, 3) * 60000000000 : 0;
		add_random_containers(&r, spec);
		expect_round_trip(spec);
		subscription_spec_free(spec);
	}
}

/* Words and families: their clauses come one after another, whole or with one that is different. */
Test(query_property, clauses_that_a_word_stands_for_are_read_as_they_are, .timeout = 60)
{
	static const char *const words[] = {"process",
					    "file",
					    "network",
					    "syscall:openat",
					    "syscall:openat:exit",
					    "syscall:socketcall",
					    "syscall:exit:enter",
					    "syscall:exit:exit",
					    "syscall:4000",
					    "syscall:arch_prctl",
					    "syscall:enter",
					    "syscall:exit",
					    "container:all",
					    "container:all/full",
					    "container:running/full",
					    "container:updated"};
	static const char *const conditions[] = {"", " where pid = 1", " where pid = 1 or uid = 0", " where cpu = 0 and comm like '*x'"};
	struct random r = {.state = 7};

	for (int i = 0; i < 2000; i++) {
		struct subscription_spec *spec = subscription_spec_new();
		char text[256];

		for (uint64_t count = 1 + random_below(&r, 3); count; count--) {
			struct error err = {0};

			snprintf(text, sizeof(text), "%s%s", words[random_below(&r, sizeof(words) / sizeof(words[0]))],
				 conditions[random_below(&r, sizeof(conditions) / sizeof(conditions[0]))]);
			cr_assert_eq(query_parse_into(spec, text, NULL, &err), 0, "%s", err.message);
		}
		/* At times the first or the last is missing. */
		if (spec->clause_count > 1 && random_below(&r, 2)) {
			struct clause *last = &spec->clauses[spec->clause_count - 1];

			expression_free(last->filter);
			spec->clause_count--;
		}
		expect_round_trip(spec);
		subscription_spec_free(spec);
	}
}

static const char *random_word(struct random *r, char to[32])
{
	static const char *const pieces[] = {"a", "x", "exit", ":", "enter", "/", "'", "\"", "(",        ")",
					     ",", "=", "\\",   "#", ";",     "%", "$", ".",  "\xc3\xa4", "where"};
	size_t length = 0;

	for (uint64_t left = 1 + random_below(r, 5); left; left--) {
		const char *piece = pieces[random_below(r, random_below(r, 3) ? 5 : sizeof(pieces) / sizeof(pieces[0]))];

		memcpy(to + length, piece, strlen(piece));
		length += strlen(piece);
	}
	to[length] = 0;
	return to;
}

Test(query_property, calls_of_any_names_are_read_as_they_are, .timeout = 60)
{
	struct random r = {.state = 11};

	for (int i = 0; i < 5000; i++) {
		struct subscription_spec *spec = subscription_spec_new();
		enum event_kind kind = EVENT_KERNEL_CALL_ENTER + (enum event_kind)random_below(&r, 4);
		bool of_user = kind >= EVENT_USER_CALL_ENTER;
		char texts[6][32], file[80], filter[80];
		struct probe_parameter parameters[] = {{texts[0], texts[1]}, {texts[2], texts[3]}};
		struct clause *c = subscription_spec_add(spec, kind);

		for (int j = 0; j < 6; j++)
			random_word(&r, texts[j]);
		snprintf(file, sizeof(file), "%s%s%s", texts[4], random_below(&r, 2) ? " where " : "", texts[0]);
		snprintf(filter, sizeof(filter), "%s%s%s", texts[3], random_below(&r, 2) ? "/ ; # " : " > ", texts[5]);
		if (!strcmp(texts[0], texts[2]))
			texts[0][0]++;
		cr_assert_eq(probe_request_new_call(&c->request, kind, of_user ? file : NULL, texts[5], parameters, random_below(&r, 3),
						    of_user || random_below(&r, 2) ? NULL : filter, NULL),
			     0);
		subscription_spec_add(spec, EVENT_PROCESS_EXEC);
		expect_round_trip(spec);
		subscription_spec_free(spec);
	}
}

Test(query_property, a_common_field_that_an_argument_hides_is_printed_by_its_other_name)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct error err = {0};
	char *text;

	cr_assert_eq(query_parse_into(spec, "kernel_call:f(process_pid=%di:u32) where pid = 1 and process_pid = 2", NULL, &err), 0, "%s",
		     err.message);
	text = describe(spec);
	cr_assert_str_eq(text, "kernel_call:f(process_pid=%di:u32) where pid = 1 and process_pid = 2");
	free(text);
	expect_round_trip(spec);
	subscription_spec_free(spec);
}
