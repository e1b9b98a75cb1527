#include "sensor/sensor.h"

#include "base/clock.h"
#include "base/log.h"
#include "sensor/call_table.h"
#include "sensor/capture.h"
#include "sensor/catalog.h"
#include "sensor/process_notes.h"
#include "sensor/request_source.h"
#include "sensor/self_filter.h"
#include "sensor/source.h"
#include "sensor/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Space goes back to the kernel after so many samples, so that a full ring gets room while a long round goes on. */
#define RELEASE_SAMPLES 64

struct sensor {
	struct source_context context; /* first: builders get it */
	struct sample_source *source;
	struct sensor_consumer consumer;
	struct self_filter self;
	struct capture_set captures;
	struct probe_kernel kernel;
	struct probe *fixed; /* rows that every kernel has, all of them */
	size_t fixed_count;
	struct probe *captured;  /* rows of the chosen candidates that are installed */
	struct probe *requested; /* what clients asked for by name */
	uint32_t max_requests;
	uint64_t last_time_ns; /* of the last event or horizon */
	uint64_t events;
	uint64_t rounds;
	bool rescan;  /* samples that the process cache lives on were lost */
	bool retrack; /* samples of changes of directory or credentials were */
	/* The last process that a sample named, until the cache changes. */
	const struct process *recent;
	uint32_t recent_tgid;
};

/* Our own threads' hits are dropped in user space too: what the kernel drops only saves time. */
static char *combine_filter(const struct sensor *s, const struct source_probe *row, const char *filter)
{
	return self_filter_combine(&s->self, row->always ? NULL : filter, row->always);
}

static int install_row(struct sensor *s, struct probe *probe, const struct source_probe *row, const char *filter, struct error *err)
{
	char *combined = combine_filter(s, row, filter);
	int code = probe_install(probe, row, &s->kernel, s->source, combined, err);

	free(combined);
	if (!code)
		probe->filter = filter ? strdup(filter) : NULL;
	return code;
}

static int refilter(struct sensor *s, struct probe *probe, const char *filter, struct error *err)
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
static int apply_row(struct sensor *s, struct probe *probe, struct error *err)
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

static void apply_fixed(struct sensor *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
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

static struct probe *captured_row(struct sensor *s, const struct source_probe *row)
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
static struct error want_candidate(struct sensor *s, const struct capture *c, const struct plan *plan)
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
		if (kind != EVENT_KIND_COUNT && row->filtered_kind == EVENT_KIND_BIT(kind) &&
		    candidate_filters(c->chosen, kind, plan->kinds[kind].filter_fields))
			filter = plan->kinds[kind].filter;
		probe->wanted_filter = probe->wanted && !same_filter(probe->wanted_filter, filter) ? NULL : filter;
		probe->wanted = true;
	}
	return err;
}

