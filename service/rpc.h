#ifndef SERVICE_RPC_H
#define SERVICE_RPC_H

#include "base/chunk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One call that a client makes, seen by the service that answers it. Every kind of call (unary, server streaming, bidirectional) is the
 * same object: messages come in, messages go out, a status ends it.
 *
 * Everything here happens on the server thread, and callbacks must not block it; rpc_wake() alone is for other threads.
 */
struct rpc;

/* A method as a table of reactions; those that are NULL do nothing. */
struct rpc_method {
	const char *path; /* "/package.Service/Method" */
	void *service;    /* for rpc_service(); must outlive the server */
	/* A message of the client; the bytes are valid during the callback. The first one is read unasked, more after rpc_read(). */
	void (*message)(struct rpc *rpc, const uint8_t *bytes, size_t size);
	/* The client sends no more messages, found by a read. Without this reaction a call that had no message at all is refused, anything else goes on. */
	void (*messages_end)(struct rpc *rpc);
	/* What rpc_send() was given has gone to the client as far as flow control is concerned; the next one may be sent. */
	void (*sent)(struct rpc *rpc);
	/* Some time after rpc_wake(); once for any number of wakes before it. */
	void (*woken)(struct rpc *rpc);
	/* The server stops: finish soon. What is still running after RPC_STOP_MS is cancelled. Without this reaction: UNAVAILABLE. */
	void (*stopping)(struct rpc *rpc);
	/* The last callback: the call has finished, or the client has cancelled it or gone away. Release rpc_state() and make sure that
	 * nobody wakes this call any more; `rpc` is not valid afterwards. */
	void (*closed)(struct rpc *rpc);
};

#define RPC_STOP_MS          2000
#define RPC_SEND_CHUNKS      64                /* most that one rpc_send() takes */
#define RPC_MESSAGE_MAX      (4 * 1024 * 1024) /* a longer request ends the call with RESOURCE_EXHAUSTED */
#define RPC_STOPPING_MESSAGE "the sensor is shutting down"

void *rpc_service(const struct rpc *rpc);
/* The service's own data about this call; NULL at start. */
void *rpc_state(const struct rpc *rpc);
void rpc_set_state(struct rpc *rpc, void *state);

/* True: the server stops. */
bool rpc_stopping(const struct rpc *rpc);

/* Whether the client is connected to a unix socket, and so is a process of this host that the socket file's mode lets in. */
bool rpc_from_unix_socket(const struct rpc *rpc);

/* Asks for the client's next message. One at a time. */
void rpc_read(struct rpc *rpc);

/* Sends one message, the chunks' bytes one behind the other, without a copy; takes over one reference of each. `count` is 1 to
 * RPC_SEND_CHUNKS. One message at a time: not while rpc_sending(), and not after rpc_finish(). */
void rpc_send(struct rpc *rpc, struct chunk *const *chunks, size_t count);
bool rpc_sending(const struct rpc *rpc);

/* Ends the call with a google.rpc.Code and a sentence ("" or NULL: none). Not while rpc_sending(); a second call does nothing. */
void rpc_finish(struct rpc *rpc, int code, const char *message);

/* Sends the one response of a unary call and finishes with OK. Takes over the reference. */
void rpc_reply(struct rpc *rpc, struct chunk *response);

/* Makes the server thread call woken(). Any thread, cheap, until closed() has been called. */
void rpc_wake(struct rpc *rpc);

#endif
