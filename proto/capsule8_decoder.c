#include "proto/capsule8_decoder.h"

#include "proto/capsule8_place.h"
#include "proto/capsule8_throttle.h"
#include "proto/message_check.h"
#include "subscription/status.h"

#include <errno.h>
#include <inttypes.h>

typedef Capsule8__Api__V0__EventFilter event_filter;

/* What the sensor makes itself is in no container: refused is better than silent. */
static int refuse_generator(const struct place *at)
{
	struct clause *clause = place_add_clause(at, EVENT_KIND_COUNT);

	if (!clause)
		return -ENOMEM;
	if (clause_refuse(
		    clause, STATUS_INVALID_ARGUMENT,
		    "subscription.event_filter.%s[%zu]: its events come from no container, and subscription.container_filter leaves only "
		    "events of containers",
		    at->list, at->index))
		return place_no_memory(at);
	return 0;
}

static int decode_ticker(const struct place *at, const Capsule8__Api__V0__TickerEventFilter *filter)
{
	struct clause *clause;

	if (filter->interval <= 0)
		return place_refuse(at, "interval", "%" PRId64 "; must be at least 1 (nanoseconds)", filter->interval);
	if (at->spec->containers)
		return refuse_generator(at);
	clause = place_add_clause(at, EVENT_TICKER);
	if (!clause)
		return -ENOMEM;
	clause->interval_ns = (uint64_t)filter->interval;
	return 0;
}

static int decode_chargen(const struct place *at, const Capsule8__Api__V0__ChargenEventFilter *filter)
{
	struct clause *clause;

	if (!filter->length || filter->length > CAPSULE8_CHARGEN_MAX)
		return place_refuse(at, "length", "%" PRIu64 "; must be 1 to %d (characters)", filter->length, CAPSULE8_CHARGEN_MAX);
	if (at->spec->containers)
		return refuse_generator(at);
	clause = place_add_clause(at, EVENT_CHARGEN);
	if (!clause)
		return -ENOMEM;
	clause->length = (uint32_t)filter->length;
	return 0;
}

static int check_clause_count(const event_filter *f, struct error *err)
{
	size_t count = f->n_syscall_events + f->n_process_events + f->n_file_events + f->n_kernel_events + f->n_network_events +
		       f->n_performance_events + f->n_user_events + f->n_container_events + f->n_chargen_events + f->n_ticker_events;

	if (!count)
		return error_set(err, -EINVAL, "subscription.event_filter: empty; must have at least one filter");
	if (count > CAPSULE8_CLAUSES_MAX)
		return error_set(err, -EINVAL, "subscription.event_filter: has %zu filters; at most %d are allowed", count,
				 CAPSULE8_CLAUSES_MAX);
	return 0;
}

/* Gives each filter of a list to decode(at, filter). */
#define DECODE_EACH(name, decode)                                                                                  \
	for (size_t i = 0; i < f->n_##name; i++) {                                                                 \
		const struct place at = {.spec = spec, .list = #name, .index = i, .options = options, .err = err}; \
		int r = decode;                                                                                    \
                                                                                                                   \
		if (r)                                                                                             \
			return r;                                                                                  \
	}

static int decode_filters(struct subscription_spec *spec, const event_filter *f, const struct capsule8_decode_options *options,
			  struct error *err)
{
	DECODE_EACH(syscall_events, place_decode_syscall(&at, f->syscall_events[i]))
	DECODE_EACH(process_events, place_decode_process(&at, f->process_events[i]))
	DECODE_EACH(file_events, place_decode_file(&at, f->file_events[i]))
	DECODE_EACH(kernel_events, place_decode_kernel_call(&at, f->kernel_events[i]))
	DECODE_EACH(network_events, place_decode_network(&at, f->network_events[i]))
	DECODE_EACH(performance_events, place_decode_performance(&at, f->performance_events[i]))
	DECODE_EACH(user_events, place_decode_user_call(&at, f->user_events[i]))
	DECODE_EACH(container_events, place_decode_container(&at, f->container_events[i]))
	DECODE_EACH(chargen_events, decode_chargen(&at, f->chargen_events[i]))
	DECODE_EACH(ticker_events, decode_ticker(&at, f->ticker_events[i]))
	return 0;
}

/* Of a duration that is not there *ret stays as it is. */
static int decode_duration(const char *name, const Google__Protobuf__Int64Value *duration, uint64_t *ret, struct error *err)
{
	if (!duration)
		return 0;
	if (duration->value < 0)
		return error_set(err, -EINVAL, "subscription.%s: %" PRId64 "; must not be negative (nanoseconds)", name, duration->value);
	*ret = (uint64_t)duration->value;
	return 0;
}

static int decode_window(struct subscription_spec *spec, const Capsule8__Api__V0__Subscription *s, struct error *err)
{
	int r = decode_duration("since_duration", s->since_duration, &spec->since_ns, err);

	spec->has_for = s->for_duration;
	return r ? r : decode_duration("for_duration", s->for_duration, &spec->for_ns, err);
}

static int decode_modifier(struct subscription_spec *spec, const Capsule8__Api__V0__Modifier *modifier, struct error *err)
{
	if (!modifier)
		return 0;
	if (modifier->limit) {
		if (modifier->limit->limit <= 0)
			return error_set(err, -EINVAL, "subscription.modifier.limit.limit: %" PRId64 "; must be at least 1",
					 modifier->limit->limit);
		spec->limit = (uint64_t)modifier->limit->limit;
	}
	return modifier->throttle ? capsule8_throttle_decode(modifier->throttle, &spec->throttle_ns, err) : 0;
}

static int add_containers(struct container_filter *to, enum container_filter_list list, char *const *values, size_t count,
			  struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = container_filter_add(to, list, values[i], err);

		if (r)
			return error_prefix(err, r, "subscription.container_filter.%s[%zu]", container_filter_list_name(list), i);
	}
	return 0;
}

