#include "subscription/subscriber_set.h"
#include "subscription/admission.h"
#include "subscription/feed.h"
#include "subscription/generator.h"
#include "subscription/kind_index.h"
#include "subscription/push_down.h"
#include "subscription/request_table.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* Handing a chunk over costs some 7 us, however little is in it: the queue, the thread that sends, the client. When more streams than this have something,
 * they take turns, so many in a millisecond, and each hands over more when its turn comes. */
#define STREAMS_AT_ONCE 100
#define TURNS_PER_MS    20

struct subscriber_set {
	struct subscriber_set_callbacks callbacks;
	struct uv_loop_s *loop;
	struct subscriber *subscribers;
	struct feed *feeds;
	struct feed *dirty; /* the first to take something stands first */
	size_t dirty_count;
	size_t feed_count;
	struct encoding *encodings;
	struct kind_index index;
	struct request_table requests;
	struct feed **takers; /* of the event that is being dispatched; room for every feed */
	size_t taker_capacity;
	uint64_t sequence;
	uint64_t flushed_ns; /* the time of the last flush */
	uint64_t due_ns;     /* when a flush has to look at all feeds; UINT64_MAX: no need */
	bool release_due;    /* there are feeds that have ended and are not released */
	bool dispatching;
};

struct subscriber_set *subscriber_set_new(const struct subscriber_set_callbacks *callbacks, struct uv_loop_s *loop)
{
	struct subscriber_set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->callbacks = *callbacks;
	s->loop = loop;
	s->due_ns = UINT64_MAX;
	return s;
}

static struct encoding *encoding_get(struct subscriber_set *s, struct encoder *encoder)
{
	struct encoding *e;

	LL_SEARCH_SCALAR(s->encodings, e, encoder, encoder);
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return NULL;
		e->encoder = encoder;
		LL_PREPEND(s->encodings, e);
	}
	e->references++;
	return e;
}

static void encoding_put(struct subscriber_set *s, struct encoding *e)
{
	if (--e->references)
		return;
	LL_DELETE(s->encodings, e);
	free(e);
}

static int add_requests(struct subscriber_set *s, const struct clause *const *clauses, size_t count, struct plan *plan)
{
	int r = 0;

	for (size_t i = 0; !r && i < count; i++) {
		struct probe_request *request = clauses[i]->request;
		struct request_entry *entry = request ? request_table_find(&s->requests, request) : NULL;

		if (entry)
			r = plan_add_request(plan, request, &entry->refusal);
	}
	return r;
}

/* Makes the kernel match what the feeds want now. Without memory for the plan it stays as it is: -ENOMEM. */
static int apply(struct subscriber_set *s, struct error refusals[EVENT_KIND_COUNT])
{
	cleanup_free const struct clause **clauses = NULL;
	struct plan plan;
	struct feed *f;
	size_t count = 0;
	int r;

	for (f = s->feeds; f; f = f->next)
		count += f->spec->clause_count;
	clauses = calloc(count + 1, sizeof(const struct clause *));
	if (!clauses)
		return -ENOMEM;
	count = 0;
	for (f = s->feeds; f; f = f->next)
		for (size_t i = 0; !f->ended && i < f->spec->clause_count; i++)
			if (f->served[i])
				clauses[count++] = &f->spec->clauses[i];
	push_down_plan(clauses, count, &plan);
	r = add_requests(s, clauses, count, &plan);
	if (!r)
		s->callbacks.apply(s->callbacks.context, &plan, refusals);
	plan_done(&plan);
	/* With the plan before went the last one that had them. */
	request_table_sweep(&s->requests);
	return r;
}

/* What others still want is theirs already: nothing can be refused that would have to be told to somebody. */
static void apply_less(struct subscriber_set *s)
{
	struct error refusals[EVENT_KIND_COUNT] = {0};

	apply(s, refusals);
}

