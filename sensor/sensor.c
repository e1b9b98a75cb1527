#include "sensor/sensor.h"

#include "base/clock.h"
#include "base/log.h"
#include "sensor/catalog.h"
#include "sensor/process_notes.h"
#include "sensor/self_filter.h"
#include "sensor/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Space goes back to the kernel after so many samples, so that a full ring gets room while a long round goes on. */
#define RELEASE_SAMPLES 64

/* A tracepoint of a source, and what became of it here. */
struct probe {
	const struct source_tracepoint *row;
	struct kernel_event *event; /* NULL: not installed */
	char *filter;               /* as asked for by the plan, without our own threads' part */
	struct format_field fields[SOURCE_FIELDS_MAX];
	/* The kind that comes from this very tracepoint; EVENT_KIND_COUNT: it only helps others. */
	enum event_kind kind;
	struct error refusal;
};

struct sensor {
	struct sample_source *source;
	struct sensor_consumer consumer;
	struct source_context context;
	struct self_filter self;
	struct probe *probes;
	size_t probe_count;
	uint64_t last_time_ns; /* of the last event or horizon */
	uint64_t events;
	uint64_t rounds;
	bool rescan; /* samples that the process cache lives on were lost */
	/* The last process that a sample named, until the cache changes. */
	const struct process *recent;
	uint32_t recent_tgid;
};

static enum event_kind row_kind(const struct source_tracepoint *row)
{
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		const struct catalog_entry *entry = catalog_entry((enum event_kind)kind);

		if ((row->kinds & EVENT_KIND_BIT(kind)) && entry->system && !strcmp(entry->system, row->system) &&
		    !strcmp(entry->tracepoint, row->name))
			return (enum event_kind)kind;
	}
	return EVENT_KIND_COUNT;
}

static int probe_compile(struct probe *probe, struct error *err)
{
	for (size_t i = 0; i < SOURCE_FIELDS_MAX && probe->row->fields[i]; i++) {
		const char *name = probe->row->fields[i];
		bool optional = name[0] == '?';
		int code = format_field(probe->event->format, name + optional, &probe->fields[i], optional ? NULL : err);

		if (code && !optional)
			return code;
		if (code)
			probe->fields[i] = (struct format_field){0};
	}
	return 0;
}

/* Our own threads' hits are dropped in user space too: what the kernel drops only saves time. */
static char *probe_kernel_filter(const struct sensor *s, const struct probe *probe, const char *filter)
{
	return self_filter_combine(&s->self, probe->row->always ? NULL : filter, probe->row->always);
}

static int probe_install(struct sensor *s, struct probe *probe, const char *filter, struct error *err)
{
	char *combined = probe_kernel_filter(s, probe, filter);
	struct kernel_event_spec spec = {.system = probe->row->system,
					 .name = probe->row->name,
					 .filter = combined,
					 .with_abi = probe->row->with_abi};
	int code = s->source->ops->add(s->source, &spec, probe, &probe->event, err);

	/* A filter is only there to save work. */
	if (code == -EINVAL && combined) {
		log_debug("filter refused, going on without", "event=%s:%s error=\"%s\"", spec.system, spec.name, err ? err->message : "");
		spec.filter = NULL;
		code = s->source->ops->add(s->source, &spec, probe, &probe->event, err);
	}
	free(combined);
	if (code) {
		probe->event = NULL;
		return code;
	}
	code = probe_compile(probe, err);
	if (code) {
		s->source->ops->remove(s->source, probe->event);
		probe->event = NULL;
		return code;
	}
	probe->filter = filter ? strdup(filter) : NULL;
	return 0;
}

static void probe_remove(struct sensor *s, struct probe *probe)
{
	if (probe->event)
		s->source->ops->remove(s->source, probe->event);
	probe->event = NULL;
	free(probe->filter);
	probe->filter = NULL;
}

