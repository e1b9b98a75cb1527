#include "harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct harness h;

static void setup(void)
{
	harness_init(&h);
}

static void teardown(void)
{
	harness_done(&h);
}

TestSuite(generator, .init = setup, .fini = teardown, .timeout = 60);

static struct subscription_spec *chargen_of(uint32_t length, uint64_t limit)
{
	struct subscription_spec *spec = subscription_spec_new();

	subscription_spec_add(spec, EVENT_CHARGEN)->length = length;
	spec->limit = limit;
	return spec;
}

static struct subscription_spec *ticker_of(uint64_t interval_ns, uint64_t limit)
{
	struct subscription_spec *spec = subscription_spec_new();

	subscription_spec_add(spec, EVENT_TICKER)->interval_ns = interval_ns;
	spec->limit = limit;
	return spec;
}

/* Turns the loop until the stream has ended, at most `turns` times. Returns the bytes read, appended to `bytes`. */
static size_t run_and_read(struct client *c, uint8_t *bytes, size_t max, unsigned turns)
{
	size_t length = 0;

	while (turns-- && !c->ended) {
		struct chunk *chunk;

		uv_run(&h.loop, UV_RUN_NOWAIT);
		while ((chunk = client_take(c))) {
			cr_assert_leq(length + chunk->length, max);
			memcpy(bytes + length, chunk->data, chunk->length);
			length += chunk->length;
			chunk_unref(chunk);
		}
	}
	return length;
}

/* Checks records of `length` characters each from index 0 on; returns how many there are. */
static size_t check_characters(const uint8_t *bytes, size_t size, uint32_t length)
{
	uint64_t index = 0;
	size_t count = 0;

	for (size_t at = 0; at < size; count++) {
		struct record r;

		memcpy(&r, bytes + at, sizeof(r));
		at += sizeof(r);
		cr_assert_eq(r.kind, EVENT_CHARGEN);
		cr_assert_eq(r.value, index);
		cr_assert_eq(r.text_length, length);
		for (uint32_t i = 0; i < length; i++)
			cr_assert_eq(bytes[at + i], 0x20 + (index + i) % 95);
		at += length;
		index += length;
	}
	return count;
}

static void check_stream(uint32_t length, uint64_t limit, size_t capacity, unsigned turns)
{
	size_t max = (size_t)limit * (length + sizeof(struct record));
	uint8_t *bytes = malloc(max);
	struct client c;
	size_t size;

	cr_assert_eq(client_subscribe(&c, &h, chargen_of(length, limit), &fake_encoder, capacity), 0);
	c.room_goes_to = &h;
	size = run_and_read(&c, bytes, max, turns);
	cr_assert(c.ended);
	cr_assert_eq(c.end.code, STATUS_OK);
	cr_assert_eq(check_characters(bytes, size, length), limit);
	client_done(&c, &h);
	free(bytes);
}

Test(generator, chargen_characters_and_index_go_on_from_event_to_event)
{
	check_stream(1, 300, 1 << 20, 100);
	check_stream(94, 300, 1 << 20, 100);
	check_stream(95, 10, 1 << 20, 100);
	check_stream(65536, 20, 8 << 20, 100);
}

Test(generator, chargen_loses_nothing_however_small_the_queue_is)
{
	check_stream(100, 500, 1, 2000);
	check_stream(100, 500, 2000, 2000);
	check_stream(65536, 30, 65536, 2000);
}

Test(generator, chargen_waits_for_a_reader_and_then_goes_on)
{
	static uint8_t bytes[200000];
	struct outbox_counters before;
	struct client c;
	size_t size;

	client_subscribe(&c, &h, chargen_of(1000, 100), &fake_encoder, 20000);
	c.room_goes_to = &h;
	for (int i = 0; i < 10; i++)
		uv_run(&h.loop, UV_RUN_NOWAIT);
	outbox_counters(c.outbox, &before);
	cr_assert_gt(before.bytes, 10000);
	cr_assert_leq(before.bytes, 20000);
	cr_assert_not(uv_loop_alive(&h.loop), "it does not turn while it waits");
	size = run_and_read(&c, bytes, sizeof(bytes), 1000);
	/* What was read first woke it up again. */
	cr_assert(c.ended);
	cr_assert_gt(c.room_calls, 0);
	cr_assert_eq(check_characters(bytes, size, 1000), 100);
	client_done(&c, &h);
}

