#include "service/grpc_client.h"

#include "base/cleanup.h"
#include "service/grpc_library.h"
#include "service/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What the server may send ahead of our reading, and in one frame: large, since a flood is what this client is for, but fixed: left to
 * itself the library makes the window larger and larger. */
#define WINDOW_BYTES (8 * 1024 * 1024)
#define FRAME_BYTES  (1024 * 1024)

struct grpc_client {
	grpc_channel *channel;
	int fd;                  /* the connection once more: the library closes its own when it likes */
	const char *key, *value; /* of the metadata; NULL: none */
};

struct grpc_client_call {
	grpc_call *call;
	grpc_completion_queue *queue; /* its own, polled through plucks: tags are the addresses of the members below */
	grpc_metadata_array initial, trailing;
	grpc_status_code code;
	grpc_slice details;
	char *message; /* of the status */
	grpc_byte_buffer *received;
	grpc_slice bytes; /* what the last read returned */
	bool metadata_done, reading, ended, ok;
	char metadata_tag, read_tag, send_tag, status_tag;
};

static gpr_timespec deadline_after(int timeout_ms)
{
	if (timeout_ms < 0)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
}

static int wait_connected(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int r = poll(&p, 1, timeout_ms), error = 0;
	socklen_t size = sizeof(error);

	if (r == 0)
		return -ETIMEDOUT;
	if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

static int connect_to(int fd, const struct sockaddr *name, socklen_t size, int timeout_ms)
{
	if (connect(fd, name, size) == 0)
		return 0;
	return errno == EINPROGRESS ? wait_connected(fd, timeout_ms) : -errno;
}

/* A unix socket whose backlog is full says EAGAIN at once when it is non-blocking, so it becomes that later. Until then its connect(2) waits as long
 * as a send would (man 7 socket, SO_SNDTIMEO), and says EAGAIN after that. */
static int connect_path(const char *path, int timeout_ms, int *ret_fd)
{
	const struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0 || (timeout_ms > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0))
		return -errno;
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	r = connect_to(fd, (struct sockaddr *)&name, sizeof(name), -1);
	if (r == -EAGAIN)
		r = -ETIMEDOUT;
	if (r == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

static int connect_name(const struct addrinfo *name, int timeout_ms, int *ret_fd)
{
	static const int on = 1;
	cleanup_close int fd = socket(name->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = connect_to(fd, name->ai_addr, name->ai_addrlen, timeout_ms);
	if (r < 0)
		return r;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*ret_fd = take_fd(&fd);
	return 0;
}

static int connect_tcp(const struct listener_address *where, const char *address, int timeout_ms, int *ret_fd, struct error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	int r = getaddrinfo(where->host, where->port, &hints, &found);

	if (r != 0)
		return error_set(err, r == EAI_MEMORY ? -ENOMEM : -EINVAL, "%s: %s: %s", address, where->host, gai_strerror(r));
	for (const struct addrinfo *name = found; name; name = name->ai_next) {
		r = connect_name(name, timeout_ms, ret_fd);
		if (r == 0)
			break;
	}
	freeaddrinfo(found);
	return r < 0 ? error_set_errno(err, r, "cannot connect to %s", address) : 0;
}

static int connect_address(const char *address, int timeout_ms, int *ret_fd, struct error *err)
{
	struct listener_address where;
	int r = listener_address_parse(&where, address, err);

	if (r < 0)
		return r;
	if (where.tcp)
		return connect_tcp(&where, address, timeout_ms, ret_fd, err);
	r = connect_path(where.path, timeout_ms, ret_fd);
	return r < 0 ? error_set_errno(err, r, "cannot connect to %s", address) : 0;
}

/* `message_max` 0: no limit. */
static grpc_channel *make_channel(const char *address, int fd, size_t message_max)
{
	int max = message_max && message_max < INT_MAX ? (int)message_max : -1;
	int window = max > 0 && max < WINDOW_BYTES ? max : WINDOW_BYTES;
	grpc_arg args[] = {
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = max},
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, .value.integer = window},
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_HTTP2_BDP_PROBE, .value.integer = 0},
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_HTTP2_MAX_FRAME_SIZE, .value.integer = FRAME_BYTES},
	};
	const grpc_channel_args list = {.num_args = sizeof(args) / sizeof(args[0]), .args = args};
	grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
	grpc_channel *channel = grpc_channel_create_from_fd(address, fd, credentials, &list);

	grpc_channel_credentials_release(credentials);
	return channel;
}

int grpc_client_connect_bounded(struct grpc_client **ret, const char *address, int timeout_ms, size_t message_max, struct error *err)
{
	struct grpc_client *c;
	int fd = -1;
	int r = connect_address(address, timeout_ms, &fd, err);

	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return error_set(err, -ENOMEM, "out of memory");
	}
	c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (c->fd < 0) {
		r = error_set_errno(err, -errno, "cannot connect to %s", address);
		close(fd);
		free(c);
		return r;
	}
	grpc_library_ref();
	c->channel = make_channel(address, fd, message_max);
	*ret = c;
	return 0;
}

