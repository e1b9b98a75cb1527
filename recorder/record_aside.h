#ifndef RECORDER_RECORD_ASIDE_H
#define RECORDER_RECORD_ASIDE_H

#include "recorder/record_directory.h"

/*
 * Segments that cannot be read at all are put aside: they get another name, behind which no reader looks for a segment, and stay for whoever wants to have a
 * look. Nobody knows which sequence numbers are in them, so that a recorder has to know that they were there. Whoever calls these holds the directory's lock.
 */

#define RECORD_ASIDE_SUFFIX     ".damaged"
#define RECORD_ASIDE_NAME_BYTES (RECORD_NAME_BYTES + sizeof(RECORD_ASIDE_SUFFIX))

/* -EBUSY: it can be read, and stays. -ENOTSUP: so it does when it is not damaged, but of a version, a dialect or with a feature that is not known here.
 * -EEXIST: there is such a file already. -errno. */
int record_segment_put_aside(int directory_fd, uint64_t number, char ret_name[RECORD_ASIDE_NAME_BYTES], struct error *err);

/* How many with numbers from `from` on have been put aside, and the number behind the last of them; `from` when there is none. -errno. */
int record_directory_aside(int directory_fd, uint64_t from, uint64_t *ret_count, uint64_t *ret_next, struct error *err);

#endif
