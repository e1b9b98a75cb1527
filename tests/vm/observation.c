#include "tests/vm/observation.h"
#include "base/clock.h"
#include "proto/capsule8_request.h"
#include "service/grpc_client.h"
#include "tests/vm/scenario.h"
#include "tests/vm/ways.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET_EVENTS "/capsule8.api.v0.TelemetryService/GetEvents"
#define QUIET_MS   500
#define SETTLE_MS  UINT64_C(5000)
/* More than any scenario makes, less than would fill a guest's memory. */
#define EVENTS_MAX 100000

struct observation {
	struct grpc_client *client;
	struct grpc_client_call *call;
	const Capsule8__Api__V0__Event *events[EVENTS_MAX];
	size_t count;
	uint64_t lost;
};

struct subscription_spec *wish(enum event_kind kind)
{
	struct subscription_spec *spec = subscription_spec_new();

	CHECK(spec, "no memory");
	wish_also(spec, kind);
	return spec;
}

struct clause *wish_also(struct subscription_spec *spec, enum event_kind kind)
{
	struct clause *clause = subscription_spec_add(spec, kind);

	CHECK(clause, "no memory");
	return clause;
}

static void require(struct subscription_spec *spec, const char *field, enum predicate_operator op, uint64_t integer, const char *string)
{
	struct error err;

	if (clause_add(&spec->clauses[spec->clause_count - 1], field, op, integer, string, &err))
		scenario_fail("%s", err.message);
}

void require_integer(struct subscription_spec *spec, const char *field, uint64_t value)
{
	require(spec, field, PREDICATE_EQUAL, value, NULL);
}

void require_bits(struct subscription_spec *spec, const char *field, uint64_t bits)
{
	require(spec, field, PREDICATE_BITS, bits, NULL);
}

void require_string(struct subscription_spec *spec, const char *field, enum predicate_operator op, const char *value)
{
	require(spec, field, op, 0, value);
}

__attribute__((noreturn)) static void fail_ended(struct observation *o)
{
	const char *message;
	int code = grpc_client_call_status(o->call, &message);

	scenario_fail("the sensor ended the stream: %s (code %d)", message, code);
}

static void keep(struct observation *o, const Capsule8__Api__V0__Event *event)
{
	if (!event)
		return;
	if (event->event_case == CAPSULE8__API__V0__EVENT__EVENT_LOST)
		o->lost += event->lost->lost;
	CHECK(o->count < EVENTS_MAX, "too many events for a scenario");
	o->events[o->count++] = event;
}

/* The next response; NULL: none came in time. */
static const Capsule8__Api__V0__GetEventsResponse *receive(struct observation *o, int timeout_ms)
{
	Capsule8__Api__V0__GetEventsResponse *response;
	struct error err;
	const uint8_t *bytes;
	size_t size;
	int r = grpc_client_call_read(o->call, timeout_ms, &bytes, &size);

	if (r == -ETIMEDOUT)
		return NULL;
	if (!r)
		fail_ended(o);
	CHECK(r == 1, "%s", strerror(-r));
	if (capsule8_response_unpack(bytes, size, &response, &err))
		scenario_fail("%s", err.message);
	for (size_t i = 0; i < response->n_events; i++)
		keep(o, response->events[i]->event);
	return response;
}

static void subscribe(struct observation *o, struct subscription_spec *spec)
{
	struct buffer request;
	struct error err;

	buffer_init(&request, 0);
	if (grpc_client_connect(&o->client, scenario_address(), OBSERVATION_TIMEOUT_MS, &err) ||
	    capsule8_encode_request(spec, &request, &err) ||
	    grpc_client_start(o->client, GET_EVENTS, request.data, request.length, &o->call, &err))
		scenario_fail("%s", err.message);
	buffer_done(&request);
	subscription_spec_free(spec);
}

