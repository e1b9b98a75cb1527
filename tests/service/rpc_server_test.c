#include "service/rpc_server.h"

#include "tests/service/fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CODE_OK = 0,
	CODE_INVALID_ARGUMENT = 3,
	CODE_RESOURCE_EXHAUSTED = 8,
	CODE_UNIMPLEMENTED = 12,
	CODE_UNAVAILABLE = 14,
};

static int end_of(struct grpc_client_call *call, const char **ret_message)
{
	size_t bytes = 0;

	return fixture_drain(call, &bytes, ret_message);
}

Test(rpc_server, a_method_that_nobody_serves_is_unimplemented_and_named)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	const char *message;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	cr_assert_eq(grpc_client_start(client, "/no.Such/Method", "", 0, &call, NULL), 0);
	cr_assert_eq(end_of(call, &message), CODE_UNIMPLEMENTED);
	cr_assert_not_null(strstr(message, "/no.Such/Method"), "%s", message);
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

Test(rpc_server, a_call_without_a_request_is_refused)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	const char *message;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	cr_assert_eq(grpc_client_open(client, GET_EVENTS, &call, NULL), 0);
	cr_assert_eq(grpc_client_call_end_sending(call), 0);
	cr_assert_eq(end_of(call, &message), CODE_INVALID_ARGUMENT);
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

Test(rpc_server, a_request_beyond_the_limit_is_refused_and_the_connection_lives_on)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	const char *message;
	uint8_t *large = calloc(1, RPC_MESSAGE_MAX + 1);

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	cr_assert_eq(grpc_client_start(client, GET_EVENTS, large, RPC_MESSAGE_MAX + 1, &call, NULL), 0);
	cr_assert_eq(end_of(call, &message), CODE_RESOURCE_EXHAUSTED, "%s", message);
	grpc_client_call_free(call);
	call = fixture_subscribe(client);
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
	free(large);
}

Test(rpc_server, a_server_that_was_never_started_is_freed)
{
	const struct rpc_server_options options = {0};
	struct rpc_server *s;
	struct error err = {0};

	cr_assert_eq(rpc_server_new(&s, &options, &err), 0, "%s", err.message);
	cr_assert_eq(rpc_server_listen(s, "127.0.0.1:0", &err), 0, "%s", err.message);
	rpc_server_stop(s);
	rpc_server_free(s);
}

Test(rpc_server, the_same_method_twice_is_refused)
{
	const struct rpc_server_options options = {0};
	const struct rpc_method method = {.path = "/a.B/C"};
	struct rpc_server *s;
	struct error err = {0};

	cr_assert_eq(rpc_server_new(&s, &options, &err), 0, "%s", err.message);
	cr_assert_eq(rpc_server_add(s, &method, &err), 0);
	cr_assert_eq(rpc_server_add(s, &method, &err), -EEXIST);
	cr_assert(rpc_server_has_service(s, "a.B"));
	cr_assert_not(rpc_server_has_service(s, "a"));
	cr_assert_not(rpc_server_has_service(s, "a.BB"));
	rpc_server_free(s);
}

Test(rpc_server, it_is_reached_by_tcp_at_the_address_that_it_reports)
{
	const struct rpc_server_options options = {0};
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	struct rpc_server *s;
	struct error err = {0};

	fixture_init(&f, 1 << 20);
	cr_assert_eq(rpc_server_new(&s, &options, &err), 0, "%s", err.message);
	cr_assert_eq(telemetry_add(s, &f.backend, &err), 0);
	cr_assert_eq(rpc_server_listen(s, "127.0.0.1:0", &err), 0, "%s", err.message);
	cr_assert_eq(rpc_server_listen(s, rpc_server_address(s, 0), &err), -EADDRINUSE);
	cr_assert_null(rpc_server_address(s, 1));
	cr_assert_eq(rpc_server_start(s, &err), 0);
	cr_assert_eq(grpc_client_connect(&client, rpc_server_address(s, 0), 10000, &err), 0, "%s", err.message);
	call = fixture_subscribe(client);
	grpc_client_call_free(call);
	grpc_client_free(client);
	rpc_server_free(s);
	fixture_done(&f);
}

Test(rpc_server, stopping_removes_the_socket_and_ends_connections_without_calls)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *call;
	struct stat st;
	const char *message;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	grpc_client_call_free(fixture_subscribe(client));
	rpc_server_stop(f.server);
	cr_assert_eq(stat(f.address + strlen("unix:"), &st), -1);
	cr_assert_eq(grpc_client_start(client, GET_EVENTS, "", 0, &call, NULL), 0);
	cr_assert_eq(end_of(call, &message), CODE_UNAVAILABLE, "%s", message);
	grpc_client_call_free(call);
	grpc_client_free(client);
	fixture_done(&f);
}

Test(rpc_server, a_client_that_speaks_nonsense_harms_nobody)
{
	struct fixture f;
	struct grpc_client *client;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	fixture_init(&f, 1 << 20);
	strcpy(name.sun_path, f.address + strlen("unix:"));
	cr_assert_eq(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	cr_assert_eq(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	client = fixture_connect(&f);
	grpc_client_call_free(fixture_subscribe(client));
	grpc_client_free(client);
	close(fd);
	fixture_done(&f);
}
