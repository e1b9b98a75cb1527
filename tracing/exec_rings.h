#ifndef TRACING_EXEC_RINGS_H
#define TRACING_EXEC_RINGS_H

#include "base/error.h"
#include "tracing/dynamic_probe.h"
#include "tracing/elf_entry.h"
#include "tracing/exec_copy_probe.h"
#include "tracing/perf_event.h"
#include "tracing/perf_ring.h"
#include "tracing/stack_dump.h"

/*
 * The kernel side of exec_arguments.h: a ring per CPU with three kinds of samples. Two are a dump of the user stack and nothing else: of the
 * exec tracepoint, and of a uprobe on the first instruction of each dynamic loader, whose fetchargs have made the pages resident that the
 * dump covers. The third is what a kprobe has captured of that stack just before the exec tracepoint (exec_copy.h), where there are kprobes.
 *
 * Embedded by exec_arguments.c. One thread.
 */

#define EXEC_RINGS_BYTES_MIN     ((size_t)64 << 10)
#define EXEC_RINGS_BYTES_DEFAULT ((size_t)1 << 20)
#define EXEC_RINGS_TOTAL_DEFAULT ((size_t)16 << 20)

enum exec_sample_kind {
	EXEC_SAMPLE_COPY,
	EXEC_SAMPLE_EXEC,
	EXEC_SAMPLE_LOADER,
};

/* The dump and the copy borrow from a ring until the next call of exec_rings_next(). */
struct exec_sample {
	enum exec_sample_kind kind;
	uint64_t id; /* of the perf event */
	uint64_t time_ns;
	uint32_t tgid;
	uint32_t tid;
	union {
		struct stack_dump dump; /* empty when the kernel had no user registers to go by */
		struct exec_copy copy;  /* of EXEC_SAMPLE_COPY */
	};
};

struct exec_ring;

struct exec_rings {
	int epoll_fd; /* readable when a new exec is in a ring: an epoll descriptor of all of them */
	struct perf_layout layout;
	int64_t clock_offset_ns;
	struct exec_copy_probe copy_probe;
	bool has_copies;        /* the kprobes are in the kernel */
	struct error no_copies; /* why not */
	struct dynamic_probe *probes[ELF_LOADERS_MAX];
	uint32_t probe_count;
	struct exec_ring *rings;
	uint32_t count;
	struct exec_ring *taken; /* whose record is out */
	uint64_t bytes;          /* of all rings */
	bool counts_losses;      /* the kernel counts them for each event (PERF_FORMAT_LOST) */
	uint64_t lost_execs;     /* samples without room; of all kinds when they are not counted for each event */
	uint64_t lost_copies;
	uint64_t lost_loaders;
	uint64_t unproven; /* copies that were not to be believed */
	uint64_t malformed;
};

/* Rings of `memory_bytes` together (see exec_arguments.h; 0: the default), probes, events; all enabled. Without the kprobes when they are
 * not wanted or cannot be had, which is no failure. On failure nothing is left. */
int exec_rings_open(struct exec_rings *r, size_t memory_bytes, bool with_copies, struct error *err);

/* Takes closed ones too. */
void exec_rings_close(struct exec_rings *r);

/*
 * The next sample in time order up to until_ns; false: there is none. Those of one thread come in their order (copy, exec, loader), on whatever
 * CPUs they were taken.
 */
bool exec_rings_next(struct exec_rings *r, uint64_t until_ns, struct exec_sample *ret);

/* Records that made no sense. */
uint64_t exec_rings_corrupt(const struct exec_rings *r);

/* Takes a PERF_RECORD_SAMPLE with a dump apart, all but the kind; false: it makes no sense. Reads nothing outside of it. */
bool exec_sample_parse(const struct perf_event_header *record, const struct perf_layout *layout, struct exec_sample *ret);

/* The same for one with a copy. Returns what exec_copy_decode() returns; -EINVAL as well when the record makes no sense. */
int exec_sample_parse_copy(const struct perf_event_header *record, const struct perf_layout *layout,
			   const struct exec_copy_layout *copy_layout, struct exec_sample *ret);

#endif
