#include "harness.h"

#include "base/clock.h"

#include "sensor/container.h"
#include "sensor/probe_request.h"
#include "sensor/process_cache.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ROOMY (8u << 20)

static struct harness h;

static void setup(void)
{
	harness_init(&h);
}

static void teardown(void)
{
	harness_done(&h);
}

TestSuite(subscriber_set, .init = setup, .fini = teardown, .timeout = 120);

Test(subscriber_set, an_event_goes_to_those_whose_clauses_match_and_to_nobody_else)
{
	struct client all, some, other;
	struct record r[16];

	cr_assert_eq(client_subscribe(&all, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY), 0);
	cr_assert_eq(client_subscribe(&some, &h, spec_of(EVENT_SYSCALL_ENTER, 2, 0), &fake_encoder, ROOMY), 0);
	cr_assert_eq(client_subscribe(&other, &h, spec_of(EVENT_SYSCALL_EXIT, -1, 0), &fake_encoder, ROOMY), 0);
	for (int id = 1; id <= 3; id++)
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, id);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&all, r, 0, 16), 3);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(r[i].value, i + 1);
	cr_assert_eq(client_read(&some, r, 0, 16), 1);
	cr_assert_eq(r[0].value, 2);
	cr_assert_eq(client_read(&other, r, 0, 16), 0);
	client_done(&all, &h);
	client_done(&some, &h);
	client_done(&other, &h);
}

static struct subscription_spec *spec_of_container(const char *name)
{
	struct subscription_spec *spec = spec_of(EVENT_SYSCALL_ENTER, -1, 0);

	/* Whichever clause it is that takes the event. */
	clause_add(subscription_spec_add(spec, EVENT_SYSCALL_ENTER), "id", PREDICATE_EQUAL, 1, NULL, NULL);
	spec->containers = container_filter_new();
	cr_assert_not_null(spec->containers);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_NAME, name, NULL), 0);
	return spec;
}

/* `name` NULL: in no container. */
static void dispatch_in(uint64_t revision, const char *name, int64_t id)
{
	struct container container = {
		.id = {.bytes = "cafe", .length = 4},
		.name = {.bytes = name, .length = name ? strlen(name) : 0},
		.revision = revision,
	};
	struct process process = {.tgid = 7, .container = name ? &container : NULL};
	struct event event = {
		.kind = EVENT_SYSCALL_ENTER,
		.time_ns = ++h.now_ns,
		.tid = 7,
		.tgid = 7,
		.process = &process,
		.syscall = {.id = id},
	};

	subscriber_set_dispatch(h.set, &event);
}

Test(subscriber_set, a_subscription_to_containers_gets_what_happens_in_them_and_the_losses)
{
	struct client all, web, same, db;
	struct record r[16];

	cr_assert_eq(client_subscribe(&all, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY), 0);
	cr_assert_eq(client_subscribe(&web, &h, spec_of_container("web"), &fake_encoder, ROOMY), 0);
	cr_assert_eq(client_subscribe(&same, &h, spec_of_container("/web"), &fake_encoder, ROOMY), 0);
	cr_assert_eq(client_subscribe(&db, &h, spec_of_container("db"), &fake_encoder, ROOMY), 0);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	dispatch_in(0, NULL, 2);
	dispatch_in(1, "/web", 3);
	dispatch_in(2, "/db", 4);
	dispatch_in(1, "/web", 5);
	dispatch_lost(&h, EVENT_SYSCALL_ENTER, 6);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&all, r, 0, 16), 6);
	cr_assert_eq(client_read(&web, r, 0, 16), 3);
	cr_expect_eq(r[0].value, 3);
	cr_expect_eq(r[0].sequence, 3);
	cr_expect_eq(r[1].value, 5);
	cr_expect_eq(r[2].kind, EVENT_LOST);
	cr_assert_eq(client_read(&same, r, 0, 16), 3);
	cr_assert_eq(client_read(&db, r, 0, 16), 2);
	cr_expect_eq(r[0].value, 4);
	cr_expect_eq(r[1].kind, EVENT_LOST);
	/* Everybody had the same bytes of each event. */
	cr_expect_eq(fake_encodings, 6);
	client_done(&all, &h);
	client_done(&web, &h);
	client_done(&same, &h);
	client_done(&db, &h);
}

