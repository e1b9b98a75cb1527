#include "proto/capsule8_request.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/capsule8_events.h"
#include "proto/capsule8_expression.h"
#include "proto/capsule8_throttle.h"
#include "sensor/probe_request.h"
#include "subscription/query_print.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

/* Of a filter, in an error. */
#define SHOWN_MAX_BYTES 200

/* One filter with the memory of the values that it may point to. */
struct filter {
	/* From calloc: what the filter's lists point to. */
	void *memory;
	struct capsule8_expression_messages *messages;
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
		Capsule8__Api__V0__ContainerEventFilter container;
		Capsule8__Api__V0__TickerEventFilter ticker;
		Capsule8__Api__V0__ChargenEventFilter chargen;
	};
};

static void filter_done(struct filter *f)
{
	capsule8_expression_messages_free(f->messages);
	free(f->memory);
}

/*
 * A filter's own fields, in the order in which the decoder ANDs them, which is the order of these tables. The conditions that a filter begins
 * with go into them as long as they come in that order, and the rest into filter_expression: so what was one AND is the same AND again. Old
 * servers know the fields of old.
 */
struct own_field {
	const char *name; /* the catalog's */
	enum expression_type type;
	/* Whether the filter has taken the value. */
	bool (*set)(struct filter *to, size_t index, const struct expression *value);
};

static bool set_id(struct filter *to, size_t index, const struct expression *value)
{
	(void)index;
	google__protobuf__int64_value__init(&to->syscall.id);
	to->syscall.id.value = (int64_t)value->integer;
	to->syscall.filter.id = &to->syscall.id;
	return true;
}

static bool set_abi(struct filter *to, size_t index, const struct expression *value)
{
	(void)index;
	if (value->integer != SAMPLE_ABI_32 && value->integer != SAMPLE_ABI_64)
		return false;
	to->syscall.filter.abi = value->integer == SAMPLE_ABI_32 ? CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386
								 : CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64;
	return true;
}

#define ARGUMENTS 2 /* index of arg0 */

static bool set_argument(struct filter *to, size_t index, const struct expression *value)
{
	Capsule8__Api__V0__SyscallEventFilter *f = &to->syscall.filter;
	Google__Protobuf__UInt64Value **const members[] = {&f->arg0, &f->arg1, &f->arg2, &f->arg3, &f->arg4, &f->arg5};
	Google__Protobuf__UInt64Value *argument = &to->syscall.arguments[index - ARGUMENTS];

	google__protobuf__uint64_value__init(argument);
	argument->value = value->integer;
	*members[index - ARGUMENTS] = argument;
	return true;
}

static bool set_ret(struct filter *to, size_t index, const struct expression *value)
{
	(void)index;
	google__protobuf__int64_value__init(&to->syscall.ret);
	to->syscall.ret.value = (int64_t)value->integer;
	to->syscall.filter.ret = &to->syscall.ret;
	return true;
}

static const struct own_field syscall_fields[] = {
	{"id", EXPRESSION_EQ, set_id},         {"abi", EXPRESSION_EQ, set_abi},       {"arg0", EXPRESSION_EQ, set_argument},
	{"arg1", EXPRESSION_EQ, set_argument}, {"arg2", EXPRESSION_EQ, set_argument}, {"arg3", EXPRESSION_EQ, set_argument},
	{"arg4", EXPRESSION_EQ, set_argument}, {"arg5", EXPRESSION_EQ, set_argument}, {"ret", EXPRESSION_EQ, set_ret},
};

static Google__Protobuf__StringValue *string_value(Google__Protobuf__StringValue *to, const struct expression *value)
{
	google__protobuf__string_value__init(to);
	to->value = value->string;
	return to;
}

static Google__Protobuf__Int32Value *int32_value(Google__Protobuf__Int32Value *to, const struct expression *value)
{
	google__protobuf__int32_value__init(to);
	to->value = (int32_t)(int64_t)value->integer;
	return to;
}

static bool set_exec_filename(struct filter *to, size_t index, const struct expression *value)
{
	if (index)
		to->process.filter.exec_filename_pattern = string_value(&to->process.pattern, value);
	else
		to->process.filter.exec_filename = string_value(&to->process.filename, value);
	return true;
}

static bool set_exit_code(struct filter *to, size_t index, const struct expression *value)
{
	(void)index;
	to->process.filter.exit_code = int32_value(&to->process.exit_code, value);
	return true;
}

static const struct own_field process_fields[] = {
	{"exec_filename", EXPRESSION_EQ, set_exec_filename},
	{"exec_filename", EXPRESSION_LIKE, set_exec_filename},
	{"exit_code", EXPRESSION_EQ, set_exit_code},
};

static bool set_filename(struct filter *to, size_t index, const struct expression *value)
{
	if (index)
		to->file.filter.filename_pattern = string_value(&to->file.pattern, value);
	else
		to->file.filter.filename = string_value(&to->file.filename, value);
	return true;
}

#define FLAGS_INDEX 2

static bool set_mask(struct filter *to, size_t index, const struct expression *value)
{
	if (!value->integer)
		return false;
	if (index == FLAGS_INDEX)
		to->file.filter.open_flags_mask = int32_value(&to->file.flags, value);
	else
		to->file.filter.create_mode_mask = int32_value(&to->file.mode, value);
	return true;
}

/* NULL: what the kind calls the name (capsule8_file_name_field()). */
static const struct own_field file_fields[] = {
	{NULL, EXPRESSION_EQ, set_filename},
	{NULL, EXPRESSION_LIKE, set_filename},
	{"open_flags", EXPRESSION_BITWISE_AND, set_mask},
	{"open_mode", EXPRESSION_BITWISE_AND, set_mask},
};

