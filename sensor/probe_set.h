#ifndef SENSOR_PROBE_SET_H
#define SENSOR_PROBE_SET_H

#include "sensor/capture.h"
#include "sensor/plan.h"
#include "sensor/self_filter.h"

/*
 * All that the sensor has in the kernel, and how it follows the plan: the fixed rows that are wanted, the rows of the chosen capture candidates
 * (each once, whoever needs it), and what clients asked for by name. Our own threads are filtered out of all of it.
 *
 * The owner of a kernel event in the source is its struct probe.
 *
 * The loop thread.
 */

struct probe_set_options {
	uint32_t self_tgid; /* whose hits are filtered out; 0: nobody's */
	bool with_trials;   /* the source is this kernel: captures are chosen by trial (trial.h) */
	/* Capture candidates not to use (capture.h), borrowed for the set's life. */
	const char *const *forbidden;
	size_t forbidden_count;
	unsigned int maxactive;   /* calls of one function that a return probe can follow at once; 0: the kernel's choice */
	uint32_t spoiled_layouts; /* for tests: LAYOUT_GROUP_BIT() of structures whose calibration is to fail (kernel_layout.h) */
	uint32_t max_requests;    /* how many functions and counter groups are watched at once; 0: PROBE_SET_REQUESTS_DEFAULT */
};

#define PROBE_SET_REQUESTS_DEFAULT 64

struct probe_set {
	struct sample_source *source; /* the sensor's */
	struct self_filter self;
	struct capture_set captures;
	struct probe_kernel kernel;
	struct probe *fixed; /* rows that every kernel has, all of them */
	size_t fixed_count;
	struct probe *captured;  /* rows of the chosen candidates that are installed */
	struct probe *requested; /* what clients asked for by name */
	uint32_t max_requests;
};

/* On failure probe_set_done() cleans up. */
int probe_set_init(struct probe_set *s, struct sample_source *source, const struct probe_set_options *options, struct error *err);

/* Removes everything from the kernel. Takes a zeroed one. */
void probe_set_done(struct probe_set *s);

/* Makes the kernel match the plan (see sensor_apply()). */
void probe_set_apply(struct probe_set *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT]);

/* Whether a kind (or the capture without a kind that has this name) is captured now. */
bool probe_set_captures(const struct probe_set *s, enum event_kind kind, const char *name);

/* Whether this tracepoint is installed as a fixed row. */
bool probe_set_has(const struct probe_set *s, const char *system, const char *name);

/* If a thread of ours was seen (self.seen) that the kernel does not filter yet, the filters are made anew. */
void probe_set_refresh_self(struct probe_set *s);

/* Calls fn for everything that is installed: a row of ours with its filter, or a client's request. */
typedef void (*kernel_event_fn)(void *context, const char *system, const char *name, const char *filter, const struct kernel_event *event);
void probe_set_each(const struct probe_set *s, kernel_event_fn fn, void *context);

#endif