Test(subscriber_set, an_event_of_a_container_that_nobody_wants_gets_no_number)
{
	struct client c;

	cr_assert_eq(client_subscribe(&c, &h, spec_of_container("web"), &fake_encoder, ROOMY), 0);
	dispatch_in(2, "/db", 1);
	dispatch_in(0, NULL, 1);
	cr_expect_eq(subscriber_set_sequence(h.set), 0);
	dispatch_in(3, "/web", 1);
	cr_expect_eq(subscriber_set_sequence(h.set), 1);
	client_done(&c, &h);
}

Test(subscriber_set, an_event_that_two_clauses_match_comes_once)
{
	struct subscription_spec *spec = spec_of(EVENT_SYSCALL_ENTER, 5, 0);
	struct client c;
	struct record r[4];

	clause_add(subscription_spec_add(spec, EVENT_SYSCALL_ENTER), "id", PREDICATE_EQUAL, 5, NULL, NULL);
	subscription_spec_add(spec, EVENT_SYSCALL_ENTER);
	cr_assert_eq(client_subscribe(&c, &h, spec, &fake_encoder, ROOMY), 0);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 5);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&c, r, 0, 4), 1);
	client_done(&c, &h);
}

Test(subscriber_set, two_identical_subscribers_share_bytes)
{
	struct client a, b;
	struct chunk *of_a, *of_b;

	client_subscribe(&a, &h, spec_of(EVENT_SYSCALL_ENTER, 2, 0), &fake_encoder, ROOMY);
	client_subscribe(&b, &h, spec_of(EVENT_SYSCALL_ENTER, 2, 0), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 2);
	subscriber_set_flush(h.set);
	of_a = client_take(&a);
	of_b = client_take(&b);
	cr_assert_not_null(of_a);
	cr_assert_eq(of_a, of_b);
	cr_assert_eq(fake_encodings, 1);
	chunk_unref(of_a);
	chunk_unref(of_b);
	client_done(&a, &h);
	client_done(&b, &h);
}

Test(subscriber_set, an_event_is_encoded_once_for_each_encoder)
{
	struct client a, b, c;
	struct record r[2][4];

	client_subscribe(&a, &h, spec_of(EVENT_SYSCALL_ENTER, 2, 0), &fake_encoder, ROOMY);
	client_subscribe(&b, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &other_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 2);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 3);
	subscriber_set_flush(h.set);
	cr_assert_eq(fake_encodings, 4);
	cr_assert_eq(client_read(&a, r[0], 0, 4), 1);
	cr_assert_eq(client_read(&b, r[1], 0, 4), 2);
	cr_assert_eq(memcmp(&r[0][0], &r[1][0], sizeof(r[0][0])), 0);
	cr_assert_eq(client_read(&c, r[0], 0, 4), 2);
	cr_assert_eq(memcmp(r[0], r[1], 2 * sizeof(r[0][0])), 0);
	client_done(&a, &h);
	client_done(&b, &h);
	client_done(&c, &h);
}

Test(subscriber_set, a_new_subscriber_gets_nothing_from_before_it_came)
{
	struct client a, b;
	struct record r[4];

	client_subscribe(&a, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	client_subscribe(&b, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 2);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&b, r, 0, 4), 1);
	cr_assert_eq(r[0].value, 2);
	cr_assert_eq(client_read(&a, r, 0, 4), 2);
	cr_assert_eq(r[0].value, 1);
	client_done(&a, &h);
	client_done(&b, &h);
}

Test(subscriber_set, one_that_leaves_a_shared_feed_takes_nothing_from_the_other)
{
	struct client a, b;
	struct record r[4];
	unsigned applied;

	client_subscribe(&a, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	client_subscribe(&b, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	applied = h.applied;
	client_done(&a, &h);
	cr_assert_eq(h.applied, applied, "the plan has not changed");
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 2);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&b, r, 0, 4), 2);
	client_done(&b, &h);
}

Test(subscriber_set, the_plan_is_the_union_and_shrinks_with_the_last_who_wants_something)
{
	struct client a, b;

	client_subscribe(&a, &h, spec_of(EVENT_SYSCALL_ENTER, 2, 0), &fake_encoder, ROOMY);
	cr_assert_str_eq(h.plan.kinds[EVENT_SYSCALL_ENTER].filter, "(id == 2)");
	client_subscribe(&b, &h, spec_of(EVENT_SYSCALL_ENTER, 1, 0), &fake_encoder, ROOMY);
	cr_assert_str_eq(h.plan.kinds[EVENT_SYSCALL_ENTER].filter, "(id == 1) || (id == 2)");
	client_done(&a, &h);
	cr_assert_str_eq(h.plan.kinds[EVENT_SYSCALL_ENTER].filter, "(id == 1)");
	client_done(&b, &h);
	cr_assert_not(h.plan.kinds[EVENT_SYSCALL_ENTER].wanted);
}

