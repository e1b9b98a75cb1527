#ifndef SUBSCRIPTION_OUTBOX_H
#define SUBSCRIPTION_OUTBOX_H

#include "base/chunk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bounded queue between the loop thread, which puts chunks of encoded events in, and the thread that sends them. What does not fit is
 * refused, and the loop counts it as this subscriber's loss. Reference-counted: each side holds one, and whoever leaves last frees it.
 *
 * Any thread may call anything. One mutex, taken once per call.
 */
struct outbox;

#define OUTBOX_READY_BYTES ((size_t)512 * 1024)

/* How the stream ends, once everything queued before is sent: a gRPC status code and a sentence. */
struct outbox_end {
	int code;
	char message[512];
};

/* Called with no lock held. `ready`: there is something to take, or the end, where there was nothing; by the putting thread. `room`: after
 * a refusal, or after outbox_want_room(), the queue is at most half full again; by the taking thread. Either may be NULL. */
struct outbox_callbacks {
	void (*ready)(void *context);
	void *ready_context;
	void (*room)(void *context);
	void *room_context;
};

/* NULL: out of memory. One reference for the caller. */
struct outbox *outbox_new(size_t capacity_bytes, const struct outbox_callbacks *callbacks);
struct outbox *outbox_ref(struct outbox *o);
/* Takes NULL; returns NULL. The last reference frees what is still queued. */
struct outbox *outbox_unref(struct outbox *o);

/* Gives the `room` side to whoever puts, where it was not known to whoever made the outbox. Before the first put. */
void outbox_set_room(struct outbox *o, void (*room)(void *context), void *context);

/* Each side can stop hearing from the other: no `ready` (or `room`) call is running or will come once this has returned. Only a call that
 * is running in the calling thread itself (stopped from inside the callback) is not waited for. */
void outbox_stop_ready(struct outbox *o);
void outbox_stop_room(struct outbox *o);

/* Puts a reference of `c` in; the caller keeps its own. False: it would go over the capacity (a queue that is empty takes any chunk), or
 * memory is short, or the outbox has ended or is closed; nothing was put. */
bool outbox_put(struct outbox *o, struct chunk *c);

/* The same when more will follow soon: `ready` is not called before OUTBOX_READY_BYTES (or a quarter of the capacity) are queued, or a
 * chunk is refused, or outbox_flush() says that this was all for now. So a batch wakes its reader once. */
bool outbox_put_more(struct outbox *o, struct chunk *c);
void outbox_flush(struct outbox *o);

/* The reader's next `ready` comes when at least so many bytes are queued, or the end; once. For one that wants to write much at a time. True: it is so
 * already, and no `ready` comes for it. Without it, `ready` comes with the first byte behind an empty queue. */
bool outbox_await(struct outbox *o, size_t bytes);

/* Takes references of chunks that are queued from the `skip`th on, and leaves them queued. Returns how many. For readers beside the one that takes. */
size_t outbox_peek(struct outbox *o, size_t skip, struct chunk **chunks, size_t max);

/* Bytes that fit now; 0 when it has ended or is closed. */
size_t outbox_room(struct outbox *o);

/* Asks for one `room` call when the queue is at most half full (at once, from here, when it is so already). */
void outbox_want_room(struct outbox *o);

/* Nothing comes after what is queued but this end. The first end counts. */
void outbox_finish(struct outbox *o, int code, const char *message);

/* Takes up to `max` chunks, in order, of together at most `max_bytes` (but always one, if there is one); their references go to the caller.
 * Returns how many. 0 with *ret_end filled in and *ret_ended true: all is taken and the outbox has ended; *ret_ended is false in every
 * other case. */
size_t outbox_take(struct outbox *o, struct chunk **chunks, size_t max, size_t max_bytes, struct outbox_end *ret_end, bool *ret_ended);

/* The receiver is gone: frees what is queued, refuses what comes. */
void outbox_close(struct outbox *o);

struct outbox_counters {
	size_t bytes; /* queued now */
	size_t capacity;
	uint64_t taken_events; /* handed to the sender so far */
};
void outbox_counters(struct outbox *o, struct outbox_counters *ret);

#endif