int grpc_client_connect(struct grpc_client **ret, const char *address, int timeout_ms, struct error *err)
{
	return grpc_client_connect_bounded(ret, address, timeout_ms, 0, err);
}

struct grpc_client *grpc_client_free(struct grpc_client *c)
{
	if (!c)
		return NULL;
	grpc_channel_destroy(c->channel);
	grpc_library_unref();
	close(c->fd);
	free(c);
	return NULL;
}

void grpc_client_disconnect(struct grpc_client *c)
{
	shutdown(c->fd, SHUT_RDWR);
}

void grpc_client_set_metadata(struct grpc_client *c, const char *key, const char *value)
{
	c->key = value ? key : NULL;
	c->value = value;
}

static bool start(struct grpc_client_call *call, const grpc_op *ops, size_t count, void *tag)
{
	return grpc_call_start_batch(call->call, ops, count, tag, NULL) == GRPC_CALL_OK;
}

/* 1: done, 0: done and failed, -ETIMEDOUT. */
static int wait_for(struct grpc_client_call *call, void *tag, int timeout_ms)
{
	grpc_event event = grpc_completion_queue_pluck(call->queue, tag, deadline_after(timeout_ms), NULL);

	if (event.type == GRPC_QUEUE_TIMEOUT)
		return -ETIMEDOUT;
	return event.success ? 1 : 0;
}

/* The status is asked for at once, which also keeps the library quiet about what happens to the rest. The library copies what it sends. */
static void start_call(struct grpc_client_call *call, const char *key, const char *value)
{
	grpc_metadata sent = {.key = grpc_slice_from_copied_string(key ? key : ""),
			      .value = grpc_slice_from_copied_string(key ? value : "")};
	grpc_op metadata[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
	grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};

	metadata[0].data.send_initial_metadata.metadata = &sent;
	metadata[0].data.send_initial_metadata.count = key ? 1 : 0;
	metadata[1].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
	status.data.recv_status_on_client.trailing_metadata = &call->trailing;
	status.data.recv_status_on_client.status = &call->code;
	status.data.recv_status_on_client.status_details = &call->details;
	start(call, &status, 1, &call->status_tag);
	start(call, metadata, 2, &call->metadata_tag);
	grpc_slice_unref(sent.key);
	grpc_slice_unref(sent.value);
}

static int open_call(struct grpc_client *c, const char *method, gpr_timespec deadline, struct grpc_client_call **ret, struct error *err)
{
	struct grpc_client_call *call = calloc(1, sizeof(*call));
	grpc_slice path;

	if (!call) {
		error_set(err, -ENOMEM, "out of memory");
		return -ENOMEM;
	}
	path = grpc_slice_from_copied_string(method);
	call->details = grpc_empty_slice();
	call->bytes = grpc_empty_slice();
	grpc_metadata_array_init(&call->initial);
	grpc_metadata_array_init(&call->trailing);
	call->queue = grpc_completion_queue_create_for_pluck(NULL);
	call->call = grpc_channel_create_call(c->channel, NULL, GRPC_PROPAGATE_DEFAULTS, call->queue, path, NULL, deadline, NULL);
	grpc_slice_unref(path);
	start_call(call, c->key, c->value);
	*ret = call;
	return 0;
}

int grpc_client_open(struct grpc_client *c, const char *method, struct grpc_client_call **ret, struct error *err)
{
	return open_call(c, method, gpr_inf_future(GPR_CLOCK_MONOTONIC), ret, err);
}

/* A call that is refused before it has taken the request has a status, which says more than we know here. */
static void send_request(struct grpc_client_call *call, const void *request, size_t size)
{
	if (grpc_client_call_send(call, request, size) == 0)
		grpc_client_call_end_sending(call);
}

int grpc_client_start(struct grpc_client *c, const char *method, const void *request, size_t size, struct grpc_client_call **ret,
		      struct error *err)
{
	int r = grpc_client_open(c, method, ret, err);

	if (r == 0)
		send_request(*ret, request, size);
	return r;
}

int grpc_client_call_send(struct grpc_client_call *call, const void *message, size_t size)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(message, size);
	grpc_byte_buffer *bytes = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op batch = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = bytes};
	bool sent = start(call, &batch, 1, &call->send_tag) && wait_for(call, &call->send_tag, -1) == 1;

	grpc_byte_buffer_destroy(bytes);
	grpc_slice_unref(slice);
	return sent ? 0 : -EPIPE;
}

int grpc_client_call_end_sending(struct grpc_client_call *call)
{
	grpc_op batch = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

	return start(call, &batch, 1, &call->send_tag) && wait_for(call, &call->send_tag, -1) == 1 ? 0 : -EPIPE;
}

