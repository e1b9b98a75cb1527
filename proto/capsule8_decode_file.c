#include "proto/capsule8_events.h"
#include "proto/capsule8_place.h"

#include <errno.h>
#include <inttypes.h>

static int refuse_mask(const struct place *at, const char *field, int32_t mask, const char *types)
{
	return place_refuse(at, field, "%" PRId32 "; it belongs to type %s only", mask, types);
}

static int add_mask(const struct place *at, struct clause *clause, const char *field, const char *name,
		    const Google__Protobuf__Int32Value *mask)
{
	if (!mask)
		return 0;
	if (!mask->value)
		return place_refuse(at, field, "0; must have at least one bit, of which any may be set");
	return place_add_integer(at, clause, field, name, PREDICATE_BITS, (uint64_t)(int64_t)mask->value);
}

static int check_fields(const struct place *at, enum event_kind kind, const Capsule8__Api__V0__FileEventFilter *filter)
{
	if (filter->open_flags_mask && kind != EVENT_FILE_OPEN)
		return refuse_mask(at, "open_flags_mask", filter->open_flags_mask->value, "FILE_EVENT_TYPE_OPEN");
	if (filter->create_mode_mask && kind != EVENT_FILE_OPEN && kind != EVENT_FILE_CREATE)
		return refuse_mask(at, "create_mode_mask", filter->create_mode_mask->value,
				   "FILE_EVENT_TYPE_OPEN and FILE_EVENT_TYPE_CREATE");
	return 0;
}

int place_decode_file(const struct place *at, const Capsule8__Api__V0__FileEventFilter *filter)
{
	enum event_kind kind = capsule8_file_kind(filter->type);
	struct clause *clause;
	const char *name;
	int r;

	r = place_check_enum(at, "type", &capsule8__api__v0__file_event_type__descriptor, (int)filter->type);
	if (!r)
		r = check_fields(at, kind, filter);
	if (r)
		return r;
	clause = place_add_clause(at, kind);
	if (!clause)
		return -ENOMEM;
	name = capsule8_file_name_field(kind);
	r = place_add_string(at, clause, "filename", name, PREDICATE_EQUAL, filter->filename);
	if (!r)
		r = place_add_string(at, clause, "filename_pattern", name, PREDICATE_GLOB, filter->filename_pattern);
	if (!r)
		r = add_mask(at, clause, "open_flags_mask", "open_flags", filter->open_flags_mask);
	if (!r)
		r = add_mask(at, clause, "create_mode_mask", "open_mode", filter->create_mode_mask);
	return r ? r : place_add_expression(at, clause, filter->filter_expression);
}
