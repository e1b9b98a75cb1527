#ifndef SENSOR_CALL_TABLE_H
#define SENSOR_CALL_TABLE_H

#include "sensor/event.h"

/*
 * Calls that have begun and whose end is awaited: what was learnt at their beginning, for events that only make sense when the call has
 * succeeded, or that are put together from several samples. A thread has at most one call of each sort under way; one whose end never came
 * is replaced by the next.
 *
 * Bounded: beyond CALL_TABLE_MAX calls the oldest is forgotten, as if it had never begun, and counted.
 *
 * One thread.
 */

#define CALL_TABLE_MAX 65536
#define CALL_STRINGS   4
#define CALL_SORTS     64

struct call {
	uint32_t tid;
	uint32_t sort; /* tells a thread's calls apart: below CALL_SORTS, and no two sources have the same */
	uint64_t time_ns;
	int64_t numbers[6];
	enum event_capture capture;
	bool told;                                 /* an event was made of it already */
	bool truncated;                            /* a string was cut */
	bool unknown;                              /* a string could not be read */
	struct event_string strings[CALL_STRINGS]; /* NUL-terminated; owned by the table; bytes is never NULL */
};

struct call_table;

/* NULL: out of memory. */
struct call_table *call_table_new(void);
/* Takes NULL; returns NULL. */
struct call_table *call_table_free(struct call_table *t);

/* Valid until the next call into the table. NULL: out of memory. */
struct call *call_table_begin(struct call_table *t, uint32_t tid, uint32_t sort, uint64_t time_ns);

/* Copies a string, in the place of the one that is there; without memory, it is unknown. */
void call_set_string(struct call *c, unsigned int index, const char *bytes, size_t length);

/* The call under way; NULL: none. Valid until the next begin or end. */
struct call *call_table_find(struct call_table *t, uint32_t tid, uint32_t sort);

/* Takes it out; NULL: none. Valid until the next begin or end. */
const struct call *call_table_end(struct call_table *t, uint32_t tid, uint32_t sort);

/* The thread has ended, and its calls with it. */
void call_table_forget(struct call_table *t, uint32_t tid);

/* How many were forgotten for want of room. */
uint64_t call_table_forgotten(const struct call_table *t);

#endif