static bool wait_metadata(struct grpc_client_call *call, int timeout_ms)
{
	if (!call->metadata_done && wait_for(call, &call->metadata_tag, timeout_ms) >= 0)
		call->metadata_done = true;
	return call->metadata_done;
}

static void drop_received(struct grpc_client_call *call)
{
	if (call->received)
		grpc_byte_buffer_destroy(call->received);
	call->received = NULL;
}

/* Waits for the status; it is there or about to come. */
static int end(struct grpc_client_call *call, int timeout_ms)
{
	if (!call->ended && wait_for(call, &call->status_tag, timeout_ms) < 0)
		return -ETIMEDOUT;
	if (!call->ended)
		call->message = grpc_slice_to_c_string(call->details);
	call->ended = true;
	return 0;
}

static int take_received(struct grpc_client_call *call)
{
	grpc_byte_buffer_reader reader;

	grpc_slice_unref(call->bytes);
	call->bytes = grpc_empty_slice();
	if (!grpc_byte_buffer_reader_init(&reader, call->received))
		return -EBADMSG;
	call->bytes = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	drop_received(call);
	return 1;
}

int grpc_client_call_read(struct grpc_client_call *call, int timeout_ms, const uint8_t **ret_bytes, size_t *ret_size)
{
	grpc_op batch = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->received};
	int r;

	if (!wait_metadata(call, timeout_ms))
		return -ETIMEDOUT;
	if (call->ended)
		return 0;
	if (!call->reading && !start(call, &batch, 1, &call->read_tag))
		return end(call, timeout_ms);
	call->reading = true;
	r = wait_for(call, &call->read_tag, timeout_ms);
	if (r < 0)
		return r;
	call->reading = false;
	if (!call->received)
		return end(call, timeout_ms);
	r = take_received(call);
	if (r < 0)
		return r;
	*ret_bytes = GRPC_SLICE_START_PTR(call->bytes);
	*ret_size = GRPC_SLICE_LENGTH(call->bytes);
	return 1;
}

int grpc_client_call_status(const struct grpc_client_call *call, const char **ret_message)
{
	*ret_message = call->message ? call->message : "";
	return call->ended ? (int)call->code : GRPC_STATUS_UNKNOWN;
}

void grpc_client_call_cancel(struct grpc_client_call *call)
{
	grpc_call_cancel(call->call, NULL);
}

static void destroy_queue(grpc_completion_queue *queue)
{
	grpc_completion_queue_shutdown(queue);
	while (grpc_completion_queue_pluck(queue, NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(queue);
}

struct grpc_client_call *grpc_client_call_free(struct grpc_client_call *call)
{
	if (!call)
		return NULL;
	if (!call->ended)
		grpc_client_call_cancel(call);
	wait_metadata(call, -1);
	if (call->reading)
		wait_for(call, &call->read_tag, -1);
	drop_received(call);
	end(call, -1);
	grpc_call_unref(call->call);
	destroy_queue(call->queue);
	grpc_metadata_array_destroy(&call->initial);
	grpc_metadata_array_destroy(&call->trailing);
	grpc_slice_unref(call->details);
	grpc_slice_unref(call->bytes);
	gpr_free(call->message);
	free(call);
	return NULL;
}

/* The one message and the end behind it. *ret is the caller's to free whatever is returned. The call has the time limit. */
static int read_response(struct grpc_client_call *call, uint8_t **ret, size_t *ret_size, struct error *err)
{
	const uint8_t *bytes;
	const char *message;
	size_t size;
	int code, r;

	r = grpc_client_call_read(call, -1, &bytes, &size);
	if (r == 1) {
		*ret = malloc(size ? size : 1);
		if (!*ret)
			return error_set(err, -ENOMEM, "out of memory");
		memcpy(*ret, bytes, size);
		*ret_size = size;
		r = grpc_client_call_read(call, -1, &bytes, &size);
	}
	if (r < 0)
		return error_set_errno(err, r, "no answer");
	code = grpc_client_call_status(call, &message);
	if (code == GRPC_STATUS_DEADLINE_EXCEEDED)
		return error_set(err, -ETIMEDOUT, "no answer in time");
	if (r != 0 || code != GRPC_STATUS_OK || !*ret)
		return error_set(err, -EIO, "%s", *message != '\0' ? message : "the call has not exactly one response");
	return 0;
}

int grpc_client_unary(struct grpc_client *c, const char *method, const void *request, size_t size, int timeout_ms, uint8_t **ret,
		      size_t *ret_size, int *ret_code, struct error *err)
{
	struct grpc_client_call *call;
	const char *message;
	int r = open_call(c, method, deadline_after(timeout_ms), &call, err);

	if (r < 0)
		return r;
	*ret = NULL;
	send_request(call, request, size);
	r = read_response(call, ret, ret_size, err);
	if (ret_code)
		*ret_code = grpc_client_call_status(call, &message);
	grpc_client_call_free(call);
	if (r == 0)
		return 0;
	free(*ret);
	*ret = NULL;
	return error_prefix(err, r, "%s", method);
}
