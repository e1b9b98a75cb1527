#include "service/engine.h"

#include "base/clock.h"
#include "base/first_turn.h"
#include "base/log.h"
#include "container/container_lookup.h"
#include "sensor/sensor.h"
#include "service/command_queue.h"
#include "service/history.h"
#include "service/round_timer.h"
#include "tracing/collector.h"
#include "tracing/dynamic_probe.h"
#include "tracing/exec_arguments.h"
#include "tracing/exit_status.h"
#include "tracing/recording.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define RING_MEMORY_DEFAULT (UINT64_C(64) << 20)
#define QUEUE_DEFAULT       (UINT64_C(8) << 20)

/* Samples per round, so that the loop's other handles get their turn in a flood. */
#define ROUND_SAMPLES 32768

/* A CPU can write so much in the time after which an ordinary thread has its turn: a tick, 4 ms, and more of them when others wait too. */
#define SMALL_RING_BYTES (UINT64_C(2) << 20)

/* How long the loop thread waits for those who watch containers, when it meets a cgroup that might be one's. */
#define CATCH_UP_MS 10

#define STOPPING_MESSAGE "the sensor is shutting down"

/* With the first round after it, so that nothing has to wake up for it: rounds come ten times a second, unless they were told to gather for longer. */
#define SETTLE_INTERVAL_NS (200 * NSEC_PER_MSEC)
/* CPUs are looked at with every so manieth settling. */
#define SETTLES_PER_CPU_UPDATE 5

enum {
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
};

struct engine_subscription {
	struct engine *engine;
	struct subscription_spec *spec; /* until it is added */
	struct encoder *encoder;
	struct outbox *outbox;
	struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses);
	void *first_context;
	/* Loop thread; both NULL: not active. */
	struct subscriber *subscriber;
	struct history_subscription *past; /* of one that began in the past */
	struct command add, remove, room;
};

struct engine {
	uv_loop_t loop;
	uv_poll_t rings;
	struct round_timer timer;
	struct round_pace pace;
	uint64_t reorder_ns;
	uv_idle_t more;
	uv_prepare_t turn; /* of the loop */
	struct first_turn first_turn;
	uv_async_t stop;
	uv_async_t facts; /* the inbox was empty, and is not */
	uv_signal_t signals[2];
	struct command_queue commands; /* of other threads */

	struct sample_source *collector; /* the sensor's, or the capture's */
	struct sample_source *capture;   /* the sensor's; NULL: none */
	struct sensor *sensor;
	struct subscriber_set *subscribers;
	struct recorder *recorder;
	struct history *history; /* NULL: nothing is recorded */
	uint64_t last_sequence;  /* that was given, once the subscribers are gone */
	struct exec_arguments *exec_arguments;
	struct exit_status *exit_status;
	struct container_roots *container_roots;
	struct container_inbox *container_inbox;
	struct container_watch *container_watch;
	bool keeps_json; /* of containers */
	uint64_t queue_bytes;
	uint64_t samples_seen;
	uint32_t settles;
	uint64_t settling_ns; /* when the sensor began to look for losses last, CLOCK_MONOTONIC */
	uint64_t settled_ns;  /* the same, once what it found then has been dispatched */
	bool ending;          /* the loop is about to stop: nothing is made any more, and what there is goes with all the rest */
};

/* Commands */

#define command_owner(command, type, member) ((type *)((char *)(command)-offsetof(type, member)))

static void subscription_free(struct engine_subscription *subscription)
{
	command_queue_withdraw(&subscription->engine->commands, &subscription->room);
	subscription_spec_free(subscription->spec);
	outbox_unref(subscription->outbox);
	free(subscription);
}

static void subscription_refuse(struct engine_subscription *subscription, int code, const struct subscriber_statuses *statuses,
				const struct error *err)
{
	struct chunk *chunk = statuses->count ? subscription->first(subscription->first_context, statuses) : NULL;

	if (chunk)
		outbox_put(subscription->outbox, chunk);
	chunk_unref(chunk);
	outbox_finish(subscription->outbox, code, err->message);
}

