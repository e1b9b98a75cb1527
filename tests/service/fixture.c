#include "tests/service/fixture.h"

#include "proto/capsule8_request.h"
#include "service/containers.h"
#include "service/health.h"
#include "service/status.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static void init(struct fixture *f, size_t queue_bytes, bool allow_remote_calls)
{
	const struct rpc_server_options options = {0};
	struct error err = {0};

	memset(f, 0, sizeof(*f));
	strcpy(f->directory, "/tmp/ringside-service-XXXXXX");
	cr_assert_not_null(mkdtemp(f->directory));
	snprintf(f->address, sizeof(f->address), "unix:%s/socket", f->directory);
	f->engine = fake_engine_new();
	f->backend = (struct telemetry_backend){
		.queue_bytes = queue_bytes,
		.sensor_id = "test",
		.start_time_ns = 1,
		.allow_remote_calls = allow_remote_calls,
	};
	fake_engine_backend(f->engine, &f->backend);
	cr_assert_eq(descriptor_set_new(&f->descriptors, &err), 0, "%s", err.message);
	f->reflection.descriptors = f->descriptors;
	cr_assert_eq(rpc_server_new(&f->server, &options, &err), 0, "%s", err.message);
	cr_assert_eq(telemetry_add(f->server, &f->backend, &err), 0);
	cr_assert_eq(status_add(f->server, &f->backend, &err), 0);
	cr_assert_eq(containers_add(f->server, &f->backend, &err), 0);
	cr_assert_eq(health_add(f->server, &err), 0);
	cr_assert_eq(reflection_add(f->server, &f->reflection, &err), 0);
	cr_assert_eq(rpc_server_listen(f->server, f->address, &err), 0, "%s", err.message);
	cr_assert_eq(rpc_server_listen(f->server, "127.0.0.1:0", &err), 0, "%s", err.message);
	f->tcp_address = rpc_server_address(f->server, 1);
	cr_assert_eq(rpc_server_start(f->server, &err), 0, "%s", err.message);
}

void fixture_init(struct fixture *f, size_t queue_bytes)
{
	init(f, queue_bytes, false);
}

void fixture_init_open(struct fixture *f, size_t queue_bytes)
{
	init(f, queue_bytes, true);
}

void fixture_done(struct fixture *f)
{
	rpc_server_free(f->server);
	fake_engine_free(f->engine);
	descriptor_set_free(f->descriptors);
	/* Fails when the server has left its socket behind. */
	cr_assert_eq(rmdir(f->directory), 0);
}

struct grpc_client *fixture_connect(const struct fixture *f)
{
	return fixture_connect_to(f->address);
}

struct grpc_client *fixture_connect_to(const char *address)
{
	struct grpc_client *client;
	struct error err = {0};

	cr_assert_eq(grpc_client_connect(&client, address, PATIENCE_MS, &err), 0, "%s", err.message);
	return client;
}

void fixture_request(struct buffer *out)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_CHARGEN);
	struct error err = {0};

	clause->length = 16;
	buffer_init(out, 0);
	cr_assert_eq(capsule8_encode_request(spec, out, &err), 0, "%s", err.message);
	subscription_spec_free(spec);
}

struct grpc_client_call *fixture_subscribe(struct grpc_client *client)
{
	struct grpc_client_call *call;
	struct buffer request;
	struct error err = {0};
	const uint8_t *bytes;
	size_t size;

	fixture_request(&request);
	cr_assert_eq(grpc_client_start(client, GET_EVENTS, request.data, request.length, &call, &err), 0, "%s", err.message);
	buffer_done(&request);
	cr_assert_eq(grpc_client_call_read(call, PATIENCE_MS, &bytes, &size), 1);
	cr_assert_gt(size, 0);
	return call;
}

int fixture_drain(struct grpc_client_call *call, size_t *ret_bytes, const char **ret_message)
{
	const uint8_t *bytes;
	size_t size;
	int r;

	while ((r = grpc_client_call_read(call, PATIENCE_MS, &bytes, &size)) == 1)
		*ret_bytes += size;
	cr_assert_eq(r, 0);
	return grpc_client_call_status(call, ret_message);
}

struct chunk *fixture_chunk(size_t size, uint8_t fill)
{
	uint8_t *bytes = malloc(size);

	memset(bytes, fill, size);
	return chunk_new(bytes, size, 1);
}
