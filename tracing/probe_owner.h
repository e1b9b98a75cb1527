#ifndef TRACING_PROBE_OWNER_H
#define TRACING_PROBE_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whose a dynamic probe is, from its group: `ringside_PID_STARTTIME`, the start time in clock ticks as field 22 of /proc/PID/stat has it
 * (proc(5)), so that a pid that was used again is not taken for the owner.
 */
struct probe_owner {
	uint32_t pid;
	uint64_t start_time;
};

#define PROBE_GROUP_BYTES 64 /* the kernel's MAX_EVENT_NAME_LEN */

/* This process. */
void probe_owner_self(struct probe_owner *ret);

void probe_owner_group(const struct probe_owner *owner, char ret_group[PROBE_GROUP_BYTES]);

/* False unless `group` is exactly of our form. */
bool probe_owner_parse(struct probe_owner *ret, const char *group);

/* Does that process live? True as well when it cannot be told: only a process that is not there, or another under that pid, is a proof. */
bool probe_owner_lives(const struct probe_owner *owner);

#endif
