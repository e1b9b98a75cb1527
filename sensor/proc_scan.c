#include "sensor/proc_scan.h"

#include "base/cleanup.h"

#include <dirent.h>
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

static bool parse_number(const char **at, const char *end, uint64_t *ret)
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
		if (!parse_number(&at, end, &value))
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
	if (!parse_number(&at, end, &pid))
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

/* The beginning of a file of a process. Returns its length, or a negative errno. */
static ssize_t read_file(int proc_fd, const char *path, char *to, size_t size)
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
	char path[32], text[1024];
	ssize_t size;
	int r;

	(void)snprintf(path, sizeof(path), "%u/stat", pid);
	size = read_file(proc_fd, path, text, sizeof(text));
	if (size < 0)
		return (int)size;
	r = proc_stat_parse(ret, text, (size_t)size);
	/* A thread's number opens its process's directory too; what answers must be the one that was asked for. */
	return r < 0 ? r : ret->pid == pid ? 0 : -EINVAL;
}

int proc_read_cwd(int proc_fd, uint32_t pid, char ret[PROC_PATH_BYTES])
{
	char path[32];
	ssize_t length;

	(void)snprintf(path, sizeof(path), "%u/cwd", pid);
	length = readlinkat(proc_fd, path, ret, PROC_PATH_BYTES - 1);
	if (length < 0)
		return -errno;
	ret[length] = '\0';
	return (int)length;
}

int proc_read_credentials(int proc_fd, uint32_t pid, struct credentials *ret)
{
	char path[32], text[4096];
	ssize_t size;

	*ret = (struct credentials){0};
	(void)snprintf(path, sizeof(path), "%u/status", pid);
	size = read_file(proc_fd, path, text, sizeof(text));
	if (size < 0)
		return (int)size;
	credentials_parse_status(ret, text, (size_t)size);
	return ret->known ? 0 : -ENODATA;
}

/* A dozen hierarchies with deep paths; what comes behind would be more of the same. */
#define CGROUP_BYTES_MAX 16384

int proc_read_container(int proc_fd, uint32_t pid, container_path_resolve_fn resolve, void *context, struct container_path *ret)
{
	char path[32], text[CGROUP_BYTES_MAX];
	ssize_t size;

	(void)snprintf(path, sizeof(path), "%u/cgroup", pid);
	size = read_file(proc_fd, path, text, sizeof(text));
	if (size < 0)
		return (int)size;
	return container_path_parse_file(text, (size_t)size, resolve, context, ret);
}

static int each_number(int proc_fd, const char *path, int (*fn)(void *context, uint32_t number), void *context)
{
	int fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory;
	int r = 0;

	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (!directory) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0) {
		const char *name, *end;
		uint64_t number = 0;
		struct dirent *entry;

		errno = 0;
		entry = readdir(directory);
		if (!entry) {
			r = errno == ESRCH ? -ENOENT : -errno;
			break;
		}
		name = entry->d_name;
		end = name + strlen(name);
		if (parse_number(&name, end, &number) && name == end && number > 0 && number < UINT32_MAX)
			r = fn(context, (uint32_t)number);
	}
	closedir(directory);
	return r;
}

int proc_each_process(int proc_fd, int (*fn)(void *context, uint32_t pid), void *context, struct error *err)
{
	int r = each_number(proc_fd, ".", fn, context);

	return r < 0 ? error_set_errno(err, r, "list processes in proc") : r;
}

int proc_each_thread(int proc_fd, uint32_t pid, int (*fn)(void *context, uint32_t tid), void *context)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "%u/task", pid);
	return each_number(proc_fd, path, fn, context);
}
