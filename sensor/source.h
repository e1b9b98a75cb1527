#ifndef SENSOR_SOURCE_H
#define SENSOR_SOURCE_H

#include "base/buffer.h"
#include "sensor/event.h"
#include "sensor/process_cache.h"
#include "sensor/thread_credentials.h"
#include "tracing/dentry_path.h"
#include "tracing/notice.h"
#include "tracing/sample_source.h"

/*
 * Event families as tables: which probes a family reads, which of their fields, and the functions that make events of samples. Adding a kind
 * is adding a row here and one in the catalog.
 *
 * There are two sorts. A *fixed* probe is a tracepoint that every kernel has and that is the only way: process_source, syscall_source. A
 * *capture* is one kind with several ways to get it, its candidates, best first: the first one that installs and, when the sensor provokes
 * it, gives the very event that was provoked, is used (trial.h). A symbol may exist, take a probe and never be called, or be called with
 * other arguments: nothing is concluded from names or versions.
 */

#define SOURCE_FIELDS_MAX 20

/* A record with one string from the caller, which nobody can make longer than PATH_MAX. */
#define SOURCE_RECORD_LONG_NAME 4352

struct process_notes;
struct call_table;

/* What builders work with. Lives in the sensor, or in a trial. */
struct source_context {
	struct process_cache *processes;
	bool expects_exec_notices;   /* there is somebody who gives them, for every exec */
	bool expects_exit_notices;   /* and for every thread that ends */
	struct process_notes *notes; /* exec arguments and exit statuses, waiting for their samples (process_notes.h) */
	struct call_table *calls;    /* calls whose end is awaited (call_table.h) */
	struct thread_credentials thread_credentials;
	/* For a builder that makes more than one event of a sample: gives one to whoever gets those that build() returns. */
	void (*emit)(struct source_context *context, struct event *event);
	/* Space for what a builder makes up (absolute paths), valid until its next event is built. */
	char scratch[2][2 * 4096];
};

enum source_probe_type {
	SOURCE_TRACEPOINT,
	SOURCE_KPROBE,    /* a kernel function's entry */
	SOURCE_KRETPROBE, /* and its return */
	SOURCE_UPROBE,    /* a program's function, its entry: only for what clients ask for (request_source.h) */
	SOURCE_URETPROBE,
};

struct source_probe;

/* A probe that is installed: what the builder of its row is given. */
struct source_instance {
	const struct source_probe *row;
	/* `row->fields` compiled, in the order of the names. */
	struct format_field fields[SOURCE_FIELDS_MAX];
	struct dentry_path *path; /* compiled; NULL: the row has no path_base */
	void *state;              /* what a request's builder keeps; freed with `row->free_state` */
};

struct source_probe {
	enum source_probe_type type;
	const char *system; /* of a tracepoint; NULL: a kernel function */
	const char *name; /* of the tracepoint, or the function's symbol; a suffix that the compiler gave it is found (kernel_symbols.h) */
	/* Of a kernel function: what to fetch (fetchargs_template.h). NULL: nothing. */
	const char *fetchargs;
	/* Of a kernel function: where it is given a file whose path is to be captured, "$arg1"; NULL: nowhere. build() reads it with
	 * source_read_path(). */
	const char *path_base;
	enum dentry_path_kind path_kind;
	uint32_t tag; /* for build() and compile(): what sort of call this is */
	uint32_t
		record_bytes; /* the longest record that it can make, when that is more than old kernels take (probe_limits.h); 0: it is not */
	bool optional;        /* the candidate works without it, on kernels that do not have it */
	/* A kernel filter that it always carries; build() has to decide it once more, for kernels that refuse it. NULL: none. */
	const char *condition;
	/* The kinds for which it has to be installed. */
	uint64_t kinds;
	/* The one of them whose kernel filter it carries; 0: it is never filtered. */
	uint64_t filtered_kind;
	bool always;   /* installed and unfiltered whoever subscribes: the process cache lives on it */
	bool helper;   /* only adds to other probes' events: a lost sample of it is no lost event */
	bool with_abi; /* sample the caller's ABI */
	/* Field names, NULL at the end. '?' in front: may be missing; its compiled size is 0 then. */
	const char *fields[SOURCE_FIELDS_MAX];
	/* What to read of the caller as soon as the sample is seen. */
	struct sample_read_spec reads[SAMPLE_READS_MAX];
	void (*free_state)(void *state); /* NULL: free() */
	/* May be NULL. How long after the sample's time it may be held back for a notice that it needs and that has not come; 0: it need not.
	 * Everything behind it waits too. */
	uint64_t (*wait_ns)(const struct source_context *context, const struct source_instance *probe, const struct sample *sample);
	/* True: *ret is an event of one of `kinds` (time, cpu, tid, tgid, process are filled in before the call and may be changed). */
	bool (*build)(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret);
};

/* One way to get a kind. */
struct source_candidate {
	const char *name;                         /* what `ringside check` shows and `--forbid` takes: "do_filp_open" */
	const struct source_probe *const *probes; /* NULL at the end; one that two candidates name is installed once */
	/* The catalog's kernel names that mean the same on the probe that has `filtered_kind`; a filter with any other is not installed. NULL at the
	 * end; NULL: none. */
	const char *const *filterable;
	const char *limits; /* what it does not see or cannot tell, for `ringside check`; NULL: nothing worth saying */
};

/* What is done to see whether a candidate works. Runs in a child of the sensor: async-signal-safe calls only, and what it points the kernel to
 * stays as it is afterwards, for those who read late. */
struct source_provocation {
	const char *directory; /* an empty one of its own */
	uint32_t pid;          /* the child's */
	uint32_t number;       /* which one, from 0 */
};

struct source_capture {
	enum event_kind kind; /* EVENT_KIND_COUNT: none, it only keeps the processes' context true */
	const char *name;     /* of one without a kind: "credentials" */
	/* It has to be installed when one of these is wanted. */
	uint64_t needed_by;
	const struct source_candidate *candidates;
	size_t candidate_count;
	/* How many provocations there are, where several calls make the same kind; each has to be told by the candidate. 0: one. */
	uint32_t provocation_count;
	void (*provoke)(const struct source_provocation *provocation);
	/* Whether everything that provoke() did has been told exactly, now that there is this event too. */
	bool (*verify)(const struct source_provocation *provocation, const struct event *event);
	/* Whether the process's context is what provoke() made it, for a capture without a kind. */
	bool (*verify_process)(const struct source_provocation *provocation, const struct process *process);
};

extern const struct source_probe syscall_source[];
extern const size_t syscall_source_count;
extern const struct source_probe process_source[];
extern const size_t process_source_count;

extern const struct source_capture file_captures[];
extern const size_t file_capture_count;
extern const struct source_capture network_captures[];
extern const size_t network_capture_count;
extern const struct source_capture process_captures[];
extern const size_t process_capture_count;

#endif
