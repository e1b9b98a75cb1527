/*
 * Subscribers that come and go in the middle of a flood, each with a random wish: filters, generators, limits, throttles, windows, queues too
 * small. The test's thread is the loop; readers are threads of their own, as in the service: they read everything, now and then, or nothing,
 * and some go without a word. What a reader gets is checked against what its subscription promised.
 *
 * RINGSIDE_STRESS_ROUNDS says how many subscriptions there are, one per round; each sees about a dozen rounds.
 */
#include "harness.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_DEFAULT 2000
#define ROUND_EVENTS   200
#define GUESTS         12
#define READERS        2
#define IDS            3
#define STEP_NS        10

enum manner {
	READS_ALL,
	READS_SELDOM,
	READS_NOTHING,
	GOES_SILENTLY, /* closes its side after some reading, and the loop hears of it later */
	MANNERS,
};

/* What a subscription promises. */
struct promise {
	uint64_t limit;
	uint64_t throttle_ns;
	uint64_t start_ns;
	uint64_t end_ns; /* UINT64_MAX: none */
	int64_t id;      /* of calls; -1: any */
	enum manner manner;
};

/* The loop's and the reader's view of a place for a subscriber. What follows the mutex is guarded by it. */
struct guest {
	struct subscriber *subscriber; /* the loop's */
	pthread_mutex_t mutex;
	struct outbox *outbox; /* NULL: nobody is here */
	struct promise promise;
	unsigned generation;
	bool room_due;
};

/* How far the reader of a guest has come. Only that reader's. */
struct reading {
	unsigned generation;
	uint64_t sequence;
	uint64_t time_ns;
	uint64_t passed_ns; /* time of the last event that is no loss; 0: none */
	uint64_t count;     /* events that are no losses */
	bool ended;
};

struct reader {
	pthread_t thread;
	size_t first; /* its guests: this one and every READERS-th after it */
	uint64_t random;
};

static struct harness h;
static struct guest guests[GUESTS];
static atomic_bool stop;
/* The first thing that was wrong. */
static _Atomic(const char *) complaint;
/* What has happened, so that one sees that the test has tested something. */
static atomic_ulong limits_reached, windows_over, losses_told, closed_by_readers;
static unsigned long throttled, lost_queue;
static uint64_t loop_random = 88172645463325252u;

/* xorshift64 */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static bool one_in(uint64_t n)
{
	return next_random(&loop_random) % n == 0;
}

static uint64_t below(uint64_t n)
{
	return next_random(&loop_random) % n;
}

static void expect(bool holds, const char *otherwise)
{
	const char *none = NULL;

	if (!holds)
		atomic_compare_exchange_strong(&complaint, &none, otherwise);
}

/* Readers */

static void check_record(const struct promise *p, struct reading *r, const struct record *record)
{
	if (record->sequence) {
		expect(record->sequence > r->sequence, "sequence numbers do not rise");
		expect(record->time_ns >= r->time_ns, "time runs backwards");
		r->sequence = record->sequence;
		r->time_ns = record->time_ns;
	}
	if (record->kind == EVENT_LOST) {
		atomic_fetch_add(&losses_told, record->value);
		return;
	}
	expect(record->time_ns >= p->start_ns, "an event from before the subscription");
	expect(record->time_ns < p->end_ns, "an event from after the window");
	expect(!r->passed_ns || record->time_ns - r->passed_ns >= p->throttle_ns, "two events in an interval of the throttle");
	expect(!p->limit || r->count < p->limit, "more events than the limit");
	if (record->kind == EVENT_SYSCALL_ENTER && p->id >= 0)
		expect(record->value == (uint64_t)p->id, "an event that was not asked for");
	r->passed_ns = record->time_ns;
	r->count++;
}

static void check_chunk(const struct promise *p, struct reading *r, const struct chunk *c)
{
	for (size_t at = 0; at < c->length;) {
		struct record record;

		if (c->length - at < sizeof(record)) {
			expect(false, "half a record");
			return;
		}
		memcpy(&record, c->data + at, sizeof(record));
		at += sizeof(record) + record.text_length;
		check_record(p, r, &record);
	}
}

static void check_end(const struct promise *p, const struct reading *r, const struct outbox_end *end)
{
	bool limit_reached = p->limit && r->count == p->limit;

	expect(end->code == STATUS_OK, "an end with an error");
	expect(limit_reached || p->end_ns != UINT64_MAX, "an end without a reason");
	atomic_fetch_add(limit_reached ? &limits_reached : &windows_over, 1);
}

