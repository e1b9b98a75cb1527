#ifndef SENSOR_CAPTURE_H
#define SENSOR_CAPTURE_H

#include "sensor/plan.h"
#include "sensor/probe.h"

/*
 * Which way each kind is captured on this kernel: the first of a capture's candidates (source.h) that passes its trial and that the
 * configuration does not forbid. Found when the kind is first wanted, and kept.
 *
 * The loop thread.
 */

struct capture_options {
	/* Runs a trial of a candidate: 0, or a negative errno with the reason. NULL: none is run, the first candidate whose probes install is
	 * taken (sources without a kernel). */
	int (*trial)(void *context, const struct source_capture *capture, const struct source_candidate *candidate,
		     struct probe_kernel *kernel, struct error *err);
	void *trial_context;
	/* Candidates that must not be used: "do_filp_open" wherever it is one, "file:open/do_filp_open" for that kind only. */
	const char *const *forbidden;
	size_t forbidden_count;
};

struct capture {
	const struct source_capture *source;
	const struct source_candidate *chosen; /* NULL: none yet, or none works */
	bool tried;
	bool wanted;          /* the sensor's: by the plan that is being applied */
	struct error refusal; /* why none works */
	/* Why each better one than the chosen was not taken; code 0: not looked at. */
	struct error *rejections;
};

struct capture_set {
	struct capture_options options;
	struct capture *captures;
	size_t count;
};

/* The captures of all sources, one after the other; NULL behind the last. */
const struct source_capture *capture_of_source(size_t i);

/* All of them. -ENOMEM. */
int capture_set_init(struct capture_set *s, const struct capture_options *options);
void capture_set_done(struct capture_set *s);

/* Whether some candidate, on whatever kernel, has this name in one of the two forms. */
bool capture_candidate_exists(const char *name);

/* "file:open"; the name of one that no kind is captured by. */
void capture_name(const struct source_capture *source, char *to, size_t size);

/* The capture of a kind; NULL: its probes are fixed ones. */
struct capture *capture_of(const struct capture_set *s, enum event_kind kind);

/* Chooses, if that was not done yet. 0: c->chosen is there. Else c->refusal says why nothing works. */
int capture_choose(struct capture_set *s, struct capture *c, struct probe_kernel *kernel);

/* Tries one of its candidates, whether it is the chosen one or not: 0, or why it does not work (*ret_reason, which may be NULL). For those that want
 * to know of all. */
int capture_try(struct capture_set *s, struct capture *c, size_t candidate, struct probe_kernel *kernel, struct error *ret_reason);

/* The candidate stopped working (it would not install): the next one is tried at the next capture_choose(). */
void capture_reject(struct capture *c, const struct error *reason);

/* Whether the candidate's probes can carry a filter that uses these of the kind's catalog fields (bit i: entry->fields[i]). */
bool candidate_filters(const struct source_candidate *candidate, enum event_kind kind, uint64_t fields);

/* The strongest of the plan's filters for the kind that they can carry; NULL: everything. The plan's. */
const char *candidate_filter(const struct source_candidate *candidate, enum event_kind kind, const struct plan_entry *entry);

#endif
