#ifndef CLI_CHECK_HOST_H
#define CLI_CHECK_HOST_H

#include "cli/check_report.h"
#include "tracing/perf_event.h"

/*
 * What this host offers beside the events themselves. Each adds its group's lines. An error with code 0 says that the thing works.
 */

/* `tracefs_err`: of tracefs_open(). */
void check_kernel(struct check_report *report, const struct error *tracefs_err);

/* `err`: of perf_features_probe(). */
void check_perf(struct check_report *report, const struct perf_features *features, const struct error *err);

void check_limits(struct check_report *report);

#endif