Test(subscriber_set, sequence_numbers_have_no_holes_over_all_subscribers)
{
	struct client a, b;
	struct record r[64];
	bool seen[64] = {false};
	size_t count;

	client_subscribe(&a, &h, spec_of(EVENT_SYSCALL_ENTER, 1, 0), &fake_encoder, ROOMY);
	client_subscribe(&b, &h, spec_of(EVENT_SYSCALL_EXIT, -1, 0), &fake_encoder, ROOMY);
	for (int i = 0; i < 30; i++) {
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i % 2); /* every other one is wanted by nobody */
		dispatch_syscall(&h, EVENT_SYSCALL_EXIT, 0);
	}
	subscriber_set_flush(h.set);
	cr_assert_eq(subscriber_set_sequence(h.set), 45);
	count = client_read(&a, r, 0, 64);
	count = client_read(&b, r, count, 64);
	cr_assert_eq(count, 45);
	for (size_t i = 0; i < count; i++) {
		cr_assert(r[i].sequence >= 1 && r[i].sequence <= 45);
		cr_assert_not(seen[r[i].sequence]);
		seen[r[i].sequence] = true;
		cr_assert(!i || r[i].kind != r[i - 1].kind || r[i].sequence > r[i - 1].sequence);
	}
	client_done(&a, &h);
	client_done(&b, &h);
}

Test(subscriber_set, an_event_without_a_taker_gets_no_number_and_costs_no_encoding)
{
	struct event event = {.kind = EVENT_SYSCALL_ENTER, .syscall = {.id = 1}};
	struct client c;

	client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, 2, 0), &fake_encoder, ROOMY);
	subscriber_set_dispatch(h.set, &event);
	cr_assert_eq(event.sequence, 0);
	event.syscall.id = 2;
	subscriber_set_dispatch(h.set, &event);
	cr_assert_eq(event.sequence, 1);
	cr_assert_eq(fake_encodings, 1);
	client_done(&c, &h);
}

Test(subscriber_set, the_limit_is_exact_and_ends_with_ok)
{
	struct client limited, other;
	struct record r[32];

	client_subscribe(&limited, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 5), &fake_encoder, ROOMY);
	client_subscribe(&other, &h, spec_of(EVENT_SYSCALL_EXIT, -1, 0), &fake_encoder, ROOMY);
	for (int i = 0; i < 20; i++)
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i);
	cr_assert_eq(client_read(&limited, r, 0, 32), 5);
	cr_assert(limited.ended);
	cr_assert_eq(limited.end.code, STATUS_OK);
	cr_assert_eq(r[4].value, 4);
	cr_assert_eq(subscriber_set_sequence(h.set), 5);
	cr_assert(h.plan.kinds[EVENT_SYSCALL_ENTER].wanted, "nothing is released inside dispatch");
	subscriber_set_flush(h.set);
	cr_assert_not(h.plan.kinds[EVENT_SYSCALL_ENTER].wanted);
	cr_assert(h.plan.kinds[EVENT_SYSCALL_EXIT].wanted);
	client_done(&limited, &h);
	client_done(&other, &h);
}

Test(subscriber_set, one_that_is_removed_between_its_limit_and_the_flush_is_released_once)
{
	struct client c;

	client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 1), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	client_done(&c, &h);
	cr_assert_not(h.plan.kinds[EVENT_SYSCALL_ENTER].wanted);
	subscriber_set_flush(h.set);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
}

Test(subscriber_set, two_with_the_same_limit_count_each_for_itself)
{
	struct client a, b;
	struct record r[8];

	client_subscribe(&a, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 2), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	client_subscribe(&b, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 2), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 2);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 3);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&a, r, 0, 8), 2);
	cr_assert_eq(r[1].value, 2);
	cr_assert_eq(client_read(&b, r, 0, 8), 2);
	cr_assert_eq(r[1].value, 3);
	cr_assert(a.ended && b.ended);
	client_done(&a, &h);
	client_done(&b, &h);
}

