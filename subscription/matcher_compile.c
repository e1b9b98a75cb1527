#include "subscription/matcher_program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Terms are made from the last one to the first, so that each knows where it goes on: they fill the array from its end. */
struct compiler {
	struct matcher *m;
	uint32_t next; /* the term before which the next one comes */
	size_t operand_count;
	bool failed; /* out of memory */
};

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

static uint8_t wanted_orders(enum expression_type type)
{
	switch (type) {
	case EXPRESSION_NE:
		return ORDER_LESS | ORDER_GREATER;
	case EXPRESSION_LT:
		return ORDER_LESS;
	case EXPRESSION_LE:
		return ORDER_LESS | ORDER_EQUAL;
	case EXPRESSION_GT:
		return ORDER_GREATER;
	case EXPRESSION_GE:
		return ORDER_GREATER | ORDER_EQUAL;
	default:
		return ORDER_EQUAL;
	}
}

static struct load load_of(const struct expression *e)
{
	static const uint8_t sources[] = {
		[FIELD_SINT32] = SOURCE_SINT32, [FIELD_UINT32] = SOURCE_UINT32, [FIELD_SINT64] = SOURCE_64,   [FIELD_UINT64] = SOURCE_64,
		[FIELD_BOOL] = SOURCE_BOOL,     [FIELD_STRING] = SOURCE_STRING, [FIELD_CHARS] = SOURCE_CHARS, [FIELD_PORT] = SOURCE_PORT,
	};
	const struct catalog_field *field = e->field;

	if (!field)
		return (struct load){.source = SOURCE_ARGUMENT, .offset = e->argument};
	return (struct load){
		.source = sources[field->type],
		.base = (uint8_t)field->base,
		.presence = (uint8_t)field->presence,
		.offset = (uint32_t)field->offset,
	};
}

/* How many tests there can be, and how many operands in them. */
static void count_parts(const struct expression *e, size_t *ret_tests, size_t *ret_operands)
{
	*ret_tests += e->type != EXPRESSION_AND && e->type != EXPRESSION_OR;
	*ret_operands += e->type == EXPRESSION_FIELD || e->type == EXPRESSION_VALUE;
	for (const struct expression *operand = e->first; operand; operand = operand->next)
		count_parts(operand, ret_tests, ret_operands);
}

static void add_operand(struct compiler *c, struct load load)
{
	c->m->operands[c->operand_count++] = (struct matcher_operand){.load = load, .mask = UINT64_MAX};
}

/* Adds the fields of a side; the values in it go into *mask. */
static void add_fields(struct compiler *c, const struct expression *e, uint64_t *mask)
{
	if (e->type == EXPRESSION_FIELD)
		add_operand(c, load_of(e));
	else if (e->type == EXPRESSION_VALUE)
		*mask &= e->integer;
	for (const struct expression *operand = e->first; operand; operand = operand->next)
		add_fields(c, operand, mask);
}

static uint32_t add_side(struct compiler *c, const struct expression *e)
{
	size_t first = c->operand_count;
	uint64_t mask = UINT64_MAX;

	add_fields(c, e, &mask);
	if (c->operand_count == first)
		add_operand(c, (struct load){.source = SOURCE_ALL_ONES});
	c->m->operands[first].mask = mask;
	c->m->operands[c->operand_count - 1].is_last = true;
	return (uint32_t)first;
}

/* One field, at most with a mask. */
static const struct expression *simple_field(const struct expression *e, uint64_t *ret_mask)
{
	*ret_mask = UINT64_MAX;
	while (e->type == EXPRESSION_BITWISE_AND) {
		const struct expression *left = e->first, *right = left->next;

		if (left->type != EXPRESSION_VALUE && right->type != EXPRESSION_VALUE)
			return NULL;
		*ret_mask &= left->type == EXPRESSION_VALUE ? left->integer : right->integer;
		e = left->type == EXPRESSION_VALUE ? right : left;
	}
	return e->type == EXPRESSION_FIELD ? e : NULL;
}

static struct matcher_term string_test(const struct expression *e)
{
	const struct expression *field = e->first, *other = field->next;
	struct matcher_term term = {.test = TEST_STRING, .wanted = wanted_orders(e->type)};

	if (field->type == EXPRESSION_VALUE) {
		field = other;
		other = e->first;
	}
	term.load = load_of(field);
	if (other->type == EXPRESSION_FIELD) {
		term.test = TEST_STRING_PAIR;
		term.other = load_of(other);
		return term;
	}
	if (e->type == EXPRESSION_LIKE)
		term.test = TEST_GLOB;
	term.string = other->string;
	term.length = (uint32_t)strlen(other->string);
	return term;
}

