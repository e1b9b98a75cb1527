#include "proto/capsule8_request.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/capsule8_events.h"
#include "proto/capsule8_throttle.h"
#include "sensor/probe_request.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

/* One filter with the memory of the values that it may point to. */
struct filter {
	/* From calloc: what the filter's lists point to. */
	void *memory;
	union {
		struct {
			Capsule8__Api__V0__SyscallEventFilter filter;
			Google__Protobuf__Int64Value id, ret;
			Google__Protobuf__UInt64Value arguments[6];
		} syscall;
		struct {
			Capsule8__Api__V0__ProcessEventFilter filter;
			Google__Protobuf__StringValue filename, pattern;
			Google__Protobuf__Int32Value exit_code;
		} process;
		struct {
			Capsule8__Api__V0__FileEventFilter filter;
			Google__Protobuf__StringValue filename, pattern;
			Google__Protobuf__Int32Value flags, mode;
		} file;
		Capsule8__Api__V0__NetworkEventFilter network;
		Capsule8__Api__V0__KernelFunctionCallFilter kernel_call;
		Capsule8__Api__V0__UserFunctionCallFilter user_call;
		Capsule8__Api__V0__PerformanceEventFilter performance;
		Capsule8__Api__V0__TickerEventFilter ticker;
		Capsule8__Api__V0__ChargenEventFilter chargen;
	};
};

static int refuse_predicate(const struct predicate *p, const char *reason, struct error *err)
{
	return error_set(err, -EINVAL, "%s: %s", p->field->name, reason);
}

static int refuse_operator(const struct predicate *p, struct error *err)
{
	return refuse_predicate(p, p->op == PREDICATE_BITS ? "the filter has no mask of it" : "the filter has only a mask of it", err);
}

static Google__Protobuf__Int64Value *int64_value(Google__Protobuf__Int64Value *to, const struct predicate *p)
{
	google__protobuf__int64_value__init(to);
	to->value = (int64_t)p->integer;
	return to;
}

static int set_argument(struct filter *to, const struct predicate *p, struct error *err)
{
	Capsule8__Api__V0__SyscallEventFilter *f = &to->syscall.filter;
	Google__Protobuf__UInt64Value **const members[] = {&f->arg0, &f->arg1, &f->arg2, &f->arg3, &f->arg4, &f->arg5};
	const char *name = p->field->name;
	size_t i;

	if (strncmp(name, "arg", 3) != 0 || name[3] < '0' || name[3] > '5' || name[4])
		return refuse_predicate(p, "not a field of the filter", err);
	i = (size_t)(name[3] - '0');
	if (*members[i])
		return refuse_predicate(p, "asked for twice", err);
	google__protobuf__uint64_value__init(&to->syscall.arguments[i]);
	to->syscall.arguments[i].value = p->integer;
	*members[i] = &to->syscall.arguments[i];
	return 0;
}

static int set_syscall(struct filter *to, const struct predicate *p, struct error *err)
{
	Capsule8__Api__V0__SyscallEventFilter *f = &to->syscall.filter;

	if (p->op != PREDICATE_EQUAL)
		return refuse_operator(p, err);
	if (!strcmp(p->field->name, "id")) {
		if (f->id)
			return refuse_predicate(p, "asked for twice", err);
		f->id = int64_value(&to->syscall.id, p);
		return 0;
	}
	if (!strcmp(p->field->name, "ret")) {
		if (f->ret)
			return refuse_predicate(p, "asked for twice", err);
		f->ret = int64_value(&to->syscall.ret, p);
		return 0;
	}
	if (strcmp(p->field->name, "abi") != 0)
		return set_argument(to, p, err);
	if (f->abi)
		return refuse_predicate(p, "asked for twice", err);
	if (p->integer != SAMPLE_ABI_32 && p->integer != SAMPLE_ABI_64)
		return refuse_predicate(p, "must be 1 (32-bit) or 2 (64-bit)", err);
	f->abi = p->integer == SAMPLE_ABI_32 ? CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386
					     : CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64;
	return 0;
}

static int set_string(Google__Protobuf__StringValue **member, Google__Protobuf__StringValue *value, const struct predicate *p,
		      struct error *err)
{
	if (*member)
		return refuse_predicate(p, "asked for twice", err);
	google__protobuf__string_value__init(value);
	value->value = p->string;
	*member = value;
	return 0;
}

static int set_int32(Google__Protobuf__Int32Value **member, Google__Protobuf__Int32Value *value, const struct predicate *p,
		     struct error *err)
{
	if (*member)
		return refuse_predicate(p, "asked for twice", err);
	google__protobuf__int32_value__init(value);
	value->value = (int32_t)(int64_t)p->integer;
	*member = value;
	return 0;
}