static void count_and_stop(uv_timer_t *timer)
{
	unsigned *fired = timer->data;

	if (++*fired == 3)
		uv_close((uv_handle_t *)timer, NULL);
}

static void read_all(uv_prepare_t *prepare)
{
	struct client *c = prepare->data;
	struct chunk *chunk;

	while ((chunk = client_take(c)))
		chunk_unref(chunk);
}

Test(generator, a_chargen_that_is_read_as_fast_as_it_writes_starves_nobody)
{
	struct client c;
	uv_timer_t timer;
	uv_prepare_t reader;
	unsigned fired = 0;

	client_subscribe(&c, &h, chargen_of(100, 0), &fake_encoder, 1 << 20);
	c.room_goes_to = &h;
	uv_timer_init(&h.loop, &timer);
	timer.data = &fired;
	uv_timer_start(&timer, count_and_stop, 1, 1);
	uv_prepare_init(&h.loop, &reader);
	reader.data = &c;
	uv_prepare_start(&reader, read_all);
	while (fired < 3)
		uv_run(&h.loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&reader, NULL);
	client_done(&c, &h);
}

Test(generator, a_closed_outbox_stops_a_chargen)
{
	struct client c;

	client_subscribe(&c, &h, chargen_of(100, 0), &fake_encoder, 1 << 20);
	outbox_close(c.outbox);
	for (int i = 0; i < 3; i++)
		uv_run(&h.loop, UV_RUN_NOWAIT);
	cr_assert_not(uv_loop_alive(&h.loop));
	client_done(&c, &h);
}

Test(generator, a_ticker_ticks_with_the_epoch_time_and_ends_at_its_limit)
{
	struct client c;
	struct record r[8];
	size_t count = 0;

	cr_assert_eq(client_subscribe(&c, &h, ticker_of(1000000, 3), &fake_encoder, 1 << 20), 0);
	while (!c.ended) {
		uv_run(&h.loop, UV_RUN_ONCE);
		count = client_read(&c, r, count, 8);
	}
	cr_assert_eq(count, 3);
	cr_assert_eq(c.end.code, STATUS_OK);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(r[i].kind, EVENT_TICKER);
		cr_assert_eq(r[i].sequence, i + 1);
		cr_assert_eq(r[i].time_ns, h.now_ns);
		cr_assert_gt(r[i].value, UINT64_C(1600000000000000000));
		cr_assert(!i || r[i].value > r[i - 1].value);
	}
	uv_run(&h.loop, UV_RUN_NOWAIT);
	cr_assert_not(uv_loop_alive(&h.loop), "its timer is gone");
	client_done(&c, &h);
}

Test(generator, ticks_go_to_their_own_subscription_alone)
{
	struct client quick, slow;
	struct record r[64];
	size_t count = 0;

	client_subscribe(&quick, &h, ticker_of(100, 20), &fake_encoder, 1 << 20);
	client_subscribe(&slow, &h, ticker_of(UINT64_C(3600000000000), 0), &fake_encoder, 1 << 20);
	while (!quick.ended) {
		uv_run(&h.loop, UV_RUN_ONCE);
		count = client_read(&quick, r, count, 64);
	}
	cr_assert_eq(count, 20);
	cr_assert_eq(client_read(&slow, r, 0, 64), 0);
	client_done(&quick, &h);
	client_done(&slow, &h);
}

