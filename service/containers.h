#ifndef SERVICE_CONTAINERS_H
#define SERVICE_CONTAINERS_H

#include "service/telemetry.h"

/*
 * ringside.v0.SensorService.ListContainers: what the sensor knows of containers now, as a stream of responses.
 *
 * The table belongs to the loop thread, and hosts have thousands of containers. So the list is made in turns between two rounds: the first one
 * notes all ids, some 50 ns each; each other one takes up to CONTAINERS_TURN_NS and writes what it finds of the next ids, and that is sent and has
 * gone before the next one begins. A client that does not read holds one response. Containers that went meanwhile are not in the list.
 *
 * The runtimes' own files are read by the server thread, a container at a time, where the sensor does not keep them.
 */

#define CONTAINERS_TURN_NS       500000
#define CONTAINERS_MESSAGE_BYTES (256 * 1024) /* a turn ends behind it */
#define CONTAINERS_FILTERS_MAX   64           /* of a request: each is held against each container */

int containers_add(struct rpc_server *s, const struct telemetry_backend *backend, struct error *err);

#endif
