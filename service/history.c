#include "service/history.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "recorder/record_coverage.h"
#include "recorder/replay.h"
#include "subscription/admission.h"
#include "subscription/window.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>
#include <uv.h>

/* What one step makes: a chunk as the live stream has them in a flood. */
#define STEP_BYTES ((size_t)256 * 1024)

/* What the loop thread reads itself when a subscription joins: some thousand events, about a millisecond. */
#define JOIN_BYTES ((size_t)512 * 1024)

struct history {
	struct history_options options;
	struct subscriber *recorded;
	bool *served; /* of the recorder's clauses */
	struct history_subscription *subscriptions;
	struct history_counters counters;
	bool ended;
};

struct history_subscription {
	struct history_subscription *prev, *next;
	struct history *history;
	struct subscriber *subscriber; /* NULL: it has ended */
	struct outbox *outbox;
	struct outbox *aside; /* of the held feed */
	struct encoder *encoder;
	struct replay *replay; /* NULL: it is live, or has ended */
	uv_work_t work;
	bool working;
	bool waiting; /* for room */
	bool gone;    /* nobody has it any more; freed when the worker is through with it */

	/* A step's. */
	uint64_t sequence;
	struct buffer out;
	uint32_t events;
	enum replay_result result;
	struct chunk *chunk; /* what it made, until there is room for it */
};

/* The recorder's subscription */

static void log_refusals(const struct subscriber_statuses *statuses)
{
	for (size_t i = 0; i < statuses->count; i++)
		if (statuses->items[i].code)
			log_warning("cannot be recorded", "error=\"%s\"", statuses->items[i].message);
}

static void subscribe_recorder(struct history *h, struct subscription_spec *spec)
{
	struct subscriber_statuses *statuses = calloc(1, sizeof(*statuses));
	struct error err = {0};

	if (!statuses) {
		subscription_spec_free(spec);
		return;
	}
	if (subscriber_set_add(h->options.set, spec, h->options.encoder, recorder_outbox(h->options.recorder), NULL, NULL, &h->recorded,
			       statuses, &err)) {
		h->recorded = NULL;
		log_error("nothing is recorded", "error=\"%s\"", err.message);
	}
	log_refusals(statuses);
	for (size_t i = 0; h->recorded && i < h->options.kept->clause_count; i++)
		h->served[i] = subscriber_serves(h->recorded, i);
	free(statuses);
}

struct history *history_new(const struct history_options *options)
{
	struct history *h = calloc(1, sizeof(*h));
	struct subscription_spec *spec = subscription_spec_copy(options->kept);

	if (h)
		h->served = calloc(options->kept->clause_count + 1, sizeof(*h->served));
	if (!h || !spec || !h->served) {
		subscription_spec_free(spec);
		return history_free(h);
	}
	h->options = *options;
	subscribe_recorder(h, spec);
	return h;
}

static void subscription_free(struct history_subscription *s)
{
	DL_DELETE(s->history->subscriptions, s);
	replay_free(s->replay);
	s->history->options.encoder_free(s->encoder);
	outbox_unref(s->aside);
	outbox_unref(s->outbox);
	chunk_unref(s->chunk);
	buffer_done(&s->out);
	free(s);
}

void history_end(struct history *h)
{
	struct history_subscription *s, *next;

	if (!h)
		return;
	h->ended = true;
	for (s = h->subscriptions; s; s = next) {
		next = s->next;
		s->subscriber = NULL;
		s->gone = true;
		if (!s->working)
			subscription_free(s);
	}
}

struct history *history_free(struct history *h)
{
	if (!h)
		return NULL;
	free(h->served);
	free(h);
	return NULL;
}

void history_counters(const struct history *h, struct history_counters *ret)
{
	const struct history_subscription *s;

	*ret = h->counters;
	DL_FOREACH (h->subscriptions, s)
		ret->replaying += s->replay && !s->gone;
}

/* Steps */

static void start_step(struct history_subscription *s);
static void go_on(struct history_subscription *s);

/* Nothing more comes. */
static void end_stream(struct history_subscription *s, int code, const char *message)
{
	outbox_finish(s->outbox, code, message);
	subscriber_set_remove(s->history->options.set, take_pointer(s->subscriber));
	s->replay = replay_free(s->replay);
}

