#include "proto/capsule8_events.h"
#include "proto/capsule8_place.h"

#include <errno.h>

int place_decode_network(const struct place *at, const Capsule8__Api__V0__NetworkEventFilter *filter)
{
	int r;

	r = place_check_enum(at, "type", &capsule8__api__v0__network_event_type__descriptor, (int)filter->type);
	if (!r)
		r = place_check_no_expression(at, "filter", filter->filter);
	if (!r)
		r = place_check_no_expression(at, "filter_expression", filter->filter_expression);
	if (r)
		return r;
	return place_add_clause(at, capsule8_network_kind(filter->type)) ? 0 : -ENOMEM;
}