static int set_process(struct filter *to, const struct predicate *p, struct error *err)
{
	Capsule8__Api__V0__ProcessEventFilter *f = &to->process.filter;

	if (p->op == PREDICATE_BITS)
		return refuse_operator(p, err);
	if (!strcmp(p->field->name, "exit_code"))
		return set_int32(&f->exit_code, &to->process.exit_code, p, err);
	if (strcmp(p->field->name, "exec_filename") != 0)
		return refuse_predicate(p, "not a field of the filter", err);
	if (p->op == PREDICATE_GLOB)
		return set_string(&f->exec_filename_pattern, &to->process.pattern, p, err);
	return set_string(&f->exec_filename, &to->process.filename, p, err);
}

static int set_mask(struct filter *to, const struct predicate *p, struct error *err)
{
	Capsule8__Api__V0__FileEventFilter *f = &to->file.filter;
	bool of_flags = !strcmp(p->field->name, "open_flags");

	if (!of_flags && strcmp(p->field->name, "open_mode") != 0)
		return refuse_predicate(p, "not a field of the filter", err);
	if (p->op != PREDICATE_BITS)
		return refuse_operator(p, err);
	if (of_flags)
		return set_int32(&f->open_flags_mask, &to->file.flags, p, err);
	return set_int32(&f->create_mode_mask, &to->file.mode, p, err);
}

static int set_file(struct filter *to, const struct predicate *p, struct error *err)
{
	Capsule8__Api__V0__FileEventFilter *f = &to->file.filter;

	if (strcmp(p->field->name, capsule8_file_name_field(capsule8_file_kind(f->type))) != 0)
		return set_mask(to, p, err);
	if (p->op == PREDICATE_GLOB)
		return set_string(&f->filename_pattern, &to->file.pattern, p, err);
	return set_string(&f->filename, &to->file.filename, p, err);
}

static int set_none(struct filter *to, const struct predicate *p, struct error *err)
{
	(void)to;
	return refuse_predicate(p, "not a field of the filter", err);
}

static int set_predicates(const struct clause *c, struct filter *to,
			  int (*set)(struct filter *to, const struct predicate *p, struct error *err), struct error *err)
{
	for (size_t i = 0; i < c->predicate_count; i++) {
		int r = set(to, &c->predicates[i], err);

		if (r)
			return r;
	}
	return 0;
}

static int add_syscall(const struct clause *c, struct filter *to, Capsule8__Api__V0__SyscallEventType type,
		       Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__syscall_event_filter__init(&to->syscall.filter);
	to->syscall.filter.type = type;
	filter->syscall_events[filter->n_syscall_events++] = &to->syscall.filter;
	return set_predicates(c, to, set_syscall, err);
}

static int add_process(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__process_event_filter__init(&to->process.filter);
	to->process.filter.type = capsule8_process_type(c->kind);
	filter->process_events[filter->n_process_events++] = &to->process.filter;
	return set_predicates(c, to, set_process, err);
}

static int add_file(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__file_event_filter__init(&to->file.filter);
	to->file.filter.type = capsule8_file_type(c->kind);
	filter->file_events[filter->n_file_events++] = &to->file.filter;
	return set_predicates(c, to, set_file, err);
}

static int add_network(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__network_event_filter__init(&to->network);
	to->network.type = capsule8_network_type(c->kind);
	filter->network_events[filter->n_network_events++] = &to->network;
	return set_predicates(c, to, set_none, err);
}

static int refuse_missing_request(struct error *err)
{
	return error_set(err, -EINVAL, "a clause of calls or counters that does not say which");
}

/* A list of pointers to `count` messages of `size` bytes, and behind it the messages. NULL: out of memory. */
static void **list_new(struct filter *to, size_t count, size_t size)
{
	void **list = calloc(1, count * (sizeof(void *) + size) + 1);

	if (!list)
		return NULL;
	to->memory = list;
	for (size_t i = 0; i < count; i++)
		list[i] = (uint8_t *)(list + count) + i * size;
	return list;
}

