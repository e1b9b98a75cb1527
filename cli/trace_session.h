#ifndef CLI_TRACE_SESSION_H
#define CLI_TRACE_SESSION_H

#include "base/buffer.h"
#include "cli/trace_request.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One run of `ringside trace`: puts the probe into the kernel, prints what it brings, and takes it out again. Whatever ends it, the probe is
 * removed: SIGINT, SIGTERM and SIGHUP are read from a descriptor and never kill; only SIGKILL leaves the probe behind, for `ringside probes
 * --clean` or the next start of a sensor. Main thread; the signals are to be blocked from the start on (trace_session_block_signals()).
 */
struct trace_session;

struct trace_settings {
	bool json;
	bool color;
	bool quiet;
	uint64_t limit;       /* 0: none */
	uint64_t duration_ns; /* 0: none */
	uint32_t tgid;        /* 0: all processes */
};

void trace_session_block_signals(void);

/* On a failure `report` gets the lines for the user, and nothing is left in the kernel. `request` is borrowed until the end. */
int trace_session_open(struct trace_session **ret, const struct trace_request *request, const struct trace_settings *settings,
		       struct buffer *report);

/* Prints to standard output until a signal, the limit or the end of the time; a summary goes to standard error. 0, or a negative errno of
 * standard output (-EPIPE: nobody reads any more). */
int trace_session_run(struct trace_session *s);

/* Takes everything out of the kernel and frees it. Takes NULL; returns NULL. */
struct trace_session *trace_session_close(struct trace_session *s);

#endif