static void subscription_add(struct command *command, void *context)
{
	struct engine_subscription *subscription = command_owner(command, struct engine_subscription, add);
	struct engine *e = context;
	struct subscriber_statuses statuses = {0};
	struct subscription_spec *spec = subscription->spec;
	struct error err = {0};
	int code;

	if (e->ending) {
		outbox_finish(subscription->outbox, GRPC_UNAVAILABLE, STOPPING_MESSAGE);
		return;
	}
	subscription->spec = NULL;
	if (spec->since_ns && e->history)
		code = history_add(e->history, spec, subscription->outbox, subscription->first, subscription->first_context,
				   &subscription->past, &statuses, &err);
	else
		code = subscriber_set_add(e->subscribers, spec, subscription->encoder, subscription->outbox, subscription->first,
					  subscription->first_context, &subscription->subscriber, &statuses, &err);
	if (code)
		subscription_refuse(subscription, code == -EOPNOTSUPP ? GRPC_FAILED_PRECONDITION : GRPC_INTERNAL, &statuses, &err);
}

static void subscription_remove(struct command *command, void *context)
{
	struct engine_subscription *subscription = command_owner(command, struct engine_subscription, remove);
	struct engine *e = context;

	if (subscription->subscriber && !e->ending)
		subscriber_set_remove(e->subscribers, subscription->subscriber);
	if (subscription->past && !e->ending)
		history_remove(subscription->past);
	subscription_free(subscription);
}

static void subscription_room(struct command *command, void *context)
{
	struct engine_subscription *subscription = command_owner(command, struct engine_subscription, room);
	struct engine *e = context;

	if (subscription->subscriber)
		subscriber_room(e->subscribers, subscription->subscriber);
	if (subscription->past && !e->ending)
		history_room(subscription->past);
}

/* The outbox's `room`: by the sending thread. */
static void subscription_has_room(void *context)
{
	struct engine_subscription *subscription = context;

	command_queue_post(&subscription->engine->commands, &subscription->room);
}

struct engine_subscription *engine_subscribe(struct engine *e, struct subscription_spec *spec, struct encoder *encoder,
					     struct outbox *outbox,
					     struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses),
					     void *first_context)
{
	struct engine_subscription *subscription = calloc(1, sizeof(*subscription));

	if (!subscription) {
		subscription_spec_free(spec);
		return NULL;
	}
	*subscription = (struct engine_subscription){
		.engine = e,
		.spec = spec,
		.encoder = encoder,
		.outbox = outbox_ref(outbox),
		.first = first,
		.first_context = first_context,
		.add = {.run = subscription_add},
		.remove = {.run = subscription_remove},
		.room = {.run = subscription_room},
	};
	outbox_set_room(outbox, subscription_has_room, subscription);
	if (command_queue_post(&e->commands, &subscription->add))
		return subscription;
	outbox_stop_room(outbox);
	subscription_free(subscription);
	return NULL;
}

void engine_unsubscribe(struct engine *e, struct engine_subscription *subscription)
{
	outbox_stop_room(subscription->outbox);
	/* Clients may come and go faster than subscriptions are made: what nobody waits for any more is not made at all. */
	if (command_queue_withdraw(&e->commands, &subscription->add)) {
		subscription_free(subscription);
		return;
	}
	/* When the engine has stopped, its subscribers are gone already. */
	if (!command_queue_post(&e->commands, &subscription->remove))
		subscription_free(subscription);
}

struct call {
	struct command command;
	engine_call_fn fn;
	void *context;
	uv_sem_t done;
};

static void call_run(struct command *command, void *context)
{
	struct call *call = command_owner(command, struct call, command);

	call->fn(context, call->context);
	uv_sem_post(&call->done);
}

