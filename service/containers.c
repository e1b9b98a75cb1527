#include "service/containers.h"

#include "base/clock.h"
#include "proto/container_message.h"
#include "subscription/container_filter.h"
#include "subscription/status.h"

#include <errno.h>
#include <ringside/v0/sensor.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_OF_MEMORY "the sensor is out of memory"

struct list {
	const struct telemetry_backend *backend;
	struct container_filter *filter; /* NULL: all */
	bool with_stopped, with_files;

	/* The loop thread's during a turn. */
	char (*ids)[CONTAINER_ID_BYTES]; /* NULL: the first turn has not been */
	size_t count, next;
	struct buffer message, response;
	bool failed; /* out of memory */
	/* With files: the one container of a turn, whose message waits for them. */
	bool has_container;
	enum container_runtime runtime;
	bool has_docker_config, has_oci_config;
};

static void list_free(struct list *l)
{
	container_filter_free(l->filter);
	free(l->ids);
	buffer_done(&l->message);
	buffer_done(&l->response);
	free(l);
}

static void note_id(void *context, const struct container *c)
{
	struct list *l = context;

	if (c->id.length < CONTAINER_ID_BYTES)
		memcpy(l->ids[l->count++], c->id.bytes, c->id.length + 1);
}

static void note_ids(struct list *l, const struct container_table *table)
{
	l->ids = calloc(container_table_count(table) + 1, sizeof(*l->ids));
	if (l->ids)
		container_table_each(table, note_id, l);
	else
		l->failed = true;
}

static bool is_wanted(const struct list *l, const struct container *c)
{
	bool runs = c->processes || c->state == CONTAINER_RUNNING;

	return (runs || l->with_stopped) && (!l->filter || container_filter_matches(l->filter, c));
}

static size_t files_max(void)
{
	return RPC_MESSAGE_MAX - CONTAINER_MESSAGE_LISTED_BYTES;
}

static void put(struct list *l, const struct container *c)
{
	buffer_clear(&l->message);
	container_message_put(c, &l->message);
	if (!l->with_files) {
		container_message_list(&l->response, &l->message);
		return;
	}
	l->has_container = true;
	l->runtime = c->runtime;
	l->has_docker_config = c->docker_config.length;
	l->has_oci_config = c->oci_config.length;
	container_message_put_docker_config(&l->message, c->docker_config.bytes, c->docker_config.length, files_max());
	container_message_put_oci_config(&l->message, c->oci_config.bytes, c->oci_config.length, files_max());
}

/* The loop thread. */
static void take_turn(struct engine *engine, void *context)
{
	struct list *l = context;
	const struct container_table *table = l->backend->containers(engine);
	uint64_t end_ns = clock_monotonic_ns() + CONTAINERS_TURN_NS;

	if (!l->ids) {
		note_ids(l, table);
		return;
	}
	while (l->next < l->count && !l->has_container && l->response.length < CONTAINERS_MESSAGE_BYTES && clock_monotonic_ns() < end_ns) {
		const struct container *c = container_table_find(table, l->ids[l->next++]);

		if (c && is_wanted(l, c))
			put(l, c);
	}
}

/* Of several who have a file, the one that has most to say. */
static const struct container_fact *pick(const struct container_fact *list, bool docker)
{
	const struct container_fact *best = NULL;

	for (const struct container_fact *f = list; f; f = f->next)
		if ((docker ? f->docker_config : f->oci_config) && (!best || f->source > best->source))
			best = f;
	return best;
}

/* The container whose turn it was is the last one whose id was taken. */
static void add_files(struct list *l)
{
	const struct telemetry_backend *b = l->backend;
	struct container_fact *facts = NULL;
	const struct container_fact *docker, *oci;

	if (b->read_container && !(l->has_docker_config && l->has_oci_config))
		facts = b->read_container(b->engine, l->ids[l->next - 1], l->runtime);
	docker = l->has_docker_config ? NULL : pick(facts, true);
	oci = l->has_oci_config ? NULL : pick(facts, false);
	if (docker)
		container_message_put_docker_config(&l->message, docker->docker_config, strlen(docker->docker_config), files_max());
	if (oci)
		container_message_put_oci_config(&l->message, oci->oci_config, strlen(oci->oci_config), files_max());
	container_fact_free_all(facts);
	container_message_list(&l->response, &l->message);
	l->has_container = false;
}

