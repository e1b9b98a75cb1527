#include "subscription/matcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are tested. */
enum term_operation {
	TERM_REQUEST,
	TERM_UINT64,
	TERM_UINT32,
	TERM_SINT32,
	TERM_BOOL,
	TERM_BITS32,
	TERM_BITS64,
	TERM_STRING,
	TERM_GLOB,
};

struct matcher_term {
	enum term_operation operation;
	uint32_t offset;
	uint64_t integer;
	const void *pointer; /* the string, or the request */
	size_t length;
};

static enum term_operation term_operation(const struct predicate *p)
{
	bool bits = p->op == PREDICATE_BITS;

	switch (p->field->type) {
	case FIELD_SINT32:
		return bits ? TERM_BITS32 : TERM_SINT32;
	case FIELD_UINT32:
		return bits ? TERM_BITS32 : TERM_UINT32;
	case FIELD_BOOL:
		return TERM_BOOL;
	case FIELD_STRING:
		return p->op == PREDICATE_GLOB ? TERM_GLOB : TERM_STRING;
	case FIELD_SINT64:
	case FIELD_UINT64:
		break;
	}
	return bits ? TERM_BITS64 : TERM_UINT64;
}

static int compare_terms(const void *a, const void *b)
{
	const struct matcher_term *left = a, *right = b;

	return (left->operation > right->operation) - (left->operation < right->operation);
}

int matcher_init(struct matcher *m, const struct clause *clause)
{
	*m = (struct matcher){0};
	if (!clause->predicate_count && !clause->request)
		return 0;
	m->terms = calloc(clause->predicate_count + 1, sizeof(*m->terms));
	if (!m->terms)
		return -ENOMEM;
	if (clause->request)
		m->terms[m->count++] = (struct matcher_term){
			.operation = TERM_REQUEST,
			.offset = offsetof(struct event, request),
			.pointer = clause->request,
		};
	for (size_t i = 0; i < clause->predicate_count; i++) {
		const struct predicate *p = &clause->predicates[i];

		m->terms[m->count++] = (struct matcher_term){
			.operation = term_operation(p),
			.offset = (uint32_t)p->field->offset,
			.integer = p->integer,
			.pointer = p->string,
			.length = p->string ? strlen(p->string) : 0,
		};
	}
	qsort(m->terms, m->count, sizeof(*m->terms), compare_terms);
	return 0;
}

void matcher_done(struct matcher *m)
{
	free(m->terms);
	*m = (struct matcher){0};
}

bool glob_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
	/* Where to go on when what follows the last `*` does not fit: only the last one needs to be tried again, because whatever the
	 * earlier ones could swallow more, it can too. */
	size_t star = SIZE_MAX, resume = 0;
	size_t p = 0, t = 0;

	while (t < text_length) {
		if (p < pattern_length && pattern[p] == '*') {
			star = p++;
			resume = t;
		} else if (p < pattern_length && (pattern[p] == '?' || pattern[p] == text[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern_length && pattern[p] == '*')
		p++;
	return p == pattern_length;
}

static bool string_matches(const struct matcher_term *term, const void *at)
{
	const struct event_string *value = at;

	if (term->operation == TERM_GLOB)
		return glob_matches(term->pointer, term->length, value->bytes, value->length);
	return value->length == term->length && (!term->length || !memcmp(value->bytes, term->pointer, term->length));
}

static bool term_matches(const struct matcher_term *term, const struct event *event)
{
	const void *at = (const char *)event + term->offset;

	switch (term->operation) {
	case TERM_REQUEST:
		return *(const struct probe_request *const *)at == term->pointer;
	case TERM_UINT64:
		return *(const uint64_t *)at == term->integer;
	case TERM_UINT32:
		return *(const uint32_t *)at == term->integer;
	case TERM_SINT32:
		return (uint64_t)(int64_t) * (const int32_t *)at == term->integer;
	case TERM_BOOL:
		return *(const bool *)at == !!term->integer;
	case TERM_BITS32:
		return *(const uint32_t *)at & term->integer;
	case TERM_BITS64:
		return *(const uint64_t *)at & term->integer;
	case TERM_STRING:
	case TERM_GLOB:
		return string_matches(term, at);
	}
	return false;
}

bool matcher_matches(const struct matcher *m, const struct event *event)
{
	for (size_t i = 0; i < m->count; i++)
		if (!term_matches(&m->terms[i], event))
			return false;
	return true;
}
