#ifndef SERVICE_STATUS_H
#define SERVICE_STATUS_H

#include "service/telemetry.h"

/*
 * ringside.v0.SensorService.GetStatus: what is installed in the kernel, who subscribes, and what was lost where, as a snapshot that the
 * loop thread takes between two rounds.
 */
int status_add(struct rpc_server *s, const struct telemetry_backend *backend, struct error *err);

#endif
