#include "tracing/layout_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene_set {
	const char names[4][9]; /* by enum layout_scene_name; each 8 bytes long, and no two alike */
	const char *outer;
	const char *inner;
	const char *folder;
	const char *file;
	mode_t mode;
};

#define SET(outer, inner, folder, file, mode)                                                                                          \
	{                                                                                                                              \
		{outer, inner, folder, file}, outer, outer "/" inner, outer "/" inner "/" folder, outer "/" inner "/" folder "/" file, \
			mode                                                                                                           \
	}

static const struct scene_set sets[2] = {
	SET("rs0outer", "rs0inner", "rs0foldr", "rs0file-", 0451),
	SET("rs1OUTER", "rs1INNER", "rs1FOLDR", "rs1FILE-", 0264),
};

/* None of them is a flag that a kernel forgets after opening. */
const struct layout_scene_open layout_scene_opens[LAYOUT_SCENE_OPENS] = {
	{0, O_RDONLY | O_NONBLOCK},
	{1, O_WRONLY | O_APPEND},
	{0, O_RDWR | O_DSYNC},
	{1, O_RDONLY | O_NONBLOCK | O_APPEND},
};

uint64_t layout_scene_name(uint8_t set, enum layout_scene_name which)
{
	uint64_t value;

	memcpy(&value, sets[set].names[which], sizeof(value));
	return value;
}

uint16_t layout_scene_mode(uint8_t set)
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

static int make_mount(const char *path)
{
	return mkdir(path, 0755) || mount("none", path, "tmpfs", 0, NULL) ? -errno : 0;
}

static int make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	/* The umask has a say in what open() gives. */
	if (fd < 0 || fchmod(fd, mode))
		return -errno;
	close(fd);
	return 0;
}

static int build(void)
{
	int r = enter_own_mounts();

	for (int set = 0; !r && set < 2; set++) {
		r = make_mount(sets[set].outer);
		if (!r)
			r = make_mount(sets[set].inner);
		if (!r && mkdir(sets[set].folder, 0755))
			r = -errno;
		if (!r)
			r = make_file(sets[set].file, sets[set].mode);
	}
	return r;
}

static int open_files(void)
{
	for (int i = 0; i < LAYOUT_SCENE_OPENS; i++) {
		int fd = open(sets[layout_scene_opens[i].set].file, layout_scene_opens[i].flags); /* NOLINT(android-cloexec-open) */

		if (fd < 0)
			return -errno;
		close(fd);
	}
	return 0;
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
	case LAYOUT_SCENE_ENTER:
		return enter_folders();
	default:
		return -EINVAL;
	}
}
