#ifndef SENSOR_PROBE_REQUEST_H
#define SENSOR_PROBE_REQUEST_H

#include "sensor/event.h"

/*
 * What a client wants probed that no catalog row can hold: a function of the kernel or of a program with arguments of the client's choice, or
 * a group of performance counters. Part of a clause, carried to the sensor by the plan, and named by the events that come of it.
 *
 * Immutable once it is made, and counted: whoever keeps one holds a reference. References are taken and given back by one thread at a time.
 */

struct probe_parameter {
	char *name;
	char *expression; /* a fetcharg (kernel: Documentation/trace/kprobetrace.rst): "+0(+8($arg2)):string" */
};

#define PROBE_PARAMETERS_MAX 64

struct probe_request {
	uint32_t references;
	enum event_kind kind;
	char *key; /* equal for requests that ask for the same; for people, too */

	/* calls */
	char *symbol;
	char *executable; /* user calls: a path, or a program's or library's name */
	char *filter;     /* a kernel filter on the parameters (kernel: Documentation/trace/events.rst); NULL: none */
	struct probe_parameter *parameters;
	size_t parameter_count;

	/* performance */
	struct perf_counter *counters;
	size_t counter_count;
	bool by_frequency; /* `rate` is samples per second; else one sample every `rate` counts of the first counter */
	uint64_t rate;
};

/* Whether events of this kind belong to a request. */
bool probe_request_needed(enum event_kind kind);

/* Strings are copied; `executable` and `filter` may be NULL. -EINVAL with a sentence for what no kernel could take (an empty symbol, too many
 * parameters, one of them twice, blanks in what becomes a word of a probe's definition). -ENOMEM. */
int probe_request_new_call(struct probe_request **ret, enum event_kind kind, const char *executable, const char *symbol,
			   const struct probe_parameter *parameters, size_t parameter_count, const char *filter, struct error *err);
int probe_request_new_performance(struct probe_request **ret, const struct perf_counter *counters, size_t counter_count, bool by_frequency,
				  uint64_t rate, struct error *err);

/* Whether both ask for the same; either may be NULL, which is equal to NULL. */
bool probe_request_equal(const struct probe_request *a, const struct probe_request *b);

struct probe_request *probe_request_ref(struct probe_request *r);
/* Takes NULL; returns NULL. */
struct probe_request *probe_request_unref(struct probe_request *r);

#endif
