#include "service/round_timer.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

static uint64_t at_least(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long to gather samples, by how many came since the round before. */
static uint64_t gathering_ns(const struct round_pace *p, const struct round_outcome *o)
{
	uint64_t most_ns = p->gathering_ns ? p->gathering_ns : ROUND_GATHERING_NS;
	uint64_t elapsed_ns = at_least(o->start_ns - p->start_ns, NSEC_PER_USEC);

	/* No overflow: there are never 2^32 samples in a round. */
	return at_most(o->samples * NSEC_PER_MSEC / elapsed_ns * ROUND_GATHERED_SAMPLE_NS, most_ns);
}

uint64_t round_pace_next_ns(struct round_pace *p, const struct round_outcome *o)
{
	uint64_t gathered_ns = o->end_ns + gathering_ns(p, o);
	uint64_t next_ns;

	p->start_ns = o->start_ns;
	if (o->samples)
		p->sample_ns = o->start_ns;
	if (o->waits)
		return o->end_ns + ROUND_SOON_NS;
	if (o->pending_ns < UINT64_MAX)
		return at_least(gathered_ns, o->pending_ns);
	next_ns = o->end_ns + at_most(at_least((o->start_ns - p->sample_ns) / 4, ROUND_SOON_NS), ROUND_QUIET_NS);
	next_ns = at_most(next_ns, at_least(o->due_ns, o->end_ns + ROUND_DUE_NS));
	return at_least(gathered_ns, next_ns);
}

/* It has woken the loop, and its check is next. Setting the next time makes it unreadable again. */
static void on_poll(uv_poll_t *handle, int status, int events)
{
	(void)handle;
	(void)status;
	(void)events;
}

static void on_check(uv_check_t *handle)
{
	struct round_timer *t = handle->data;

	if (clock_monotonic_ns() >= t->time_ns)
		t->fn(t->context);
}

int round_timer_init(struct round_timer *t, uv_loop_t *loop, void (*fn)(void *context), void *context, struct error *err)
{
	int code;

	*t = (struct round_timer){.time_ns = UINT64_MAX, .fn = fn, .context = context};
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->fd < 0)
		return error_set_errno(err, -errno, "cannot make a timer");
	code = uv_poll_init(loop, &t->poll, t->fd);
	if (code) {
		close(t->fd);
		t->fd = 0;
		return error_set(err, code, "cannot wait for a timer: %s", uv_strerror(code));
	}
	uv_check_init(loop, &t->check);
	t->check.data = t;
	uv_poll_start(&t->poll, UV_READABLE, on_poll);
	uv_check_start(&t->check, on_check);
	return 0;
}

void round_timer_done(struct round_timer *t)
{
	if (t->fd > 0)
		close(t->fd);
	t->fd = 0;
}

void round_timer_set(struct round_timer *t, uint64_t time_ns)
{
	const struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(time_ns / NSEC_PER_SEC), .tv_nsec = (long)(time_ns % NSEC_PER_SEC)}};

	t->time_ns = time_ns;
	(void)timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &when, NULL);
}