int engine_call(struct engine *e, engine_call_fn fn, void *context)
{
	struct call call = {.command = {.run = call_run}, .fn = fn, .context = context};
	bool taken;

	uv_sem_init(&call.done, 0);
	taken = command_queue_post(&e->commands, &call.command);
	if (taken)
		uv_sem_wait(&call.done);
	uv_sem_destroy(&call.done);
	return taken ? 0 : -ESHUTDOWN;
}

/* Notices, CPUs, and what only counters tell */

static void take_notice(void *context, const struct notice *notice)
{
	struct engine *e = context;

	if (e->capture)
		recording_tee_notice(e->capture, notice);
	sensor_notice(e->sensor, notice);
}

static void watch_exec_arguments(struct engine *e, bool wanted)
{
	struct error err = {0};

	if (!wanted) {
		e->exec_arguments = exec_arguments_close(e->exec_arguments);
		return;
	}
	if (!e->exec_arguments && exec_arguments_open(&e->exec_arguments, &e->loop, NULL, take_notice, e, &err)) {
		e->exec_arguments = NULL;
		log_warning("exec events come without arguments", "error=\"%s\"", err.message);
	}
}

static void watch_exit_status(struct engine *e, bool wanted)
{
	struct error err = {0};

	if (!wanted) {
		e->exit_status = exit_status_close(e->exit_status);
		return;
	}
	if (!e->exit_status && exit_status_open(&e->exit_status, &e->loop, NULL, take_notice, e, &err)) {
		e->exit_status = NULL;
		log_warning("exit codes come from system calls and signals alone", "error=\"%s\"", err.message);
	}
}

static void follow_cpus(struct engine *e)
{
	struct error err = {0};
	int changes = collector_update_cpus(e->collector, &err);

	if (changes < 0)
		log_warning("cannot watch a CPU", "error=\"%s\"", err.message);
	else if (changes)
		log_info("CPUs went or came; what happened on them meanwhile was not seen", "count=%d", changes);
	/* It takes the CPUs that there are when it is opened. */
	if (changes && e->exec_arguments) {
		watch_exec_arguments(e, false);
		watch_exec_arguments(e, true);
	}
}

static void settle(struct engine *e, uint64_t now_ns)
{
	if (++e->settles % SETTLES_PER_CPU_UPDATE == 0)
		follow_cpus(e);
	e->settling_ns = now_ns;
	sensor_settle(e->sensor);
	if (e->capture && recording_tee_error(e->capture))
		log_warning("the capture has ended", "error=\"%s\"", strerror(-recording_tee_error(e->capture)));
}

/* Rounds */

static void engine_round(struct engine *e);

static void on_more(uv_idle_t *handle)
{
	engine_round(handle->data);
}

static void on_timer(void *engine)
{
	engine_round(engine);
}

static void engine_round(struct engine *e)
{
	struct round_outcome outcome = {.start_ns = clock_monotonic_ns()};
	enum sensor_round_result result;
	uint64_t samples;

	if (outcome.start_ns - e->settling_ns >= SETTLE_INTERVAL_NS)
		settle(e, outcome.start_ns);
	result = sensor_round(e->sensor, ROUND_SAMPLES);
	samples = collector_samples(e->collector);
	/* What settling found comes first in a round, unless a sample is held back before it. */
	if (result != SENSOR_WAITING)
		e->settled_ns = e->settling_ns;
	outcome.end_ns = clock_monotonic_ns();
	outcome.samples = samples - e->samples_seen;
	outcome.pending_ns = collector_pending_ns(e->collector);
	outcome.due_ns = subscriber_set_due_ns(e->subscribers);
	if (outcome.due_ns < UINT64_MAX)
		outcome.due_ns += e->reorder_ns; /* for the sensor's time to have come so far */
	outcome.waits = result == SENSOR_WAITING || sensor_has_facts(e->sensor);
	e->samples_seen = samples;
	if (result == SENSOR_MORE)
		uv_idle_start(&e->more, on_more);
	else
		uv_idle_stop(&e->more);
	round_timer_set(&e->timer, round_pace_next_ns(&e->pace, &outcome));
}

