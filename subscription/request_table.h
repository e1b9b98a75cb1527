#ifndef SUBSCRIPTION_REQUEST_TABLE_H
#define SUBSCRIPTION_REQUEST_TABLE_H

#include "sensor/probe_request.h"
#include "subscription/spec.h"

/*
 * The probe requests of all clauses, each different one once: clauses that ask for the same share the object, so that the plan has it once and
 * an event is matched by comparing pointers.
 *
 * The loop thread.
 */

struct request_entry {
	struct probe_request *request;
	struct error refusal; /* why the sensor does not have it; code 0: it has */
	struct request_entry *prev, *next;
};

struct request_table {
	struct request_entry *entries;
};

/* Frees what only the table has: no clause, and no plan that is in force. */
void request_table_sweep(struct request_table *t);

/* Lets go of everything; what a plan still has lives on there. */
void request_table_done(struct request_table *t);

/* Exchanges the requests of a spec for those of the table; new ones join it. -ENOMEM. */
int request_table_intern(struct request_table *t, struct subscription_spec *spec);

/* The entry of a request that was interned. */
struct request_entry *request_table_find(struct request_table *t, const struct probe_request *request);

#endif