static void mark_clean(struct subscriber_set *s, struct feed *f)
{
	if (!f->dirty)
		return;
	DL_DELETE2(s->dirty, f, dirty_prev, dirty_next);
	s->dirty_count--;
	f->dirty = false;
}

/* Takes the feed, which has no members any more, out of everything and frees it. */
static void drop_feed(struct subscriber_set *s, struct feed *f)
{
	struct encoding *encoding = f->encoding;

	mark_clean(s, f);
	kind_index_remove(&s->index, f);
	DL_DELETE(s->feeds, f);
	s->feed_count--;
	feed_free(f);
	encoding_put(s, encoding);
	request_table_sweep(&s->requests);
}

static bool is_observed(enum event_kind kind)
{
	return catalog_entry(kind)->observed;
}

/* Why the kernel does not give what a clause asks for; code 0: it does. */
static const struct error *clause_refusal(struct subscriber_set *s, const struct clause *c, const struct error refusals[EVENT_KIND_COUNT])
{
	return c->request ? &request_table_find(&s->requests, c->request)->refusal : &refusals[c->kind];
}

/* From now on the clause takes events. */
static void feed_clause(struct feed *f, size_t clause)
{
	enum event_kind kind = f->spec->clauses[clause].kind;

	f->fed[clause] = true;
	if (is_observed(kind))
		f->kinds |= EVENT_KIND_BIT(kind);
	if (f->spec->clauses[clause].detail == DETAIL_FULL)
		f->full_kinds |= EVENT_KIND_BIT(kind);
}

/* True: the clause can be served, as far as the sensor and its own generator go. False: *ret says why not. */
static bool admit(struct subscriber_set *s, struct feed *f, size_t clause, const struct error refusals[EVENT_KIND_COUNT],
		  struct subscriber_status *ret)
{
	const struct clause *c = &f->spec->clauses[clause];
	struct error err;

	if (!admission_check(c, s->loop, ret))
		return false;
	if (is_observed(c->kind)) {
		const struct error *refusal = clause_refusal(s, c, refusals);

		if (!refusal->code)
			return true;
		admission_refuse(c, refusal, ret);
		return false;
	}
	if (!generator_add(s, s->loop, f, clause, &err))
		return true;
	admission_refuse(c, &err, ret);
	return false;
}

/* Asks for everything the feed wants, and settles what it gets: f->served, f->fed, f->kinds, its generators, the statuses. *ret_refused: the
 * kernel's plan holds clauses that are not served. */
static int negotiate(struct subscriber_set *s, struct feed *f, const struct subscriber_past *past, struct subscriber_statuses *statuses,
		     bool *ret_refused)
{
	struct error refusals[EVENT_KIND_COUNT] = {0};
	struct subscriber_status status;
	bool observes = false;

	*ret_refused = false;
	for (size_t i = 0; i < f->spec->clause_count; i++)
		if (admission_check(&f->spec->clauses[i], s->loop, &status)) {
			f->served[i] = true;
			observes = observes || is_observed(f->spec->clauses[i].kind);
		}
	if (observes && apply(s, refusals))
		return -ENOMEM;
	for (size_t i = 0; i < f->spec->clause_count; i++) {
		f->served[i] = false;
		if (admit(s, f, i, refusals, &status)) {
			f->served[i] = true;
			if (!past || !past->recorded[i])
				feed_clause(f, i);
			if (past && past->note(past->context, i, &status))
				admission_append(statuses, &status);
			continue;
		}
		admission_append(statuses, &status);
		*ret_refused = *ret_refused ||
			       (f->spec->clauses[i].kind < EVENT_KIND_COUNT && clause_refusal(s, &f->spec->clauses[i], refusals)->code);
	}
	if (!statuses->count)
		admission_append(statuses, &(struct subscriber_status){.code = STATUS_OK});
	return 0;
}

static bool serves_any(const struct feed *f)
{
	for (size_t i = 0; i < f->spec->clause_count; i++)
		if (f->served[i])
			return true;
	return false;
}

