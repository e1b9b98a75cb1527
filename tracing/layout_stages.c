#include "tracing/layout_names.h"

#include "tracing/registers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define WORD 8

/* How far structures are looked into. */
#define FILE_BYTES   (LAYOUT_FILE_WORDS * WORD)
#define DENTRY_BYTES 192
#define PATH_BYTES   32
#define MOUNT_BEFORE 64 /* around a struct vfsmount */
#define MOUNT_AFTER  48

/* The name is one letter, by the row's number. */
static void add_row(struct layout_rows *rows, const struct layout_row *shape, const char *before, const char *after_format, ...)
	__attribute__((format(printf, 4, 5)));

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

static struct layout_row words_at(const int16_t *places, uint16_t count)
{
	return (struct layout_row){.places = places, .width = WORD, .step = WORD, .count = count};
}

/* In the kernel's half of the address space, with 57 bits of address as with 48. */
static bool is_pointer(uint64_t word)
{
	return word >> 56 == 0xff && word % WORD == 0;
}

/* Whether a row's piece was a pointer in all samples. */
static bool always_pointer(const struct layout_capture *c, uint32_t row, int16_t place)
{
	for (uint32_t i = 0; i < c->count; i++) {
		struct layout_window w = layout_capture_window(c, i, row);

		if (!is_pointer(layout_window_at(&w, place)))
			return false;
	}
	return c->count;
}

static uint64_t word_of(const struct layout_capture *c, uint32_t sample, uint32_t row, int16_t place)
{
	struct layout_window w = layout_capture_window(c, sample, row);

	return layout_window_at(&w, place);
}

/* file: the words of struct file. */

static void file_rows(struct layout_rows *ret, const struct layout_state *state)
{
	const struct layout_row file = words(0, FILE_BYTES);

	(void)state;
	add_row(ret, &file, "", "(%s)", REGISTER_ARGUMENT_1);
}

