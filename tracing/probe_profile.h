#ifndef TRACING_PROBE_PROFILE_H
#define TRACING_PROBE_PROFILE_H

#include "base/error.h"
#include "tracing/dynamic_probe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How often dynamic probes fired, and how often they could not (tracefs: kprobe_profile, uprobe_profile; Documentation/trace/kprobetrace.rst).
 * A kprobe misses when it is met while another is being handled on that CPU, a kretprobe when more calls are under way than it has room for
 * (maxactive): a loss that no ring tells of. The kernel counts only while somebody listens to the event.
 *
 * A line names the event without its group: "  NAME  HITS  MISSES", and "  FILE NAME  HITS" for uprobes (which never miss; those of kernels
 * before 3.14 likewise). The names of our own probes therefore hold the owner's pid.
 */

struct probe_counts {
	uint64_t hits, misses;
};

struct probe_profile_row {
	const char *name;
	const char *path; /* "" for the kernel's */
	struct probe_counts counts;
};

struct probe_profile {
	struct probe_profile_row *rows; /* in the order of the list of probes */
	size_t count;
	char *text;
};

/* Parses a profile's content; lines that are none are left out. -ENOMEM. Pure. probe_profile_done() afterwards. */
int probe_profile_parse(struct probe_profile *ret, const char *text, bool is_user);
void probe_profile_done(struct probe_profile *profile);

/* Reads the kernel's or the user functions' profile. A kernel without such probes has an empty one. */
int probe_profile_read(struct probe_profile *ret, bool is_user, struct error *err);

/* The counts of `count` probes of our own at once, each file read once at most: ret[i] is that of probes[i], zero for one that is not in the
 * kernel any more. */
int probe_profile_read_own(struct probe_counts *ret, struct dynamic_probe *const *probes, size_t count, struct error *err);

#endif
