#include "subscription/push_down.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A piece of a filter. */
struct term {
	char *text;
	size_t predicates;
	uint64_t fields; /* the catalog's fields that are used */
	bool is_joined;  /* of several, by one of && and || */
};

struct terms {
	struct term *items;
	size_t count;
	size_t capacity;
	bool everything; /* there can be no filter: nothing is known of a clause, or memory is short */
};

/* For whom: a kind, and those of its fields that may be used. */
struct pusher {
	const struct catalog_entry *entry;
	uint64_t fields;
};

static bool push(const struct pusher *p, const struct expression *e, struct term *ret);

static void terms_done(struct terms *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->items[i].text);
	free(t->items);
	*t = (struct terms){.everything = true};
}

static bool terms_grow(struct terms *t)
{
	size_t capacity = t->capacity ? t->capacity * 2 : 16;
	struct term *items = reallocarray(t->items, capacity, sizeof(*items));

	if (!items)
		return false;
	t->items = items;
	t->capacity = capacity;
	return true;
}

/* Takes over the term. */
static void terms_add(struct terms *t, struct term term)
{
	if (t->count == t->capacity && !terms_grow(t)) {
		free(term.text);
		terms_done(t);
		return;
	}
	t->items[t->count++] = term;
}

static int compare_terms(const void *a, const void *b)
{
	return strcmp(((const struct term *)a)->text, ((const struct term *)b)->text);
}

/* Sorts, and drops what is there twice. */
static void unify(struct terms *t)
{
	size_t kept = 0;

	if (t->count)
		qsort(t->items, t->count, sizeof(*t->items), compare_terms);
	for (size_t i = 0; i < t->count; i++) {
		if (kept && !strcmp(t->items[kept - 1].text, t->items[i].text))
			free(t->items[i].text);
		else
			t->items[kept++] = t->items[i];
	}
	t->count = kept;
}

/* The terms as one, "a == 1 && (b == 2 || c == 3)". False: out of memory. */
static bool join(struct terms *t, const char *sign, struct term *ret)
{
	struct buffer text;

	unify(t);
	*ret = (struct term){.is_joined = t->count > 1};
	buffer_init(&text, 0);
	for (size_t i = 0; i < t->count; i++) {
		const struct term *item = &t->items[i];

		buffer_printf(&text, item->is_joined ? "%s(%s)" : "%s%s", i ? sign : "", item->text);
		ret->predicates += item->predicates;
		ret->fields |= item->fields;
	}
	ret->text = (char *)buffer_take(&text, NULL);
	return ret->text;
}

/* Whether the kernel's filter parser takes the text between double quotes as it stands. */
static bool text_is_plain(const char *text, size_t length)
{
	if (!length || length > PUSH_DOWN_STRING_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] > 0x7e || strchr("\"\\*?[", text[i]))
			return false;
	return true;
}

/* What a pattern begins (or ends) with: `*` and `?` end it. */
static size_t plain_prefix(const char *pattern, size_t length)
{
	size_t prefix = 0;

	while (prefix < length && pattern[prefix] != '*' && pattern[prefix] != '?')
		prefix++;
	return prefix;
}

static size_t plain_suffix(const char *pattern, size_t length)
{
	size_t suffix = 0;

	while (suffix < length && pattern[length - suffix - 1] != '*' && pattern[length - suffix - 1] != '?')
		suffix++;
	return suffix;
}

/* Older kernels know `*` at the two ends only: of what they do not know, what the name begins or ends with. */
static bool push_pattern(const char *name, const char *text, struct buffer *out)
{
	size_t length = strlen(text);
	bool leading = false, trailing = false;

	for (; length && *text == '*'; text++, length--)
		leading = true;
	for (; length && text[length - 1] == '*'; length--)
		trailing = true;
	if (plain_prefix(text, length) < length) {
		size_t prefix = leading ? 0 : plain_prefix(text, length);
		size_t suffix = trailing ? 0 : plain_suffix(text, length);

		leading = !prefix;
		trailing = prefix;
		text += prefix ? 0 : length - suffix;
		length = prefix ? prefix : suffix;
	}
	if (!text_is_plain(text, length))
		return false;
	if (!leading && !trailing) {
		buffer_printf(out, "%s == \"%.*s\"", name, (int)length, text);
		return true;
	}
	/* A pattern that starts with `!` is negated by the kernel, one that starts with a digit is taken for an index. */
	if (!leading && (*text == '!' || isdigit((unsigned char)*text)))
		return false;
	buffer_printf(out, "%s ~ \"%s%.*s%s\"", name, leading ? "*" : "", (int)length, text, trailing ? "*" : "");
	return true;
}

static bool push_string(const struct expression *e, const char *name, const char *text, struct buffer *out)
{
	if (e->type == EXPRESSION_LIKE)
		return push_pattern(name, text, out);
	if (!text_is_plain(text, strlen(text)))
		return false;
	buffer_printf(out, "%s %s \"%s\"", name, e->type == EXPRESSION_EQ ? "==" : "!=", text);
	return true;
}

