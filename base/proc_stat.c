#include "base/proc_stat.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Fields of a stat file, counted as the man page does: 1 is the pid, 2 the name. */
enum {
	STAT_STATE = 3,
	STAT_PARENT = 4,
	STAT_FLAGS = 9,
	STAT_THREADS = 20,
	STAT_START = 22,
};

#define PF_WQ_WORKER 0x20 /* kernel: include/linux/sched.h */

bool proc_parse_number(const char **at, const char *end, uint64_t *ret)
{
	const char *p = *at;
	uint64_t value = 0;
	bool negative = p < end && *p == '-';

	if (negative)
		p++;
	if (p == end || *p < '0' || *p > '9')
		return false;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	*at = p;
	*ret = negative ? 0 - value : value;
	return true;
}

/* The stat file shows what a worker does behind its name ("kworker/0:1-events"); samples have the name alone. */
static size_t worker_name_length(const char *comm, size_t length)
{
	const char *colon = memchr(comm, ':', length);

	if (!colon)
		return length;
	for (size_t i = (size_t)(colon - comm); i < length; i++) {
		if (comm[i] == '-' || comm[i] == '+')
			return i;
	}
	return length;
}

static bool parse_fields(struct proc_stat *ret, const char *at, const char *end, uint64_t *ret_flags)
{
	for (int field = STAT_STATE; field <= STAT_START; field++) {
		uint64_t value = 0;

		if (at == end || *at != ' ')
			return false;
		at++;
		if (field == STAT_STATE) {
			if (at == end)
				return false;
			ret->is_zombie = *at == 'Z' || *at == 'X' || *at == 'x';
			at++;
			continue;
		}
		if (!proc_parse_number(&at, end, &value))
			return false;
		if (field == STAT_PARENT)
			ret->parent_pid = (uint32_t)value;
		else if (field == STAT_FLAGS)
			*ret_flags = value;
		else if (field == STAT_THREADS)
			ret->threads = (uint32_t)value;
		else if (field == STAT_START)
			ret->start_tick = value;
	}
	return true;
}

/* The name stands in parentheses and may hold any character, parentheses and blanks too: the last one closes it. */
int proc_stat_parse(struct proc_stat *ret, const char *text, size_t size)
{
	const char *at = text;
	const char *end = text + size;
	const char *open, *close;
	uint64_t pid = 0, flags = 0;
	size_t length;

	memset(ret, 0, sizeof(*ret));
	if (!proc_parse_number(&at, end, &pid))
		return -EINVAL;
	open = memchr(at, '(', (size_t)(end - at));
	if (!open)
		return -EINVAL;
	close = memrchr(open, ')', (size_t)(end - open));
	if (!close || !parse_fields(ret, close + 1, end, &flags))
		return -EINVAL;
	ret->pid = (uint32_t)pid;
	length = (size_t)(close - open - 1);
	if (flags & PF_WQ_WORKER)
		length = worker_name_length(open + 1, length);
	if (length > PROC_COMM_BYTES - 1)
		length = PROC_COMM_BYTES - 1;
	memcpy(ret->comm, open + 1, length);
	return 0;
}

ssize_t proc_read_file(int proc_fd, const char *path, char *to, size_t size)
{
	cleanup_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, to, size);
	if (length < 0)
		return errno == ESRCH ? -ENOENT : -errno;
	return length;
}

int proc_read_stat(int proc_fd, uint32_t pid, struct proc_stat *ret)
{
	char path[32], text[1024] = ""; /* the analyzer does not believe that errno is positive */
	ssize_t size;
	int r;

	(void)snprintf(path, sizeof(path), "%s%u/stat", proc_fd < 0 ? "/proc/" : "", pid);
	size = proc_read_file(proc_fd, path, text, sizeof(text));
	if (size < 0)
		return (int)size;
	r = proc_stat_parse(ret, text, (size_t)size);
	/* A thread's number opens its process's directory too; what answers must be the one that was asked for. */
	return r < 0 ? r : ret->pid == pid ? 0 : -EINVAL;
}