/* The feed that gives the same bytes already; else `f` itself. */
static struct feed *find_equal(struct subscriber_set *s, struct feed *f)
{
	struct feed *other;

	if (!feed_is_shareable(f))
		return f;
	for (other = s->feeds; other; other = other->next)
		if (other != f && feed_is_shareable(other) && feed_equal(other, f))
			return other;
	return f;
}

static int reserve_taker(struct subscriber_set *s)
{
	size_t capacity = s->taker_capacity ? s->taker_capacity * 2 : 16;
	struct feed **takers;

	if (s->feed_count < s->taker_capacity)
		return 0;
	takers = reallocarray(s->takers, capacity, sizeof(struct feed *));
	if (!takers)
		return -ENOMEM;
	s->takers = takers;
	s->taker_capacity = capacity;
	return 0;
}

/* A feed of its own for the spec, in the list but not yet in the index. Takes over the spec. */
static struct feed *add_feed(struct subscriber_set *s, struct subscription_spec *spec, struct encoder *encoder)
{
	struct encoding *encoding = reserve_taker(s) || request_table_intern(&s->requests, spec) ? NULL : encoding_get(s, encoder);
	struct feed *f;

	if (!encoding) {
		subscription_spec_free(spec);
		request_table_sweep(&s->requests);
		return NULL;
	}
	f = feed_new(spec, encoding, &s->callbacks);
	if (!f) {
		request_table_sweep(&s->requests);
		encoding_put(s, encoding);
		return NULL;
	}
	DL_APPEND(s->feeds, f);
	s->feed_count++;
	return f;
}

static int put_first(struct outbox *outbox, struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses),
		     void *first_context, const struct subscriber_statuses *statuses)
{
	struct chunk *c;

	if (!first)
		return 0;
	c = first(first_context, statuses);
	if (!c)
		return -ENOMEM;
	/* An outbox that refuses its first chunk is closed: the client has gone meanwhile, and the caller will remove the subscription. */
	outbox_put(outbox, c);
	chunk_unref(c);
	return 0;
}

/* The stream has all that it is to get. */
static void finish(struct subscriber_set *s, struct feed *f)
{
	outbox_finish(f->members->outbox, STATUS_OK, "");
	f->ended = true;
	s->release_due = true;
}

void subscriber_set_look_at(struct subscriber_set *s, uint64_t time_ns)
{
	if (time_ns < s->due_ns)
		s->due_ns = time_ns;
}

/* With `past` the feed is held. */
static int add(struct subscriber_set *s, struct subscription_spec *spec, struct encoder *encoder, const struct subscriber_past *past,
	       struct outbox *outbox, struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses),
	       void *first_context, struct subscriber **ret, struct subscriber_statuses *ret_statuses, struct error *err)
{
	struct subscriber *m = calloc(1, sizeof(*m));
	struct feed *f = add_feed(s, spec, encoder);
	struct feed *home;
	size_t first_refusal;
	uint64_t from_ns;
	bool refused;
	int r;

	assert(!s->dispatching);
	ret_statuses->count = 0;
	if (!m || !f) {
		r = error_set_errno(err, -ENOMEM, "subscription");
		goto fail;
	}
	f->held = past;
	if (f->spec->since_ns && !past)
		admission_refuse_since(f->spec->since_ns, ret_statuses);
	first_refusal = ret_statuses->count;
	r = negotiate(s, f, past, ret_statuses, &refused);
	if (r) {
		error_set_errno(err, r, "subscription");
		goto fail;
	}
	if (!serves_any(f)) {
		r = error_set(err, -EOPNOTSUPP, "%s",
			      ret_statuses->count > first_refusal ? ret_statuses->items[first_refusal].message : "nothing is asked for");
		goto fail;
	}
	/* Before the first response: what the client does when it has that is for it. */
	from_ns = s->callbacks.active_from_ns ? s->callbacks.active_from_ns(s->callbacks.context) : 0;
	f->window = window_of(f->spec, s->callbacks.active_from_ns ? from_ns : s->callbacks.now_ns(s->callbacks.context));
	home = find_equal(s, f);
	if ((home == f && kind_index_add(&s->index, f)) || put_first(outbox, first, first_context, ret_statuses)) {
		r = error_set_errno(err, -ENOMEM, "subscription");
		goto fail;
	}
	if (home != f)
		drop_feed(s, f);
	if (refused)
		apply_less(s);
	m->outbox = outbox_ref(past ? past->aside : outbox);
	m->later = past ? outbox_ref(outbox) : NULL;
	/* Whatever is dispatched from now on is of its time: what was before comes from the recording. */
	feed_join(home, m, past ? 0 : from_ns);
	DL_APPEND(s->subscribers, m);
	if (past)
		goto out;
	if (window_is_past(&home->window))
		finish(s, home);
	else
		subscriber_set_look_at(s, home->window.end_ns);
out:
	*ret = m;
	return 0;
fail:
	free(m);
	if (f) {
		drop_feed(s, f);
		apply_less(s);
	}
	return r;
}

