#ifndef SUBSCRIPTION_COUNTERS_H
#define SUBSCRIPTION_COUNTERS_H

#include "base/buffer.h"
#include "base/error.h"
#include "tracing/sample_source.h"

/*
 * Performance counters by the names that perf(1) has for them: "cycles", "page-faults", "LLC-load-misses". The numbers are those of
 * perf_event_open(2).
 */

/* Also takes "4:0x1a8", the type and the config as numbers. -EINVAL: there is no such counter; says what is allowed, or what may have been meant. */
int counter_parse(const char *name, struct perf_counter *ret, struct error *err);

/* Appends the name, or "hardware:17" for a number without one. */
void counter_put_name(struct buffer *out, const struct perf_counter *counter);

/* Appends what counter_parse() takes: the name, or the numbers of one that has none. */
void counter_put_word(struct buffer *out, const struct perf_counter *counter);

#endif
