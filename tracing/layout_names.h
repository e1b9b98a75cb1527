#ifndef TRACING_LAYOUT_NAMES_H
#define TRACING_LAYOUT_NAMES_H

#include "tracing/kernel_layout.h"
#include "tracing/layout_capture.h"

/*
 * Files, names and mounts, in stages: each puts a probe on a symbol, has a child do a step of its scene (layout_scene.h), and searches in what
 * came, with what earlier stages have found. A stage has rounds: other guesses, when the first did not prove right.
 *
 *	dentry	NAMES		file.dentry and dentry.name together: a pair by which the file's name is read
 *	file	NAMES		by the folder's name dentry.parent, by the file's mode file.inode and inode.mode, and dentry.inode, which
 *				is the same pointer
 *	flags	FILE_FLAGS	by value
 *	mount	MOUNT		by the names of the two directories that are mounted on; mount.root by the topmost dentry
 *	path	PATH		by the folder's name and that of the directory mounted on
 */

/* Rows with the text that they point to. */
struct layout_rows {
	struct layout_row rows[LAYOUT_ROWS_MAX];
	char texts[LAYOUT_ROWS_MAX][2][48];
	uint32_t count;
};

struct layout_stage {
	const char *name;
	enum kernel_layout_group group;
	uint32_t needs; /* groups that must be known */
	const char *symbol;
	uint8_t step;
	uint8_t samples; /* that the step causes */
	uint8_t rounds;
	/* What to capture. */
	void (*rows)(struct layout_rows *ret, uint8_t round, const struct kernel_layout *known);
	/* Pure. `spoil` is added to what is expected. Fills its members of `layout` on success. */
	int (*search)(const struct layout_capture *c, uint8_t round, uint64_t spoil, struct kernel_layout *layout);
};

#define LAYOUT_STAGE_COUNT 5

extern const struct layout_stage layout_stages[LAYOUT_STAGE_COUNT];

/* Searches a capture of a stage, with an error that says what was not found. */
int layout_stage_search(const struct layout_stage *stage, const struct layout_capture *c, uint8_t round, uint64_t spoil,
			struct kernel_layout *layout, struct error *err);

/* Called with the capture that a stage has come to its end with; for tests that keep them. */
typedef void (*layout_stage_watcher)(void *context, const struct layout_stage *stage, uint8_t round, const struct layout_capture *c);

/* Does all stages that the wanted groups need, and sets `missing` of their groups. `watcher` may be NULL. */
void layout_names_calibrate(const struct kernel_layout_options *options, struct kernel_layout *layout, layout_stage_watcher watcher,
			    void *context);

#endif
