#include "recorder/segment_blocks.h"

#include "recorder/record_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES sizeof(struct record_block_header)
#define SEARCH_BYTES ((size_t)64 << 10)

void segment_blocks_init(struct segment_blocks *b, const struct record_segment_header *header)
{
	*b = (struct segment_blocks){
		.begin = header->header_size,
		.offset = header->offset,
		.end = header->header_size,
		.next_offset = header->offset,
		.searched_to = header->header_size,
	};
}

void segment_blocks_done(struct segment_blocks *b)
{
	free(b->blocks);
	*b = (struct segment_blocks){0};
}

static int add(struct segment_blocks *b, const struct segment_block *block)
{
	if (b->count == b->capacity) {
		size_t capacity = b->capacity ? 2 * b->capacity : 16;
		struct segment_block *blocks = reallocarray(b->blocks, capacity, sizeof(*blocks));

		if (!blocks)
			return -ENOMEM;
		b->blocks = blocks;
		b->capacity = capacity;
	}
	b->blocks[b->count++] = *block;
	b->end = block->position + block->size;
	b->searched_to = b->end;
	if (!block->damaged) {
		b->next_offset = record_block_end_offset(&block->header);
		b->is_ended = !block->header.raw_size;
	}
	return 0;
}

static int add_damaged(struct segment_blocks *b, uint64_t to)
{
	return add(b, &(struct segment_block){.position = b->end, .size = to - b->end, .damaged = true});
}

static int add_header(struct segment_blocks *b, const struct record_block_header *header)
{
	struct segment_block block = {.position = b->end, .size = record_block_size(header), .header = *header};

	/* What it is a newer version may know; that it is whole, and how long, is certain. */
	block.damaged = header->type != RECORD_BLOCK_EVENTS;
	return add(b, &block);
}

/* Makes `end` and `next_offset` those of the list as it is. */
static void find_end(struct segment_blocks *b)
{
	const struct segment_block *last = b->count ? &b->blocks[b->count - 1] : NULL;
	size_t i = b->count;

	b->end = last ? last->position + last->size : b->begin;
	b->searched_to = b->end;
	while (i && b->blocks[i - 1].damaged)
		i--;
	b->next_offset = i ? record_block_end_offset(&b->blocks[i - 1].header) : b->offset;
	b->is_ended = i && !b->blocks[i - 1].header.raw_size;
}

bool segment_blocks_need_look(struct segment_blocks *b, uint64_t file_size)
{
	if (b->is_closed && file_size == b->file_size)
		return false;
	if (b->has_broken_index)
		b->count--;
	if (b->is_closed || file_size < b->file_size) {
		while (b->count && b->blocks[b->count - 1].position + b->blocks[b->count - 1].size > file_size)
			b->count--;
		find_end(b);
	}
	b->is_closed = false;
	b->has_broken_index = false;
	b->file_size = file_size;
	return true;
}

/* The index */

bool segment_blocks_trailer(const struct segment_blocks *b, int fd, uint64_t file_size, struct record_trailer *ret)
{
	uint64_t position = file_size - sizeof(*ret);

	if (file_size < b->end + HEADER_BYTES + sizeof(*ret) || record_read_at(fd, ret, sizeof(*ret), position) != sizeof(*ret))
		return false;
	return !memcmp(ret->magic, RECORD_TRAILER_MAGIC, sizeof(ret->magic)) && ret->index_position >= b->begin &&
	       ret->index_position <= position - HEADER_BYTES;
}

static struct record_index_entry get_entry(const struct buffer *index, size_t i)
{
	struct record_index_entry entry;

	memcpy(&entry, index->data + i * sizeof(entry), sizeof(entry));
	return entry;
}

bool segment_blocks_are_right(const struct segment_blocks *b, const struct buffer *index, uint64_t position)
{
	uint64_t at = b->begin, offset = b->offset;

	if (index->length % sizeof(struct record_index_entry))
		return false;
	for (size_t i = 0; i < index->length / sizeof(struct record_index_entry); i++) {
		struct record_index_entry entry = get_entry(index, i);

		if (entry.position != at || entry.header.type != RECORD_BLOCK_EVENTS || !record_block_is_valid(&entry.header) ||
		    entry.header.offset < offset || record_block_size(&entry.header) > position - at)
			return false;
		at += record_block_size(&entry.header);
		offset = record_block_end_offset(&entry.header);
	}
	return at == position;
}