static int probe_refilter(struct sensor *s, struct probe *probe, const char *filter, struct error *err)
{
	char *combined = probe_kernel_filter(s, probe, filter);
	int code = s->source->ops->refilter(s->source, probe->event, combined, err);

	if (code == -EINVAL && combined)
		code = s->source->ops->refilter(s->source, probe->event, NULL, err);
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

static int probe_apply(struct sensor *s, struct probe *probe, const struct plan *plan, struct error *err)
{
	const char *filter = probe->kind == EVENT_KIND_COUNT || probe->row->always ? NULL : plan->kinds[probe->kind].filter;
	bool wanted = probe->row->always;

	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		wanted |= (probe->row->kinds & EVENT_KIND_BIT(kind)) && plan->kinds[kind].wanted;
	if (!wanted) {
		probe_remove(s, probe);
		return 0;
	}
	if (!probe->event)
		return probe_install(s, probe, filter, err);
	if (same_filter(filter, probe->filter))
		return 0;
	return probe_refilter(s, probe, filter, err);
}

void sensor_apply(struct sensor *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	for (size_t i = 0; i < s->probe_count; i++) {
		struct probe *probe = &s->probes[i];

		probe->refusal = (struct error){0};
		if (!probe_apply(s, probe, plan, &probe->refusal))
			continue;
		log_debug("cannot install", "event=%s:%s error=\"%s\"", probe->row->system, probe->row->name, probe->refusal.message);
		if (probe->kind != EVENT_KIND_COUNT)
			refusals[probe->kind] = probe->refusal;
	}
}

static int sensor_make_probes(struct sensor *s)
{
	const struct source_tracepoint *const tables[] = {process_source, syscall_source};
	const size_t counts[] = {process_source_count, syscall_source_count};

	s->probes = calloc(process_source_count + syscall_source_count, sizeof(*s->probes));
	if (!s->probes)
		return -ENOMEM;
	for (size_t table = 0; table < 2; table++) {
		for (size_t i = 0; i < counts[table]; i++) {
			struct probe *probe = &s->probes[s->probe_count++];

			probe->row = &tables[table][i];
			probe->kind = row_kind(probe->row);
		}
	}
	return 0;
}

int sensor_new(struct sensor **ret, const struct sensor_options *options, const struct sensor_consumer *consumer, struct error *err)
{
	struct process_cache_options cache_options = {.proc = options->proc};
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
	s->context.notes = process_notes_new();
	code = s->context.notes ? sensor_make_probes(s) : -ENOMEM;
	if (code) {
		error_set(err, code, "out of memory");
		goto fail;
	}
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

struct sensor *sensor_free(struct sensor *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->probe_count; i++)
		probe_remove(s, &s->probes[i]);
	s->source->ops->free(s->source);
	process_cache_free(s->context.processes);
	process_notes_free(s->context.notes);
	self_filter_done(&s->self);
	free(s->probes);
	free(s);
	return NULL;
}

void sensor_notice(void *sensor, const struct notice *notice)
{
	process_notes_put(((struct sensor *)sensor)->context.notes, notice);
}

static void sensor_emit(struct sensor *s, struct event *event)
{
	s->events++;
	s->consumer.event(s->consumer.context, event);
}

static void sensor_take_loss(struct sensor *s, const struct probe *probe, const struct sample *sample)
{
	struct event event = {
		.kind = EVENT_LOST,
		.cpu = sample->cpu,
		.time_ns = sample->time_ns,
		.lost = {.count = sample->lost, .of = probe->kind, .cause = LOST_RING},
	};

	/* Somebody may have come or gone unseen. */
	s->rescan |= probe->row->always;
	/* A lost helper sample costs a detail of another event, not an event. */
	if (probe->kind != EVENT_KIND_COUNT)
		sensor_emit(s, &event);
}

static const struct process *sensor_process(struct sensor *s, const struct sample *sample)
{
	if (sample->tgid != s->recent_tgid || !s->recent) {
		s->recent = process_cache_get(s->context.processes, sample->tgid, sample->time_ns);
		s->recent_tgid = sample->tgid;
	}
	return s->recent;
}

static void sensor_take_sample(struct sensor *s, const struct sample *sample)
{
	const struct probe *probe = sample->event->owner;
	struct event event;

	if (sample->kind == SAMPLE_LOST) {
		sensor_take_loss(s, probe, sample);
		return;
	}
	/* The process cache has to know even of what is not reported. */
	if (sample->tgid == s->self.tgid && !probe->row->always) {
		s->self.seen = true;
		return;
	}
	event.cpu = sample->cpu;
	event.tid = sample->tid;
	event.tgid = sample->tgid;
	event.time_ns = sample->time_ns;
	event.sequence = 0;
	event.addressee = NULL;
	event.process = sensor_process(s, sample);
	if (probe->row->always)
		s->recent = NULL;
	if (probe->row->build(&s->context, probe->fields, sample, &event) && event.tgid != s->self.tgid)
		sensor_emit(s, &event);
}

/* A thread of ours that the kernel does not filter yet was seen: the filters are made anew. */
static void sensor_refresh_self(struct sensor *s)
{
	if (!self_filter_refresh(&s->self))
		return;
	for (size_t i = 0; i < s->probe_count; i++) {
		struct probe *probe = &s->probes[i];
		char *filter = probe->filter ? strdup(probe->filter) : NULL;
		struct error err = {0};

		if (probe->event && !probe->row->always && probe_refilter(s, probe, filter, &err))
			log_debug("cannot filter our own threads", "error=\"%s\"", err.message);
		free(filter);
	}
}

void sensor_expect_notices(struct sensor *s, bool of_execs, bool of_exits)
{
	s->context.expects_exec_notices = of_execs;
	s->context.expects_exit_notices = of_exits;
}

static bool sensor_must_wait(const struct sensor *s, const struct sample *sample, uint64_t horizon_ns)
{
	const struct probe *probe = sample->event->owner;

	return sample->kind == SAMPLE_HIT && probe->row->wait_ns &&
	       horizon_ns < sample->time_ns + probe->row->wait_ns(&s->context, probe->fields, sample);
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

void sensor_each_event(struct sensor *s,
		       void (*fn)(void *context, const char *system, const char *name, const char *filter,
				  const struct kernel_event *event),
		       void *context)
{
	for (size_t i = 0; i < s->probe_count; i++)
		if (s->probes[i].event)
			fn(context, s->probes[i].row->system, s->probes[i].row->name, s->probes[i].filter ? s->probes[i].filter : "",
			   s->probes[i].event);
}
