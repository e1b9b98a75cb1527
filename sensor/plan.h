#ifndef SENSOR_PLAN_H
#define SENSOR_PLAN_H

#include "sensor/event.h"

/*
 * What all subscriptions together want from the kernel: computed by subscription/, made true by sensor_apply(). A value: whoever made it
 * owns and frees it.
 */
struct plan_entry {
	bool wanted;
	/* Kernel filter that lets at least everything wanted through; NULL: everything. From malloc. */
	char *filter;
};

struct plan {
	struct plan_entry kinds[EVENT_KIND_COUNT];
};

/* Frees the filters. */
void plan_done(struct plan *p);

#endif
