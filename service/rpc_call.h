#ifndef SERVICE_RPC_CALL_H
#define SERVICE_RPC_CALL_H

#include "service/rpc.h"

#include <grpc/grpc.h>

/*
 * Between rpc_server.c, which has the completion queue and takes calls from it, and rpc.c, which answers them. The server thread.
 */

/* What a completion queue tag points to. */
struct completion {
	void (*done)(void *context, bool ok);
	void *context;
};

/* The calls of a server. */
struct rpc_set {
	struct rpc *head;
	bool stopping;
};

/* Begins to answer a call, whose reference it takes over. `method` NULL: nobody serves `path`, the call is told so. */
void rpc_begin(struct rpc_set *set, grpc_call *call, const struct rpc_method *method, const char *path);

/* Sets `stopping` and tells every call. The set is empty once all of them are closed and their completions have come. */
void rpc_set_stop(struct rpc_set *set);

#endif
