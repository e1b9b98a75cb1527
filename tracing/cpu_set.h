#ifndef TRACING_CPU_SET_H
#define TRACING_CPU_SET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any kernel is built for on this architecture (CONFIG_NR_CPUS up to 8192). */
#define CPU_MAX 8192

/* Parses the kernel's list format ("0-3,7\n"; Documentation/admin-guide/cputopology.rst) into ret[0..CPU_MAX). Returns the number of CPUs,
 * or -EINVAL. */
int cpu_list_parse(const char *list, bool ret[CPU_MAX], struct error *err);

/* A number that changes when a CPU went offline and came back: perf's events on it are dead then, though it looks as if nothing had happened.
 * (The inode of its topology directory, which sysfs makes anew; before Linux 4.14 it can be the same again.) 0: not known. */
uint64_t cpu_incarnation(int cpu);

/* The CPUs that are online now. Returns their number or a negative errno. */
int cpu_online(bool ret[CPU_MAX], struct error *err);

#endif