static void on_turn(uv_prepare_t *handle)
{
	first_turn_check(&((struct engine *)handle->data)->first_turn);
}

static void on_rings(uv_poll_t *handle, int status, int events)
{
	struct engine *e = handle->data;

	(void)status;
	(void)events;
	collector_woken(e->collector);
	engine_round(e);
}

static void on_stop(uv_async_t *handle)
{
	((struct engine *)handle->data)->ending = true;
	uv_stop(handle->loop);
}

static void on_facts(uv_async_t *handle)
{
	engine_round(handle->data);
}

/* The inbox's `wake`: by the thread that puts. */
static void wake_for_facts(void *context)
{
	uv_async_send(&((struct engine *)context)->facts);
}

static void on_signal(uv_signal_t *handle, int number)
{
	log_info("stopping", "signal=%s", strsignal(number));
	engine_stop(handle->data);
}

/* What the consumer of the sensor and the subscriber set want of each other */

static void consume_event(void *context, struct event *event)
{
	subscriber_set_dispatch(((struct engine *)context)->subscribers, event);
}

static void consume_notices(void *context)
{
	struct engine *e = context;

	if (e->exec_arguments)
		exec_arguments_drain(e->exec_arguments);
	if (e->exit_status)
		exit_status_drain(e->exit_status);
	if (e->container_inbox)
		sensor_take_facts(e->sensor, container_inbox_take(e->container_inbox));
}

static void consume_flush(void *context)
{
	subscriber_set_flush(((struct engine *)context)->subscribers);
}

static uint64_t set_now_ns(void *context)
{
	return sensor_now_ns(((struct engine *)context)->sensor);
}

static uint64_t set_active_from_ns(void *context)
{
	(void)context;
	return clock_monotonic_ns();
}

static uint64_t set_settled_ns(void *context)
{
	return ((struct engine *)context)->settled_ns;
}

static void set_apply(void *context, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	struct engine *e = context;

	watch_exec_arguments(e, plan->kinds[EVENT_PROCESS_EXEC].wanted);
	watch_exit_status(e, plan->kinds[EVENT_PROCESS_EXIT].wanted || plan->kinds[EVENT_CONTAINER_EXITED].wanted);
	sensor_expect_notices(e->sensor, e->exec_arguments, e->exit_status);
	sensor_apply(e->sensor, plan, refusals);
	/* What was told before was not kept. */
	if (plan->container_json && !e->keeps_json && e->container_watch)
		container_watch_repeat(e->container_watch);
	e->keeps_json = plan->container_json;
}

/* Life */

/* The ways in for other threads. */
static int engine_open_commands(struct engine *e, struct error *err)
{
	int code = command_queue_init(&e->commands, &e->loop, e);

	if (!code)
		code = uv_async_init(&e->loop, &e->stop, on_stop);
	if (!code)
		code = uv_async_init(&e->loop, &e->facts, on_facts);
	e->stop.data = e->facts.data = e;
	return code ? error_set(err, code, "cannot be woken: %s", uv_strerror(code)) : 0;
}

static int engine_open_handles(struct engine *e, struct error *err)
{
	int code;

	code = uv_poll_init(&e->loop, &e->rings, collector_fd(e->collector));
	if (code)
		return error_set(err, code, "cannot poll the rings: %s", uv_strerror(code));
	uv_idle_init(&e->loop, &e->more);
	uv_prepare_init(&e->loop, &e->turn);
	e->rings.data = e->more.data = e->turn.data = e;
	uv_poll_start(&e->rings, UV_READABLE, on_rings);
	code = round_timer_init(&e->timer, &e->loop, on_timer, e, err);
	if (code)
		return code;
	round_timer_set(&e->timer, clock_monotonic_ns());
	return 0;
}

