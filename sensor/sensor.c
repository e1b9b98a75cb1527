#include "sensor/sensor.h"

#include "base/clock.h"
#include "base/log.h"
#include "sensor/call_table.h"
#include "sensor/container_table.h"
#include "sensor/process_notes.h"
#include "sensor/source.h"

#include <errno.h>
#include <stdlib.h>

/* Space goes back to the kernel after so many samples, so that a full ring gets room while a long round goes on. */
#define RELEASE_SAMPLES 64

struct sensor {
	struct source_context context; /* first: builders get it */
	struct sample_source *source;
	struct sensor_consumer consumer;
	struct probe_set probes;
	struct container_table *containers;
	uint64_t last_time_ns; /* of the last event or horizon */
	uint64_t events;
	uint64_t rounds;
	uint64_t forgotten; /* of call_table_forgotten(), what was told */
	/* What runtimes have told, oldest first, that is later than the last sample. */
	struct container_fact *facts, **facts_end;
	struct container_fact *(*catch_up)(void *context);
	void *catch_up_context;
	bool rescan;  /* samples that the process cache lives on were lost */
	bool retrack; /* samples of changes of directory or credentials were */
	/* The last process that a sample named, until the cache changes. */
	const struct process *recent;
	uint32_t recent_tgid;
};

/* Only with the probes that keep it true: a working directory, or rights, of some time ago are worse than none. */
static void track(struct sensor *s)
{
	bool cwd = probe_set_captures(&s->probes, EVENT_PROCESS_CWD, NULL);
	bool credentials = probe_set_captures(&s->probes, EVENT_KIND_COUNT, "credentials");

	process_cache_track(s->context.processes, cwd, credentials);
	process_cache_follow_cgroups(s->context.processes, probe_set_has(&s->probes, "cgroup", "cgroup_attach_task"));
	if (!credentials)
		thread_credentials_done(&s->context.thread_credentials);
}

/* After a change was missed: /proc knows what it was, except of threads. */
static void track_anew(struct sensor *s)
{
	process_cache_track(s->context.processes, false, false);
	thread_credentials_done(&s->context.thread_credentials);
	process_cache_reread_containers(s->context.processes);
	track(s);
}

void sensor_apply(struct sensor *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	container_table_keep_json(s->containers, plan->container_json);
	probe_set_apply(&s->probes, plan, refusals);
	track(s);
}

static void emit_from_builder(struct source_context *context, struct event *event);

static void queue_facts(struct sensor *s, struct container_fact *list)
{
	*s->facts_end = list;
	while (*s->facts_end)
		s->facts_end = &(*s->facts_end)->next;
}

/* All at once, for somebody who cannot wait: a container_table's `catch_up`. */
static struct container_fact *catch_up(void *context)
{
	struct sensor *s = context;
	struct container_fact *list;

	queue_facts(s, s->catch_up(s->catch_up_context));
	list = s->facts;
	s->facts = NULL;
	s->facts_end = &s->facts;
	return list;
}