int subscriber_set_add(struct subscriber_set *s, struct subscription_spec *spec, struct encoder *encoder, struct outbox *outbox,
		       struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses), void *first_context,
		       struct subscriber **ret, struct subscriber_statuses *ret_statuses, struct error *err)
{
	return add(s, spec, encoder, NULL, outbox, first, first_context, ret, ret_statuses, err);
}

int subscriber_set_add_held(struct subscriber_set *s, struct subscription_spec *spec, struct encoder *encoder,
			    const struct subscriber_past *past, struct outbox *outbox,
			    struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses), void *first_context,
			    struct subscriber **ret, struct subscriber_statuses *ret_statuses, struct error *err)
{
	return add(s, spec, encoder, past, outbox, first, first_context, ret, ret_statuses, err);
}

void subscriber_flush(struct subscriber_set *s, struct subscriber *subscriber)
{
	if (!subscriber->feed)
		return;
	mark_clean(s, subscriber->feed);
	feed_flush(subscriber->feed);
}

int subscriber_release(struct subscriber_set *s, struct subscriber *subscriber, const struct subscriber_seam *seam)
{
	struct feed *f = subscriber->feed;

	assert(!s->dispatching && f->held);
	subscriber_flush(s, subscriber);
	kind_index_remove(&s->index, f);
	for (size_t i = 0; i < f->spec->clause_count; i++)
		if (f->served[i])
			feed_clause(f, i);
	if (kind_index_add(&s->index, f))
		return -ENOMEM;
	outbox_unref(subscriber->outbox);
	subscriber->outbox = take_pointer(subscriber->later);
	subscriber->counters.matched = seam->matched;
	subscriber->counters.delivered = seam->delivered;
	subscriber->counters.throttled = seam->throttled;
	f->throttle_until_ns = seam->throttle_until_ns;
	f->held = false;
	subscriber_set_look_at(s, f->window.end_ns);
	/* Chargens, which wait for the room that there is. */
	generators_resume(f);
	return 0;
}

bool subscriber_serves(const struct subscriber *subscriber, size_t clause)
{
	return subscriber->feed && subscriber->feed->served[clause];
}

const struct window *subscriber_window(const struct subscriber *subscriber)
{
	return &subscriber->feed->window;
}

void subscriber_set_remove(struct subscriber_set *s, struct subscriber *subscriber)
{
	struct feed *f = subscriber->feed;

	assert(!s->dispatching);
	if (f) {
		if (feed_leave(f, subscriber)) {
			drop_feed(s, f);
			apply_less(s);
		}
	}
	DL_DELETE(s->subscribers, subscriber);
	outbox_unref(subscriber->outbox);
	outbox_unref(subscriber->later);
	free(subscriber);
}