/* A watch that cannot be had costs what only it would tell: containers are looked for when they are met. */
static int engine_open_containers(struct engine *e, const struct container_roots_options *options, struct error *err)
{
	struct error reason = {0};
	int code = container_roots_new(&e->container_roots, options, err);

	if (code)
		return code;
	e->container_inbox = container_inbox_new(wake_for_facts, e);
	if (!e->container_inbox)
		return error_set(err, -ENOMEM, "out of memory");
	if (container_watch_new(&e->container_watch, e->container_roots, e->container_inbox, &reason))
		log_warning("the state of container runtimes is not watched", "error=\"%s\"", reason.message);
	return 0;
}

static struct container_fact *catch_up_with_containers(void *context)
{
	struct engine *e = context;

	container_watch_catch_up(e->container_watch, CATCH_UP_MS);
	return container_inbox_take(e->container_inbox);
}

static int engine_open_sensor(struct engine *e, const struct engine_options *options, struct error *err)
{
	struct collector_options collector_options = {
		.ring_memory_bytes = options->ring_memory_bytes ? options->ring_memory_bytes : RING_MEMORY_DEFAULT,
		.reorder_ns = options->reorder_ns,
	};
	struct sensor_consumer consumer = {.context = e, .notices = consume_notices, .event = consume_event, .flush = consume_flush};
	struct sensor_options sensor_options = {
		.container_roots = e->container_roots,
		.catch_up = e->container_watch ? catch_up_with_containers : NULL,
		.catch_up_context = e,
		.probes = options->probes,
	};
	int code;

	sensor_options.probes.self_tgid = (uint32_t)getpid();
	sensor_options.probes.with_trials = true;
	code = collector_open(&e->collector, &collector_options, err);
	if (code)
		return code;
	tracefs_sweep();
	if (dynamic_probe_sweep(err) < 0)
		log_warning("cannot look for probes that were left behind", "error=\"%s\"", err ? err->message : "");
	sensor_options.source = e->collector;
	if (options->capture) {
		code = recording_tee_open(&e->capture, e->collector, options->capture, err);
		if (code)
			return code;
		sensor_options.source = e->capture;
	}
	if (e->container_inbox)
		sensor_options.facts = container_inbox_take(e->container_inbox);
	return sensor_new(&e->sensor, &sensor_options, &consumer, err);
}

