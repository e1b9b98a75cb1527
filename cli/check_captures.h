#ifndef CLI_CHECK_CAPTURES_H
#define CLI_CHECK_CAPTURES_H

#include "base/error.h"
#include "cli/check_report.h"
#include "cli/forbidden.h"

/*
 * The event kinds that can be captured in more than one way: runs the trials that the sensor would run (sensor/trial.h) and tells which way is
 * taken, what it does not see, and why better ones are not; or why none works. And what clients can ask for by name: functions and counters.
 * Leaves nothing in the kernel.
 */

/* `hopeless`: why nothing can work; code 0 when it can. `all_ways`: tries also those that are worse than the one that is taken, and tells of each
 * as data (check_report_add_way()). */
void check_captures(struct check_report *report, const struct forbidden *forbidden, bool all_ways, const struct error *hopeless);

#endif
