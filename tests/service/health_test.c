#include "service/health.h"

#include "tests/service/fixture.h"

#include <criterion/criterion.h>
#include <grpc/health/v1/health.pb-c.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHECK "/grpc.health.v1.Health/Check"
#define WATCH "/grpc.health.v1.Health/Watch"

enum {
	CODE_NOT_FOUND = 5,
	CODE_INVALID_ARGUMENT = 3,
	CODE_UNAVAILABLE = 14,
	SERVING = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING,
	NOT_SERVING = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING,
	SERVICE_UNKNOWN = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN,
};

static size_t pack(const char *service, uint8_t request[128])
{
	Grpc__Health__V1__HealthCheckRequest message = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

	message.service = (char *)service;
	return grpc__health__v1__health_check_request__pack(&message, request);
}

static int status_in(const uint8_t *bytes, size_t size)
{
	Grpc__Health__V1__HealthCheckResponse *response = grpc__health__v1__health_check_response__unpack(NULL, size, bytes);
	int status;

	cr_assert_not_null(response);
	status = (int)response->status;
	grpc__health__v1__health_check_response__free_unpacked(response, NULL);
	return status;
}

/* The serving status, or minus the code of the call. */
static int check(struct grpc_client *client, const char *service)
{
	uint8_t request[128], *response;
	size_t size = pack(service, request);
	int code, status;

	if (grpc_client_unary(client, CHECK, request, size, 10000, &response, &size, &code, NULL) < 0)
		return -code;
	status = status_in(response, size);
	free(response);
	return status;
}

static struct grpc_client_call *watch(struct grpc_client *client, const char *service)
{
	struct grpc_client_call *call;
	uint8_t request[128];
	size_t size = pack(service, request);

	cr_assert_eq(grpc_client_start(client, WATCH, request, size, &call, NULL), 0);
	return call;
}

static int next_status(struct grpc_client_call *call)
{
	const uint8_t *bytes;
	size_t size;

	cr_assert_eq(grpc_client_call_read(call, 10000, &bytes, &size), 1);
	return status_in(bytes, size);
}

Test(health, the_server_and_the_telemetry_service_are_serving_and_others_are_not_found)
{
	struct fixture f;
	struct grpc_client *client;
	uint8_t *response;
	size_t size;
	int code;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	cr_assert_eq(check(client, ""), SERVING);
	cr_assert_eq(check(client, TELEMETRY_SERVICE), SERVING);
	cr_assert_eq(check(client, "no.such.Service"), -CODE_NOT_FOUND);
	cr_assert_lt(grpc_client_unary(client, CHECK, "\xff", 1, 10000, &response, &size, &code, NULL), 0);
	cr_assert_eq(code, CODE_INVALID_ARGUMENT);
	grpc_client_free(client);
	fixture_done(&f);
}

static void *stop(void *server)
{
	rpc_server_stop(server);
	return NULL;
}

Test(health, a_watcher_is_told_at_once_and_again_when_the_server_stops)
{
	struct fixture f;
	struct grpc_client *client;
	struct grpc_client_call *known, *unknown;
	pthread_t stopper;
	const char *message;
	size_t bytes = 0;

	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
	known = watch(client, TELEMETRY_SERVICE);
	unknown = watch(client, "no.such.Service");
	cr_assert_eq(next_status(known), SERVING);
	cr_assert_eq(next_status(unknown), SERVICE_UNKNOWN);
	/* An answered call later, the watchers' first answers have gone out for good. */
	cr_assert_eq(check(client, ""), SERVING);
	cr_assert_eq(pthread_create(&stopper, NULL, stop, f.server), 0);
	cr_assert_eq(next_status(known), NOT_SERVING);
	cr_assert_eq(fixture_drain(known, &bytes, &message), CODE_UNAVAILABLE);
	cr_assert_eq(fixture_drain(unknown, &bytes, &message), CODE_UNAVAILABLE);
	cr_assert_eq(bytes, 0);
	grpc_client_call_free(known);
	grpc_client_call_free(unknown);
	pthread_join(stopper, NULL);
	grpc_client_free(client);
	fixture_done(&f);
}
