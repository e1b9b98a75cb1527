#include "base/first_turn.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(first_turn);

static int policy(void)
{
	return sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
}

static void *policy_of_thread(void *ret)
{
	*(int *)ret = policy();
	return NULL;
}

static void work(struct first_turn *t, uint64_t ns)
{
	uint64_t end = clock_monotonic_ns() + ns;

	while (clock_monotonic_ns() < end)
		first_turn_check(t);
}

Test(first_turn, is_given_back_by_who_takes_long_and_had_again_later)
{
	struct first_turn t;

	first_turn_begin(&t);
	if (!t.is_allowed)
		cr_skip_test("SKIPPED: no right to a real-time priority here");
	cr_assert_eq(policy(), SCHED_RR);
	work(&t, FIRST_TURN_BUDGET_NS / 4);
	cr_assert_eq(policy(), SCHED_RR);
	for (int i = 0; i < 20 && policy() == SCHED_RR; i++)
		work(&t, FIRST_TURN_BUDGET_NS / 4);
	cr_assert_eq(policy(), SCHED_OTHER);
	usleep(FIRST_TURN_WINDOW_NS / 1000);
	first_turn_check(&t);
	cr_assert_eq(policy(), SCHED_RR);
}

Test(first_turn, is_not_inherited_and_ends)
{
	struct first_turn t;
	pthread_t thread;
	int theirs = -1;

	first_turn_begin(&t);
	if (!t.is_allowed)
		cr_skip_test("SKIPPED: no right to a real-time priority here");
	cr_assert_eq(pthread_create(&thread, NULL, policy_of_thread, &theirs), 0);
	pthread_join(thread, NULL);
	cr_assert_eq(theirs, SCHED_OTHER);
	cr_assert_eq(policy(), SCHED_RR);
	first_turn_end(&t);
	cr_assert_eq(policy(), SCHED_OTHER);
	usleep(FIRST_TURN_WINDOW_NS / 1000);
	first_turn_check(&t);
	cr_assert_eq(policy(), SCHED_OTHER);
}

Test(first_turn, leaves_alone_who_has_another_policy)
{
	const struct sched_param high = {.sched_priority = 7}, none = {.sched_priority = 0};
	struct sched_param now;
	struct first_turn t;

	cr_assert_eq(sched_setscheduler(0, SCHED_BATCH, &none), 0);
	first_turn_begin(&t);
	work(&t, FIRST_TURN_BUDGET_NS);
	first_turn_end(&t);
	cr_assert_eq(sched_getscheduler(0), SCHED_BATCH);
	if (sched_setscheduler(0, SCHED_FIFO, &high))
		cr_skip_test("SKIPPED: no right to a real-time priority here");
	first_turn_begin(&t);
	work(&t, 2 * FIRST_TURN_BUDGET_NS);
	first_turn_end(&t);
	cr_assert_eq(sched_getscheduler(0), SCHED_FIFO);
	cr_assert_eq(sched_getparam(0, &now), 0);
	cr_assert_eq(now.sched_priority, 7);
}

Test(first_turn, is_not_had_by_who_may_not)
{
	struct rlimit none = {0, 0};
	struct first_turn t;

	cr_assert_eq(setrlimit(RLIMIT_RTPRIO, &none), 0);
	if (!geteuid())
		cr_assert_eq(setuid(65534), 0);
	first_turn_begin(&t);
	cr_assert_not(t.is_allowed);
	work(&t, 1000000);
	cr_assert_eq(policy(), SCHED_OTHER);
}