static void send_response(struct rpc *rpc, struct list *l)
{
	struct chunk *chunk;
	uint8_t *bytes;
	size_t size;

	bytes = buffer_take(&l->response, &size);
	chunk = bytes ? chunk_new(bytes, size, 0) : NULL;
	if (chunk)
		rpc_send(rpc, &chunk, 1);
	else
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, OUT_OF_MEMORY);
}

/* One more turn; called again when what it gave has gone or, when it gave nothing, after others have had theirs. */
static void go_on(struct rpc *rpc)
{
	struct list *l = rpc_state(rpc);

	if (!l || rpc_sending(rpc))
		return;
	if (rpc_stopping(rpc) || l->backend->call(l->backend->engine, take_turn, l) < 0) {
		rpc_finish(rpc, STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
		return;
	}
	if (l->has_container)
		add_files(l);
	if (l->failed || l->response.failed)
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, OUT_OF_MEMORY);
	else if (l->response.length)
		send_response(rpc, l);
	else if (l->next == l->count && l->ids)
		rpc_finish(rpc, STATUS_OK, NULL);
	else
		rpc_wake(rpc);
}

/* 0, -EINVAL with a sentence, or -ENOMEM. */
static int read_filters(struct list *l, const Ringside__V0__ListContainersRequest *request, struct error *err)
{
	if (request->n_filters > CONTAINERS_FILTERS_MAX)
		return error_set(err, -EINVAL, "filters: %zu; at most %d are allowed", request->n_filters, CONTAINERS_FILTERS_MAX);
	if (request->n_filters)
		l->filter = container_filter_new();
	for (size_t i = 0; i < request->n_filters; i++) {
		struct error reason;
		int r = l->filter ? container_filter_add_any(l->filter, request->filters[i], &reason) : -ENOMEM;

		if (r == -EINVAL)
			return error_set(err, r, "filters[%zu]: %s", i, reason.message);
		if (r)
			return r;
	}
	return 0;
}

static struct list *list_new(const struct telemetry_backend *backend, const Ringside__V0__ListContainersRequest *request)
{
	struct list *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->backend = backend;
	l->with_stopped = request->include_stopped;
	l->with_files = request->include_json;
	buffer_init(&l->message, 0);
	buffer_init(&l->response, 0);
	return l;
}

static void begin(struct rpc *rpc, const Ringside__V0__ListContainersRequest *request)
{
	struct list *l = list_new(rpc_service(rpc), request);
	struct error err = {0};
	int r;

	if (!l) {
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, OUT_OF_MEMORY);
		return;
	}
	rpc_set_state(rpc, l);
	r = read_filters(l, request, &err);
	if (!r)
		go_on(rpc);
	else if (r == -EINVAL)
		rpc_finish(rpc, STATUS_INVALID_ARGUMENT, err.message);
	else
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, OUT_OF_MEMORY);
}

static void list_containers(struct rpc *rpc, const uint8_t *bytes, size_t size)
{
	Ringside__V0__ListContainersRequest *request = ringside__v0__list_containers_request__unpack(NULL, size, bytes);

	if (!request) {
		rpc_finish(rpc, STATUS_INVALID_ARGUMENT, "the request is not a ListContainersRequest");
		return;
	}
	begin(rpc, request);
	ringside__v0__list_containers_request__free_unpacked(request, NULL);
}

static void closed(struct rpc *rpc)
{
	struct list *l = rpc_state(rpc);

	rpc_set_state(rpc, NULL);
	if (l)
		list_free(l);
}

int containers_add(struct rpc_server *s, const struct telemetry_backend *backend, struct error *err)
{
	const struct rpc_method method = {
		.path = "/ringside.v0.SensorService/ListContainers",
		.service = (void *)backend,
		.message = list_containers,
		.sent = go_on,
		.woken = go_on,
		.closed = closed,
	};

	return rpc_server_add(s, &method, err);
}