struct subscriber_set *subscriber_set_free(struct subscriber_set *s, int code, const char *message)
{
	struct subscriber *m, *next;

	if (!s)
		return NULL;
	for (m = s->subscribers; m; m = next) {
		struct feed *f = m->feed;

		next = m->next;
		if (f) {
			feed_seal(f);
			if (feed_leave(f, m))
				drop_feed(s, f);
		}
		outbox_finish(m->outbox, code, message);
		if (m->later)
			outbox_finish(m->later, code, message);
		outbox_unref(m->outbox);
		outbox_unref(m->later);
		free(m);
	}
	request_table_done(&s->requests);
	kind_index_done(&s->index);
	free(s->takers);
	free(s);
	return NULL;
}

static bool has_request(const struct feed *f, const struct probe_request *request)
{
	for (size_t i = 0; i < f->spec->clause_count; i++)
		if (f->fed[i] && f->spec->clauses[i].request == request)
			return true;
	return false;
}

/* Whoever has a clause of what was lost. */
static size_t find_concerned(struct subscriber_set *s, const struct event *event)
{
	uint64_t kinds = catalog_lost_kinds(event->lost.of);
	struct feed *f;
	size_t count = 0;

	for (f = s->feeds; f; f = f->next)
		if ((f->kinds & kinds) && !f->ended && (!event->request || has_request(f, event->request)))
			s->takers[count++] = f;
	return count;
}

/* A subscription begins with what happens after it was made, though older samples may still be in the rings then; it may be about some containers
 * only, have a window and a throttle. */
static size_t drop_unwanted(struct subscriber_set *s, const struct event *event, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct feed *f = s->takers[i];

		if (event->time_ns >= f->joining_ns)
			feed_admit(f, event->time_ns);
		if (event->time_ns >= f->from_ns && f->members && feed_passes(f, event))
			s->takers[kept++] = f;
	}
	return kept;
}

static size_t find_takers(struct subscriber_set *s, const struct event *event)
{
	struct feed *f;

	if (event->kind == EVENT_LOST)
		return drop_unwanted(s, event, find_concerned(s, event));
	if (!event->addressee)
		return drop_unwanted(s, event, kind_index_find(&s->index, event, s->takers));
	for (f = s->feeds; f; f = f->next)
		if (f == event->addressee && !f->ended && feed_passes(f, event)) {
			s->takers[0] = f;
			return 1;
		}
	return 0;
}

/* After an event: hands over what is full, ends what is complete. */
static void settle(struct subscriber_set *s, struct feed *f)
{
	if (!feed_is_complete(f)) {
		if (feed_is_full(f))
			feed_seal(f);
		return;
	}
	feed_seal(f);
	/* Without room for the last chunk it is not complete after all: the stream gets as many events as it asked for. */
	if (!feed_is_complete(f))
		return;
	finish(s, f);
}

void subscriber_set_dispatch(struct subscriber_set *s, struct event *event)
{
	size_t count = find_takers(s, event);

	if (!count)
		return;
	s->dispatching = true;
	event->sequence = ++s->sequence;
	/* First all, then what follows from it: the bytes are copied from the first taker's open chunk. */
	for (size_t i = 0; i < count; i++) {
		struct feed *f = s->takers[i];

		feed_take(f, event);
		if (!f->dirty) {
			f->dirty = true;
			s->dirty_count++;
			DL_APPEND2(s->dirty, f, dirty_prev, dirty_next);
		}
	}
	for (size_t i = 0; i < count; i++)
		settle(s, s->takers[i]);
	s->dispatching = false;
}

static void release_ended(struct subscriber_set *s)
{
	struct feed *f, *next;

	s->release_due = false;
	for (f = s->feeds; f; f = next) {
		next = f->next;
		if (!f->ended)
			continue;
		feed_leave(f, f->members);
		drop_feed(s, f);
	}
	apply_less(s);
}

