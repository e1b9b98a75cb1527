#include "recorder/record_aside.h"

#include "recorder/segment_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -EBADMSG: it is damaged. */
static int look(int directory_fd, const char *name, struct error *err)
{
	struct segment_reader *reader;
	int r = segment_reader_open(&reader, directory_fd, name, err);

	if (r)
		return r;
	segment_reader_close(reader);
	return error_set(err, -EBUSY, "%s: it can be read", name);
}

int record_segment_put_aside(int directory_fd, uint64_t number, char ret_name[RECORD_ASIDE_NAME_BYTES], struct error *err)
{
	char name[RECORD_NAME_BYTES];
	struct stat stat;
	int r;

	record_segment_name(name, number);
	(void)snprintf(ret_name, RECORD_ASIDE_NAME_BYTES, "%s" RECORD_ASIDE_SUFFIX, name);
	r = look(directory_fd, name, err);
	if (r != -EBADMSG)
		return r;
	/* rename(2) would replace it. Nobody else makes one meanwhile: there is the lock. */
	if (!fstatat(directory_fd, ret_name, &stat, AT_SYMLINK_NOFOLLOW))
		return error_set(err, -EEXIST, "%s cannot be put aside: there is a %s already", name, ret_name);
	if (renameat(directory_fd, name, directory_fd, ret_name) < 0 || fsync(directory_fd) < 0)
		return error_set_errno(err, -errno, "%s cannot be put aside", name);
	return 0;
}

static bool aside_number(const char *name, uint64_t *ret)
{
	size_t length = strlen(name), behind = strlen(RECORD_ASIDE_SUFFIX);
	char front[RECORD_NAME_BYTES];

	if (length < behind || length - behind >= sizeof(front) || strcmp(name + length - behind, RECORD_ASIDE_SUFFIX) != 0)
		return false;
	memcpy(front, name, length - behind);
	front[length - behind] = '\0';
	return record_segment_number(front, ret);
}

int record_directory_aside(int directory_fd, uint64_t from, uint64_t *ret_count, uint64_t *ret_next, struct error *err)
{
	/* One of its own: readdir(3) goes on where the last one stopped that had the same open file. */
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t number;

	*ret_count = 0;
	*ret_next = from;
	if (!directory) {
		r = error_set_errno(err, -errno, "the recording's directory cannot be listed");
		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((void)(errno = 0), (entry = readdir(directory))) {
		if (!aside_number(entry->d_name, &number) || number < from)
			continue;
		++*ret_count;
		if (number >= *ret_next)
			*ret_next = number + 1;
	}
	r = errno ? error_set_errno(err, -errno, "the recording's directory cannot be listed") : 0;
	closedir(directory);
	return r;
}
