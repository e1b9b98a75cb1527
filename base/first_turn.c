#include "base/first_turn.h"

#include "base/clock.h"

#include <sched.h>
#include <time.h>

static uint64_t used_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * NSEC_PER_SEC + (uint64_t)used.tv_nsec;
}

/* The flag needs CAP_SYS_NICE to be taken away again, so it stays. */
static bool set(struct first_turn *t, bool is_first)
{
	const struct sched_param parameters = {.sched_priority = is_first ? sched_get_priority_min(SCHED_RR) : 0};

	/* Of the calling thread, whatever its name says: man 2 sched_setscheduler. */
	if (sched_setscheduler(0, (is_first ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK, &parameters))
		return false;
	t->is_first = is_first;
	return true;
}

static bool is_ordinary(void)
{
	return (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_OTHER;
}

void first_turn_begin(struct first_turn *t)
{
	*t = (struct first_turn){.window_ns = clock_monotonic_ns(), .used_ns = used_ns()};
	t->is_allowed = is_ordinary() && set(t, true);
}

void first_turn_check(struct first_turn *t)
{
	uint64_t now, used;

	if (!t->is_allowed)
		return;
	now = clock_monotonic_ns();
	used = used_ns();
	if (now - t->window_ns >= FIRST_TURN_WINDOW_NS) {
		t->window_ns = now;
		t->used_ns = used;
		if (!t->is_first)
			(void)set(t, true);
	} else if (t->is_first && used - t->used_ns > FIRST_TURN_BUDGET_NS) {
		(void)set(t, false);
	}
}

void first_turn_end(struct first_turn *t)
{
	if (t->is_first)
		(void)set(t, false);
	t->is_allowed = false;
}
