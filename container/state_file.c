#include "container/state_file.h"

#include "base/cleanup.h"
#include "container/container_fact.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static int64_t modified_ns(const struct stat *stat)
{
	return (int64_t)stat->st_mtim.tv_sec * 1000000000 + stat->st_mtim.tv_nsec;
}

static struct state_file_id identify(const struct stat *stat)
{
	return (struct state_file_id){
		.device = stat->st_dev,
		.inode = stat->st_ino,
		.size = (uint64_t)stat->st_size,
		.modified_ns = modified_ns(stat),
	};
}

/* Cuts the first part off *name. False: there is none left, or it is one that leads elsewhere. */
static bool cut_part(const char **name, char *ret_part, size_t size)
{
	const char *slash = strchrnul(*name, '/');
	size_t length = (size_t)(slash - *name);

	if (!length || length >= size)
		return false;
	memcpy(ret_part, *name, length);
	ret_part[length] = '\0';
	*name = *slash ? slash + 1 : slash;
	return strcmp(ret_part, ".") != 0 && strcmp(ret_part, "..") != 0;
}

static int open_root(const char *root, int *ret_follow)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return fd < 0 ? -errno : fd;
	/* Where only the superuser can have put a link, somebody moved the data to another disk. Anybody else could show us files that are not
	 * his. */
	*ret_follow = stat.st_uid ? O_NOFOLLOW : 0;
	return fd;
}

/* Part by part, for only openat2(2) can forbid links in the middle of a path, and Linux has that since 5.6. */
static int open_below(const char *root, const char *name, int flags)
{
	char part[NAME_MAX + 1];
	int follow = O_NOFOLLOW;
	int fd = open_root(root, &follow);

	while (fd >= 0 && *name) {
		int above = fd;

		if (!cut_part(&name, part, sizeof(part))) {
			close(above);
			return -EINVAL;
		}
		fd = openat(above, part, (*name ? O_PATH | O_DIRECTORY : flags) | follow | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		close(above);
	}
	return fd;
}

/* Without O_NONBLOCK a fifo would make us wait; and a terminal must not become ours. */
#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

static int read_whole(int fd, char *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t r = read(fd, to + done, size - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -EINVAL;
		done += (size_t)r;
	}
	to[size] = '\0';
	return 0;
}

int state_file_read(struct state_file *ret, const char *root, const char *name)
{
	cleanup_free char *text = NULL;
	cleanup_close int fd = open_below(root, name, READ_FLAGS);
	struct stat stat;
	int r;

	*ret = (struct state_file){0};
	if (fd < 0)
		return fd;
	if (fstat(fd, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode))
		return -EINVAL;
	if ((uint64_t)stat.st_size > CONTAINER_JSON_MAX)
		return -EFBIG;
	text = malloc((size_t)stat.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = read_whole(fd, text, (size_t)stat.st_size);
	if (r)
		return r;
	*ret = (struct state_file){.text = take_pointer(text), .size = (size_t)stat.st_size, .id = identify(&stat)};
	return 0;
}

void state_file_done(struct state_file *f)
{
	free(f->text);
	f->text = NULL;
}

static bool stat_below(const char *root, const char *name, struct stat *ret)
{
	cleanup_close int fd = open_below(root, name, O_PATH | O_NOFOLLOW);

	return fd >= 0 && !fstat(fd, ret);
}

bool state_file_exists(const char *root, const char *name)
{
	struct stat stat;

	return stat_below(root, name, &stat);
}

int64_t state_file_modified_ns(const char *root, const char *name)
{
	struct stat stat;

	return stat_below(root, name, &stat) ? modified_ns(&stat) : 0;
}

bool state_file_is_trusted(const char *root)
{
	struct stat stat_of;

	return !stat(root, &stat_of) && S_ISDIR(stat_of.st_mode) && !stat_of.st_uid;
}

static bool is_directory(int above, const struct dirent *entry)
{
	struct stat stat;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return !fstatat(above, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) && S_ISDIR(stat.st_mode);
}

static int open_directory(const char *root, const char *name)
{
	int fd;

	if (*name)
		return open_below(root, name, READ_FLAGS | O_DIRECTORY);
	fd = open(root, READ_FLAGS | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int state_file_list(const char *root, const char *name, void (*fn)(void *context, const char *directory), void *context)
{
	int fd = open_directory(root, name);
	const struct dirent *entry;
	int count = 0;
	DIR *directory;

	if (fd < 0)
		return fd;
	directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return -ENOMEM;
	}
	while (count < STATE_FILE_NAMES_MAX && (entry = readdir(directory))) {
		if (!container_id_is_valid(entry->d_name) || !is_directory(fd, entry))
			continue;
		fn(context, entry->d_name);
		count++;
	}
	closedir(directory);
	return count;
}
