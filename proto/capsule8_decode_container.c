#include "proto/capsule8_events.h"
#include "proto/capsule8_place.h"

#include <errno.h>

int place_decode_container(const struct place *at, const Capsule8__Api__V0__ContainerEventFilter *filter)
{
	struct clause *clause;
	int r;

	r = place_check_enum(at, "type", &capsule8__api__v0__container_event_type__descriptor, (int)filter->type);
	if (!r)
		r = place_check_choice(at, "view", &capsule8__api__v0__container_event_view__descriptor, (int)filter->view);
	if (r)
		return r;
	clause = place_add_clause(at, capsule8_container_kind(filter->type));
	if (!clause)
		return -ENOMEM;
	if (filter->view == CAPSULE8__API__V0__CONTAINER_EVENT_VIEW__FULL)
		clause->detail = DETAIL_FULL;
	return place_add_expression(at, clause, filter->filter_expression);
}
