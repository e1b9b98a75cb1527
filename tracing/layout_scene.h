#ifndef TRACING_LAYOUT_SCENE_H
#define TRACING_LAYOUT_SCENE_H

#include <stdint.h>

/*
 * What a child does so that files and directories that are known are opened: in a mount namespace of its own it mounts a file system in
 * memory, with two files (sets 0 and 1). Then, twice, under names of their own,
 *
 *	OUTER/			a directory, which then becomes a mountpoint
 *	OUTER/INNER/		a directory on that mount, which becomes a mountpoint too
 *	OUTER/INNER/FOLDER/FILE	a directory and a file on that
 *
 * All of it goes with the child.
 */
enum layout_scene_step {
	LAYOUT_SCENE_BUILD,
	LAYOUT_SCENE_OPEN,    /* opens the first two files: layout_scene_opens */
	LAYOUT_SCENE_DESCEND, /* makes the directories and mounts, and opens enum layout_scene_place of set 0, then of set 1. Once only */
	LAYOUT_SCENE_ENTER,   /* changes its directory to FOLDER of set 0, then of set 1 */
};

enum layout_scene_place {
	LAYOUT_SCENE_OUTER_COVERED, /* OUTER before the mount */
	LAYOUT_SCENE_INNER_COVERED, /* INNER before the mount */
	LAYOUT_SCENE_INNER_ROOT,
	LAYOUT_SCENE_FOLDER,
	LAYOUT_SCENE_FILE,
	LAYOUT_SCENE_PLACES,
};

#define LAYOUT_SCENE_OPENS 4

/* Which file is opened how, in this order. */
struct layout_scene_open {
	uint8_t set;
	int flags;
};

extern const struct layout_scene_open layout_scene_opens[LAYOUT_SCENE_OPENS];

/* Names of files are 8 bytes: this is one as a u64 in this machine's byte order. */
uint64_t layout_scene_file_name(uint8_t set);

/* The file's mode, as in st_mode. */
uint16_t layout_scene_file_mode(uint8_t set);

/* For provoke_start(); needs no context. */
int layout_scene_act(void *context, uint8_t step);

#endif
