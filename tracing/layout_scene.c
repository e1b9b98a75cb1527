#include "tracing/layout_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene_set {
	char name[9]; /* of both files; 8 bytes long */
	const char *outer;
	const char *inner;
	const char *folder;
	const char *file;
	mode_t mode;
};

static const struct scene_set sets[2] = {
	{"rs0file-", "outer0", "outer0/inner0", "outer0/inner0/folder0", "outer0/inner0/folder0/rs0file-", 0451},
	{"rs1FILE-", "outer1", "outer1/inner1", "outer1/inner1/folder1", "outer1/inner1/folder1/rs1FILE-", 0264},
};

/* None of them is a flag that a kernel forgets after opening. */
const struct layout_scene_open layout_scene_opens[LAYOUT_SCENE_OPENS] = {
	{0, O_RDONLY | O_NONBLOCK},
	{1, O_WRONLY | O_APPEND},
	{0, O_RDWR | O_DSYNC},
	{1, O_RDONLY | O_NONBLOCK | O_APPEND},
};

uint64_t layout_scene_file_name(uint8_t set)
{
	uint64_t value;

	memcpy(&value, sets[set].name, sizeof(value));
	return value;
}

uint16_t layout_scene_file_mode(uint8_t set)
{
	return (uint16_t)(S_IFREG | sets[set].mode);
}

/* Whatever is there is only hidden from this child. */
static int enter_own_mounts(void)
{
	static const char *const places[] = {"/tmp", "/run", "/dev", "/proc", "/sys"};

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!mount("none", places[i], "tmpfs", 0, NULL))
			return chdir(places[i]) ? -errno : 0;
	return -errno;
}

static int open_once(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags, mode); /* NOLINT(android-cloexec-open): the flag would be one more on old kernels */

	return fd < 0 || close(fd) ? -errno : 0;
}

static int build(void)
{
	int r = enter_own_mounts();

	umask(0);
	for (int set = 0; !r && set < 2; set++)
		r = open_once(sets[set].name, O_CREAT | O_RDWR, sets[set].mode);
	return r;
}

static int open_files(void)
{
	int r = 0;

	for (int i = 0; !r && i < LAYOUT_SCENE_OPENS; i++)
		r = open_once(sets[layout_scene_opens[i].set].name, layout_scene_opens[i].flags, 0);
	return r;
}

static int open_directory(const char *path)
{
	return open_once(path, O_RDONLY | O_DIRECTORY, 0);
}

/* A directory is opened, and then covered by a mount. */
static int make_mountpoint(const char *path)
{
	int r = mkdir(path, 0755) ? -errno : open_directory(path);

	return r || !mount("none", path, "tmpfs", 0, NULL) ? r : -errno;
}

static int descend(void)
{
	int r = 0;

	for (const struct scene_set *set = sets; !r && set < sets + 2; set++) {
		r = make_mountpoint(set->outer);
		if (!r)
			r = make_mountpoint(set->inner);
		if (!r)
			r = open_directory(set->inner);
		if (!r && mkdir(set->folder, 0755))
			r = -errno;
		if (!r)
			r = open_directory(set->folder);
		if (!r)
			r = open_once(set->file, O_CREAT | O_RDWR, set->mode);
	}
	return r;
}

static int enter_folders(void)
{
	int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int second = openat(root, sets[1].folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (root < 0 || second < 0 || chdir(sets[0].folder) || fchdir(second))
		r = -errno;
	if (second >= 0)
		close(second);
	if (root >= 0)
		close(root);
	return r;
}

int layout_scene_act(void *context, uint8_t step)
{
	(void)context;
	switch (step) {
	case LAYOUT_SCENE_BUILD:
		return build();
	case LAYOUT_SCENE_OPEN:
		return open_files();
	case LAYOUT_SCENE_DESCEND:
		return descend();
	case LAYOUT_SCENE_ENTER:
		return enter_folders();
	default:
		return -EINVAL;
	}
}