/* `field & mask OP value`. False: it is not as simple. */
static bool integer_test(const struct expression *e, struct matcher_term *ret)
{
	const struct expression *left = e->first, *right = left->next;
	enum expression_type type = e->type;
	const struct expression *field;
	uint64_t mask;

	if (left->type == EXPRESSION_VALUE) {
		left = right;
		right = e->first;
		type = mirrored(type);
	}
	field = simple_field(left, &mask);
	if (!field || right->type != EXPRESSION_VALUE)
		return false;
	*ret = (struct matcher_term){
		.test = TEST_INTEGER,
		.wanted = wanted_orders(type),
		.is_signed = value_type_is_signed(left->value_type),
		.load = load_of(field),
		.mask = mask,
		.integer = right->integer,
	};
	return true;
}

static struct matcher_term comparison_test(struct compiler *c, const struct expression *e)
{
	const struct expression *left = e->first, *right = left->next;
	struct matcher_term term;

	if (left->value_type == VALUE_STRING)
		return string_test(e);
	if (integer_test(e, &term))
		return term;
	term = (struct matcher_term){
		.test = TEST_PAIR,
		.wanted = wanted_orders(e->type),
		.is_signed = value_type_is_signed(left->value_type),
	};
	term.operands[0] = add_side(c, left);
	term.operands[1] = add_side(c, right);
	return term;
}

static struct matcher_term make_test(struct compiler *c, const struct expression *e)
{
	switch (e->type) {
	case EXPRESSION_FIELD:
		return (struct matcher_term){
			.test = TEST_INTEGER, .wanted = ORDER_EQUAL, .load = load_of(e), .mask = UINT64_MAX, .integer = true};
	case EXPRESSION_IS_NULL:
	case EXPRESSION_IS_NOT_NULL:
		return (struct matcher_term){
			.test = TEST_NULL,
			.wanted = e->type == EXPRESSION_IS_NULL ? ORDER_EQUAL : ORDER_LESS | ORDER_GREATER,
			.load = load_of(e->first),
		};
	case EXPRESSION_LIKE:
		return string_test(e);
	default:
		return comparison_test(c, e);
	}
}

/* The answer of what needs no event. */
static bool is_constant(const struct expression *e, bool *ret)
{
	if (e->type == EXPRESSION_VALUE) {
		*ret = e->integer;
		return true;
	}
	if (!expression_is_comparison(e->type) || e->first->type != EXPRESSION_VALUE || e->first->next->type != EXPRESSION_VALUE)
		return false;
	*ret = expression_compare_values(e->type, e->first, e->first->next);
	return true;
}

/* What an operand costs, for an order among them. */
static unsigned int cost(const struct expression *e)
{
	unsigned int sum = 0;

	if (e->type != EXPRESSION_AND && e->type != EXPRESSION_OR) {
		bool of_string = e->first && e->first->value_type == VALUE_STRING && e->type != EXPRESSION_IS_NULL &&
				 e->type != EXPRESSION_IS_NOT_NULL;

		return e->type == EXPRESSION_LIKE ? 8 : of_string ? 4 : e->type == EXPRESSION_EQ ? 1 : 2;
	}
	for (const struct expression *operand = e->first; operand; operand = operand->next)
		sum += cost(operand);
	return sum;
}

static uint32_t emit(struct compiler *c, struct matcher_term term, uint32_t on_match, uint32_t on_mismatch)
{
	term.on_match = on_match;
	term.on_mismatch = on_mismatch;
	c->m->terms[--c->next] = term;
	return c->next;
}

static uint32_t compile(struct compiler *c, const struct expression *e, uint32_t on_match, uint32_t on_mismatch);

struct ordered {
	const struct expression *e;
	unsigned int cost;
	uint32_t index;
};

static int compare_ordered(const void *a, const void *b)
{
	const struct ordered *left = a, *right = b;

	if (left->cost != right->cost)
		return left->cost < right->cost ? -1 : 1;
	return left->index < right->index ? -1 : 1;
}

/* The cheapest first. */
static uint32_t compile_operands(struct compiler *c, const struct expression *e, uint32_t on_match, uint32_t on_mismatch)
{
	struct ordered *operands;
	uint32_t start = 0;
	uint32_t count = 0;

	for (const struct expression *operand = e->first; operand; operand = operand->next)
		count++;
	operands = calloc(count + 1, sizeof(*operands));
	if (!operands) {
		c->failed = true;
		return GOTO_MISMATCH;
	}
	count = 0;
	for (const struct expression *operand = e->first; operand; operand = operand->next, count++)
		operands[count] = (struct ordered){.e = operand, .cost = cost(operand), .index = count};
	qsort(operands, count, sizeof(*operands), compare_ordered);
	start = e->type == EXPRESSION_AND ? on_match : on_mismatch;
	while (count--)
		start = e->type == EXPRESSION_AND ? compile(c, operands[count].e, start, on_mismatch)
						  : compile(c, operands[count].e, on_match, start);
	free(operands);
	return start;
}

/* Where to begin with it. */
static uint32_t compile(struct compiler *c, const struct expression *e, uint32_t on_match, uint32_t on_mismatch)
{
	bool answer;

	if (e->type == EXPRESSION_AND || e->type == EXPRESSION_OR)
		return compile_operands(c, e, on_match, on_mismatch);
	if (is_constant(e, &answer))
		return answer ? on_match : on_mismatch;
	return emit(c, make_test(c, e), on_match, on_mismatch);
}

