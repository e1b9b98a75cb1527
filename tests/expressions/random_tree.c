#include "tests/expressions/random_tree.h"

#include "tracing/fetchargs.h"

#include <stdlib.h>
#include <string.h>

/* splitmix64 */
uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t random_below(struct random *r, uint64_t bound)
{
	return random_next(r) % bound;
}

static unsigned int bits_of(enum value_type type)
{
	static const unsigned int bits[] = {[VALUE_SINT8] = 8, [VALUE_SINT16] = 16, [VALUE_SINT32] = 32, [VALUE_SINT64] = 64,
					    [VALUE_UINT8] = 8, [VALUE_UINT16] = 16, [VALUE_UINT32] = 32, [VALUE_UINT64] = 64};

	return bits[type];
}

/* Cut to the type, and as wide as 64 bits again. */
static uint64_t fit(enum value_type type, uint64_t integer)
{
	unsigned int shift = 64 - bits_of(type);

	return value_type_is_signed(type) ? (uint64_t)((int64_t)(integer << shift) >> shift) : integer << shift >> shift;
}

uint64_t random_integer(struct random *r, enum value_type type)
{
	unsigned int bits = bits_of(type);

	switch (random_below(r, 6)) {
	case 0:
	case 1:
		return fit(type, random_below(r, 5) - 2);
	case 2:
		return fit(type, (UINT64_C(1) << (bits - 1)) + random_below(r, 5) - 2);
	case 3:
		return fit(type, UINT64_C(1) << random_below(r, bits));
	case 4:
		return fit(type, random_below(r, 300));
	default:
		return fit(type, random_next(r));
	}
}

const char *random_string(struct random *r, char to[32])
{
	static const char *const pieces[] = {"a",  "b", "ab", "a", "b",        "/",  "*", "?", "*",   "%",
					     "\\", "'", "\"", " ", "\xc3\xa4", "\n", "!", "5", "[a]", "\x7f"};
	size_t kinds = random_below(r, 3) ? 5 : sizeof(pieces) / sizeof(pieces[0]);
	size_t length = 0;

	for (uint64_t left = random_below(r, 6); left; left--) {
		const char *piece = pieces[random_below(r, kinds)];

		memcpy(to + length, piece, strlen(piece));
		length += strlen(piece);
	}
	to[length] = 0;
	return to;
}

/* A field that `wants` (0: any, 1: integers, 2: strings); NULL: none was found. */
static struct expression *random_field(struct random *r, const struct random_fields *fields, int wants)
{
	for (int tries = 0; tries < 50; tries++) {
		size_t arguments = fields->request ? fields->request->parameter_count : 0;
		size_t index = random_below(r, fields->count + arguments);
		struct expression *e;
		enum value_type type;

		if (index < fields->count) {
			e = expression_new_field(fields->fields[index]->name, 0);
			e->field = fields->fields[index];
			type = value_type_of_field(e->field);
		} else {
			const struct probe_parameter *parameter = &fields->request->parameters[index - fields->count];
			static const enum value_type types[2][9] = {
				{[1] = VALUE_UINT8, [2] = VALUE_UINT16, [4] = VALUE_UINT32, [8] = VALUE_UINT64},
				{[1] = VALUE_SINT8, [2] = VALUE_SINT16, [4] = VALUE_SINT32, [8] = VALUE_SINT64},
			};
			struct fetcharg arg;

			if (fetcharg_parse(&arg, parameter->name, parameter->expression, NULL, NULL))
				abort();
			e = expression_new_field(parameter->name, 0);
			e->argument = (uint32_t)(index - fields->count);
			type = arg.is_string ? VALUE_STRING : types[arg.is_signed][arg.size];
		}
		e->value_type = type;
		if (!wants || (wants == 1 && value_type_is_integer(type)) || (wants == 2 && type == VALUE_STRING))
			return e;
		expression_free(e);
	}
	return NULL;
}

static struct expression *random_value(struct random *r, enum value_type type)
{
	char text[32];

	switch (type) {
	case VALUE_STRING:
		return expression_new_string(random_string(r, text), 0);
	case VALUE_BOOL:
		return expression_new_bool(random_below(r, 2), 0);
	case VALUE_DOUBLE: {
		static const double numbers[] = {0, -0.0, 1, 1.5, -1e300, 1e-300, 0.1, 3.0000000000000004};

		return expression_new_double(numbers[random_below(r, sizeof(numbers) / sizeof(numbers[0]))], 0);
	}
	case VALUE_TIMESTAMP:
		return expression_new_timestamp(
			(struct expression_timestamp){
				.seconds = (int64_t)random_below(r, 3) * 86400 - 86400,
				.nanoseconds = (int32_t)(random_below(r, 2) ? 0 : random_below(r, 1000000000)),
			},
			0);
	default:
		return expression_new_integer(type, random_integer(r, type), 0);
	}
}

