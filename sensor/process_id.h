#ifndef SENSOR_PROCESS_ID_H
#define SENSOR_PROCESS_ID_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Process identity: (boot id, start time in clock ticks since boot, tgid) as text, "5f0c2a7e91d04b3c.1a2b3c4d.4711": 16 hexadecimal digits
 * of /proc/sys/kernel/random/boot_id, the start tick in hexadecimal, the tgid in decimal. A process that gets a tgid within the tick in
 * which another one had it is told apart by a suffix, ".2", ".3" and so on.
 *
 * The start tick is what field 22 of /proc/PID/stat shows: CLOCK_BOOTTIME at the fork, divided by the nanoseconds of a tick and cut (kernel:
 * nsec_to_clock_t in kernel/time/time.c). A fork sample is stamped with CLOCK_MONOTONIC a few microseconds after the kernel read that
 * clock, so that the tick can be computed from it, but for samples that come right behind the start of a tick.
 */

#define PROCESS_ID_BYTES   56 /* the longest id and its NUL */
#define PROCESS_BOOT_BYTES 17

/* A sample that is further behind the start of a tick than this belongs to a fork of that tick. Most are 2 us behind their fork; what is
 * in between is interrupts and the wait for a lock. */
#define PROCESS_FORK_LAG_NS UINT64_C(1000000)

/* The clocks of this boot. Changed only by process_clock_update(). */
struct process_clock {
	char boot[PROCESS_BOOT_BYTES]; /* hexadecimal digits, NUL-terminated */
	uint64_t tick_ns;
	int64_t offset_ns;         /* CLOCK_BOOTTIME - CLOCK_MONOTONIC: grows by each suspend, and only by that */
	int64_t earlier_offset_ns; /* before the last suspend that was noticed */
	uint64_t measured_ns;      /* CLOCK_MONOTONIC of the last measurement */
	uint64_t suspend_from_ns;  /* the last suspend lies between these two CLOCK_MONOTONIC times; 0: none yet */
	uint64_t suspend_until_ns;
};

/* The tick of a fork. When it is not certain, `other` is the only other tick it can be. */
struct process_tick {
	uint64_t tick;
	uint64_t other;
	bool certain;
};

/* Reads the boot id below the directory `proc_fd` and measures the clocks. -EINVAL: the boot id is malformed. */
int process_clock_init(struct process_clock *c, int proc_fd, struct error *err);

/* Looks whether the machine was suspended since the last call. */
void process_clock_update(struct process_clock *c);

/* The tick in which CLOCK_MONOTONIC time `time_ns` lies; no doubts considered. */
uint64_t process_clock_tick(const struct process_clock *c, uint64_t time_ns);

/* The start tick of a process whose fork sample has this time. */
struct process_tick process_clock_fork_tick(const struct process_clock *c, uint64_t time_ns);

/* Writes the id, NUL-terminated. `nth` process of this tgid in this tick, from 1. */
void process_id_write(char id[PROCESS_ID_BYTES], const struct process_clock *c, uint64_t start_tick, uint32_t tgid, uint32_t nth);

#endif
