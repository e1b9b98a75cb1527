#ifndef SUBSCRIPTION_TICKER_H
#define SUBSCRIPTION_TICKER_H

#include "base/error.h"
#include "sensor/event.h"

struct uv_loop_s;

/*
 * A clock on the loop: calls back every `interval_ns` (timerfd_create(2) on CLOCK_MONOTONIC). Ticks that were missed, because the loop was
 * busy, are skipped. The loop thread.
 */
struct ticker;

#define TICKER_INTERVAL_MIN_NS (100 * UINT64_C(1000)) /* what is asked for below gets this */

typedef void (*ticker_fn)(void *context, const struct event_ticker *tick);

/* -EMFILE, -ENOMEM and so on. */
int ticker_new(struct ticker **ret, struct uv_loop_s *loop, uint64_t interval_ns, ticker_fn fn, void *context, struct error *err);

/* No more calls; also from inside one. The memory goes once the loop has run again. Takes NULL; returns NULL. */
struct ticker *ticker_free(struct ticker *t);

#endif
