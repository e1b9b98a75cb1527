#include "service/rpc.h"

#include "base/log.h"
#include "service/rpc_call.h"

#include <assert.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

struct rpc {
	struct rpc_set *set;
	struct rpc *prev, *next;
	grpc_call *call;
	const struct rpc_method *method;
	void *state;
	_Atomic uint32_t pending; /* completions to come; wakes are added by other threads */
	atomic_bool wake_pending;
	bool had_message;
	bool sending;
	bool finished;
	bool closed;
	int cancelled; /* filled in by the library */
	grpc_byte_buffer *received;
	struct completion on_metadata, on_read, on_sent, on_status, on_close, on_wake;
};

static const struct rpc_method nobody = {.path = ""};

void *rpc_service(const struct rpc *rpc)
{
	return rpc->method->service;
}

void *rpc_state(const struct rpc *rpc)
{
	return rpc->state;
}

void rpc_set_state(struct rpc *rpc, void *state)
{
	rpc->state = state;
}

bool rpc_stopping(const struct rpc *rpc)
{
	return rpc->set->stopping;
}

/* The library names a connection that it was given as a descriptor "fd:NUMBER". When that connection has ended the number may be another's by
 * now, but then nobody gets what is answered. */
static bool is_unix_descriptor(const char *number)
{
	struct sockaddr_storage name = {0};
	socklen_t size = sizeof(name);
	char *end;
	long fd = strtol(number, &end, 10);

	if (end == number || *end || fd < 0 || fd > INT_MAX)
		return false;
	return getsockname((int)fd, (struct sockaddr *)&name, &size) == 0 && name.ss_family == AF_UNIX;
}

bool rpc_from_unix_socket(const struct rpc *rpc)
{
	char *peer = grpc_call_get_peer(rpc->call);
	bool from_unix;

	if (!peer)
		return false;
	from_unix = !strncmp(peer, "unix:", 5) || (!strncmp(peer, "fd:", 3) && is_unix_descriptor(peer + 3));
	gpr_free(peer);
	return from_unix;
}

bool rpc_sending(const struct rpc *rpc)
{
	return rpc->sending;
}

static void rpc_free(struct rpc *rpc)
{
	DL_DELETE(rpc->set->head, rpc);
	grpc_call_unref(rpc->call);
	free(rpc);
}

/* At the end of each completion. The close completion counts too, so nothing is freed before it. */
static void release(struct rpc *rpc)
{
	if (atomic_fetch_sub(&rpc->pending, 1) == 1)
		rpc_free(rpc);
}

static void start(struct rpc *rpc, const grpc_op *ops, size_t count, struct completion *tag)
{
	grpc_call_error error;

	atomic_fetch_add(&rpc->pending, 1);
	error = grpc_call_start_batch(rpc->call, ops, count, tag, NULL);
	/* Refused only for batches that contradict one another. */
	assert(error == GRPC_CALL_OK);
	(void)error;
}

void rpc_read(struct rpc *rpc)
{
	grpc_op batch = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &rpc->received};

	if (!rpc->closed)
		start(rpc, &batch, 1, &rpc->on_read);
}

static void give_message(struct rpc *rpc, grpc_byte_buffer *message)
{
	grpc_byte_buffer_reader reader;
	grpc_slice bytes;

	if (!grpc_byte_buffer_reader_init(&reader, message)) {
		rpc_finish(rpc, GRPC_STATUS_INTERNAL, "the request cannot be decompressed");
		return;
	}
	bytes = grpc_byte_buffer_reader_readall(&reader);
	rpc->had_message = true;
	if (rpc->method->message)
		rpc->method->message(rpc, GRPC_SLICE_START_PTR(bytes), GRPC_SLICE_LENGTH(bytes));
	grpc_slice_unref(bytes);
	grpc_byte_buffer_reader_destroy(&reader);
}

static void messages_ended(struct rpc *rpc)
{
	if (rpc->method->messages_end)
		rpc->method->messages_end(rpc);
	else if (!rpc->had_message)
		rpc_finish(rpc, GRPC_STATUS_INVALID_ARGUMENT, "the call has no request message");
}

static void read_done(void *context, bool ok)
{
	struct rpc *rpc = context;
	grpc_byte_buffer *message = rpc->received;

	rpc->received = NULL;
	if (!rpc->closed && !rpc->finished) {
		if (ok && message)
			give_message(rpc, message);
		else
			messages_ended(rpc);
	}
	if (message)
		grpc_byte_buffer_destroy(message);
	release(rpc);
}

static void drop_chunk(void *chunk)
{
	chunk_unref(chunk);
}

static grpc_byte_buffer *message_of(struct chunk *const *chunks, size_t count)
{
	grpc_slice slices[RPC_SEND_CHUNKS];
	grpc_byte_buffer *message;

	assert(count > 0 && count <= RPC_SEND_CHUNKS);
	for (size_t i = 0; i < count; i++)
		slices[i] = grpc_slice_new_with_user_data(chunks[i]->data, chunks[i]->length, drop_chunk, chunks[i]);
	message = grpc_raw_byte_buffer_create(slices, count);
	for (size_t i = 0; i < count; i++)
		grpc_slice_unref(slices[i]);
	return message;
}

