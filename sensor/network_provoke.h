#ifndef SENSOR_NETWORK_PROVOKE_H
#define SENSOR_NETWORK_PROVOKE_H

#include "sensor/source.h"

/*
 * What is done to see whether a network capture works (source.h, struct source_provocation), one function for each of the six calls, and
 * whether an event tells it. Nothing leaves the host and nothing blocks: the sockets are unix ones of the child, the names abstract ones with
 * the child's pid in them, as long as an address can be, so that every byte of it is verified.
 *
 * Where a kind is made by two calls, provocation 0 is the older one of them (accept, sendto, recvfrom) and 1 the other.
 */
void network_provoke_connect(const struct source_provocation *provocation);
void network_provoke_bind(const struct source_provocation *provocation);
void network_provoke_listen(const struct source_provocation *provocation);
void network_provoke_accept(const struct source_provocation *provocation);
void network_provoke_sendto(const struct source_provocation *provocation);
void network_provoke_recvfrom(const struct source_provocation *provocation);

/* Attempts: with the socket and the address, the backlog, or neither. */
bool network_verify_address(const struct source_provocation *provocation, const struct event *event);
bool network_verify_backlog(const struct source_provocation *provocation, const struct event *event);
bool network_verify_socket(const struct source_provocation *provocation, const struct event *event);

/* Results: each call is made such that it fails. */
bool network_verify_result(const struct source_provocation *provocation, const struct event *event);

#endif