static int engine_open_history(struct engine *e, const struct engine_options *options, struct error *err)
{
	const struct history_options history_options = {
		.loop = &e->loop,
		.set = e->subscribers,
		.recorder = options->recorder,
		.kept = options->recorded,
		.encoder = options->encoder,
		.queue_bytes = e->queue_bytes,
		.encoder_new = options->encoder_new,
		.encoder_free = options->encoder_free,
	};

	e->recorder = options->recorder;
	subscriber_set_begin_at(e->subscribers, recorder_sequence(options->recorder));
	e->history = history_new(&history_options);
	return e->history ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int engine_new(struct engine **ret, const struct engine_options *options, struct error *err)
{
	struct subscriber_set_callbacks callbacks = {
		.apply = set_apply,
		.active_from_ns = set_active_from_ns,
		.now_ns = set_now_ns,
		.settled_ns = set_settled_ns,
	};
	struct engine *e = calloc(1, sizeof(*e));
	int code;

	if (!e)
		return error_set(err, -ENOMEM, "out of memory");
	e->queue_bytes = options->queue_bytes ? options->queue_bytes : QUEUE_DEFAULT;
	e->pace.gathering_ns = options->gathering_ns;
	e->reorder_ns = options->reorder_ns;
	code = uv_loop_init(&e->loop);
	if (code) {
		free(e);
		return error_set(err, code, "cannot make an event loop: %s", uv_strerror(code));
	}
	code = engine_open_commands(e, err);
	if (!code)
		code = options->containers ? engine_open_containers(e, options->containers, err) : 0;
	if (!code)
		code = engine_open_sensor(e, options, err);
	if (code)
		goto fail;
	callbacks.context = e;
	e->subscribers = subscriber_set_new(&callbacks, &e->loop);
	code = e->subscribers ? engine_open_handles(e, err) : error_set(err, -ENOMEM, "out of memory");
	if (!code && options->recorder)
		code = engine_open_history(e, options, err);
	if (code)
		goto fail;
	*ret = e;
	return 0;
fail:
	engine_free(e);
	return code;
}

int engine_stop_on_signals(struct engine *e, struct error *err)
{
	static const int numbers[] = {SIGTERM, SIGINT};

	for (size_t i = 0; i < 2; i++) {
		int code;

		uv_signal_init(&e->loop, &e->signals[i]);
		e->signals[i].data = e;
		code = uv_signal_start(&e->signals[i], on_signal, numbers[i]);
		if (code)
			return error_set(err, code, "cannot wait for signals: %s", uv_strerror(code));
	}
	return 0;
}

static void end_subscribers(struct engine *e)
{
	if (!e->subscribers)
		return;
	e->last_sequence = subscriber_set_sequence(e->subscribers);
	history_end(e->history);
	e->subscribers = subscriber_set_free(e->subscribers, GRPC_UNAVAILABLE, STOPPING_MESSAGE);
}

void engine_run(struct engine *e)
{
	/* Small rings are full before an ordinary thread has its turn on a busy host. Others need not be in the programs' way. */
	if (collector_ring_bytes(e->collector) < SMALL_RING_BYTES) {
		first_turn_begin(&e->first_turn);
		uv_prepare_start(&e->turn, on_turn);
	}
	uv_run(&e->loop, UV_RUN_DEFAULT);
	first_turn_end(&e->first_turn);
	/* Those who asked just before the end are told of it; the rest is refused by the queue. */
	command_queue_end(&e->commands);
	end_subscribers(e);
}

void engine_stop(struct engine *e)
{
	uv_async_send(&e->stop);
}

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

struct engine *engine_free(struct engine *e)
{
	if (!e)
		return NULL;
	end_subscribers(e);
	exec_arguments_close(e->exec_arguments);
	exit_status_close(e->exit_status);
	/* It wakes the loop. */
	container_watch_free(e->container_watch);
	/* The others' handles are closing; what is left is ours. */
	uv_walk(&e->loop, close_handle, NULL);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	round_timer_done(&e->timer);
	history_free(e->history);
	sensor_free(e->sensor);
	container_inbox_free(e->container_inbox);
	container_roots_free(e->container_roots);
	uv_loop_close(&e->loop);
	command_queue_done(&e->commands);
	free(e);
	return NULL;
}

struct sensor *engine_sensor(struct engine *e)
{
	return e->sensor;
}

const struct container_table *engine_containers(struct engine *e)
{
	return sensor_containers(e->sensor);
}

struct subscriber_set *engine_subscribers(struct engine *e)
{
	return e->subscribers;
}

struct container_inbox *engine_container_inbox(struct engine *e)
{
	return e->container_inbox;
}

struct container_roots *engine_container_roots(struct engine *e)
{
	return e->container_roots;
}

void engine_look_for_containers(struct engine *e)
{
	if (e->container_watch)
		container_watch_look(e->container_watch);
}

struct container_fact *engine_read_container(struct engine *e, const char *id, enum container_runtime runtime)
{
	return e->container_roots ? container_lookup_read(e->container_roots, id, runtime) : NULL;
}

void engine_container_counters(struct engine *e, struct sensor_container_counters *ret)
{
	sensor_container_counters(e->sensor, ret);
	if (e->container_watch)
		container_watch_counters(e->container_watch, &ret->watch);
}

bool engine_history_counters(struct engine *e, struct history_counters *ret)
{
	if (e->history)
		history_counters(e->history, ret);
	return e->history;
}

struct recorder *engine_recorder(struct engine *e)
{
	return e->recorder;
}

uint64_t engine_last_sequence(const struct engine *e)
{
	return e->last_sequence;
}

uint64_t engine_queue_bytes(const struct engine *e)
{
	return e->queue_bytes;
}
