#ifndef TRACING_LAYOUT_SCENE_H
#define TRACING_LAYOUT_SCENE_H

#include <stdint.h>

/*
 * What a child does so that files of known names are opened: in a mount namespace of its own it mounts a file system in memory, and there,
 * twice (two sets of names),
 *
 *	OUTER/			a mount
 *	OUTER/INNER/		a mount on that mount
 *	OUTER/INNER/FOLDER/FILE	a file of a known mode
 *
 * All of it goes with the child.
 */
enum layout_scene_step {
	LAYOUT_SCENE_BUILD,
	LAYOUT_SCENE_OPEN,  /* opens files: layout_scene_opens */
	LAYOUT_SCENE_ENTER, /* changes its directory to FOLDER of set 0, then of set 1 */
};

enum layout_scene_name {
	LAYOUT_SCENE_OUTER,
	LAYOUT_SCENE_INNER,
	LAYOUT_SCENE_FOLDER,
	LAYOUT_SCENE_FILE,
};

#define LAYOUT_SCENE_OPENS  4
#define LAYOUT_SCENE_ENTERS 2

/* Which file is opened how, in this order. */
struct layout_scene_open {
	uint8_t set;
	int flags;
};

extern const struct layout_scene_open layout_scene_opens[LAYOUT_SCENE_OPENS];

/* Names are 8 bytes: this is one as a u64 in this machine's byte order. */
uint64_t layout_scene_name(uint8_t set, enum layout_scene_name which);

/* The file's mode, as in st_mode. */
uint16_t layout_scene_mode(uint8_t set);

/* For provoke_start(); needs no context. */
int layout_scene_act(void *context, uint8_t step);

#endif
