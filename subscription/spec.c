#include "subscription/spec.h"

#include "sensor/probe_request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct subscription_spec *subscription_spec_new(void)
{
	return calloc(1, sizeof(struct subscription_spec));
}

/* What it asks for beside its kind. */
static void clause_clear(struct clause *c)
{
	c->filter = expression_free(c->filter);
	free(c->refusal);
	c->refusal = NULL;
	c->request = probe_request_unref(c->request);
}

struct subscription_spec *subscription_spec_free(struct subscription_spec *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->clause_count; i++)
		clause_clear(&s->clauses[i]);
	free(s->clauses);
	container_filter_free(s->containers);
	free(s);
	return NULL;
}

/* False: out of memory; what there is of it is in *to. */
static bool clause_copy(struct clause *to, const struct clause *from)
{
	*to = *from;
	to->filter = expression_copy(from->filter);
	to->refusal = from->refusal ? strdup(from->refusal) : NULL;
	to->request = from->request ? probe_request_ref(from->request) : NULL;
	return !to->filter == !from->filter && !to->refusal == !from->refusal;
}

struct subscription_spec *subscription_spec_copy(const struct subscription_spec *s)
{
	struct subscription_spec *copy = subscription_spec_new();

	if (!copy)
		return NULL;
	*copy = *s;
	copy->clause_count = 0;
	copy->clauses = s->clause_count ? reallocarray(NULL, s->clause_count, sizeof(*copy->clauses)) : NULL;
	copy->containers = container_filter_copy(s->containers);
	if (!copy->clauses != !s->clause_count || !copy->containers != !s->containers)
		return subscription_spec_free(copy);
	while (copy->clause_count < s->clause_count) {
		size_t i = copy->clause_count++;

		if (!clause_copy(&copy->clauses[i], &s->clauses[i]))
			return subscription_spec_free(copy);
	}
	return copy;
}

struct clause *subscription_spec_add(struct subscription_spec *s, enum event_kind kind)
{
	struct clause *clauses = reallocarray(s->clauses, s->clause_count + 1, sizeof(*clauses));

	if (!clauses)
		return NULL;
	s->clauses = clauses;
	clauses[s->clause_count] = (struct clause){.kind = kind};
	return &clauses[s->clause_count++];
}

int clause_add_expression(struct clause *c, struct expression *e, uint32_t *ret_position, struct error *err)
{
	const struct expression *at = NULL;
	struct expression *both;
	int r;

	if (!e)
		return error_set_errno(err, -ENOMEM, "filter");
	if (c->kind >= EVENT_KIND_COUNT) {
		expression_free(e);
		return error_set(err, -EINVAL, "a clause that is not served has no filter");
	}
	r = expression_check(e, c->kind, c->request, &at, err);
	if (r) {
		if (ret_position)
			*ret_position = at->position;
		expression_free(e);
		return r;
	}
	if (!c->filter) {
		c->filter = e;
		return 0;
	}
	both = expression_new(EXPRESSION_AND, c->filter, e, 0);
	c->filter = both;
	return both ? 0 : error_set_errno(err, -ENOMEM, "filter");
}

int clause_add(struct clause *c, const char *name, enum predicate_operator op, uint64_t integer, const char *string, struct error *err)
{
	static const enum expression_type types[] = {
		[PREDICATE_EQUAL] = EXPRESSION_EQ,
		[PREDICATE_BITS] = EXPRESSION_BITWISE_AND,
		[PREDICATE_GLOB] = EXPRESSION_LIKE,
	};
	struct expression *value = string ? expression_new_string(string, 0) : expression_new_integer(VALUE_SINT64, integer, 0);
	struct expression *e;

	/* Beyond INT64_MAX only unsigned fields have a meaning for it. */
	if (value && !string && c->kind < EVENT_KIND_COUNT) {
		const struct catalog_field *field = catalog_field(c->kind, name);

		if (field && field->type == FIELD_UINT64)
			value->value_type = VALUE_UINT64;
	}
	e = expression_new(types[op], expression_new_field(name, 0), value, 0);
	if (op == PREDICATE_BITS)
		e = expression_new(EXPRESSION_NE, e, expression_new_integer(VALUE_SINT64, 0, 0), 0);
	return clause_add_expression(c, e, NULL, err);
}

int clause_refuse(struct clause *c, int code, const char *format, ...)
{
	char *refusal = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&refusal, format, args);
	va_end(args);
	if (r < 0)
		return -ENOMEM;
	clause_clear(c);
	*c = (struct clause){.kind = EVENT_KIND_COUNT, .refusal_code = code, .refusal = refusal};
	return 0;
}

static bool strings_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool clause_equal(const struct clause *a, const struct clause *b)
{
	return a->kind == b->kind && a->interval_ns == b->interval_ns && a->length == b->length && a->detail == b->detail &&
	       a->refusal_code == b->refusal_code && strings_equal(a->refusal, b->refusal) && probe_request_equal(a->request, b->request) &&
	       expression_equal(a->filter, b->filter);
}

static bool modifiers_equal(const struct subscription_spec *a, const struct subscription_spec *b)
{
	return a->limit == b->limit && a->throttle_ns == b->throttle_ns && a->since_ns == b->since_ns && a->has_for == b->has_for &&
	       (!a->has_for || a->for_ns == b->for_ns);
}

bool subscription_spec_equal(const struct subscription_spec *a, const struct subscription_spec *b)
{
	if (a->clause_count != b->clause_count || !modifiers_equal(a, b) || !container_filter_equal(a->containers, b->containers))
		return false;
	for (size_t i = 0; i < a->clause_count; i++)
		if (!clause_equal(&a->clauses[i], &b->clauses[i]))
			return false;
	return true;
}
