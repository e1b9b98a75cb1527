#include "subscription/query_print.h"

#include "subscription/query_string.h"
#include "subscription/query_value.h"
#include "subscription/query_word.h"

#include <inttypes.h>
#include <string.h>

struct printer {
	const struct probe_request *request;
	struct buffer *out;
	bool is_32_bit; /* numbers of system calls are not those that have names here */
};

static bool has_argument(const struct probe_request *request, const char *name)
{
	for (size_t i = 0; request && i < request->parameter_count; i++)
		if (!strcmp(request->parameters[i].name, name))
			return true;
	return false;
}

/* A call's argument can have any name. */
static void print_argument(const char *name, struct buffer *out)
{
	if (query_is_identifier(name))
		buffer_put_string(out, name);
	else
		query_put_quoted(out, name, QUERY_NAME);
}

static void print_field(const struct printer *p, const struct expression *e)
{
	if (!e->field)
		print_argument(p->request->parameters[e->argument].name, p->out);
	else if (e->field->alias && has_argument(p->request, e->field->name))
		buffer_put_string(p->out, e->field->alias);
	else
		buffer_put_string(p->out, e->field->name);
}

/* The field that a value beside this is one of; NULL: there is none. */
static const struct expression *subject_of(const struct expression *e)
{
	while (e->type == EXPRESSION_BITWISE_AND)
		e = e->first->type == EXPRESSION_VALUE ? e->first->next : e->first;
	return e->type == EXPRESSION_FIELD ? e : NULL;
}

static void print_value(const struct printer *p, const struct expression *e, const struct expression *subject, enum value_place place)
{
	const struct catalog_field *field = subject ? subject->field : NULL;

	if (field && field->notation == NOTATION_SYSCALL && p->is_32_bit)
		field = NULL;
	value_put(e, field, place, p->out);
}

/* A side of a comparison; `other` is the other one, or the one that it is masked with. */
static void print_side(const struct printer *p, const struct expression *e, const struct expression *other, enum value_place place)
{
	const struct expression *right;

	if (e->type == EXPRESSION_FIELD) {
		print_field(p, e);
		return;
	}
	if (e->type == EXPRESSION_VALUE) {
		print_value(p, e, subject_of(other), other->type == EXPRESSION_FIELD ? place : VALUE_MASK);
		return;
	}
	right = e->first->next;
	print_side(p, e->first, right, VALUE_MASK);
	buffer_put_string(p->out, " & ");
	if (right->type == EXPRESSION_BITWISE_AND)
		buffer_put_u8(p->out, '(');
	print_side(p, right, e->first, VALUE_MASK);
	if (right->type == EXPRESSION_BITWISE_AND)
		buffer_put_u8(p->out, ')');
}

/* In C the & binds less than a comparison: it gets parentheses here, although they are not needed. */
static void print_masked(const struct printer *p, const struct expression *e, const struct expression *other, enum value_place place)
{
	bool bracket = e->type == EXPRESSION_BITWISE_AND;

	if (bracket)
		buffer_put_u8(p->out, '(');
	print_side(p, e, other, place);
	if (bracket)
		buffer_put_u8(p->out, ')');
}

static bool is_field(const struct expression *e, const char *name)
{
	return e->type == EXPRESSION_FIELD && e->field && !strcmp(e->field->name, name);
}

/* FIELD = VALUE, or (FIELD & MASK) = VALUE, in this order. */
static bool is_network(const struct expression *e, const char *name, uint64_t *ret_mask, uint64_t *ret_value)
{
	const struct expression *left = e->first;

	if (e->type != EXPRESSION_EQ || left->next->type != EXPRESSION_VALUE)
		return false;
	*ret_value = left->next->integer;
	*ret_mask = UINT64_MAX;
	if (left->type == EXPRESSION_BITWISE_AND) {
		if (left->first->next->type != EXPRESSION_VALUE)
			return false;
		*ret_mask = left->first->next->integer;
		/* A mask that masks nothing is left as it is: the network of one address is written as the address. */
		if (*ret_mask == UINT64_MAX)
			return false;
		left = left->first;
	}
	return is_field(left, name);
}