/* A side of a comparison of integers: a field, at times under a mask of values or of other fields of its type. */
static struct expression *random_integers(struct random *r, const struct random_fields *fields, enum value_type type)
{
	struct expression *e = NULL;

	for (int tries = 0; !e && tries < 20; tries++) {
		e = random_field(r, fields, 1);
		if (e && type && e->value_type != type)
			e = expression_free(e);
	}
	while (e && random_below(r, 3) == 0) {
		enum value_type own = e->value_type;
		struct expression *other = random_below(r, 4) ? random_value(r, own) : random_field(r, fields, 1);

		if (!other || other->value_type != own) {
			expression_free(other);
			break;
		}
		e = random_below(r, 2) ? expression_new(EXPRESSION_BITWISE_AND, e, other, 0)
				       : expression_new(EXPRESSION_BITWISE_AND, other, e, 0);
		e->value_type = own;
	}
	return e;
}

static struct expression *swapped(struct random *r, enum expression_type type, struct expression *left, struct expression *right)
{
	return random_below(r, 5) ? expression_new(type, left, right, 0) : expression_new(type, right, left, 0);
}

static struct expression *random_comparison(struct random *r, const struct random_fields *fields)
{
	enum expression_type type = EXPRESSION_EQ + (enum expression_type)random_below(r, 6);
	struct expression *left = random_integers(r, fields, VALUE_NONE), *right;

	if (!left)
		return NULL;
	right = random_below(r, 6) ? NULL : random_integers(r, fields, left->value_type);
	return swapped(r, type, left, right ? right : random_value(r, left->value_type));
}

static struct expression *random_equality(struct random *r, const struct random_fields *fields)
{
	enum expression_type type = EXPRESSION_EQ + (enum expression_type)random_below(r, 2);
	struct expression *left = random_field(r, fields, 0), *right;

	right = random_below(r, 6) ? NULL : random_field(r, fields, 0);
	if (right && right->value_type != left->value_type)
		right = expression_free(right);
	return swapped(r, type, left, right ? right : random_value(r, left->value_type));
}

static struct expression *random_like(struct random *r, const struct random_fields *fields)
{
	struct expression *field = random_field(r, fields, 2);

	return field ? expression_new(EXPRESSION_LIKE, field, random_value(r, VALUE_STRING), 0) : NULL;
}

static struct expression *random_constant(struct random *r)
{
	static const enum value_type types[] = {VALUE_BOOL, VALUE_SINT64, VALUE_DOUBLE, VALUE_TIMESTAMP, VALUE_STRING};
	enum value_type type = types[random_below(r, sizeof(types) / sizeof(types[0]))];
	bool ordered = type != VALUE_BOOL && type != VALUE_STRING;

	if (type == VALUE_BOOL && random_below(r, 2))
		return random_value(r, VALUE_BOOL);
	return expression_new(EXPRESSION_EQ + (enum expression_type)random_below(r, ordered ? 6 : 2), random_value(r, type),
			      random_value(r, type), 0);
}

static struct expression *random_condition(struct random *r, const struct random_fields *fields)
{
	struct expression *e;

	switch (random_below(r, 16)) {
	case 0:
		return expression_new(random_below(r, 2) ? EXPRESSION_IS_NULL : EXPRESSION_IS_NOT_NULL, random_field(r, fields, 0), NULL,
				      0);
	case 1:
		return random_constant(r);
	case 2:
		e = random_field(r, fields, 0);
		if (e->value_type == VALUE_BOOL)
			return e;
		expression_free(e);
		return random_equality(r, fields);
	case 3:
	case 4:
	case 5:
		return random_like(r, fields);
	case 6:
	case 7:
	case 8:
	case 9:
		return random_equality(r, fields);
	default:
		return random_comparison(r, fields);
	}
}

struct expression *random_tree(struct random *r, const struct random_fields *fields, unsigned int depth)
{
	struct expression *e = NULL;

	if (depth && random_below(r, 3)) {
		enum expression_type type = random_below(r, 2) ? EXPRESSION_AND : EXPRESSION_OR;

		e = expression_new(type, random_tree(r, fields, depth - 1), random_tree(r, fields, depth - 1), 0);
		for (uint64_t more = random_below(r, 3); more; more--)
			e = expression_new(type, e, random_tree(r, fields, depth - 1), 0);
		return e;
	}
	while (!e)
		e = random_condition(r, fields);
	return e;
}