/* What is lost on the way does not count: the stream gets as many events as it asked for. */
Test(subscriber_set, a_limit_counts_what_was_delivered)
{
	struct client c;
	struct record r[16];
	size_t count;

	client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 3), &fake_encoder, sizeof(struct record));
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	subscriber_set_flush(h.set);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 2); /* no room */
	subscriber_set_flush(h.set);
	count = client_read(&c, r, 0, 16);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 3);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 4);
	count = client_read(&c, r, count, 16);
	cr_assert(c.ended);
	cr_assert_eq(count, 4);
	cr_assert_eq(r[0].value, 1);
	cr_assert_eq(r[1].kind, EVENT_LOST);
	cr_assert_eq(r[1].value, 1);
	cr_assert_eq(r[2].value, 3);
	cr_assert_eq(r[3].value, 4);
	client_done(&c, &h);
}

static bool keep_counters(void *context, const struct subscription_spec *spec, const struct subscriber_counters *counters,
			  const struct outbox_counters *outbox)
{
	(void)spec;
	(void)outbox;
	*(struct subscriber_counters *)context = *counters;
	return true;
}

/* Reads a stream of ids that count up from 1 and adds up what came and what was said to be lost at each place. */
static void check_account(const struct record *r, size_t count, uint64_t *ret_delivered, uint64_t *ret_lost)
{
	uint64_t next = 1, last_time = 0;

	*ret_delivered = *ret_lost = 0;
	for (size_t i = 0; i < count; i++) {
		cr_assert_geq(r[i].time_ns, last_time, "time runs backwards at record %zu", i);
		last_time = r[i].time_ns;
		if (r[i].kind == EVENT_LOST) {
			cr_assert_eq(r[i].cause, LOST_QUEUE);
			cr_assert_eq(r[i].of, EVENT_SYSCALL_ENTER);
			cr_assert_eq(r[i].sequence, 0);
			cr_assert_gt(r[i].value, 0);
			*ret_lost += r[i].value;
			next += r[i].value;
			continue;
		}
		cr_assert_eq(r[i].value, next, "the loss was not told where it happened");
		next++;
		++*ret_delivered;
	}
}

Test(subscriber_set, a_slow_reader_loses_exactly_and_is_told_exactly_and_in_order)
{
	enum {
		EVENTS = 20000
	};
	struct client slow, quick;
	struct record *r = calloc(2 * EVENTS, sizeof(*r)), *q = calloc(2 * EVENTS, sizeof(*q));
	struct subscriber_counters counters = {0};
	uint64_t delivered, lost, quick_delivered, quick_lost;
	size_t count = 0, quick_count = 0;

	client_subscribe(&slow, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, 4000);
	client_subscribe(&quick, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	for (int i = 1; i <= EVENTS; i++) {
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i);
		if (i % 7 == 0)
			subscriber_set_flush(h.set);
		if (i % 50 == 0) {
			struct chunk *c = client_take(&slow);

			count = c ? chunk_records(c, r, count, 2 * EVENTS) : count;
			chunk_unref(c);
		}
		if (i % 100 == 0)
			quick_count = client_read(&quick, q, quick_count, 2 * EVENTS);
	}
	subscriber_set_flush(h.set);
	count = client_read(&slow, r, count, 2 * EVENTS);
	cr_assert_gt(slow.room_calls, 0);
	subscriber_room(h.set, slow.subscriber);
	count = client_read(&slow, r, count, 2 * EVENTS);
	quick_count = client_read(&quick, q, quick_count, 2 * EVENTS);

	check_account(r, count, &delivered, &lost);
	cr_assert_gt(lost, 0);
	cr_assert_eq(delivered + lost, EVENTS);
	check_account(q, quick_count, &quick_delivered, &quick_lost);
	cr_assert_eq(quick_delivered, EVENTS);
	cr_assert_eq(quick_lost, 0);

	subscriber_set_each(h.set, keep_counters, &counters);
	cr_assert_eq(counters.matched, EVENTS);
	cr_assert_eq(counters.delivered, delivered);
	cr_assert_eq(counters.lost_queue, lost);
	client_done(&slow, &h);
	client_done(&quick, &h);
	free(r);
	free(q);
}

