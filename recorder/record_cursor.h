#ifndef RECORDER_RECORD_CURSOR_H
#define RECORDER_RECORD_CURSOR_H

#include "recorder/record_segments.h"

/*
 * Reads a recording forward, block by block, over the borders of segments, and tells of every place where something is missing. One thread at a
 * time.
 */

/* What is to be read: other blocks are passed over without a look at their content. */
struct record_wanted {
	uint64_t kinds; /* record_kind_bit() */
	struct record_moment from;
};

enum record_cursor_result {
	RECORD_CURSOR_END,   /* there is nothing behind this place, yet */
	RECORD_CURSOR_BLOCK, /* c->raw has bytes from c->offset on */
	RECORD_CURSOR_GAP,   /* c->gap says what is missing; it goes on behind that */
};

struct record_cursor {
	struct record_segments *segments; /* borrowed */
	const struct record_wanted *wanted;
	uint64_t offset; /* of the next byte to be read: whoever reads a block moves it on, by whole entries */

	/* The block that was read last: raw bytes of [raw_offset, raw_offset + raw.length) */
	struct buffer raw;
	uint64_t raw_offset;
	struct record_segment_header segment; /* that it is from */
	int64_t realtime_offset_ns;

	struct event_lost gap;
	uint64_t gap_time_ns; /* of what follows it, or else of what was before */

	/* Inside. */
	uint64_t next_number;
	struct segment_reader *reader;
	uint64_t reader_number;
	size_t next_block;
	uint64_t last_sequence, last_time_ns;
	uint8_t boot_id[16]; /* whose times a reader of the stream takes them for */
	bool started;        /* there was a segment before */
	bool damaged;        /* something could not be read since the last block */
	uint64_t blocks_read, blocks_skipped;
};

/* Begins with the segment `number` or the next one there is. `boot_id`: of the reader's clock. */
void record_cursor_init(struct record_cursor *c, struct record_segments *segments, const struct record_wanted *wanted, uint64_t number,
			const uint8_t boot_id[16]);
void record_cursor_done(struct record_cursor *c);

/* Goes on to the block with the byte at c->offset or, without one, the next that is wanted. */
enum record_cursor_result record_cursor_next(struct record_cursor *c);

/* Whether c->offset is in the block that was read last. */
static inline bool record_cursor_has(const struct record_cursor *c)
{
	return c->offset >= c->raw_offset && c->offset < c->raw_offset + c->raw.length;
}

#endif
