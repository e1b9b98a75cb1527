#include "tracing/probe_owner.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GROUP_PREFIX "ringside_"

/* Field 22 of /proc/PID/stat, counted from behind the last ')': the name in field 2 may hold blanks and parentheses. */
static int read_start_time(uint32_t pid, uint64_t *ret)
{
	char path[32];
	char text[1024];
	cleanup_close int fd = -1;
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ESRCH;
	text[n] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %" SCNu64, ret) == 1 ? 0 : -EINVAL;
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
	return r != -ENOENT && r != -ESRCH;
}