Test(subscriber_set, a_loss_is_told_when_there_is_room_though_nothing_more_happens)
{
	struct client c;
	struct record r[8];
	size_t count;

	client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, sizeof(struct record));
	for (int i = 1; i <= 4; i++) {
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i);
		subscriber_set_flush(h.set);
	}
	count = client_read(&c, r, 0, 8);
	cr_assert_eq(count, 1);
	cr_assert_eq(c.room_calls, 1);
	subscriber_room(h.set, c.subscriber);
	count = client_read(&c, r, count, 8);
	cr_assert_eq(count, 2);
	cr_assert_eq(r[1].kind, EVENT_LOST);
	cr_assert_eq(r[1].value, 3);
	subscriber_room(h.set, c.subscriber);
	cr_assert_eq(client_read(&c, r, count, 8), 2, "told once");
	client_done(&c, &h);
}

Test(subscriber_set, a_lost_event_of_a_mixed_subscription_says_so)
{
	struct subscription_spec *spec = spec_of(EVENT_SYSCALL_ENTER, -1, 0);
	struct client c;
	struct record r[4];

	subscription_spec_add(spec, EVENT_SYSCALL_EXIT);
	client_subscribe(&c, &h, spec, &fake_encoder, sizeof(struct record));
	for (int i = 0; i < 2; i++) {
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i);
		subscriber_set_flush(h.set);
	}
	client_read(&c, r, 0, 4);
	subscriber_room(h.set, c.subscriber);
	cr_assert_eq(client_read(&c, r, 0, 4), 1);
	cr_assert_eq(r[0].kind, EVENT_LOST);
	cr_assert_eq(r[0].of, EVENT_KIND_COUNT);
	client_done(&c, &h);
}

Test(subscriber_set, a_ring_loss_reaches_those_whom_it_concerns_in_order_and_does_not_count_against_the_limit)
{
	struct subscriber_counters counters = {0};
	struct client enter, leave, limited;
	struct record r[8];

	client_subscribe(&enter, &h, spec_of(EVENT_SYSCALL_ENTER, 1, 0), &fake_encoder, ROOMY);
	client_subscribe(&leave, &h, spec_of(EVENT_SYSCALL_EXIT, 1, 0), &fake_encoder, ROOMY);
	client_subscribe(&limited, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 2), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	dispatch_lost(&h, EVENT_SYSCALL_ENTER, 17);
	subscriber_set_each(h.set, keep_counters, &counters);
	cr_assert_eq(counters.lost_ring, 17);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&leave, r, 0, 8), 0);
	cr_assert_eq(client_read(&enter, r, 0, 8), 3);
	cr_assert_eq(r[1].kind, EVENT_LOST);
	cr_assert_eq(r[1].value, 17);
	cr_assert_eq(r[1].cause, LOST_RING);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(r[i].sequence, i + 1);
	cr_assert_eq(client_read(&limited, r, 0, 8), 3);
	cr_assert(limited.ended);
	client_done(&enter, &h);
	client_done(&leave, &h);
	client_done(&limited, &h);
}

static struct subscription_spec *spec_of_function(const char *symbol)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_KERNEL_CALL_ENTER);

	cr_assert_eq(probe_request_new_call(&clause->request, EVENT_KERNEL_CALL_ENTER, NULL, symbol, NULL, 0, NULL, NULL), 0);
	return spec;
}

Test(subscriber_set, what_a_request_lost_is_told_to_those_who_made_it)
{
	struct subscription_spec *spec = spec_of_function("vfs_read");
	const struct probe_request *request = spec->clauses[0].request;
	struct event event = {.kind = EVENT_LOST,
			      .request = request,
			      .lost = {.count = 4, .of = EVENT_KERNEL_CALL_ENTER, .cause = LOST_PROBE}};
	struct client first, second, other;
	struct record r[8];

	cr_assert_eq(client_subscribe(&first, &h, spec, &fake_encoder, ROOMY), 0, "%s", first.err.message);
	cr_assert_eq(client_subscribe(&second, &h, spec_of_function("vfs_read"), &other_encoder, ROOMY), 0);
	cr_assert_eq(client_subscribe(&other, &h, spec_of_function("vfs_write"), &fake_encoder, ROOMY), 0);
	event.time_ns = ++h.now_ns;
	subscriber_set_dispatch(h.set, &event);
	event = (struct event){.kind = EVENT_KERNEL_CALL_ENTER, .request = request, .time_ns = ++h.now_ns};
	subscriber_set_dispatch(h.set, &event);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&other, r, 0, 8), 0);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(client_read(i ? &second : &first, r, 0, 8), 2);
		cr_expect_eq(r[0].kind, EVENT_LOST);
		cr_expect_eq(r[0].value, 4);
		cr_expect_eq(r[0].cause, LOST_PROBE);
		cr_expect_eq(r[1].kind, EVENT_KERNEL_CALL_ENTER);
	}
	client_done(&first, &h);
	client_done(&second, &h);
	client_done(&other, &h);
}

