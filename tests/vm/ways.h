#ifndef TESTS_VM_WAYS_H
#define TESTS_VM_WAYS_H

#include "sensor/event.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Sensors that have to do without the best ways to capture events. What `ringside check -o json` says of each way ranks those that work: the
 * best has rank 0. A sensor of rank N may use the N-th way of each kind only: `scenarios --ways FILE --rank N --forbids` prints the options that
 * forbid all others. A kind with fewer ways cannot be had there, which a subscription has to be told.
 */

/* Takes in a report. False, after a message to standard error: there is none in the file. */
bool ways_read(const char *file, size_t rank);

/* Prints the options. False: no kind has a way of that rank. */
bool ways_print_forbids(void);

/* Whether nothing of that name ("file:open", "credentials") is captured. False for what has one way only, and without a report. */
bool ways_lack(const char *name);
bool ways_lack_kind(enum event_kind kind);

#endif
