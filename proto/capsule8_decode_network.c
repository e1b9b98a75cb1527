#include "proto/capsule8_events.h"
#include "proto/capsule8_place.h"

#include <errno.h>

int place_decode_network(const struct place *at, const Capsule8__Api__V0__NetworkEventFilter *filter)
{
	struct clause *clause;
	int r;

	r = place_check_enum(at, "type", &capsule8__api__v0__network_event_type__descriptor, (int)filter->type);
	if (r)
		return r;
	clause = place_add_clause(at, capsule8_network_kind(filter->type));
	if (!clause)
		return -ENOMEM;
	r = place_add_filter_expression(at, clause, filter->filter);
	return r ? r : place_add_expression(at, clause, filter->filter_expression);
}
