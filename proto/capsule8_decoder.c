#include "proto/capsule8_decoder.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/capsule8_events.h"
#include "proto/message_check.h"
#include "subscription/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 4

typedef Capsule8__Api__V0__EventFilter event_filter;

/* Where a filter stands in the request, and what is made of it. */
struct place {
	struct subscription_spec *spec;
	const char *list;
	size_t index;
	struct error *err;
};

static int prefix(const struct place *at, const char *field)
{
	return error_prefix(at->err, at->err->code, "subscription.event_filter.%s[%zu].%s", at->list, at->index, field);
}

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

/* "A (1), B (2)", or "A (1) to Z (26)" when there are many. The value 0 is never allowed. */
static void list_values(const ProtobufCEnumDescriptor *type, char *to, size_t size)
{
	const ProtobufCEnumValue *first = &type->values[1];
	const ProtobufCEnumValue *last = &type->values[type->n_values - 1];
	size_t length = 0;

	if (type->n_values - 1 > NAMES_MAX) {
		snprintf(to, size, "%s (%d) to %s (%d)", first->name, first->value, last->name, last->value);
		return;
	}
	for (const ProtobufCEnumValue *v = first; v <= last && length < size; v++)
		length += (size_t)snprintf(to + length, size - length, "%s%s (%d)", v == first ? "" : ", ", v->name, v->value);
}

static int check_enum(const struct place *at, const char *field, const ProtobufCEnumDescriptor *type, int value)
{
	char allowed[256];

	if (value && protobuf_c_enum_descriptor_get_value(type, value))
		return 0;
	list_values(type, allowed, sizeof(allowed));
	error_set(at->err, -EINVAL, "%d%s; must be %s", value, value ? "" : " (unspecified)", allowed);
	return prefix(at, field);
}

static int check_no_expression(const struct place *at, const Capsule8__Api__V0__Expression *expression)
{
	if (!expression)
		return 0;
	error_set(at->err, -EOPNOTSUPP, "expressions are not served by this sensor; use the filter's own fields");
	return prefix(at, "filter_expression");
}

static int add_integer(const struct place *at, struct clause *clause, const char *field, uint64_t value)
{
	if (clause_add(clause, field, PREDICATE_EQUAL, value, NULL, at->err))
		return prefix(at, field);
	return 0;
}

static int add_string(const struct place *at, struct clause *clause, const char *field, enum predicate_operator op,
		      const Google__Protobuf__StringValue *value)
{
	const char *name = op == PREDICATE_GLOB ? "exec_filename_pattern" : field;
	size_t length;

	if (!value)
		return 0;
	length = strlen(value->value);
	if (length > CAPSULE8_PATTERN_MAX_BYTES) {
		error_set(at->err, -EINVAL, "%zu bytes long; at most %d are allowed", length, CAPSULE8_PATTERN_MAX_BYTES);
		return prefix(at, name);
	}
	if (clause_add(clause, field, op, 0, value->value, at->err))
		return prefix(at, name);
	return 0;
}

static int add_abi(const struct place *at, struct clause *clause, Capsule8__Api__V0__SyscallAbi abi)
{
	if (abi == CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_UNSPECIFIED)
		return add_integer(at, clause, "abi", SAMPLE_ABI_64);
	if (check_enum(at, "abi", &capsule8__api__v0__syscall_abi__descriptor, (int)abi))
		return -EINVAL;
	return add_integer(at, clause, "abi", abi == CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386 ? SAMPLE_ABI_32 : SAMPLE_ABI_64);
}

static int add_arguments(const struct place *at, struct clause *clause, const Capsule8__Api__V0__SyscallEventFilter *filter)
{
	static const char *const names[] = {"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"};
	const Google__Protobuf__UInt64Value *values[] = {filter->arg0, filter->arg1, filter->arg2,
							 filter->arg3, filter->arg4, filter->arg5};
	int r;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!values[i])
			continue;
		if (clause->kind != EVENT_SYSCALL_ENTER) {
			error_set(at->err, -EINVAL, "%" PRIu64 "; arguments belong to type SYSCALL_EVENT_TYPE_ENTER only",
				  values[i]->value);
			return prefix(at, names[i]);
		}
		r = add_integer(at, clause, names[i], values[i]->value);
		if (r)
			return r;
	}
	return 0;
}

static int add_ret(const struct place *at, struct clause *clause, const Google__Protobuf__Int64Value *value)
{
	if (!value)
		return 0;
	if (clause->kind != EVENT_SYSCALL_EXIT) {
		error_set(at->err, -EINVAL, "%" PRId64 "; the return value belongs to type SYSCALL_EVENT_TYPE_EXIT only", value->value);
		return prefix(at, "ret");
	}
	return add_integer(at, clause, "ret", (uint64_t)value->value);
}

