#ifndef SUBSCRIPTION_SUBSCRIBER_SET_H
#define SUBSCRIPTION_SUBSCRIBER_SET_H

#include "subscription/encoder.h"
#include "subscription/outbox.h"
#include "subscription/spec.h"
#include "subscription/status.h"
#include "sensor/plan.h"

struct uv_loop_s;

/*
 * All subscribers and the way of an event to them.
 *
 * A subscriber = what it wants (a spec) × its dialect (an encoder) × where it goes (an outbox). subscriber_set_dispatch() is the one funnel
 * that every event goes through: it finds the clauses that match by kind, and of the specs that are about some containers only (spec.h) those
 * that are about the event's, gives the event its sequence number when at least one takes it, encodes it once per dialect, and puts the bytes
 * into each taker's open chunk. subscriber_set_flush() hands the open chunks over.
 * Subscribers with the same spec and dialect and no state of their own (no limit, throttle, window, ticker, chargen) share one feed and thereby the same
 * bytes.
 *
 * A full outbox costs its own subscriber only: the chunk is dropped for it and counted, and when there is room again a lost event says how
 * many, at that place of its stream. What the kernel had no room for comes through dispatch as EVENT_LOST and goes to every subscriber with
 * a clause of that kind; if the chunk with that notice is itself dropped, its count goes into the lost event that tells of the drop. Nothing
 * is told twice.
 *
 * A throttle lets one event through per interval of event time, the first; with that event the interval begins. What it drops is no loss, and
 * has no sequence number if nobody else takes it. Lost events always pass and do not count.
 *
 * A limit is the number of events that the stream gets: exactly so many, then the stream ends with STATUS_OK. Lost events do not count, nor
 * what a throttle drops.
 *
 * A window (spec's since_ns, for_ns) has no event from before it or of its end or later. The stream ends with STATUS_OK by itself, also when
 * nothing happens any more: in the first flush in which everything of the window has been dispatched (callbacks' settled_ns), and told. A
 * window that is past when the subscription becomes active ends right behind the first response. A subscription that
 * begins in the past gets, from subscriber_set_add(), a status that says that there is no history (STATUS_UNIMPLEMENTED, since it is not the client that
 * could change that) and what happens from now on; where there is a recording, it is added by subscriber_set_add_held().
 *
 * The loop thread. Callbacks (apply, active_from_ns, now_ns, first, encoders and the outbox's `ready`) must not call back into the set; an
 * outbox's `room` that comes on the loop thread may call subscriber_room().
 */
struct subscriber_set;
struct subscriber;
struct window;

struct subscriber_set_callbacks {
	void *context;
	/* Makes the kernel match the plan, without loss for what both the old and the new plan want. For each kind that cannot be had (or
	 * not with the new filter), refusals[kind] is filled (code != 0): the clauses that are just being added are not served, everything
	 * else runs. Called from add and remove, and from flush when a limit or the end of a window was reached; never from dispatch. */
	void (*apply)(void *context, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT]);
	/* Called when a subscription has become active: events older than this (CLOCK_MONOTONIC ns) are not for it. NULL: all are. */
	uint64_t (*active_from_ns)(void *context);
	/* The time that events which are made here (ticker, chargen, lost) carry: CLOCK_MONOTONIC ns, not before the last dispatched. What is
	 * dispatched later is not before it. */
	uint64_t (*now_ns)(void *context);
	/* Up to this time all losses have been dispatched, too, that is to say those that only counters know of and that come later than what
	 * happened around them. A window waits for it, but no longer than SUBSCRIBER_SET_GRACE_NS. NULL: they come in time. */
	uint64_t (*settled_ns)(void *context);
};

#define SUBSCRIBER_SET_GRACE_NS UINT64_C(1000000000)

/* One answer to a subscribe: google.rpc.Code and a sentence. */
struct subscriber_status {
	int code;
	char message[512];
};

#define SUBSCRIBER_STATUS_MAX 64

struct subscriber_statuses {
	/* Exactly one with code 0 when everything is served; else the one for since_ns, if that is not, and one per clause that is not, the
	 * last one for all that find no room. */
	size_t count;
	struct subscriber_status items[SUBSCRIBER_STATUS_MAX];
};

struct subscriber_counters {
	uint64_t matched;    /* events its clauses took */
	uint64_t delivered;  /* of them handed to the outbox; what is neither delivered, lost nor throttled waits for the next flush */
	uint64_t lost_queue; /* of them dropped because the outbox was full */
	uint64_t throttled;  /* of them dropped because the throttle's interval was not over */
	uint64_t lost_ring;  /* hits of kernel events it uses that found no room in a ring */
};

/* `loop` runs tickers and chargens; NULL: their clauses are refused. It must run once more after subscriber_set_free() (or after a
 * subscription that had such clauses went), so that their handles get closed, before the loop itself is closed. NULL: out of memory. */
