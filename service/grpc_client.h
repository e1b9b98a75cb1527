#ifndef SERVICE_GRPC_CLIENT_H
#define SERVICE_GRPC_CLIENT_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A small blocking gRPC client over one connection, for our own command line, for runtimes' sockets and for tests. It connects by itself, so that a failure has the
 * system's reason (no such file, permission denied, connection refused), and does not reconnect.
 *
 * A client and its calls belong to one thread, but grpc_client_call_cancel() and grpc_client_disconnect() may be called by any.
 */
struct grpc_client;
struct grpc_client_call;

/* `address`: unix:PATH, unix://PATH, HOST:PORT or [IPV6]:PORT. `timeout_ms` < 0: no limit.
 * -EINVAL: not an address; -ETIMEDOUT; else what connect(2) says. */
int grpc_client_connect(struct grpc_client **ret, const char *address, int timeout_ms, struct error *err);
/* For servers that are not ours: a call on which a message of more than `message_max` bytes comes ends with RESOURCE_EXHAUSTED (8), and not much
 * more than that is held ahead of our reading. */
int grpc_client_connect_bounded(struct grpc_client **ret, const char *address, int timeout_ms, size_t message_max, struct error *err);
/* All its calls must be freed before. Takes NULL; returns NULL. */
struct grpc_client *grpc_client_free(struct grpc_client *c);

/* Ends the connection: calls that run, whatever they wait for, and later ones end with UNAVAILABLE (14). Any thread, before grpc_client_free(). */
void grpc_client_disconnect(struct grpc_client *c);

/* Calls that are opened from now on send this in their metadata: `key` in lower case, both borrowed until it is set again or the client is freed. One
 * at a time; NULL (either): none, as at first. */
void grpc_client_set_metadata(struct grpc_client *c, const char *key, const char *value);

/* Starts a call of "/package.Service/Method" on which both sides may send any number of messages. -EIO with the library's reason. */
int grpc_client_open(struct grpc_client *c, const char *method, struct grpc_client_call **ret, struct error *err);

/* Starts a call with one request: grpc_client_open(), grpc_client_call_send(), grpc_client_call_end_sending(). */
int grpc_client_start(struct grpc_client *c, const char *method, const void *request, size_t size, struct grpc_client_call **ret,
		      struct error *err);

/* Sends a copy of a message and waits until flow control lets it go. -EPIPE: the call is over, its status says why. */
int grpc_client_call_send(struct grpc_client_call *call, const void *message, size_t size);
/* Says that no more messages come from us. -EPIPE as above. */
int grpc_client_call_end_sending(struct grpc_client_call *call);

/* Waits for the next message. 1: one came, its bytes are in one piece and valid until the next read or free; 0: none comes any more, the
 * call has ended and has a status; -ETIMEDOUT: none came in time, read again when you like; -ENOMEM. `timeout_ms` < 0: no limit. */
int grpc_client_call_read(struct grpc_client_call *call, int timeout_ms, const uint8_t **ret_bytes, size_t *ret_size);

/* The end of a call, after read has returned 0: a google.rpc.Code (0 OK, 1 cancelled, 14 unavailable, ...) and its sentence, which lives
 * as long as the call. */
int grpc_client_call_status(const struct grpc_client_call *call, const char **ret_message);

/* Ends the call: reads return what has come and then 0, the status is CANCELLED unless there was one already. Any thread, any number of
 * times before grpc_client_call_free(); not from within a signal handler: let a thread that waits in sigwait(3) call it. */
void grpc_client_call_cancel(struct grpc_client_call *call);

/* Cancels what still runs. Takes NULL; returns NULL. */
struct grpc_client_call *grpc_client_call_free(struct grpc_client_call *call);

/* One request, one response, which is the caller's to free(). *ret_code (may be NULL) gets the call's google.rpc.Code. The server is told of the
 * time limit; `timeout_ms` < 0: none.
 * -ETIMEDOUT, also when the server says so; -EIO: the call ended with a status other than OK or without a message, err has the server's sentence. */
int grpc_client_unary(struct grpc_client *c, const char *method, const void *request, size_t size, int timeout_ms, uint8_t **ret,
		      size_t *ret_size, int *ret_code, struct error *err);

#endif