static void want_captures(struct sensor *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
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
static bool install_captures(struct sensor *s)
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

static bool is_captured(const struct sensor *s, enum event_kind kind, const char *name)
{
	for (size_t i = 0; i < s->captures.count; i++) {
		const struct capture *c = &s->captures.captures[i];

		if (c->source->kind == kind && (!name || !strcmp(c->source->name, name)))
			return c->wanted && c->chosen;
	}
	return false;
}

/* Only with the probes that keep it true: a working directory, or rights, of some time ago are worse than none. */
static void track(struct sensor *s)
{
	bool cwd = is_captured(s, EVENT_PROCESS_CWD, NULL);
	bool credentials = is_captured(s, EVENT_KIND_COUNT, "credentials");

	process_cache_track(s->context.processes, cwd, credentials);
	if (!credentials)
		thread_credentials_done(&s->context.thread_credentials);
}

/* After a change was missed: /proc knows what it was, except of threads. */
static void track_anew(struct sensor *s)
{
	process_cache_track(s->context.processes, false, false);
	thread_credentials_done(&s->context.thread_credentials);
	track(s);
}

static void apply_captures(struct sensor *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	/* It ends, because each time round at least one candidate more is rejected. */
	do
		want_captures(s, plan, refusals);
	while (!install_captures(s));
	track(s);
}

static struct probe *find_request(struct sensor *s, const struct probe_request *request)
{
	struct probe *probe;

	DL_SEARCH_SCALAR(s->requested, probe, request, request);
	return probe;
}

static int add_request(struct sensor *s, struct probe_request *request, struct error *err)
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

static void apply_requests(struct sensor *s, const struct plan *plan)
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

void sensor_apply(struct sensor *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	apply_fixed(s, plan, refusals);
	apply_captures(s, plan, refusals);
	apply_requests(s, plan);
}

static int make_fixed(struct sensor *s)
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

static void emit_from_builder(struct source_context *context, struct event *event);

static int make_context(struct sensor *s, const struct sensor_options *options, struct error *err)
{
	const struct capture_options captures = {
		.trial = options->with_trials ? trial_run : NULL,
		.forbidden = options->forbidden,
		.forbidden_count = options->forbidden_count,
	};

	if (options->with_trials) {
		int code = probe_kernel_init(&s->kernel, err);

		if (code)
			return code;
	} else {
		probe_kernel_init_fake(&s->kernel);
	}
	s->kernel.maxactive = options->maxactive;
	s->kernel.spoiled = options->spoiled_layouts;
	s->max_requests = options->max_requests ? options->max_requests : SENSOR_REQUESTS_DEFAULT;
	s->context.notes = process_notes_new();
	s->context.calls = call_table_new();
	s->context.emit = emit_from_builder;
	s->kernel.addresses = kernel_addresses_new(NULL);
	if (!s->context.notes || !s->context.calls || !s->kernel.addresses || make_fixed(s) || capture_set_init(&s->captures, &captures))
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

int sensor_new(struct sensor **ret, const struct sensor_options *options, const struct sensor_consumer *consumer, struct error *err)
{
	struct process_cache_options cache_options = {.proc = options->proc, .self_tgid = options->self_tgid};
	struct error refusals[EVENT_KIND_COUNT] = {0};
	struct plan nothing = {0};
	struct sensor *s = calloc(1, sizeof(*s));
	int code;

	if (!s) {
		options->source->ops->free(options->source);
		return error_set(err, -ENOMEM, "out of memory");
	}
	s->source = options->source;
	s->consumer = *consumer;
	self_filter_init(&s->self, options->self_tgid);
	code = make_context(s, options, err);
	if (code)
		goto fail;
	code = process_cache_new(&s->context.processes, &cache_options, err);
	if (code)
		goto fail;
	/* What happens during the scan is in the rings, and told again on top of it. */
	sensor_apply(s, &nothing, refusals);
	code = process_cache_scan(s->context.processes, err);
	if (code)
		goto fail;
	*ret = s;
	return 0;
fail:
	sensor_free(s);
	return code;
}

static void free_probes(struct sensor *s, struct probe **list)
{
	struct probe *probe, *next;

	DL_FOREACH_SAFE (*list, probe, next) {
		DL_DELETE(*list, probe);
		probe_remove(probe, s->source);
		free(probe);
	}
}

struct sensor *sensor_free(struct sensor *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->fixed_count; i++)
		probe_remove(&s->fixed[i], s->source);
	free_probes(s, &s->captured);
	free_probes(s, &s->requested);
	s->source->ops->free(s->source);
	capture_set_done(&s->captures);
	probe_kernel_done(&s->kernel);
	process_cache_free(s->context.processes);
	process_notes_free(s->context.notes);
	call_table_free(s->context.calls);
	thread_credentials_done(&s->context.thread_credentials);
	self_filter_done(&s->self);
	kernel_addresses_free(s->kernel.addresses);
	free(s->fixed);
	free(s);
	return NULL;
}

void sensor_notice(void *sensor, const struct notice *notice)
{
	process_notes_put(((struct sensor *)sensor)->context.notes, notice);
}

static void sensor_emit(struct sensor *s, struct event *event)
{
	if (event->process && event->process->hidden)
		return;
	s->events++;
	s->consumer.event(s->consumer.context, event);
}

/* Nobody (0) is not us. */
static bool is_ours(const struct sensor *s, uint32_t tgid)
{
	return tgid && tgid == s->self.tgid;
}

static void emit_from_builder(struct source_context *context, struct event *event)
{
	struct sensor *s = (struct sensor *)context;

	if (!is_ours(s, event->tgid))
		sensor_emit(s, event);
}

static void emit_loss(struct sensor *s, const struct probe *probe, const struct sample *sample, enum event_kind of)
{
	struct event event = {
		.kind = EVENT_LOST,
		.cpu = sample->cpu,
		.time_ns = sample->time_ns,
		.request = probe->request,
		.lost = {.count = sample->lost, .of = of, .cause = sample->missed ? LOST_PROBE : LOST_RING},
	};

	sensor_emit(s, &event);
}

/* Rows of captures without a kind have none. */
static bool keeps_context(const struct source_probe *row)
{
	return !row->kinds || row->kinds == EVENT_KIND_BIT(EVENT_PROCESS_CWD);
}

/* A lost sample of a helper costs a detail of another event, not an event. */
static void sensor_take_loss(struct sensor *s, const struct probe *probe, const struct sample *sample)
{
	const struct source_probe *row = probe->instance.row;

	/* Somebody may have come or gone unseen. */
	s->rescan |= row->always;
	s->retrack |= keeps_context(row);
	if (probe->request) {
		emit_loss(s, probe, sample, probe->request->kind);
		return;
	}
	for (int kind = 0; kind < EVENT_KIND_COUNT && !row->helper; kind++)
		if (row->kinds & EVENT_KIND_BIT(kind))
			emit_loss(s, probe, sample, (enum event_kind)kind);
}

static const struct process *sensor_process(struct sensor *s, const struct sample *sample)
{
	if (sample->tgid != s->recent_tgid || !s->recent) {
		s->recent = process_cache_get(s->context.processes, sample->tgid, sample->time_ns);
		s->recent_tgid = sample->tgid;
	}
	return s->recent;
}

/* In `copy`, because the builder may take the thread out of the table; NULL: the process's own say it already. */
static const struct credentials *thread_credentials(const struct sensor *s, const struct sample *sample, const struct process *process,
						    struct credentials *copy)
{
	const struct credentials *found = thread_credentials_find(&s->context.thread_credentials, sample->tid);

	if (!found || (process && credentials_equal(found, &process->credentials)))
		return NULL;
	*copy = *found;
	return copy;
}

static void sensor_take_sample(struct sensor *s, const struct sample *sample)
{
	const struct probe *probe = sample->event->owner;
	const struct source_probe *row = probe->instance.row;
	struct credentials credentials;
	struct event event;

	if (sample->kind == SAMPLE_LOST) {
		sensor_take_loss(s, probe, sample);
		return;
	}
	/* The process cache has to know even of what is not reported. */
	if (is_ours(s, sample->tgid) && !row->always) {
		s->self.seen = true;
		return;
	}
	event.cpu = sample->cpu;
	event.tid = sample->tid;
	event.tgid = sample->tgid;
	event.time_ns = sample->time_ns;
	event.sequence = 0;
	event.addressee = NULL;
	event.capture = CAPTURE_KERNEL;
	event.request = probe->request;
	event.process = sensor_process(s, sample);
	event.credentials = thread_credentials(s, sample, event.process, &credentials);
	if (row->always)
		s->recent = NULL;
	if (row->build(&s->context, &probe->instance, sample, &event) && !is_ours(s, event.tgid))
		sensor_emit(s, &event);
}

static void refresh_filter(struct sensor *s, struct probe *probe)
{
	char *filter = probe->filter ? strdup(probe->filter) : NULL;
	struct error err = {0};

	if (probe->event && !probe->instance.row->always && refilter(s, probe, filter, &err))
		log_debug("cannot filter our own threads", "error=\"%s\"", err.message);
	free(filter);
}

/* What a client asked for is never let go, not even for a moment: when the new filter is refused, the old one stays. */
static void refresh_request(struct sensor *s, const struct probe *probe)
{
	char *combined = self_filter_combine(&s->self, probe->request->filter, false);
	struct error err = {0};

	if (probe->event->format && s->source->ops->refilter(s->source, probe->event, combined, &err))
		log_debug("cannot filter our own threads", "error=\"%s\"", err.message);
	free(combined);
}

/* A thread of ours that the kernel does not filter yet was seen: the filters are made anew. */
static void sensor_refresh_self(struct sensor *s)
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

void sensor_expect_notices(struct sensor *s, bool of_execs, bool of_exits)
{
	s->context.expects_exec_notices = of_execs;
	s->context.expects_exit_notices = of_exits;
}

static bool sensor_must_wait(const struct sensor *s, const struct sample *sample, uint64_t horizon_ns)
{
	const struct probe *probe = sample->event->owner;

	return sample->kind == SAMPLE_HIT && probe->instance.row->wait_ns &&
	       horizon_ns < sample->time_ns + probe->instance.row->wait_ns(&s->context, &probe->instance, sample);
}

enum sensor_round_result sensor_round(struct sensor *s, uint32_t max_samples)
{
	const struct sample_source_ops *ops = s->source->ops;
	enum sensor_round_result result = SENSOR_IDLE;
	uint64_t horizon_ns = ops->advance(s->source);
	struct sample sample;
	uint32_t count = 0;

	s->rounds++;
	if (s->consumer.notices)
		s->consumer.notices(s->consumer.context);
	while (result == SENSOR_IDLE && ops->next(s->source, &sample)) {
		if (sensor_must_wait(s, &sample, horizon_ns)) {
			ops->hold(s->source);
			result = SENSOR_WAITING;
			break;
		}
		s->last_time_ns = sample.time_ns;
		sensor_take_sample(s, &sample);
		if (++count % RELEASE_SAMPLES == 0)
			ops->release(s->source);
		if (count == max_samples)
			result = SENSOR_MORE;
	}
	ops->release(s->source);
	if (result == SENSOR_IDLE && horizon_ns > s->last_time_ns)
		s->last_time_ns = horizon_ns;
	s->recent = NULL;
	process_cache_advance(s->context.processes, s->last_time_ns);
	process_notes_advance(s->context.notes, s->last_time_ns);
	s->consumer.flush(s->consumer.context);
	return result;
}

void sensor_settle(struct sensor *s)
{
	struct error err = {0};

	s->source->ops->settle(s->source);
	sensor_refresh_self(s);
	if (s->retrack)
		track_anew(s);
	s->retrack = false;
	if (!s->rescan)
		return;
	s->rescan = false;
	if (process_cache_scan(s->context.processes, &err))
		log_debug("cannot look for processes", "error=\"%s\"", err.message);
}

uint64_t sensor_now_ns(const struct sensor *s)
{
	return s->last_time_ns;
}

struct process_cache *sensor_processes(struct sensor *s)
{
	return s->context.processes;
}

void sensor_counters(const struct sensor *s, struct sensor_counters *ret)
{
	s->source->ops->counters(s->source, &ret->source);
	process_cache_counters(s->context.processes, &ret->processes);
	ret->events = s->events;
	ret->rounds = s->rounds;
}

struct event_walk {
	void (*fn)(void *context, const char *system, const char *name, const char *filter, const struct kernel_event *event);
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

void sensor_each_event(struct sensor *s,
		       void (*fn)(void *context, const char *system, const char *name, const char *filter,
				  const struct kernel_event *event),
		       void *context)
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