/* `(FIELD & MASK) != 0` as clause_add() makes it: what is in brackets. Else the condition itself. */
static const struct expression *without_mask(const struct expression *condition)
{
	const struct expression *masked = condition->first;

	if (condition->type != EXPRESSION_NE || masked->type != EXPRESSION_BITWISE_AND || masked->next->type != EXPRESSION_VALUE ||
	    masked->next->integer)
		return condition;
	return masked;
}

/* The row from `next` on that a condition can go into; NULL: none. */
static const struct own_field *find_own_field(enum event_kind kind, const struct own_field *next, const struct own_field *end,
					      const struct expression *condition, const struct expression **ret_value)
{
	const struct expression *e = without_mask(condition), *field = e->first;

	if (!field || !field->next || field->type != EXPRESSION_FIELD || !field->field || field->next->type != EXPRESSION_VALUE)
		return NULL;
	*ret_value = field->next;
	for (; next < end; next++) {
		const char *name = next->name ? next->name : capsule8_file_name_field(kind);

		if (next->type == e->type && field->field == catalog_field(kind, name))
			return next;
	}
	return NULL;
}

/* For filters that have none. */
static const struct own_field no_fields[1];

/* A clause's filter, into the filter's own fields and what *ret points to. */
static int set_conditions(const struct clause *c, struct filter *to, const struct own_field *rows, size_t count,
			  Capsule8__Api__V0__Expression **ret, struct error *err)
{
	const struct expression *e = c->filter && c->filter->type == EXPRESSION_AND ? c->filter->first : c->filter;
	size_t next = 0;

	for (; e && next < count; e = e->next) {
		const struct expression *value;
		const struct own_field *row = find_own_field(c->kind, rows + next, rows + count, e, &value);

		if (!row || !row->set(to, (size_t)(row - rows), value))
			break;
		next = (size_t)(row - rows) + 1;
	}
	return e ? capsule8_expression_encode(e, c->request, &to->messages, ret, err) : 0;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int set_none(const struct clause *c, struct error *err)
{
	struct buffer text;

	if (!c->filter)
		return 0;
	buffer_init(&text, SHOWN_MAX_BYTES);
	expression_print(c->filter, c->request, &text);
	error_set(err, -EINVAL, "%s events have no filter in the contract: \"%.*s\" cannot be sent", catalog_entry(c->kind)->family,
		  (int)text.length, (const char *)text.data);
	buffer_done(&text);
	return -EINVAL;
}

static int add_syscall(const struct clause *c, struct filter *to, Capsule8__Api__V0__SyscallEventType type,
		       Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__syscall_event_filter__init(&to->syscall.filter);
	to->syscall.filter.type = type;
	filter->syscall_events[filter->n_syscall_events++] = &to->syscall.filter;
	return set_conditions(c, to, syscall_fields, COUNT(syscall_fields), &to->syscall.filter.filter_expression, err);
}

static int add_process(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__process_event_filter__init(&to->process.filter);
	to->process.filter.type = capsule8_process_type(c->kind);
	filter->process_events[filter->n_process_events++] = &to->process.filter;
	return set_conditions(c, to, process_fields, COUNT(process_fields), &to->process.filter.filter_expression, err);
}

static int add_file(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__file_event_filter__init(&to->file.filter);
	to->file.filter.type = capsule8_file_type(c->kind);
	filter->file_events[filter->n_file_events++] = &to->file.filter;
	return set_conditions(c, to, file_fields, COUNT(file_fields), &to->file.filter.filter_expression, err);
}

static int add_network(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__network_event_filter__init(&to->network);
	to->network.type = capsule8_network_type(c->kind);
	filter->network_events[filter->n_network_events++] = &to->network;
	return set_conditions(c, to, no_fields, 0, &to->network.filter_expression, err);
}

static int add_container(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__container_event_filter__init(&to->container);
	to->container.type = capsule8_container_type(c->kind);
	if (c->detail == DETAIL_FULL)
		to->container.view = CAPSULE8__API__V0__CONTAINER_EVENT_VIEW__FULL;
	filter->container_events[filter->n_container_events++] = &to->container;
	return set_conditions(c, to, no_fields, 0, &to->container.filter_expression, err);
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
	return set_conditions(c, to, no_fields, 0, &f->filter_expression, err);
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
	return set_conditions(c, to, no_fields, 0, &f->filter_expression, err);
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
	return r ? r : set_none(c, err);
}

static int add_ticker(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	if (c->interval_ns > INT64_MAX)
		return error_set(err, -EINVAL, "interval: %" PRIu64 " ns is too long", c->interval_ns);
	capsule8__api__v0__ticker_event_filter__init(&to->ticker);
	to->ticker.interval = (int64_t)c->interval_ns;
	filter->ticker_events[filter->n_ticker_events++] = &to->ticker;
	return set_none(c, err);
}

static int add_chargen(const struct clause *c, struct filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__chargen_event_filter__init(&to->chargen);
	to->chargen.length = c->length;
	filter->chargen_events[filter->n_chargen_events++] = &to->chargen;
	return set_none(c, err);
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
	case EVENT_CONTAINER_CREATED:
	case EVENT_CONTAINER_RUNNING:
	case EVENT_CONTAINER_EXITED:
	case EVENT_CONTAINER_DESTROYED:
	case EVENT_CONTAINER_UPDATED:
		return add_container(c, to, filter, err);
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

#define LISTS 10

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
	filter.container_events = (void *)(lists + 9 * room);
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
		filter_done(&filters[i]);
	free(filters);
	free(lists);
	return r;
}
