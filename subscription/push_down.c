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
};

/* What is known of one kind's filter while it grows: its terms, one for each clause. */
struct filter {
	struct term *terms;
	size_t count;
	size_t capacity;
	bool everything; /* there can be no filter */
};

static int compare_terms(const void *a, const void *b)
{
	return strcmp(((const struct term *)a)->text, ((const struct term *)b)->text);
}

/* Sorts, and drops what is there twice. */
static size_t unify(struct term *terms, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(terms, count, sizeof(*terms), compare_terms);
	for (size_t i = 0; i < count; i++) {
		if (kept && !strcmp(terms[kept - 1].text, terms[i].text))
			free(terms[i].text);
		else
			terms[kept++] = terms[i];
	}
	return kept;
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

static bool push_string(const struct predicate *p, struct buffer *out)
{
	const char *text = p->string;
	size_t length = strlen(text);
	bool leading = false, trailing = false;

	if (p->op == PREDICATE_GLOB) {
		for (; length && *text == '*'; text++, length--)
			leading = true;
		for (; length && text[length - 1] == '*'; length--)
			trailing = true;
	}
	if (!text_is_plain(text, length))
		return false;
	if (!leading && !trailing) {
		buffer_printf(out, "%s == \"%.*s\"", p->field->kernel_name, (int)length, text);
		return true;
	}
	/* A pattern that starts with `!` is negated by the kernel, one that starts with a digit is taken for an index. */
	if (!leading && (*text == '!' || isdigit((unsigned char)*text)))
		return false;
	buffer_printf(out, "%s ~ \"%s%.*s%s\"", p->field->kernel_name, leading ? "*" : "", (int)length, text, trailing ? "*" : "");
	return true;
}

/* False: it has to be left to user space. */
static bool push_predicate(const struct predicate *p, struct buffer *out)
{
	if (!p->field->kernel_name)
		return false;
	if (p->op == PREDICATE_BITS) {
		buffer_printf(out, "%s & 0x%" PRIx64, p->field->kernel_name, p->integer);
		return true;
	}
	switch (p->field->type) {
	case FIELD_STRING:
		return push_string(p, out);
	case FIELD_SINT32:
	case FIELD_SINT64:
		buffer_printf(out, "%s == %" PRId64, p->field->kernel_name, (int64_t)p->integer);
		return true;
	case FIELD_UINT32:
	case FIELD_UINT64:
	case FIELD_BOOL:
		buffer_printf(out, "%s == %" PRIu64, p->field->kernel_name, p->integer);
		return true;
	}
	return false;
}

static uint64_t field_bit(const struct clause *c, const struct predicate *p)
{
	size_t field = (size_t)(p->field - catalog_entry(c->kind)->fields);

	return field < 64 ? UINT64_C(1) << field : 0;
}

/* The parts as one term, "(a == 1 && b == 2)"; frees their texts. */
static void join_parts(struct term *parts, size_t count, struct term *ret)
{
	struct buffer text;

	buffer_init(&text, 0);
	for (size_t i = 0; i < count; i++) {
		buffer_printf(&text, "%s%s", i ? " && " : "(", parts[i].text);
		free(parts[i].text);
	}
	buffer_put_u8(&text, ')');
	ret->text = (char *)buffer_take(&text, NULL);
	ret->predicates = count;
}

/* The part of the clause that the kernel can decide. False: none, or no memory. */
static bool push_clause(const struct clause *c, struct term *ret)
{
	struct term *parts = calloc(c->predicate_count + 1, sizeof(*parts));
	size_t count = 0;

	*ret = (struct term){0};
	if (!parts)
		return false;
	for (size_t i = 0; i < c->predicate_count; i++) {
		struct buffer text;

		buffer_init(&text, 0);
		if (push_predicate(&c->predicates[i], &text))
			parts[count].text = (char *)buffer_take(&text, NULL);
		buffer_done(&text);
		if (!parts[count].text)
			continue;
		ret->fields |= field_bit(c, &c->predicates[i]);
		count++;
	}
	count = unify(parts, count);
	if (count)
		join_parts(parts, count, ret);
	free(parts);
	return ret->text;
}

static void filter_done(struct filter *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->terms[i].text);
	free(f->terms);
	*f = (struct filter){.everything = true};
}

static bool filter_grow(struct filter *f)
{
	size_t capacity = f->capacity ? f->capacity * 2 : 16;
	struct term *terms = reallocarray(f->terms, capacity, sizeof(*terms));

	if (!terms)
		return false;
	f->terms = terms;
	f->capacity = capacity;
	return true;
}

static void filter_add(struct filter *f, const struct clause *c)
{
	if (f->everything)
		return;
	if ((f->count == f->capacity && !filter_grow(f)) || !push_clause(c, &f->terms[f->count])) {
		filter_done(f);
		return;
	}
	f->count++;
}

/* The terms OR-ed; NULL: everything. *ret_fields: what they use. */
static char *filter_text(struct filter *f, uint64_t *ret_fields)
{
	struct buffer text;
	size_t predicates = 0;
	uint64_t fields = 0;

	if (f->everything || !f->count)
		return NULL;
	f->count = unify(f->terms, f->count);
	buffer_init(&text, PUSH_DOWN_FILTER_BYTES + 1); /* a NUL stands behind while it is made */
	for (size_t i = 0; i < f->count; i++) {
		predicates += f->terms[i].predicates;
		fields |= f->terms[i].fields;
		buffer_printf(&text, "%s%s", i ? " || " : "", f->terms[i].text);
	}
	if (text.failed || predicates > PUSH_DOWN_PREDICATES) {
		buffer_done(&text);
		return NULL;
	}
	*ret_fields = fields;
	return (char *)buffer_take(&text, NULL);
}

void push_down_plan(const struct clause *const *clauses, size_t count, struct plan *ret)
{
	struct filter filters[EVENT_KIND_COUNT] = {0};

	*ret = (struct plan){0};
	for (size_t i = 0; i < count; i++) {
		enum event_kind kind = clauses[i]->kind;

		if (kind >= EVENT_KIND_COUNT || !catalog_entry(kind)->from_kernel || clauses[i]->request)
			continue;
		ret->kinds[kind].wanted = true;
		filter_add(&filters[kind], clauses[i]);
	}
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		ret->kinds[kind].filter = filter_text(&filters[kind], &ret->kinds[kind].filter_fields);
		filter_done(&filters[kind]);
	}
}
