#include "service/rpc_server.h"

#include "base/log.h"
#include "service/grpc_library.h"
#include "service/listener.h"
#include "service/rpc_call.h"

#include <errno.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LISTENERS_MAX 16

/* How long to leave connections waiting when there are no descriptors for them. */
#define ACCEPT_PAUSE_MS 100

struct rpc_server {
	struct rpc_server_options options;
	struct rpc_method *methods;
	size_t method_count;
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;

	grpc_server *server;
	grpc_completion_queue *queue;
	grpc_server_credentials *credentials;

	/* The server thread's. */
	struct rpc_set rpcs;
	grpc_call *new_call;
	grpc_call_details new_call_details;
	grpc_metadata_array new_call_metadata;
	struct completion on_new_call, on_shutdown;
	bool shut_down;
	gpr_timespec cancel_at; /* infinite but for the time of stopping */

	bool started, stopped;
	int stop_fd; /* wakes the accepting thread */
	pthread_t thread, accept_thread;
};

/* The calls of our clients differ much in length and talk seldom: pings are no abuse. A quota of streams keeps one connection from having
 * all memory. */
static grpc_server *make_server(void)
{
	static char *const names[] = {
		GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
		GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
		GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS,
		GRPC_ARG_MAX_CONCURRENT_STREAMS,
		GRPC_ARG_ALLOW_REUSEPORT,
	};
	static const int values[] = {RPC_MESSAGE_MAX, 1000, 1, 256, 0};
	grpc_arg args[sizeof(values) / sizeof(values[0])];
	grpc_channel_args list = {.num_args = sizeof(values) / sizeof(values[0]), .args = args};

	for (size_t i = 0; i < list.num_args; i++)
		args[i] = (grpc_arg){.type = GRPC_ARG_INTEGER, .key = names[i], .value.integer = values[i]};
	return grpc_server_create(&list, NULL);
}

static void request_call(struct rpc_server *s)
{
	grpc_call_details_init(&s->new_call_details);
	grpc_metadata_array_init(&s->new_call_metadata);
	s->new_call = NULL;
	grpc_server_request_call(s->server, &s->new_call, &s->new_call_details, &s->new_call_metadata, s->queue, s->queue, &s->on_new_call);
}

static const struct rpc_method *find_method(const struct rpc_server *s, const char *path)
{
	for (size_t i = 0; i < s->method_count; i++) {
		if (!strcmp(s->methods[i].path, path))
			return &s->methods[i];
	}
	return NULL;
}

static void answer_call(struct rpc_server *s)
{
	char *path = grpc_slice_to_c_string(s->new_call_details.method);

	rpc_begin(&s->rpcs, s->new_call, find_method(s, path), path);
	gpr_free(path);
}

static void stop_calls(struct rpc_server *s)
{
	s->cancel_at = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(RPC_STOP_MS, GPR_TIMESPAN));
	rpc_set_stop(&s->rpcs);
}

/* Comes without a call when the server is shut down. */
static void new_call_done(void *context, bool ok)
{
	struct rpc_server *s = context;

	if (ok)
		answer_call(s);
	grpc_call_details_destroy(&s->new_call_details);
	grpc_metadata_array_destroy(&s->new_call_metadata);
	if (ok)
		request_call(s);
	else
		stop_calls(s);
}

static void shutdown_done(void *context, bool ok)
{
	struct rpc_server *s = context;

	(void)ok;
	s->shut_down = true;
}

/* Works until the server is shut down and no call is left. */
static void work_off(struct rpc_server *s)
{
	bool queue_down = false;

	for (;;) {
		grpc_event event = grpc_completion_queue_next(s->queue, s->cancel_at, NULL);
		struct completion *completion = event.tag;

		if (event.type == GRPC_QUEUE_SHUTDOWN)
			return;
		if (event.type == GRPC_QUEUE_TIMEOUT) {
			s->cancel_at = gpr_inf_future(GPR_CLOCK_MONOTONIC);
			grpc_server_cancel_all_calls(s->server);
			continue;
		}
		completion->done(completion->context, event.success);
		if (s->shut_down && !s->rpcs.head && !queue_down) {
			queue_down = true;
			grpc_completion_queue_shutdown(s->queue);
		}
	}
}

static void *serve(void *context)
{
	pthread_setname_np(pthread_self(), "grpc");
	work_off(context);
	return NULL;
}

static int accept_all(struct rpc_server *s, struct listener *l)
{
	int fd;

	while ((fd = listener_accept(l)) >= 0)
		grpc_server_add_channel_from_fd(s->server, fd, s->credentials);
	return fd == -EAGAIN || fd == -ECONNABORTED || fd == -EINTR ? 0 : fd;
}