static int add_kernel_call(const struct clause *c, struct filter *to, Capsule8__Api__V0__KernelFunctionCallEventType type,
			   Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	Capsule8__Api__V0__KernelFunctionCallFilter *f = &to->kernel_call;
	const struct probe_request *request = c->request;
	Capsule8__Api__V0__KernelFunctionCallFilter__ArgumentsEntry **entries;

	if (!request)
		return refuse_missing_request(err);
	capsule8__api__v0__kernel_function_call_filter__init(f);
	f->type = type;
	f->symbol = request->symbol;
	if (request->filter)
		f->filter = request->filter;
	entries = (void *)list_new(to, request->parameter_count, sizeof(**entries));
	if (!entries)
		return error_set(err, -ENOMEM, "no room for the request");
	for (size_t i = 0; i < request->parameter_count; i++) {
		capsule8__api__v0__kernel_function_call_filter__arguments_entry__init(entries[i]);
		entries[i]->key = request->parameters[i].name;
		entries[i]->value = request->parameters[i].expression;
	}
	f->arguments = entries;
	f->n_arguments = request->parameter_count;
	filter->kernel_events[filter->n_kernel_events++] = f;
	return set_predicates(c, to, set_none, err);
}

static int add_user_call(const struct clause *c, struct filter *to, Capsule8__Api__V0__UserFunctionCallEventType type,
			 Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	Capsule8__Api__V0__UserFunctionCallFilter *f = &to->user_call;
	const struct probe_request *request = c->request;
	Capsule8__Api__V0__UserFunctionCallFilter__ArgumentsEntry **entries;

	if (!request)
		return refuse_missing_request(err);
	if (request->filter)
		return error_set(err, -EINVAL, "%s: user calls have no filter", request->key);
	capsule8__api__v0__user_function_call_filter__init(f);
	f->type = type;
	f->executable = request->executable;
	f->symbol = request->symbol;
	entries = (void *)list_new(to, request->parameter_count, sizeof(**entries));
	if (!entries)
		return error_set(err, -ENOMEM, "no room for the request");
	for (size_t i = 0; i < request->parameter_count; i++) {
		capsule8__api__v0__user_function_call_filter__arguments_entry__init(entries[i]);
		entries[i]->key = request->parameters[i].name;
		entries[i]->value = request->parameters[i].expression;
	}
	f->arguments = entries;
	f->n_arguments = request->parameter_count;
	filter->user_events[filter->n_user_events++] = f;
	return set_predicates(c, to, set_none, err);
}

static int counter_type(uint32_t perf_type, Capsule8__Api__V0__PerformanceEventType *ret, struct error *err)
{
	switch (perf_type) {
	case PERF_TYPE_HARDWARE:
		*ret = CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE;
		return 0;
	case PERF_TYPE_HW_CACHE:
		*ret = CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE_CACHE;
		return 0;
	case PERF_TYPE_SOFTWARE:
		*ret = CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_SOFTWARE;
		return 0;
	default:
		return error_set(err, -EINVAL, "counters of type %" PRIu32 " cannot be asked for: hardware, cache and software only",
				 perf_type);
	}
}

static int add_performance(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	Capsule8__Api__V0__PerformanceEventFilter *f = &to->performance;
	const struct probe_request *request = c->request;
	Capsule8__Api__V0__PerformanceEventCounter **events;
	int r = 0;

	if (!request)
		return refuse_missing_request(err);
	capsule8__api__v0__performance_event_filter__init(f);
	events = (void *)list_new(to, request->counter_count, sizeof(**events));
	if (!events)
		return error_set(err, -ENOMEM, "no room for the request");
	for (size_t i = 0; !r && i < request->counter_count; i++) {
		capsule8__api__v0__performance_event_counter__init(events[i]);
		r = counter_type(request->counters[i].type, &events[i]->type, err);
		events[i]->config = request->counters[i].config;
	}
	f->events = events;
	f->n_events = request->counter_count;
	if (request->by_frequency) {
		f->sample_rate_type = CAPSULE8__API__V0__SAMPLE_RATE_TYPE__SAMPLE_RATE_TYPE_FREQUENCY;
		f->sample_rate_case = CAPSULE8__API__V0__PERFORMANCE_EVENT_FILTER__SAMPLE_RATE_FREQUENCY;
		f->frequency = request->rate;
	} else {
		f->sample_rate_type = CAPSULE8__API__V0__SAMPLE_RATE_TYPE__SAMPLE_RATE_TYPE_PERIOD;
		f->sample_rate_case = CAPSULE8__API__V0__PERFORMANCE_EVENT_FILTER__SAMPLE_RATE_PERIOD;
		f->period = request->rate;
	}
	filter->performance_events[filter->n_performance_events++] = f;
	return r ? r : set_predicates(c, to, set_none, err);
}

static int add_ticker(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	if (c->interval_ns > INT64_MAX)
		return error_set(err, -EINVAL, "interval: %" PRIu64 " ns is too long", c->interval_ns);
	capsule8__api__v0__ticker_event_filter__init(&to->ticker);
	to->ticker.interval = (int64_t)c->interval_ns;
	filter->ticker_events[filter->n_ticker_events++] = &to->ticker;
	return set_predicates(c, to, set_none, err);
}

