#include "subscription/spec.h"

#include "base/clock.h"
#include "sensor/probe_request.h"

#include <errno.h>
#include <inttypes.h>
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
	for (size_t i = 0; i < c->predicate_count; i++)
		free(c->predicates[i].string);
	free(c->predicates);
	c->predicates = NULL;
	c->predicate_count = 0;
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

struct clause *subscription_spec_add(struct subscription_spec *s, enum event_kind kind)
{
	struct clause *clauses = reallocarray(s->clauses, s->clause_count + 1, sizeof(*clauses));

	if (!clauses)
		return NULL;
	s->clauses = clauses;
	clauses[s->clause_count] = (struct clause){.kind = kind};
	return &clauses[s->clause_count++];
}

static int refuse_unknown_field(const struct catalog_entry *entry, const char *name, struct error *err)
{
	char names[256] = "";
	size_t length = 0;

	if (!entry->field_count)
		return error_set(err, -EINVAL, "%s%s%s has no field \"%s\"", entry->family, *entry->type ? ":" : "", entry->type, name);
	for (size_t i = 0; i < entry->field_count && length < sizeof(names); i++)
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", i ? ", " : "", entry->fields[i].name);
	return error_set(err, -EINVAL, "%s%s%s has no field \"%s\" (it has %s)", entry->family, *entry->type ? ":" : "", entry->type, name,
			 names);
}

static bool integer_fits(enum field_type type, uint64_t integer)
{
	switch (type) {
	case FIELD_SINT32:
		return (int64_t)integer >= INT32_MIN && (int64_t)integer <= INT32_MAX;
	case FIELD_UINT32:
		return integer <= UINT32_MAX;
	case FIELD_BOOL:
		return integer <= 1;
	default:
		return true;
	}
}

static int check_value(const struct catalog_field *field, enum predicate_operator op, uint64_t integer, const char *string,
		       struct error *err)
{
	if (field->type == FIELD_STRING) {
		if (op == PREDICATE_BITS)
			return error_set(err, -EINVAL, "%s: strings can be compared with = and ~ only", field->name);
		if (!string)
			return error_set(err, -EINVAL, "%s is a string, and the value is not", field->name);
		return 0;
	}
	if (op == PREDICATE_GLOB)
		return error_set(err, -EINVAL, "%s is no string: it can be compared with = and & only", field->name);
	if (string)
		return error_set(err, -EINVAL, "%s is a number, and the value \"%s\" is a string", field->name, string);
	if (!integer_fits(field->type, integer))
		return error_set(err, -EINVAL, "%s: the value %" PRId64 " does not fit into it", field->name, (int64_t)integer);
	return 0;
}

