#ifndef SENSOR_SOURCE_H
#define SENSOR_SOURCE_H

#include "sensor/event.h"
#include "sensor/process_cache.h"
#include "tracing/notice.h"
#include "tracing/sample_source.h"

/*
 * Event families as tables: which tracepoints a family reads, which of their fields, and the function that makes an event of a sample.
 * Adding a kind is adding a row here and one in the catalog.
 */

#define SOURCE_FIELDS_MAX 8

struct process_notes;

/* What builders work with. Lives in the sensor. */
struct source_context {
	struct process_cache *processes;
	bool expects_exec_notices;   /* there is somebody who gives them, for every exec */
	bool expects_exit_notices;   /* and for every thread that ends */
	struct process_notes *notes; /* exec arguments and exit statuses, waiting for their samples (process_notes.h) */
};

struct source_tracepoint {
	const char *system;
	const char *name;
	/* The kinds for which it has to be installed. When the catalog names the same tracepoint for a kind, that kind's kernel filter is
	 * used on it. */
	uint64_t kinds;
	bool always; /* installed and unfiltered whoever subscribes: the process cache lives on it */
	bool with_abi;
	/* Field names, NULL at the end. '?' in front: may be missing; its compiled size is 0 then. */
	const char *fields[SOURCE_FIELDS_MAX];
	/* May be NULL. How long after the sample's time it may be held back for a notice that it needs and that has not come; 0: it need not.
	 * Everything behind it waits too. */
	uint64_t (*wait_ns)(const struct source_context *context, const struct format_field *fields, const struct sample *sample);
	/* `fields` are compiled in the order of the names. True: *ret is an event of one of `kinds` (time, cpu, tid, tgid, process are
	 * filled in before the call and may be changed). */
	bool (*build)(struct source_context *context, const struct format_field *fields, const struct sample *sample, struct event *ret);
};

extern const struct source_tracepoint syscall_source[];
extern const size_t syscall_source_count;
extern const struct source_tracepoint process_source[];
extern const size_t process_source_count;

#endif
