#ifndef TRACING_SAMPLE_SOURCE_H
#define TRACING_SAMPLE_SOURCE_H

#include "base/error.h"
#include "tracing/dynamic_probe.h"
#include "tracing/format.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Where samples come from: the kernel's rings (collector.h), a recording (recording.h), or a test's own list (fake_source.h). The pipeline
 * behind it cannot tell them apart.
 *
 * All calls are made by one thread.
 */

/* How the task that was sampled calls the kernel (PERF_SAMPLE_REGS_USER's abi word, linux/perf_event.h). */
enum sample_abi {
	SAMPLE_ABI_UNKNOWN = 0, /* not sampled, or a kernel thread */
	SAMPLE_ABI_32 = 1,
	SAMPLE_ABI_64 = 2,
};

/* What to read of the task that made a sample, as soon as the sample is seen, which is some ten microseconds later at best: the task goes on
 * meanwhile. For what no kernel event carries. */
enum sample_read_kind {
	SAMPLE_READ_NONE,
	SAMPLE_READ_STRING, /* the string that the pointer in `field` points to, without its NUL; at most SAMPLE_READ_BYTES_MAX */
	/* The same for a string whose beginning the sample has, in the array `length_field`: only when that has no end; or for one that the sample
	 * should have there, when its memory could not be read. Rare: not worth a wake-up. */
	SAMPLE_READ_LONG_STRING,
	SAMPLE_READ_BYTES, /* as many bytes as `length_field` says, likewise */
	/* The name (msg_name, msg_namelen) in the struct msghdr that `field` points to, laid out as the caller's ABI has it (sample with_abi): the
	 * address that a message goes to. None: no bytes and no error. */
	SAMPLE_READ_MSGHDR_NAME,
	SAMPLE_READ_FD_PATH,   /* what /proc/PID/fd shows for the descriptor in `field`; AT_FDCWD: the working directory */
	SAMPLE_READ_FILE_PATH, /* the same when it is a regular file; else -ENODATA */
	/* The same for a directory that names are relative to; nothing for AT_FDCWD. It stays open for long, usually: not worth a wake-up. */
	SAMPLE_READ_DIRECTORY_PATH,
	SAMPLE_READ_CWD,    /* the working directory */
	SAMPLE_READ_STATUS, /* the content of /proc/PID/task/TID/status */
};

#define SAMPLE_READS_MAX         4
#define SAMPLE_READ_BYTES_MAX    4096
#define SAMPLE_LONG_STRING_BYTES 512 /* so much of one is in the sample */

struct sample_read_spec {
	enum sample_read_kind kind;
	const char *field;
	const char *length_field;
};

/* Up to the last one that is asked for: there may be gaps. */
static inline uint32_t sample_read_count(const struct sample_read_spec specs[SAMPLE_READS_MAX])
{
	uint32_t count = SAMPLE_READS_MAX;

	while (count && specs[count - 1].kind == SAMPLE_READ_NONE)
		count--;
	return count;
}

struct sample_read {
	const char *bytes; /* not terminated; never NULL */
	uint32_t length;
	int error; /* 0, or the negative errno that kept it from being read; -ENAMETOOLONG: `bytes` are its beginning */
};

/* A counter, as perf_event_open(2) has it. */
struct perf_counter {
	uint32_t type; /* PERF_TYPE_HARDWARE, PERF_TYPE_SOFTWARE, PERF_TYPE_HW_CACHE */
	uint64_t config;
};

#define PERF_COUNTERS_MAX 16

/* Counters that are sampled together, on each CPU, whenever the first one has come so far. */
struct counter_group_spec {
	const struct perf_counter *counters;
	uint32_t count;
	bool by_frequency; /* `rate` is samples per second and CPU; else one sample every `rate` counts of the first counter */
	uint64_t rate;
};

struct counter_values {
	uint64_t time_enabled; /* ns */
	uint64_t time_running;
	uint64_t values[PERF_COUNTERS_MAX];
	uint32_t count;
};

