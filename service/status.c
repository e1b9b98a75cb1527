#include "service/status.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "recorder/recorder.h"
#include "sensor/sensor.h"
#include "service/history.h"
#include "service/packed.h"
#include "subscription/status.h"

#include <ringside/v0/sensor.pb-c.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is gathered on the loop thread; everything in the response is from malloc, so that its own destructor frees it. */
struct snapshot {
	const struct telemetry_backend *backend;
	Ringside__V0__GetStatusResponse *response;
	bool failed; /* out of memory */
};

/* Room for one more pointer at the end of a repeated field. NULL: out of memory, and the old array stays. */
static void *grow(struct snapshot *s, void *items, size_t count)
{
	void *grown = reallocarray(items, count + 1, sizeof(void *));

	if (!grown)
		s->failed = true;
	return grown;
}

/* An item that `init` has initialized. */
static void *make(struct snapshot *s, size_t size, void (*init)(void *item))
{
	void *item = calloc(1, size);

	if (item)
		init(item);
	else
		s->failed = true;
	return item;
}

static char *copy(struct snapshot *s, const char *string)
{
	char *copied = strdup(string ? string : "");

	if (!copied)
		s->failed = true;
	return copied;
}

#define DEFINE_INIT(name, type, function)   \
	static void init_##name(void *item) \
	{                                   \
		function((type *)item);     \
	}

DEFINE_INIT(kernel_event, Ringside__V0__KernelEvent, ringside__v0__kernel_event__init)
DEFINE_INIT(subscriber, Ringside__V0__Subscriber, ringside__v0__subscriber__init)
DEFINE_INIT(rings, Ringside__V0__RingCounters, ringside__v0__ring_counters__init)
DEFINE_INIT(processes, Ringside__V0__ProcessCounters, ringside__v0__process_counters__init)
DEFINE_INIT(containers, Ringside__V0__ContainerCounters, ringside__v0__container_counters__init)
DEFINE_INIT(recorder, Ringside__V0__RecorderStatus, ringside__v0__recorder_status__init)
DEFINE_INIT(timestamp, Google__Protobuf__Timestamp, google__protobuf__timestamp__init)

static void add_kernel_event(void *context, const char *system, const char *name, const char *filter, const struct kernel_event *event)
{
	struct snapshot *s = context;
	Ringside__V0__GetStatusResponse *r = s->response;
	Ringside__V0__KernelEvent **items = grow(s, r->kernel_events, r->n_kernel_events);
	Ringside__V0__KernelEvent *item;

	if (!items)
		return;
	r->kernel_events = items;
	item = make(s, sizeof(*item), init_kernel_event);
	if (!item)
		return;
	items[r->n_kernel_events++] = item;
	item->system = copy(s, system);
	item->name = copy(s, name);
	item->filter = copy(s, filter);
	item->delivered = event->delivered;
	item->lost = event->lost;
}

static char *clause_text(const struct clause *c)
{
	struct buffer out;
	char *text;

	buffer_init(&out, 0);
	if (c->kind == EVENT_KIND_COUNT)
		buffer_printf(&out, "not served: %s", c->refusal ? c->refusal : "");
	else
		clause_describe(c, &out);
	text = (char *)buffer_take(&out, &(size_t){0});
	buffer_done(&out);
	return text;
}

static void add_clauses(struct snapshot *s, Ringside__V0__Subscriber *item, const struct subscription_spec *spec)
{
	item->clauses = calloc(spec->clause_count ? spec->clause_count : 1, sizeof(*item->clauses));
	if (!item->clauses) {
		s->failed = true;
		return;
	}
	for (size_t i = 0; i < spec->clause_count; i++) {
		char *text = clause_text(&spec->clauses[i]);

		if (!text) {
			s->failed = true;
			return;
		}
		item->clauses[item->n_clauses++] = text;
	}
}

static bool add_subscriber(void *context, const struct subscription_spec *spec, const struct subscriber_counters *counters,
			   const struct outbox_counters *outbox)
{
	struct snapshot *s = context;
	Ringside__V0__GetStatusResponse *r = s->response;
	Ringside__V0__Subscriber **items = grow(s, r->subscribers, r->n_subscribers);
	Ringside__V0__Subscriber *item;

	if (!items)
		return true;
	r->subscribers = items;
	item = make(s, sizeof(*item), init_subscriber);
	if (!item)
		return true;
	items[r->n_subscribers++] = item;
	add_clauses(s, item, spec);
	item->matched = counters->matched;
	item->delivered = counters->delivered;
	item->lost_queue = counters->lost_queue;
	item->throttled = counters->throttled;
	item->lost_ring = counters->lost_ring;
	item->queue_bytes = outbox->bytes;
	item->queue_capacity = outbox->capacity;
	return false;
}

static void add_rings(struct snapshot *s, const struct sample_source_counters *c, uint64_t rounds)
{
	Ringside__V0__RingCounters *rings = make(s, sizeof(*rings), init_rings);

	if (!rings)
		return;
	rings->samples = c->samples;
	rings->lost = c->lost;
	rings->late = c->late;
	rings->corrupt = c->corrupt;
	rings->unknown = c->unknown;
	rings->ring_bytes = c->ring_bytes;
	rings->rings = c->rings;
	rings->descriptors = c->descriptors;
	rings->rounds = rounds;
	s->response->rings = rings;
}

