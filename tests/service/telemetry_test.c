#include "service/telemetry.h"

#include "proto/capsule8_request.h"
#include "sensor/probe_request.h"
#include "tests/service/fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CODE_OK = 0,
	CODE_CANCELLED = 1,
	CODE_INVALID_ARGUMENT = 3,
	CODE_PERMISSION_DENIED = 7,
	CODE_UNAVAILABLE = 14,
};

#define CHUNKS 100000

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Puts it in as soon as there is room. */
static void put(struct outbox *outbox, struct chunk *c)
{
	while (!outbox_put(outbox, c))
		pause_ms(1);
	chunk_unref(c);
}

/* Chunk i: its number, its length, and as many more bytes as the length says. */
static struct chunk *numbered_chunk(uint32_t i)
{
	struct buffer b;
	uint32_t filler = i * 7919 % 300;
	size_t length;
	uint8_t *bytes;

	buffer_init(&b, 0);
	buffer_put_u32(&b, i);
	buffer_put_u32(&b, filler);
	memset(buffer_reserve(&b, filler), (int)(i & 0xff), filler);
	b.length += filler;
	bytes = buffer_take(&b, &length);
	buffer_done(&b);
	return chunk_new(bytes, length, 1);
}

static void *put_numbered(void *outbox)
{
	for (uint32_t i = 0; i < CHUNKS; i++)
		put(outbox, numbered_chunk(i));
	outbox_finish(outbox, CODE_OK, "");
	return NULL;
}

/* The whole chunks that are in a message, from number `next` on; returns the number behind the last one. */
static uint32_t check_numbered(const uint8_t *bytes, size_t size, uint32_t next)
{
	size_t at = 0;

	while (at < size) {
		uint32_t number, filler;

		cr_assert_leq(at + 8, size);
		memcpy(&number, bytes + at, 4);
		memcpy(&filler, bytes + at + 4, 4);
		cr_assert_eq(number, next);
		cr_assert_leq(filler, size - at - 8);
		for (uint32_t i = 0; i < filler; i++)
			cr_assert(bytes[at + 8 + i] == (number & 0xff));
		at += 8 + filler;
		next++;
	}
	return next;
}

Test(telemetry, a_hundred_thousand_chunks_arrive_whole_and_in_order)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	pthread_t producer;
	const uint8_t *bytes;
	const char *message;
	uint32_t next = 0;
	size_t size;
	int r;

	fixture_init(&f, 256 * 1024);
	client = fixture_connect(&f);
	call = fixture_subscribe(client);
	cr_assert_eq(pthread_create(&producer, NULL, put_numbered, fake_engine_outbox(f.engine, 0)), 0);
	while ((r = grpc_client_call_read(call, 30000, &bytes, &size)) == 1)
		next = check_numbered(bytes, size, next);
	pthread_join(producer, NULL);
	cr_assert_eq(r, 0);
	cr_assert_eq(next, CHUNKS);
	cr_assert_eq(grpc_client_call_status(call, &message), CODE_OK);
	grpc_client_call_free(call);
	cr_assert(fake_engine_wait_unsubscribed(f.engine, 1));
	grpc_client_free(client);
	fixture_done(&f);
}

Test(telemetry, what_is_ready_together_is_one_message_of_bounded_size)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	struct outbox *outbox;
	const uint8_t *bytes;
	size_t size, messages = 0, total = 0;

	fixture_init(&f, 8 << 20);
	client = fixture_connect(&f);
	call = fixture_subscribe(client);
	outbox = fake_engine_outbox(f.engine, 0);
	for (int i = 0; i < 4096; i++)
		put(outbox, fixture_chunk(1024, 'x'));
	outbox_finish(outbox, CODE_OK, "");
	while (grpc_client_call_read(call, 30000, &bytes, &size) == 1) {
		cr_assert_leq(size, TELEMETRY_MESSAGE_BYTES);
		total += size;
		messages++;
	}
	cr_assert_eq(total, 4096 * 1024);
	/* However slowly they are put in, some are there when the message before has gone out. */
	cr_assert_lt(messages, 4096);
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

static void *cancel_later(void *call)
{
	pause_ms(50);
	grpc_client_call_cancel(call);
	return NULL;
}

