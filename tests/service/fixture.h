#ifndef TESTS_SERVICE_FIXTURE_H
#define TESTS_SERVICE_FIXTURE_H

#include "base/buffer.h"
#include "service/grpc_client.h"
#include "service/reflection.h"
#include "tests/service/fake_engine.h"

#define GET_EVENTS "/capsule8.api.v0.TelemetryService/GetEvents"

/* A server with all services over a fake engine, on a unix socket in a directory of its own and on a port. Everything asserts. */
struct fixture {
	char directory[64];
	char address[96];        /* unix:... */
	const char *tcp_address; /* 127.0.0.1:PORT */
	struct rpc_server *server;
	struct fake_engine *engine;
	struct telemetry_backend backend;
	struct descriptor_set *descriptors;
	struct reflection reflection;
};

void fixture_init(struct fixture *f, size_t queue_bytes);
/* As fixture_init(), with function calls for remote clients too. */
void fixture_init_open(struct fixture *f, size_t queue_bytes);
void fixture_done(struct fixture *f);

/* Connects with time to spare. */
struct grpc_client *fixture_connect(const struct fixture *f);
struct grpc_client *fixture_connect_to(const char *address);

/* Packs a request for every chargen event into `out`, which the caller clears. */
void fixture_request(struct buffer *out);

/* A call of GetEvents with that request whose first response has been read. */
struct grpc_client_call *fixture_subscribe(struct grpc_client *client);

/* Reads to the end, with time to spare; returns the status code and adds what came to *ret_bytes. */
int fixture_drain(struct grpc_client_call *call, size_t *ret_bytes, const char **ret_message);

/* A chunk of `size` bytes, all of them `fill`. */
struct chunk *fixture_chunk(size_t size, uint8_t fill);

#endif
