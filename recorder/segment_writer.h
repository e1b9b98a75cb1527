#ifndef RECORDER_SEGMENT_WRITER_H
#define RECORDER_SEGMENT_WRITER_H

#include "base/error.h"
#include "recorder/record_format.h"

#include <stdbool.h>

/*
 * A segment that is being written (record_format.h). One thread.
 *
 * What fails leaves the file as it was before, or, when not even that can be done (the disk is gone), with a last block that readers see to be incomplete:
 * the caller may try the same again.
 */
struct segment_writer;

/* Makes the file of header->number in the directory, and writes the header, of which magic, version, header_size, query_size, incompatible and checksum
 * are filled in here, and the query. `level`: zstd's, negative ones are faster; 0: blocks are stored as they are. -EEXIST: there is such a file;
 * -errno of the disk's. Nothing is left behind on failure. */
int segment_writer_create(struct segment_writer **ret, int directory_fd, const struct record_segment_header *header, const char *query,
			  int level, struct error *err);

/* Compresses and appends a block of RECORD_BLOCK_EVENTS. Of the header the caller has filled in everything from `offset` to `lost`; the rest is filled
 * in here. A block that would not become smaller is stored as it is. */
int segment_writer_append(struct segment_writer *w, struct record_block_header *header, const void *raw, size_t raw_size,
			  struct error *err);

/* What was appended survives a power loss. */
int segment_writer_sync(struct segment_writer *w, struct error *err);

/* Bytes of the file so far, without an index. */
uint64_t segment_writer_size(const struct segment_writer *w);

/* Whether the directory still has the file under its name: somebody may have removed it. */
bool segment_writer_is_there(const struct segment_writer *w);

/* Appends the index and the trailer, syncs and frees the writer, also on failure: then the segment is one without an index. Takes NULL, which is 0. */
int segment_writer_close(struct segment_writer *w, struct error *err);

/* Frees it without writing anything more. Takes NULL; returns NULL. */
struct segment_writer *segment_writer_abandon(struct segment_writer *w);

#endif
