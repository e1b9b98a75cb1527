#ifndef TRACING_EXIT_STATUS_H
#define TRACING_EXIT_STATUS_H

#include "base/error.h"
#include "tracing/notice.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/*
 * The wait status of every thread that ends on this host, from the kernel's process events connector (linux/cn_proc.h; CONFIG_PROC_EVENTS):
 * what wait(2) would give, core flag included, with the kernel's own CLOCK_MONOTONIC time, some microseconds after sched_process_exit.
 *
 * One netlink socket. Kernels from 6.6 on are asked for exits alone; before that all process events come and the others are skipped.
 * Only messages that the kernel itself sent are believed.
 *
 * The connector speaks in the initial network, user and pid namespaces only, and needs CAP_NET_ADMIN.
 *
 * Everything happens on the loop's thread.
 */
struct exit_status;

#define EXIT_STATUS_BUFFER_BYTES_DEFAULT ((size_t)8 << 20)

struct exit_status_options {
	size_t buffer_bytes; /* of the socket, as the kernel accounts it (about 800 bytes per message); 0: the default */
};

struct exit_status_counters {
	uint64_t exits;      /* notices given */
	uint64_t other;      /* process events that were not exits */
	uint64_t overruns;   /* times that the socket's buffer was full: an unknown number of exits was missed each time */
	uint64_t foreign;    /* messages that did not come from the kernel, ignored */
	uint64_t malformed;  /* messages that made no sense */
	size_t buffer_bytes; /* what the kernel granted */
	bool kernel_filters; /* only exits are sent */
};

/*
 * Starts: `fn` is called with `context` from now until the close, by the loop or by exit_status_drain(). `options` may be NULL.
 * -EPERM, -EPROTONOSUPPORT (no connector, or another network namespace), -ENODATA (the kernel does not answer: no CONFIG_PROC_EVENTS, or
 * another user or pid namespace). On failure nothing is left behind.
 */
int exit_status_open(struct exit_status **ret, uv_loop_t *loop, const struct exit_status_options *options, notice_fn fn, void *context,
		     struct error *err);

/* Takes all there is now. To be called before samples are taken from the rings, so that the notices are there before them. */
void exit_status_drain(struct exit_status *e);

void exit_status_counters(const struct exit_status *e, struct exit_status_counters *ret);

/* Stops: the socket is gone when it returns, `fn` is not called any more. Not from within `fn`. The memory of the handle itself is freed by
 * the loop's next turn, so let it turn once more before uv_loop_close(). Takes NULL; returns NULL. */
struct exit_status *exit_status_close(struct exit_status *e);

/*
 * One netlink datagram, taken apart; for exit_status.c and for tests. Returns how many notices were given. Reads nothing outside of
 * `bytes`.
 */
unsigned int exit_status_parse(const void *bytes, size_t size, notice_fn fn, void *context, struct exit_status_counters *counters);

#endif
