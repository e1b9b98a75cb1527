/* Throttles, limits and windows of a subscription, at exact times. The subscription becomes active at START. */
#include "harness.h"

#include <criterion/criterion.h>
#include <string.h>

#define ROOMY (8u << 20)
#define START UINT64_C(1000)

static struct harness h;
static struct client c;
static struct record r[64];

static void setup(void)
{
	harness_init(&h);
}

static void teardown(void)
{
	client_done(&c, &h);
	harness_done(&h);
}

TestSuite(modifier, .init = setup, .fini = teardown, .timeout = 60);

static struct subscription_spec *calls(uint64_t throttle_ns, uint64_t limit)
{
	struct subscription_spec *spec = spec_of(EVENT_SYSCALL_ENTER, -1, limit);

	spec->throttle_ns = throttle_ns;
	return spec;
}

static struct subscription_spec *window_from(uint64_t since_ns, uint64_t for_ns)
{
	struct subscription_spec *spec = calls(0, 0);

	spec->since_ns = since_ns;
	spec->has_for = true;
	spec->for_ns = for_ns;
	return spec;
}

static void subscribe(struct subscription_spec *spec)
{
	cr_assert_eq(client_subscribe(&c, &h, spec, &fake_encoder, ROOMY), 0);
}

/* Dispatches calls at all of the times (0 at the end), numbered by their time, and flushes. */
static void dispatch_all(const uint64_t *times_ns)
{
	for (; *times_ns; times_ns++)
		dispatch_at(&h, *times_ns, (int64_t)*times_ns);
	subscriber_set_flush(h.set);
}
#define DISPATCH(...) dispatch_all((const uint64_t[]){__VA_ARGS__, 0})

/* What has come since the last time are calls of exactly these times. */
static void expect_all(const uint64_t *times_ns)
{
	size_t count = client_read(&c, r, 0, 64);
	size_t i;

	for (i = 0; times_ns[i]; i++) {
		cr_assert_lt(i, count, "none of %llu", (unsigned long long)times_ns[i]);
		cr_assert_eq(r[i].time_ns, times_ns[i]);
		cr_assert_eq(r[i].value, times_ns[i]);
	}
	cr_assert_eq(count, i);
}
#define EXPECT(...) expect_all((const uint64_t[]){__VA_ARGS__, 0})

static void expect_ended(void)
{
	cr_assert_null(client_take(&c));
	cr_assert(c.ended);
	cr_assert_eq(c.end.code, STATUS_OK);
	cr_assert_str_eq(c.end.message, "");
}

static void expect_going_on(void)
{
	cr_assert_null(client_take(&c));
	cr_assert_not(c.ended);
}

/* The stream has ended, and what it wanted of the kernel is released. */
static void expect_gone(void)
{
	expect_ended();
	cr_assert_not(h.plan.kinds[EVENT_SYSCALL_ENTER].wanted);
}

static bool keep_counters(void *context, const struct subscription_spec *spec, const struct subscriber_counters *counters,
			  const struct outbox_counters *outbox)
{
	(void)spec;
	(void)outbox;
	*(struct subscriber_counters *)context = *counters;
	return true;
}

static struct subscriber_counters counters(void)
{
	struct subscriber_counters ret = {0};

	subscriber_set_each(h.set, keep_counters, &ret);
	return ret;
}

Test(modifier, a_throttle_lets_the_first_event_of_an_interval_through_and_the_interval_begins_with_it)
{
	subscribe(calls(100, 0));
	DISPATCH(1050, 1051, 1149, 1150, 1151, 1249, 1400, 1499, 1500, 9000, 9000, 9099, 9100);
	EXPECT(1050, 1150, 1400, 1500, 9000, 9100);
	expect_going_on();
}

Test(modifier, what_a_throttle_drops_is_counted_and_is_no_loss)
{
	struct subscriber_counters n;

	subscribe(calls(100, 0));
	DISPATCH(1050, 1051, 1149, 1150, 1151);
	n = counters();
	cr_assert_eq(n.matched, 5);
	cr_assert_eq(n.delivered, 2);
	cr_assert_eq(n.throttled, 3);
	cr_assert_eq(n.lost_queue + n.lost_ring, 0);
}

Test(modifier, what_nobody_takes_because_of_a_throttle_has_no_sequence_number)
{
	subscribe(calls(100, 0));
	DISPATCH(1050, 1051, 1149, 1150, 1300);
	cr_assert_eq(subscriber_set_sequence(h.set), 3);
	cr_assert_eq(client_read(&c, r, 0, 64), 3);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(r[i].sequence, i + 1);
}

