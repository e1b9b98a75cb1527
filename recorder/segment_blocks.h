#ifndef RECORDER_SEGMENT_BLOCKS_H
#define RECORDER_SEGMENT_BLOCKS_H

#include "recorder/segment_reader.h"

/*
 * Where the blocks of a segment are: the list that segment_reader.h hands out, and its two ways to grow, the index and a walk from header to header.
 * It only grows, but when the file has become shorter. Allocates; one thread.
 */
struct segment_blocks {
	uint64_t begin;  /* of the first block: the segment header's size */
	uint64_t offset; /* the first block's is not before it */
	struct segment_block *blocks;
	size_t count, capacity;
	uint64_t end;          /* behind the last of them; of a closed segment the file's size */
	uint64_t next_offset;  /* the next block's offset is not before it */
	bool is_ended;         /* the last block is empty: there is not another of that kind behind it */
	uint64_t file_size;    /* when it was looked at last */
	uint64_t searched_to;  /* no header begins from `end` up to there */
	bool is_closed;        /* it ends with a trailer */
	bool has_broken_index; /* and yet the last of the list is the damaged stretch where its index should be */
};

void segment_blocks_init(struct segment_blocks *b, const struct record_segment_header *header);
void segment_blocks_done(struct segment_blocks *b);

/* Takes notice of the file's size, and forgets what lies behind it. False: nothing can have changed. */
bool segment_blocks_need_look(struct segment_blocks *b, uint64_t file_size);

/* Reads the trailer. False: there is none, or it cannot be one. */
bool segment_blocks_trailer(const struct segment_blocks *b, int fd, uint64_t file_size, struct record_trailer *ret);

/* Whether the raw bytes of an index at `position` can be believed: valid headers of blocks that lie behind one another, from the first byte to the index. */
bool segment_blocks_are_right(const struct segment_blocks *b, const struct buffer *index, uint64_t position);

/* Adds the blocks that are not in the list yet; the segment is then closed. -EBADMSG: the index does not go on where the list ends; -ENOMEM. */
int segment_blocks_add_index(struct segment_blocks *b, const struct buffer *index, uint64_t file_size);

/* Goes on from the end of the list. -errno. */
int segment_blocks_walk(struct segment_blocks *b, int fd, uint64_t file_size);

#endif