static bool print_ipv4_network(const struct printer *p, const struct expression *e)
{
	size_t start = p->out->length;
	uint64_t mask, value;

	if (!is_network(e, "ipv4_address", &mask, &value) || mask >= UINT32_MAX)
		return false;
	buffer_put_string(p->out, "ipv4_address in ");
	if (value_put_ipv4_network((uint32_t)value, (uint32_t)mask, p->out))
		return true;
	p->out->length = start;
	return false;
}

/* The two halves of an IPv6 address or network, or the first alone. Returns the operands that are done: 0, 1 or 2. */
static size_t print_ipv6(const struct printer *p, const struct expression *e, bool may_take_next)
{
	size_t start = p->out->length;
	uint64_t value[2], mask[2];
	size_t count = 1;

	if (!is_network(e, "ipv6_high", &mask[0], &value[0]))
		return 0;
	if (may_take_next && mask[0] == UINT64_MAX && e->next && is_network(e->next, "ipv6_low", &mask[1], &value[1]) && mask[1])
		count = 2;
	for (; count; count--) {
		if (count == 1)
			value[1] = mask[1] = 0;
		buffer_put_string(p->out, mask[1] == UINT64_MAX ? "address = " : "address in ");
		if (value_put_ipv6_network(value, mask, p->out))
			return count;
		p->out->length = start;
	}
	return 0;
}

static void print_comparison(const struct printer *p, const struct expression *e, const char *sign)
{
	const struct expression *left = e->first, *right = left->next;
	enum value_place place = e->type == EXPRESSION_EQ || e->type == EXPRESSION_NE ? VALUE_EQUAL : VALUE_ORDER;

	if (print_ipv4_network(p, e) || print_ipv6(p, e, false))
		return;
	print_masked(p, left, right, place);
	buffer_put_string(p->out, sign);
	print_masked(p, right, left, place);
}

static void print_like(const struct printer *p, const struct expression *e)
{
	print_field(p, e->first);
	buffer_put_string(p->out, " like ");
	query_put_quoted(p->out, e->first->next->string, QUERY_PATTERN);
}

static void print(const struct printer *p, const struct expression *e);

/* FIELD = VALUE or ... with the field of `e`: how many of them stand here. */
static size_t count_equal(const struct expression *e)
{
	const struct expression *field = e->first;
	size_t count = 0;

	if (e->type != EXPRESSION_EQ || field->type != EXPRESSION_FIELD)
		return 0;
	for (; e && e->type == EXPRESSION_EQ && e->first->next->type == EXPRESSION_VALUE && expression_equal(e->first, field); e = e->next)
		count++;
	return count;
}

static const struct expression *print_list(const struct printer *p, const struct expression *e, size_t count)
{
	print_field(p, e->first);
	buffer_put_string(p->out, " in (");
	for (size_t i = 0; i < count; i++, e = e->next) {
		buffer_put_string(p->out, i ? ", " : "");
		print_side(p, e->first->next, e->first, VALUE_EQUAL);
	}
	buffer_put_u8(p->out, ')');
	return e;
}

/* The operands of an OR, from this one on. */
static void print_any(const struct printer *p, const struct expression *e)
{
	while (e) {
		size_t count = count_equal(e);

		if (count > 1 && !is_field(e->first, "ipv6_high")) {
			e = print_list(p, e, count);
		} else {
			print(p, e);
			e = e->next;
		}
		if (e)
			buffer_put_string(p->out, " or ");
	}
}

