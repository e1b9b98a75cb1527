#include "subscription/ticker.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

struct ticker {
	uv_poll_t poll;
	int fd;
	ticker_fn fn;
	void *context;
};

static void on_close(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_tick(uv_poll_t *poll, int status, int events)
{
	struct ticker *t = poll->data;
	struct event_ticker tick;
	uint64_t expirations, now_ns;

	(void)events;
	if (status < 0 || read(t->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	now_ns = clock_realtime_ns();
	tick.seconds = (int64_t)(now_ns / NSEC_PER_SEC);
	tick.nanoseconds = (int64_t)now_ns;
	t->fn(t->context, &tick);
}

static int open_timer(uint64_t interval_ns)
{
	struct itimerspec timer = {0};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	timer.it_interval.tv_sec = (time_t)(interval_ns / NSEC_PER_SEC);
	timer.it_interval.tv_nsec = (long)(interval_ns % NSEC_PER_SEC);
	timer.it_value = timer.it_interval;
	if (timerfd_settime(fd, 0, &timer, NULL)) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int ticker_new(struct ticker **ret, struct uv_loop_s *loop, uint64_t interval_ns, ticker_fn fn, void *context, struct error *err)
{
	struct ticker *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return error_set_errno(err, -ENOMEM, "timer");
	t->fn = fn;
	t->context = context;
	t->fd = open_timer(interval_ns < TICKER_INTERVAL_MIN_NS ? TICKER_INTERVAL_MIN_NS : interval_ns);
	if (t->fd < 0) {
		r = error_set_errno(err, t->fd, "timer");
		free(t);
		return r;
	}
	r = uv_poll_init(loop, &t->poll, t->fd);
	if (r) {
		close(t->fd);
		free(t);
		return error_set(err, r, "timer: %s", uv_strerror(r));
	}
	t->poll.data = t;
	r = uv_poll_start(&t->poll, UV_READABLE, on_tick);
	if (r) {
		ticker_free(t);
		return error_set(err, r, "timer: %s", uv_strerror(r));
	}
	*ret = t;
	return 0;
}

struct ticker *ticker_free(struct ticker *t)
{
	if (!t)
		return NULL;
	uv_close((uv_handle_t *)&t->poll, on_close);
	close(t->fd);
	return NULL;
}