/* Whoever closes an outbox drops what is queued, and an end shows up early then. */
static bool is_here(struct guest *g, unsigned generation)
{
	bool here;

	pthread_mutex_lock(&g->mutex);
	here = g->outbox && g->generation == generation;
	pthread_mutex_unlock(&g->mutex);
	return here;
}

static void read_some(struct guest *g, const struct promise *p, struct reading *r, struct outbox *outbox)
{
	struct outbox_end end;
	struct chunk *chunk;
	bool ended;

	while (!r->ended) {
		if (!outbox_take(outbox, &chunk, 1, SIZE_MAX, &end, &ended)) {
			r->ended = ended;
			if (ended && is_here(g, r->generation))
				check_end(p, r, &end);
			return;
		}
		check_chunk(p, r, chunk);
		chunk_unref(chunk);
	}
}

static void visit(struct guest *g, struct reading *r, uint64_t *random)
{
	struct outbox *outbox = NULL;
	struct promise promise;

	pthread_mutex_lock(&g->mutex);
	if (g->outbox) {
		outbox = outbox_ref(g->outbox);
		promise = g->promise;
		if (r->generation != g->generation)
			*r = (struct reading){.generation = g->generation};
	}
	pthread_mutex_unlock(&g->mutex);
	if (!outbox)
		return;
	if (promise.manner == READS_ALL || (promise.manner != READS_NOTHING && next_random(random) % 20 == 0))
		read_some(g, &promise, r, outbox);
	if (promise.manner == GOES_SILENTLY && next_random(random) % 20 == 0) {
		outbox_close(outbox);
		r->ended = true;
		atomic_fetch_add(&closed_by_readers, 1);
	}
	outbox_unref(outbox);
}

