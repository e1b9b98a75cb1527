#include "proto/capsule8_events.h"
#include "proto/capsule8_place.h"

#include <errno.h>
#include <inttypes.h>

static int refuse_exec_only(const struct place *at, const char *field, const char *value)
{
	return place_refuse(at, field, "\"%.100s\"; file names belong to type PROCESS_EVENT_TYPE_EXEC only", value);
}

static int check_fields(const struct place *at, const Capsule8__Api__V0__ProcessEventFilter *filter)
{
	if (filter->type != CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC) {
		if (filter->exec_filename)
			return refuse_exec_only(at, "exec_filename", filter->exec_filename->value);
		if (filter->exec_filename_pattern)
			return refuse_exec_only(at, "exec_filename_pattern", filter->exec_filename_pattern->value);
	}
	if (filter->type != CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT && filter->exit_code)
		return place_refuse(at, "exit_code", "%" PRId32 "; exit codes belong to type PROCESS_EVENT_TYPE_EXIT only",
				    filter->exit_code->value);
	return 0;
}

int place_decode_process(const struct place *at, const Capsule8__Api__V0__ProcessEventFilter *filter)
{
	struct clause *clause;
	int r;

	r = place_check_enum(at, "type", &capsule8__api__v0__process_event_type__descriptor, (int)filter->type);
	if (!r)
		r = check_fields(at, filter);
	if (r)
		return r;
	clause = place_add_clause(at, capsule8_process_kind(filter->type));
	if (!clause)
		return -ENOMEM;
	r = place_add_string(at, clause, "exec_filename", "exec_filename", PREDICATE_EQUAL, filter->exec_filename);
	if (!r)
		r = place_add_string(at, clause, "exec_filename_pattern", "exec_filename", PREDICATE_GLOB, filter->exec_filename_pattern);
	if (!r && filter->exit_code)
		r = place_add_integer(at, clause, "exit_code", "exit_code", PREDICATE_EQUAL, (uint64_t)(int64_t)filter->exit_code->value);
	return r ? r : place_add_expression(at, clause, filter->filter_expression);
}