static int file_search_pointers(const struct layout_capture *c, uint64_t spoil, struct layout_state *state)
{
	(void)spoil;
	state->pointer_count = 0;
	for (int16_t place = 0; place < FILE_BYTES; place += WORD)
		if (always_pointer(c, 0, place))
			state->pointers[state->pointer_count++] = place;
	return state->pointer_count ? 0 : -ENODATA;
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

static int file_search_flags(const struct layout_capture *c, uint64_t spoil, struct layout_state *state)
{
	struct layout_clue modes[LAYOUT_SCENE_OPENS] = {0};
	struct layout_clue flags[LAYOUT_SCENE_OPENS] = {0};
	int r = 0;

	for (uint32_t i = 0; !r && i < LAYOUT_SCENE_OPENS; i++) {
		struct layout_window halves = layout_capture_window(c, i, 0);

		halves.width = 4;
		halves.step = 4;
		halves.count = FILE_BYTES / 4;
		r = flags_as_kept(layout_scene_opens[i].flags, &flags[i].value);
		flags[i].value += spoil;
		flags[i].window = halves;
		modes[i] =
			(struct layout_clue){.window = halves, .value = mode_of(layout_scene_opens[i].flags) + spoil, .mask = FMODE_MASK};
	}
	if (!r)
		r = layout_search(flags, LAYOUT_SCENE_OPENS, &state->layout.file.flags);
	return r ? r : layout_search(modes, LAYOUT_SCENE_OPENS, &state->layout.file.mode);
}

/* words, name: a row for each guess of where a dentry has the pointer to its name. */

/* 40 on all that we have seen; locks with debug information move it. */
static const int16_t name_guesses[LAYOUT_NAME_GUESSES] = {40, 48, 32, 56, 64, 72, 80, 88};

/* As many as there are arguments for. */
static uint32_t guess_count(const struct layout_state *state)
{
	uint32_t count = LAYOUT_NAME_PIECES / state->pointer_count;

	return count < LAYOUT_NAME_GUESSES ? count : LAYOUT_NAME_GUESSES;
}

static void words_rows(struct layout_rows *ret, const struct layout_state *state)
{
	const struct layout_row pointers = words_at(state->pointers, state->pointer_count);
	char before[24];

	for (uint32_t i = 0; i < guess_count(state); i++) {
		snprintf(before, sizeof(before), "%+d(", name_guesses[i]);
		add_row(ret, &pointers, before, "(%s))", REGISTER_ARGUMENT_1);
	}
}

static int words_search(const struct layout_capture *c, uint64_t spoil, struct layout_state *state)
{
	uint32_t found = 0;

	(void)spoil;
	for (uint32_t guess = 0; guess < c->row_count; guess++) {
		state->name_pointer_count[guess] = 0;
		for (uint16_t i = 0; i < state->pointer_count; i++) {
			/* A name may begin at any byte: those inside a dentry are aligned, and the scene's names are short. */
			if (!always_pointer(c, guess, state->pointers[i]))
				continue;
			state->name_pointers[guess][state->name_pointer_count[guess]++] = state->pointers[i];
			found++;
		}
	}
	return found ? 0 : -ENODATA;
}

/* Guesses without any pointer have no row. */
static void name_rows(struct layout_rows *ret, const struct layout_state *state)
{
	char before[24];

	for (uint32_t i = 0; i < LAYOUT_NAME_GUESSES; i++) {
		const struct layout_row pointers = words_at(state->name_pointers[i], state->name_pointer_count[i]);

		snprintf(before, sizeof(before), "+0(%+d(", name_guesses[i]);
		if (pointers.count)
			add_row(ret, &pointers, before, "(%s)))", REGISTER_ARGUMENT_1);
	}
}

static int name_search_row(const struct layout_capture *c, uint32_t row, uint64_t spoil, int16_t *ret)
{
	struct layout_clue clues[LAYOUT_SCENE_OPENS] = {0};

	for (uint32_t i = 0; i < LAYOUT_SCENE_OPENS; i++) {
		clues[i].window = layout_capture_window(c, i, row);
		clues[i].value = layout_scene_file_name(layout_scene_opens[i].set) + spoil;
	}
	return layout_search(clues, LAYOUT_SCENE_OPENS, ret);
}

static int name_search(const struct layout_capture *c, uint64_t spoil, struct layout_state *state)
{
	int found = -ENODATA;
	uint32_t row = 0;

	for (uint32_t i = 0; i < LAYOUT_NAME_GUESSES; i++) {
		int16_t dentry = 0;
		int r = state->name_pointer_count[i] ? name_search_row(c, row++, spoil, &dentry) : -ENODATA;

		if (r == -ENODATA)
			continue;
		if (r < 0 || !found)
			return -ENOTUNIQ;
		found = 0;
		state->layout.file.dentry = dentry;
		state->layout.dentry.name = name_guesses[i];
	}
	return found;
}

/* tree: what is opened is known by the address of its dentry. */

enum tree_row {
	TREE_ROW_FILE,
	TREE_ROW_DENTRY,
	TREE_ROW_MODES,  /* what pointers in struct file point to, as an inode's mode */
	TREE_ROW_MOUNTS, /* what mount_guesses() point to: a row each */
};

#define SET_COUNT    2
#define TREE_SAMPLES (SET_COUNT * LAYOUT_SCENE_PLACES)

#define MOUNT_GUESSES_MAX 2

/* struct path has the mount beside the dentry: before it so far. */
static uint32_t mount_guesses(const struct layout_state *state, int16_t ret[MOUNT_GUESSES_MAX])
{
	uint32_t count = 0;

	for (uint16_t i = 0; i < state->pointer_count; i++) {
		int distance = state->pointers[i] - state->layout.file.dentry;

		if (distance == WORD || distance == -WORD)
			ret[count++] = state->pointers[i];
	}
	return count;
}

static void tree_rows(struct layout_rows *ret, const struct layout_state *state)
{
	const struct layout_row file = words(0, FILE_BYTES);
	const struct layout_row dentry = words(0, DENTRY_BYTES);
	const struct layout_row around = words(-MOUNT_BEFORE, MOUNT_AFTER);
	struct layout_row modes = words_at(state->pointers, state->pointer_count);
	int16_t guesses[MOUNT_GUESSES_MAX];
	uint32_t count = mount_guesses(state, guesses);

	modes.width = 2;
	add_row(ret, &file, "", "(%s)", REGISTER_ARGUMENT_1);
	add_row(ret, &dentry, "", "(%+d(%s))", state->layout.file.dentry, REGISTER_ARGUMENT_1);
	add_row(ret, &modes, "+0(", "(%s))", REGISTER_ARGUMENT_1);
	for (uint32_t i = 0; i < count; i++)
		add_row(ret, &around, "", "(%+d(%s))", guesses[i], REGISTER_ARGUMENT_1);
}

static uint32_t tree_sample(uint32_t set, enum layout_scene_place place)
{
	return set * LAYOUT_SCENE_PLACES + place;
}

static uint64_t dentry_of(const struct layout_capture *c, const struct layout_state *state, uint32_t set, enum layout_scene_place place)
{
	return word_of(c, tree_sample(set, place), TREE_ROW_FILE, state->layout.file.dentry);
}

static struct layout_clue tree_clue(const struct layout_capture *c, uint32_t set, enum layout_scene_place place, uint32_t row,
				    uint64_t value)
{
	return (struct layout_clue){.window = layout_capture_window(c, tree_sample(set, place), row), .value = value};
}

static int search_parent(const struct layout_capture *c, uint64_t spoil, struct layout_state *state)
{
	struct layout_clue clues[2 * SET_COUNT];
	uint32_t count = 0;

	for (uint32_t set = 0; set < SET_COUNT; set++) {
		clues[count++] =
			tree_clue(c, set, LAYOUT_SCENE_FILE, TREE_ROW_DENTRY, dentry_of(c, state, set, LAYOUT_SCENE_FOLDER) + spoil);
		clues[count++] =
			tree_clue(c, set, LAYOUT_SCENE_FOLDER, TREE_ROW_DENTRY, dentry_of(c, state, set, LAYOUT_SCENE_INNER_ROOT) + spoil);
	}
	return layout_search(clues, count, &state->layout.dentry.parent);
}

/* Of all files alike: a pointer of struct file that struct dentry has too. */
static int search_inode_at(const struct layout_capture *c, int16_t place, int16_t *ret)
{
	struct layout_clue clues[TREE_SAMPLES];

	for (uint32_t i = 0; i < TREE_SAMPLES; i++)
		clues[i] = (struct layout_clue){.window = layout_capture_window(c, i, TREE_ROW_DENTRY),
						.value = word_of(c, i, TREE_ROW_FILE, place)};
	return layout_search(clues, TREE_SAMPLES, ret);
}

static bool has_mode(const struct layout_capture *c, int16_t place)
{
	for (uint8_t set = 0; set < SET_COUNT; set++)
		if (word_of(c, tree_sample(set, LAYOUT_SCENE_FILE), TREE_ROW_MODES, place) != layout_scene_file_mode(set))
			return false;
	return true;
}

static int search_inode(const struct layout_capture *c, struct layout_state *state)
{
	int found = -ENODATA;

	for (uint16_t i = 0; i < state->pointer_count; i++) {
		int16_t inode = 0;

		if (!has_mode(c, state->pointers[i]) || search_inode_at(c, state->pointers[i], &inode))
			continue;
		if (!found)
			return -ENOTUNIQ;
		found = 0;
		state->layout.file.inode = state->pointers[i];
		state->layout.dentry.inode = inode;
		/* Where the mode was read. */
		state->layout.inode.mode = 0;
	}
	return found;
}

static int tree_search_names(const struct layout_capture *c, uint64_t spoil, struct layout_state *state)
{
	int r = search_parent(c, spoil, state);

	return r ? r : search_inode(c, state);
}

static int search_mountpoint(const struct layout_capture *c, uint32_t row, uint64_t spoil, struct layout_state *state)
{
	struct layout_clue clues[2 * SET_COUNT];
	uint32_t count = 0;

	for (uint32_t set = 0; set < SET_COUNT; set++) {
		clues[count++] = tree_clue(c, set, LAYOUT_SCENE_FILE, row, dentry_of(c, state, set, LAYOUT_SCENE_INNER_COVERED) + spoil);
		clues[count++] =
			tree_clue(c, set, LAYOUT_SCENE_INNER_COVERED, row, dentry_of(c, state, set, LAYOUT_SCENE_OUTER_COVERED) + spoil);
	}
	return layout_search(clues, count, &state->layout.mount.mountpoint);
}

static int search_root(const struct layout_capture *c, uint32_t row, struct layout_state *state)
{
	struct layout_clue clues[SET_COUNT];

	for (uint32_t set = 0; set < SET_COUNT; set++)
		clues[set] = tree_clue(c, set, LAYOUT_SCENE_FILE, row, dentry_of(c, state, set, LAYOUT_SCENE_INNER_ROOT));
	return layout_search(clues, SET_COUNT, &state->layout.mount.root);
}

/* Files on the mount below have the address of the struct vfsmount inside; what is looked for is that of the struct mount around. */
static int search_mount_parent(const struct layout_capture *c, uint32_t row, int16_t guess, struct layout_state *state)
{
	int found = -ENODATA;

	for (int16_t inside = 0; inside <= MOUNT_BEFORE; inside += WORD) {
		struct layout_clue clues[2 * SET_COUNT];
		uint32_t count = 0;
		int16_t parent = 0;
		int r;

		for (uint32_t set = 0; set < SET_COUNT; set++) {
			uint64_t outer = word_of(c, tree_sample(set, LAYOUT_SCENE_INNER_COVERED), TREE_ROW_FILE, guess);
			uint64_t base = word_of(c, tree_sample(set, LAYOUT_SCENE_OUTER_COVERED), TREE_ROW_FILE, guess);

			clues[count++] = tree_clue(c, set, LAYOUT_SCENE_FILE, row, outer - (uint64_t)inside);
			clues[count++] = tree_clue(c, set, LAYOUT_SCENE_INNER_COVERED, row, base - (uint64_t)inside);
		}
		r = layout_search(clues, count, &parent);
		if (r == -ENODATA)
			continue;
		if (r < 0 || !found)
			return -ENOTUNIQ;
		found = 0;
		state->layout.mount.parent = parent;
		state->layout.mount.vfsmount = inside;
	}
	return found;
}

static int search_mount_at(const struct layout_capture *c, uint32_t row, int16_t guess, uint64_t spoil, struct layout_state *state)
{
	int r = search_mountpoint(c, row, spoil, state);

	if (!r)
		r = search_root(c, row, state);
	return r ? r : search_mount_parent(c, row, guess, state);
}

static int tree_search_mount(const struct layout_capture *c, uint64_t spoil, struct layout_state *state)
{
	int16_t guesses[MOUNT_GUESSES_MAX];
	uint32_t count = mount_guesses(state, guesses);
	int r = -ENODATA;

	for (uint32_t i = 0; r == -ENODATA && i < count; i++) {
		state->layout.file.mount = guesses[i];
		r = search_mount_at(c, TREE_ROW_MOUNTS + i, guesses[i], spoil, state);
	}
	for (uint32_t set = 0; !r && set < SET_COUNT; set++) {
		state->folder_dentries[set] = dentry_of(c, state, set, LAYOUT_SCENE_FOLDER);
		state->folder_mounts[set] = word_of(c, tree_sample(set, LAYOUT_SCENE_FOLDER), TREE_ROW_FILE, state->layout.file.mount);
	}
	return r;
}

/* path: the words of struct path. */

static void path_rows(struct layout_rows *ret, const struct layout_state *state)
{
	const struct layout_row path = words(0, PATH_BYTES);

	(void)state;
	add_row(ret, &path, "", "(%s)", REGISTER_ARGUMENT_2);
}

static int path_search(const struct layout_capture *c, uint64_t spoil, struct layout_state *state)
{
	struct layout_clue dentries[SET_COUNT] = {0};
	struct layout_clue mounts[SET_COUNT] = {0};
	int r;

	for (uint32_t set = 0; set < SET_COUNT; set++) {
		dentries[set] =
			(struct layout_clue){.window = layout_capture_window(c, set, 0), .value = state->folder_dentries[set] + spoil};
		mounts[set] = (struct layout_clue){.window = layout_capture_window(c, set, 0), .value = state->folder_mounts[set] + spoil};
	}
	r = layout_search(dentries, SET_COUNT, &state->layout.path.dentry);
	return r ? r : layout_search(mounts, SET_COUNT, &state->layout.path.mount);
}

#define NAMES LAYOUT_GROUP_BIT(LAYOUT_NAMES)
#define MOUNT LAYOUT_GROUP_BIT(LAYOUT_MOUNT)

const struct layout_stage layout_stages[LAYOUT_STAGE_COUNT] = {
	{"file",
	 "security_file_open",
	 LAYOUT_SCENE_OPEN,
	 LAYOUT_SCENE_OPENS,
	 file_rows,
	 {{LAYOUT_NAMES, 0, false, file_search_pointers}, {LAYOUT_FILE_FLAGS, 0, true, file_search_flags}}},
	{"words", "security_file_open", LAYOUT_SCENE_OPEN, LAYOUT_SCENE_OPENS, words_rows, {{LAYOUT_NAMES, 0, false, words_search}}},
	{"name", "security_file_open", LAYOUT_SCENE_OPEN, LAYOUT_SCENE_OPENS, name_rows, {{LAYOUT_NAMES, 0, false, name_search}}},
	{"tree",
	 "security_file_open",
	 LAYOUT_SCENE_DESCEND,
	 TREE_SAMPLES,
	 tree_rows,
	 {{LAYOUT_NAMES, 0, true, tree_search_names}, {LAYOUT_MOUNT, NAMES, true, tree_search_mount}}},
	{"path", "set_fs_pwd", LAYOUT_SCENE_ENTER, SET_COUNT, path_rows, {{LAYOUT_PATH, NAMES | MOUNT, true, path_search}}},
};