static void *reader_run(void *context)
{
	const struct timespec pause = {.tv_nsec = 20000};
	struct reading readings[GUESTS] = {0};
	struct reader *reader = context;

	while (!atomic_load(&stop)) {
		for (size_t i = reader->first; i < GUESTS; i += READERS)
			visit(&guests[i], &readings[i], &reader->random);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* The outbox's `room`: the reader's thread. */
static void has_room(void *context)
{
	struct guest *g = context;

	pthread_mutex_lock(&g->mutex);
	g->room_due = true;
	pthread_mutex_unlock(&g->mutex);
}

/* The loop */

static void add_clauses(struct subscription_spec *spec, struct promise *p)
{
	struct clause *clause = subscription_spec_add(spec, EVENT_SYSCALL_ENTER);

	p->id = (int64_t)below(IDS + 1) - 1;
	if (p->id >= 0)
		cr_assert_eq(clause_add(clause, "id", PREDICATE_EQUAL, (uint64_t)p->id, NULL, NULL), 0);
	if (one_in(3))
		subscription_spec_add(spec, EVENT_SYSCALL_EXIT);
	if (one_in(6))
		subscription_spec_add(spec, EVENT_CHARGEN)->length = (uint32_t)(1 + below(500));
	if (one_in(6))
		subscription_spec_add(spec, EVENT_TICKER)->interval_ns = 1;
}

/* About half of the wishes have each of the modifiers. */
static struct subscription_spec *random_wish(struct promise *p)
{
	struct subscription_spec *spec = subscription_spec_new();

	*p = (struct promise){.start_ns = h.now_ns, .end_ns = UINT64_MAX, .manner = (enum manner)below(MANNERS)};
	add_clauses(spec, p);
	if (one_in(2))
		p->limit = spec->limit = 1 + below(400);
	if (one_in(2))
		p->throttle_ns = spec->throttle_ns = 1 + below(20 * STEP_NS);
	if (one_in(4))
		spec->since_ns = below(5000 * STEP_NS);
	if (one_in(2)) {
		spec->has_for = true;
		spec->for_ns = spec->since_ns + below(8 * ROUND_EVENTS * STEP_NS);
		p->end_ns = h.now_ns + spec->for_ns - spec->since_ns;
	}
	return spec;
}

static void guest_come(struct guest *g)
{
	const struct outbox_callbacks callbacks = {.room = has_room, .room_context = g};
	struct outbox *outbox = outbox_new(one_in(2) ? 2000 : 1 << 20, &callbacks);
	struct subscriber_statuses statuses;
	struct promise promise;
	struct error err;

	cr_assert_not_null(outbox);
	cr_assert_eq(subscriber_set_add(h.set, random_wish(&promise), one_in(3) ? &other_encoder : &fake_encoder, outbox, NULL, NULL,
					&g->subscriber, &statuses, &err),
		     0, "%s", err.message);
	pthread_mutex_lock(&g->mutex);
	g->outbox = outbox;
	g->promise = promise;
	g->generation++;
	pthread_mutex_unlock(&g->mutex);
}

/* In the order in which the service does it. */
static void guest_go(struct guest *g)
{
	struct outbox *outbox = g->outbox;

	pthread_mutex_lock(&g->mutex);
	g->outbox = NULL;
	pthread_mutex_unlock(&g->mutex);
	outbox_close(outbox);
	outbox_stop_room(outbox);
	g->room_due = false;
	subscriber_set_remove(h.set, g->subscriber);
	g->subscriber = NULL;
	outbox_unref(outbox);
}

static bool take_room_due(struct guest *g)
{
	bool due;

	pthread_mutex_lock(&g->mutex);
	due = g->room_due;
	g->room_due = false;
	pthread_mutex_unlock(&g->mutex);
	return due;
}

static bool check_account(void *context, const struct subscription_spec *spec, const struct subscriber_counters *c,
			  const struct outbox_counters *outbox)
{
	(void)context;
	cr_assert_leq(c->delivered + c->lost_queue + c->throttled, c->matched);
	cr_assert_leq(outbox->taken_events, c->delivered);
	cr_assert(spec->throttle_ns || !c->throttled);
	cr_assert(!spec->limit || c->delivered <= spec->limit);
	throttled += c->throttled;
	lost_queue += c->lost_queue;
	return false;
}

static void flood(void)
{
	for (int i = 0; i < ROUND_EVENTS; i++) {
		h.now_ns += STEP_NS;
		dispatch_syscall(&h, one_in(4) ? EVENT_SYSCALL_EXIT : EVENT_SYSCALL_ENTER, (int64_t)below(IDS));
		if (one_in(100))
			dispatch_lost(&h, one_in(2) ? EVENT_SYSCALL_ENTER : EVENT_KIND_COUNT, 1 + below(5));
		if (one_in(15))
			subscriber_set_flush(h.set);
	}
	/* Late losses: windows wait, some until their patience ends. */
	h.settled_ns = one_in(2) ? UINT64_MAX : h.now_ns - below(ROUND_EVENTS * STEP_NS);
	if (one_in(500))
		h.now_ns += SUBSCRIBER_SET_GRACE_NS;
}

static void round_of(size_t place)
{
	struct guest *g = &guests[place];

	if (g->subscriber)
		guest_go(g);
	guest_come(g);
	/* Some change their mind at once. */
	if (one_in(20))
		guest_go(g);
	flood();
	for (size_t i = 0; i < GUESTS; i++) {
		if (take_room_due(&guests[i]) && guests[i].subscriber)
			subscriber_room(h.set, guests[i].subscriber);
		if (guests[i].subscriber && one_in(60))
			guest_go(&guests[i]);
	}
	uv_run(&h.loop, UV_RUN_NOWAIT);
	subscriber_set_flush(h.set);
	subscriber_set_each(h.set, check_account, NULL);
}

static unsigned long rounds_wanted(void)
{
	const char *text = getenv("RINGSIDE_STRESS_ROUNDS");
	unsigned long rounds = text ? strtoul(text, NULL, 10) : 0;

	return rounds ? rounds : ROUNDS_DEFAULT;
}

static void start_readers(struct reader *readers)
{
	for (size_t i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.first = i, .random = i + 1};
		cr_assert_eq(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]), 0);
	}
}

Test(stress, subscribers_come_and_go_in_mid_flood, .timeout = 600)
{
	unsigned long rounds = rounds_wanted();
	struct reader readers[READERS];

	harness_init(&h);
	for (size_t i = 0; i < GUESTS; i++)
		pthread_mutex_init(&guests[i].mutex, NULL);
	start_readers(readers);
	for (unsigned long round = 0; round < rounds && !atomic_load(&complaint); round++)
		round_of(round % GUESTS);
	atomic_store(&stop, true);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	cr_assert_null(atomic_load(&complaint), "%s", atomic_load(&complaint));
	for (size_t i = 0; i < GUESTS; i++)
		if (guests[i].subscriber)
			guest_go(&guests[i]);
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++)
		cr_assert_not(h.plan.kinds[kind].wanted);
	harness_done(&h);
	if (rounds < ROUNDS_DEFAULT)
		return;
	cr_assert_gt(atomic_load(&limits_reached), 0);
	cr_assert_gt(atomic_load(&windows_over), 0);
	cr_assert_gt(atomic_load(&losses_told), 0);
	cr_assert_gt(atomic_load(&closed_by_readers), 0);
	cr_assert_gt(throttled, 0);
	cr_assert_gt(lost_queue, 0);
}