static void add_processes(struct snapshot *s, const struct process_cache_counters *c)
{
	Ringside__V0__ProcessCounters *processes = make(s, sizeof(*processes), init_processes);

	if (!processes)
		return;
	processes->alive = c->alive;
	processes->dead = c->dead;
	processes->created = c->created;
	processes->looked_up = c->looked_up;
	processes->cut = c->cut;
	s->response->processes = processes;
}

static void add_containers(struct snapshot *s, const struct sensor_container_counters *c)
{
	Ringside__V0__ContainerCounters *containers = make(s, sizeof(*containers), init_containers);

	if (!containers)
		return;
	containers->known = c->known;
	containers->pending = c->pending;
	containers->facts = c->watch.facts;
	containers->unreadable = c->watch.unreadable;
	containers->overflows = c->watch.overflows;
	containers->watched = c->watch.containers;
	containers->unwatched = c->watch.unwatched;
	containers->sockets = c->sockets;
	containers->problem = copy(s, c->watch.problem);
	s->response->containers = containers;
}

static Google__Protobuf__Timestamp *make_timestamp(struct snapshot *s, uint64_t time_ns)
{
	Google__Protobuf__Timestamp *timestamp = make(s, sizeof(*timestamp), init_timestamp);

	if (!timestamp)
		return NULL;
	timestamp->seconds = (int64_t)(time_ns / NSEC_PER_SEC);
	timestamp->nanos = (int32_t)(time_ns % NSEC_PER_SEC);
	return timestamp;
}

static void add_recorder(struct snapshot *s, struct recorder *recorder, const struct history_counters *history)
{
	Ringside__V0__RecorderStatus *status = make(s, sizeof(*status), init_recorder);
	struct recorder_counters c;

	if (!status)
		return;
	s->response->recorder = status;
	recorder_counters(recorder, &c);
	status->events = c.events;
	status->lost = c.lost;
	status->raw_bytes = c.raw_bytes;
	status->written_bytes = c.written_bytes;
	status->stored_bytes = c.stored_bytes;
	status->capacity_bytes = recorder_options(recorder)->capacity_bytes;
	status->segments = c.segments;
	status->deleted_segments = c.deleted_segments;
	status->queued_bytes = c.queued_bytes;
	status->queue_capacity = recorder_options(recorder)->memory_bytes;
	if (c.oldest_ns > 0)
		status->oldest = make_timestamp(s, (uint64_t)c.oldest_ns);
	status->failing = c.failing;
	status->failures = c.failures;
	status->failure = copy(s, c.failure);
	status->replaying = history->replaying;
	status->joined = history->joined;
	status->directory = copy(s, recorder_options(recorder)->directory);
	status->query = copy(s, recorder_options(recorder)->query);
}

static void add_identity(struct snapshot *s)
{
	s->response->version = copy(s, RINGSIDE_VERSION);
	s->response->sensor_id = copy(s, s->backend->sensor_id);
	s->response->pid = (int32_t)getpid();
	s->response->start_time = make_timestamp(s, s->backend->start_time_ns);
}

/* The loop thread. */
static void gather(struct engine *engine, void *context)
{
	struct snapshot *s = context;
	struct sensor_counters counters;
	struct sensor_container_counters containers;
	struct history_counters history;

	sensor_counters(engine_sensor(engine), &counters);
	engine_container_counters(engine, &containers);
	if (s->backend->count_sockets)
		containers.sockets = s->backend->count_sockets(s->backend->runtimes);
	add_rings(s, &counters.source, counters.rounds);
	add_processes(s, &counters.processes);
	add_containers(s, &containers);
	if (engine_history_counters(engine, &history))
		add_recorder(s, engine_recorder(engine), &history);
	sensor_each_event(engine_sensor(engine), add_kernel_event, s);
	subscriber_set_each(engine_subscribers(engine), add_subscriber, s);
	s->response->last_sequence_number = subscriber_set_sequence(engine_subscribers(engine));
}

static void reply(struct rpc *rpc, const struct snapshot *s)
{
	struct chunk *packed = s->failed ? NULL : packed_message(&s->response->base);

	if (packed)
		rpc_reply(rpc, packed);
	else
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
}

/* The request has no fields: whatever bytes it has are of a later version's. */
static void get_status(struct rpc *rpc, const uint8_t *bytes, size_t size)
{
	struct snapshot s = {.backend = rpc_service(rpc)};

	(void)bytes;
	(void)size;
	s.response = malloc(sizeof(*s.response));
	if (!s.response) {
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
		return;
	}
	ringside__v0__get_status_response__init(s.response);
	add_identity(&s);
	if (s.backend->call(s.backend->engine, gather, &s) < 0)
		rpc_finish(rpc, STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
	else
		reply(rpc, &s);
	ringside__v0__get_status_response__free_unpacked(s.response, NULL);
}

int status_add(struct rpc_server *s, const struct telemetry_backend *backend, struct error *err)
{
	const struct rpc_method method = {
		.path = "/ringside.v0.SensorService/GetStatus",
		.service = (void *)backend,
		.message = get_status,
	};

	return rpc_server_add(s, &method, err);
}
