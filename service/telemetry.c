#include "service/telemetry.h"

#include "proto/capsule8_decoder.h"
#include "proto/capsule8_encoder.h"
#include "subscription/status.h"

#include <errno.h>
#include <stdlib.h>

/* Of what a client asked for, in a refusal: the reason has to fit into a status, too. */
#define CALL_SHOWN_MAX 200

struct telemetry_stream {
	const struct telemetry_backend *backend;
	struct outbox *outbox;
	struct engine_subscription *subscription;
};

/* Any thread: whoever puts into the outbox. */
static void wake(void *rpc)
{
	rpc_wake(rpc);
}

static struct telemetry_stream *stream_free(struct telemetry_stream *stream)
{
	outbox_stop_ready(stream->outbox);
	outbox_close(stream->outbox);
	if (stream->subscription)
		stream->backend->unsubscribe(stream->backend->engine, stream->subscription);
	outbox_unref(stream->outbox);
	free(stream);
	return NULL;
}

static struct telemetry_stream *stream_new(struct rpc *rpc)
{
	const struct telemetry_backend *backend = rpc_service(rpc);
	const struct outbox_callbacks callbacks = {.ready = wake, .ready_context = rpc};
	struct telemetry_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->backend = backend;
	stream->outbox = outbox_new(backend->queue_bytes, &callbacks);
	if (stream->outbox)
		return stream;
	free(stream);
	return NULL;
}

static struct chunk *make_first(void *context, const struct subscriber_statuses *statuses)
{
	(void)context;
	return capsule8_statuses_chunk(statuses);
}

static int code_of(int r)
{
	switch (r) {
	case -EINVAL:
		return STATUS_INVALID_ARGUMENT;
	case -EOPNOTSUPP:
		return STATUS_UNIMPLEMENTED;
	case -ENOMEM:
		return STATUS_RESOURCE_EXHAUSTED;
	default:
		return STATUS_INTERNAL;
	}
}

/* Sends what is ready, or the end behind it. Called whenever one of the two may have become possible. */
static void pump(struct rpc *rpc)
{
	struct telemetry_stream *stream = rpc_state(rpc);
	struct chunk *chunks[RPC_SEND_CHUNKS];
	struct outbox_end end;
	bool ended;
	size_t count;

	if (!stream || rpc_sending(rpc))
		return;
	count = outbox_take(stream->outbox, chunks, RPC_SEND_CHUNKS, TELEMETRY_MESSAGE_BYTES, &end, &ended);
	if (count > 0)
		rpc_send(rpc, chunks, count);
	else if (ended)
		rpc_finish(rpc, end.code, end.message);
}

static void start(struct rpc *rpc, struct subscription_spec *spec)
{
	struct telemetry_stream *stream = stream_new(rpc);
	const struct telemetry_backend *backend = rpc_service(rpc);

	if (!stream) {
		subscription_spec_free(spec);
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
		return;
	}
	rpc_set_state(rpc, stream);
	stream->subscription = backend->subscribe(backend->engine, spec, backend->encoder, stream->outbox, make_first, NULL);
	if (stream->subscription)
		return;
	rpc_set_state(rpc, stream_free(stream));
	rpc_finish(rpc, STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
}

static bool is_call(enum event_kind kind)
{
	switch (kind) {
	case EVENT_KERNEL_CALL_ENTER:
	case EVENT_KERNEL_CALL_EXIT:
	case EVENT_USER_CALL_ENTER:
	case EVENT_USER_CALL_EXIT:
		return true;
	default:
		return false;
	}
}

static int refuse_call(struct clause *c)
{
	struct buffer description;
	int r = -ENOMEM;

	buffer_init(&description, 0);
	clause_describe(c, &description);
	if (!description.failed)
		r = clause_refuse(
			c, STATUS_PERMISSION_DENIED,
			"%.*s: function calls, which can read any memory, are served on a unix socket only, unless the sensor runs"
			" with --allow-remote-calls",
			(int)(description.length < CALL_SHOWN_MAX ? description.length : CALL_SHOWN_MAX), (const char *)description.data);
	buffer_done(&description);
	return r;
}

/* What the caller may not have becomes a clause that says so. -ENOMEM. */
static int withhold(const struct rpc *rpc, struct subscription_spec *spec)
{
	const struct telemetry_backend *backend = rpc_service(rpc);
	int r = 0;

	if (backend->allow_remote_calls || rpc_from_unix_socket(rpc))
		return 0;
	for (size_t i = 0; !r && i < spec->clause_count; i++)
		if (is_call(spec->clauses[i].kind))
			r = refuse_call(&spec->clauses[i]);
	return r;
}

static void request(struct rpc *rpc, const uint8_t *bytes, size_t size)
{
	const struct telemetry_backend *backend = rpc_service(rpc);
	struct subscription_spec *spec;
	struct error err = {0};
	int r;

	if (rpc_stopping(rpc)) {
		rpc_finish(rpc, STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
		return;
	}
	r = capsule8_decode_request(bytes, size, &backend->decode_options, &spec, &err);
	if (r < 0) {
		rpc_finish(rpc, code_of(r), err.message);
		return;
	}
	if (withhold(rpc, spec)) {
		subscription_spec_free(spec);
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
		return;
	}
	start(rpc, spec);
}

/* What is queued goes out before the end, as far as the client takes it in time. */
static void stopping(struct rpc *rpc)
{
	struct telemetry_stream *stream = rpc_state(rpc);

	if (!stream) {
		rpc_finish(rpc, STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
		return;
	}
	outbox_finish(stream->outbox, STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
	pump(rpc);
}

static void closed(struct rpc *rpc)
{
	struct telemetry_stream *stream = rpc_state(rpc);

	if (stream)
		rpc_set_state(rpc, stream_free(stream));
}

int telemetry_add(struct rpc_server *s, const struct telemetry_backend *backend, struct error *err)
{
	const struct rpc_method get_events = {
		.path = "/" TELEMETRY_SERVICE "/GetEvents",
		.service = (void *)backend,
		.message = request,
		.sent = pump,
		.woken = pump,
		.stopping = stopping,
		.closed = closed,
	};

	return rpc_server_add(s, &get_events, err);
}