static int decode_container_filter(struct subscription_spec *spec, const Capsule8__Api__V0__ContainerFilter *f, struct error *err)
{
	struct container_filter *to;
	int r;

	if (!f || !(f->n_ids + f->n_names + f->n_image_ids + f->n_image_names))
		return 0;
	to = spec->containers = container_filter_new();
	if (!to)
		return error_set(err, -ENOMEM, "out of memory");
	r = add_containers(to, CONTAINER_FILTER_ID, f->ids, f->n_ids, err);
	if (!r)
		r = add_containers(to, CONTAINER_FILTER_NAME, f->names, f->n_names, err);
	if (!r)
		r = add_containers(to, CONTAINER_FILTER_IMAGE_ID, f->image_ids, f->n_image_ids, err);
	return r ? r : add_containers(to, CONTAINER_FILTER_IMAGE_NAME, f->image_names, f->n_image_names, err);
}

static int decode_subscription(struct subscription_spec *spec, const Capsule8__Api__V0__Subscription *s,
			       const struct capsule8_decode_options *options, struct error *err)
{
	int r;

	if (!s)
		return error_set(err, -EINVAL, "subscription: not set; must say what to send");
	if (!s->event_filter)
		return error_set(err, -EINVAL, "subscription.event_filter: not set; must have at least one filter");
	r = check_clause_count(s->event_filter, err);
	if (!r)
		r = decode_modifier(spec, s->modifier, err);
	if (!r)
		r = decode_window(spec, s, err);
	if (!r)
		r = decode_container_filter(spec, s->container_filter, err);
	return r ? r : decode_filters(spec, s->event_filter, options, err);
}

int capsule8_decode_request(const uint8_t *bytes, size_t size, const struct capsule8_decode_options *options,
			    struct subscription_spec **ret, struct error *err)
{
	static const struct capsule8_decode_options nothing_more;
	Capsule8__Api__V0__GetEventsRequest *request;
	struct subscription_spec *spec;
	/* Places put their path in front of an error: there has to be one. */
	struct error unused = {0};
	int r;

	err = err ? err : &unused;
	r = message_check(&capsule8__api__v0__get_events_request__descriptor, bytes, size, err);
	if (r)
		return r;
	request = capsule8__api__v0__get_events_request__unpack(NULL, size, bytes);
	if (!request)
		return error_set(err, -EINVAL, "the bytes are not a capsule8.api.v0.GetEventsRequest");
	spec = subscription_spec_new();
	r = spec ? decode_subscription(spec, request->subscription, options ? options : &nothing_more, err)
		 : error_set(err, -ENOMEM, "out of memory");
	capsule8__api__v0__get_events_request__free_unpacked(request, NULL);
	if (r) {
		subscription_spec_free(spec);
		return r;
	}
	*ret = spec;
	return 0;
}