static const char *sign_of(enum expression_type type, bool mirrored)
{
	switch (type) {
	case EXPRESSION_EQ:
		return "==";
	case EXPRESSION_NE:
		return "!=";
	case EXPRESSION_LT:
		return mirrored ? ">" : "<";
	case EXPRESSION_LE:
		return mirrored ? ">=" : "<=";
	case EXPRESSION_GT:
		return mirrored ? "<" : ">";
	default:
		return mirrored ? "<=" : ">=";
	}
}

/* The kernel has such a field with 64 bits, of which the event has the lower 32: only those bits can be asked for. */
static bool is_narrow(const struct catalog_field *field)
{
	return field->type == FIELD_SINT32 || field->type == FIELD_UINT32;
}

static bool push_bits(const struct catalog_field *field, uint64_t bits, struct buffer *out)
{
	if (is_narrow(field))
		bits = (uint32_t)bits;
	if (!bits)
		return false;
	/* Of signed fields it reads signed numbers only. */
	buffer_printf(out, bits > INT64_MAX && field->type == FIELD_SINT64 ? "%s & %" PRId64 : "%s & 0x%" PRIx64, field->kernel_name, bits);
	return true;
}

/* `field OP value`, `field & mask OP value`. */
static bool push_integer(const struct expression *e, const struct catalog_field *field, const uint64_t *mask, uint64_t value, bool mirrored,
			 struct buffer *out)
{
	bool is_signed = field->type == FIELD_SINT32 || field->type == FIELD_SINT64;

	/* Some bit of the mask; or some bit of the value, which it then has. */
	if (mask && e->type == EXPRESSION_NE && !value)
		return push_bits(field, *mask, out);
	if (e->type == EXPRESSION_EQ && (mask || is_narrow(field)))
		return push_bits(field, value, out);
	if (mask || is_narrow(field) || field->type == FIELD_PORT)
		return false;
	buffer_printf(out, is_signed ? "%s %s %" PRId64 : "%s %s %" PRIu64, field->kernel_name, sign_of(e->type, mirrored), value);
	return true;
}

/* The field that is compared with a value, *ret_mask of it, and the value. False: it is another comparison. */
static bool take_apart(const struct expression *e, const struct expression **ret_field, const uint64_t **ret_mask,
		       const struct expression **ret_value, bool *ret_mirrored)
{
	const struct expression *left = e->first, *right = left->next;

	*ret_mirrored = left->type == EXPRESSION_VALUE;
	*ret_value = *ret_mirrored ? left : right;
	*ret_field = *ret_mirrored ? right : left;
	*ret_mask = NULL;
	if ((*ret_field)->type == EXPRESSION_BITWISE_AND) {
		left = (*ret_field)->first;
		right = left->next;
		*ret_field = left->type == EXPRESSION_VALUE ? right : left;
		*ret_mask = left->type == EXPRESSION_VALUE ? &left->integer : &right->integer;
		if ((left->type == EXPRESSION_VALUE) == (right->type == EXPRESSION_VALUE))
			return false;
	}
	return (*ret_field)->type == EXPRESSION_FIELD && (*ret_value)->type == EXPRESSION_VALUE && (*ret_field)->field &&
	       (*ret_field)->field->kernel_name;
}

static uint64_t field_bit(const struct catalog_entry *entry, const struct catalog_field *field)
{
	size_t index = (size_t)(field - entry->fields);

	return index < 64 ? UINT64_C(1) << index : 0;
}

static bool push_comparison(const struct pusher *p, const struct expression *e, struct term *ret)
{
	const struct expression *field, *value;
	const uint64_t *mask;
	struct buffer text;
	uint64_t bit;
	bool mirrored;
	bool pushed;

	if (!take_apart(e, &field, &mask, &value, &mirrored))
		return false;
	bit = field_bit(p->entry, field->field);
	if (bit & ~p->fields)
		return false;
	buffer_init(&text, 0);
	pushed = value->value_type == VALUE_STRING ? push_string(e, field->field->kernel_name, value->string, &text)
		 : value->value_type == VALUE_BOOL ? false
						   : push_integer(e, field->field, mask, value->integer, mirrored, &text);
	*ret = (struct term){.predicates = 1};
	if (pushed) {
		ret->text = (char *)buffer_take(&text, NULL);
		ret->fields = bit;
	}
	buffer_done(&text);
	return ret->text;
}

/* Of an AND what can be said; an OR only as a whole. */
static bool push_operands(const struct pusher *p, const struct expression *e, struct term *ret)
{
	bool all = e->type == EXPRESSION_AND;
	struct terms terms = {0};
	bool pushed = false;

	for (const struct expression *operand = e->first; operand && !terms.everything; operand = operand->next) {
		struct term term;

		if (push(p, operand, &term))
			terms_add(&terms, term);
		else if (!all)
			terms_done(&terms);
	}
	if (terms.count)
		pushed = join(&terms, all ? " && " : " || ", ret);
	terms_done(&terms);
	return pushed;
}

