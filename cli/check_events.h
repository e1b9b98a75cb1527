#ifndef CLI_CHECK_EVENTS_H
#define CLI_CHECK_EVENTS_H

#include "cli/check_report.h"
#include "tracing/perf_event.h"

/*
 * Tries every event kind out that has one way only (the others: check_captures.h): its tracepoint and the fields that we read of it, a perf event on it, a kernel filter; then makes
 * such events happen and looks whether they were counted. A tracepoint can exist, accept a perf event and never fire. Likewise for the
 * ways to exec arguments and exit statuses. Leaves nothing in the kernel.
 *
 * Adds a line per kind. `tracefs_err`, `perf_err`: why nothing can work; code 0 when it can.
 */
void check_events(struct check_report *report, const struct perf_features *features, const struct error *tracefs_err,
		  const struct error *perf_err);

#endif