Test(telemetry, cancelling_from_another_thread_ends_the_read_and_releases_the_subscription)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	pthread_t canceller;
	const char *message;
	size_t bytes = 0;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	call = fixture_subscribe(client);
	cr_assert_eq(pthread_create(&canceller, NULL, cancel_later, call), 0);
	cr_assert_eq(fixture_drain(call, &bytes, &message), CODE_CANCELLED);
	pthread_join(canceller, NULL);
	cr_assert(fake_engine_wait_unsubscribed(f.engine, 1));
	cr_assert_not(outbox_put(fake_engine_outbox(f.engine, 0), &(struct chunk){.references = 1}), "the outbox is closed");
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

/* Subscribes, says so with a byte, and sleeps until it is killed. Forked before the test itself uses the library. */
static pid_t fork_client(int *ret_ready)
{
	int address[2], ready[2];
	struct fixture f = {0};
	pid_t child;

	cr_assert_eq(pipe(address), 0);
	cr_assert_eq(pipe(ready), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child > 0) {
		close(address[0]);
		close(ready[1]);
		ret_ready[0] = ready[0];
		ret_ready[1] = address[1];
		return child;
	}
	if (read(address[0], f.address, sizeof(f.address)) != sizeof(f.address))
		_exit(1);
	fixture_subscribe(fixture_connect(&f));
	if (write(ready[1], "", 1) == 1)
		pause_ms(60000);
	_exit(0);
}

Test(telemetry, a_killed_client_releases_its_subscription)
{
	int ends[2];
	pid_t child = fork_client(ends);
	struct fixture f;
	char byte;

	fixture_init(&f, 1 << 20);
	cr_assert_eq(write(ends[1], f.address, sizeof(f.address)), sizeof(f.address));
	cr_assert_eq(read(ends[0], &byte, 1), 1);
	cr_assert_not_null(fake_engine_outbox(f.engine, 0));
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert(fake_engine_wait_unsubscribed(f.engine, 1));
	fixture_done(&f);
}

/* Puts chunks in until none has been taken for a while; returns how many bytes went in. */
static size_t fill(struct outbox *outbox, size_t most)
{
	size_t total = 0;
	int refused = 0;

	while (refused < 100 && total < most) {
		struct chunk *c = fixture_chunk(64 * 1024, 'x');

		if (outbox_put(outbox, c)) {
			total += c->length;
			refused = 0;
		} else {
			refused++;
			pause_ms(5);
		}
		chunk_unref(c);
	}
	return total;
}

Test(telemetry, a_client_that_does_not_read_stalls_only_its_own_bounded_outbox)
{
	const size_t capacity = 1 << 20, most = 64 << 20;
	struct fixture f;
	struct grpc_client *lazy, *client;
	struct grpc_client_call *stalled, *call;
	struct outbox *outbox;
	const char *message;
	size_t accepted, received = 0, others = 0;

	fixture_init(&f, capacity);
	lazy = fixture_connect(&f);
	stalled = fixture_subscribe(lazy);
	outbox = fake_engine_outbox(f.engine, 0);
	accepted = fill(outbox, most);
	cr_assert_geq(accepted, capacity);
	/* The outbox, one message, and what the client has let come ahead of its reading: far from endless. */
	cr_assert_lt(accepted, most / 2, "%zu", accepted);

	client = fixture_connect(&f);
	call = fixture_subscribe(client);
	put(fake_engine_outbox(f.engine, 1), fixture_chunk(1000, 'y'));
	outbox_finish(fake_engine_outbox(f.engine, 1), CODE_OK, "");
	cr_assert_eq(fixture_drain(call, &others, &message), CODE_OK);
	cr_assert_eq(others, 1000);

	outbox_finish(outbox, CODE_OK, "");
	cr_assert_eq(fixture_drain(stalled, &received, &message), CODE_OK);
	cr_assert_eq(received, accepted);
	grpc_client_call_free(stalled);
	grpc_client_call_free(call);
	grpc_client_free(lazy);
	grpc_client_free(client);
	fixture_done(&f);
}