int segment_blocks_add_index(struct segment_blocks *b, const struct buffer *index, uint64_t file_size)
{
	for (size_t i = 0; i < index->length / sizeof(struct record_index_entry); i++) {
		struct record_index_entry entry = get_entry(index, i);
		int r;

		if (entry.position < b->end)
			continue;
		if (entry.position > b->end)
			return -EBADMSG;
		r = add_header(b, &entry.header);
		if (r)
			return r;
	}
	b->is_closed = true;
	b->end = file_size;
	return 0;
}

/* The walk */

/* A header that is valid and can stand behind the blocks before it. The copies in an index cannot: their offsets, or that of an empty one, have been. */
static bool is_next(const struct segment_blocks *b, const struct record_block_header *header)
{
	if (!record_block_is_valid(header) || header->offset < b->next_offset)
		return false;
	return header->raw_size || header->type == RECORD_BLOCK_INDEX || !b->is_ended;
}

/* Looks in bytes of the file, the first of which is at `position`, for a header. 0: there is none. */
static uint64_t search_bytes(const struct segment_blocks *b, const uint8_t *bytes, size_t size, uint64_t position)
{
	static const uint32_t magic = RECORD_BLOCK_MAGIC;
	struct record_block_header header;

	for (size_t i = 0; i + HEADER_BYTES <= size; i++) {
		const uint8_t *found = memmem(bytes + i, size - i, &magic, sizeof(magic));

		if (!found || (size_t)(found - bytes) + HEADER_BYTES > size)
			return 0;
		i = (size_t)(found - bytes);
		memcpy(&header, found, sizeof(header));
		if (is_next(b, &header))
			return position + i;
	}
	return 0;
}

/* Behind bytes that are no header, looks for the next one. *ret is where, or 0. Where the search has been it need not go again, so that a file that
 * grows with damage at its end is read once, not once per call. */
static int search(struct segment_blocks *b, int fd, uint64_t *ret)
{
	uint8_t *bytes = malloc(SEARCH_BYTES);
	ssize_t n = 0;

	*ret = 0;
	if (!bytes)
		return -ENOMEM;
	while (!*ret && b->searched_to + HEADER_BYTES <= b->file_size) {
		uint64_t left = b->file_size - b->searched_to;

		n = record_read_at(fd, bytes, left < SEARCH_BYTES ? (size_t)left : SEARCH_BYTES, b->searched_to);
		if (n < (ssize_t)HEADER_BYTES)
			break;
		*ret = search_bytes(b, bytes, (size_t)n, b->searched_to);
		b->searched_to += (size_t)n - HEADER_BYTES + 1;
	}
	free(bytes);
	return n < 0 ? (int)n : 0;
}

enum step {
	STEP_ON,      /* the list has grown */
	STEP_DONE,    /* what follows is not whole */
	STEP_NOTHING, /* there is no header here */
};

/* What begins at the end of the list. */
static int take_step(struct segment_blocks *b, int fd)
{
	struct record_block_header header;
	ssize_t n;

	if (b->file_size < b->end + HEADER_BYTES)
		return STEP_DONE;
	n = record_read_at(fd, &header, sizeof(header), b->end);
	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(header))
		return STEP_DONE;
	if (!is_next(b, &header))
		return STEP_NOTHING;
	/* An index is the last that there is. */
	if (header.type == RECORD_BLOCK_INDEX || record_block_size(&header) > b->file_size - b->end)
		return STEP_DONE;
	n = add_header(b, &header);
	return n ? (int)n : STEP_ON;
}

/* The segment has a trailer, but its index is not to be believed: what is left is damage, and nothing that is still being written. */
static int add_broken_index(struct segment_blocks *b, int fd)
{
	struct record_trailer trailer;
	int r;

	if (!segment_blocks_trailer(b, fd, b->file_size, &trailer))
		return 0;
	r = add_damaged(b, b->file_size);
	if (r)
		return r;
	b->is_closed = true;
	b->has_broken_index = true;
	return 0;
}

int segment_blocks_walk(struct segment_blocks *b, int fd, uint64_t file_size)
{
	uint64_t found;
	int step;

	b->file_size = file_size;
	for (;;) {
		do
			step = take_step(b, fd);
		while (step == STEP_ON);
		if (step < 0)
			return step;
		if (step == STEP_DONE)
			break;
		step = search(b, fd, &found);
		if (step < 0)
			return step;
		if (!found)
			break;
		step = add_damaged(b, found);
		if (step)
			return step;
	}
	return add_broken_index(b, fd);
}
