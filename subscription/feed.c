#include "subscription/feed.h"
#include "subscription/extent.h"
#include "subscription/generator.h"
#include "subscription/throttle.h"
#include "sensor/event_container.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct feed *feed_new(struct subscription_spec *spec, struct encoding *encoding, const struct subscriber_set_callbacks *callbacks)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f) {
		subscription_spec_free(spec);
		return NULL;
	}
	f->spec = spec;
	f->is_plain = !spec->containers && !spec->throttle_ns && !spec->limit;
	f->encoding = encoding;
	f->callbacks = callbacks;
	f->joining_ns = UINT64_MAX;
	f->window.end_ns = UINT64_MAX;
	buffer_init(&f->open, 0);
	f->served = calloc(spec->clause_count + 1, sizeof(*f->served));
	f->fed = calloc(spec->clause_count + 1, sizeof(*f->fed));
	f->matchers = calloc(spec->clause_count + 1, sizeof(*f->matchers));
	if (!f->served || !f->fed || !f->matchers)
		return feed_free(f);
	for (size_t i = 0; i < spec->clause_count; i++)
		if (spec->clauses[i].kind < EVENT_KIND_COUNT && matcher_init(&f->matchers[i], &spec->clauses[i]))
			return feed_free(f);
	return f;
}

struct feed *feed_free(struct feed *f)
{
	if (!f)
		return NULL;
	generators_free(f);
	if (f->matchers)
		for (size_t i = 0; i < f->spec->clause_count; i++)
			matcher_done(&f->matchers[i]);
	free(f->matchers);
	free(f->served);
	free(f->fed);
	container_verdicts_done(&f->containers);
	buffer_done(&f->open);
	subscription_spec_free(f->spec);
	free(f);
	return NULL;
}

bool feed_is_shareable(const struct feed *f)
{
	const struct subscription_spec *spec = f->spec;

	return !spec->limit && !spec->throttle_ns && !spec->since_ns && !spec->has_for && !f->generators;
}

bool feed_equal(const struct feed *a, const struct feed *b)
{
	return a->encoding == b->encoding && a->kinds == b->kinds && subscription_spec_equal(a->spec, b->spec) &&
	       !memcmp(a->served, b->served, a->spec->clause_count * sizeof(*a->served));
}

void feed_join(struct feed *f, struct subscriber *m, uint64_t from_ns)
{
	m->feed = f;
	if (!f->members && !f->joining) {
		f->from_ns = from_ns;
		DL_APPEND2(f->members, m, member_prev, member_next);
		return;
	}
	m->from_ns = from_ns;
	DL_APPEND2(f->joining, m, member_prev, member_next);
	if (from_ns < f->joining_ns)
		f->joining_ns = from_ns;
}

static bool is_joining(const struct feed *f, const struct subscriber *m)
{
	const struct subscriber *other;

	for (other = f->joining; other && other != m; other = other->member_next)
		;
	return other;
}

bool feed_leave(struct feed *f, struct subscriber *m)
{
	if (is_joining(f, m))
		DL_DELETE2(f->joining, m, member_prev, member_next);
	else
		DL_DELETE2(f->members, m, member_prev, member_next);
	m->feed = NULL;
	return !f->members && !f->joining;
}

void feed_admit(struct feed *f, uint64_t time_ns)
{
	struct subscriber *m, *next;

	feed_seal(f);
	f->joining_ns = UINT64_MAX;
	for (m = f->joining; m; m = next) {
		next = m->member_next;
		if (m->from_ns > time_ns) {
			f->joining_ns = m->from_ns < f->joining_ns ? m->from_ns : f->joining_ns;
			continue;
		}
		DL_DELETE2(f->joining, m, member_prev, member_next);
		DL_APPEND2(f->members, m, member_prev, member_next);
	}
}

static bool wants_container(struct feed *f, const struct event *event)
{
	return !f->spec->containers || container_verdicts_match(&f->containers, f->spec->containers, event_container_of(event));
}

static bool throttle(struct feed *f, uint64_t time_ns)
{
	struct subscriber_counters *counters = &f->members->counters;

	if (throttle_passes(f->spec->throttle_ns, &f->throttle_until_ns, time_ns))
		return true;
	counters->matched++;
	counters->throttled++;
	return false;
}

bool feed_passes_modifiers(struct feed *f, const struct event *event)
{
	if (event->kind == EVENT_LOST)
		return true;
	if (event->time_ns >= f->window.end_ns || !wants_container(f, event))
		return false;
	return f->held || !f->spec->throttle_ns || throttle(f, event->time_ns);
}

/* Whether one of the clauses that take the event wants all of it. */
static enum detail detail_of(const struct feed *f, const struct event *event)
{
	if (!(f->full_kinds & EVENT_KIND_BIT(event->kind)))
		return DETAIL_BASIC;
	for (size_t i = 0; i < f->spec->clause_count; i++) {
		const struct clause *c = &f->spec->clauses[i];

		if (f->fed[i] && c->kind == event->kind && c->detail == DETAIL_FULL && matcher_matches(&f->matchers[i], event))
			return DETAIL_FULL;
	}
	return DETAIL_BASIC;
}