static int add_chargen(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__chargen_event_filter__init(&to->chargen);
	to->chargen.length = c->length;
	filter->chargen_events[filter->n_chargen_events++] = &to->chargen;
	return set_predicates(c, to, set_none, err);
}

static int add_clause(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	switch (c->kind) {
	case EVENT_SYSCALL_ENTER:
		return add_syscall(c, to, CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER, filter, err);
	case EVENT_SYSCALL_EXIT:
		return add_syscall(c, to, CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT, filter, err);
	case EVENT_PROCESS_FORK:
	case EVENT_PROCESS_EXEC:
	case EVENT_PROCESS_EXIT:
	case EVENT_PROCESS_CWD:
	case EVENT_PROCESS_RENAME:
		return add_process(c, to, filter, err);
	case EVENT_FILE_OPEN:
	case EVENT_FILE_CREATE:
	case EVENT_FILE_DELETE:
	case EVENT_FILE_LINK:
	case EVENT_FILE_RENAME:
	case EVENT_FILE_OPEN_FOR_MODIFY:
	case EVENT_FILE_MODIFY:
	case EVENT_FILE_CLOSE_FOR_MODIFY:
	case EVENT_FILE_ATTRIBUTE_CHANGE:
		return add_file(c, to, filter, err);
	case EVENT_CONNECT_ATTEMPT:
	case EVENT_CONNECT_RESULT:
	case EVENT_BIND_ATTEMPT:
	case EVENT_BIND_RESULT:
	case EVENT_LISTEN_ATTEMPT:
	case EVENT_LISTEN_RESULT:
	case EVENT_ACCEPT_ATTEMPT:
	case EVENT_ACCEPT_RESULT:
	case EVENT_SENDTO_ATTEMPT:
	case EVENT_SENDTO_RESULT:
	case EVENT_RECVFROM_ATTEMPT:
	case EVENT_RECVFROM_RESULT:
		return add_network(c, to, filter, err);
	case EVENT_KERNEL_CALL_ENTER:
		return add_kernel_call(c, to, CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_ENTER,
				       filter, err);
	case EVENT_KERNEL_CALL_EXIT:
		return add_kernel_call(c, to, CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_EXIT,
				       filter, err);
	case EVENT_USER_CALL_ENTER:
		return add_user_call(c, to, CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_ENTER, filter,
				     err);
	case EVENT_USER_CALL_EXIT:
		return add_user_call(c, to, CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_EXIT, filter,
				     err);
	case EVENT_PERFORMANCE:
		return add_performance(c, to, filter, err);
	case EVENT_TICKER:
		return add_ticker(c, to, filter, err);
	case EVENT_CHARGEN:
		return add_chargen(c, to, filter, err);
	case EVENT_LOST:
	case EVENT_KIND_COUNT:
		break;
	}
	return error_set(err, -EINVAL, "%s events cannot be asked for", c->kind == EVENT_LOST ? "lost" : "unserved");
}

/* What a subscription's modifier and window point to. */
struct modifiers {
	Capsule8__Api__V0__Modifier modifier;
	Capsule8__Api__V0__LimitModifier limit;
	Capsule8__Api__V0__ThrottleModifier throttle;
	Google__Protobuf__Int64Value since_duration, for_duration;
};

static int set_modifier(const struct subscription_spec *spec, struct modifiers *to, Capsule8__Api__V0__Subscription *subscription,
			struct error *err)
{
	if (spec->limit > INT64_MAX)
		return error_set(err, -EINVAL, "limit: %" PRIu64 " is too many", spec->limit);
	capsule8__api__v0__modifier__init(&to->modifier);
	capsule8__api__v0__limit_modifier__init(&to->limit);
	capsule8__api__v0__throttle_modifier__init(&to->throttle);
	to->limit.limit = (int64_t)spec->limit;
	to->modifier.limit = spec->limit ? &to->limit : NULL;
	to->modifier.throttle = spec->throttle_ns ? &to->throttle : NULL;
	subscription->modifier = spec->limit || spec->throttle_ns ? &to->modifier : NULL;
	return spec->throttle_ns ? capsule8_throttle_encode(spec->throttle_ns, &to->throttle, err) : 0;
}

static int set_duration(const char *name, uint64_t ns, Google__Protobuf__Int64Value *to, Google__Protobuf__Int64Value **member,
			struct error *err)
{
	if (ns > INT64_MAX)
		return error_set(err, -EINVAL, "%s: %" PRIu64 " ns is too long", name, ns);
	google__protobuf__int64_value__init(to);
	to->value = (int64_t)ns;
	*member = to;
	return 0;
}