static int decode_syscall(const struct place *at, const Capsule8__Api__V0__SyscallEventFilter *filter)
{
	struct clause *clause;
	int r;

	r = check_enum(at, "type", &capsule8__api__v0__syscall_event_type__descriptor, (int)filter->type);
	if (r)
		return r;
	r = check_no_expression(at, filter->filter_expression);
	if (r)
		return r;
	if (!filter->id) {
		error_set(at->err, -EINVAL, "not set; must name a system call by its number");
		return prefix(at, "id");
	}
	clause = subscription_spec_add(at->spec, filter->type == CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER
							 ? EVENT_SYSCALL_ENTER
							 : EVENT_SYSCALL_EXIT);
	if (!clause)
		return no_memory(at->err);
	r = add_integer(at, clause, "id", (uint64_t)filter->id->value);
	if (!r)
		r = add_abi(at, clause, filter->abi);
	if (!r)
		r = add_arguments(at, clause, filter);
	if (!r)
		r = add_ret(at, clause, filter->ret);
	return r;
}

static int add_refusal(const struct place *at, const char *what)
{
	struct clause *clause = subscription_spec_add(at->spec, EVENT_KIND_COUNT);

	if (!clause)
		return no_memory(at->err);
	clause->refusal_code = STATUS_UNIMPLEMENTED;
	if (asprintf(&clause->refusal, "subscription.event_filter.%s[%zu]: %s events are not served by this sensor", at->list, at->index,
		     what) < 0) {
		clause->refusal = NULL;
		return no_memory(at->err);
	}
	return 0;
}

/* A filter of a kind that is not served: its type must exist all the same. `type` NULL: it has none. */
static int decode_unserved(const struct place *at, const char *what, const ProtobufCEnumDescriptor *type, int value)
{
	int r = type ? check_enum(at, "type", type, value) : 0;

	return r ? r : add_refusal(at, what);
}

static int refuse_exec_only(const struct place *at, const char *field, const char *value)
{
	error_set(at->err, -EINVAL, "\"%.100s\"; file names belong to type PROCESS_EVENT_TYPE_EXEC only", value);
	return prefix(at, field);
}

static int check_process_fields(const struct place *at, const Capsule8__Api__V0__ProcessEventFilter *filter)
{
	if (filter->type != CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC) {
		if (filter->exec_filename)
			return refuse_exec_only(at, "exec_filename", filter->exec_filename->value);
		if (filter->exec_filename_pattern)
			return refuse_exec_only(at, "exec_filename_pattern", filter->exec_filename_pattern->value);
	}
	if (filter->type != CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT && filter->exit_code) {
		error_set(at->err, -EINVAL, "%" PRId32 "; exit codes belong to type PROCESS_EVENT_TYPE_EXIT only",
			  filter->exit_code->value);
		return prefix(at, "exit_code");
	}
	return 0;
}

static int decode_process(const struct place *at, const Capsule8__Api__V0__ProcessEventFilter *filter)
{
	enum event_kind kind = capsule8_process_kind(filter->type);
	struct clause *clause;
	int r;

	r = check_enum(at, "type", &capsule8__api__v0__process_event_type__descriptor, (int)filter->type);
	if (!r)
		r = check_process_fields(at, filter);
	if (r)
		return r;
	if (kind == EVENT_KIND_COUNT)
		return add_refusal(at, "process update");
	r = check_no_expression(at, filter->filter_expression);
	if (r)
		return r;
	clause = subscription_spec_add(at->spec, kind);
	if (!clause)
		return no_memory(at->err);
	r = add_string(at, clause, "exec_filename", PREDICATE_EQUAL, filter->exec_filename);
	if (!r)
		r = add_string(at, clause, "exec_filename", PREDICATE_GLOB, filter->exec_filename_pattern);
	if (!r && filter->exit_code)
		r = add_integer(at, clause, "exit_code", (uint64_t)(int64_t)filter->exit_code->value);
	return r;
}

static int decode_ticker(const struct place *at, const Capsule8__Api__V0__TickerEventFilter *filter)
{
	struct clause *clause;

	if (filter->interval <= 0) {
		error_set(at->err, -EINVAL, "%" PRId64 "; must be at least 1 (nanoseconds)", filter->interval);
		return prefix(at, "interval");
	}
	clause = subscription_spec_add(at->spec, EVENT_TICKER);
	if (!clause)
		return no_memory(at->err);
	clause->interval_ns = (uint64_t)filter->interval;
	return 0;
}

