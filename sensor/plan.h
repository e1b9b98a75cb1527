#ifndef SENSOR_PLAN_H
#define SENSOR_PLAN_H

#include "sensor/event.h"
#include "sensor/probe_request.h"

/*
 * What all subscriptions together want from the kernel: computed by subscription/, made true by sensor_apply(). A value: whoever made it
 * owns and frees it.
 */
struct plan_filter {
	char *text;
	uint64_t fields; /* which of the catalog's fields it uses: bit i is entry->fields[i] */
};

#define PLAN_WEAKER_MAX 6

struct plan_entry {
	bool wanted;
	/* Kernel filter that lets at least everything wanted through, with the catalog's kernel names of the fields; NULL: everything. From
	 * malloc. */
	char *filter;
	uint64_t filter_fields; /* that it uses */
	/* What is left of it without some of its fields, for ways to capture the kind that lack them; the strongest first. */
	struct plan_filter weaker[PLAN_WEAKER_MAX];
	size_t weaker_count;
};

/* Functions and counters, each different one once. */
struct plan_request {
	struct probe_request *request; /* a reference */
	struct error *refusal;         /* whoever made the plan's: filled when it cannot be had; code 0 else */
};

struct plan {
	struct plan_entry kinds[EVENT_KIND_COUNT];
	struct plan_request *requests;
	size_t request_count;
	bool container_json; /* somebody wants the runtimes' files with the events about containers (container_table_keep_json()) */
};

/* Appends a request unless it is there already; takes a reference. -ENOMEM. */
int plan_add_request(struct plan *p, struct probe_request *request, struct error *refusal);

/* Frees the filters, gives the requests back. */
void plan_done(struct plan *p);

#endif
