#ifndef SENSOR_PROC_SCAN_H
#define SENSOR_PROC_SCAN_H

#include "base/error.h"
#include "base/proc_stat.h"
#include "container/container_path.h"
#include "sensor/credentials.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading processes out of /proc (man 5 proc); their stat files are read by base/proc_stat.h. All functions take a descriptor of the directory, so that tests give a tree of their own.
 * Processes come and go while one reads: gone is an ordinary answer.
 */

#define PROC_PATH_BYTES 4096

/* The working directory of a process as the kernel shows it, NUL-terminated: with " (deleted)" behind one that is, and "(unreachable)" before
 * one outside of our root. Returns its length, or a negative errno; -ENOENT: gone. */
int proc_read_cwd(int proc_fd, uint32_t pid, char ret[PROC_PATH_BYTES]);

/* Its credentials. -ENOENT: gone; -ENODATA: its status file does not tell; nothing is known then. */
int proc_read_credentials(int proc_fd, uint32_t pid, struct credentials *ret);

/* The container that its cgroups say it is in (PID/cgroup; `resolve` as in container_path_parse_file()). 1: *ret; 0: none; -ENOENT: gone. Also 0 for a process on its way out in hierarchies
 * of cgroup v1, which the kernel shows in their roots. */
int proc_read_container(int proc_fd, uint32_t pid, container_path_resolve_fn resolve, void *context, struct container_path *ret);

/* Calls fn for the number of each process; stops when it returns non-zero and returns that. */
int proc_each_process(int proc_fd, int (*fn)(void *context, uint32_t pid), void *context, struct error *err);

/* Calls fn for the number of each thread of a process. -ENOENT: gone. */
int proc_each_thread(int proc_fd, uint32_t pid, int (*fn)(void *context, uint32_t tid), void *context);

#endif
