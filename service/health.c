#include "service/health.h"

#include "service/packed.h"
#include "service/telemetry.h"
#include "subscription/status.h"

#include <grpc/health/v1/health.pb-c.h>
#include <grpc/status.h>
#include <stdio.h>
#include <string.h>

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

#define SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define UNKNOWN     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

static serving_status status_of(const struct rpc *rpc, const char *service)
{
	if (*service != '\0' && strcmp(service, TELEMETRY_SERVICE) != 0)
		return UNKNOWN;
	return rpc_stopping(rpc) ? NOT_SERVING : SERVING;
}

static struct chunk *response(serving_status status)
{
	Grpc__Health__V1__HealthCheckResponse message = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	message.status = status;
	return packed_message(&message.base);
}

/* False: the call has been refused. */
static bool read_request(struct rpc *rpc, const uint8_t *bytes, size_t size, serving_status *ret, char service[256])
{
	Grpc__Health__V1__HealthCheckRequest *request = grpc__health__v1__health_check_request__unpack(NULL, size, bytes);

	if (!request) {
		rpc_finish(rpc, STATUS_INVALID_ARGUMENT, "the request is not a grpc.health.v1.HealthCheckRequest");
		return false;
	}
	*ret = status_of(rpc, request->service);
	snprintf(service, 256, "%s", request->service);
	grpc__health__v1__health_check_request__free_unpacked(request, NULL);
	return true;
}

static void check(struct rpc *rpc, const uint8_t *bytes, size_t size)
{
	char service[256], message[512];
	struct chunk *answer;
	serving_status status;

	if (!read_request(rpc, bytes, size, &status, service))
		return;
	answer = response(status);
	if (status == UNKNOWN) {
		snprintf(message, sizeof(message), "unknown service %s", service);
		rpc_finish(rpc, GRPC_STATUS_NOT_FOUND, message);
		chunk_unref(answer);
	} else if (!answer) {
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
	} else {
		rpc_reply(rpc, answer);
	}
}

static void tell(struct rpc *rpc, serving_status status)
{
	struct chunk *message = response(status);

	if (message)
		rpc_send(rpc, &message, 1);
	else
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
}

/* A watcher's state is what it watches, so that the end of serving is told to those whom it concerns. */
static char served[] = "served", unserved[] = "unserved";

static void watch(struct rpc *rpc, const uint8_t *bytes, size_t size)
{
	serving_status status;
	char service[256];

	if (!read_request(rpc, bytes, size, &status, service))
		return;
	rpc_set_state(rpc, status == UNKNOWN ? unserved : served);
	tell(rpc, status);
}

static void finish_watch(struct rpc *rpc)
{
	if (rpc_stopping(rpc))
		rpc_finish(rpc, STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
}

/* While the first answer is under way, or there has been no request yet, the end is enough. */
static void stop_watch(struct rpc *rpc)
{
	if (rpc_sending(rpc))
		return;
	if (rpc_state(rpc) == served)
		tell(rpc, NOT_SERVING);
	else
		finish_watch(rpc);
}

int health_add(struct rpc_server *s, struct error *err)
{
	const struct rpc_method check_method = {.path = "/grpc.health.v1.Health/Check", .message = check};
	const struct rpc_method watch_method = {
		.path = "/grpc.health.v1.Health/Watch",
		.message = watch,
		.sent = finish_watch,
		.stopping = stop_watch,
	};
	int r = rpc_server_add(s, &check_method, err);

	return r < 0 ? r : rpc_server_add(s, &watch_method, err);
}
