#include "tracing/layout_names.h"

#include "tracing/layout_scene.h"
#include "tracing/registers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* How far a struct file, a struct dentry and a struct path are looked into. */
#define FILE_BYTES   256
#define DENTRY_BYTES 192
#define PATH_BYTES   32

/* A pointer more, on one side of a struct vfsmount and on the other. */
#define MOUNT_BEFORE 48
#define MOUNT_AFTER  64

#define WORD 8

static void add_row(struct layout_rows *rows, const struct layout_row *shape, const char *before, const char *after_format, ...)
	__attribute__((format(printf, 4, 5)));

/* The name is one letter, by the row's number. */
static void add_row(struct layout_rows *rows, const struct layout_row *shape, const char *before, const char *after_format, ...)
{
	static const char letters[LAYOUT_ROWS_MAX][2] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
	uint32_t i = rows->count++;
	va_list arguments;

	rows->rows[i] = *shape;
	rows->rows[i].name = letters[i];
	snprintf(rows->texts[i][0], sizeof(rows->texts[i][0]), "%s", before);
	va_start(arguments, after_format);
	vsnprintf(rows->texts[i][1], sizeof(rows->texts[i][1]), after_format, arguments);
	va_end(arguments);
	rows->rows[i].before = rows->texts[i][0];
	rows->rows[i].after = rows->texts[i][1];
}

static struct layout_row words(int16_t first, int16_t end)
{
	return (struct layout_row){.first = first, .width = WORD, .step = WORD, .count = (uint16_t)((end - first) / WORD)};
}

/* The beginning of an expression for the first bytes of a dentry's name, the dentry's to follow. */
static void name_of(char *text, size_t size, int16_t name)
{
	snprintf(text, size, "+0(%+d(", name);
}

/* A search in one row: sample i is expected to have values[i] there. */
static int search_row(const struct layout_capture *c, uint32_t row, const uint64_t *values, uint64_t spoil, int16_t *ret)
{
	struct layout_clue clues[LAYOUT_SAMPLES_MAX] = {0};

	for (uint32_t i = 0; i < c->count; i++) {
		clues[i].window = layout_capture_window(c, i, row);
		clues[i].value = values[i] + spoil;
	}
	return layout_search(clues, c->count, ret);
}

/* The same name in each sample, of the set that the sample is of. */
static void names_by_open(enum layout_scene_name which, uint64_t *ret_values)
{
	for (uint32_t i = 0; i < LAYOUT_SCENE_OPENS; i++)
		ret_values[i] = layout_scene_name(layout_scene_opens[i].set, which);
}

/* Searches several rows of which one alone has to fit. */
static int search_rows(const struct layout_capture *c, uint32_t first, uint32_t count, const uint64_t *values, uint64_t spoil,
		       uint32_t *ret_row, int16_t *ret)
{
	int found = -ENODATA;

	for (uint32_t row = first; row < first + count; row++) {
		int16_t offset = 0;
		int r = search_row(c, row, values, spoil, &offset);

		if (r == -ENODATA)
			continue;
		if (r < 0)
			return r;
		if (!found)
			return -ENOTUNIQ;
		found = 0;
		*ret_row = row;
		*ret = offset;
	}
	return found;
}

/* 40 on all that we have seen; locks with debug information move it. */
#define NAME_GUESSES 4
#define NAME_ROUNDS  3
static const int16_t name_guesses[NAME_ROUNDS][NAME_GUESSES] = {{40, 48, 32, 56}, {64, 72, 80, 24}, {88, 96, 104, 112}};

static void dentry_rows(struct layout_rows *ret, uint8_t round, const struct kernel_layout *known)
{
	const struct layout_row shape = words(0, FILE_BYTES);
	char before[24];

	(void)known;
	for (int i = 0; i < NAME_GUESSES; i++) {
		name_of(before, sizeof(before), name_guesses[round][i]);
		add_row(ret, &shape, before, "(%s)))", REGISTER_ARGUMENT_1);
	}
}

static int dentry_search(const struct layout_capture *c, uint8_t round, uint64_t spoil, struct kernel_layout *layout)
{
	uint64_t names[LAYOUT_SCENE_OPENS];
	uint32_t row = 0;
	int r;

	names_by_open(LAYOUT_SCENE_FILE, names);
	r = search_rows(c, 0, NAME_GUESSES, names, spoil, &row, &layout->file.dentry);
	if (!r)
		layout->dentry.name = name_guesses[round][row];
	return r;
}

enum file_row {
	FILE_ROW_WORDS,  /* of struct file */
	FILE_ROW_MODES,  /* what they point to, as an inode's mode */
	FILE_ROW_DENTRY, /* words of struct dentry */
	FILE_ROW_NAMES,  /* what these point to, as a dentry's name */
};

