#ifndef SERVICE_HISTORY_H
#define SERVICE_HISTORY_H

#include "recorder/recorder.h"
#include "subscription/subscriber_set.h"

struct uv_loop_s;

/*
 * Subscriptions that begin in the past: the recording first, then the live stream, without a seam.
 *
 * Such a subscription is held (subscriber_set_add_held()) and reads the recording in steps on the loop's worker threads; each step's bytes go into the
 * client's outbox, and while that is full nothing is read. What happens meanwhile is being recorded, so that a slow client or a long past costs disk and no
 * memory. When a step has come close to the present, the rest is read on the loop thread, between two events: everything up to the last number that was
 * given is then in the outbox, and everything behind it comes from the live feed.
 *
 * Clauses that are not recorded, or only in part, get what happened before the subscription as far as it is there, and a status says so; what happens from
 * then on is collected beside (at most `queue_bytes` of it until the live stream is reached) and put in its place.
 *
 * Where the recording begins later than the subscription, or has a gap, a lost event of cause LOST_RECORDER tells of it at that place.
 *
 * The loop thread.
 */
struct history;
struct history_subscription;

struct history_options {
	struct uv_loop_s *loop;
	struct subscriber_set *set;
	struct recorder *recorder;
	const struct subscription_spec *kept; /* what it keeps; lives as long */
	struct encoder *encoder;              /* of all subscribers */
	size_t queue_bytes;
	/* An encoder of the same dialect and sensor for one replay, and its end. */
	struct encoder *(*encoder_new)(const char *sensor_id);
	struct encoder *(*encoder_free)(struct encoder *e);
};

/* Subscribes for the recorder. Clauses that cannot be recorded are logged; without any, nothing is recorded. NULL: out of memory. */
struct history *history_new(const struct history_options *options);

/* Everybody's streams end, or have ended: nothing is touched any more but what worker threads are about, which the loop has to run for. Before
 * subscriber_set_free(). Takes NULL. */
void history_end(struct history *h);
/* After the loop has run to its end. Takes NULL; returns NULL. */
struct history *history_free(struct history *h);

/* As subscriber_set_add() for a spec with since_ns; takes over `spec`. The outbox's `room` has to reach history_room(). */
int history_add(struct history *h, struct subscription_spec *spec, struct outbox *outbox,
		struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses), void *first_context,
		struct history_subscription **ret, struct subscriber_statuses *ret_statuses, struct error *err);
void history_remove(struct history_subscription *s);
void history_room(struct history_subscription *s);

struct history_counters {
	uint32_t replaying; /* subscriptions that have not reached the live stream */
	uint64_t joined;    /* those that have, so far */
	uint64_t steps;
};
void history_counters(const struct history *h, struct history_counters *ret);

#endif
