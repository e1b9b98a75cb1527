#include "sensor/capture.h"

#include "base/log.h"
#include "sensor/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const struct source_capture *captures;
	const size_t *count;
} sources[] = {
	{process_captures, &process_capture_count},
	{file_captures, &file_capture_count},
	{network_captures, &network_capture_count},
};

const struct source_capture *capture_of_source(size_t i)
{
	for (size_t j = 0; j < sizeof(sources) / sizeof(sources[0]); i -= *sources[j++].count)
		if (i < *sources[j].count)
			return &sources[j].captures[i];
	return NULL;
}

int capture_set_init(struct capture_set *s, const struct capture_options *options)
{
	size_t count = 0;

	*s = (struct capture_set){0};
	if (options)
		s->options = *options;
	while (capture_of_source(count))
		count++;
	s->captures = calloc(count + 1, sizeof(*s->captures));
	if (!s->captures)
		return -ENOMEM;
	for (; s->count < count; s->count++) {
		struct capture *c = &s->captures[s->count];

		c->source = capture_of_source(s->count);
		c->rejections = calloc(c->source->candidate_count, sizeof(*c->rejections));
		if (!c->rejections)
			return -ENOMEM;
	}
	return 0;
}

void capture_set_done(struct capture_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->captures[i].rejections);
	free(s->captures);
	*s = (struct capture_set){0};
}

struct capture *capture_of(const struct capture_set *s, enum event_kind kind)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->captures[i].source->kind == kind)
			return &s->captures[i];
	return NULL;
}

/* "do_filp_open" or "file:open/do_filp_open". */
static bool is_called(const struct source_capture *source, const struct source_candidate *candidate, const char *name)
{
	char full[128];

	capture_name(source, full, sizeof(full));
	strncat(full, "/", sizeof(full) - strlen(full) - 1);
	strncat(full, candidate->name, sizeof(full) - strlen(full) - 1);
	return !strcmp(name, candidate->name) || !strcmp(name, full);
}

static bool is_forbidden(const struct capture_set *s, const struct capture *c, const struct source_candidate *candidate)
{
	for (size_t i = 0; i < s->options.forbidden_count; i++)
		if (is_called(c->source, candidate, s->options.forbidden[i]))
			return true;
	return false;
}

bool capture_candidate_exists(const char *name)
{
	const struct source_capture *source;

	for (size_t i = 0; (source = capture_of_source(i)); i++)
		for (size_t j = 0; j < source->candidate_count; j++)
			if (is_called(source, &source->candidates[j], name))
				return true;
	return false;
}

void capture_name(const struct source_capture *source, char *to, size_t size)
{
	const struct catalog_entry *entry;

	if (source->kind == EVENT_KIND_COUNT) {
		snprintf(to, size, "%s", source->name);
		return;
	}
	entry = catalog_entry(source->kind);
	snprintf(to, size, "%s:%s", entry->family, entry->type);
}

static int try_candidate(struct capture_set *s, struct capture *c, size_t i, struct probe_kernel *kernel)
{
	const struct source_candidate *candidate = &c->source->candidates[i];
	struct error *reason = &c->rejections[i];

	if (reason->code)
		return reason->code;
	if (is_forbidden(s, c, candidate))
		return error_set(reason, -EPERM, "forbidden by the configuration");
	return s->options.trial ? s->options.trial(s->options.trial_context, c->source, candidate, kernel, reason) : 0;
}

int capture_try(struct capture_set *s, struct capture *c, size_t candidate, struct probe_kernel *kernel, struct error *ret_reason)
{
	int code = c->chosen == &c->source->candidates[candidate] ? 0 : try_candidate(s, c, candidate, kernel);

	if (ret_reason)
		*ret_reason = c->rejections[candidate];
	return code;
}

static void set_refusal(struct capture *c)
{
	struct buffer text;

	buffer_init(&text, 0);
	for (size_t i = 0; i < c->source->candidate_count; i++)
		buffer_printf(&text, "%s%s: %s", i ? "; " : "", c->source->candidates[i].name, c->rejections[i].message);
	error_set(&c->refusal, -EOPNOTSUPP, "%.*s", (int)text.length, (const char *)text.data);
	buffer_done(&text);
}

int capture_choose(struct capture_set *s, struct capture *c, struct probe_kernel *kernel)
{
	char name[64];

	if (c->tried)
		return c->chosen ? 0 : c->refusal.code;
	c->tried = true;
	c->chosen = NULL;
	capture_name(c->source, name, sizeof(name));
	for (size_t i = 0; i < c->source->candidate_count; i++) {
		if (try_candidate(s, c, i, kernel)) {
			log_debug("a way to capture does not work", "event=%s way=%s reason=\"%s\"", name, c->source->candidates[i].name,
				  c->rejections[i].message);
			continue;
		}
		c->chosen = &c->source->candidates[i];
		log_debug("captured", "event=%s way=%s", name, c->chosen->name);
		return 0;
	}
	set_refusal(c);
	return c->refusal.code;
}

void capture_reject(struct capture *c, const struct error *reason)
{
	if (c->chosen)
		c->rejections[c->chosen - c->source->candidates] = *reason;
	c->chosen = NULL;
	c->tried = false;
}

static bool is_named(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

bool candidate_filters(const struct source_candidate *candidate, enum event_kind kind, uint64_t fields)
{
	const struct catalog_entry *entry = catalog_entry(kind);

	for (size_t i = 0; i < entry->field_count && i < 64; i++)
		if ((fields & (UINT64_C(1) << i)) &&
		    (!entry->fields[i].kernel_name || !is_named(candidate->filterable, entry->fields[i].kernel_name)))
			return false;
	return true;
}

const char *candidate_filter(const struct source_candidate *candidate, enum event_kind kind, const struct plan_entry *entry)
{
	if (!entry->filter || candidate_filters(candidate, kind, entry->filter_fields))
		return entry->filter;
	for (size_t i = 0; i < entry->weaker_count; i++)
		if (candidate_filters(candidate, kind, entry->weaker[i].fields))
			return entry->weaker[i].text;
	return NULL;
}