static void file_rows(struct layout_rows *ret, uint8_t round, const struct kernel_layout *known)
{
	const struct layout_row file = words(0, FILE_BYTES);
	const struct layout_row dentry = words(0, DENTRY_BYTES);
	struct layout_row modes = file;
	char before[24];

	(void)round;
	modes.width = 2;
	name_of(before, sizeof(before), known->dentry.name);
	add_row(ret, &file, "", "(%s)", REGISTER_ARGUMENT_1);
	add_row(ret, &modes, "+0(", "(%s))", REGISTER_ARGUMENT_1);
	add_row(ret, &dentry, "", "(%+d(%s))", known->file.dentry, REGISTER_ARGUMENT_1);
	add_row(ret, &dentry, before, "(%+d(%s))))", known->file.dentry, REGISTER_ARGUMENT_1);
}

static int file_search(const struct layout_capture *c, uint8_t round, uint64_t spoil, struct kernel_layout *layout)
{
	uint64_t values[LAYOUT_SCENE_OPENS];
	int r;

	(void)round;
	names_by_open(LAYOUT_SCENE_FOLDER, values);
	r = search_row(c, FILE_ROW_NAMES, values, spoil, &layout->dentry.parent);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < c->count; i++)
		values[i] = layout_scene_mode(layout_scene_opens[i].set);
	r = search_row(c, FILE_ROW_MODES, values, spoil, &layout->file.inode);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < c->count; i++) {
		struct layout_window file = layout_capture_window(c, i, FILE_ROW_WORDS);

		values[i] = layout_window_at(&file, layout->file.inode);
	}
	/* What the mode was read through. */
	layout->inode.mode = 0;
	return search_row(c, FILE_ROW_DENTRY, values, spoil, &layout->dentry.inode);
}

static void flags_rows(struct layout_rows *ret, uint8_t round, const struct kernel_layout *known)
{
	const struct layout_row file = {.width = 4, .step = 4, .count = FILE_BYTES / 4};

	(void)round;
	(void)known;
	add_row(ret, &file, "", "(%s)", REGISTER_ARGUMENT_1);
}

/* What F_GETFL tells of a file that was opened like this: a 64-bit kernel adds a flag of its own. */
static int flags_as_kept(int flags, uint64_t *ret)
{
	int fd = open("/dev/null", flags | O_CLOEXEC); /* NOLINT(hicpp-signed-bitwise) */
	int kept = fd < 0 ? -1 : fcntl(fd, F_GETFL);
	int r = kept < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	*ret = (uint64_t)kept;
	return r;
}

/* FMODE_READ and FMODE_WRITE (kernel: include/linux/fs.h). What else is in it by then differs between kernels. */
#define FMODE_MASK 3

static uint64_t mode_of(int flags)
{
	static const uint64_t modes[] = {[O_RDONLY] = 1, [O_WRONLY] = 2, [O_RDWR] = 3};

	return modes[flags & O_ACCMODE];
}

static int flags_search(const struct layout_capture *c, uint8_t round, uint64_t spoil, struct kernel_layout *layout)
{
	struct layout_clue modes[LAYOUT_SCENE_OPENS] = {0};
	uint64_t flags[LAYOUT_SCENE_OPENS];
	int r = 0;

	(void)round;
	for (uint32_t i = 0; !r && i < LAYOUT_SCENE_OPENS; i++) {
		r = flags_as_kept(layout_scene_opens[i].flags, &flags[i]);
		modes[i].window = layout_capture_window(c, i, 0);
		modes[i].value = mode_of(layout_scene_opens[i].flags) + spoil;
		modes[i].mask = FMODE_MASK;
	}
	if (!r)
		r = search_row(c, 0, flags, spoil, &layout->file.flags);
	return r ? r : layout_search(modes, LAYOUT_SCENE_OPENS, &layout->file.mode);
}

/* struct path has the mount beside the dentry: before it so far. */
static int16_t mount_guess(uint8_t round, const struct kernel_layout *known)
{
	return (int16_t)(known->file.dentry + (round ? WORD : -WORD));
}

enum mount_row {
	MOUNT_ROW_POINTS, /* words around struct vfsmount, as dentries: their names */
	MOUNT_ROW_WORDS,
	MOUNT_ROW_TOP,     /* the dentry two above the file's */
	MOUNT_ROW_PARENTS, /* a row for each word before struct vfsmount, as a struct mount: its words, as dentries: their names */
};

#define MOUNT_PARENTS (MOUNT_BEFORE / WORD)