int clause_add(struct clause *c, const char *name, enum predicate_operator op, uint64_t integer, const char *string, struct error *err)
{
	const struct catalog_field *field;
	struct predicate *predicates;
	char *copy = NULL;
	int r;

	if (c->kind >= EVENT_KIND_COUNT)
		return error_set(err, -EINVAL, "a clause that is not served has no field \"%s\"", name);
	field = catalog_field(c->kind, name);
	if (!field)
		return refuse_unknown_field(catalog_entry(c->kind), name, err);
	r = check_value(field, op, integer, string, err);
	if (r)
		return r;

	if (string) {
		copy = strdup(string);
		if (!copy)
			return error_set_errno(err, -ENOMEM, "%s", name);
	}
	predicates = reallocarray(c->predicates, c->predicate_count + 1, sizeof(*predicates));
	if (!predicates) {
		free(copy);
		return error_set_errno(err, -ENOMEM, "%s", name);
	}
	c->predicates = predicates;
	predicates[c->predicate_count++] =
		(struct predicate){.field = field, .op = op, .integer = field->type == FIELD_STRING ? 0 : integer, .string = copy};
	return 0;
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

static bool predicate_equal(const struct predicate *a, const struct predicate *b)
{
	return a->field == b->field && a->op == b->op && a->integer == b->integer && strings_equal(a->string, b->string);
}

static bool clause_equal(const struct clause *a, const struct clause *b)
{
	if (a->kind != b->kind || a->predicate_count != b->predicate_count || a->interval_ns != b->interval_ns || a->length != b->length ||
	    a->refusal_code != b->refusal_code || !strings_equal(a->refusal, b->refusal) || !probe_request_equal(a->request, b->request))
		return false;
	for (size_t i = 0; i < a->predicate_count; i++)
		if (!predicate_equal(&a->predicates[i], &b->predicates[i]))
			return false;
	return true;
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

/* A client chose the text: quotes and what is not printable are escaped. */
static void describe_string(const char *string, struct buffer *out)
{
	buffer_put_u8(out, '"');
	for (; *string; string++) {
		unsigned char c = (unsigned char)*string;

		if (c == '"' || c == '\\')
			buffer_put_u8(out, '\\');
		if (c < 0x20 || c == 0x7f)
			buffer_printf(out, "\\x%02x", c);
		else
			buffer_put_u8(out, c);
	}
	buffer_put_u8(out, '"');
}

static void describe_predicate(const struct predicate *p, struct buffer *out)
{
	buffer_put_string(out, p->field->name);
	buffer_put_u8(out, p->op == PREDICATE_GLOB ? '~' : p->op == PREDICATE_BITS ? '&' : '=');
	switch (p->field->type) {
	case FIELD_STRING:
		describe_string(p->string, out);
		break;
	case FIELD_SINT32:
	case FIELD_SINT64:
		buffer_printf(out, "%" PRId64, (int64_t)p->integer);
		break;
	case FIELD_BOOL:
		buffer_put_string(out, p->integer ? "true" : "false");
		break;
	case FIELD_UINT32:
	case FIELD_UINT64:
		buffer_printf(out, "%" PRIu64, p->integer);
		break;
	}
}

/* The separator in front of the next thing between a clause's brackets. */
static void describe_next(size_t *count, struct buffer *out)
{
	buffer_put_string(out, (*count)++ ? ", " : "(");
}

void clause_describe(const struct clause *c, struct buffer *out)
{
	const struct catalog_entry *entry;
	size_t count = 0;

	if (c->kind >= EVENT_KIND_COUNT) {
		buffer_put_string(out, "unserved(");
		describe_string(c->refusal ? c->refusal : "", out);
		buffer_put_u8(out, ')');
		return;
	}
	entry = catalog_entry(c->kind);
	buffer_printf(out, "%s%s%s", entry->family, *entry->type ? ":" : "", entry->type);
	if (c->kind == EVENT_TICKER) {
		describe_next(&count, out);
		buffer_printf(out, "interval=%" PRIu64 "ns", c->interval_ns);
	}
	if (c->kind == EVENT_CHARGEN) {
		describe_next(&count, out);
		buffer_printf(out, "length=%" PRIu32, c->length);
	}
	if (c->request) {
		describe_next(&count, out);
		describe_string(c->request->key, out);
	}
	for (size_t i = 0; i < c->predicate_count; i++) {
		describe_next(&count, out);
		describe_predicate(&c->predicates[i], out);
	}
	if (count)
		buffer_put_u8(out, ')');
}

/* In the largest unit that says it exactly. */
static void describe_duration(uint64_t ns, struct buffer *out)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"h", 3600 * NSEC_PER_SEC}, {"m", 60 * NSEC_PER_SEC}, {"s", NSEC_PER_SEC},
		{"ms", NSEC_PER_MSEC},      {"us", NSEC_PER_USEC},    {"ns", 1},
	};
	size_t i = 0;

	while (ns % units[i].ns)
		i++;
	/* No time at all is a whole number of anything. */
	buffer_printf(out, "%" PRIu64 "%s", ns / units[i].ns, ns ? units[i].name : "s");
}

/* Behind what there is already. */
static void describe_modifier(const char *name, uint64_t ns, struct buffer *out)
{
	buffer_printf(out, "%s%s ", out->length ? " " : "", name);
	describe_duration(ns, out);
}

void subscription_spec_describe(const struct subscription_spec *s, struct buffer *out)
{
	for (size_t i = 0; i < s->clause_count; i++) {
		if (i)
			buffer_put_string(out, " or ");
		clause_describe(&s->clauses[i], out);
	}
	if (s->containers) {
		buffer_put_string(out, s->clause_count ? " in " : "in ");
		container_filter_describe(s->containers, out);
	}
	if (s->limit)
		buffer_printf(out, "%slimit %" PRIu64, s->clause_count ? " " : "", s->limit);
	if (s->throttle_ns)
		describe_modifier("throttle", s->throttle_ns, out);
	if (s->since_ns)
		describe_modifier("since", s->since_ns, out);
	if (s->has_for)
		describe_modifier("for", s->for_ns, out);
}