Test(telemetry, the_end_of_an_outbox_is_the_status_behind_everything_queued)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	struct outbox *outbox;
	const char *message;
	size_t received = 0;

	fixture_init(&f, 8 << 20);
	client = fixture_connect(&f);
	call = fixture_subscribe(client);
	outbox = fake_engine_outbox(f.engine, 0);
	for (int i = 0; i < 40; i++)
		put(outbox, fixture_chunk(100000, 'x'));
	outbox_finish(outbox, 9, "no clause can be served: \xc3\xa9t\xc3\xa9");
	cr_assert_eq(fixture_drain(call, &received, &message), 9);
	cr_assert_str_eq(message, "no clause can be served: \xc3\xa9t\xc3\xa9");
	cr_assert_eq(received, 4000000);
	grpc_client_call_free(call);
	cr_assert(fake_engine_wait_unsubscribed(f.engine, 1));
	grpc_client_free(client);
	fixture_done(&f);
}

Test(telemetry, an_invalid_request_ends_with_the_decoders_sentence)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	const char *message;
	size_t received = 0;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	cr_assert_eq(grpc_client_start(client, GET_EVENTS, "", 0, &call, NULL), 0);
	cr_assert_eq(fixture_drain(call, &received, &message), CODE_INVALID_ARGUMENT);
	cr_assert_not_null(strstr(message, "subscription"), "%s", message);
	cr_assert_eq(received, 0);
	grpc_client_call_free(call);
	cr_assert_eq(grpc_client_start(client, GET_EVENTS, "\xff\xff\xff", 3, &call, NULL), 0);
	cr_assert_eq(fixture_drain(call, &received, &message), CODE_INVALID_ARGUMENT);
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

Test(telemetry, an_engine_that_takes_nobody_any_more_is_unavailable)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	struct buffer request;
	const char *message;
	size_t received = 0;

	fixture_init(&f, 1 << 20);
	fake_engine_refuse(f.engine);
	client = fixture_connect(&f);
	fixture_request(&request);
	cr_assert_eq(grpc_client_start(client, GET_EVENTS, request.data, request.length, &call, NULL), 0);
	cr_assert_eq(fixture_drain(call, &received, &message), CODE_UNAVAILABLE);
	cr_assert_str_eq(message, RPC_STOPPING_MESSAGE);
	buffer_done(&request);
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

static void *stop(void *server)
{
	rpc_server_stop(server);
	return NULL;
}

Test(telemetry, stopping_the_server_ends_streams_as_unavailable_after_what_was_queued)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *calls[20];
	pthread_t stopper;
	const char *message;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	for (size_t i = 0; i < 20; i++) {
		calls[i] = fixture_subscribe(client);
		put(fake_engine_outbox(f.engine, i), fixture_chunk(1000 + i, 'x'));
	}
	cr_assert_eq(pthread_create(&stopper, NULL, stop, f.server), 0);
	for (size_t i = 0; i < 20; i++) {
		size_t received = 0;

		cr_assert_eq(fixture_drain(calls[i], &received, &message), CODE_UNAVAILABLE);
		cr_assert_str_eq(message, RPC_STOPPING_MESSAGE);
		cr_assert_eq(received, 1000 + i);
	}
	for (size_t i = 0; i < 20; i++)
		grpc_client_call_free(calls[i]);
	pthread_join(stopper, NULL);
	cr_assert(fake_engine_wait_unsubscribed(f.engine, 20));
	grpc_client_free(client);
	fixture_done(&f);
}

Test(telemetry, a_client_that_does_not_read_cannot_keep_the_server_from_stopping)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	call = fixture_subscribe(client);
	fill(fake_engine_outbox(f.engine, 0), 16 << 20);
	rpc_server_stop(f.server);
	cr_assert(fake_engine_wait_unsubscribed(f.engine, 1));
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

