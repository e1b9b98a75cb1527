#ifndef CLI_CHECK_CAPTURES_H
#define CLI_CHECK_CAPTURES_H

#include "cli/check_report.h"
#include "base/error.h"

/*
 * The event kinds that can be captured in more than one way: runs the trials that the sensor would run (sensor/trial.h) and tells which way is
 * taken, what it does not see, and why better ones are not; or why none works. And what clients can ask for by name: functions and counters.
 * Leaves nothing in the kernel.
 */

struct check_forbidden {
	const char *const *names; /* candidates to do without, as `ringside sensor --forbid` */
	size_t count;
};

/* `hopeless`: why nothing can work; code 0 when it can. */
void check_captures(struct check_report *report, const struct check_forbidden *forbidden, const struct error *hopeless);

#endif
