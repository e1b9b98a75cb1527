/* When the loop looks at the rings next. */
#include "base/clock.h"
#include "service/round_timer.h"

#include <criterion/criterion.h>

#define START_NS (100 * NSEC_PER_SEC)
#define ROUND_NS (20 * NSEC_PER_USEC)

TestSuite(round_timer, .timeout = 20);

/* What comes `after_ns` after the round before, and how long it is from the end of this one to the next. */
static uint64_t wait_ns(struct round_pace *p, uint64_t after_ns, uint64_t samples, uint64_t pending_ns)
{
	uint64_t start_ns = p->start_ns + after_ns;
	const struct round_outcome outcome = {
		.start_ns = start_ns, .end_ns = start_ns + ROUND_NS, .samples = samples, .pending_ns = pending_ns, .due_ns = UINT64_MAX};

	return round_pace_next_ns(p, &outcome) - outcome.end_ns;
}

static struct round_pace busy_until(uint64_t time_ns)
{
	return (struct round_pace){.start_ns = time_ns, .sample_ns = time_ns};
}

Test(round_timer, while_a_few_samples_come_a_millisecond_passes_at_most)
{
	struct round_pace p = busy_until(START_NS);

	cr_assert_leq(wait_ns(&p, NSEC_PER_MSEC, 1, UINT64_MAX), NSEC_PER_MSEC);
	cr_assert_leq(wait_ns(&p, NSEC_PER_MSEC, 0, UINT64_MAX), NSEC_PER_MSEC);
	cr_assert_leq(wait_ns(&p, NSEC_PER_MSEC, 1, UINT64_MAX), NSEC_PER_MSEC);
}

Test(round_timer, a_sample_that_may_not_be_taken_yet_is_taken_when_it_may)
{
	struct round_pace p = busy_until(START_NS);
	uint64_t may_ns = START_NS + NSEC_PER_MSEC + 400 * NSEC_PER_USEC;

	cr_assert_eq(wait_ns(&p, NSEC_PER_MSEC, 0, may_ns), 400 * NSEC_PER_USEC - ROUND_NS);
}

Test(round_timer, many_samples_are_gathered_the_longer_the_more_they_are_and_never_too_long)
{
	struct round_pace p = busy_until(START_NS);
	uint64_t of_20_per_ms = wait_ns(&p, NSEC_PER_MSEC, 20, UINT64_MAX);
	uint64_t of_1000_per_ms = wait_ns(&p, NSEC_PER_MSEC, 1000, UINT64_MAX);

	cr_assert_eq(of_20_per_ms, 3 * NSEC_PER_MSEC);
	cr_assert_eq(of_1000_per_ms, ROUND_GATHERING_NS);
	/* It is the rate that counts: twice as many after twice the time are as many. */
	cr_assert_eq(wait_ns(&p, 2 * NSEC_PER_MSEC, 40, UINT64_MAX), of_20_per_ms);
	/* One that waits changes nothing about it. */
	cr_assert_eq(wait_ns(&p, NSEC_PER_MSEC, 20, p.start_ns + NSEC_PER_MSEC), of_20_per_ms);
	p.gathering_ns = 2 * NSEC_PER_MSEC;
	cr_assert_eq(wait_ns(&p, NSEC_PER_MSEC, 100, UINT64_MAX), 2 * NSEC_PER_MSEC);
}

Test(round_timer, the_longer_nothing_comes_the_less_often_it_is_looked)
{
	struct round_pace p = busy_until(START_NS);
	uint64_t last = 0;

	for (int i = 0; i < 100; i++) {
		uint64_t wait = wait_ns(&p, last, 0, UINT64_MAX);

		cr_assert_geq(wait, last);
		last = wait;
	}
	cr_assert_eq(last, ROUND_QUIET_NS);
	cr_assert_leq(wait_ns(&p, last, 1, UINT64_MAX), NSEC_PER_MSEC, "and the first sample ends that");
}

Test(round_timer, what_is_held_back_for_something_is_looked_at_soon)
{
	struct round_pace p = busy_until(START_NS);
	const struct round_outcome outcome = {.start_ns = START_NS + NSEC_PER_MSEC,
					      .end_ns = START_NS + 2 * NSEC_PER_MSEC,
					      .samples = 100000,
					      .waits = true};

	cr_assert_eq(round_pace_next_ns(&p, &outcome), outcome.end_ns + ROUND_SOON_NS);
}

Test(round_timer, what_is_due_is_not_kept_waiting_while_nothing_comes)
{
	struct round_pace p = busy_until(START_NS);
	struct round_outcome outcome = {.start_ns = START_NS + NSEC_PER_SEC, .pending_ns = UINT64_MAX, .due_ns = START_NS};

	outcome.end_ns = outcome.start_ns + ROUND_NS;
	cr_assert_eq(round_pace_next_ns(&p, &outcome), outcome.end_ns + ROUND_DUE_NS, "overdue");
	outcome.due_ns = outcome.end_ns + 20 * NSEC_PER_MSEC;
	cr_assert_eq(round_pace_next_ns(&p, &outcome), outcome.due_ns);
	outcome.due_ns = outcome.end_ns + NSEC_PER_SEC;
	cr_assert_eq(round_pace_next_ns(&p, &outcome), outcome.end_ns + ROUND_QUIET_NS);
}

struct run {
	uv_loop_t loop;
	struct round_timer timer;
	uint64_t set_ns, fired_ns;
	int count;
};

static void close_it(uv_handle_t *handle, void *context)
{
	(void)context;
	uv_close(handle, NULL);
}

static void on_time(void *context)
{
	struct run *r = context;

	r->fired_ns = clock_monotonic_ns();
	r->count++;
	round_timer_set(&r->timer, UINT64_MAX);
	uv_stop(&r->loop);
}

Test(round_timer, a_time_that_is_set_is_kept_and_replaced_by_the_next_one)
{
	struct run r = {0};
	struct error err;

	cr_assert_eq(uv_loop_init(&r.loop), 0);
	cr_assert_eq(round_timer_init(&r.timer, &r.loop, on_time, &r, &err), 0, "%s", err.message);
	round_timer_set(&r.timer, clock_monotonic_ns() + 1000 * NSEC_PER_SEC);
	r.set_ns = clock_monotonic_ns() + 300 * NSEC_PER_USEC;
	round_timer_set(&r.timer, r.set_ns);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	cr_assert_eq(r.count, 1);
	cr_assert_geq(r.fired_ns, r.set_ns);
	/* One that is past already. */
	round_timer_set(&r.timer, 1);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	cr_assert_eq(r.count, 2);
	uv_walk(&r.loop, close_it, NULL);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	round_timer_done(&r.timer);
	cr_assert_eq(uv_loop_close(&r.loop), 0);
}
