#ifndef RECORDER_RECORD_BLOCK_H
#define RECORDER_RECORD_BLOCK_H

#include "base/buffer.h"
#include "base/chunk.h"
#include "recorder/record_format.h"

/*
 * A block that is being put together of chunks, with what its header says of them. Embedded in its owner; one thread.
 */
struct record_block {
	struct buffer raw;
	size_t raw_bytes; /* of the chunks that were added */
	uint32_t events;
	struct chunk_extent extent; /* of all of them */
};

void record_block_init(struct record_block *b);
void record_block_done(struct record_block *b);
void record_block_clear(struct record_block *b);

/* Adds a chunk's bytes, which are whole entries of the dialect, and whose extent is known. */
void record_block_add(struct record_block *b, const struct chunk *c);

/* Fills in what segment_writer_append() wants to be told, for a block that begins at `offset` of the recording. The bytes belong to the block and are
 * valid until it is changed. NULL: out of memory. */
const uint8_t *record_block_make(struct record_block *b, uint64_t offset, struct record_block_header *ret, size_t *ret_size);

#endif
