#ifndef SERVICE_HEALTH_H
#define SERVICE_HEALTH_H

#include "service/rpc_server.h"

/*
 * grpc.health.v1.Health: the server as a whole ("") and the telemetry service are SERVING while the server runs, NOT_SERVING once it stops.
 * Any other service: Check ends with NOT_FOUND, Watch says SERVICE_UNKNOWN and stays open.
 */
int health_add(struct rpc_server *s, struct error *err);

#endif