static bool needs_parentheses(const struct expression *e)
{
	const struct expression *subject = e->first ? e->first->first : NULL;
	size_t count = 0;

	if (e->type != EXPRESSION_OR || !subject)
		return e->type == EXPRESSION_OR;
	for (const struct expression *operand = e->first; operand; operand = operand->next)
		count++;
	/* One list. */
	return count_equal(e->first) != count || is_field(subject, "ipv6_high");
}

/* The operands of an AND, from this one on. */
static void print_all(const struct printer *p, const struct expression *e)
{
	bool is_only = !e->next;

	while (e) {
		size_t count = print_ipv6(p, e, true);
		bool bracket = !count && !is_only && needs_parentheses(e);

		if (bracket)
			buffer_put_u8(p->out, '(');
		if (!count)
			print(p, e);
		if (bracket)
			buffer_put_u8(p->out, ')');
		for (e = e->next; e && count > 1; count--)
			e = e->next;
		if (e)
			buffer_put_string(p->out, " and ");
	}
}

static void print(const struct printer *p, const struct expression *e)
{
	static const char *const signs[] = {
		[EXPRESSION_EQ] = " = ",  [EXPRESSION_NE] = " != ", [EXPRESSION_LT] = " < ",
		[EXPRESSION_LE] = " <= ", [EXPRESSION_GT] = " > ",  [EXPRESSION_GE] = " >= ",
	};

	switch (e->type) {
	case EXPRESSION_FIELD:
		print_field(p, e);
		break;
	case EXPRESSION_VALUE:
		value_put(e, NULL, VALUE_EQUAL, p->out);
		break;
	case EXPRESSION_AND:
		print_all(p, e->first);
		break;
	case EXPRESSION_OR:
		print_any(p, e->first);
		break;
	case EXPRESSION_LIKE:
		print_like(p, e);
		break;
	case EXPRESSION_IS_NULL:
	case EXPRESSION_IS_NOT_NULL:
		print_field(p, e->first);
		buffer_put_string(p->out, e->type == EXPRESSION_IS_NULL ? " is null" : " is not null");
		break;
	case EXPRESSION_BITWISE_AND:
		print_side(p, e, e, VALUE_MASK);
		break;
	default:
		print_comparison(p, e, signs[e->type]);
	}
}

static bool asks_for_32_bit(const struct expression *e)
{
	uint64_t mask, value;

	if (e && is_network(e, "abi", &mask, &value) && mask == UINT64_MAX && value == SAMPLE_ABI_32)
		return true;
	if (!e || (e->type != EXPRESSION_AND && e->type != EXPRESSION_OR))
		return false;
	for (const struct expression *operand = e->first; operand; operand = operand->next)
		if (asks_for_32_bit(operand))
			return true;
	return false;
}

void expression_print(const struct expression *e, const struct probe_request *request, struct buffer *out)
{
	struct printer p = {.request = request, .out = out, .is_32_bit = asks_for_32_bit(e)};

	print(&p, e);
}

/* The filter without its first `skip` conditions. */
static void print_rest(const struct clause *c, size_t skip, struct buffer *out)
{
	struct printer p = {.request = c->request, .out = out, .is_32_bit = asks_for_32_bit(c->filter)};
	const struct expression *rest = c->filter;

	if (skip)
		for (rest = rest->first; skip; skip--)
			rest = rest->next;
	if (!rest)
		return;
	buffer_put_string(out, " where ");
	if (rest == c->filter)
		print(&p, rest);
	else
		print_all(&p, rest);
}

static bool rests_equal(const struct clause *a, const struct clause *b, size_t skip)
{
	struct buffer texts[2];
	bool equal;

	for (int i = 0; i < 2; i++) {
		buffer_init(&texts[i], 0);
		print_rest(i ? b : a, skip, &texts[i]);
	}
	equal = !texts[0].failed && !texts[1].failed && texts[0].length == texts[1].length &&
		(!texts[0].length || !memcmp(texts[0].data, texts[1].data, texts[0].length));
	buffer_done(&texts[0]);
	buffer_done(&texts[1]);
	return equal;
}