/* A clause of a function call between two others. */
static void pack_calls(struct buffer *out)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct error err = {0};

	subscription_spec_add(spec, EVENT_PROCESS_EXEC);
	subscription_spec_add(spec, EVENT_KERNEL_CALL_ENTER);
	cr_assert_eq(probe_request_new_call(&spec->clauses[1].request, EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", NULL, 0, NULL, &err), 0);
	subscription_spec_add(spec, EVENT_USER_CALL_EXIT);
	cr_assert_eq(probe_request_new_call(&spec->clauses[2].request, EVENT_USER_CALL_EXIT, "/bin/sh", "main", NULL, 0, NULL, &err), 0);
	buffer_init(out, 0);
	cr_assert_eq(capsule8_encode_request(spec, out, &err), 0, "%s", err.message);
	subscription_spec_free(spec);
}

static const struct subscription_spec *subscribe_to_calls(struct fixture *f, const char *address, size_t i)
{
	struct grpc_client *client = fixture_connect_to(address);
	const struct subscription_spec *spec;
	struct grpc_client_call *call;
	struct buffer request;

	pack_calls(&request);
	cr_assert_eq(grpc_client_start(client, GET_EVENTS, request.data, request.length, &call, NULL), 0);
	cr_assert_not_null(fake_engine_outbox(f->engine, i));
	spec = fake_engine_spec(f->engine, i);
	cr_assert_not_null(spec);
	cr_assert_eq(spec->clause_count, 3);
	buffer_done(&request);
	grpc_client_call_free(call);
	grpc_client_free(client);
	return spec;
}

Test(telemetry, function_calls_are_for_callers_on_a_unix_socket)
{
	const struct subscription_spec *spec;
	struct fixture f;

	fixture_init(&f, 1 << 20);
	spec = subscribe_to_calls(&f, f.address, 0);
	cr_assert_eq(spec->clauses[1].kind, EVENT_KERNEL_CALL_ENTER);
	cr_assert_str_eq(spec->clauses[1].request->symbol, "vfs_read");
	cr_assert_eq(spec->clauses[2].kind, EVENT_USER_CALL_EXIT);
	fixture_done(&f);
}

Test(telemetry, function_calls_are_refused_on_tcp_and_the_rest_runs)
{
	const struct subscription_spec *spec;
	struct fixture f;

	fixture_init(&f, 1 << 20);
	spec = subscribe_to_calls(&f, f.tcp_address, 0);
	cr_assert_eq(spec->clauses[0].kind, EVENT_PROCESS_EXEC);
	for (size_t i = 1; i < 3; i++) {
		cr_assert_eq(spec->clauses[i].kind, EVENT_KIND_COUNT);
		cr_assert_eq(spec->clauses[i].refusal_code, CODE_PERMISSION_DENIED);
		cr_assert_null(spec->clauses[i].request);
		cr_assert_not_null(strstr(spec->clauses[i].refusal, "--allow-remote-calls"), "%s", spec->clauses[i].refusal);
	}
	cr_assert_not_null(strstr(spec->clauses[1].refusal, "kernel_call:vfs_read: "), "%s", spec->clauses[1].refusal);
	fixture_done(&f);
}

Test(telemetry, function_calls_are_served_on_tcp_when_that_is_allowed)
{
	const struct subscription_spec *spec;
	struct fixture f;

	fixture_init_open(&f, 1 << 20);
	spec = subscribe_to_calls(&f, f.tcp_address, 0);
	cr_assert_eq(spec->clauses[1].kind, EVENT_KERNEL_CALL_ENTER);
	cr_assert_eq(spec->clauses[2].kind, EVENT_USER_CALL_EXIT);
	fixture_done(&f);
}

static void *subscribe_and_leave(void *fixture)
{
	struct grpc_client *client = fixture_connect(fixture);

	for (int i = 0; i < 15; i++) {
		struct grpc_client_call *call = fixture_subscribe(client);

		grpc_client_call_cancel(call);
		grpc_client_call_free(call);
	}
	grpc_client_free(client);
	return NULL;
}

Test(telemetry, clients_that_come_and_go_while_events_are_put_in_leave_nothing_behind)
{
	struct fixture f;
	pthread_t clients[4];

	fixture_init(&f, 1 << 20);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&clients[i], NULL, subscribe_and_leave, &f), 0);
	for (size_t i = 0; i < 60; i++) {
		struct outbox *outbox = fake_engine_outbox(f.engine, i);

		cr_assert_not_null(outbox);
		for (int n = 0; n < 50; n++) {
			struct chunk *c = fixture_chunk(2000, 'x');

			outbox_put(outbox, c);
			chunk_unref(c);
		}
	}
	for (size_t i = 0; i < 4; i++)
		pthread_join(clients[i], NULL);
	cr_assert(fake_engine_wait_unsubscribed(f.engine, 60));
	fixture_done(&f);
}