Test(modifier, a_throttle_is_one_for_all_clauses_of_its_subscription_and_for_no_other)
{
	struct subscription_spec *spec = calls(100, 0);
	struct client other;
	struct record q[8];

	subscription_spec_add(spec, EVENT_SYSCALL_EXIT);
	subscribe(spec);
	client_subscribe(&other, &h, calls(0, 0), &fake_encoder, ROOMY);
	DISPATCH(1050);
	dispatch_syscall(&h, EVENT_SYSCALL_EXIT, 1);
	DISPATCH(1060, 1070);
	EXPECT(1050);
	cr_assert_eq(client_read(&other, q, 0, 8), 3);
	client_done(&other, &h);
}

Test(modifier, equal_wishes_have_intervals_and_windows_of_their_own)
{
	struct subscription_spec *spec = window_from(0, 100), *same = window_from(0, 100);
	struct client second;
	struct record q[8];

	spec->throttle_ns = same->throttle_ns = 40;
	subscribe(spec);
	DISPATCH(1050);
	client_subscribe(&second, &h, same, &fake_encoder, ROOMY);
	DISPATCH(1060, 1090, 1100, 1149, 1150);
	EXPECT(1050, 1090);
	expect_ended();
	cr_assert_eq(client_read(&second, q, 0, 8), 3);
	cr_assert_eq(q[0].time_ns, 1060);
	cr_assert_eq(q[1].time_ns, 1100);
	cr_assert_eq(q[2].time_ns, 1149);
	cr_assert(second.ended);
	client_done(&second, &h);
}

Test(modifier, equal_wishes_with_a_throttle_alone_have_intervals_of_their_own)
{
	struct client second;
	struct record q[8];

	subscribe(calls(100, 0));
	DISPATCH(1050);
	client_subscribe(&second, &h, calls(100, 0), &fake_encoder, ROOMY);
	DISPATCH(1060, 1149);
	EXPECT(1050);
	cr_assert_eq(client_read(&second, q, 0, 8), 1);
	cr_assert_eq(q[0].time_ns, 1060);
	client_done(&second, &h);
}

Test(modifier, lost_events_pass_a_throttle_and_do_not_count)
{
	subscribe(calls(100, 2));
	DISPATCH(1050, 1060);
	dispatch_lost(&h, EVENT_SYSCALL_ENTER, 5);
	dispatch_lost(&h, EVENT_SYSCALL_ENTER, 6);
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&c, r, 0, 64), 3);
	cr_assert_eq(r[1].kind, EVENT_LOST);
	cr_assert_eq(r[2].value, 6);
	expect_going_on();
	cr_assert_eq(counters().throttled, 1);
	DISPATCH(1149, 1150, 1151);
	EXPECT(1150);
	expect_gone();
}

Test(modifier, a_lost_event_begins_no_interval)
{
	subscribe(calls(100, 0));
	dispatch_lost(&h, EVENT_SYSCALL_ENTER, 5);
	DISPATCH(1002, 1003, 1102);
	cr_assert_eq(client_read(&c, r, 0, 64), 3);
	cr_assert_eq(r[0].kind, EVENT_LOST);
	cr_assert_eq(r[1].time_ns, 1002);
	cr_assert_eq(r[2].time_ns, 1102);
}

Test(modifier, a_limit_counts_what_passes_the_throttle)
{
	subscribe(calls(100, 3));
	for (uint64_t at = 1001; at <= 1300; at++)
		dispatch_at(&h, at, (int64_t)at);
	subscriber_set_flush(h.set);
	EXPECT(1001, 1101, 1201);
	expect_gone();
}

Test(modifier, a_throttled_event_that_finds_no_room_is_lost_and_does_not_count_for_the_limit)
{
	struct subscriber_counters n;

	client_subscribe(&c, &h, calls(100, 3), &fake_encoder, sizeof(struct record));
	DISPATCH(1001);
	DISPATCH(1101, 1102);
	n = counters();
	cr_assert_eq(n.lost_queue, 1);
	cr_assert_eq(n.throttled, 1);
	EXPECT(1001);
	DISPATCH(1201);
	cr_assert_eq(client_read(&c, r, 0, 64), 2);
	cr_assert_eq(r[0].kind, EVENT_LOST);
	cr_assert_eq(r[0].value, 1, "what the throttle dropped is not lost");
	expect_going_on();
	DISPATCH(1301);
	EXPECT(1301);
	expect_gone();
}