static void send_message(struct rpc *rpc, struct chunk *const *chunks, size_t count, const grpc_op *status)
{
	grpc_byte_buffer *message = message_of(chunks, count);
	grpc_op ops[2] = {{.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = message}};

	assert(!rpc->sending && !rpc->finished);
	if (status)
		ops[1] = *status;
	rpc->sending = true;
	rpc->finished = status;
	start(rpc, ops, status ? 2 : 1, &rpc->on_sent);
	grpc_byte_buffer_destroy(message);
}

void rpc_send(struct rpc *rpc, struct chunk *const *chunks, size_t count)
{
	send_message(rpc, chunks, count, NULL);
}

void rpc_reply(struct rpc *rpc, struct chunk *response)
{
	grpc_op status = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER, .data.send_status_from_server.status = GRPC_STATUS_OK};

	send_message(rpc, &response, 1, &status);
}

/* After a failure the close completion is on its way and says the rest. */
static void send_done(void *context, bool ok)
{
	struct rpc *rpc = context;

	rpc->sending = false;
	if (ok && !rpc->closed && !rpc->finished && rpc->method->sent)
		rpc->method->sent(rpc);
	release(rpc);
}

void rpc_finish(struct rpc *rpc, int code, const char *message)
{
	grpc_op batch = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
	grpc_slice details = grpc_empty_slice();

	assert(!rpc->sending);
	if (rpc->finished || rpc->closed)
		return;
	rpc->finished = true;
	if (message && *message != '\0') {
		details = grpc_slice_from_copied_string(message);
		batch.data.send_status_from_server.status_details = &details;
	}
	batch.data.send_status_from_server.status = (grpc_status_code)code;
	start(rpc, &batch, 1, &rpc->on_status);
	grpc_slice_unref(details);
}

/* An empty batch completes at once, and may be started by any thread: it is the wake-up of the completion queue. */
void rpc_wake(struct rpc *rpc)
{
	if (!atomic_exchange(&rpc->wake_pending, true))
		start(rpc, NULL, 0, &rpc->on_wake);
}

static void wake_done(void *context, bool ok)
{
	struct rpc *rpc = context;

	(void)ok;
	atomic_store(&rpc->wake_pending, false);
	if (!rpc->closed && rpc->method->woken)
		rpc->method->woken(rpc);
	release(rpc);
}

static void close_done(void *context, bool ok)
{
	struct rpc *rpc = context;

	(void)ok;
	if (rpc->method->closed)
		rpc->method->closed(rpc);
	rpc->closed = true;
	release(rpc);
}

static void nothing_done(void *context, bool ok)
{
	(void)ok;
	release(context);
}

static struct rpc *rpc_new(struct rpc_set *set, grpc_call *call, const struct rpc_method *method)
{
	struct rpc *rpc = calloc(1, sizeof(*rpc));

	if (!rpc)
		return NULL;
	rpc->set = set;
	rpc->call = call;
	rpc->method = method ? method : &nobody;
	rpc->on_metadata = (struct completion){nothing_done, rpc};
	rpc->on_read = (struct completion){read_done, rpc};
	rpc->on_sent = (struct completion){send_done, rpc};
	rpc->on_status = (struct completion){nothing_done, rpc};
	rpc->on_close = (struct completion){close_done, rpc};
	rpc->on_wake = (struct completion){wake_done, rpc};
	DL_APPEND(set->head, rpc);
	return rpc;
}

static void refuse_unknown(struct rpc *rpc, const char *path)
{
	char message[512];

	snprintf(message, sizeof(message), "unknown method %s", path);
	rpc_finish(rpc, GRPC_STATUS_UNIMPLEMENTED, message);
}

void rpc_begin(struct rpc_set *set, grpc_call *call, const struct rpc_method *method, const char *path)
{
	struct rpc *rpc = rpc_new(set, call, method);
	grpc_op metadata = {.op = GRPC_OP_SEND_INITIAL_METADATA};
	grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};

	if (!rpc) {
		log_error("out of memory", "lost=call method=%s", path);
		grpc_call_cancel_with_status(call, GRPC_STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory", NULL);
		grpc_call_unref(call);
		return;
	}
	close.data.recv_close_on_server.cancelled = &rpc->cancelled;
	start(rpc, &close, 1, &rpc->on_close);
	start(rpc, &metadata, 1, &rpc->on_metadata);
	if (set->stopping)
		rpc_finish(rpc, GRPC_STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
	else if (method)
		rpc_read(rpc);
	else
		refuse_unknown(rpc, path);
}

static void tell_stop(struct rpc *rpc)
{
	if (rpc->closed || rpc->finished)
		return;
	if (rpc->method->stopping)
		rpc->method->stopping(rpc);
	else if (!rpc->sending)
		rpc_finish(rpc, GRPC_STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
}

void rpc_set_stop(struct rpc_set *set)
{
	set->stopping = true;
	/* Nothing leaves the list before its completions come. */
	for (struct rpc *rpc = set->head; rpc; rpc = rpc->next)
		tell_stop(rpc);
}
