#ifndef SERVICE_TELEMETRY_H
#define SERVICE_TELEMETRY_H

#include "proto/capsule8_decoder.h"
#include "service/engine.h"
#include "service/rpc_server.h"

/*
 * capsule8.api.v0.TelemetryService: GetEvents as a stream over an outbox.
 *
 * The engine puts chunks into the outbox, the first of them (the statuses) as soon as the subscription is active. The server thread takes
 * as many as are ready, up to TELEMETRY_MESSAGE_BYTES, and sends them as one response: chunks are complete entries of the response message.
 * One message is under way at a time, so a client that does not read stalls its own outbox, and what is held for it is the outbox's
 * capacity, one message, and little else. The outbox's end becomes the status of the stream.
 *
 * Clauses of function calls are for callers on a unix socket, unless the backend allows more: to others they are refused with
 * PERMISSION_DENIED, and the rest of the subscription runs.
 */

#define TELEMETRY_SERVICE       "capsule8.api.v0.TelemetryService"
#define TELEMETRY_MESSAGE_BYTES (1024 * 1024)

/* What the services need of the engine: its functions of the same name, and for tests a fake's. Outlives the server. */
struct telemetry_backend {
	struct engine *engine; /* first argument of the functions */
	struct encoder *encoder;
	size_t queue_bytes;      /* per stream */
	bool allow_remote_calls; /* serve function calls to callers on TCP, too: they read any memory of the kernel and of programs */
	struct capsule8_decode_options decode_options;
	const char *sensor_id;  /* for GetStatus, like the next one */
	uint64_t start_time_ns; /* CLOCK_REALTIME */
	struct engine_subscription *(*subscribe)(struct engine *e, struct subscription_spec *spec, struct encoder *encoder,
						 struct outbox *outbox,
						 struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses),
						 void *first_context);
	void (*unsubscribe)(struct engine *e, struct engine_subscription *subscription);
	int (*call)(struct engine *e, engine_call_fn fn, void *context);
	const struct container_table *(*containers)(struct engine *e);
	/* What the runtimes' files say of a container now, as a list that the caller frees (container_lookup_read()); NULL: nothing. Any thread. The
	 * function itself may be NULL: nobody reads them. */
	struct container_fact *(*read_container)(struct engine *e, const char *id, enum container_runtime runtime);
	/* How many sockets of container runtimes are connected now. Any thread. May be NULL. */
	uint32_t (*count_sockets)(const void *runtimes);
	const void *runtimes;
};

int telemetry_add(struct rpc_server *s, const struct telemetry_backend *backend, struct error *err);

#endif