static void *accept_clients(void *context)
{
	struct rpc_server *s = context;
	struct pollfd fds[1 + LISTENERS_MAX] = {{.fd = s->stop_fd, .events = POLLIN}};

	pthread_setname_np(pthread_self(), "grpc-accept");
	for (size_t i = 0; i < s->listener_count; i++)
		fds[1 + i] = (struct pollfd){.fd = s->listeners[i].fd, .events = POLLIN};
	for (;;) {
		bool failed = false;

		if (poll(fds, 1 + s->listener_count, -1) < 0)
			continue;
		if (fds[0].revents)
			return NULL;
		for (size_t i = 0; i < s->listener_count; i++) {
			int r = fds[1 + i].revents ? accept_all(s, &s->listeners[i]) : 0;

			if (r == 0)
				continue;
			log_warning("cannot accept a client", "address=%s error=\"%s\"", s->listeners[i].address, strerror(-r));
			failed = true;
		}
		if (failed)
			poll(fds, 1, ACCEPT_PAUSE_MS);
	}
}

int rpc_server_new(struct rpc_server **ret, const struct rpc_server_options *options, struct error *err)
{
	struct rpc_server *s = calloc(1, sizeof(*s));

	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (s->stop_fd < 0) {
		int code = -errno;

		free(s);
		return error_set_errno(err, code, "eventfd");
	}
	s->options = *options;
	s->on_new_call = (struct completion){new_call_done, s};
	s->on_shutdown = (struct completion){shutdown_done, s};
	s->cancel_at = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	grpc_library_ref();
	s->credentials = grpc_insecure_server_credentials_create();
	s->queue = grpc_completion_queue_create_for_next(NULL);
	s->server = make_server();
	grpc_server_register_completion_queue(s->server, s->queue, NULL);
	*ret = s;
	return 0;
}

int rpc_server_add(struct rpc_server *s, const struct rpc_method *method, struct error *err)
{
	struct rpc_method *methods;

	if (find_method(s, method->path))
		return error_set(err, -EEXIST, "%s: the method is there already", method->path);
	methods = reallocarray(s->methods, s->method_count + 1, sizeof(*methods));
	if (!methods)
		return error_set(err, -ENOMEM, "%s: out of memory", method->path);
	s->methods = methods;
	s->methods[s->method_count++] = *method;
	return 0;
}

bool rpc_server_has_service(const struct rpc_server *s, const char *service)
{
	size_t length = strlen(service);

	for (size_t i = 0; i < s->method_count; i++) {
		const char *path = s->methods[i].path;

		if (!strncmp(path + 1, service, length) && path[1 + length] == '/')
			return true;
	}
	return false;
}

int rpc_server_listen(struct rpc_server *s, const char *address, struct error *err)
{
	int r;

	if (s->listener_count == LISTENERS_MAX)
		return error_set(err, -E2BIG, "%s: one server listens on at most %d addresses", address, LISTENERS_MAX);
	r = listener_open(&s->listeners[s->listener_count], address, s->options.allow_remote, err);
	if (r == 0)
		s->listener_count++;
	return r;
}

const char *rpc_server_address(const struct rpc_server *s, size_t i)
{
	return i < s->listener_count ? s->listeners[i].address : NULL;
}

static void stop_accepting(struct rpc_server *s)
{
	static const uint64_t one = 1;

	/* The counter of a new eventfd has room. */
	if (write(s->stop_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_join(s->accept_thread, NULL);
}

static void close_listeners(struct rpc_server *s)
{
	for (size_t i = 0; i < s->listener_count; i++)
		listener_close(&s->listeners[i]);
}

static void stop_serving(struct rpc_server *s)
{
	grpc_server_shutdown_and_notify(s->server, s->queue, &s->on_shutdown);
	pthread_join(s->thread, NULL);
	s->stopped = true;
}

int rpc_server_start(struct rpc_server *s, struct error *err)
{
	int r;

	grpc_server_start(s->server);
	request_call(s);
	r = pthread_create(&s->thread, NULL, serve, s);
	if (r != 0)
		return error_set_errno(err, -r, "start the server thread");
	s->started = true;
	r = pthread_create(&s->accept_thread, NULL, accept_clients, s);
	if (r == 0)
		return 0;
	stop_serving(s);
	return error_set_errno(err, -r, "start the accepting thread");
}

void rpc_server_stop(struct rpc_server *s)
{
	if (!s->started || s->stopped)
		return;
	stop_accepting(s);
	close_listeners(s);
	stop_serving(s);
}

/* Without a server thread the queue is emptied here: the library wants it so before it is destroyed. */
static void destroy_queue(struct rpc_server *s)
{
	if (!s->started) {
		grpc_server_shutdown_and_notify(s->server, s->queue, &s->on_shutdown);
		work_off(s);
	}
	grpc_server_destroy(s->server);
	grpc_completion_queue_destroy(s->queue);
}

struct rpc_server *rpc_server_free(struct rpc_server *s)
{
	if (!s)
		return NULL;
	rpc_server_stop(s);
	close_listeners(s);
	destroy_queue(s);
	grpc_server_credentials_release(s->credentials);
	grpc_library_unref();
	close(s->stop_fd);
	free(s->methods);
	free(s);
	return NULL;
}