static int make_context(struct sensor *s, struct error *err)
{
	s->context.notes = process_notes_new();
	s->context.calls = call_table_new();
	s->context.emit = emit_from_builder;
	return s->context.notes && s->context.calls ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int sensor_new(struct sensor **ret, const struct sensor_options *options, const struct sensor_consumer *consumer, struct error *err)
{
	struct container_table_options table_options = {.roots = options->container_roots, .catch_up = options->catch_up ? catch_up : NULL};
	struct process_cache_options cache_options = {.proc = options->proc, .self_tgid = options->probes.self_tgid};
	struct error refusals[EVENT_KIND_COUNT] = {0};
	struct plan nothing = {0};
	struct sensor *s = calloc(1, sizeof(*s));
	int code;

	if (!s) {
		options->source->ops->free(options->source);
		container_fact_free_all(options->facts);
		return error_set(err, -ENOMEM, "out of memory");
	}
	s->source = options->source;
	s->consumer = *consumer;
	s->facts_end = &s->facts;
	s->catch_up = options->catch_up;
	s->catch_up_context = options->catch_up_context;
	table_options.context = s;
	code = container_table_new(&s->containers, &table_options, err);
	if (!code)
		container_table_take(s->containers, options->facts, clock_monotonic_ns());
	else
		container_fact_free_all(options->facts);
	if (!code)
		code = make_context(s, err);
	if (!code)
		code = probe_set_init(&s->probes, s->source, &options->probes, err);
	if (code)
		goto fail;
	cache_options.containers = s->containers;
	code = process_cache_new(&s->context.processes, &cache_options, err);
	if (code)
		goto fail;
	/* What happens during the scan is in the rings, and told again on top of it. */
	sensor_apply(s, &nothing, refusals);
	container_table_set_scanning(s->containers, true);
	code = process_cache_scan(s->context.processes, err);
	container_table_set_scanning(s->containers, false);
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
	probe_set_done(&s->probes);
	s->source->ops->free(s->source);
	process_cache_free(s->context.processes);
	container_table_free(s->containers);
	container_fact_free_all(s->facts);
	process_notes_free(s->context.notes);
	call_table_free(s->context.calls);
	thread_credentials_done(&s->context.thread_credentials);
	free(s);
	return NULL;
}

bool sensor_has_facts(const struct sensor *s)
{
	return s->facts;
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
	return tgid && tgid == s->probes.self.tgid;
}

static void emit_from_builder(struct source_context *context, struct event *event)
{
	struct sensor *s = (struct sensor *)context;

	if (!is_ours(s, event->tgid))
		sensor_emit(s, event);
}

/* A container_change_fn. */
static void emit_container(void *context, const struct container *container, const struct container_change *change)
{
	struct sensor *s = context;
	struct event event = {
		.kind = change->kind,
		.time_ns = s->last_time_ns,
		.container =
			{
				.container = container,
				.host_pid = change->pid,
				.exit_code = change->exit.code,
				.exit_status = change->exit.status,
				.exit_signal = change->exit.signal,
				.core_dumped = change->exit.core_dumped,
				.oom_killed = change->exit.oom_killed,
				.exit_unknown = change->kind == EVENT_CONTAINER_EXITED && !change->exit.known,
			},
	};

	sensor_emit(s, &event);
}

static void tell_containers(struct sensor *s)
{
	container_table_flush(s->containers, clock_monotonic_ns(), emit_container, s);
}

/* Those that were told by then. What the kernel told of before a runtime did comes before it: how a first process ended, say. */
static void take_facts_until(struct sensor *s, uint64_t time_ns)
{
	bool any = s->facts && s->facts->put_ns <= time_ns;

	while (s->facts && s->facts->put_ns <= time_ns) {
		struct container_fact *fact = s->facts;

		s->facts = fact->next;
		if (!s->facts)
			s->facts_end = &s->facts;
		fact->next = NULL;
		container_table_take(s->containers, fact, clock_monotonic_ns());
	}
	if (any)
		tell_containers(s);
}

void sensor_take_facts(struct sensor *s, struct container_fact *list)
{
	queue_facts(s, list);
	take_facts_until(s, s->last_time_ns);
}

static bool is_in_container(const struct event *event)
{
	return event->process && event->process->container;
}

/* A container runs before its first process does anything. */
static void note_exec(struct sensor *s, const struct event *event)
{
	container_table_exec(event->process->container, event->tgid, &event->exec.filename, clock_monotonic_ns());
	tell_containers(s);
}

/* And has exited after that has. */
static void note_exit(struct sensor *s, const struct event *event)
{
	const struct container_exit exit = container_exit_of_process(&event->exit);

	container_table_exit(event->process->container, event->tgid, &exit, clock_monotonic_ns());
	tell_containers(s);
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
		s->probes.self.seen = true;
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
	if (!row->build(&s->context, &probe->instance, sample, &event) || is_ours(s, event.tgid))
		return;
	if (event.kind == EVENT_PROCESS_EXEC && is_in_container(&event))
		note_exec(s, &event);
	sensor_emit(s, &event);
	if (event.kind == EVENT_PROCESS_EXIT && is_in_container(&event))
		note_exit(s, &event);
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
		take_facts_until(s, sample.time_ns);
		sensor_take_sample(s, &sample);
		if (++count % RELEASE_SAMPLES == 0)
			ops->release(s->source);
		if (count == max_samples)
			result = SENSOR_MORE;
	}
	ops->release(s->source);
	if (result == SENSOR_IDLE && horizon_ns > s->last_time_ns)
		s->last_time_ns = horizon_ns;
	if (result == SENSOR_IDLE)
		take_facts_until(s, horizon_ns);
	s->recent = NULL;
	tell_containers(s);
	process_cache_advance(s->context.processes, s->last_time_ns);
	process_notes_advance(s->context.notes, s->last_time_ns);
	s->consumer.flush(s->consumer.context);
	return result;
}

/* Calls for which there was no room until their end: what they would have been nobody knows any more. */
static void tell_forgotten(struct sensor *s)
{
	uint64_t forgotten = call_table_forgotten(s->context.calls);
	struct event event = {
		.kind = EVENT_LOST,
		.time_ns = s->last_time_ns,
		.lost = {.count = forgotten - s->forgotten, .of = EVENT_KIND_COUNT, .cause = LOST_RING},
	};

	if (event.lost.count)
		sensor_emit(s, &event);
	s->forgotten = forgotten;
}

void sensor_settle(struct sensor *s)
{
	struct error err = {0};

	s->source->ops->settle(s->source);
	tell_forgotten(s);
	probe_set_refresh_self(&s->probes);
	if (s->retrack)
		track_anew(s);
	s->retrack = false;
	container_table_refresh(s->containers, clock_monotonic_ns());
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

const struct container_table *sensor_containers(const struct sensor *s)
{
	return s->containers;
}

static void count_pending(void *context, const struct container *c)
{
	*(uint64_t *)context += c->pending;
}

void sensor_container_counters(const struct sensor *s, struct sensor_container_counters *ret)
{
	*ret = (struct sensor_container_counters){.known = container_table_count(s->containers)};
	container_table_each(s->containers, count_pending, &ret->pending);
}

void sensor_counters(const struct sensor *s, struct sensor_counters *ret)
{
	s->source->ops->counters(s->source, &ret->source);
	process_cache_counters(s->context.processes, &ret->processes);
	ret->events = s->events;
	ret->rounds = s->rounds;
}

void sensor_each_event(const struct sensor *s, kernel_event_fn fn, void *context)
{
	probe_set_each(&s->probes, fn, context);
}