/* What to ask the kernel for. Borrowed for the call, all of it. */
struct kernel_event_spec {
	const char *system; /* "raw_syscalls"; with a probe it only tells its sort to people, "kprobe" */
	const char *name;   /* "sys_enter"; with a probe, what the probe shall be called */
	const char *filter; /* kernel filter expression (Documentation/trace/events.rst, section 5); NULL or "": every hit */
	bool with_abi;      /* sample the caller's ABI */
	/* To be put in for the event, and taken out with it; NULL: a tracepoint that is there. */
	const struct dynamic_probe_spec *probe;
	struct dynamic_probe_refusal *refusal;     /* where to tell more when the probe itself is refused; NULL: nowhere */
	const struct counter_group_spec *counters; /* NULL: no counters; else the event has no format and no filter */
	struct sample_read_spec reads[SAMPLE_READS_MAX];
};

/* One installed kernel event. Sources embed this as their first member. */
struct kernel_event {
	const struct format *format; /* lives as long as the event; NULL: counters */
	void *owner;                 /* whatever add() was given */
	uint64_t lost;               /* hits that the kernel had no room for and that were reported as lost samples so far */
	uint64_t missed;             /* hits for which its probe was not run, likewise */
	uint64_t delivered;          /* samples returned by next() so far */
	uint32_t read_count;         /* sample_read_count(): each sample that has any reads has so many */
};

enum sample_kind {
	SAMPLE_HIT,  /* the event happened, `raw` has its fields */
	SAMPLE_LOST, /* the event happened `lost` more times around this moment than there was room for */
};

/* Valid until the next call into the source. */
struct sample {
	enum sample_kind kind;
	enum sample_abi abi;
	struct kernel_event *event;
	uint64_t time_ns; /* CLOCK_MONOTONIC; never less than the previous sample's */
	uint32_t tgid;
	uint32_t tid; /* both 0 for a lost sample, an idle CPU, and a task that has given its ids back already */
	uint32_t cpu;
	uint32_t raw_size;
	const uint8_t *raw;
	const struct sample_read *reads;       /* in the places of the spec's; NULL: none were asked for, or there was no memory */
	const struct counter_values *counters; /* of an event with counters; then there is no raw data */
	uint64_t lost;
	bool missed; /* lost: the probe was not run, rather than that there was no room */
};

struct sample_source_counters {
	uint64_t samples; /* delivered, without lost samples */
	uint64_t lost;    /* hits without room in a ring */
	uint64_t missed;  /* hits for which a probe was not run (kprobe_profile) */
	uint64_t late;    /* samples that came after the horizon had passed them: delivered, with their time moved up to the last one's */
	uint64_t corrupt; /* records that made no sense and were skipped */
	uint64_t unknown; /* records of an event that is not installed any more */
	uint64_t ring_bytes; /* memory of all rings */
	uint32_t rings;
	uint32_t descriptors; /* perf file descriptors open now */
};

struct sample_source;

struct sample_source_ops {
	/* Installs a kernel event; its hits come from now on. Errors carry the kernel's own reason. -ENOENT: no such tracepoint. */
	int (*add)(struct sample_source *s, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret,
		   struct error *err);
	/* Gives an installed event another filter: what both filters let through is neither missed nor seen twice. On failure the old
	 * filter stays. */
	int (*refilter)(struct sample_source *s, struct kernel_event *event, const char *filter, struct error *err);
	/* Takes it out of the kernel and settles its account (see lost_final). Samples that are still in the rings are skipped. The event
	 * is freed. */
	void (*remove)(struct sample_source *s, struct kernel_event *event);
	/* Looks at how far all CPUs have come. Samples up to the returned time (the horizon, CLOCK_MONOTONIC ns) may be taken with next().
	 */
	uint64_t (*advance)(struct sample_source *s);
	/* 1: *ret is the next sample in time order up to the horizon. 0: there is none. */
	int (*next)(struct sample_source *s, struct sample *ret);
	/* The sample that next() has just returned was not used: next() will return it again, after any number of other calls. */
	void (*hold)(struct sample_source *s);
	/* Gives the space of what was taken so far back to the kernel, when it is enough to be of use there. */
	void (*release)(struct sample_source *s);
	/* Finds losses that no ring record has told of yet, so that next() will report them. Cheap enough for every few 100 ms. */
	void (*settle)(struct sample_source *s);
	void (*counters)(const struct sample_source *s, struct sample_source_counters *ret);
	/* Removes all events and frees everything. */
	void (*free)(struct sample_source *s);
};

/* Sources embed this as their first member. */
struct sample_source {
	const struct sample_source_ops *ops;
};

#endif
