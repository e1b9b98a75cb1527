#ifndef SENSOR_CALL_FILTER_H
#define SENSOR_CALL_FILTER_H

#include "tracing/fetchargs.h"

/*
 * A client's kernel filter on the arguments of a call, looked at before the kernel is asked. The kernel judges it; what is found here is what
 * the kernel could not say well: that an argument is there in another form than the client knows, because this kernel's notation lacks
 * something (fetchargs_write()), and parentheses that would reach out of the filter when ours is put in front (self_filter.h).
 *
 * -EOPNOTSUPP, -EINVAL. Pure.
 */
int call_filter_check(const char *filter, const struct fetcharg *args, size_t count, const struct fetcharg_dialect *dialect,
		      enum fetcharg_place place, struct error *err);

#endif
