#include "proto/capsule8_request.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One filter with the memory of the values that it may point to. */
union filter {
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
	Capsule8__Api__V0__TickerEventFilter ticker;
	Capsule8__Api__V0__ChargenEventFilter chargen;
};

static int refuse_predicate(const struct predicate *p, const char *reason, struct error *err)
{
	return error_set(err, -EINVAL, "%s: %s", p->field->name, reason);
}

static Google__Protobuf__Int64Value *int64_value(Google__Protobuf__Int64Value *to, const struct predicate *p)
{
	google__protobuf__int64_value__init(to);
	to->value = (int64_t)p->integer;
	return to;
}

static int set_argument(union filter *to, const struct predicate *p, struct error *err)
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

static int set_syscall(union filter *to, const struct predicate *p, struct error *err)
{
	Capsule8__Api__V0__SyscallEventFilter *f = &to->syscall.filter;

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

static int set_filename(union filter *to, const struct predicate *p, struct error *err)
{
	bool glob = p->op == PREDICATE_GLOB;
	Google__Protobuf__StringValue **member = glob ? &to->process.filter.exec_filename_pattern : &to->process.filter.exec_filename;
	Google__Protobuf__StringValue *value = glob ? &to->process.pattern : &to->process.filename;

	if (*member)
		return refuse_predicate(p, "asked for twice", err);
	google__protobuf__string_value__init(value);
	value->value = p->string;
	*member = value;
	return 0;
}

static int set_process(union filter *to, const struct predicate *p, struct error *err)
{
	if (!strcmp(p->field->name, "exec_filename"))
		return set_filename(to, p, err);
	if (strcmp(p->field->name, "exit_code") != 0)
		return refuse_predicate(p, "not a field of the filter", err);
	if (to->process.filter.exit_code)
		return refuse_predicate(p, "asked for twice", err);
	google__protobuf__int32_value__init(&to->process.exit_code);
	to->process.exit_code.value = (int32_t)(int64_t)p->integer;
	to->process.filter.exit_code = &to->process.exit_code;
	return 0;
}

static int set_none(union filter *to, const struct predicate *p, struct error *err)
{
	(void)to;
	return refuse_predicate(p, "not a field of the filter", err);
}

static int set_predicates(const struct clause *c, union filter *to,
			  int (*set)(union filter *to, const struct predicate *p, struct error *err), struct error *err)
{
	for (size_t i = 0; i < c->predicate_count; i++) {
		int r = set(to, &c->predicates[i], err);

		if (r)
			return r;
	}
	return 0;
}

static int add_syscall(const struct clause *c, union filter *to, Capsule8__Api__V0__SyscallEventType type,
		       Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__syscall_event_filter__init(&to->syscall.filter);
	to->syscall.filter.type = type;
	filter->syscall_events[filter->n_syscall_events++] = &to->syscall.filter;
	return set_predicates(c, to, set_syscall, err);
}

static int add_process(const struct clause *c, union filter *to, Capsule8__Api__V0__ProcessEventType type,
		       Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__process_event_filter__init(&to->process.filter);
	to->process.filter.type = type;
	filter->process_events[filter->n_process_events++] = &to->process.filter;
	return set_predicates(c, to, set_process, err);
}

static int add_ticker(const struct clause *c, union filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	if (c->interval_ns > INT64_MAX)
		return error_set(err, -EINVAL, "interval: %" PRIu64 " ns is too long", c->interval_ns);
	capsule8__api__v0__ticker_event_filter__init(&to->ticker);
	to->ticker.interval = (int64_t)c->interval_ns;
	filter->ticker_events[filter->n_ticker_events++] = &to->ticker;
	return set_predicates(c, to, set_none, err);
}

static int add_chargen(const struct clause *c, union filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	capsule8__api__v0__chargen_event_filter__init(&to->chargen);
	to->chargen.length = c->length;
	filter->chargen_events[filter->n_chargen_events++] = &to->chargen;
	return set_predicates(c, to, set_none, err);
}

static int add_clause(const struct clause *c, union filter *to, Capsule8__Api__V0__EventFilter *filter, struct error *err)
{
	switch (c->kind) {
	case EVENT_SYSCALL_ENTER:
		return add_syscall(c, to, CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER, filter, err);
	case EVENT_SYSCALL_EXIT:
		return add_syscall(c, to, CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT, filter, err);
	case EVENT_PROCESS_FORK:
		return add_process(c, to, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_FORK, filter, err);
	case EVENT_PROCESS_EXEC:
		return add_process(c, to, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC, filter, err);
	case EVENT_PROCESS_EXIT:
		return add_process(c, to, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT, filter, err);
	case EVENT_TICKER:
		return add_ticker(c, to, filter, err);
	case EVENT_CHARGEN:
		return add_chargen(c, to, filter, err);
	default:
		break;
	}
	return error_set(err, -EINVAL, "%s events cannot be asked for", c->kind == EVENT_LOST ? "lost" : "unserved");
}

static int pack(const struct subscription_spec *spec, Capsule8__Api__V0__EventFilter *filter, struct buffer *out, struct error *err)
{
	Capsule8__Api__V0__GetEventsRequest request = CAPSULE8__API__V0__GET_EVENTS_REQUEST__INIT;
	Capsule8__Api__V0__Subscription subscription = CAPSULE8__API__V0__SUBSCRIPTION__INIT;
	Capsule8__Api__V0__LimitModifier limit = CAPSULE8__API__V0__LIMIT_MODIFIER__INIT;
	Capsule8__Api__V0__Modifier modifier = CAPSULE8__API__V0__MODIFIER__INIT;
	uint8_t *to;

	request.subscription = &subscription;
	subscription.event_filter = filter;
	if (spec->limit > INT64_MAX)
		return error_set(err, -EINVAL, "limit: %" PRIu64 " is too many", spec->limit);
	if (spec->limit) {
		limit.limit = (int64_t)spec->limit;
		modifier.limit = &limit;
		subscription.modifier = &modifier;
	}
	to = buffer_reserve(out, capsule8__api__v0__get_events_request__get_packed_size(&request));
	if (!to)
		return error_set(err, -ENOMEM, "no room for the request");
	out->length += capsule8__api__v0__get_events_request__pack(&request, to);
	return 0;
}

/* `filters` has room for all clauses, `lists` for four lists of all of them. */
static int encode(const struct subscription_spec *spec, union filter *filters, void **lists, size_t room, struct buffer *out,
		  struct error *err)
{
	Capsule8__Api__V0__EventFilter filter = CAPSULE8__API__V0__EVENT_FILTER__INIT;
	int r = 0;

	filter.syscall_events = (Capsule8__Api__V0__SyscallEventFilter **)(void *)&lists[0];
	filter.process_events = (Capsule8__Api__V0__ProcessEventFilter **)(void *)&lists[room];
	filter.ticker_events = (Capsule8__Api__V0__TickerEventFilter **)(void *)&lists[2 * room];
	filter.chargen_events = (Capsule8__Api__V0__ChargenEventFilter **)(void *)&lists[3 * room];
	for (size_t i = 0; i < spec->clause_count && !r; i++)
		r = add_clause(&spec->clauses[i], &filters[i], &filter, err);
	return r ? r : pack(spec, &filter, out, err);
}

int capsule8_encode_request(const struct subscription_spec *spec, struct buffer *out, struct error *err)
{
	/* calloc(0) may be NULL. */
	size_t room = spec->clause_count + 1;
	union filter *filters = calloc(room, sizeof(*filters));
	void **lists = calloc(4 * room, sizeof(void *));
	int r;

	if (filters && lists)
		r = encode(spec, filters, lists, room, out, err);
	else
		r = error_set(err, -ENOMEM, "no room for the request");
	free(filters);
	free(lists);
	return r;
}