Test(subscriber_set, a_ring_loss_whose_notice_is_dropped_is_told_with_the_drop)
{
	struct subscriber_counters counters = {0};
	struct client c;
	struct record r[8];
	size_t count;

	client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, sizeof(struct record));
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	subscriber_set_flush(h.set);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 2);
	dispatch_lost(&h, EVENT_SYSCALL_ENTER, 100);
	subscriber_set_flush(h.set);
	count = client_read(&c, r, 0, 8);
	subscriber_room(h.set, c.subscriber);
	count = client_read(&c, r, count, 8);
	cr_assert_eq(count, 2);
	cr_assert_eq(r[1].value, 101);
	subscriber_set_each(h.set, keep_counters, &counters);
	cr_assert_eq(counters.lost_queue + counters.lost_ring, 101);
	client_done(&c, &h);
}

Test(subscriber_set, chunks_are_handed_over_before_they_grow_beyond_their_size)
{
	struct client c;
	struct chunk *chunk;
	uint32_t events = 0;

	client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	for (int i = 0; i < 5000; i++)
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i);
	while ((chunk = client_take(&c))) {
		cr_assert_leq(chunk->length, 64 * 1024);
		cr_assert_geq(chunk->length, 63 * 1024);
		events += chunk->events;
		chunk_unref(chunk);
	}
	cr_assert_gt(events, 1000);
	subscriber_set_flush(h.set);
	chunk = client_take(&c);
	cr_assert_eq(events + chunk->events, 5000);
	chunk_unref(chunk);
	client_done(&c, &h);
}

static struct subscription_spec *make_partly_unserved(void)
{
	struct subscription_spec *spec = spec_of(EVENT_SYSCALL_ENTER, 7, 0);
	struct clause *clause = subscription_spec_add(spec, EVENT_KIND_COUNT);

	clause->refusal_code = STATUS_UNIMPLEMENTED;
	clause->refusal = strdup("file events are not served yet");
	subscription_spec_add(spec, EVENT_PROCESS_EXEC);
	return spec;
}

Test(subscriber_set, every_clause_served_is_one_status_with_code_0)
{
	struct client c;

	cr_assert_eq(client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY), 0);
	cr_assert_eq(c.statuses.count, 1);
	cr_assert_eq(c.statuses.items[0].code, STATUS_OK);
	client_done(&c, &h);
}

Test(subscriber_set, each_unservable_clause_has_its_status_and_the_others_run)
{
	struct client c;
	struct record r[4];

	error_set(&h.refuse[EVENT_PROCESS_EXEC], -EMFILE, "too many open files");
	cr_assert_eq(client_subscribe(&c, &h, make_partly_unserved(), &fake_encoder, ROOMY), 0);
	cr_assert_eq(c.statuses.count, 2);
	cr_assert_eq(c.statuses.items[0].code, STATUS_UNIMPLEMENTED);
	cr_assert_str_eq(c.statuses.items[0].message, "file events are not served yet");
	cr_assert_eq(c.statuses.items[1].code, STATUS_RESOURCE_EXHAUSTED);
	cr_assert_str_eq(c.statuses.items[1].message, "process:exec: too many open files");
	cr_assert_not(h.plan.kinds[EVENT_PROCESS_EXEC].wanted, "what is refused is not wanted any more");
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 7);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&c, r, 0, 4), 1);
	client_done(&c, &h);
}

Test(subscriber_set, who_comes_when_a_kind_can_be_had_again_gets_it)
{
	struct client early, late;
	struct event event = {.kind = EVENT_PROCESS_EXEC};
	struct record r[4];

	error_set(&h.refuse[EVENT_PROCESS_EXEC], -EMFILE, "too many open files");
	client_subscribe(&early, &h, make_partly_unserved(), &fake_encoder, ROOMY);
	h.refuse[EVENT_PROCESS_EXEC].code = 0;
	client_subscribe(&late, &h, make_partly_unserved(), &fake_encoder, ROOMY);
	cr_assert_eq(late.statuses.count, 1);
	subscriber_set_dispatch(h.set, &event);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&late, r, 0, 4), 1);
	cr_assert_eq(client_read(&early, r, 0, 4), 0, "it was told that it would not get it");
	client_done(&early, &h);
	client_done(&late, &h);
}