static void mount_rows(struct layout_rows *ret, uint8_t round, const struct kernel_layout *known)
{
	const struct layout_row around = words(-MOUNT_BEFORE, MOUNT_AFTER);
	const struct layout_row inside = words(0, MOUNT_AFTER);
	const struct layout_row top = {.first = known->dentry.parent, .width = WORD, .step = WORD, .count = 1};
	int16_t mount = mount_guess(round, known);
	char before[24];

	name_of(before, sizeof(before), known->dentry.name);
	add_row(ret, &around, before, "(%+d(%s))))", mount, REGISTER_ARGUMENT_1);
	add_row(ret, &around, "", "(%+d(%s))", mount, REGISTER_ARGUMENT_1);
	add_row(ret, &top, "", "(%+d(%+d(%s)))", known->dentry.parent, known->file.dentry, REGISTER_ARGUMENT_1);
	for (int i = 1; i <= MOUNT_PARENTS; i++)
		add_row(ret, &inside, before, "(%+d(%+d(%s)))))", -i * WORD, mount, REGISTER_ARGUMENT_1);
}

static int mount_search(const struct layout_capture *c, uint8_t round, uint64_t spoil, struct kernel_layout *layout)
{
	uint64_t values[LAYOUT_SCENE_OPENS];
	struct mount_layout *mount = &layout->mount;
	uint32_t row = 0;
	int16_t inside = 0;
	int r;

	layout->file.mount = mount_guess(round, layout);
	names_by_open(LAYOUT_SCENE_INNER, values);
	r = search_row(c, MOUNT_ROW_POINTS, values, spoil, &mount->mountpoint);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < c->count; i++) {
		struct layout_window top = layout_capture_window(c, i, MOUNT_ROW_TOP);

		values[i] = layout_window_at(&top, top.first);
	}
	r = search_row(c, MOUNT_ROW_WORDS, values, spoil, &mount->root);
	if (r < 0)
		return r;
	names_by_open(LAYOUT_SCENE_OUTER, values);
	r = search_rows(c, MOUNT_ROW_PARENTS, MOUNT_PARENTS, values, spoil, &row, &inside);
	if (r < 0)
		return r;
	mount->parent = (int16_t)(-((int16_t)row - MOUNT_ROW_PARENTS + 1) * WORD);
	/* The mountpoint was met in a struct mount from its start, and in one from the struct vfsmount inside it. */
	mount->vfsmount = (int16_t)(inside - mount->mountpoint);
	return 0;
}

enum path_row {
	PATH_ROW_DENTRIES,
	PATH_ROW_MOUNTS,
};

static void path_rows(struct layout_rows *ret, uint8_t round, const struct kernel_layout *known)
{
	const struct layout_row path = words(0, PATH_BYTES);
	char before[48];

	(void)round;
	name_of(before, sizeof(before), known->dentry.name);
	add_row(ret, &path, before, "(%s)))", REGISTER_ARGUMENT_2);
	snprintf(before, sizeof(before), "+0(%+d(%+d(", known->dentry.name, known->mount.mountpoint);
	add_row(ret, &path, before, "(%s))))", REGISTER_ARGUMENT_2);
}

static int path_search(const struct layout_capture *c, uint8_t round, uint64_t spoil, struct kernel_layout *layout)
{
	const uint64_t folders[] = {layout_scene_name(0, LAYOUT_SCENE_FOLDER), layout_scene_name(1, LAYOUT_SCENE_FOLDER)};
	const uint64_t points[] = {layout_scene_name(0, LAYOUT_SCENE_INNER), layout_scene_name(1, LAYOUT_SCENE_INNER)};
	int r = search_row(c, PATH_ROW_DENTRIES, folders, spoil, &layout->path.dentry);

	(void)round;
	return r ? r : search_row(c, PATH_ROW_MOUNTS, points, spoil, &layout->path.mount);
}

const struct layout_stage layout_stages[LAYOUT_STAGE_COUNT] = {
	{"dentry", LAYOUT_NAMES, 0, "security_file_open", LAYOUT_SCENE_OPEN, LAYOUT_SCENE_OPENS, NAME_ROUNDS, dentry_rows, dentry_search},
	{"file", LAYOUT_NAMES, 0, "security_file_open", LAYOUT_SCENE_OPEN, LAYOUT_SCENE_OPENS, 1, file_rows, file_search},
	{"flags", LAYOUT_FILE_FLAGS, 0, "security_file_open", LAYOUT_SCENE_OPEN, LAYOUT_SCENE_OPENS, 1, flags_rows, flags_search},
	{"mount", LAYOUT_MOUNT, LAYOUT_GROUP_BIT(LAYOUT_NAMES), "security_file_open", LAYOUT_SCENE_OPEN, LAYOUT_SCENE_OPENS, 2, mount_rows,
	 mount_search},
	{"path", LAYOUT_PATH, LAYOUT_GROUP_BIT(LAYOUT_NAMES) | LAYOUT_GROUP_BIT(LAYOUT_MOUNT), "set_fs_pwd", LAYOUT_SCENE_ENTER,
	 LAYOUT_SCENE_ENTERS, 1, path_rows, path_search},
};
