#include "tests/subscription/harness.h"

#include <criterion/criterion.h>

/* Feeds whose past comes first (subscriber_set_add_held()). */

static struct harness harness;
static struct outbox *aside;
static struct client client;

static bool say_nothing(void *context, size_t clause, struct subscriber_status *ret)
{
	(void)context;
	(void)clause;
	(void)ret;
	return false;
}

static bool say_something(void *context, size_t clause, struct subscriber_status *ret)
{
	(void)context;
	*ret = (struct subscriber_status){.code = STATUS_OUT_OF_RANGE, .message = "not recorded"};
	return clause == 1;
}

static void set_up(void)
{
	static const struct outbox_callbacks nobody;

	harness_init(&harness);
	aside = outbox_new(100000, &nobody);
	client = (struct client){.outbox = outbox_new(100000, &nobody)};
}

static void tear_down(void)
{
	harness_done(&harness);
	outbox_unref(aside);
	outbox_unref(client.outbox);
}

TestSuite(held, .init = set_up, .fini = tear_down);

/* System calls 1, which are recorded, and 2, which are not. */
static void subscribe(bool (*note)(void *context, size_t clause, struct subscriber_status *ret), uint64_t limit)
{
	static const bool recorded[] = {true, false};
	const struct subscriber_past past = {.recorded = recorded, .aside = aside, .note = note};
	struct subscription_spec *spec = spec_of(EVENT_SYSCALL_ENTER, 1, limit);
	struct error err = {0};

	cr_assert_eq(clause_add(subscription_spec_add(spec, EVENT_SYSCALL_ENTER), "id", PREDICATE_EQUAL, 2, NULL, &err), 0);
	spec->since_ns = 1000;
	cr_assert_eq(subscriber_set_add_held(harness.set, spec, &fake_encoder, &past, client.outbox, NULL, NULL, &client.subscriber,
					     &client.statuses, &err),
		     0, "%s", err.message);
}

static size_t read_outbox(struct outbox *outbox, struct record *records, size_t max)
{
	struct client reader = {.outbox = outbox};

	return client_read(&reader, records, 0, max);
}

Test(held, what_is_recorded_waits_and_the_rest_goes_aside)
{
	struct record records[8];

	subscribe(say_nothing, 0);
	cr_assert_eq(harness.applied, 1);
	cr_assert_eq(client.statuses.count, 1);
	cr_assert_eq(client.statuses.items[0].code, STATUS_OK);
	dispatch_syscall(&harness, EVENT_SYSCALL_ENTER, 1);
	dispatch_syscall(&harness, EVENT_SYSCALL_ENTER, 2);
	subscriber_flush(harness.set, client.subscriber);
	cr_assert_eq(subscriber_set_sequence(harness.set), 1, "what nobody takes has no number");
	cr_assert_eq(read_outbox(client.outbox, records, 8), 0);
	cr_assert_eq(read_outbox(aside, records, 8), 1);
	cr_assert_eq(records[0].value, 2);
}

Test(held, what_is_to_be_said_of_a_clause_is_a_status)
{
	subscribe(say_something, 0);
	cr_assert_eq(client.statuses.count, 1);
	cr_assert_eq(client.statuses.items[0].code, STATUS_OUT_OF_RANGE);
	cr_assert(subscriber_serves(client.subscriber, 1));
}

Test(held, from_its_release_on_it_takes_everything_and_goes_on_with_what_it_has_had)
{
	const struct subscriber_seam seam = {.matched = 3, .delivered = 3};
	struct outbox_end end;
	struct record records[8];
	struct chunk *chunk;
	bool ended;

	subscribe(say_nothing, 5);
	dispatch_syscall(&harness, EVENT_SYSCALL_ENTER, 1);
	cr_assert_eq(subscriber_release(harness.set, client.subscriber, &seam), 0);
	for (int i = 0; i < 4; i++)
		dispatch_syscall(&harness, EVENT_SYSCALL_ENTER, 1 + i % 2);
	subscriber_set_flush(harness.set);
	cr_assert_eq(read_outbox(client.outbox, records, 8), 2, "three of five were there already");
	cr_assert_eq(records[0].value, 1);
	cr_assert_eq(records[1].value, 2);
	cr_assert_eq(outbox_take(client.outbox, &chunk, 1, 0, &end, &ended), 0);
	cr_assert(ended);
	cr_assert_eq(end.code, STATUS_OK);
}

Test(held, when_everything_ends_its_stream_ends_too)
{
	struct outbox_end end;
	struct chunk *chunk;
	bool ended;

	subscribe(say_nothing, 0);
	harness_end(&harness, STATUS_UNAVAILABLE, "over");
	cr_assert_eq(outbox_take(client.outbox, &chunk, 1, 0, &end, &ended), 0);
	cr_assert(ended);
	cr_assert_eq(end.code, STATUS_UNAVAILABLE);
}

Test(held, numbers_go_on_where_they_are_told_to)
{
	struct record records[2];

	subscriber_set_begin_at(harness.set, UINT64_C(1) << 40);
	subscribe(say_nothing, 0);
	dispatch_syscall(&harness, EVENT_SYSCALL_ENTER, 2);
	subscriber_flush(harness.set, client.subscriber);
	cr_assert_eq(read_outbox(aside, records, 2), 1);
	cr_assert_eq(records[0].sequence, (UINT64_C(1) << 40) + 1);
}