Test(modifier, a_throttle_beyond_the_end_of_time_lets_one_event_through)
{
	subscribe(calls(UINT64_MAX, 0));
	DISPATCH(1001, 1002, UINT64_MAX - 1);
	EXPECT(1001, 0);
}

Test(modifier, a_window_has_what_happens_before_its_end_and_ends_when_that_is_surely_over)
{
	subscribe(window_from(0, 100));
	DISPATCH(1001, 1099);
	EXPECT(1001, 1099);
	expect_going_on();
	h.now_ns = START + 99;
	subscriber_set_flush(h.set);
	expect_going_on();
	/* An event of the end tells that the time has come, but is not in the window; others may be about to be dispatched still. */
	dispatch_at(&h, START + 100, 1);
	dispatch_at(&h, START + 101, 1);
	expect_going_on();
	subscriber_set_flush(h.set);
	expect_gone();
}

Test(modifier, a_window_ends_though_nothing_happens)
{
	subscribe(window_from(0, 100));
	cr_assert(h.plan.kinds[EVENT_SYSCALL_ENTER].wanted);
	h.now_ns = START + 100;
	subscriber_set_flush(h.set);
	expect_gone();
}

Test(modifier, a_window_of_no_time_ends_behind_the_first_response)
{
	subscribe(window_from(0, 0));
	cr_assert_eq(c.statuses.count, 1);
	cr_assert_eq(c.statuses.items[0].code, STATUS_OK);
	expect_ended();
	dispatch_at(&h, 1001, 1);
	subscriber_set_flush(h.set);
	expect_gone();
}

Test(modifier, each_window_ends_at_its_own_time)
{
	struct client others[3];

	subscribe(window_from(0, 100));
	client_subscribe(&others[0], &h, window_from(0, 300), &fake_encoder, ROOMY);
	client_subscribe(&others[1], &h, window_from(0, 50), &fake_encoder, ROOMY);
	client_subscribe(&others[2], &h, calls(0, 0), &fake_encoder, ROOMY);
	for (uint64_t at = 1010; at <= 1500; at += 10) {
		bool ended[3];

		DISPATCH(at);
		for (size_t i = 0; i < 3; i++) {
			client_read(&others[i], r, 0, 64);
			ended[i] = others[i].ended;
		}
		client_read(&c, r, 0, 64);
		cr_assert_eq(c.ended, at >= 1100);
		cr_assert_eq(ended[0], at >= 1300);
		cr_assert_eq(ended[1], at >= 1050);
		cr_assert_not(ended[2]);
	}
	for (size_t i = 0; i < 3; i++)
		client_done(&others[i], &h);
}

Test(modifier, a_window_waits_for_losses_that_come_late_and_has_them)
{
	h.settled_ns = START + 50;
	subscribe(window_from(0, 100));
	DISPATCH(1001, 1100);
	EXPECT(1001);
	expect_going_on();
	dispatch_lost(&h, EVENT_SYSCALL_ENTER, 9);
	h.settled_ns = START + 100;
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&c, r, 0, 64), 1);
	cr_assert_eq(r[0].kind, EVENT_LOST);
	cr_assert_eq(r[0].value, 9);
	expect_gone();
}

Test(modifier, a_window_does_not_wait_for_losses_for_ever)
{
	h.settled_ns = 0;
	subscribe(window_from(0, 100));
	h.now_ns = START + 100 + SUBSCRIBER_SET_GRACE_NS - 1;
	subscriber_set_flush(h.set);
	expect_going_on();
	h.now_ns++;
	subscriber_set_flush(h.set);
	expect_gone();
}

Test(modifier, a_window_of_generated_events_alone_has_no_losses_to_wait_for)
{
	struct subscription_spec *spec = subscription_spec_new();

	h.settled_ns = 0;
	subscription_spec_add(spec, EVENT_TICKER)->interval_ns = UINT64_C(3600000000000);
	spec->has_for = true;
	spec->for_ns = 100;
	subscribe(spec);
	h.now_ns = START + 100;
	subscriber_set_flush(h.set);
	expect_ended();
}

