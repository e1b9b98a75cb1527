#include "tracing/probe_owner.h"

#include "base/proc_stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUP_PREFIX "ringside_"

static int read_start_time(uint32_t pid, uint64_t *ret)
{
	struct proc_stat stat;
	int r = proc_read_stat(PROC_OF_HOST, pid, &stat);

	if (!r)
		*ret = stat.start_tick;
	return r;
}

void probe_owner_self(struct probe_owner *ret)
{
	*ret = (struct probe_owner){.pid = (uint32_t)getpid()};
	read_start_time(ret->pid, &ret->start_time);
}

void probe_owner_group(const struct probe_owner *owner, char ret_group[PROBE_GROUP_BYTES])
{
	snprintf(ret_group, PROBE_GROUP_BYTES, GROUP_PREFIX "%" PRIu32 "_%" PRIu64, owner->pid, owner->start_time);
}

/* The group is printed again from what was read of it, so that nothing but our exact form can match. */
bool probe_owner_parse(struct probe_owner *ret, const char *group)
{
	char again[PROBE_GROUP_BYTES];

	if (sscanf(group, GROUP_PREFIX "%" SCNu32 "_%" SCNu64, &ret->pid, &ret->start_time) != 2)
		return false;
	probe_owner_group(ret, again);
	return !strcmp(group, again);
}

bool probe_owner_lives(const struct probe_owner *owner)
{
	uint64_t running_since = 0;
	int r = read_start_time(owner->pid, &running_since);

	if (!r)
		return running_since == owner->start_time;
	return r != -ENOENT;
}
