#include "subscription/generator.h"
#include "subscription/chargen.h"
#include "subscription/ticker.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

struct generator {
	struct generator *next;
	struct subscriber_set *set;
	struct feed *feed;
	const struct matcher *matcher;
	struct ticker *ticker;
	struct chargen *chargen;
};

/* With the flush that follows, the subscription may reach its limit and be released, and the generator with it. */
static void emit(struct generator *g, struct event *event)
{
	event->time_ns = g->feed->callbacks->now_ns(g->feed->callbacks->context);
	event->addressee = g->feed;
	if (matcher_matches(g->matcher, event))
		subscriber_set_dispatch(g->set, event);
}

static void on_tick(void *context, const struct event_ticker *tick)
{
	struct generator *g = context;
	struct event event = {.kind = EVENT_TICKER, .ticker = *tick};

	emit(g, &event);
	subscriber_set_flush(g->set);
}

/* Whether the outbox will surely take what is open and one more piece. */
static bool has_room(const struct generator *g)
{
	const struct feed *f = g->feed;
	struct outbox *outbox = f->members->outbox;
	/* What an encoder may make of a piece (encoder.h), and a lost event in front of it. */
	size_t needed = f->open.length + 2 * (size_t)chargen_length(g->chargen) + 1024 + 256;
	struct outbox_counters counters;
	size_t room;

	outbox_counters(outbox, &counters);
	room = outbox_room(outbox);
	/* Only this thread puts: an outbox that was empty still is, and takes any chunk. */
	return room >= needed || (room && !counters.bytes && !f->open.length);
}

static void wait_for_room(struct generator *g)
{
	struct outbox *outbox = g->feed->members->outbox;
	struct outbox_counters counters;

	outbox_counters(outbox, &counters);
	if (!counters.bytes && !outbox_room(outbox)) {
		/* Closed: the subscription is about to be removed. */
		chargen_pause(g->chargen);
	} else if (counters.bytes > counters.capacity / 2) {
		chargen_pause(g->chargen);
		/* May call back at once. */
		outbox_want_room(outbox);
	}
	/* Else the queue is so small that half of it is too little for a piece: `room` would not tell. The next turn looks again. */
}

static void on_turn(void *context)
{
	struct generator *g = context;
	struct feed *f = g->feed;
	uint64_t now_ns = f->callbacks->now_ns(f->callbacks->context);
	size_t bytes = 0;
	bool room = true;

	if (now_ns >= f->window.end_ns) {
		chargen_pause(g->chargen);
		subscriber_set_flush(g->set);
		return;
	}
	while (!f->ended && bytes < CHARGEN_TURN_BYTES && now_ns >= f->throttle_until_ns && (room = has_room(g))) {
		struct event event = {.kind = EVENT_CHARGEN};

		chargen_next(g->chargen, &event.chargen);
		emit(g, &event);
		bytes += chargen_length(g->chargen);
	}
	if (now_ns < f->throttle_until_ns) {
		chargen_pause(g->chargen);
		subscriber_set_look_at(g->set, f->throttle_until_ns);
	}
	if (f->ended || room) {
		subscriber_set_flush(g->set);
		return;
	}
	/* Not ended, and the clock of the set stands still meanwhile: the generator outlives the flush. */
	subscriber_set_flush(g->set);
	wait_for_room(g);
}

int generator_add(struct subscriber_set *set, struct uv_loop_s *loop, struct feed *f, size_t index, struct error *err)
{
	const struct clause *clause = &f->spec->clauses[index];
	struct generator *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return error_set_errno(err, -ENOMEM, "generator");
	*g = (struct generator){.set = set, .feed = f, .matcher = &f->matchers[index]};
	if (clause->kind == EVENT_TICKER)
		r = ticker_new(&g->ticker, loop, clause->interval_ns, on_tick, g, err);
	else
		r = chargen_new(&g->chargen, loop, clause->length, on_turn, g, err);
	if (r) {
		free(g);
		return r;
	}
	LL_PREPEND(f->generators, g);
	return 0;
}

void generators_free(struct feed *f)
{
	struct generator *g, *next;

	LL_FOREACH_SAFE (f->generators, g, next) {
		LL_DELETE(f->generators, g);
		ticker_free(g->ticker);
		chargen_free(g->chargen);
		free(g);
	}
}

void generators_resume(struct feed *f)
{
	for (struct generator *g = f->generators; g; g = g->next)
		if (g->chargen)
			chargen_resume(g->chargen);
}
