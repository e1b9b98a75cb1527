#ifndef SERVICE_REFLECTION_H
#define SERVICE_REFLECTION_H

#include "proto/descriptor_set.h"
#include "service/rpc_server.h"

/*
 * grpc.reflection.v1 and v1alpha ServerReflection, whose messages are the same on the wire: the list of services that this server has
 * methods of, and the files of proto/ by name and by symbol, each with all that it imports. There are no extensions; asking for one is
 * answered NOT_FOUND.
 */
struct reflection {
	const struct descriptor_set *descriptors; /* by the caller */
	const struct rpc_server *server;          /* by reflection_add() */
};

/* `r` must outlive the server. */
int reflection_add(struct rpc_server *s, struct reflection *r, struct error *err);

#endif