Test(generator, a_chargen_beside_kernel_events_loses_nothing_even_when_they_do)
{
	struct subscription_spec *spec = chargen_of(10, 0);
	struct record *r = calloc(20000, sizeof(*r));
	uint64_t last = 0, index = 0, calls = 0, lost = 0;
	struct client c;
	size_t count = 0;

	subscription_spec_add(spec, EVENT_SYSCALL_ENTER);
	client_subscribe(&c, &h, spec, &fake_encoder, 50000);
	c.room_goes_to = &h;
	for (int i = 0; i < 1000; i++) {
		dispatch_syscall(&h, EVENT_SYSCALL_ENTER, i);
		if (i % 10 == 0)
			uv_run(&h.loop, UV_RUN_NOWAIT);
		if (i % 20 == 0)
			subscriber_set_flush(h.set);
		if (i % 100 == 0)
			count = client_read(&c, r, count, 20000);
	}
	subscriber_set_flush(h.set);
	count = client_read(&c, r, count, 20000);
	for (size_t i = 0; i < count; i++) {
		if (r[i].kind == EVENT_LOST) {
			last += r[i].value;
			lost += r[i].value;
			continue;
		}
		cr_assert_eq(r[i].sequence, ++last);
		if (r[i].kind == EVENT_SYSCALL_ENTER) {
			calls++;
			continue;
		}
		cr_assert_eq(r[i].value, index);
		index += 10;
	}
	cr_assert_gt(calls, 0);
	cr_assert_gt(index, 0);
	cr_assert_gt(lost, 0);
	client_done(&c, &h);
	free(r);
}

static void apply_nothing(void *context, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	(void)context;
	(void)plan;
	(void)refusals;
}

Test(generator, without_a_loop_generators_are_refused)
{
	struct subscriber_set *set = subscriber_set_new(&(struct subscriber_set_callbacks){.apply = apply_nothing}, NULL);
	struct outbox *outbox = outbox_new(100, &(struct outbox_callbacks){0});
	struct subscriber_statuses statuses;
	struct subscriber *subscriber;
	struct error err;

	cr_assert_eq(subscriber_set_add(set, ticker_of(1000, 0), &fake_encoder, outbox, NULL, NULL, &subscriber, &statuses, &err),
		     -EOPNOTSUPP);
	cr_assert_eq(statuses.items[0].code, STATUS_UNIMPLEMENTED);
	subscriber_set_free(set, 0, "");
	outbox_unref(outbox);
}

Test(generator, an_interval_or_length_of_0_is_refused)
{
	struct client c;

	cr_assert_neq(client_subscribe(&c, &h, ticker_of(0, 0), &fake_encoder, 100), 0);
	cr_assert_eq(c.statuses.items[0].code, STATUS_INVALID_ARGUMENT);
	client_done(&c, &h);
	cr_assert_neq(client_subscribe(&c, &h, chargen_of(0, 0), &fake_encoder, 100), 0);
	cr_assert_eq(c.statuses.items[0].code, STATUS_INVALID_ARGUMENT);
	client_done(&c, &h);
}

/* Turns the loop often enough for whatever is not paused. */
static void turn(void)
{
	for (int i = 0; i < 5; i++)
		uv_run(&h.loop, UV_RUN_NOWAIT);
}

Test(generator, a_chargen_under_a_throttle_makes_a_piece_per_interval_and_sleeps_between)
{
	struct subscription_spec *spec = chargen_of(10, 3);
	static uint8_t bytes[1000];
	size_t size = 0;
	struct client c;

	spec->throttle_ns = 100;
	client_subscribe(&c, &h, spec, &fake_encoder, 1 << 20);
	for (uint64_t piece = 0; piece < 3; piece++) {
		struct record r;

		cr_assert_not(c.ended);
		h.now_ns = 2000 + piece * 100;
		subscriber_set_flush(h.set);
		turn();
		cr_assert_not(uv_loop_alive(&h.loop), "it does not turn while nothing gets through");
		size += run_and_read(&c, bytes + size, sizeof(bytes) - size, 1);
		cr_assert_eq(size, (piece + 1) * (sizeof(r) + 10));
		memcpy(&r, bytes + piece * (sizeof(r) + 10), sizeof(r));
		cr_assert_eq(r.time_ns, h.now_ns);
		h.now_ns += 99;
		subscriber_set_flush(h.set);
		turn();
		cr_assert_not(uv_loop_alive(&h.loop));
	}
	run_and_read(&c, bytes + size, sizeof(bytes) - size, 1);
	cr_assert(c.ended);
	cr_assert_eq(c.end.code, STATUS_OK);
	/* What is not made is not left out: the characters go on. */
	cr_assert_eq(check_characters(bytes, size, 10), 3);
	client_done(&c, &h);
}

