#ifndef SERVICE_RPC_SERVER_H
#define SERVICE_RPC_SERVER_H

#include "base/error.h"
#include "service/rpc.h"

/*
 * The gRPC server: listeners, a table of methods, and two threads: "grpc" works off the one completion queue and runs every callback of
 * rpc.h; "grpc-accept" sleeps until a client connects.
 *
 * new, add, listen, start, stop, free are called in this order, by one thread. Connections are in the clear; who may connect is a
 * matter of the socket file's mode.
 */
struct rpc_server;

struct rpc_server_options {
	bool allow_remote; /* TCP listeners beyond the loopback interface */
};

int rpc_server_new(struct rpc_server **ret, const struct rpc_server_options *options, struct error *err);

/* Adds a method, copied. Before start. -ENOMEM; -EEXIST: the path is taken. */
int rpc_server_add(struct rpc_server *s, const struct rpc_method *method, struct error *err);

/* Whether there is a method of this service: "package.Service". */
bool rpc_server_has_service(const struct rpc_server *s, const char *service);

/* Listens on an address of listener.h, any number of times before start; clients can connect from now on and are answered after start. */
int rpc_server_listen(struct rpc_server *s, const char *address, struct error *err);

/* What listener number `i` can be reached by ("127.0.0.1:43210"); NULL behind the last one. Valid as long as the server. */
const char *rpc_server_address(const struct rpc_server *s, size_t i);

int rpc_server_start(struct rpc_server *s, struct error *err);

/* Stops listening, lets the calls end (see rpc_method.stopping), cancels what has not ended after RPC_STOP_MS, and returns when the last
 * callback has. Does nothing when not started or stopped already. */
void rpc_server_stop(struct rpc_server *s);

/* Stops it first. Takes NULL; returns NULL. */
struct rpc_server *rpc_server_free(struct rpc_server *s);

#endif