static void encode(struct feed *f, const struct event *event)
{
	enum detail detail = detail_of(f, event);
	struct encoded *e = &f->encoding->encoded[detail];

	if (e->sequence == event->sequence && !e->source->open.failed) {
		buffer_put(&f->open, e->source->open.data + e->offset, e->length);
	} else {
		e->sequence = event->sequence;
		e->source = f;
		e->offset = f->open.length;
		f->encoding->encoder->encode(f->encoding->encoder, event, detail, &f->open);
		e->length = f->open.length - e->offset;
	}
	f->last_bytes = e->length;
}

void feed_take(struct feed *f, const struct event *event)
{
	if (!f->open.length)
		buffer_reserve(&f->open, f->chunk_bytes);
	encode(f, event);
	extent_add(&f->extent, event);
	if (event->kind != EVENT_LOST) {
		f->open_events++;
		return;
	}
	f->open_lost += event->lost.count;
	for (struct subscriber *m = f->members; m; m = m->member_next)
		m->counters.lost_ring += event->lost.count;
}

/* What was lost, as far as one word can say. */
static enum event_kind lost_kind(const struct feed *f)
{
	enum event_kind kind = EVENT_KIND_COUNT;

	for (size_t i = 0; i < f->spec->clause_count; i++) {
		if (!f->fed[i])
			continue;
		if (kind != EVENT_KIND_COUNT && kind != f->spec->clauses[i].kind)
			return EVENT_KIND_COUNT;
		kind = f->spec->clauses[i].kind;
	}
	return kind;
}

/* A lost event for what the member missed and, behind it, the bytes of `c` (NULL: none). NULL: out of memory. */
static struct chunk *chunk_with_lost(struct feed *f, const struct subscriber *m, const struct chunk *c, uint64_t time_ns)
{
	struct event event = {
		.kind = EVENT_LOST,
		.time_ns = time_ns,
		.lost = {.count = m->untold, .of = lost_kind(f), .cause = LOST_QUEUE},
	};
	struct buffer bytes;
	struct chunk *ret;
	uint8_t *data;
	size_t length;

	buffer_init(&bytes, 0);
	if (c)
		buffer_reserve(&bytes, c->length + 256);
	f->encoding->encoder->encode(f->encoding->encoder, &event, DETAIL_BASIC, &bytes);
	if (c)
		buffer_put(&bytes, c->data, c->length);
	data = buffer_take(&bytes, &length);
	ret = data ? chunk_new(data, length, c ? c->events : 0) : NULL;
	if (!ret)
		return NULL;
	extent_add(&ret->extent, &event);
	if (c)
		extent_join(&ret->extent, &c->extent);
	return ret;
}

static bool put(struct feed *f, struct subscriber *m, struct chunk *c)
{
	struct chunk *with_lost;
	bool put;

	if (!m->untold)
		return outbox_put_more(m->outbox, c);
	/* In one piece, so that there is no state in which only the first half found room. */
	with_lost = chunk_with_lost(f, m, c, c->extent.first_time_ns);
	if (!with_lost)
		return false;
	put = outbox_put_more(m->outbox, with_lost);
	chunk_unref(with_lost);
	if (put)
		m->untold = 0;
	return put;
}

void feed_seal(struct feed *f)
{
	uint32_t events = f->open_events;
	uint64_t lost = f->open_lost;
	struct chunk *c = NULL;
	uint8_t *data;
	size_t length;

	if (!events && !lost)
		return;
	data = buffer_take(&f->open, &length);
	if (data)
		c = chunk_new(data, length, events);
	if (c)
		c->extent = f->extent;
	f->extent = (struct chunk_extent){0};
	f->open_events = 0;
	f->open_lost = 0;
	f->chunk_bytes = !c ? 0 : c->length < FEED_CHUNK_BYTES ? c->length : FEED_CHUNK_BYTES;
	buffer_init(&f->open, 0);
	for (struct subscriber *m = f->members; m; m = m->member_next) {
		m->counters.matched += events;
		if (c && put(f, m, c)) {
			m->counters.delivered += events;
			continue;
		}
		m->counters.lost_queue += events;
		m->untold += events + lost;
	}
	chunk_unref(c);
}

void feed_flush(struct feed *f)
{
	feed_seal(f);
	for (struct subscriber *m = f->members; m; m = m->member_next)
		outbox_flush(m->outbox);
}

void feed_tell_lost(struct feed *f, struct subscriber *m)
{
	bool is_open = f->open_events || f->open_lost;
	struct chunk *c;

	if (!m->untold)
		return;
	/* It stands in front of what is open, and time must not run backwards from it. */
	c = chunk_with_lost(f, m, NULL, is_open ? f->extent.first_time_ns : f->callbacks->now_ns(f->callbacks->context));
	if (c && outbox_put(m->outbox, c))
		m->untold = 0;
	chunk_unref(c);
}
