#ifndef TESTS_VM_OBSERVATION_H
#define TESTS_VM_OBSERVATION_H

#include "proto/capsule8_events.h"
#include "subscription/spec.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * What the sensor tells of a scenario's doings. An observation is one subscription and all events that it has brought so far. It and its
 * events live until the end of the scenario's process, to which it belongs. Whatever goes wrong ends the scenario (scenario.h).
 */
struct observation;

/* How long to wait for an event that has to come: enough for an emulated processor that others use too. */
#define OBSERVATION_TIMEOUT_MS 20000

/* A new wish for events of one kind; wish_also() adds another one. */
struct subscription_spec *wish(enum event_kind kind);
struct clause *wish_also(struct subscription_spec *spec, enum event_kind kind);
/* Narrow the wish's last clause. */
void require_integer(struct subscription_spec *spec, const char *field, uint64_t value);
void require_bits(struct subscription_spec *spec, const char *field, uint64_t bits);
void require_string(struct subscription_spec *spec, const char *field, enum predicate_operator op, const char *value);

/* Subscribes, and returns when the sensor has said that everything from now on will be seen. `spec` is freed. A clause that the sensor
 * refuses is a failure. But when it wishes for a kind that cannot be had here (ways.h) it has to be refused, and that is all there is to see:
 * then it passes. */
struct observation *observe(struct subscription_spec *spec);
/* The same, whatever is refused: how many clauses are. The others are observed. */
struct observation *observe_in_part(struct subscription_spec *spec, size_t *ret_refused);
/* The same where a refusal is possible. NULL: one of the clauses was refused; *ret_reason has the sensor's words. */
struct observation *try_observe(struct subscription_spec *spec, const char **ret_reason);

/* Ends the subscription, so that the sensor lets go of what it had for it, some time later. Events that have come stay. */
void forget(struct observation *o);

typedef bool (*event_matcher)(const Capsule8__Api__V0__Event *event, const void *context);

/* The first event that matches, of those that have come or else of those that come in time. `what` is for the failure's text. */
const Capsule8__Api__V0__Event *await_event(struct observation *o, event_matcher matches, const void *context, const char *what);
/* The first of that kind by the process `pid`. */
const Capsule8__Api__V0__Event *await_of_process(struct observation *o, enum event_kind kind, pid_t pid);

/* Waits until nothing has come for half a second, or for five seconds where others are busy, so that what is counted then is all there is.
 * Fails when events were lost. */
void settle(struct observation *o);
/* Waits for the next few, half a second at most. */
void receive_some(struct observation *o);
/* Of those that have come; the n-th counts from 0, NULL: there are not so many. */
size_t count_events(const struct observation *o, event_matcher matches, const void *context);
const Capsule8__Api__V0__Event *nth_event(const struct observation *o, event_matcher matches, const void *context, size_t n);

/* For event_matcher: of a kind and by a process; pid 0: by any. */
struct of_process {
	enum event_kind kind;
	pid_t pid;
};
bool matches_process(const Capsule8__Api__V0__Event *event, const void *of_process);

#endif
