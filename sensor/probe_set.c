#include "sensor/probe_set.h"

#include "base/log.h"
#include "sensor/request_source.h"
#include "sensor/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Our own threads' hits are dropped in user space too: what the kernel drops only saves time. */
static char *combine_filter(const struct probe_set *s, const struct source_probe *row, const char *filter)
{
	return self_filter_combine(&s->self, row->always ? NULL : filter, row->always);
}

static int install_row(struct probe_set *s, struct probe *probe, const struct source_probe *row, const char *filter, struct error *err)
{
	char *combined = combine_filter(s, row, filter);
	int code = probe_install(probe, row, &s->kernel, s->source, combined, err);

	free(combined);
	if (!code)
		probe->filter = filter ? strdup(filter) : NULL;
	return code;
}

static int refilter(struct probe_set *s, struct probe *probe, const char *filter, struct error *err)
{
	char *combined = combine_filter(s, probe->instance.row, filter);
	int code = probe_refilter(probe, s->source, combined, err);

	free(combined);
	if (code)
		return code;
	free(probe->filter);
	probe->filter = filter ? strdup(filter) : NULL;
	return 0;
}

static bool same_filter(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Makes one probe what it is wanted to be. */
static int apply_row(struct probe_set *s, struct probe *probe, struct error *err)
{
	if (!probe->wanted) {
		probe_remove(probe, s->source);
		return 0;
	}
	if (!probe->event)
		return install_row(s, probe, probe->instance.row, probe->wanted_filter, err);
	if (same_filter(probe->wanted_filter, probe->filter))
		return 0;
	return refilter(s, probe, probe->wanted_filter, err);
}

static uint64_t wanted_kinds(const struct plan *plan)
{
	uint64_t kinds = 0;

	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (plan->kinds[kind].wanted)
			kinds |= EVENT_KIND_BIT(kind);
	return kinds;
}

static void refuse_kinds(uint64_t kinds, const struct error *reason, struct error refusals[EVENT_KIND_COUNT])
{
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (kinds & EVENT_KIND_BIT(kind))
			refusals[kind] = *reason;
}

static const char *row_filter(const struct source_probe *row, const struct plan *plan)
{
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (row->filtered_kind == EVENT_KIND_BIT(kind))
			return plan->kinds[kind].filter;
	return NULL;
}

static void apply_fixed(struct probe_set *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	uint64_t kinds = wanted_kinds(plan);

	for (size_t i = 0; i < s->fixed_count; i++) {
		struct probe *probe = &s->fixed[i];
		const struct source_probe *row = probe->instance.row;
		struct error err = {0};

		probe->wanted = row->always || (row->kinds & kinds);
		probe->wanted_filter = row_filter(row, plan);
		if (!apply_row(s, probe, &err))
			continue;
		log_debug("cannot install", "event=%s:%s error=\"%s\"", row->system, row->name, err.message);
		if (!row->helper)
			refuse_kinds(row->kinds, &err, refusals);
	}
}

static struct probe *captured_row(struct probe_set *s, const struct source_probe *row)
{
	struct probe *probe;

	DL_FOREACH (s->captured, probe)
		if (probe->instance.row == row)
			return probe;
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return NULL;
	probe->instance.row = row;
	DL_APPEND(s->captured, probe);
	return probe;
}

/* Marks the rows of a candidate as wanted. One that several captures use must let through what each of them wants. */
static struct error want_candidate(struct probe_set *s, const struct capture *c, const struct plan *plan)
{
	enum event_kind kind = c->source->kind;
	struct error err = {0};

	for (size_t i = 0; c->chosen->probes[i]; i++) {
		const struct source_probe *row = c->chosen->probes[i];
		struct probe *probe = captured_row(s, row);
		const char *filter = NULL;

		if (!probe) {
			error_set(&err, -ENOMEM, "out of memory");
			break;
		}
		if (kind != EVENT_KIND_COUNT && row->filtered_kind == EVENT_KIND_BIT(kind))
			filter = candidate_filter(c->chosen, kind, &plan->kinds[kind]);
		probe->wanted_filter = probe->wanted && !same_filter(probe->wanted_filter, filter) ? NULL : filter;
		probe->wanted = true;
	}
	return err;
}

static void want_captures(struct probe_set *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	uint64_t kinds = wanted_kinds(plan) | (plan->request_count ? EVENT_KIND_BIT(EVENT_KERNEL_CALL_ENTER) : 0);
	struct probe *probe;

	DL_FOREACH (s->captured, probe) {
		probe->wanted = false;
		probe->wanted_filter = NULL;
	}
	for (size_t i = 0; i < s->captures.count; i++) {
		struct capture *c = &s->captures.captures[i];
		struct error refusal;

		c->wanted = c->source->needed_by & kinds;
		if (!c->wanted)
			continue;
		refusal = capture_choose(&s->captures, c, &s->kernel) ? c->refusal : want_candidate(s, c, plan);
		if (!refusal.code)
			continue;
		c->wanted = false;
		if (c->source->kind != EVENT_KIND_COUNT)
			refusals[c->source->kind] = refusal;
	}
}

static bool uses_row(const struct capture *c, const struct source_probe *row)
{
	for (size_t i = 0; c->chosen && c->chosen->probes[i]; i++)
		if (c->chosen->probes[i] == row)
			return true;
	return false;
}

/* False: a probe would not install, and those that need it have to look for another way. */
static bool install_captures(struct probe_set *s)
{
	struct probe *probe, *next;
	bool complete = true;

	DL_FOREACH_SAFE (s->captured, probe, next) {
		struct error err = {0};
		int code = apply_row(s, probe, &err);

		if (code && !(probe->instance.row->optional && code == -ENOENT)) {
			complete = false;
			err.code = code;
			for (size_t i = 0; i < s->captures.count; i++)
				if (uses_row(&s->captures.captures[i], probe->instance.row))
					capture_reject(&s->captures.captures[i], &err);
		}
		if (probe->event)
			continue;
		DL_DELETE(s->captured, probe);
		free(probe);
	}
	return complete;
}

bool probe_set_captures(const struct probe_set *s, enum event_kind kind, const char *name)
{
	for (size_t i = 0; i < s->captures.count; i++) {
		const struct capture *c = &s->captures.captures[i];

		if (c->source->kind == kind && (!name || !strcmp(c->source->name, name)))
			return c->wanted && c->chosen;
	}
	return false;
}

bool probe_set_has(const struct probe_set *s, const char *system, const char *name)
{
	for (size_t i = 0; i < s->fixed_count; i++) {
		const struct source_probe *row = s->fixed[i].instance.row;

		if (!strcmp(row->system, system) && !strcmp(row->name, name))
			return s->fixed[i].event;
	}
	return false;
}

static void apply_captures(struct probe_set *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	/* It ends, because each time round at least one candidate more is rejected. */
	do
		want_captures(s, plan, refusals);
	while (!install_captures(s));
}

static struct probe *find_request(struct probe_set *s, const struct probe_request *request)
{
	struct probe *probe;

	DL_SEARCH_SCALAR(s->requested, probe, request, request);
	return probe;
}

static int add_request(struct probe_set *s, struct probe_request *request, struct error *err)
{
	struct probe *probe;
	uint32_t count;
	int code;

	DL_COUNT(s->requested, probe, count);
	if (count >= s->max_requests)
		return error_set(err, -ENOSPC, "%" PRIu32 " functions and counter groups are watched already, which is the limit", count);
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return error_set(err, -ENOMEM, "out of memory");
	code = request_install(probe, request, &s->kernel, &s->self, s->source, err);
	if (code) {
		free(probe);
		return code;
	}
	probe->wanted = true;
	DL_APPEND(s->requested, probe);
	return 0;
}

static void apply_requests(struct probe_set *s, const struct plan *plan)
{
	struct probe *probe, *next;

	DL_FOREACH (s->requested, probe)
		probe->wanted = false;
	for (size_t i = 0; i < plan->request_count; i++) {
		probe = find_request(s, plan->requests[i].request);
		if (probe)
			probe->wanted = true;
	}
	DL_FOREACH_SAFE (s->requested, probe, next) {
		if (probe->wanted)
			continue;
		DL_DELETE(s->requested, probe);
		probe_remove(probe, s->source);
		free(probe);
	}
	for (size_t i = 0; i < plan->request_count; i++) {
		struct error *refusal = plan->requests[i].refusal;

		*refusal = (struct error){0};
		if (!find_request(s, plan->requests[i].request))
			add_request(s, plan->requests[i].request, refusal);
	}
}

void probe_set_apply(struct probe_set *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	apply_fixed(s, plan, refusals);
	apply_captures(s, plan, refusals);
	apply_requests(s, plan);
	tracepoint_keeper_release(&s->kernel.keeper);
}

static int make_fixed(struct probe_set *s)
{
	const struct source_probe *const tables[] = {process_source, syscall_source};
	const size_t counts[] = {process_source_count, syscall_source_count};

	s->fixed = calloc(process_source_count + syscall_source_count, sizeof(*s->fixed));
	if (!s->fixed)
		return -ENOMEM;
	for (size_t table = 0; table < 2; table++)
		for (size_t i = 0; i < counts[table]; i++)
			s->fixed[s->fixed_count++].instance.row = &tables[table][i];
	return 0;
}

static int make_kernel(struct probe_set *s, const struct probe_set_options *options, struct error *err)
{
	int code = 0;

	if (options->with_trials)
		code = probe_kernel_init(&s->kernel, err);
	else
		probe_kernel_init_fake(&s->kernel);
	if (code)
		return code;
	s->kernel.maxactive = options->maxactive;
	s->kernel.spoiled = options->spoiled_layouts;
	s->kernel.addresses = kernel_addresses_new(NULL);
	return s->kernel.addresses ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int probe_set_init(struct probe_set *s, struct sample_source *source, const struct probe_set_options *options, struct error *err)
{
	const struct capture_options captures = {
		.trial = options->with_trials ? trial_run : NULL,
		.forbidden = options->forbidden,
		.forbidden_count = options->forbidden_count,
	};
	int code;

	*s = (struct probe_set){.source = source};
	s->max_requests = options->max_requests ? options->max_requests : PROBE_SET_REQUESTS_DEFAULT;
	self_filter_init(&s->self, options->self_tgid);
	code = make_kernel(s, options, err);
	if (!code && (make_fixed(s) || capture_set_init(&s->captures, &captures)))
		code = error_set(err, -ENOMEM, "out of memory");
	return code;
}

static void free_probes(struct probe_set *s, struct probe **list)
{
	struct probe *probe, *next;

	DL_FOREACH_SAFE (*list, probe, next) {
		DL_DELETE(*list, probe);
		probe_remove(probe, s->source);
		free(probe);
	}
}

void probe_set_done(struct probe_set *s)
{
	for (size_t i = 0; i < s->fixed_count; i++)
		probe_remove(&s->fixed[i], s->source);
	free_probes(s, &s->captured);
	free_probes(s, &s->requested);
	free(s->fixed);
	capture_set_done(&s->captures);
	probe_kernel_done(&s->kernel);
	kernel_addresses_free(s->kernel.addresses);
	self_filter_done(&s->self);
	*s = (struct probe_set){0};
}

static void refresh_filter(struct probe_set *s, struct probe *probe)
{
	char *filter = probe->filter ? strdup(probe->filter) : NULL;
	struct error err = {0};

	if (probe->event && !probe->instance.row->always && refilter(s, probe, filter, &err))
		log_debug("cannot filter our own threads", "error=\"%s\"", err.message);
	free(filter);
}

/* What a client asked for is never let go, not even for a moment: when the new filter is refused, the old one stays. */
static void refresh_request(struct probe_set *s, const struct probe *probe)
{
	char *combined = self_filter_combine(&s->self, probe->request->filter, false);
	struct error err = {0};

	if (probe->event->format && s->source->ops->refilter(s->source, probe->event, combined, &err))
		log_debug("cannot filter our own threads", "error=\"%s\"", err.message);
	free(combined);
}

void probe_set_refresh_self(struct probe_set *s)
{
	struct probe *probe;

	if (!self_filter_refresh(&s->self))
		return;
	for (size_t i = 0; i < s->fixed_count; i++)
		refresh_filter(s, &s->fixed[i]);
	DL_FOREACH (s->captured, probe)
		refresh_filter(s, probe);
	DL_FOREACH (s->requested, probe)
		refresh_request(s, probe);
}

struct event_walk {
	kernel_event_fn fn;
	void *context;
};

static void walk_probe(const struct event_walk *walk, const struct probe *probe)
{
	const struct source_probe *row = probe->instance.row;
	const char *filter = probe->request ? probe->request->filter : probe->filter;

	if (!probe->event)
		return;
	walk->fn(walk->context, row->type == SOURCE_TRACEPOINT ? row->system : probe_sort(row->type),
		 probe->request ? probe->request->key : row->name, filter ? filter : "", probe->event);
}

void probe_set_each(const struct probe_set *s, kernel_event_fn fn, void *context)
{
	const struct event_walk walk = {.fn = fn, .context = context};
	const struct probe *probe;

	for (size_t i = 0; i < s->fixed_count; i++)
		walk_probe(&walk, &s->fixed[i]);
	DL_FOREACH (s->captured, probe)
		walk_probe(&walk, probe);
	DL_FOREACH (s->requested, probe)
		walk_probe(&walk, probe);
}
