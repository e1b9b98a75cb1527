#ifndef TRACING_CPU_SET_H
#define TRACING_CPU_SET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* More than any kernel is built for on this architecture (CONFIG_NR_CPUS up to 8192). */
#define CPU_MAX 8192

/* Parses the kernel's list format ("0-3,7\n"; Documentation/admin-guide/cputopology.rst) into ret[0..CPU_MAX). Returns the number of CPUs,
 * or -EINVAL. */
int cpu_list_parse(const char *list, bool ret[CPU_MAX], struct error *err);

/* The CPUs that are online now. Returns their number or a negative errno. */
int cpu_online(bool ret[CPU_MAX], struct error *err);

#endif