static void join(struct history_subscription *s)
{
	struct subscriber_seam seam = *replay_seam(s->replay);

	s->replay = replay_free(s->replay);
	if (subscriber_release(s->history->options.set, s->subscriber, &seam)) {
		end_stream(s, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
		return;
	}
	s->history->counters.joined++;
}

/* All that was dispatched is where a step finds it. */
static void flush(struct history_subscription *s)
{
	const struct history_options *options = &s->history->options;

	if (s->history->recorded)
		subscriber_flush(options->set, s->history->recorded);
	subscriber_flush(options->set, s->subscriber);
	s->sequence = subscriber_set_sequence(options->set);
}

static void step(struct history_subscription *s, size_t max_bytes)
{
	s->result = replay_step(s->replay, s->sequence, max_bytes, &s->out, &s->events);
}

/* The step's bytes become a chunk for the outbox. */
static void take_out(struct history_subscription *s)
{
	size_t length;
	uint8_t *data;

	if (s->result == REPLAY_FAILED || !s->out.length)
		return;
	data = buffer_take(&s->out, &length);
	s->chunk = data ? chunk_new(data, length, s->events) : NULL;
	buffer_init(&s->out, 0);
	if (!s->chunk)
		s->result = REPLAY_FAILED;
}

/* False: there is no room for it now. */
static bool put_out(struct history_subscription *s)
{
	if (s->chunk && !outbox_put(s->outbox, s->chunk)) {
		s->waiting = true;
		return false;
	}
	s->chunk = chunk_unref(s->chunk);
	return true;
}

/* The last step, on this thread. Its bytes have room, or it was not the last one. */
static void try_join(struct history_subscription *s)
{
	flush(s);
	if (replay_distance(s->replay) > JOIN_BYTES) {
		start_step(s);
		return;
	}
	/* A client that is behind stays with the recording, which loses nothing. */
	if (outbox_room(s->outbox) < s->history->options.queue_bytes / 4 * 3) {
		s->waiting = true;
		outbox_want_room(s->outbox);
		return;
	}
	step(s, SIZE_MAX);
	take_out(s);
	if (!put_out(s))
		return;
	if (s->result == REPLAY_CAUGHT_UP)
		join(s);
	else
		go_on(s);
}

/* What the last step made is in the outbox. */
static void go_on(struct history_subscription *s)
{
	switch (s->result) {
	case REPLAY_MORE:
		start_step(s);
		return;
	case REPLAY_CAUGHT_UP:
		try_join(s);
		return;
	case REPLAY_ENDED:
		end_stream(s, STATUS_OK, "");
		return;
	case REPLAY_FAILED:
		end_stream(s, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
		return;
	}
}

/* A worker thread. */
static void on_work(uv_work_t *work)
{
	step(work->data, STEP_BYTES);
}

static void on_worked(uv_work_t *work, int status)
{
	struct history_subscription *s = work->data;

	(void)status;
	s->working = false;
	s->history->counters.steps++;
	if (s->gone) {
		subscription_free(s);
		return;
	}
	take_out(s);
	if (put_out(s))
		go_on(s);
}

static void start_step(struct history_subscription *s)
{
	flush(s);
	s->work.data = s;
	s->working = !uv_queue_work(s->history->options.loop, &s->work, on_work, on_worked);
	if (!s->working)
		end_stream(s, STATUS_RESOURCE_EXHAUSTED, "the sensor has no worker thread");
}

void history_room(struct history_subscription *s)
{
	if (!s->replay) {
		if (s->subscriber)
			subscriber_room(s->history->options.set, s->subscriber);
		return;
	}
	if (!s->waiting || s->working)
		return;
	s->waiting = false;
	if (put_out(s))
		go_on(s);
}

/* Adding */

/* Whose clauses are which. */
struct coverage {
	const struct history *history;
	const struct subscription_spec *spec;
	bool *recorded;
};

static bool note(void *context, size_t clause, struct subscriber_status *ret)
{
	const struct coverage *coverage = context;
	const struct history *h = coverage->history;
	enum record_coverage covers;
	struct buffer text;

	if (coverage->recorded[clause])
		return false;
	covers = record_coverage_of(h->options.kept, h->served, coverage->spec, clause);
	buffer_init(&text, 0);
	clause_describe(&coverage->spec->clauses[clause], &text);
	ret->code = STATUS_OUT_OF_RANGE;
	snprintf(ret->message, sizeof(ret->message), "subscription.since_duration: %.*s is %s",
		 (int)(text.length < 300 ? text.length : 300), text.failed ? "" : (const char *)text.data,
		 covers == RECORD_COVERS_PART ? "recorded in part only: what else there was before now is not sent"
					      : "not recorded: only what happens from now on is sent");
	buffer_done(&text);
	return true;
}

/* False: out of memory. */
static bool cover(struct coverage *coverage)
{
	const struct history *h = coverage->history;

	coverage->recorded = calloc(coverage->spec->clause_count + 1, sizeof(*coverage->recorded));
	for (size_t i = 0; coverage->recorded && i < coverage->spec->clause_count; i++)
		coverage->recorded[i] = record_coverage_of(h->options.kept, h->served, coverage->spec, i) == RECORD_COVERS_ALL;
	return coverage->recorded;
}

/* The window's moments are of one look at the clocks: that of the feed. */
static struct replay_filter *make_filter(const struct history_subscription *s, const struct coverage *coverage, struct record_moment moment)
{
	const struct subscription_spec *spec = coverage->spec;
	struct record_moment from, until;
	bool *served = calloc(spec->clause_count + 1, sizeof(*served));
	struct replay_filter *filter;

	if (!served)
		return NULL;
	for (size_t i = 0; i < spec->clause_count; i++)
		served[i] = subscriber_serves(s->subscriber, i);
	moment = record_moment_earlier(&moment, moment.monotonic_ns - (int64_t)subscriber_window(s->subscriber)->live_ns);
	from = record_moment_earlier(&moment, (int64_t)spec->since_ns);
	until = record_moment_earlier(&from, -(int64_t)spec->for_ns);
	filter = replay_filter_new(spec, served, coverage->recorded, &from, spec->has_for ? &until : NULL);
	free(served);
	return filter;
}

/* False: out of memory. */
static bool make_replay(struct history_subscription *s, const struct coverage *coverage)
{
	const struct history_options *options = &s->history->options;
	struct replay_options replay_options = {
		.segments = recorder_segments(options->recorder),
		.recorder = options->recorder,
		.encoder = s->encoder,
		.aside = s->aside,
		.joined = subscriber_set_sequence(options->set),
	};
	const uint8_t *boot_id = recorder_boot_id(options->recorder);

	memcpy(replay_options.boot_id, boot_id, sizeof(replay_options.boot_id));
	replay_options.filter = make_filter(s, coverage, record_moment_of(boot_id));
	s->replay = replay_options.filter ? replay_new(&replay_options) : NULL;
	return s->replay;
}

static struct history_subscription *subscription_new(struct history *h, struct outbox *outbox)
{
	static const struct outbox_callbacks nobody;
	struct history_subscription *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->history = h;
	s->outbox = outbox_ref(outbox);
	buffer_init(&s->out, 0);
	s->encoder = h->options.encoder_new(recorder_sensor_id(h->options.recorder));
	s->aside = outbox_new(h->options.queue_bytes, &nobody);
	DL_APPEND(h->subscriptions, s);
	if (s->encoder && s->aside)
		return s;
	subscription_free(s);
	return NULL;
}

static int add(struct history_subscription *s, struct coverage *coverage, struct subscription_spec *spec,
	       struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses), void *first_context,
	       struct subscriber_statuses *ret_statuses, struct error *err)
{
	const struct history_options *options = &s->history->options;
	struct subscriber_past past = {.recorded = coverage->recorded, .aside = s->aside, .note = note, .context = coverage};
	int r = subscriber_set_add_held(options->set, spec, options->encoder, &past, s->outbox, first, first_context, &s->subscriber,
					ret_statuses, err);

	if (r)
		return r;
	if (make_replay(s, coverage))
		return 0;
	subscriber_set_remove(options->set, take_pointer(s->subscriber));
	return error_set(err, -ENOMEM, "out of memory");
}

int history_add(struct history *h, struct subscription_spec *spec, struct outbox *outbox,
		struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses), void *first_context,
		struct history_subscription **ret, struct subscriber_statuses *ret_statuses, struct error *err)
{
	/* The set may free the spec while there still is something to say of it. */
	struct coverage coverage = {.history = h, .spec = subscription_spec_copy(spec)};
	struct history_subscription *s = NULL;
	int r = -ENOMEM;

	ret_statuses->count = 0;
	if (coverage.spec && cover(&coverage))
		s = subscription_new(h, outbox);
	if (!s) {
		subscription_spec_free(spec);
		error_set(err, r, "out of memory");
		goto out;
	}
	r = add(s, &coverage, spec, first, first_context, ret_statuses, err);
	if (r) {
		subscription_free(s);
		goto out;
	}
	*ret = s;
	start_step(s);
out:
	free(coverage.recorded);
	subscription_spec_free((struct subscription_spec *)coverage.spec);
	return r;
}

void history_remove(struct history_subscription *s)
{
	if (s->subscriber)
		subscriber_set_remove(s->history->options.set, s->subscriber);
	s->subscriber = NULL;
	s->gone = true;
	if (!s->working)
		subscription_free(s);
}
