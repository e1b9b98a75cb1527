#include "proto/capsule8_place.h"

#include <errno.h>
#include <inttypes.h>

/* One that is not asked for is that of 64-bit programs, unless the expression speaks of it. */
static int add_abi(const struct place *at, struct clause *clause, Capsule8__Api__V0__SyscallAbi abi, const struct expression *expression)
{
	enum sample_abi wanted = abi == CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386 ? SAMPLE_ABI_32 : SAMPLE_ABI_64;
	int r = 0;

	if (abi != CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_UNSPECIFIED)
		r = place_check_enum(at, "abi", &capsule8__api__v0__syscall_abi__descriptor, (int)abi);
	else if (expression_has_field(expression, catalog_field(clause->kind, "abi")))
		return 0;
	return r ? r : place_add_integer(at, clause, "abi", "abi", PREDICATE_EQUAL, wanted);
}

static int add_id(const struct place *at, struct clause *clause, const Google__Protobuf__Int64Value *id,
		  const struct expression *expression)
{
	if (id)
		return place_add_integer(at, clause, "id", "id", PREDICATE_EQUAL, (uint64_t)id->value);
	if (at->options->all_syscalls || expression_binds(expression, catalog_field(clause->kind, "id")))
		return 0;
	return place_refuse(at, "id", "not set; must name a system call by its number, unless filter_expression does (id = NUMBER)");
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
		if (clause->kind != EVENT_SYSCALL_ENTER)
			return place_refuse(at, names[i], "%" PRIu64 "; arguments belong to type SYSCALL_EVENT_TYPE_ENTER only",
					    values[i]->value);
		r = place_add_integer(at, clause, names[i], names[i], PREDICATE_EQUAL, values[i]->value);
		if (r)
			return r;
	}
	return 0;
}

static int add_ret(const struct place *at, struct clause *clause, const Google__Protobuf__Int64Value *value)
{
	if (!value)
		return 0;
	if (clause->kind != EVENT_SYSCALL_EXIT)
		return place_refuse(at, "ret", "%" PRId64 "; the return value belongs to type SYSCALL_EVENT_TYPE_EXIT only", value->value);
	return place_add_integer(at, clause, "ret", "ret", PREDICATE_EQUAL, (uint64_t)value->value);
}

/* `expression`, which is taken over, has been checked. */
static int add_conditions(const struct place *at, struct clause *clause, const Capsule8__Api__V0__SyscallEventFilter *filter,
			  struct expression *expression)
{
	int r;

	r = add_id(at, clause, filter->id, expression);
	if (!r)
		r = add_abi(at, clause, filter->abi, expression);
	if (!r)
		r = add_arguments(at, clause, filter);
	if (!r)
		r = add_ret(at, clause, filter->ret);
	if (!r && expression)
		return clause_add_expression(clause, expression, NULL, at->err);
	expression_free(expression);
	return r;
}

int place_decode_syscall(const struct place *at, const Capsule8__Api__V0__SyscallEventFilter *filter)
{
	/* The expression comes last, but says what has to come before it. */
	struct clause expression = {0};
	struct clause *clause;
	int r;

	r = place_check_enum(at, "type", &capsule8__api__v0__syscall_event_type__descriptor, (int)filter->type);
	if (r)
		return r;
	clause = place_add_clause(at, filter->type == CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER ? EVENT_SYSCALL_ENTER
														      : EVENT_SYSCALL_EXIT);
	if (!clause)
		return -ENOMEM;
	expression.kind = clause->kind;
	r = place_add_expression(at, &expression, filter->filter_expression);
	return r ? r : add_conditions(at, clause, filter, expression.filter);
}