static int decode_chargen(const struct place *at, const Capsule8__Api__V0__ChargenEventFilter *filter)
{
	struct clause *clause;

	if (!filter->length || filter->length > CAPSULE8_CHARGEN_MAX) {
		error_set(at->err, -EINVAL, "%" PRIu64 "; must be 1 to %d (characters)", filter->length, CAPSULE8_CHARGEN_MAX);
		return prefix(at, "length");
	}
	clause = subscription_spec_add(at->spec, EVENT_CHARGEN);
	if (!clause)
		return no_memory(at->err);
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
#define DECODE_EACH(name, decode)                                                              \
	for (size_t i = 0; i < f->n_##name; i++) {                                             \
		const struct place at = {.spec = spec, .list = #name, .index = i, .err = err}; \
		int r = decode;                                                                \
                                                                                               \
		if (r)                                                                         \
			return r;                                                              \
	}
#define UNSERVED(name, what, type_name) \
	DECODE_EACH(name, decode_unserved(&at, what, &capsule8__api__v0__##type_name##__descriptor, (int)f->name[i]->type))

static int decode_filters(struct subscription_spec *spec, const event_filter *f, struct error *err)
{
	DECODE_EACH(syscall_events, decode_syscall(&at, f->syscall_events[i]))
	DECODE_EACH(process_events, decode_process(&at, f->process_events[i]))
	UNSERVED(file_events, "file", file_event_type)
	UNSERVED(kernel_events, "kernel function call", kernel_function_call_event_type)
	UNSERVED(network_events, "network", network_event_type)
	DECODE_EACH(performance_events, decode_unserved(&at, "performance", NULL, 0))
	UNSERVED(user_events, "user function call", user_function_call_event_type)
	UNSERVED(container_events, "container", container_event_type)
	DECODE_EACH(chargen_events, decode_chargen(&at, f->chargen_events[i]))
	DECODE_EACH(ticker_events, decode_ticker(&at, f->ticker_events[i]))
	return 0;
}

static int check_duration(const char *name, const Google__Protobuf__Int64Value *duration, struct error *err)
{
	if (!duration)
		return 0;
	if (duration->value < 0)
		return error_set(err, -EINVAL, "subscription.%s: %" PRId64 "; must not be negative (nanoseconds)", name, duration->value);
	return error_set(err, -EOPNOTSUPP, "subscription.%s: not served by this sensor, which keeps no history and sets no end", name);
}

static int check_throttle(const Capsule8__Api__V0__ThrottleModifier *throttle, struct error *err)
{
	if (!throttle)
		return 0;
	if (throttle->interval <= 0)
		return error_set(err, -EINVAL, "subscription.modifier.throttle.interval: %" PRId64 "; must be at least 1",
				 throttle->interval);
	if (!protobuf_c_enum_descriptor_get_value(&capsule8__api__v0__throttle_modifier__interval_type__descriptor,
						  (int)throttle->interval_type))
		return error_set(err, -EINVAL, "subscription.modifier.throttle.interval_type: %d; must be MILLISECOND (0) to HOUR (3)",
				 (int)throttle->interval_type);
	return error_set(err, -EOPNOTSUPP, "subscription.modifier.throttle: not served by this sensor");
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
	return check_throttle(modifier->throttle, err);
}

static int check_container_filter(const Capsule8__Api__V0__ContainerFilter *f, struct error *err)
{
	if (!f || !(f->n_ids + f->n_names + f->n_image_ids + f->n_image_names))
		return 0;
	return error_set(err, -EOPNOTSUPP, "subscription.container_filter: containers are not served by this sensor");
}

static int decode_subscription(struct subscription_spec *spec, const Capsule8__Api__V0__Subscription *s, struct error *err)
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
		r = check_duration("since_duration", s->since_duration, err);
	if (!r)
		r = check_duration("for_duration", s->for_duration, err);
	if (!r)
		r = check_container_filter(s->container_filter, err);
	return r ? r : decode_filters(spec, s->event_filter, err);
}

int capsule8_decode_request(const uint8_t *bytes, size_t size, struct subscription_spec **ret, struct error *err)
{
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
	r = spec ? decode_subscription(spec, request->subscription, err) : no_memory(err);
	capsule8__api__v0__get_events_request__free_unpacked(request, NULL);
	if (r) {
		subscription_spec_free(spec);
		return r;
	}
	*ret = spec;
	return 0;
}
