#ifndef SENSOR_PROCESS_CACHE_H
#define SENSOR_PROCESS_CACHE_H

#include "base/error.h"
#include "sensor/container_table.h"
#include "sensor/credentials.h"
#include "sensor/process_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who is who: every process of the host with its identity, name and ancestors.
 *
 * Filled by a scan of /proc after the rings are open, then kept true by fork, exec, exit and rename samples in time order; a sample that
 * tells what the scan has seen already changes nothing, and one that is about an earlier process of the same tgid does not touch the one that
 * the scan has seen. Threads belong to processes: the table is keyed by thread group, and a process ends with its last thread.
 *
 * Identity is (boot id, start time in clock ticks since boot, tgid), what /proc/PID/stat shows (process_id.h): a restarted sensor gives the
 * same process the same id. A tgid that is used twice within one tick gets a suffix, so that no id is ever given to two processes. (That
 * needs the earlier one to be in the table still: max_dead must be more than the processes that can end within a tick, 10 ms.)
 *
 * Samples can be missing (no room in a ring): a process that is not known is looked for in /proc when it is met, and another
 * process_cache_scan() ends those whose exit was missed.
 *
 * Staleness and bounds: a process that ended stays in the table until the time of the samples is `PROCESS_LINGER_NS` past its end, or until
 * its tgid is used again, whichever is first; it stays in memory as long as a living process has it in its lineage. Dead ancestors are cut
 * out of a lineage (the child gets its grandparent), the farthest first, when a new process makes it longer than PROCESS_LINEAGE_MAX;
 * living ones stay, so whoever walks up must stop by himself after PROCESS_LINEAGE_MAX. At most `max_dead` dead ones are held in all:
 * beyond that the oldest leave the table early, or are cut out of all lineages.
 *
 * Working directories and credentials are kept for as long as somebody wants them (process_cache_track()): read from /proc for those that are
 * there then, inherited by a fork, and changed by samples.
 *
 * The container that a process is in is always kept: read from its cgroups in /proc when the process is first seen there, inherited by a fork
 * (read, when the child was forked right into a cgroup), and changed when a sample tells that the process was moved to another cgroup. Where
 * no samples tell of that, it is read again at each exec, which is when a container's first process has been put where it belongs.
 *
 * One thread.
 */

#define PROCESS_COMM_BYTES  16
#define PROCESS_LINEAGE_MAX 64
#define PROCESS_LINGER_NS   (2 * UINT64_C(1000000000))

struct process {
	uint32_t tgid;
	uint32_t threads;              /* alive; a thread whose fork or exit was missed is counted wrongly */
	char id[PROCESS_ID_BYTES];     /* NUL-terminated, ASCII */
	char comm[PROCESS_COMM_BYTES]; /* of the main thread, NUL-terminated */
	struct process *parent;        /* who forked it; holds a reference; NULL: none, or not known */
	uint64_t start_ticks;          /* CLOCK_BOOTTIME in clock ticks (sysconf(_SC_CLK_TCK)) */
	uint64_t fork_time_ns;         /* CLOCK_MONOTONIC; 0: from the scan */
	uint64_t exit_time_ns;         /* 0: alive */
	uint32_t references;
	bool hidden;                    /* a child of the sensor's: not to be reported */
	struct credentials credentials; /* of the main thread; not known unless they are tracked */
	char *cwd;                      /* absolute, NUL-terminated; NULL: not known, or not tracked */
	struct container *container;    /* holds a reference; NULL: in none, or not known. Dropped when the process leaves the table */
	/* Changes whenever something changes that an encoder may have put into `encoded`: this process's comm, credentials,
	 * container (what is known of it, too) or parent, or the comm or parent of an ancestor. Never 0. */
	uint64_t revision;
	/* A place for an encoder to keep what it made of this process, valid while encoded_revision == revision. From malloc; freed with
	 * the process, or some time after its end. Only process_set_encoded() changes it. */
	void *encoded;
	size_t encoded_size;
	uint64_t encoded_revision;
};

struct process_cache;

struct process_cache_counters {
	uint64_t alive;
	uint64_t dead;      /* in memory for lineages or late samples */
	uint64_t created;   /* by fork samples */
	uint64_t looked_up; /* found by asking /proc because no sample had told of them */
	uint64_t missed;    /* ended by a scan that did not find them */
	uint64_t cut;       /* dead ancestors dropped from lineages to keep the bound */
};

