#ifndef SERVICE_ROUND_TIMER_H
#define SERVICE_ROUND_TIMER_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/*
 * When the loop thread looks at the rings next. Nothing tells it that one sample has come: a wake-up per sample would cost the programs that are
 * watched more than the sample. So it looks by time, and the time follows what comes:
 *
 * - A sample that was seen but may not be taken yet, since others may still come before it, is taken as soon as it may be. This is how an event gets
 *   to its client when there are few: after the reorder delay, and no more than about a millisecond.
 * - When many come they are gathered, the longer the more there are, since every wake-up of the sensor and of its clients costs the same for one
 *   event as for thousands; at most for the gathering time, 10 ms unless it was set.
 * - While nothing comes, the time grows with how long that has been so, to 100 ms: waking up costs some 70 us of a CPU that has gone cold, and ten times
 *   a second that is little. Kinds of events that cannot wait wake the loop themselves (tracing/sample_source.h), and so does a ring that fills up.
 *
 * libuv's timers count milliseconds, which is as long as all of this; so it is a timerfd(2), which is not delayed by timer slack either.
 *
 * The loop thread.
 */

#define ROUND_SOON_NS            NSEC_PER_MSEC /* from a round to the next one while samples come, and at most so long when one is awaited */
#define ROUND_QUIET_NS           (100 * NSEC_PER_MSEC)
#define ROUND_DUE_NS             (8 * NSEC_PER_MSEC)
#define ROUND_GATHERING_NS       (10 * NSEC_PER_MSEC)
#define ROUND_GATHERING_NS_MAX   NSEC_PER_SEC
#define ROUND_GATHERED_SAMPLE_NS (150 * NSEC_PER_USEC) /* how much longer to wait for each sample that comes per millisecond */

/* What the last round saw. */
struct round_outcome {
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t samples;          /* that were taken */
	uint64_t pending_ns;       /* when the first of those that were left may be taken; UINT64_MAX: none were */
	uint64_t due_ns; /* when something else wants a round, which then comes in ROUND_DUE_NS or when it is due; UINT64_MAX: nothing */
	bool waits;      /* one is held back for something that comes by another way */
};

/* The rule, apart from the clock: what it goes on, zeroed at first. */
struct round_pace {
	uint64_t gathering_ns; /* the most that samples are gathered for; 0: ROUND_GATHERING_NS */
	uint64_t start_ns;     /* of the round before */
	uint64_t sample_ns;    /* when a round that took any began last */
};

/* When the next round is due, CLOCK_MONOTONIC. */
uint64_t round_pace_next_ns(struct round_pace *p, const struct round_outcome *outcome);

struct round_timer {
	uv_poll_t poll;
	uv_check_t check;
	int fd;
	uint64_t time_ns;
	void (*fn)(void *context);
	void *context;
};

/* Calls `fn`, which sets the next time, from the loop when the time has come that was set: once in each turn of the loop, behind everything else in it,
 * so that however much else there is has to wait for it. The handles are closed like any others (uv_close()); the descriptor by
 * round_timer_done(), after that. */
int round_timer_init(struct round_timer *t, uv_loop_t *loop, void (*fn)(void *context), void *context, struct error *err);
/* Takes one that was not initialized but zeroed, too. */
void round_timer_done(struct round_timer *t);

/* Instead of the time that was set before. */
void round_timer_set(struct round_timer *t, uint64_t time_ns);

#endif