struct subscriber_set *subscriber_set_new(const struct subscriber_set_callbacks *callbacks, struct uv_loop_s *loop);
/* Ends every stream with `code` and `message` first, and frees the handles of all subscribers. Takes NULL; returns NULL. Does not call
 * apply(): the sensor goes too. */
struct subscriber_set *subscriber_set_free(struct subscriber_set *s, int code, const char *message);

/* Takes over `spec` (also on failure), holds a reference of `outbox`. When it returns 0 the subscription is active: what happens from now
 * on will be delivered, and *ret is a handle that is valid until subscriber_set_remove(), also after the stream has ended by itself.
 *
 * The first response is the first thing in the outbox: a chunk without events, made from the statuses by `first`, whose reference the set
 * takes over (NULL from it is -ENOMEM; `first` itself may be NULL: then there is none).
 *
 * When no clause can be served: -EOPNOTSUPP with the statuses filled in, err says the first reason. Then `first` has not been called and
 * nothing is in the outbox: the caller sends the statuses and ends the stream. -ENOMEM. */
int subscriber_set_add(struct subscriber_set *s, struct subscription_spec *spec, struct encoder *encoder, struct outbox *outbox,
		       struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses), void *first_context,
		       struct subscriber **ret, struct subscriber_statuses *ret_statuses, struct error *err);

/*
 * A subscription that begins in the past, where somebody has a recording of it. Its clauses are in the kernel's plan and its first response is
 * sent as by subscriber_set_add(), but the feed is *held*: events of the clauses that are recorded come out of the recording, which its owner reads; what
 * the others take goes to the outbox `aside`, without limit, throttle and end of the window, and is for the owner to put into the stream at its place, by
 * its sequence number. When the owner has brought everything up to subscriber_set_sequence() into the client's outbox, subscriber_release()
 * makes it a subscription like all others, from the next event on.
 */
struct subscriber_past {
	const bool *recorded; /* per clause: all that it takes is recorded from now on */
	struct outbox *aside; /* ref'ed */
	/* Whether there is something to say about a clause that is served, as one more status. */
	bool (*note)(void *context, size_t clause, struct subscriber_status *ret);
	void *context;
};

/* What the stream has had when it is released. */
struct subscriber_seam {
	uint64_t matched;
	uint64_t delivered; /* for the limit */
	uint64_t throttled;
	uint64_t throttle_until_ns;
};

int subscriber_set_add_held(struct subscriber_set *s, struct subscription_spec *spec, struct encoder *encoder,
			    const struct subscriber_past *past, struct outbox *outbox,
			    struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses), void *first_context,
			    struct subscriber **ret, struct subscriber_statuses *ret_statuses, struct error *err);

/* -ENOMEM: the subscription takes nothing any more; remove it. */
int subscriber_release(struct subscriber_set *s, struct subscriber *subscriber, const struct subscriber_seam *seam);

/* Hands over what was dispatched for it so far. */
void subscriber_flush(struct subscriber_set *s, struct subscriber *subscriber);

/* Whether a clause of its spec is served; the time that it is about (valid while the stream has not ended). */
bool subscriber_serves(const struct subscriber *subscriber, size_t clause);
const struct window *subscriber_window(const struct subscriber *subscriber);

/* The stream has gone or is to go: its share of the probes is released, the handle freed. Nothing more is put into the outbox, not even what
 * dispatch collected for it since the last flush. */
void subscriber_set_remove(struct subscriber_set *s, struct subscriber *subscriber);

/* An event in time order. Fills event->sequence when somebody takes it. EVENT_LOST with cause LOST_RING goes to whoever has a clause of kind
 * `lost.of` (EVENT_KIND_COUNT: of any kind that comes from the kernel). */
void subscriber_set_dispatch(struct subscriber_set *s, struct event *event);

/* Hands over what dispatch collected, ends the windows that are over, lets chargens go on whose throttle's interval is, and releases the
 * share of subscriptions that have ended. Call at the end of each round, so that quiet streams are quick, and now and then while there is
 * nothing. */
void subscriber_set_flush(struct subscriber_set *s);

/* When the next flush is needed although nothing is dispatched, by now_ns: a time that is past when streams still wait for their turn, UINT64_MAX when none is. */
uint64_t subscriber_set_due_ns(const struct subscriber_set *s);

/* The subscriber's outbox has room again (its `room` callback, brought to the loop thread): pending lost events and chargen go on. */
void subscriber_room(struct subscriber_set *s, struct subscriber *subscriber);

uint64_t subscriber_set_sequence(const struct subscriber_set *s); /* the last one given */

/* The next one is the number behind `sequence`. Before the first subscriber. */
void subscriber_set_begin_at(struct subscriber_set *s, uint64_t sequence);

/* Calls fn for each subscriber whose stream has not ended, in the order they came; true from it stops. For `ringside status` and tests. */
void subscriber_set_each(struct subscriber_set *s,
			 bool (*fn)(void *context, const struct subscription_spec *spec, const struct subscriber_counters *counters,
				    const struct outbox_counters *outbox),
			 void *context);

#endif
