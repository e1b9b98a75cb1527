#ifndef SENSOR_EVENT_H
#define SENSOR_EVENT_H

#include "sensor/credentials.h"
#include "tracing/sample_source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The event model: what ringside knows about something that happened, before any dialect gives it a wire form. The catalog (catalog.h)
 * describes every kind and field of it.
 *
 * An event lives on the stack of its builder; every pointer in it is borrowed until the dispatch returns.
 */

struct container;
struct process;
struct probe_request;

enum event_kind {
	EVENT_SYSCALL_ENTER,
	EVENT_SYSCALL_EXIT,
	EVENT_PROCESS_FORK,
	EVENT_PROCESS_EXEC,
	EVENT_PROCESS_EXIT,
	EVENT_PROCESS_CWD,
	EVENT_PROCESS_RENAME,
	EVENT_FILE_OPEN,
	EVENT_FILE_CREATE,
	EVENT_FILE_DELETE,
	EVENT_FILE_LINK,
	EVENT_FILE_RENAME,
	EVENT_FILE_OPEN_FOR_MODIFY,
	EVENT_FILE_MODIFY,
	EVENT_FILE_CLOSE_FOR_MODIFY,
	EVENT_FILE_ATTRIBUTE_CHANGE,
	EVENT_CONNECT_ATTEMPT,
	EVENT_CONNECT_RESULT,
	EVENT_BIND_ATTEMPT,
	EVENT_BIND_RESULT,
	EVENT_LISTEN_ATTEMPT,
	EVENT_LISTEN_RESULT,
	EVENT_ACCEPT_ATTEMPT,
	EVENT_ACCEPT_RESULT,
	EVENT_SENDTO_ATTEMPT,
	EVENT_SENDTO_RESULT,
	EVENT_RECVFROM_ATTEMPT,
	EVENT_RECVFROM_RESULT,
	EVENT_KERNEL_CALL_ENTER,
	EVENT_KERNEL_CALL_EXIT,
	EVENT_USER_CALL_ENTER,
	EVENT_USER_CALL_EXIT,
	EVENT_PERFORMANCE,
	EVENT_CONTAINER_CREATED,
	EVENT_CONTAINER_RUNNING,
	EVENT_CONTAINER_EXITED,
	EVENT_CONTAINER_DESTROYED,
	EVENT_CONTAINER_UPDATED,
	EVENT_TICKER,
	EVENT_CHARGEN,
	EVENT_LOST,
	EVENT_KIND_COUNT,
};

#define EVENT_KIND_BIT(kind) (UINT64_C(1) << (kind))

_Static_assert(EVENT_KIND_COUNT <= 64, "sets of kinds are 64 bits");

/* About a container rather than by a process in it (struct event_container). */
static inline bool event_kind_is_of_container(enum event_kind kind)
{
	return kind >= EVENT_CONTAINER_CREATED && kind <= EVENT_CONTAINER_UPDATED;
}

/* How far an event's strings and addresses can be trusted. */
enum event_capture {
	CAPTURE_KERNEL, /* the kernel's own copies, or numbers: what it acted on */
	CAPTURE_CALLER, /* read from the caller's memory at the very moment of the call: another thread of it may change it before the kernel looks */
	CAPTURE_LATE, /* read from the caller's memory or /proc a little later: may have changed, or be missing */
};

/* What was in the way of a lost event. */
enum lost_cause {
	LOST_RING,  /* the kernel found no room in a perf ring, or we found none to wait for the end of so many calls */
	LOST_QUEUE, /* this subscriber did not read fast enough */
	LOST_PROBE, /* the kernel passed by a probe without running it: it was busy with another one, or out of return slots (kprobe_profile) */
	LOST_RECORDER, /* the recording does not have them (enum record_gap), and this subscriber asked for what was before */
};

/* Why a recording does not have what is missing in it. */
enum record_gap {
	RECORD_GAP_NONE,     /* it is no gap in a recording */
	RECORD_GAP_NOT_KEPT, /* older than what is kept */
	RECORD_GAP_STOPPED,  /* no sensor ran */
	RECORD_GAP_CRASHED,  /* the sensor before ended without writing its last events */
	RECORD_GAP_DAMAGED,  /* a part of the recording cannot be read */
	RECORD_GAP_DELETED,  /* retention deleted it before it was read */
	RECORD_GAP_OVERFLOW, /* the recorder's disk was too slow, full or gone */
};

struct event_string {
	const char *bytes; /* not terminated */
	size_t length;
};

static inline bool event_string_begins_with(const struct event_string *string, const char *prefix)
{
	size_t length = strlen(prefix);

	return string->length >= length && !memcmp(string->bytes, prefix, length);
}

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

struct event_cwd {
	struct event_string path; /* the new working directory, absolute; empty: could not be told */
};

struct event_rename {
	struct event_string comm; /* the new name of the process */
};

/* Names are as the caller gave them, relative ones too; but of modify, close_for_modify and attribute_change, which are about an open file or one
 * that was found already, the name is the absolute path if that is known. */
