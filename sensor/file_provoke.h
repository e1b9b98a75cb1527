#ifndef SENSOR_FILE_PROVOKE_H
#define SENSOR_FILE_PROVOKE_H

#include "sensor/source.h"

/*
 * What is done to see whether a way to capture file events works, and whether it was told (source.h). Each provocation works on names of its
 * own in the trial's directory.
 */

void file_provoke_open(const struct source_provocation *provocation);
void file_provoke_create(const struct source_provocation *provocation);    /* 0 open, 1 mkdir, 2 mknod */
void file_provoke_delete(const struct source_provocation *provocation);    /* 0 unlink, 1 rmdir */
void file_provoke_link(const struct source_provocation *provocation);      /* 0 link, 1 symlink */
void file_provoke_rename(const struct source_provocation *provocation);    /* rename */
void file_provoke_modify(const struct source_provocation *provocation);    /* 0 write, 1 truncate, 2 ftruncate */
void file_provoke_attribute(const struct source_provocation *provocation); /* 0 chmod, 1 chown, 2 utimensat, 3 fchmod */
void file_provoke_cwd(const struct source_provocation *provocation);       /* chdir */

/* How many of these there are. */
#define FILE_CREATE_PROVOCATIONS    3
#define FILE_DELETE_PROVOCATIONS    2
#define FILE_LINK_PROVOCATIONS      2
#define FILE_MODIFY_PROVOCATIONS    3
#define FILE_ATTRIBUTE_PROVOCATIONS 4

bool file_verify_open(const struct source_provocation *provocation, const struct event *event);
bool file_verify_create(const struct source_provocation *provocation, const struct event *event);
bool file_verify_link(const struct source_provocation *provocation, const struct event *event);
bool file_verify_rename(const struct source_provocation *provocation, const struct event *event);
/* The event is about the one file of the provocation. */
bool file_verify_name(const struct source_provocation *provocation, const struct event *event);
bool file_verify_cwd(const struct source_provocation *provocation, const struct event *event);

#endif
