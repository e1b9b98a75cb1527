#include "sensor/proc_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	size = proc_read_file(proc_fd, path, text, sizeof(text));
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
	size = proc_read_file(proc_fd, path, text, sizeof(text));
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
		if (proc_parse_number(&name, end, &number) && name == end && number > 0 && number < UINT32_MAX)
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