struct event_file {
	struct event_string filename; /* link: what it points to; rename: the old name */
	struct event_string path;     /* `filename`, absolute; empty: not known */
	struct event_string target;   /* link and rename only: the new name */
	struct event_string target_path;
	int32_t flags;  /* open: as passed to open(2), O_LARGEFILE may be added */
	int32_t mode;   /* open, create: permission bits of a new file; 0 without O_CREAT and O_TMPFILE */
	bool symlink;   /* link: a symbolic one */
	bool truncated; /* a name was longer than could be read: its beginning, or of a path its last names */
	bool unknown;   /* a name could not be read: empty, or what there was of it */
};

enum address_family {
	ADDRESS_NONE, /* there is none, or of another family */
	ADDRESS_INET,
	ADDRESS_INET6,
	ADDRESS_LOCAL,
};

/* Numbers are the bytes of the sockaddr, in network order, read as little endian integers: what the Capsule8 contract has. */
struct event_address {
	uint32_t family; /* enum address_family */
	uint32_t port;
	uint32_t ipv4;
	uint64_t ipv6_high;
	uint64_t ipv6_low;
	struct event_string path; /* local: the path, or "@name" for an abstract one, or "" for an unnamed one */
};

struct event_network {
	uint64_t sockfd;  /* attempts: as passed, negative ones sign-extended */
	uint64_t backlog; /* listen attempts: as passed, negative ones sign-extended */
	int64_t result;   /* results: what the call returned */
	struct event_address address;
	bool address_unknown; /* one was given, but could not be read */
};

/* The numbers are those of the Capsule8 contract's FieldType. */
enum call_argument_type {
	CALL_BYTES = 1,
	CALL_STRING,
	CALL_SINT8,
	CALL_SINT16,
	CALL_SINT32,
	CALL_SINT64,
	CALL_UINT8,
	CALL_UINT16,
	CALL_UINT32,
	CALL_UINT64,
};

struct call_argument {
	const char *name;
	enum call_argument_type type;
	uint64_t integer;          /* sign-extended */
	struct event_string bytes; /* CALL_BYTES, CALL_STRING */
};

struct event_call {
	const struct call_argument *arguments; /* in the order of the request, then the common fields of the sample */
	uint32_t count;
};

/* In the order of the request's counters. */
struct event_performance {
	uint64_t time_enabled; /* ns */
	uint64_t time_running;
	const uint64_t *values; /* one for each of request->counters */
	uint32_t count;
};

/* Events about a container rather than by a process in it: they have no process. */
struct event_container {
	const struct container *container;
	uint32_t
		host_pid; /* running, exited, and updated while it runs: of the first process, in the sensor's pid namespace; 0: not known */
	/* exited */
	int32_t exit_code;    /* as runtimes tell it: what was passed to exit(3), or 128 + number of the signal */
	uint32_t exit_status; /* what was passed to exit(3), 0 when killed by a signal */
	uint32_t exit_signal; /* 0 when it exited */
	bool core_dumped;
	bool exit_unknown; /* nobody told: the fields above are 0 */
	bool oom_killed;   /* the kernel ended something in it for lack of memory */
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
	uint64_t count;     /* 0: nobody knows how many, with `gap` only */
	enum event_kind of; /* what was lost; EVENT_KIND_COUNT: a mix */
	enum lost_cause cause;
	/* LOST_RECORDER; with other causes all of these are 0. */
	enum record_gap gap;
	uint64_t after_sequence;    /* the last number before the gap; 0: not known */
	uint64_t before_sequence;   /* the first one behind it; 0: not known */
	int64_t realtime_offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC of the events that follow; 0: as before */
};

struct event {
	enum event_kind kind;
	uint32_t cpu;
	uint32_t tid;      /* 0: no task */
	uint64_t time_ns;  /* CLOCK_MONOTONIC, never less than the event's before */
	uint64_t sequence; /* given when the first subscriber takes it; 0 before, and for what has no place in the common order */
	const struct process *process; /* NULL: none, or unknown (then tgid and tid still tell the task) */
	uint32_t tgid;
	enum event_capture capture;
	/* Of the thread, where they differ from those of its process; NULL: those of the process. */
	const struct credentials *credentials;
	/* Calls and counters: what was asked for, the very object of the plan. Of a lost event: whose hits were lost. Else NULL. */
	const struct probe_request *request;
	const void *addressee; /* NULL: whoever has a matching clause; else only the subscription with this address (ticker, chargen) */
	union {
		struct event_syscall syscall;
		struct event_fork fork;
		struct event_exec exec;
		struct event_exit exit;
		struct event_cwd cwd;
		struct event_rename rename;
		struct event_file file;
		struct event_network network;
		struct event_call call;
		struct event_performance performance;
		struct event_container container;
		struct event_ticker ticker;
		struct event_chargen chargen;
		struct event_lost lost;
	};
};

#endif