/* The key */

/* What the string has to begin with. */
static size_t prefix_length(const struct expression *e)
{
	const char *text = e->first->next->string;
	size_t length = e->type == EXPRESSION_LIKE ? strcspn(text, "*?") : strlen(text);

	return length < MATCHER_PREFIX_MAX ? length : MATCHER_PREFIX_MAX;
}

/* A field of the event itself against a value. False: it is something else. */
static bool key_of(const struct expression *e, struct matcher_key *ret)
{
	const struct expression *left = e->first, *right = left ? left->next : NULL;

	if ((e->type != EXPRESSION_EQ && e->type != EXPRESSION_LIKE) || !right || left->type != EXPRESSION_FIELD ||
	    right->type != EXPRESSION_VALUE || !left->field || left->field->base != FIELD_OF_EVENT)
		return false;
	ret->offset = (uint32_t)left->field->offset;
	ret->length = 0;
	switch (left->field->type) {
	case FIELD_SINT32:
	case FIELD_UINT32:
		ret->type = MATCHER_KEY_32;
		ret->value = (uint32_t)right->integer;
		return true;
	case FIELD_SINT64:
	case FIELD_UINT64:
		ret->type = MATCHER_KEY_64;
		ret->value = right->integer;
		return true;
	case FIELD_STRING:
		ret->type = MATCHER_KEY_PREFIX;
		ret->length = (uint32_t)prefix_length(e);
		ret->value = matcher_hash(right->string, ret->length);
		return ret->length;
	default:
		return false;
	}
}

static void add_key(struct matcher *m, const struct expression *e, bool of_strings)
{
	struct matcher_key key;

	if (m->key_count < MATCHER_KEYS_MAX && key_of(e, &key) && (key.type == MATCHER_KEY_PREFIX) == of_strings)
		m->keys[m->key_count++] = key;
}

static void find_keys(struct matcher *m, const struct clause *clause)
{
	const struct expression *e = clause->filter;

	if (clause->request) {
		m->keys[m->key_count++] = (struct matcher_key){.type = MATCHER_KEY_64,
							       .offset = offsetof(struct event, request),
							       .value = (uintptr_t)clause->request};
		return;
	}
	/* A filter has no siblings: it is its only operand, when it is no AND. */
	if (e && e->type == EXPRESSION_AND)
		e = e->first;
	for (int of_strings = 0; of_strings < 2; of_strings++)
		for (const struct expression *operand = e; operand; operand = operand->next)
			add_key(m, operand, of_strings);
}

/* Whether every event that has the key passes the term. */
static bool is_said_by_key(const struct matcher_term *term, const struct matcher_key *key)
{
	if (term->test != TEST_INTEGER || term->wanted != ORDER_EQUAL || term->mask != UINT64_MAX || term->load.base != FIELD_OF_EVENT ||
	    term->load.presence != PRESENT_ALWAYS || term->load.offset != key->offset)
		return false;
	switch (key->type) {
	case MATCHER_KEY_32:
		return (term->load.source == SOURCE_SINT32 || term->load.source == SOURCE_UINT32) && (uint32_t)term->integer == key->value;
	case MATCHER_KEY_64:
		return term->load.source == SOURCE_64 && term->integer == key->value;
	default:
		return false;
	}
}

uint32_t matcher_start_behind(const struct matcher *m, const struct matcher_key *key)
{
	const struct matcher_term *first = m->start < GOTO_MISMATCH ? &m->terms[m->start] : NULL;

	return first && is_said_by_key(first, key) ? first->on_match : m->start;
}

int matcher_init(struct matcher *m, const struct clause *clause)
{
	struct compiler c = {.m = m};
	size_t terms = 0, operands = 0;

	*m = (struct matcher){.start = GOTO_MATCH};
	find_keys(m, clause);
	if (!clause->filter && !clause->request)
		return 0;
	if (clause->filter)
		count_parts(clause->filter, &terms, &operands);
	terms++;
	m->terms = calloc(terms, sizeof(*m->terms));
	m->operands = calloc(operands + 1, sizeof(*m->operands));
	if (!m->terms || !m->operands) {
		matcher_done(m);
		return -ENOMEM;
	}
	c.next = (uint32_t)terms;
	if (clause->filter)
		m->start = compile(&c, clause->filter, GOTO_MATCH, GOTO_MISMATCH);
	if (clause->request)
		m->start = emit(&c, (struct matcher_term){.test = TEST_REQUEST, .request = clause->request}, m->start, GOTO_MISMATCH);
	if (c.failed) {
		matcher_done(m);
		return -ENOMEM;
	}
	return 0;
}

void matcher_done(struct matcher *m)
{
	free(m->terms);
	free(m->operands);
	*m = (struct matcher){0};
}
