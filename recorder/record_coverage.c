#include "recorder/record_coverage.h"

#include <errno.h>
#include <string.h>

static bool equal_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && !strcmp(a, b));
}

/* Whether events of both look alike. */
static bool is_like(const struct probe_request *a, const struct probe_request *b)
{
	if (!a || !b)
		return a == b;
	if (a->counter_count || b->counter_count)
		return true;
	return equal_text(a->symbol, b->symbol) && equal_text(a->executable, b->executable);
}

/* Whether one condition is all of what a filter asks for, or one of those that it asks for together. */
static bool asks_for(const struct expression *filter, const struct expression *condition)
{
	const struct expression *e;

	if (expression_equal(filter, condition))
		return true;
	if (!filter || filter->type != EXPRESSION_AND)
		return false;
	for (e = filter->first; e; e = e->next)
		if (expression_equal(e, condition))
			return true;
	return false;
}

/* Whether all that `wanted` is true for is kept by `kept`: what the one asks for the other asks for as well, and maybe more. */
static bool is_narrower(const struct expression *wanted, const struct expression *kept)
{
	const struct expression *e;

	if (!kept || asks_for(wanted, kept))
		return true;
	if (kept->type != EXPRESSION_AND)
		return false;
	for (e = kept->first; e; e = e->next)
		if (!asks_for(wanted, e))
			return false;
	return true;
}

static bool covers(const struct subscription_spec *kept, const struct clause *k, const struct subscription_spec *wanted,
		   const struct clause *w)
{
	return is_narrower(w->filter, k->filter) && probe_request_equal(k->request, w->request) && k->detail >= w->detail &&
	       (!kept->containers || container_filter_equal(kept->containers, wanted->containers));
}

enum record_coverage record_coverage_of(const struct subscription_spec *kept, const bool *served, const struct subscription_spec *wanted,
					size_t index)
{
	const struct clause *w = &wanted->clauses[index];
	bool all = false;
	size_t like = 0;

	if (w->kind >= EVENT_KIND_COUNT || !catalog_entry(w->kind)->observed)
		return RECORD_COVERS_NOTHING;
	for (size_t i = 0; i < kept->clause_count; i++) {
		const struct clause *k = &kept->clauses[i];

		if (!served[i] || k->kind != w->kind || !is_like(k->request, w->request))
			continue;
		like++;
		all = all || covers(kept, k, wanted, w);
	}
	if (!like || (w->request && (like > 1 || !all)))
		return RECORD_COVERS_NOTHING;
	return all ? RECORD_COVERS_ALL : RECORD_COVERS_PART;
}

int record_spec_check(const struct subscription_spec *spec, struct error *err)
{
	if (spec->limit || spec->throttle_ns || spec->since_ns || spec->has_for)
		return error_set(err, -EINVAL, "what is to be recorded can have no limit, throttle, since or for");
	for (size_t i = 0; i < spec->clause_count; i++) {
		const struct clause *c = &spec->clauses[i];

		if (c->kind < EVENT_KIND_COUNT && !catalog_entry(c->kind)->observed)
			return error_set(err, -EINVAL, "%s is made for each subscriber and cannot be recorded",
					 catalog_entry(c->kind)->family);
	}
	if (!spec->clause_count)
		return error_set(err, -EINVAL, "nothing is to be recorded: an event is needed, like process:exec");
	return 0;
}
