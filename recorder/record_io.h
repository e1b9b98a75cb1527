#ifndef RECORDER_RECORD_IO_H
#define RECORDER_RECORD_IO_H

#include "recorder/record_format.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * What writer and reader of a segment have in common: checksums, and reading and writing at a place of a file. Any thread.
 */

/* Of the 104 bytes that this version knows, whatever header_size is. */
uint64_t record_block_checksum(const struct record_block_header *header);

/* Whether magic and checksum are right, and sizes and offset can be. Type and compression may be ones that are not known here. */
bool record_block_is_valid(const struct record_block_header *header);

/* The header's and the stored bytes. */
static inline uint64_t record_block_size(const struct record_block_header *header)
{
	return (uint64_t)header->header_size + header->stored_size;
}

/* Behind the last raw byte. */
static inline uint64_t record_block_end_offset(const struct record_block_header *header)
{
	return header->offset + header->raw_size;
}

/* How many bytes were read, fewer only where the file ends; -errno. */
ssize_t record_read_at(int fd, void *to, size_t size, uint64_t position);

/* All of them, or -errno after writing some; `parts` are changed. */
int record_write_at(int fd, struct iovec *parts, int count, uint64_t position);

#endif
