#include "service/grpc_client.h"

#include "tests/service/fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

Test(grpc_client, a_connection_that_fails_says_why_and_where)
{
	struct grpc_client *client;
	struct error err = {0};

	cr_assert_eq(grpc_client_connect(&client, "unix:/no/such/socket", 1000, &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "unix:/no/such/socket"), "%s", err.message);
	cr_assert_eq(grpc_client_connect(&client, "127.0.0.1:1", 1000, &err), -ECONNREFUSED);
	cr_assert_not_null(strstr(err.message, "127.0.0.1:1"), "%s", err.message);
	cr_assert_eq(grpc_client_connect(&client, "nowhere", 1000, &err), -EINVAL);
}

Test(grpc_client, a_read_that_times_out_can_be_repeated)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	struct chunk *chunk;
	const uint8_t *bytes;
	size_t size;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	call = fixture_subscribe(client);
	cr_assert_eq(grpc_client_call_read(call, 20, &bytes, &size), -ETIMEDOUT);
	cr_assert_eq(grpc_client_call_read(call, 0, &bytes, &size), -ETIMEDOUT);
	chunk = fixture_chunk(777, 'z');
	cr_assert(outbox_put(fake_engine_outbox(f.engine, 0), chunk));
	chunk_unref(chunk);
	cr_assert_eq(grpc_client_call_read(call, 10000, &bytes, &size), 1);
	cr_assert_eq(size, 777);
	cr_assert_eq(bytes[776], 'z');
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

Test(grpc_client, a_unary_call_that_fails_has_the_servers_sentence)
{
	struct fixture f;
	struct grpc_client *client;
	struct error err = {0};
	uint8_t *response;
	size_t size;
	int code;

	fixture_init(&f, 1 << 20);
	fake_engine_refuse(f.engine);
	client = fixture_connect(&f);
	cr_assert_eq(grpc_client_unary(client, "/ringside.v0.SensorService/GetStatus", "", 0, 10000, &response, &size, &code, &err), -EIO);
	cr_assert_eq(code, 14);
	cr_assert_not_null(strstr(err.message, RPC_STOPPING_MESSAGE), "%s", err.message);
	grpc_client_free(client);
	fixture_done(&f);
}

Test(grpc_client, a_call_may_be_freed_while_it_runs)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	const uint8_t *bytes;
	size_t size;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	call = fixture_subscribe(client);
	cr_assert_eq(grpc_client_call_read(call, 0, &bytes, &size), -ETIMEDOUT);
	grpc_client_call_free(call);
	cr_assert(fake_engine_wait_unsubscribed(f.engine, 1));
	grpc_client_free(client);
	fixture_done(&f);
}
