#ifndef RECORDER_SEGMENT_READER_H
#define RECORDER_SEGMENT_READER_H

#include "base/buffer.h"
#include "base/error.h"
#include "recorder/record_format.h"

#include <stdbool.h>

/*
 * A segment that is read (record_format.h), finished, still being written, or damaged: nothing in the file is believed before its checksum has been
 * seen to be right. One thread at a time; the writer may append meanwhile, and the file may be removed.
 */
struct segment_reader;

/* One block, or a stretch of bytes that is none. */
struct segment_block {
	uint64_t position; /* in the file */
	uint64_t size;     /* with its header */
	bool damaged;      /* no header could be read here: `header` means nothing */
	struct record_block_header header;
};

/* -errno when it cannot be opened; -EBADMSG: it is no segment or its header is damaged; -ENOTSUP: of a version, a dialect or with a feature that this
 * reader does not know. Errors name the file and what is wrong. */
int segment_reader_open(struct segment_reader **ret, int directory_fd, const char *name, struct error *err);
/* Takes NULL; returns NULL. */
struct segment_reader *segment_reader_close(struct segment_reader *r);

const struct record_segment_header *segment_reader_header(const struct segment_reader *r);
const char *segment_reader_query(const struct segment_reader *r); /* NUL-terminated */

/* Finds the blocks of events, in order: from the index of a closed segment, else by walking from header to header. Called again, it looks whether more
 * has been appended. Behind damage it goes on at the next header whose checksum is right. What is incomplete at the end of the file counts as
 * not written yet: segment_reader_end() is where it begins. The list is valid until the next call. -errno, -ENOMEM. */
int segment_reader_blocks(struct segment_reader *r, const struct segment_block **ret, size_t *ret_count, struct error *err);

/* Whether the segment has its index and trailer; and, after segment_reader_blocks(), the place behind the last whole block (a closed one: the file's
 * size). */
bool segment_reader_is_closed(const struct segment_reader *r);
uint64_t segment_reader_end(const struct segment_reader *r);
uint64_t segment_reader_file_size(const struct segment_reader *r); /* when the blocks were looked for last */

/* Appends the raw bytes of a block. -EBADMSG: its header, its checksum or its compressed bytes are wrong; -errno. `out` is then as it was. */
int segment_reader_read(struct segment_reader *r, const struct segment_block *block, struct buffer *out, struct error *err);

#endif