Test(generator, a_throttled_chargen_that_is_told_of_room_stays_asleep)
{
	struct subscription_spec *spec = chargen_of(10, 0);
	struct client c;
	struct record r[4];

	spec->throttle_ns = 100;
	client_subscribe(&c, &h, spec, &fake_encoder, 1 << 20);
	turn();
	cr_assert_eq(client_read(&c, r, 0, 4), 1);
	subscriber_room(h.set, c.subscriber);
	turn();
	cr_assert_not(uv_loop_alive(&h.loop));
	cr_assert_eq(client_read(&c, r, 0, 4), 0);
	client_done(&c, &h);
}

Test(generator, a_chargen_ends_with_its_window)
{
	struct subscription_spec *spec = chargen_of(10, 0);
	struct record *r = calloc(20000, sizeof(*r));
	struct client c;
	size_t count;

	spec->has_for = true;
	spec->for_ns = 100;
	client_subscribe(&c, &h, spec, &fake_encoder, 1 << 20);
	uv_run(&h.loop, UV_RUN_NOWAIT);
	h.now_ns += 100;
	/* Nobody flushes but the chargen itself. */
	uv_run(&h.loop, UV_RUN_NOWAIT);
	count = client_read(&c, r, 0, 20000);
	cr_assert_gt(count, 0);
	for (size_t i = 0; i < count; i++)
		cr_assert_lt(r[i].time_ns, h.now_ns);
	cr_assert(c.ended);
	cr_assert_eq(c.end.code, STATUS_OK);
	client_done(&c, &h);
	free(r);
}

Test(generator, a_chargen_whose_window_waits_for_losses_does_not_turn)
{
	struct subscription_spec *spec = chargen_of(10, 0);
	struct client c;

	h.settled_ns = 0;
	subscription_spec_add(spec, EVENT_SYSCALL_ENTER);
	spec->has_for = true;
	spec->for_ns = 100;
	client_subscribe(&c, &h, spec, &fake_encoder, 1 << 20);
	h.now_ns += 100;
	turn();
	cr_assert_not(uv_loop_alive(&h.loop));
	subscriber_set_flush(h.set);
	turn();
	cr_assert_not(uv_loop_alive(&h.loop));
	cr_assert_null(client_take(&c));
	cr_assert_not(c.ended);
	h.settled_ns = h.now_ns;
	subscriber_set_flush(h.set);
	cr_assert_null(client_take(&c));
	cr_assert(c.ended);
	client_done(&c, &h);
}

Test(generator, a_ticker_under_a_throttle_ticks_once_per_interval)
{
	struct subscription_spec *spec = ticker_of(100000, 0);
	struct client c;
	struct record r[8];
	size_t count = 0;

	spec->throttle_ns = 100;
	client_subscribe(&c, &h, spec, &fake_encoder, 1 << 20);
	while (count < 2) {
		/* Several ticks at each time. */
		for (int i = 0; i < 3; i++)
			uv_run(&h.loop, UV_RUN_ONCE);
		count = client_read(&c, r, count, 8);
		h.now_ns += 50;
	}
	cr_assert_eq(r[1].time_ns - r[0].time_ns, 100);
	client_done(&c, &h);
}

Test(generator, a_generator_of_a_window_of_no_time_makes_nothing)
{
	struct subscription_spec *spec = chargen_of(10, 0);
	struct client c;

	subscription_spec_add(spec, EVENT_TICKER)->interval_ns = 1;
	spec->has_for = true;
	client_subscribe(&c, &h, spec, &fake_encoder, 1 << 20);
	turn();
	cr_assert_null(client_take(&c));
	cr_assert(c.ended);
	cr_assert_not(uv_loop_alive(&h.loop));
	client_done(&c, &h);
}