Test(subscriber_set, a_subscription_of_which_nothing_can_be_served_fails_with_statuses_and_leaves_nothing)
{
	struct client c;

	error_set(&h.refuse[EVENT_SYSCALL_ENTER], -ENOENT, "no such tracepoint");
	cr_assert_eq(client_subscribe(&c, &h, spec_of(EVENT_SYSCALL_ENTER, 3, 0), &fake_encoder, ROOMY), -EOPNOTSUPP);
	cr_assert_eq(c.statuses.count, 1);
	cr_assert_eq(c.statuses.items[0].code, STATUS_UNIMPLEMENTED);
	cr_assert_str_eq(c.statuses.items[0].message, "syscall:enter where id = close: no such tracepoint");
	cr_assert_str_eq(c.err.message, "syscall:enter where id = close: no such tracepoint");
	cr_assert_not(h.plan.kinds[EVENT_SYSCALL_ENTER].wanted);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 3);
	cr_assert_eq(subscriber_set_sequence(h.set), 0);
	client_done(&c, &h);
}

Test(subscriber_set, more_unservable_clauses_than_statuses_are_said_to_be_more)
{
	struct subscription_spec *spec = spec_of(EVENT_SYSCALL_ENTER, 3, 0);
	struct client c;

	for (int i = 0; i < SUBSCRIBER_STATUS_MAX + 5; i++)
		subscription_spec_add(spec, EVENT_KIND_COUNT);
	cr_assert_eq(client_subscribe(&c, &h, spec, &fake_encoder, ROOMY), 0);
	cr_assert_eq(c.statuses.count, SUBSCRIBER_STATUS_MAX);
	cr_assert_not_null(strstr(c.statuses.items[SUBSCRIBER_STATUS_MAX - 1].message, "and others"));
	client_done(&c, &h);
}

Test(subscriber_set, lost_events_cannot_be_subscribed_to)
{
	struct client c;

	cr_assert_eq(client_subscribe(&c, &h, spec_of(EVENT_LOST, -1, 0), &fake_encoder, ROOMY), -EOPNOTSUPP);
	cr_assert_eq(c.statuses.items[0].code, STATUS_UNIMPLEMENTED);
	client_done(&c, &h);
}

Test(subscriber_set, a_refused_filter_leaves_those_alone_who_were_there_before)
{
	struct client old, new;
	struct record r[4];

	client_subscribe(&old, &h, spec_of(EVENT_SYSCALL_ENTER, 1, 0), &fake_encoder, ROOMY);
	error_set(&h.refuse[EVENT_SYSCALL_ENTER], -EINVAL, "filter refused");
	cr_assert_eq(client_subscribe(&new, &h, spec_of(EVENT_SYSCALL_ENTER, 2, 0), &fake_encoder, ROOMY), -EOPNOTSUPP);
	cr_assert_eq(new.statuses.items[0].code, STATUS_UNAVAILABLE);
	cr_assert_str_eq(h.plan.kinds[EVENT_SYSCALL_ENTER].filter, "(id == 1)");
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&old, r, 0, 4), 1);
	client_done(&old, &h);
	client_done(&new, &h);
}