/* `ret_reason` is that of the last clause that is refused. */
static struct observation *start_observation(struct subscription_spec *spec, size_t *ret_refused, const char **ret_reason)
{
	struct observation *o = calloc(1, sizeof(*o));
	const Capsule8__Api__V0__GetEventsResponse *response;

	CHECK(o, "no memory");
	subscribe(o, spec);
	response = receive(o, OBSERVATION_TIMEOUT_MS);
	if (!response)
		scenario_fail("the sensor does not answer the subscription");
	*ret_refused = 0;
	for (size_t i = 0; i < response->n_statuses; i++) {
		if (!response->statuses[i]->code)
			continue;
		++*ret_refused;
		*ret_reason = response->statuses[i]->message;
	}
	return o;
}

struct observation *observe_in_part(struct subscription_spec *spec, size_t *ret_refused)
{
	const char *reason;

	return start_observation(spec, ret_refused, &reason);
}

struct observation *try_observe(struct subscription_spec *spec, const char **ret_reason)
{
	size_t refused;
	struct observation *o = start_observation(spec, &refused, ret_reason);

	return refused ? NULL : o;
}

struct observation *observe(struct subscription_spec *spec)
{
	bool is_lacking = false;
	const char *reason;
	struct observation *o;

	for (size_t i = 0; i < spec->clause_count; i++)
		is_lacking = is_lacking || ways_lack_kind(spec->clauses[i].kind);
	o = try_observe(spec, &reason);
	if (!o && is_lacking)
		scenario_pass();
	if (!o)
		scenario_fail("the sensor refuses: %s", reason);
	CHECK(!is_lacking, "what cannot be had is not refused");
	return o;
}

void forget(struct observation *o)
{
	o->call = grpc_client_call_free(o->call);
	o->client = grpc_client_free(o->client);
}

static int remaining_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	return now_ns < deadline_ns ? (int)((deadline_ns - now_ns) / NSEC_PER_MSEC) : 0;
}

const Capsule8__Api__V0__Event *nth_event(const struct observation *o, event_matcher matches, const void *context, size_t n)
{
	for (size_t i = 0; i < o->count; i++)
		if (matches(o->events[i], context) && !n--)
			return o->events[i];
	return NULL;
}

size_t count_events(const struct observation *o, event_matcher matches, const void *context)
{
	size_t count = 0;

	for (size_t i = 0; i < o->count; i++)
		count += matches(o->events[i], context);
	return count;
}

const Capsule8__Api__V0__Event *await_event(struct observation *o, event_matcher matches, const void *context, const char *what)
{
	uint64_t deadline_ns = clock_monotonic_ns() + OBSERVATION_TIMEOUT_MS * NSEC_PER_MSEC;
	size_t seen = 0;

	for (;;) {
		for (; seen < o->count; seen++)
			if (matches(o->events[seen], context))
				return o->events[seen];
		if (!receive(o, remaining_ms(deadline_ns)))
			scenario_fail("%s did not come; %zu events came, %" PRIu64 " were lost", what, o->count, o->lost);
	}
}

bool matches_process(const Capsule8__Api__V0__Event *event, const void *of_process)
{
	const struct of_process *wanted = of_process;

	return capsule8_event_kind(event) == wanted->kind && (!wanted->pid || event->process_pid == wanted->pid);
}

const Capsule8__Api__V0__Event *await_of_process(struct observation *o, enum event_kind kind, pid_t pid)
{
	const struct catalog_entry *entry = catalog_entry(kind);
	char what[128];

	snprintf(what, sizeof(what), "%s:%s of process %d", entry->family, entry->type, (int)pid);
	return await_event(o, matches_process, &(struct of_process){kind, pid}, what);
}

void settle(struct observation *o)
{
	uint64_t deadline_ns = clock_monotonic_ns() + SETTLE_MS * NSEC_PER_MSEC;

	while (remaining_ms(deadline_ns) && receive(o, QUIET_MS))
		;
	CHECK_INTEGER(o->lost, 0);
}

void receive_some(struct observation *o)
{
	(void)receive(o, QUIET_MS);
}