struct process_cache_options {
	const char *proc;   /* "/proc" when NULL; tests give a tree of their own */
	size_t max_dead;    /* 0: 65536 */
	uint32_t self_tgid; /* its children are hidden; 0: nobody's */
	/* Where containers are kept; borrowed, must live longer than the cache. NULL: nobody asks which container a process is in. */
	struct container_table *containers;
};

/* -errno with a reason when the directory cannot be opened or has no boot id (sys/kernel/random/boot_id). */
int process_cache_new(struct process_cache **ret, const struct process_cache_options *options, struct error *err);
/* Takes NULL; returns NULL. */
struct process_cache *process_cache_free(struct process_cache *c);

/* Enters every process that /proc shows now and that is not known. Ones that vanish meanwhile are left out. Ones that are known, but are not
 * there any more, have ended: their exit samples may still come. Call it first when the rings are open, and again after samples of
 * fork or exit were lost. Costs some 10 us per process of the host. */
int process_cache_scan(struct process_cache *c, struct error *err);

/* The process of a thread group, living or still lingering; NULL when not known. Valid until the next change of the cache. */
struct process *process_cache_find(struct process_cache *c, uint32_t tgid);

/* The process that made a sample at `time_ns`. Like find when all is well; asks /proc once when the cache does not know it (a lost fork
 * sample, say), and does not mistake it for a later process of the same tgid. NULL: gone, nobody knows. */
struct process *process_cache_get(struct process_cache *c, uint32_t tgid, uint64_t time_ns);

/* A new process or, with CLONE_THREAD in clone_flags, a new thread of parent_tgid. Returns the process of the child (for a thread its
 * own process); NULL when out of memory, when the process of a new thread is not known, and for child_tid 0 (the idle task of a CPU that
 * comes up). */
struct process *process_cache_fork(struct process_cache *c, uint32_t parent_tgid, uint32_t child_tid, uint64_t clone_flags,
				   const char *comm, uint64_t time_ns);

/* A successful execve: the other threads of the group are gone. */
void process_cache_exec(struct process_cache *c, uint32_t tgid, uint64_t time_ns);

/* A thread got a new name (cut after 15 bytes): it names the process when it is the main thread, whose number is the tgid; other threads'
 * names are not kept. True: the process has another name than before. */
bool process_cache_rename(struct process_cache *c, uint32_t tid, const char *comm, uint64_t time_ns);

/* What to keep of every process from now on. What was not kept before is read from /proc, some 10 us per process and thing; what is not to be
 * kept any more is forgotten. */
void process_cache_track(struct process_cache *c, bool cwd, bool credentials);

/* A process has another working directory (`path` is not terminated; `length` 0: nobody knows which), other credentials. Only while they are tracked. */
void process_cache_set_cwd(struct process_cache *c, uint32_t tgid, const char *path, size_t length);
void process_cache_set_credentials(struct process_cache *c, uint32_t tgid, const struct credentials *credentials);

/* The task was moved to another cgroup of a hierarchy (the kernel's number of it; `path` as the kernel has it, not terminated). A process is in the
 * container that it was moved into last, and in none when no hierarchy has it in that any more. A thread that is moved alone moves its process
 * when it is the main thread. */
void process_cache_attach(struct process_cache *c, uint32_t tid, uint64_t hierarchy, const char *path, size_t length, uint64_t time_ns);

/* Whether process_cache_attach() is called for every move from now on; false at first. */
void process_cache_follow_cgroups(struct process_cache *c, bool followed);

/* Reads again which container each process is in, after moves were missed. */
void process_cache_reread_containers(struct process_cache *c);

/* The kernel has chosen the process to be killed for lack of memory: its container is told. */
void process_cache_out_of_memory(struct process_cache *c, uint32_t tgid, uint64_t time_ns);

/* A thread ended. True when it was the last one: the process has ended now, and *ret is who it was; NULL when that is not known. `group_dead`
 * is what the kernel says: 1 the last one, 0 not the last one, -1 this kernel does not say (the threads decide then; of an unknown process
 * the main thread's end is taken for its own). *ret stays valid until the next change of the cache. */
bool process_cache_exit(struct process_cache *c, uint32_t tgid, uint32_t tid, int group_dead, uint64_t time_ns, struct process **ret);

/* Samples have come up to `time_ns`: what ended long enough before may go. Cheap when there is nothing to do. */
void process_cache_advance(struct process_cache *c, uint64_t time_ns);

void process_cache_counters(const struct process_cache *c, struct process_cache_counters *ret);

/* Gives `size` bytes from malloc to p->encoded (frees what was there) and marks them current. Encoders see processes as const: this is the
 * one thing they may change. */
void process_set_encoded(const struct process *p, void *bytes, size_t size);

#endif