static int set_modifiers(const struct subscription_spec *spec, struct modifiers *to, Capsule8__Api__V0__Subscription *subscription,
			 struct error *err)
{
	int r = set_modifier(spec, to, subscription, err);

	if (!r && spec->since_ns)
		r = set_duration("since", spec->since_ns, &to->since_duration, &subscription->since_duration, err);
	if (!r && spec->has_for)
		r = set_duration("for", spec->for_ns, &to->for_duration, &subscription->for_duration, err);
	return r;
}

/* `strings` has room for all entries. */
static void set_containers(Capsule8__Api__V0__ContainerFilter *to, const struct container_filter *from, char **strings)
{
	struct {
		char ***strings;
		size_t *count;
	} lists[CONTAINER_FILTER_LISTS] = {
		[CONTAINER_FILTER_ID] = {&to->ids, &to->n_ids},
		[CONTAINER_FILTER_NAME] = {&to->names, &to->n_names},
		[CONTAINER_FILTER_IMAGE_ID] = {&to->image_ids, &to->n_image_ids},
		[CONTAINER_FILTER_IMAGE_NAME] = {&to->image_names, &to->n_image_names},
	};

	for (int list = 0; list < CONTAINER_FILTER_LISTS; list++) {
		*lists[list].strings = strings;
		for (size_t i = 0; i < from->count; i++)
			if (from->entries[i].list == (enum container_filter_list)list)
				*strings++ = from->entries[i].text;
		*lists[list].count = (size_t)(strings - *lists[list].strings);
	}
}

static int pack(const struct subscription_spec *spec, Capsule8__Api__V0__EventFilter *filter, char **strings, struct buffer *out,
		struct error *err)
{
	Capsule8__Api__V0__GetEventsRequest request = CAPSULE8__API__V0__GET_EVENTS_REQUEST__INIT;
	Capsule8__Api__V0__Subscription subscription = CAPSULE8__API__V0__SUBSCRIPTION__INIT;
	Capsule8__Api__V0__ContainerFilter containers = CAPSULE8__API__V0__CONTAINER_FILTER__INIT;
	struct modifiers modifiers;
	uint8_t *to;
	int r;

	request.subscription = &subscription;
	subscription.event_filter = filter;
	r = set_modifiers(spec, &modifiers, &subscription, err);
	if (r)
		return r;
	if (spec->containers) {
		set_containers(&containers, spec->containers, strings);
		subscription.container_filter = &containers;
	}
	to = buffer_reserve(out, capsule8__api__v0__get_events_request__get_packed_size(&request));
	if (!to)
		return error_set(err, -ENOMEM, "no room for the request");
	out->length += capsule8__api__v0__get_events_request__pack(&request, to);
	return 0;
}

#define LISTS 9

/* `filters` has room for all clauses, `lists` for LISTS lists of all of them and, behind those, for all containers. */
static int encode(const struct subscription_spec *spec, struct filter *filters, void **lists, size_t room, struct buffer *out,
		  struct error *err)
{
	Capsule8__Api__V0__EventFilter filter = CAPSULE8__API__V0__EVENT_FILTER__INIT;
	int r = 0;

	filter.syscall_events = (void *)lists;
	filter.process_events = (void *)(lists + room);
	filter.file_events = (void *)(lists + 2 * room);
	filter.network_events = (void *)(lists + 3 * room);
	filter.kernel_events = (void *)(lists + 4 * room);
	filter.user_events = (void *)(lists + 5 * room);
	filter.performance_events = (void *)(lists + 6 * room);
	filter.ticker_events = (void *)(lists + 7 * room);
	filter.chargen_events = (void *)(lists + 8 * room);
	for (size_t i = 0; i < spec->clause_count && !r; i++)
		r = add_clause(&spec->clauses[i], &filters[i], &filter, err);
	return r ? r : pack(spec, &filter, (char **)(lists + LISTS * room), out, err);
}

int capsule8_encode_request(const struct subscription_spec *spec, struct buffer *out, struct error *err)
{
	/* calloc(0) may be NULL. */
	size_t room = spec->clause_count + 1;
	struct filter *filters = calloc(room, sizeof(*filters));
	void **lists = calloc(LISTS * room + (spec->containers ? spec->containers->count : 0), sizeof(void *));
	int r;

	if (filters && lists)
		r = encode(spec, filters, lists, room, out, err);
	else
		r = error_set(err, -ENOMEM, "no room for the request");
	for (size_t i = 0; filters && i < room; i++)
		free(filters[i].memory);
	free(filters);
	free(lists);
	return r;
}
