#include "proto/capsule8_place.h"
#include "sensor/probe_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Kernel and user calls have messages of their own for the same thing. */
struct call {
	enum event_kind kind;
	const char *executable; /* NULL: of the kernel */
	const char *symbol;
	const char *filter; /* NULL: there is no such field */
	const Capsule8__Api__V0__Expression *expression;
	struct probe_parameter *parameters;
	size_t parameter_count;
};

static int check_set(const struct place *at, const char *field, const char *string, const char *what)
{
	if (!*string)
		return place_refuse(at, field, "not set; must name %s", what);
	return place_check_length(at, field, string);
}

static int check_parameters(const struct place *at, const struct call *call)
{
	char field[64];
	int r = 0;

	if (call->parameter_count > PROBE_PARAMETERS_MAX)
		return place_refuse(at, "arguments", "%zu of them; at most %d are allowed", call->parameter_count, PROBE_PARAMETERS_MAX);
	for (size_t i = 0; !r && i < call->parameter_count; i++) {
		snprintf(field, sizeof(field), "arguments[%zu].key", i);
		r = check_set(at, field, call->parameters[i].name, "what is fetched");
		if (r)
			return r;
		snprintf(field, sizeof(field), "arguments[%zu].value", i);
		r = check_set(at, field, call->parameters[i].expression, "a place to fetch from, like \"+0(%di):string\"");
	}
	return r;
}

/* Request and reason are both of the clause: what is left to complain about has no field of its own. */
static int add_request(const struct place *at, const struct call *call)
{
	struct clause *clause = place_add_clause(at, call->kind);
	int r;

	if (!clause)
		return -ENOMEM;
	r = probe_request_new_call(&clause->request, call->kind, call->executable, call->symbol, call->parameters, call->parameter_count,
				   call->filter, at->err);
	if (!r)
		return place_add_expression(at, clause, call->expression);
	if (r == -ENOMEM)
		return r;
	at->err->code = -EINVAL;
	return error_prefix(at->err, -EINVAL, "subscription.event_filter.%s[%zu]", at->list, at->index);
}

static int decode_call(const struct place *at, const struct call *call)
{
	int r = 0;

	if (call->executable)
		r = check_set(at, "executable", call->executable, "a program or library");
	if (!r)
		r = check_set(at, "symbol", call->symbol, "a function");
	if (!r)
		r = check_parameters(at, call);
	if (!r && call->filter)
		r = place_check_length(at, "filter", call->filter);
	return r ? r : add_request(at, call);
}

/* The key and value of each entry, borrowed; one more, so that none are no NULL. */
#define PARAMETERS_OF(filter, call)                                                                 \
	do {                                                                                        \
		(call).parameter_count = (filter)->n_arguments;                                     \
		(call).parameters = calloc((call).parameter_count + 1, sizeof(*(call).parameters)); \
		for (size_t i = 0; (call).parameters && i < (call).parameter_count; i++)            \
			(call).parameters[i] = (struct probe_parameter){                            \
				.name = (filter)->arguments[i]->key,                                \
				.expression = (filter)->arguments[i]->value,                        \
			};                                                                          \
	} while (0)

int place_decode_kernel_call(const struct place *at, const Capsule8__Api__V0__KernelFunctionCallFilter *filter)
{
	struct call call = {.symbol = filter->symbol, .filter = filter->filter, .expression = filter->filter_expression};
	int r;

	r = place_check_enum(at, "type", &capsule8__api__v0__kernel_function_call_event_type__descriptor, (int)filter->type);
	if (r)
		return r;
	call.kind = filter->type == CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_ENTER
			    ? EVENT_KERNEL_CALL_ENTER
			    : EVENT_KERNEL_CALL_EXIT;
	PARAMETERS_OF(filter, call);
	r = call.parameters ? decode_call(at, &call) : place_no_memory(at);
	free(call.parameters);
	return r;
}

int place_decode_user_call(const struct place *at, const Capsule8__Api__V0__UserFunctionCallFilter *filter)
{
	struct call call = {.executable = filter->executable, .symbol = filter->symbol, .expression = filter->filter_expression};
	int r;

	r = place_check_enum(at, "type", &capsule8__api__v0__user_function_call_event_type__descriptor, (int)filter->type);
	if (r)
		return r;
	call.kind = filter->type == CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_ENTER
			    ? EVENT_USER_CALL_ENTER
			    : EVENT_USER_CALL_EXIT;
	PARAMETERS_OF(filter, call);
	r = call.parameters ? decode_call(at, &call) : place_no_memory(at);
	free(call.parameters);
	return r;
}
