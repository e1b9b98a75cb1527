#include "service/grpc_client.h"

#include "tests/service/fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

/* A server that takes connections and never says a word; with a backlog of 0 the second one already has to wait. */
static int listen_silently(char *directory, char *address, size_t size)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_not_null(mkdtemp(directory));
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", directory);
	snprintf(address, size, "unix:%s", name.sun_path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	cr_assert_eq(listen(fd, 0), 0);
	return fd;
}

static void stop_listening(int fd, const char *directory)
{
	char path[128];

	close(fd);
	snprintf(path, sizeof(path), "%s/socket", directory);
	unlink(path);
	cr_assert_eq(rmdir(directory), 0);
}

Test(grpc_client, a_server_that_does_not_answer_is_given_up)
{
	char directory[] = "/tmp/ringside-silent-XXXXXX", address[128];
	int fd = listen_silently(directory, address, sizeof(address));
	struct grpc_client *client, *second;
	struct error err = {0};
	uint8_t *response;
	size_t size;

	cr_assert_eq(grpc_client_connect(&client, address, 100, &err), 0);
	cr_assert_eq(grpc_client_unary(client, "/package.Service/Method", "", 0, 100, &response, &size, NULL, &err), -ETIMEDOUT);
	cr_assert_str_eq(err.message, "/package.Service/Method: no answer in time");
	cr_assert_eq(grpc_client_connect(&second, address, 100, &err), -ETIMEDOUT, "%s", err.message);
	grpc_client_free(client);
	stop_listening(fd, directory);
}

static void *disconnect_soon(void *client)
{
	usleep(50000);
	grpc_client_disconnect(client);
	return NULL;
}

Test(grpc_client, another_thread_can_end_the_connection_under_a_call)
{
	char directory[] = "/tmp/ringside-silent-XXXXXX", address[128];
	int fd = listen_silently(directory, address, sizeof(address));
	struct grpc_client *client;
	pthread_t thread;
	uint8_t *response;
	size_t size;
	int code;

	cr_assert_eq(grpc_client_connect(&client, address, 100, NULL), 0);
	pthread_create(&thread, NULL, disconnect_soon, client);
	cr_assert_eq(grpc_client_unary(client, "/package.Service/Method", "", 0, -1, &response, &size, &code, NULL), -EIO);
	cr_assert_eq(code, 14);
	cr_assert_eq(grpc_client_unary(client, "/package.Service/Method", "", 0, -1, &response, &size, &code, NULL), -EIO);
	cr_assert_eq(code, 14);
	pthread_join(thread, NULL);
	grpc_client_free(client);
	stop_listening(fd, directory);
}

Test(grpc_client, a_message_beyond_the_bound_ends_its_call)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	struct buffer request = {0};
	struct chunk *chunk;
	const uint8_t *bytes;
	const char *message;
	size_t size;

	fixture_init(&f, 1 << 20);
	cr_assert_eq(grpc_client_connect_bounded(&client, f.address, 1000, 4096, NULL), 0);
	fixture_request(&request);
	cr_assert_eq(grpc_client_start(client, "/capsule8.api.v0.TelemetryService/GetEvents", request.data, request.length, &call, NULL),
		     0);
	cr_assert_eq(grpc_client_call_read(call, 10000, &bytes, &size), 1);
	chunk = fixture_chunk(5000, 'z');
	cr_assert(outbox_put(fake_engine_outbox(f.engine, 0), chunk));
	chunk_unref(chunk);
	cr_assert_eq(grpc_client_call_read(call, 10000, &bytes, &size), 0);
	cr_assert_eq(grpc_client_call_status(call, &message), 8);
	grpc_client_call_free(call);
	buffer_done(&request);
	grpc_client_free(client);
	fixture_done(&f);
}