/* Whether the conditions that a word brings along, at most two, are the first ones of a clause. */
static bool begins_with(const struct expression *e, const struct expression *word)
{
	const struct expression *of_e, *of_word;

	if (!word)
		return true;
	if (!e || e->type != EXPRESSION_AND || word->type != EXPRESSION_AND)
		return false;
	for (of_e = e->first, of_word = word->first; of_word; of_e = of_e->next, of_word = of_word->next)
		if (!of_e || !expression_equal(of_e, of_word))
			return false;
	return true;
}

/* How many of the clauses a word stands for, all with the same further condition; 0: it does not stand for them. */
static size_t matching_clauses(const struct clause *clauses, size_t count, const struct subscription_spec *word)
{
	size_t skip = word->clause_count && word->clauses[0].filter ? 2 : 0;

	if (word->clause_count > count)
		return 0;
	for (size_t i = 0; i < word->clause_count; i++)
		if (clauses[i].kind != word->clauses[i].kind || clauses[i].detail != word->clauses[i].detail ||
		    !begins_with(clauses[i].filter, word->clauses[i].filter))
			return 0;
	for (size_t i = 1; i < word->clause_count; i++)
		if (!rests_equal(&clauses[0], &clauses[i], skip))
			return 0;
	return word->clause_count;
}

/* Prints as many clauses as one word can say, at least one; returns how many. */
static size_t print_clauses(const struct clause *clauses, size_t count, struct buffer *out)
{
	struct query_words words;
	size_t printed = 0;

	query_words_init(&words, clauses);
	while (!printed && query_words_next(&words)) {
		printed = matching_clauses(clauses, count, words.spec);
		if (!printed)
			continue;
		buffer_put_string(out, words.word);
		print_rest(clauses, words.spec->clauses[0].filter ? 2 : 0, out);
	}
	query_words_done(&words);
	if (printed)
		return printed;
	query_word_put(clauses, out);
	if (clauses->filter)
		print_rest(clauses, 0, out);
	return 1;
}

void clause_describe(const struct clause *c, struct buffer *out)
{
	print_clauses(c, 1, out);
}

/* The separator in front of the next item. */
static void begin_item(size_t *items, struct buffer *out)
{
	if ((*items)++)
		buffer_put_string(out, "; ");
}

static void print_duration(const char *name, uint64_t ns, size_t *items, struct buffer *out)
{
	begin_item(items, out);
	buffer_printf(out, "%s ", name);
	query_put_duration(ns, out);
}

static void print_container(const struct container_filter_entry *entry, size_t *items, struct buffer *out)
{
	static const char *const lists[CONTAINER_FILTER_LISTS] = {
		[CONTAINER_FILTER_ID] = "id",
		[CONTAINER_FILTER_NAME] = "name",
		[CONTAINER_FILTER_IMAGE_ID] = "image_id",
		[CONTAINER_FILTER_IMAGE_NAME] = "image",
	};

	begin_item(items, out);
	buffer_printf(out, "container %s ", lists[entry->list]);
	query_put_quoted(out, entry->text, QUERY_STRING);
}

void subscription_spec_describe(const struct subscription_spec *s, struct buffer *out)
{
	size_t items = 0;

	for (size_t i = 0; i < s->clause_count;) {
		begin_item(&items, out);
		i += print_clauses(&s->clauses[i], s->clause_count - i, out);
	}
	for (size_t i = 0; s->containers && i < s->containers->count; i++)
		print_container(&s->containers->entries[i], &items, out);
	if (s->limit) {
		begin_item(&items, out);
		buffer_printf(out, "limit %" PRIu64, s->limit);
	}
	if (s->throttle_ns)
		print_duration("throttle", s->throttle_ns, &items, out);
	if (s->since_ns)
		print_duration("since", s->since_ns, &items, out);
	if (s->has_for)
		print_duration("for", s->for_ns, &items, out);
}
