#include "sensor/file_provoke.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Names that are given to the kernel are static: they have to stay when the call is over, for those who read late. */
#define NAME_BYTES 128
/* Unusual ones, so that they are not seen by chance. */
#define OPEN_FLAGS (O_RDWR | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC)
#define OPEN_MODE  0614

/* DIRECTORY/name. Plain copying: this runs in a forked child. */
static const char *name_of(const struct source_provocation *provocation, const char *name, char to[NAME_BYTES])
{
	size_t directory = strlen(provocation->directory), length = strlen(name);

	if (directory + length + 2 > NAME_BYTES)
		return "/nonexistent";
	memcpy(to, provocation->directory, directory);
	to[directory] = '/';
	memcpy(to + directory + 1, name, length + 1);
	return to;
}

static bool is_name(const struct source_provocation *provocation, const char *name, const struct event_string *string)
{
	char expected[NAME_BYTES];

	name_of(provocation, name, expected);
	return string->length == strlen(expected) && !memcmp(string->bytes, expected, string->length);
}

static bool is_whole(const struct event *event)
{
	return !event->file.truncated && !event->file.unknown;
}

static int make_file(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

void file_provoke_open(const struct source_provocation *provocation)
{
	static char path[NAME_BYTES];
	int fd = open(name_of(provocation, "a", path), OPEN_FLAGS, OPEN_MODE);

	if (fd >= 0)
		close(fd);
	unlink(path);
}

bool file_verify_open(const struct source_provocation *provocation, const struct event *event)
{
	return is_whole(event) && is_name(provocation, "a", &event->file.filename) && is_name(provocation, "a", &event->file.path) &&
	       (event->file.flags & ~O_LARGEFILE & ~0100000) == OPEN_FLAGS && event->file.mode == OPEN_MODE;
}

void file_provoke_create(const struct source_provocation *provocation)
{
	static char path[NAME_BYTES];

	name_of(provocation, "a", path);
	switch (provocation->number) {
	case 0:
		file_provoke_open(provocation);
		break;
	case 1:
		mkdir(path, OPEN_MODE);
		rmdir(path);
		break;
	default:
		mknod(path, S_IFIFO | OPEN_MODE, 0);
		unlink(path);
	}
}

bool file_verify_create(const struct source_provocation *provocation, const struct event *event)
{
	return is_whole(event) && is_name(provocation, "a", &event->file.filename) && event->file.mode == OPEN_MODE;
}

void file_provoke_delete(const struct source_provocation *provocation)
{
	static char path[NAME_BYTES];
	int fd;

	name_of(provocation, "a", path);
	if (provocation->number) {
		mkdir(path, 0700);
		rmdir(path);
		return;
	}
	fd = make_file(path);
	if (fd >= 0)
		close(fd);
	unlink(path);
}

bool file_verify_name(const struct source_provocation *provocation, const struct event *event)
{
	return is_whole(event) && is_name(provocation, "a", &event->file.filename) && is_name(provocation, "a", &event->file.path);
}

void file_provoke_link(const struct source_provocation *provocation)
{
	static char path[NAME_BYTES], target[NAME_BYTES];
	int fd = make_file(name_of(provocation, "a", path));

	name_of(provocation, "b", target);
	if (fd >= 0)
		close(fd);
	if (provocation->number)
		(void)!symlink(path, target);
	else
		(void)!link(path, target);
	unlink(target);
	unlink(path);
}

bool file_verify_link(const struct source_provocation *provocation, const struct event *event)
{
	return is_whole(event) && is_name(provocation, "a", &event->file.filename) && is_name(provocation, "b", &event->file.target) &&
	       event->file.symlink == (provocation->number == 1);
}

void file_provoke_rename(const struct source_provocation *provocation)
{
	static char path[NAME_BYTES], target[NAME_BYTES];
	int fd = make_file(name_of(provocation, "a", path));

	name_of(provocation, "b", target);
	if (fd >= 0)
		close(fd);
	rename(path, target);
	unlink(target);
}

bool file_verify_rename(const struct source_provocation *provocation, const struct event *event)
{
	return is_whole(event) && is_name(provocation, "a", &event->file.filename) && is_name(provocation, "b", &event->file.target);
}

/* The file stays, and stays open, so that its descriptor can be looked at late: here and below. */
void file_provoke_modify(const struct source_provocation *provocation)
{
	static char path[NAME_BYTES];
	int fd = make_file(name_of(provocation, "a", path));

	if (fd < 0)
		return;
	switch (provocation->number) {
	case 0:
		(void)!write(fd, "x", 1);
		break;
	case 1:
		(void)!truncate(path, 3);
		break;
	default:
		(void)!ftruncate(fd, 3);
	}
}

void file_provoke_attribute(const struct source_provocation *provocation)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 2}};
	static char path[NAME_BYTES];
	int fd = make_file(name_of(provocation, "a", path));

	if (fd < 0)
		return;
	switch (provocation->number) {
	case 0:
		chmod(path, 0600);
		break;
	case 1:
		(void)!chown(path, getuid(), getgid());
		break;
	case 2:
		utimensat(AT_FDCWD, path, times, 0);
		break;
	default:
		fchmod(fd, 0640);
	}
}

void file_provoke_cwd(const struct source_provocation *provocation)
{
	(void)!chdir(provocation->directory);
}

bool file_verify_cwd(const struct source_provocation *provocation, const struct event *event)
{
	const struct event_string *path = &event->cwd.path;

	return path->length == strlen(provocation->directory) && !memcmp(path->bytes, provocation->directory, path->length);
}
