#ifndef SENSOR_PROCESS_NOTES_H
#define SENSOR_PROCESS_NOTES_H

#include "tracing/notice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Notices (tracing/notice.h) that wait for the sample they belong to, and what samples themselves tell about how a process will end.
 *
 * Exec arguments are joined to the exec sample of the same thread that is nearest in time, at most PROCESS_NOTES_EXEC_NS away, or, when notices
 * were lost shortly before, PROCESS_NOTES_EXEC_STRICT_NS (a virtual CPU can stand still between a sample and its notice): one thread
 * cannot exec twice within the microseconds that lie between a sample and its notice. A later notice for the same exec with more strings
 * replaces an earlier one. Exit statuses are joined by thread group and thread to the exit nearest before them (the kernel tells the status
 * when the task is done, after the sample). What was joined once is not joined again.
 *
 * How the status of a process is made (kernel: do_group_exit, do_exit, wait_task_zombie):
 *	some thread called exit_group, or a signal killed it	that code or signal, the first of them
 *	every thread ended by exit				the last thread's code; before Linux 6.0 the main thread's
 * A signal mark that is older than PROCESS_NOTES_GROUP_NS when the next one comes did not end the process (the first process of a
 * container ignores what it does not handle); within that time the next ones are those that the kernel sends to the other threads. A deadly
 * signal that dumps no core ends the group when it is sent, and what is delivered then is SIGKILL, to every thread (kernel: complete_signal
 * in kernel/signal.c): so it takes the samples of both ends to tell which one it was.
 *
 * Notices and marks are bounded in entries each, notices in bytes too: the oldest go first. A notice that is older than the samples' time
 * by PROCESS_NOTES_LINGER_NS is dropped.
 *
 * One thread.
 */

#define PROCESS_NOTES_LINGER_NS      (2 * UINT64_C(1000000000))
#define PROCESS_NOTES_EXEC_NS        UINT64_C(100000000)
#define PROCESS_NOTES_EXEC_STRICT_NS UINT64_C(1000000)
#define PROCESS_NOTES_EXEC_LOST_NS   UINT64_C(1000000000)
#define PROCESS_NOTES_GROUP_NS       UINT64_C(1000000000)
#define PROCESS_NOTES_MAX            4096
#define PROCESS_NOTES_BYTES          (UINT64_C(64) << 20)

struct process_notes;

struct process_notes_counters {
	size_t notices;
	size_t marks;
	uint64_t bytes;   /* of exec arguments */
	uint64_t dropped; /* notices (not joined yet) and marks that went for want of room or memory */
};

/* NULL: out of memory. */
struct process_notes *process_notes_new(void);
/* Takes NULL; returns NULL. */
struct process_notes *process_notes_free(struct process_notes *n);

/* Copies the notice; without memory for it, it is dropped and counted. */
void process_notes_put(struct process_notes *n, const struct notice *notice);

/* The arguments of the exec that `tid` made at time_ns; false: nothing is known. *ret borrows from the entry, which stays until the next call
 * of process_notes_put() or _advance(). */
bool process_notes_exec(struct process_notes *n, uint32_t tid, uint64_t time_ns, struct notice *ret);

/* Whether process_notes_exec() would find a notice with all arguments. */
bool process_notes_has_exec(struct process_notes *n, uint32_t tid, uint64_t time_ns);

/* Whether process_notes_exit() would find one. */
bool process_notes_has_exit(struct process_notes *n, uint32_t tgid, uint32_t tid, uint64_t time_ns);

/* The wait status of the thread whose exit sample has time_ns, from a notice. */
bool process_notes_exit(struct process_notes *n, uint32_t tgid, uint32_t tid, uint64_t time_ns, int32_t *ret_status);

/* From samples, in their order: a thread called exit_group (whole_group) or exit with this code; a deadly signal was sent to a thread (or,
 * by the number of the main one, to a process); a thread took it with a handler; one was delivered with its deadly default action; the
 * main thread ended while others live on. */
void process_notes_exit_call(struct process_notes *n, uint32_t tgid, uint32_t tid, bool whole_group, int32_t code, uint64_t time_ns);
void process_notes_signal_sent(struct process_notes *n, uint32_t tid, int signal, uint64_t time_ns);
void process_notes_signal_handled(struct process_notes *n, uint32_t tgid, uint32_t tid, int signal);
void process_notes_fatal_signal(struct process_notes *n, uint32_t tgid, uint32_t tid, int signal, uint64_t time_ns);
void process_notes_main_exit(struct process_notes *n, uint32_t tgid, uint64_t time_ns);

/* The status that exit_group or a signal made: false when there was neither. */
bool process_notes_group_status(struct process_notes *n, uint32_t tgid, int32_t *ret_status);

/* The wait status of a process whose last thread `tid` has its exit sample at time_ns, out of everything above. False: nothing is known. */
bool process_notes_status(struct process_notes *n, uint32_t tgid, uint32_t tid, uint64_t time_ns, int32_t *ret_status);

/* The marks that samples made do not hold any more: the process (or a thread other than the main one) has ended, or it has begun (another
 * had its number), or executed a program. Notices stay: they may already be those of the next process. */
void process_notes_forget(struct process_notes *n, uint32_t tgid);

/* Samples have come up to `time_ns`: notices that are old by then go. */
void process_notes_advance(struct process_notes *n, uint64_t time_ns);

void process_notes_counters(const struct process_notes *n, struct process_notes_counters *ret);

#endif
