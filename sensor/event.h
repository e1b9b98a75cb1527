#ifndef SENSOR_EVENT_H
#define SENSOR_EVENT_H

#include "tracing/sample_source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The event model: what ringside knows about something that happened, before any dialect gives it a wire form. The catalog (catalog.h)
 * describes every kind and field of it.
 *
 * An event lives on the stack of its builder; every pointer in it is borrowed until the dispatch returns.
 */

struct process;

enum event_kind {
	EVENT_SYSCALL_ENTER,
	EVENT_SYSCALL_EXIT,
	EVENT_PROCESS_FORK,
	EVENT_PROCESS_EXEC,
	EVENT_PROCESS_EXIT,
	EVENT_TICKER,
	EVENT_CHARGEN,
	EVENT_LOST,
	EVENT_KIND_COUNT,
};

#define EVENT_KIND_BIT(kind) (UINT64_C(1) << (kind))

/* What made room run out. */
enum lost_cause {
	LOST_RING,  /* the kernel found no room in a perf ring */
	LOST_QUEUE, /* this subscriber did not read fast enough */
};

struct event_string {
	const char *bytes; /* not terminated */
	size_t length;
};

struct event_syscall {
	uint64_t arguments[6]; /* enter */
	int64_t id;            /* in the table of `abi` */
	int64_t result;        /* exit */
	uint32_t abi;          /* enum sample_abi */
};

struct event_fork {
	const struct process *child;
	uint64_t clone_flags;
};

struct event_exec {
	struct event_string filename;  /* as given to execve(2) */
	struct event_string arguments; /* NUL-terminated strings one after another */
	uint32_t argument_count;       /* strings in `arguments` */
	bool arguments_truncated;      /* the program was given more, or the end could not be read */
};

struct event_exit {
	int32_t code;    /* raw wait status */
	uint32_t status; /* WEXITSTATUS, 0 when killed by a signal */
	uint32_t signal; /* WTERMSIG, 0 when it exited */
	bool core_dumped;
	bool code_unknown; /* no source told the status: the fields above are 0 */
};

struct event_ticker {
	int64_t seconds;     /* since the epoch */
	int64_t nanoseconds; /* since the epoch, the whole time */
};

struct event_chargen {
	uint64_t index; /* of the first character in its stream */
	struct event_string characters;
};

struct event_lost {
	uint64_t count;
	enum event_kind of; /* what was lost; EVENT_KIND_COUNT: a mix */
	enum lost_cause cause;
};

struct event {
	enum event_kind kind;
	uint32_t cpu;
	uint32_t tid;      /* 0: no task */
	uint64_t time_ns;  /* CLOCK_MONOTONIC, never less than the event's before */
	uint64_t sequence; /* given when the first subscriber takes it; 0 before, and for what has no place in the common order */
	const struct process *process; /* NULL: none, or unknown (then tgid and tid still tell the task) */
	uint32_t tgid;
	const void *addressee; /* NULL: whoever has a matching clause; else only the subscription with this address (ticker, chargen) */
	union {
		struct event_syscall syscall;
		struct event_fork fork;
		struct event_exec exec;
		struct event_exit exit;
		struct event_ticker ticker;
		struct event_chargen chargen;
		struct event_lost lost;
	};
};

#endif
