#ifndef TRACING_LAYOUT_NAMES_H
#define TRACING_LAYOUT_NAMES_H

#include "tracing/kernel_layout.h"
#include "tracing/layout_capture.h"
#include "tracing/layout_scene.h"

/*
 * Files, names and mounts, in stages: each puts a probe on a symbol, has a child do a step of its scene (layout_scene.h), and searches in what
 * came, with what earlier stages have found:
 *
 *	file	the words of struct file: file.flags and file.mode by value, and which words are pointers
 *	words	what these point to: which words in there are pointers
 *	name	what those point to: file.dentry and dentry.name together are the pair by which a file's name is read
 *	tree	from here on a dentry is known by its address, which its struct file tells when it is opened. dentry.parent is the directory's;
 *		file.inode and dentry.inode are the same pointer, to where the file's mode stands; the mount beside file.dentry has the
 *		address of the dentry it covers, that of its root, and that of the mount below it, which differs from what files on that one
 *		have by the place of struct vfsmount in struct mount
 *	path	the addresses of a directory and its mount, when it is entered
 */

#define LAYOUT_FILE_WORDS   32
#define LAYOUT_NAME_GUESSES 8
#define LAYOUT_NAME_PIECES  120

/* What stages tell later ones, beside the layout. */
struct layout_state {
	struct kernel_layout layout;
	int16_t pointers[LAYOUT_FILE_WORDS]; /* offsets in struct file */
	uint16_t pointer_count;
	int16_t name_pointers[LAYOUT_NAME_GUESSES][LAYOUT_FILE_WORDS]; /* those of them that point to one at a guess of dentry.name */
	uint16_t name_pointer_count[LAYOUT_NAME_GUESSES];
	uint64_t folder_dentries[2];
	uint64_t folder_mounts[2];
};

/* Rows with the text that they point to; their places are the state's. */
struct layout_rows {
	struct layout_row rows[LAYOUT_ROWS_MAX];
	char texts[LAYOUT_ROWS_MAX][2][48];
	uint32_t count;
};

#define LAYOUT_FINDINGS_MAX 2

/* What a stage finds. `search` is pure and fills its members of the state on success; `spoil` is added to what is expected. */
struct layout_finding {
	enum kernel_layout_group group;
	uint32_t needs; /* groups that must not have failed */
	bool completes; /* the group */
	int (*search)(const struct layout_capture *c, uint64_t spoil, struct layout_state *state);
};

struct layout_stage {
	const char *name;
	const char *symbol;
	uint8_t step;
	uint8_t samples; /* that the step causes */
	void (*rows)(struct layout_rows *ret, const struct layout_state *state);
	struct layout_finding findings[LAYOUT_FINDINGS_MAX]; /* the last may be without search */
};

#define LAYOUT_STAGE_COUNT 5

extern const struct layout_stage layout_stages[LAYOUT_STAGE_COUNT];

/* Searches for one finding of a stage in its capture, with an error that says what was not found. */
int layout_stage_search(const struct layout_stage *stage, const struct layout_finding *finding, const struct layout_capture *c,
			uint64_t spoil, struct layout_state *state, struct error *err);

/* Called with each stage's capture before it is searched; for tests that keep them. */
typedef void (*layout_stage_watcher)(void *context, const struct layout_stage *stage, const struct layout_capture *c);

/* Does all stages that the wanted groups need, and sets `missing` of their groups. `watcher` may be NULL. */
void layout_names_calibrate(const struct kernel_layout_options *options, struct kernel_layout *layout, layout_stage_watcher watcher,
			    void *context);

#endif