/* The strongest filter that the kernel decides as user space does and that lets everything through that `e` is true for. False: none. */
static bool push(const struct pusher *p, const struct expression *e, struct term *ret)
{
	if (e->type == EXPRESSION_AND || e->type == EXPRESSION_OR)
		return push_operands(p, e, ret);
	if (expression_is_comparison(e->type) || e->type == EXPRESSION_LIKE)
		return push_comparison(p, e, ret);
	return false;
}

/* The same with one comparison only, the first: what is left of a clause when all of them together are too much. */
static bool push_one(const struct pusher *p, const struct expression *e, struct term *ret)
{
	struct term best = {0};

	if (e->type != EXPRESSION_AND)
		return push(p, e, ret);
	for (const struct expression *operand = e->first; operand; operand = operand->next) {
		struct term term;

		if (!push(p, operand, &term))
			continue;
		if (best.text &&
		    (best.predicates < term.predicates || (best.predicates == term.predicates && compare_terms(&best, &term) <= 0))) {
			free(term.text);
			continue;
		}
		free(best.text);
		best = term;
	}
	*ret = best;
	return best.text;
}

typedef bool (*push_fn)(const struct pusher *p, const struct expression *e, struct term *ret);

/* Adds "(...)" for a clause. */
static void add_clause(struct terms *t, const struct clause *c, const struct pusher *p, push_fn fn)
{
	struct term inner, term;
	struct buffer text;

	if (!c->filter || !fn(p, c->filter, &inner)) {
		terms_done(t);
		return;
	}
	term = inner;
	buffer_init(&text, 0);
	buffer_printf(&text, "(%s)", inner.text);
	free(inner.text);
	term.is_joined = false;
	term.text = (char *)buffer_take(&text, NULL);
	if (term.text)
		terms_add(t, term);
	else
		terms_done(t);
}

struct clauses {
	const struct clause *const *items;
	size_t count;
};

/* The filter for all clauses of a kind; text NULL: everything, or too much. */
static struct plan_filter make_with(const struct clauses *clauses, const struct pusher *p, push_fn fn)
{
	struct terms terms = {0};
	struct term all = {0};

	for (size_t i = 0; i < clauses->count && !terms.everything; i++)
		if (clauses->items[i]->kind == p->entry->kind)
			add_clause(&terms, clauses->items[i], p, fn);
	if (terms.count)
		join(&terms, " || ", &all);
	terms_done(&terms);
	if (all.text && (all.predicates > PUSH_DOWN_PREDICATES || strlen(all.text) > PUSH_DOWN_FILTER_BYTES)) {
		free(all.text);
		all = (struct term){0};
	}
	return (struct plan_filter){.text = all.text, .fields = all.fields};
}

static struct plan_filter make_filter(const struct clauses *clauses, enum event_kind kind, uint64_t fields)
{
	const struct pusher p = {.entry = catalog_entry(kind), .fields = fields};
	struct plan_filter filter = make_with(clauses, &p, push);

	return filter.text ? filter : make_with(clauses, &p, push_one);
}

/* Without one of the fields, and with only one of them. */
static void make_weaker(const struct clauses *clauses, enum event_kind kind, struct plan_entry *entry)
{
	uint64_t all = entry->filter_fields;
	bool several = __builtin_popcountll(all) > 2;

	for (int only = several ? 0 : 1; only <= 1; only++) {
		for (uint64_t left = all & (all - 1) ? all : 0; left && entry->weaker_count < PLAN_WEAKER_MAX; left &= left - 1) {
			uint64_t field = left & -left;
			struct plan_filter filter = make_filter(clauses, kind, only ? field : all & ~field);

			if (filter.text)
				entry->weaker[entry->weaker_count++] = filter;
		}
	}
}

void push_down_plan(const struct clause *const *clauses, size_t count, struct plan *ret)
{
	const struct clauses all = {.items = clauses, .count = count};

	*ret = (struct plan){0};
	for (size_t i = 0; i < count; i++) {
		enum event_kind kind = clauses[i]->kind;

		if (kind < EVENT_KIND_COUNT && catalog_entry(kind)->observed && !clauses[i]->request)
			ret->kinds[kind].wanted = true;
		if (event_kind_is_of_container(kind) && clauses[i]->detail == DETAIL_FULL)
			ret->container_json = true;
	}
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		struct plan_entry *entry = &ret->kinds[kind];
		struct plan_filter filter;

		if (!entry->wanted)
			continue;
		filter = make_filter(&all, kind, UINT64_MAX);
		entry->filter = filter.text;
		entry->filter_fields = filter.fields;
		make_weaker(&all, kind, entry);
	}
}
