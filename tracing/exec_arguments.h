#ifndef TRACING_EXEC_ARGUMENTS_H
#define TRACING_EXEC_ARGUMENTS_H

#include "base/error.h"
#include "tracing/notice.h"

#include <stdbool.h>
#include <uv.h>

/*
 * The arguments of every program that is executed on this host, without racing the caller: all ways look at the stack of the new program,
 * where the kernel has put its own copy. In this order:
 *
 * 1. A kprobe on start_thread(), where the kernel has kprobes, for 64-bit programs: the first 1.5 to 2 KiB of arguments, before the program
 *    has run at all (exec_copy.h).
 * 2. sched:sched_process_exec, some microseconds later, with a dump of the user stack (PERF_SAMPLE_STACK_USER). Always tells argc; has the
 *    strings too when no page of the random gap before them is missing from memory, which is so five times out of six or more often.
 * 3. A uprobe on the first instruction of the dynamic loaders, a little later, with a dump as well. Its fetchargs read one word of each page
 *    that the dump covers: they may fault pages in, the dump may not. So the dump is whole, unless the arguments are longer than it is.
 * 4. What is still missing after that is read from the program's memory at once (exec_memory.h), which a program that lives for some ten
 *    microseconds only can escape: very short static ones. Where there are kprobes, these are only those with long arguments and 32-bit ones.
 *
 * Dumps have rings of their own, so that they never push samples out. The kernel reserves the full size of a dump in the ring, nearly
 * 16 KiB, however short the stack is.
 *
 * An exec has one or more notices, all with the time of the exec sample: an incomplete one (count < argc) may be followed by one with more.
 * While it is open, there is one descriptor per CPU and probe, and in our group (dynamic_probe.h) two kprobes and a uprobe per
 * loader. CPUs that come online later are not watched.
 *
 * Everything happens on the loop's thread.
 */
struct exec_arguments;

struct exec_arguments_options {
	/* Memory of all rings together, divided by the CPUs and rounded down to a power of two, but never less than 64 KiB each, which are
	 * four dumps. 0: 1 MiB each, and not more than 16 MiB together. */
	size_t memory_bytes;
	bool without_kprobe; /* as on a kernel that has none */
};

struct exec_arguments_counters {
	uint64_t execs;       /* exec samples seen */
	uint64_t from_kprobe; /* of those, complete by what the kprobe has captured */
	uint64_t from_exec;   /* complete by the exec sample's dump */
	uint64_t from_loader; /* complete by the loader's */
	uint64_t from_memory; /* complete by reading the program's memory */
	uint64_t incomplete;  /* the program was gone, or ran another one, before we came */
	uint64_t lost;        /* exec samples for which the ring had no room; before 6.0 an upper bound: all kinds together */
	uint64_t lost_kprobe; /* kprobe samples for which it had none; the other ways are left */
	uint64_t lost_loader; /* loader samples for which it had none */
	uint64_t unproven;    /* kprobe samples that did not prove themselves: not used */
	uint64_t corrupt;     /* records that made no sense */
	uint64_t ring_bytes;  /* memory of all rings */
	uint32_t rings;       /* CPUs watched */
	uint32_t loaders;     /* loaders with a probe */
};

/*
 * Starts: `fn` is called with `context` from now until the close, by the loop or by exec_arguments_drain(). `options` may be NULL. Needs
 * root. A loader that cannot be probed is left out. -EOPNOTSUPP: this perf cannot dump user stacks. On failure nothing is left behind.
 */
int exec_arguments_open(struct exec_arguments **ret, uv_loop_t *loop, const struct exec_arguments_options *options, notice_fn fn,
			void *context, struct error *err);

/* Takes all there is now. To be called before samples are taken from the main rings, so that the notices are there before them. */
void exec_arguments_drain(struct exec_arguments *e);

/* NULL: the kprobe is there. Else why it is not; borrowed until the close. */
const char *exec_arguments_without_kprobe(const struct exec_arguments *e);

void exec_arguments_counters(const struct exec_arguments *e, struct exec_arguments_counters *ret);

/* Stops: probes, descriptors and rings are gone when it returns, `fn` is not called any more. Not from within `fn`. The memory of the
 * handle itself is freed by the loop's next turn, so let it turn once more before uv_loop_close(). Takes NULL; returns NULL. */
struct exec_arguments *exec_arguments_close(struct exec_arguments *e);

#endif