Test(subscriber_set, freeing_it_delivers_what_is_open_and_ends_every_stream)
{
	struct client a, b;
	struct record r[4];

	client_subscribe(&a, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	client_subscribe(&b, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	dispatch_syscall(&h, EVENT_SYSCALL_ENTER, 1);
	harness_end(&h, STATUS_UNAVAILABLE, "the sensor is going down");
	cr_assert_eq(client_read(&a, r, 0, 4), 1);
	cr_assert(a.ended);
	cr_assert_eq(a.end.code, STATUS_UNAVAILABLE);
	cr_assert_str_eq(a.end.message, "the sensor is going down");
	client_read(&b, r, 0, 4);
	cr_assert(b.ended);
	client_done(&a, &h);
	client_done(&b, &h);
}

Test(subscriber_set, a_receiver_that_has_gone_costs_nothing_but_its_own)
{
	struct client gone, here;
	struct record r[16];

	client_subscribe(&gone, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	client_subscribe(&here, &h, spec_of(EVENT_SYSCALL_ENTER, -1, 0), &fake_encoder, ROOMY);
	outbox_close(gone.outbox);
	for (int i = 0; i < 10; i++) {
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i);
		subscriber_set_flush(h.set);
	}
	cr_assert_eq(client_read(&here, r, 0, 16), 10);
	client_done(&gone, &h);
	client_done(&here, &h);
}

/* Everything at once, against a plain model: each client knows what it must get. */
#define CLIENTS 12

struct tracked {
	struct client client;
	bool active;
	int64_t id; /* -1: all */
	uint64_t expected, got, told;
};

static void track_read(struct tracked *t)
{
	struct record r[256];
	struct chunk *c;

	while ((c = client_take(&t->client))) {
		size_t count = chunk_records(c, r, 0, 256);

		for (size_t i = 0; i < count; i++) {
			if (r[i].kind == EVENT_LOST)
				t->told += r[i].value;
			else
				t->got++;
		}
		chunk_unref(c);
	}
}

static void track_start(struct tracked *t)
{
	struct subscription_spec *spec;
	size_t capacity = rand() % 2 ? 300 : 100000;

	*t = (struct tracked){.active = true, .id = rand() % 4 - 1};
	spec = spec_of(EVENT_SYSCALL_ENTER, t->id, 0);
	if (rand() % 3 == 0)
		subscription_spec_add(spec, EVENT_SYSCALL_EXIT);
	if (rand() % 4 == 0)
		subscription_spec_add(spec, EVENT_TICKER)->interval_ns = UINT64_C(3600000000000);
	if (rand() % 2)
		spec->limit = 1000000;
	cr_assert_eq(client_subscribe(&t->client, &h, spec, rand() % 3 ? &fake_encoder : &other_encoder, capacity), 0);
}

static void track_end(struct tracked *t)
{
	subscriber_set_flush(h.set);
	track_read(t);
	subscriber_room(h.set, t->client.subscriber);
	track_read(t);
	cr_assert_eq(t->got + t->told, t->expected);
	client_done(&t->client, &h);
	t->active = false;
}

Test(subscriber_set, ten_thousand_random_rounds_keep_every_account)
{
	struct tracked clients[CLIENTS] = {0};

	srand(2);
	for (int round = 0; round < 10000; round++) {
		struct tracked *t = &clients[rand() % CLIENTS];

		if (rand() % 10 == 0) {
			if (t->active)
				track_end(t);
			else
				track_start(t);
		}
		for (int i = rand() % 8; i > 0; i--) {
			int64_t id = rand() % 3;

			dispatch_syscall(&h, EVENT_SYSCALL_ENTER, id);
			for (size_t j = 0; j < CLIENTS; j++)
				clients[j].expected += clients[j].active && (clients[j].id < 0 || clients[j].id == id);
		}
		if (rand() % 3 == 0)
			subscriber_set_flush(h.set);
		if (t->active && rand() % 4 == 0)
			track_read(t);
		if (round % 16 == 0)
			uv_run(&h.loop, UV_RUN_NOWAIT);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		if (clients[i].active)
			track_end(&clients[i]);
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++)
		cr_assert_not(h.plan.kinds[kind].wanted);
}

#define STREAMS 300

/* In a flood each hand-over of each stream costs the same, however little is in it. */
Test(subscriber_set, more_streams_than_there_are_turns_take_turns_and_all_get_theirs_soon)
{
	static struct client clients[STREAMS];
	size_t first = 0, all = 0;
	struct record r[4];

	for (int i = 0; i < STREAMS; i++)
		cr_assert_eq(client_subscribe(&clients[i], &h, spec_of(EVENT_SYSCALL_ENTER, i, 0), &fake_encoder, ROOMY), 0);
	for (int i = 0; i < STREAMS; i++)
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i);
	subscriber_set_flush(h.set);
	for (int i = 0; i < STREAMS; i++)
		first += client_read(&clients[i], r, 0, 4);
	cr_expect_gt(first, 0);
	cr_expect_lt(first, STREAMS);
	cr_expect_lt(subscriber_set_due_ns(h.set), h.now_ns + NSEC_PER_MSEC, "the others want a flush soon");
	for (int i = 0; i < STREAMS / 10; i++) {
		h.now_ns += NSEC_PER_MSEC;
		subscriber_set_flush(h.set);
	}
	for (int i = 0; i < STREAMS; i++)
		all += client_read(&clients[i], r, 0, 4);
	cr_expect_eq(first + all, STREAMS);
	cr_expect_eq(subscriber_set_due_ns(h.set), UINT64_MAX);
	for (int i = 0; i < STREAMS; i++)
		client_done(&clients[i], &h);
}
