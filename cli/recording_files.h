#ifndef CLI_RECORDING_FILES_H
#define CLI_RECORDING_FILES_H

#include "recorder/record_segments.h"

/*
 * The segments that somebody names on a command line: files, and directories of them, of one recording. Nothing of it is locked: a sensor may be writing.
 */

struct recording_file {
	int directory_fd; /* shared by those of a directory */
	char *path;       /* as people know it */
	char *name;       /* in its directory */
	struct record_segment segment;
};

struct recording_files {
	struct recording_file *items; /* by number; unreadable ones first */
	size_t count;
	struct recording_directory {
		int fd;
		char *path;
	} * directories; /* that they are in */
	size_t directory_count;
};

void recording_files_init(struct recording_files *f);
void recording_files_done(struct recording_files *f);

/* Adds a segment, or all of a directory. -errno with a sentence that names the path; -ENOENT too for a directory without any. */
int recording_files_add(struct recording_files *f, const char *path, struct error *err);

/* Once all are there: puts them in order and leaves out what is there twice. -EINVAL: two of them have the same number and are not the same, or are of different
 * sensors. */
int recording_files_sort(struct recording_files *f, struct error *err);

/* Leaves out one of them. */
void recording_files_remove(struct recording_files *f, size_t index);

/* Those that can be read, for a replay; valid as long as `f` is. NULL: out of memory. */
struct record_segments *recording_files_segments(const struct recording_files *f);

#endif