Test(modifier, a_window_tells_what_its_queue_had_no_room_for_before_it_ends)
{
	client_subscribe(&c, &h, window_from(0, 100), &fake_encoder, sizeof(struct record));
	DISPATCH(1001);
	DISPATCH(1002);
	DISPATCH(1003);
	h.now_ns = START + 100;
	subscriber_set_flush(h.set);
	EXPECT(1001);
	expect_going_on();
	subscriber_set_flush(h.set);
	cr_assert_eq(client_read(&c, r, 0, 64), 1);
	cr_assert_eq(r[0].kind, EVENT_LOST);
	cr_assert_eq(r[0].value, 2);
	expect_gone();
}

Test(modifier, a_limit_can_end_a_window_early)
{
	struct subscription_spec *spec = window_from(0, 100);

	spec->limit = 2;
	subscribe(spec);
	DISPATCH(1001, 1002, 1003);
	EXPECT(1001, 1002);
	expect_gone();
}

Test(modifier, a_throttle_works_in_a_window)
{
	struct subscription_spec *spec = window_from(0, 100);

	spec->throttle_ns = 40;
	subscribe(spec);
	DISPATCH(1001, 1002, 1041, 1080, 1081, 1099);
	EXPECT(1001, 1041, 1081);
	DISPATCH(1121);
	expect_gone();
}

static void expect_no_history(uint64_t since_ns)
{
	char piece[64];

	(void)snprintf(piece, sizeof(piece), "in the %llu ns before now", (unsigned long long)since_ns);
	cr_assert_eq(c.statuses.items[0].code, STATUS_UNIMPLEMENTED);
	cr_assert_eq(strncmp(c.statuses.items[0].message, "subscription.since_duration: no history is kept by this sensor: ", 63), 0);
	cr_assert_not_null(strstr(c.statuses.items[0].message, piece), "%s", c.statuses.items[0].message);
}

Test(modifier, without_history_a_beginning_in_the_past_gets_a_status_and_what_happens_from_now_on)
{
	struct subscription_spec *spec = calls(0, 0);

	spec->since_ns = 500;
	subscribe(spec);
	cr_assert_eq(c.statuses.count, 1);
	expect_no_history(500);
	DISPATCH(1001, 5000);
	EXPECT(1001, 5000);
	expect_going_on();
}

Test(modifier, a_window_from_the_past_into_the_future_ends_so_long_after_its_beginning)
{
	subscribe(window_from(500, 600));
	expect_no_history(500);
	DISPATCH(1001, 1099, 1100);
	EXPECT(1001, 1099);
	expect_gone();
}

Test(modifier, a_window_in_the_past_ends_behind_the_first_response)
{
	subscribe(window_from(500, 500));
	expect_no_history(500);
	expect_ended();
	subscriber_set_flush(h.set);
	expect_gone();
}

Test(modifier, statuses_of_clauses_come_behind_that_of_the_beginning)
{
	struct subscription_spec *spec = window_from(500, 600);

	subscription_spec_add(spec, EVENT_SYSCALL_EXIT);
	error_set(&h.refuse[EVENT_SYSCALL_EXIT], -ENODEV, "not here");
	subscribe(spec);
	cr_assert_eq(c.statuses.count, 2);
	expect_no_history(500);
	cr_assert_str_eq(c.statuses.items[1].message, "syscall:exit: not here");
}

Test(modifier, a_beginning_in_the_past_does_not_hide_why_nothing_is_served)
{
	error_set(&h.refuse[EVENT_SYSCALL_ENTER], -ENODEV, "not here");
	cr_assert_eq(client_subscribe(&c, &h, window_from(500, 600), &fake_encoder, ROOMY), -EOPNOTSUPP);
	cr_assert_eq(c.statuses.count, 2);
	expect_no_history(500);
	cr_assert_str_eq(c.err.message, "syscall:enter: not here");
}

Test(modifier, a_subscription_that_has_ended_by_itself_can_be_removed_before_the_flush)
{
	subscribe(window_from(0, 0));
	subscriber_set_remove(h.set, c.subscriber);
	c.subscriber = NULL;
	cr_assert_not(h.plan.kinds[EVENT_SYSCALL_ENTER].wanted);
	subscriber_set_flush(h.set);
}

Test(modifier, the_end_of_everything_ends_windows_as_well)
{
	subscribe(window_from(0, 100));
	DISPATCH(1001);
	harness_end(&h, STATUS_UNAVAILABLE, "bye");
	EXPECT(1001);
	cr_assert_null(client_take(&c));
	cr_assert(c.ended);
	cr_assert_eq(c.end.code, STATUS_UNAVAILABLE);
}
