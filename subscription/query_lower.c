#include "subscription/query_lower.h"

#include "base/suggest.h"
#include "subscription/query_string.h"
#include "subscription/query_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_BYTES   256
#define COMBINED_MAX 64

struct lowering {
	struct query_lexer *lexer;
	const struct query_clauses *all;
	const struct clause *clause;
	size_t nodes;
};

/* What a constant stands beside: the field, if there is one, and where. */
struct beside {
	const struct catalog_field *field; /* NULL: none, or an argument of a call */
	enum value_place place;
};

static const struct beside beside_nothing = {.place = VALUE_MASK};

/* Tells a mistake about a node; there is no expression then. */
static struct expression *refuse(struct lowering *l, const struct query_node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static struct expression *refuse(struct lowering *l, const struct query_node *n, const char *format, ...)
{
	char sentence[ERROR_MESSAGE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	query_mistake_set(l->lexer, n->position, "%s", sentence);
	return NULL;
}

static struct expression *lower(struct lowering *l, const struct query_node *n);
static struct expression *lower_operand(struct lowering *l, const struct query_node *n, struct beside beside);

/* Counts what is made: a text can ask for more than a clause may have. */
static struct expression *made(struct lowering *l, const struct query_node *n, struct expression *e)
{
	if (++l->nodes <= EXPRESSION_NODES_MAX)
		return e;
	expression_free(e);
	return refuse(l, n, "the condition has more than %d parts", EXPRESSION_NODES_MAX);
}

static struct expression *make(struct lowering *l, const struct query_node *n, enum expression_type type, struct expression *left,
			       struct expression *right)
{
	return made(l, n, expression_new(type, left, right, n->position));
}

static struct expression *make_field(struct lowering *l, const struct query_node *n, const char *name)
{
	return made(l, n, expression_new_field(name, n->position));
}

static struct expression *make_integer(struct lowering *l, const struct query_node *n, uint64_t integer)
{
	return made(l, n, expression_new_integer(integer <= INT64_MAX ? VALUE_SINT64 : VALUE_UINT64, integer, n->position));
}

/* The text of a node that is one token; false: it is longer than anything that is known. */
static bool word_of(const struct lowering *l, const struct query_node *n, char to[WORD_BYTES])
{
	if (n->size >= WORD_BYTES)
		return false;
	memcpy(to, l->lexer->text + n->position, n->size);
	to[n->size] = 0;
	return true;
}

static char *string_of(struct lowering *l, const struct query_node *n, enum query_string_type type)
{
	struct error err;
	size_t offset = 0;
	char *string;

	if (!query_unquote(l->lexer->text + n->position, n->size, type, &string, &offset, &err))
		return string;
	if (err.code == -EINVAL)
		query_mistake_set(l->lexer, n->position + offset, "%s", err.message);
	return NULL;
}

/* Names. */

static bool is_name(const struct query_node *n)
{
	return n->type == NODE_NAME || n->type == NODE_QUOTED_NAME;
}

/* free() it. NULL: no memory, or a mistake. */
static char *name_of(struct lowering *l, const struct query_node *n)
{
	if (n->type == NODE_QUOTED_NAME)
		return string_of(l, n, QUERY_NAME);
	return strndup(l->lexer->text + n->position, n->size);
}

static bool has_argument(const struct clause *c, const char *name)
{
	for (size_t i = 0; c->request && i < c->request->parameter_count; i++)
		if (!strcmp(c->request->parameters[i].name, name))
			return true;
	return false;
}

static bool has_field(const struct clause *c, const char *name)
{
	return has_argument(c, name) || catalog_field(c->kind, name);
}

/* Whether it is one, and of the catalog which: *ret_field stays NULL for an argument. */
static bool find_field(struct lowering *l, const struct query_node *n, const struct catalog_field **ret_field)
{
	char *name = is_name(n) ? name_of(l, n) : NULL;
	bool found = name && has_field(l->clause, name);

	*ret_field = found && !has_argument(l->clause, name) ? catalog_field(l->clause->kind, name) : NULL;
	free(name);
	return found;
}

/* "address", where the kind has addresses and no field of its own with this name. */
static bool is_address(struct lowering *l, const struct query_node *n)
{
	const struct catalog_field *field;

	return n->type == NODE_NAME && n->size == 7 && !strncmp(l->lexer->text + n->position, "address", 7) && !find_field(l, n, &field) &&
	       catalog_field(l->clause->kind, "ipv4_address");
}

/* The field of the catalog that the values beside an operand are values of. */
static const struct catalog_field *subject_of(struct lowering *l, const struct query_node *n)
{
	const struct catalog_field *field = NULL;

	if (n->type == NODE_MASK) {
		field = subject_of(l, n->first);
		return field ? field : subject_of(l, n->last);
	}
	find_field(l, n, &field);
	return field;
}

static void offer_fields(struct suggestion *s, const struct catalog_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		suggestion_offer(s, fields[i].name);
		if (fields[i].alias)
			suggestion_offer(s, fields[i].alias);
	}
}

static const char *nearest_field(const struct clause *c, const char *name)
{
	const struct catalog_entry *entry = catalog_entry(c->kind);
	struct suggestion s;
	size_t common_count;
	const struct catalog_field *common = catalog_common_fields(&common_count);

	suggestion_init(&s, name);
	for (size_t i = 0; c->request && i < c->request->parameter_count; i++)
		suggestion_offer(&s, c->request->parameters[i].name);
	offer_fields(&s, entry->fields, entry->field_count);
	if (entry->observed)
		offer_fields(&s, common, common_count);
	if (catalog_field(c->kind, "ipv4_address"))
		suggestion_offer(&s, "address");
	return suggestion_best(&s);
}

static size_t put_kind(char *to, size_t size, enum event_kind kind)
{
	const struct catalog_entry *entry = catalog_entry(kind);

	return (size_t)snprintf(to, size, "%s%s%s", entry->family, *entry->type ? ":" : "", entry->type);
}

/* The kinds of the word that have the field, which the current one lacks; false: none has. */
static bool list_kinds_with(const struct lowering *l, const char *name, char *to, size_t size)
{
	size_t length = 0;
	uint64_t listed = 0;

	for (size_t i = 0; i < l->all->count && length < size; i++) {
		const struct clause *c = &l->all->clauses[i];

		if (!has_field(c, name) || listed & EVENT_KIND_BIT(c->kind))
			continue;
		if (listed)
			length += (size_t)snprintf(to + length, size - length, ", ");
		listed |= EVENT_KIND_BIT(c->kind);
		if (length < size)
			length += put_kind(to + length, size - length, c->kind);
	}
	return listed;
}

/* The sentence of the check lists the fields that there are. */
static void refuse_name(struct lowering *l, const struct query_node *n, const char *name, const struct catalog_field *beside)
{
	struct expression *e = expression_new(EXPRESSION_IS_NULL, expression_new_field(name, 0), NULL, 0);
	const char *nearest = nearest_field(l->clause, name);
	char kinds[256], kind[64];
	struct error err = {0};

	put_kind(kind, sizeof(kind), l->clause->kind);
	if (list_kinds_with(l, name, kinds, sizeof(kinds)))
		query_mistake_set(l->lexer, n->position, "%s has no field \"%.100s\"; of what is asked for here %s %s it", kind, name,
				  kinds, strchr(kinds, ',') ? "have" : "has");
	else if (beside && !nearest && catalog_field_is_string(beside))
		query_mistake_set(l->lexer, n->position, "%s has no field \"%.100s\"; a string stands between ' and '", kind, name);
	else if (beside && !nearest)
		query_mistake_set(l->lexer, n->position, "%s has no field \"%.100s\", and the values of %s have no names", kind, name,
				  beside->name);
	else if (e && expression_check(e, l->clause->kind, l->clause->request, NULL, &err))
		query_mistake_set(l->lexer, n->position, "%s%s%s%s", err.message, nearest ? "; did you mean " : "", nearest ? nearest : "",
				  nearest ? "?" : "");
	expression_free(e);
}

static struct expression *refuse_unknown_name(struct lowering *l, const struct query_node *n, struct beside beside)
{
	char *name = name_of(l, n);

	if (name)
		refuse_name(l, n, name, beside.field);
	free(name);
	return NULL;
}

/* Constants. */

static bool is_hexadecimal(const char *word)
{
	return word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
}

/* 1: an integer; 0: it has a point or an exponent; negative: refused. */
static int read_integer(struct lowering *l, const struct query_node *n, const char *word, uint64_t *ret)
{
	int base = is_hexadecimal(word) ? 16 : *word == '0' ? 8 : 10;
	char *end;

	if (base != 16 && strpbrk(word, ".eE"))
		return 0;
	errno = 0;
	*ret = strtoull(word, &end, base);
	if (errno)
		return query_mistake_set(l->lexer, n->position, "%s does not fit into 64 bits", word);
	if (!*end && end > word && !(base == 16 && end < word + 3))
		return 1;
	return query_mistake_set(l->lexer, n->position,
				 base == 8 && isdigit((unsigned char)*end) ? "%s is no number: with a 0 in front it is octal"
									   : "%s is no number",
				 word);
}

/* Of a NODE_NUMBER. Returns like read_integer(). */
static int integer_of(struct lowering *l, const struct query_node *n, uint64_t *ret, bool *ret_hexadecimal)
{
	char word[WORD_BYTES];

	if (!word_of(l, n, word))
		return query_mistake_set(l->lexer, n->position, "a number of %u characters", n->size);
	*ret_hexadecimal = is_hexadecimal(word);
	return read_integer(l, n, word, ret);
}

static struct expression *lower_double(struct lowering *l, const struct query_node *n, bool negative)
{
	char word[WORD_BYTES], *end;
	double number;

	word_of(l, n, word);
	number = strtod(word, &end);
	if (*end)
		return refuse(l, n, "%s is no number", word);
	if (!isfinite(number))
		return refuse(l, n, "%s is beyond the largest number", word);
	return made(l, n, expression_new_double(negative ? -number : number, n->position));
}

/* Ports are converted; the hexadecimal ones are what the field has. */
static struct expression *lower_port(struct lowering *l, const struct query_node *n, uint64_t port, enum value_place place)
{
	if (place == VALUE_MASK && port)
		return refuse(
			l, n,
			"under a mask a port is what the field holds, its bytes swapped: write it in hexadecimal, or compare port_number");
	if (port > UINT16_MAX)
		return refuse(l, n,
			      "%llu is no port: they go from 0 to 65535 (a hexadecimal number is what the field holds, its bytes swapped)",
			      (unsigned long long)port);
	return make_integer(l, n, value_of_port((uint16_t)port));
}

static struct expression *lower_number(struct lowering *l, const struct query_node *n, struct beside beside)
{
	bool hexadecimal = false;
	uint64_t integer = 0;
	int r = integer_of(l, n, &integer, &hexadecimal);

	if (r < 0)
		return NULL;
	if (!r)
		return lower_double(l, n, false);
	if (beside.field && beside.field->notation == NOTATION_PORT && !hexadecimal)
		return lower_port(l, n, integer, beside.place);
	return make_integer(l, n, integer);
}

/* -EINVAL: told; the name is a value of the field. */
static int named_value(struct lowering *l, const struct query_node *n, struct beside beside, uint64_t *ret)
{
	char word[WORD_BYTES];
	struct error err;

	if (n->type != NODE_NAME || !value_has_names(beside.field) || !word_of(l, n, word)) {
		refuse_unknown_name(l, n, beside);
		return -EINVAL;
	}
	if (value_find(beside.field, word, ret, &err))
		return query_mistake_set(l->lexer, n->position, "%s", err.message);
	return 0;
}

static struct expression *lower_minus(struct lowering *l, const struct query_node *n, struct beside beside)
{
	const struct query_node *of = n->first;
	bool hexadecimal;
	uint64_t integer = 0;
	int r;

	if (of->type == NODE_NAME) {
		if (!beside.field || beside.field->notation != NOTATION_RESULT)
			return refuse(l, n, "a minus stands in front of numbers, and of the errors of results only");
		if (named_value(l, of, beside, &integer))
			return NULL;
	} else {
		r = integer_of(l, of, &integer, &hexadecimal);
		if (r < 0)
			return NULL;
		if (!r)
			return lower_double(l, of, true);
	}
	if (integer > UINT64_C(1) << 63)
		return refuse(l, n, "-%llu does not fit into 64 bits", (unsigned long long)integer);
	return made(l, n, expression_new_integer(VALUE_SINT64, -integer, n->position));
}

static struct expression *lower_constant_name(struct lowering *l, const struct query_node *n, struct beside beside)
{
	uint64_t value = 0;

	if (named_value(l, n, beside, &value))
		return NULL;
	if (beside.field->notation == NOTATION_RESULT)
		return refuse(l, n, "the errors of results are negative: write -%.*s", (int)n->size, l->lexer->text + n->position);
	return make_integer(l, n, value);
}

/* O_CREAT|O_EXCL|0x8000 */
static struct expression *lower_combine(struct lowering *l, const struct query_node *n, struct beside beside)
{
	uint64_t all = 0;
	size_t count = 0;

	for (const struct query_node *part = n->first; part; part = part->next) {
		const struct catalog_field *field;
		bool hexadecimal;
		uint64_t bits = 0;
		int r;

		if (part->type == NODE_NUMBER)
			r = integer_of(l, part, &bits, &hexadecimal) == 1 ? 0 : -EINVAL;
		else if (is_name(part) && !find_field(l, part, &field))
			r = named_value(l, part, beside, &bits);
		else
			r = -EINVAL;
		if (r)
			return refuse(l, part, "| combines names of flags and whole numbers only");
		if (++count > COMBINED_MAX)
			return refuse(l, part, "| combines more than %d flags", COMBINED_MAX);
		all |= bits;
	}
	return make_integer(l, n, all);
}

static struct expression *lower_time(struct lowering *l, const struct query_node *n)
{
	char *text = string_of(l, n, QUERY_STRING);
	struct expression_timestamp time;
	bool valid = text && value_parse_time(text, &time);

	if (text && !valid)
		refuse(l, n,
		       "\"%.64s\" is no time: write it like 2026-11-25T10:00:00Z, 2026-11-25T11:00:00.123456789+01:00, or @SECONDS since "
		       "1970",
		       text);
	free(text);
	return valid ? made(l, n, expression_new_timestamp(time, n->position)) : NULL;
}

static struct expression *lower_string(struct lowering *l, const struct query_node *n, enum query_string_type type)
{
	char *string = string_of(l, n, type);
	struct expression *e = string ? expression_new_string(string, n->position) : NULL;

	free(string);
	return made(l, n, e);
}

/* Addresses. */

struct address {
	bool is_ipv4;
	uint32_t ipv4, ipv4_mask;
	uint64_t ipv6[2], ipv6_mask[2];
	bool is_network; /* it has a length */
	unsigned int length;
};

static void set_masks(struct address *a)
{
	uint64_t high = a->length >= 64 ? UINT64_MAX : a->length ? UINT64_MAX << (64 - a->length) : 0;
	uint64_t low = a->length > 64 ? UINT64_MAX << (128 - a->length) : 0;

	if (a->is_ipv4)
		a->ipv4_mask = __builtin_bswap32(a->length ? ~UINT32_C(0) << (32 - a->length) : 0);
	a->ipv6_mask[0] = __builtin_bswap64(high);
	a->ipv6_mask[1] = __builtin_bswap64(low);
}

static bool read_length(struct address *a, const char *text)
{
	unsigned long most = a->is_ipv4 ? 32 : 128;
	char *end;

	a->length = (unsigned int)most;
	if (!text)
		return true;
	a->is_network = true;
	if (!isdigit((unsigned char)*text) || strlen(text) > 3)
		return false;
	a->length = (unsigned int)strtoul(text, &end, 10);
	return !*end && a->length <= most;
}

static int refuse_bits(struct lowering *l, const struct query_node *n, const struct address *a, const char *word)
{
	struct buffer network;

	buffer_init(&network, 0);
	if (a->is_ipv4) {
		value_put_ipv4_network(a->ipv4 & a->ipv4_mask, a->ipv4_mask, &network);
	} else {
		uint64_t address[2] = {a->ipv6[0] & a->ipv6_mask[0], a->ipv6[1] & a->ipv6_mask[1]};

		value_put_ipv6_network(address, a->ipv6_mask, &network);
	}
	query_mistake_set(l->lexer, n->position, "%s has bits behind the first %u; did you mean %.*s?", word, a->length,
			  (int)network.length, (const char *)network.data);
	buffer_done(&network);
	return -EINVAL;
}

/* Of a NODE_ADDRESS. */
static int read_address(struct lowering *l, const struct query_node *n, struct address *ret)
{
	char word[WORD_BYTES], whole[WORD_BYTES];
	uint64_t words[2];
	uint8_t bytes[4];
	char *length;

	*ret = (struct address){0};
	if (!word_of(l, n, word))
		return query_mistake_set(l->lexer, n->position, "an address of %u characters", n->size);
	memcpy(whole, word, n->size + 1);
	length = strchr(word, '/');
	if (length)
		*length++ = 0;
	ret->is_ipv4 = inet_pton(AF_INET, word, bytes) == 1;
	if (!ret->is_ipv4 && inet_pton(AF_INET6, word, words) != 1)
		return query_mistake_set(l->lexer, n->position, "\"%.64s\" is no address", word);
	if (!read_length(ret, length))
		return query_mistake_set(l->lexer, n->position, "%.64s has no length from 0 to %d behind the /", whole,
					 ret->is_ipv4 ? 32 : 128);
	set_masks(ret);
	if (ret->is_ipv4) {
		ret->ipv4 = value_of_ipv4(bytes);
		return ret->ipv4 & ~ret->ipv4_mask ? refuse_bits(l, n, ret, whole) : 0;
	}
	ret->ipv6[0] = le64toh(words[0]);
	ret->ipv6[1] = le64toh(words[1]);
	return ret->ipv6[0] & ~ret->ipv6_mask[0] || ret->ipv6[1] & ~ret->ipv6_mask[1] ? refuse_bits(l, n, ret, whole) : 0;
}

static struct expression *lower_ipv4(struct lowering *l, const struct query_node *n, struct beside beside)
{
	struct address a;

	if (!beside.field || beside.field->notation != NOTATION_IPV4)
		return refuse(l, n, "an address can only be compared with address and ipv4_address");
	if (beside.place == VALUE_ORDER)
		return refuse(l, n, "addresses have no order; ask for a network, like ipv4_address in 10.0.0.0/8");
	if (read_address(l, n, &a))
		return NULL;
	if (!a.is_ipv4)
		return refuse(l, n, "ipv4_address is no IPv6 address; address can be either");
	if (a.is_network)
		return refuse(l, n, "with a network it is written: in, like ipv4_address in 10.0.0.0/8");
	return make_integer(l, n, a.ipv4);
}

/* FIELD = VALUE under the mask, or != it. */
static struct expression *compare_masked(struct lowering *l, const struct query_node *n, const char *field, uint64_t mask, uint64_t whole,
					 uint64_t value, enum expression_type op)
{
	struct expression *left = make_field(l, n, field);

	if (mask != whole)
		left = make(l, n, EXPRESSION_BITWISE_AND, left, make_integer(l, n, mask));
	return make(l, n, op, left, make_integer(l, n, value));
}

static struct expression *compare_address(struct lowering *l, const struct query_node *n, const struct address *a, enum expression_type op)
{
	struct expression *high, *low;

	if (a->is_ipv4)
		return compare_masked(l, n, "ipv4_address", a->ipv4_mask, UINT32_MAX, a->ipv4, op);
	high = compare_masked(l, n, "ipv6_high", a->ipv6_mask[0], UINT64_MAX, a->ipv6[0], op);
	if (a->length <= 64)
		return high;
	low = compare_masked(l, n, "ipv6_low", a->ipv6_mask[1], UINT64_MAX, a->ipv6[1], op);
	return make(l, n, op == EXPRESSION_EQ ? EXPRESSION_AND : EXPRESSION_OR, high, low);
}

/* "address = VALUE" and "address != VALUE". */
static struct expression *lower_address(struct lowering *l, const struct query_node *at, const struct query_node *value,
					enum expression_type op)
{
	struct address a;

	if (op != EXPRESSION_EQ && op != EXPRESSION_NE)
		return refuse(l, at, "addresses have no order; ask for a network, like address in 10.0.0.0/8");
	if (value->type == NODE_STRING)
		return make(l, at, op, make_field(l, at, "local_address"), lower_string(l, value, QUERY_STRING));
	if (value->type != NODE_ADDRESS)
		return refuse(l, value,
			      "address is compared with an address, like 10.1.2.3 or fe80::1, or with a string, the path of a socket");
	if (read_address(l, value, &a))
		return NULL;
	if (a.is_network)
		return refuse(l, value, "with a network it is written: in, like address in 10.0.0.0/8");
	return compare_address(l, at, &a, op);
}

/* There is none at all, or one of any family. */
static struct expression *lower_address_null(struct lowering *l, const struct query_node *n)
{
	static const char *const fields[] = {"ipv4_address", "ipv6_high", "local_address"};
	struct expression *all = make(l, n, n->op, make_field(l, n, fields[0]), NULL);

	for (size_t i = 1; i < sizeof(fields) / sizeof(fields[0]); i++)
		all = make(l, n, n->op == EXPRESSION_IS_NULL ? EXPRESSION_AND : EXPRESSION_OR, all,
			   make(l, n, n->op, make_field(l, n, fields[i]), NULL));
	return all;
}

/* Conditions. */

static struct expression *lower_operand(struct lowering *l, const struct query_node *n, struct beside beside)
{
	const struct catalog_field *field;
	struct beside right = {.place = VALUE_MASK}, left = {.place = VALUE_MASK};
	char *name;
	struct expression *e;

	switch (n->type) {
	case NODE_NAME:
	case NODE_QUOTED_NAME:
		if (is_address(l, n))
			return refuse(
				l, n,
				"address is compared with an address, like 10.1.2.3 or fe80::1, or with a string, the path of a socket");
		if (!find_field(l, n, &field))
			return lower_constant_name(l, n, beside);
		name = name_of(l, n);
		e = name ? make_field(l, n, name) : NULL;
		free(name);
		return e;
	case NODE_NUMBER:
		return lower_number(l, n, beside);
	case NODE_STRING:
		return lower_string(l, n, QUERY_STRING);
	case NODE_ADDRESS:
		return lower_ipv4(l, n, beside);
	case NODE_BOOL:
		return made(l, n, expression_new_bool(n->op == EXPRESSION_NE, n->position));
	case NODE_TIMESTAMP:
		return lower_time(l, n);
	case NODE_MINUS:
		return lower_minus(l, n, beside);
	case NODE_COMBINE:
		return lower_combine(l, n, beside);
	case NODE_MASK:
		left.field = subject_of(l, n->last);
		right.field = subject_of(l, n->first);
		left.field = left.field ? left.field : beside.field;
		right.field = right.field ? right.field : beside.field;
		e = lower_operand(l, n->first, left);
		return make(l, n, EXPRESSION_BITWISE_AND, e, e ? lower_operand(l, n->last, right) : NULL);
	default:
		return lower(l, n);
	}
}

static bool is_decimal(const struct lowering *l, const struct query_node *n)
{
	return n->type == NODE_NUMBER && strncasecmp(l->lexer->text + n->position, "0x", 2) != 0;
}

/* What stands beside the other side. */
static struct beside beside_side(struct lowering *l, const struct query_node *side, bool is_order)
{
	struct beside beside = {.field = subject_of(l, side), .place = VALUE_MASK};

	if (is_name(side))
		beside.place = is_order ? VALUE_ORDER : VALUE_EQUAL;
	return beside;
}

/* A port compared by its size with a plain number: the catalog has another field for that, which needs no conversion. */
static struct expression *lower_port_order(struct lowering *l, const struct query_node *n)
{
	struct expression *sides[2];
	const struct query_node *of[] = {n->first, n->last};

	for (int i = 0; i < 2; i++)
		sides[i] = is_name(of[i]) ? make_field(l, of[i], "port_number") : lower_number(l, of[i], beside_nothing);
	return make(l, n, n->op, sides[0], sides[1]);
}

static struct expression *lower_comparison(struct lowering *l, const struct query_node *n)
{
	bool is_order = n->op != EXPRESSION_EQ && n->op != EXPRESSION_NE;
	const struct query_node *left = n->first, *right = n->last;
	struct beside of_left = beside_side(l, left, is_order), of_right = beside_side(l, right, is_order);
	struct expression *e;

	if (is_address(l, left))
		return lower_address(l, left, right, n->op);
	if (is_address(l, right))
		return lower_address(l, right, left, n->op);
	if ((of_left.field && of_left.field->notation == NOTATION_PORT && of_left.place == VALUE_ORDER && is_decimal(l, right)) ||
	    (of_right.field && of_right.field->notation == NOTATION_PORT && of_right.place == VALUE_ORDER && is_decimal(l, left)))
		return lower_port_order(l, n);
	e = lower_operand(l, left, of_right);
	return make(l, n, n->op, e, e ? lower_operand(l, right, of_left) : NULL);
}

static struct expression *lower_like(struct lowering *l, const struct query_node *n)
{
	struct expression *field =
		is_address(l, n->first) ? make_field(l, n->first, "local_address") : lower_operand(l, n->first, beside_nothing);

	return make(l, n, EXPRESSION_LIKE, field, field ? lower_string(l, n->last, QUERY_PATTERN) : NULL);
}

static struct expression *lower_null(struct lowering *l, const struct query_node *n)
{
	if (is_address(l, n->first))
		return lower_address_null(l, n);
	return make(l, n, n->op, lower_operand(l, n->first, beside_nothing), NULL);
}

/* One of a list, or a network. */
static struct expression *lower_member(struct lowering *l, const struct query_node *of, const struct query_node *member)
{
	struct beside beside = beside_side(l, of, false);
	struct expression *field;
	struct address a;

	if (member->type == NODE_ADDRESS && (is_address(l, of) || (beside.field && beside.field->notation == NOTATION_IPV4))) {
		if (read_address(l, member, &a))
			return NULL;
		if (!a.is_ipv4 && beside.field)
			return refuse(l, member, "ipv4_address is no IPv6 address; address can be either");
		return compare_address(l, of, &a, EXPRESSION_EQ);
	}
	if (is_address(l, of))
		return lower_address(l, of, member, EXPRESSION_EQ);
	field = lower_operand(l, of, beside_nothing);
	return make(l, of, EXPRESSION_EQ, field, field ? lower_operand(l, member, beside) : NULL);
}

static struct expression *lower_in(struct lowering *l, const struct query_node *n)
{
	struct expression *any;

	if (!is_name(n->first))
		return refuse(l, n, "in needs a field on its left");
	any = lower_member(l, n->first, n->first->next);
	for (const struct query_node *member = n->first->next->next; any && member; member = member->next)
		any = make(l, n, EXPRESSION_OR, any, lower_member(l, n->first, member));
	return any;
}

static struct expression *lower_chain(struct lowering *l, const struct query_node *n)
{
	struct expression *all = lower(l, n->first);

	for (const struct query_node *operand = n->first->next; all && operand; operand = operand->next)
		all = make(l, n, n->op, all, lower(l, operand));
	return all;
}

/* Bits alone: any of them, as on the wire. */
static struct expression *lower_bits(struct lowering *l, const struct query_node *n)
{
	struct expression *e = lower_operand(l, n, beside_nothing);

	return e && e->type == EXPRESSION_BITWISE_AND ? make(l, n, EXPRESSION_NE, e, make_integer(l, n, 0)) : e;
}

static struct expression *lower(struct lowering *l, const struct query_node *n)
{
	if (n->type == NODE_IN)
		return lower_in(l, n);
	if (n->type != NODE_CONDITION)
		return lower_bits(l, n);
	switch (n->op) {
	case EXPRESSION_AND:
	case EXPRESSION_OR:
		return lower_chain(l, n);
	case EXPRESSION_LIKE:
		return lower_like(l, n);
	case EXPRESSION_IS_NULL:
	case EXPRESSION_IS_NOT_NULL:
		return lower_null(l, n);
	default:
		return lower_comparison(l, n);
	}
}

int query_lower_one(const struct query_tree *tree, struct query_lexer *lexer, const struct query_clauses *clauses, size_t index,
		    struct expression **ret)
{
	struct lowering l = {.lexer = lexer, .all = clauses, .clause = &clauses->clauses[index]};

	*ret = lower(&l, tree->root);
	if (*ret)
		return 0;
	return lexer->failed ? -EINVAL : -ENOMEM;
}

int query_lower(const struct query_tree *tree, struct query_lexer *lexer, const struct query_clauses *clauses)
{
	for (size_t i = 0; i < clauses->count; i++) {
		uint32_t position = tree->root->position;
		struct expression *e;
		struct error err;
		int r = query_lower_one(tree, lexer, clauses, i, &e);

		if (r)
			return r;
		r = clause_add_expression(&clauses->clauses[i], e, &position, &err);
		if (r)
			return r == -EINVAL ? query_mistake_set(lexer, position, "%s", err.message) : r;
	}
	return 0;
}