/* Whether everything that happened in the window has been dispatched, losses too. */
static bool window_is_complete(const struct subscriber_set *s, const struct feed *f, uint64_t now_ns)
{
	const struct subscriber_set_callbacks *callbacks = &s->callbacks;

	if (now_ns < f->window.end_ns)
		return false;
	return !f->kinds || !callbacks->settled_ns || callbacks->settled_ns(callbacks->context) >= f->window.end_ns ||
	       now_ns - f->window.end_ns >= SUBSCRIBER_SET_GRACE_NS;
}

/* What was lost in the window has to be told before its end: without room for that it goes on. */
static void end_window(struct subscriber_set *s, struct feed *f)
{
	feed_seal(f);
	feed_tell_lost(f, f->members);
	if (!f->members->untold)
		finish(s, f);
}

static void look_at_feeds(struct subscriber_set *s, uint64_t now_ns)
{
	struct feed *f;

	s->due_ns = UINT64_MAX;
	for (f = s->feeds; f; f = f->next) {
		if (!f->ended && !f->held && window_is_complete(s, f, now_ns))
			end_window(s, f);
		if (f->ended || f->held)
			continue;
		subscriber_set_look_at(s, f->window.end_ns);
		if (!f->generators)
			continue;
		if (f->throttle_until_ns > now_ns)
			subscriber_set_look_at(s, f->throttle_until_ns);
		else if (now_ns < f->window.end_ns)
			generators_resume(f);
	}
}

/* How many streams hand over what they have. */
static size_t count_turns(const struct subscriber_set *s, uint64_t now_ns)
{
	uint64_t turns = (now_ns - s->flushed_ns) * TURNS_PER_MS / NSEC_PER_MSEC;

	return s->dirty_count <= STREAMS_AT_ONCE ? s->dirty_count : turns ? turns : 1;
}

void subscriber_set_flush(struct subscriber_set *s)
{
	uint64_t now_ns = s->callbacks.now_ns(s->callbacks.context);

	for (size_t turns = count_turns(s, now_ns); s->dirty && turns; turns--) {
		struct feed *f = s->dirty;

		mark_clean(s, f);
		feed_flush(f);
	}
	s->flushed_ns = now_ns;
	if (now_ns >= s->due_ns)
		look_at_feeds(s, now_ns);
	if (s->release_due)
		release_ended(s);
}

uint64_t subscriber_set_due_ns(const struct subscriber_set *s)
{
	return s->dirty && s->flushed_ns < s->due_ns ? s->flushed_ns : s->due_ns;
}

void subscriber_room(struct subscriber_set *s, struct subscriber *subscriber)
{
	(void)s;
	if (!subscriber->feed || subscriber->feed->ended)
		return;
	feed_tell_lost(subscriber->feed, subscriber);
	generators_resume(subscriber->feed);
}

void subscriber_set_begin_at(struct subscriber_set *s, uint64_t sequence)
{
	assert(!s->sequence);
	s->sequence = sequence;
}

uint64_t subscriber_set_sequence(const struct subscriber_set *s)
{
	return s->sequence;
}

void subscriber_set_each(struct subscriber_set *s,
			 bool (*fn)(void *context, const struct subscription_spec *spec, const struct subscriber_counters *counters,
				    const struct outbox_counters *outbox),
			 void *context)
{
	struct subscriber *m;

	for (m = s->subscribers; m; m = m->next) {
		struct subscriber_counters counters = m->counters;
		struct outbox_counters outbox;

		if (!m->feed || m->feed->ended)
			continue;
		if (!m->from_ns || m->feed->joining_ns == UINT64_MAX)
			counters.matched += m->feed->open_events;
		outbox_counters(m->outbox, &outbox);
		if (fn(context, m->feed->spec, &counters, &outbox))
			return;
	}
}
