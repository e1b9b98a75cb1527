#ifndef SERVICE_ENGINE_H
#define SERVICE_ENGINE_H

#include "base/error.h"
#include "container/container_watch.h"
#include "sensor/probe_set.h"
#include "subscription/subscriber_set.h"

/*
 * The loop thread's contents in one object: the libuv loop with the sensor, its wake-ups, and the subscriber set; and the way in for other
 * threads. engine_run() is the loop; everything else here may be called by any thread unless it says otherwise.
 */
struct engine;
struct history_counters;
struct recorder;
struct sensor_container_counters;

struct engine_options {
	uint64_t ring_memory_bytes; /* of all rings together; 0: 64 MiB */
	uint64_t reorder_ns;        /* how long a sample may take to appear in its ring before it counts as late */
	uint64_t gathering_ns;      /* how long events are gathered at most when there are many (round_timer.h); 0: 10 ms */
	uint64_t queue_bytes;       /* per subscriber; 0: 8 MiB */
	/* Where container runtimes keep their state, which is watched then (container_watch.h); NULL: containers have ids only. */
	const struct container_roots_options *containers;
	/* What happened before is kept there, and told to subscriptions that begin in the past; NULL: it is not. What to keep (record_spec_check()) and in which
	 * dialect, the subscribers' own: all of these live longer than the engine. */
	struct recorder *recorder;
	const struct subscription_spec *recorded;
	struct encoder *encoder;
	/* Encoders of that dialect for one replay each (history.h). */
	struct encoder *(*encoder_new)(const char *sensor_id);
	struct encoder *(*encoder_free)(struct encoder *e);
	const char *capture;             /* NULL, or a new file to write all samples to (tracing/recording.h) */
	struct probe_set_options probes; /* self_tgid and with_trials are the engine's to say */
};

/* Opens rings, scans /proc. On failure nothing is left behind. */
int engine_new(struct engine **ret, const struct engine_options *options, struct error *err);
/* Takes NULL; returns NULL. After engine_run() has returned. */
struct engine *engine_free(struct engine *e);

/* Where others than the watch of the runtimes' files put what they know of containers; and the runtimes' directories that are watched.
 * They live as long as the engine. NULL: `containers` was. */
struct container_inbox *engine_container_inbox(struct engine *e);
struct container_roots *engine_container_roots(struct engine *e);
/* There may be new roots (container_watch_look()). */
void engine_look_for_containers(struct engine *e);

/* What the runtimes' files say of a container now (container_lookup_read()). Any thread. */
struct container_fact *engine_read_container(struct engine *e, const char *id, enum container_runtime runtime);

/* Runs until engine_stop(). The calling thread becomes the loop thread. If rings are small (below 2 MiB per CPU), it runs before ordinary ones as long as
 * it does little (base/first_turn.h). */
void engine_run(struct engine *e);

/* The last sequence number that was given, once engine_run() has returned. */
uint64_t engine_last_sequence(const struct engine *e);

/* SIGTERM and SIGINT stop it from now on. Before engine_run(), by the thread that will run it. */
int engine_stop_on_signals(struct engine *e, struct error *err);

/* Ends all streams with UNAVAILABLE, those that wait to be made too, and makes engine_run() return: after what the loop thread is about just
 * now, however many wait. */
void engine_stop(struct engine *e);

/* Asks the loop thread to subscribe. Takes over `spec`; the outbox is ref'ed. The answer comes through the outbox alone: the first chunk is
 * what `first` makes of the statuses, and an invalid or unservable request is an end without events. `first` is called by the loop thread.
 * Returns a handle for engine_unsubscribe(). NULL: out of memory, or the engine has stopped. */
struct engine_subscription *engine_subscribe(struct engine *e, struct subscription_spec *spec, struct encoder *encoder,
					     struct outbox *outbox,
					     struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses),
					     void *first_context);

/* Gives the handle back; the subscription ends if it has not yet, and is not made at all if its turn has not come. Its `room` callback is not
 * called any more; `ready` is the caller's to stop (outbox_stop_ready()). Not from inside either. */
void engine_unsubscribe(struct engine *e, struct engine_subscription *subscription);

/* Has the loop thread call `fn` between two rounds, and waits until it has. -ESHUTDOWN when the engine has stopped: it is not called then. */
typedef void (*engine_call_fn)(struct engine *e, void *context);
int engine_call(struct engine *e, engine_call_fn fn, void *context);

/* For engine_call() functions, on the loop thread. */
struct sensor *engine_sensor(struct engine *e);
struct subscriber_set *engine_subscribers(struct engine *e);
/* False: there is no recorder. */
bool engine_history_counters(struct engine *e, struct history_counters *ret);
struct recorder *engine_recorder(struct engine *e);
void engine_container_counters(struct engine *e, struct sensor_container_counters *ret);
const struct container_table *engine_containers(struct engine *e);
uint64_t engine_queue_bytes(const struct engine *e);

#endif
