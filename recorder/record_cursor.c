#include "recorder/record_cursor.h"

#include "base/log.h"
#include "recorder/record_io.h"

#include <errno.h>
#include <string.h>

void record_cursor_init(struct record_cursor *c, struct record_segments *segments, const struct record_wanted *wanted, uint64_t number,
			const uint8_t boot_id[16])
{
	*c = (struct record_cursor){.segments = segments, .wanted = wanted, .next_number = number};
	buffer_init(&c->raw, 0);
	memcpy(c->boot_id, boot_id, sizeof(c->boot_id));
}

void record_cursor_done(struct record_cursor *c)
{
	c->reader = segment_reader_close(c->reader);
	buffer_done(&c->raw);
}

static enum record_cursor_result gap(struct record_cursor *c, enum record_gap reason, uint64_t count, uint64_t before_sequence,
				     uint64_t time_ns)
{
	c->gap = (struct event_lost){
		.count = count,
		.of = EVENT_KIND_COUNT,
		.cause = LOST_RECORDER,
		.gap = reason,
		.after_sequence = c->last_sequence,
		.before_sequence = before_sequence,
	};
	c->gap_time_ns = time_ns ? time_ns : c->last_time_ns;
	c->damaged = false;
	return RECORD_CURSOR_GAP;
}

/* Times are of another boot from here on: readers need to know how they relate to the time of day. */
static bool boot_changes(struct record_cursor *c, const struct record_segment_header *header)
{
	if (!memcmp(c->boot_id, header->boot_id, sizeof(c->boot_id)))
		return false;
	memcpy(c->boot_id, header->boot_id, sizeof(c->boot_id));
	return true;
}

/* What is between the segment that has just been opened and what was before it. False: nothing. */
static bool gap_before(struct record_cursor *c, bool jumped)
{
	const struct record_segment_header *header = &c->segment;
	int64_t realtime_offset_ns = boot_changes(c, header) ? header->realtime_ns - (int64_t)header->monotonic_ns : 0;
	bool first = !c->started;
	uint64_t hole = header->begin == RECORD_BEGIN_CONTINUED ? 0 : RECORD_RUN_HOLE;
	bool missing = !first && header->offset > c->offset + hole;
	enum record_gap reason = RECORD_GAP_NONE;

	c->started = true;
	if (first && !missing && header->offset > c->offset)
		c->offset = header->offset;
	if (missing)
		reason = jumped && !c->damaged ? RECORD_GAP_DELETED : RECORD_GAP_DAMAGED;
	else if (!first && header->begin == RECORD_BEGIN_STOPPED)
		reason = RECORD_GAP_STOPPED;
	else if (!first && header->begin == RECORD_BEGIN_CRASHED)
		reason = RECORD_GAP_CRASHED;
	if (reason == RECORD_GAP_NONE && !realtime_offset_ns)
		return false;
	if (header->offset > c->offset)
		c->offset = header->offset;
	gap(c, reason, 0, header->sequence + 1, header->monotonic_ns);
	c->gap.realtime_offset_ns = realtime_offset_ns;
	return true;
}

/* 1: it is open. 0: there is none. -EAGAIN: that one cannot be read, look again. */
static int open_segment(struct record_cursor *c, bool *ret_jumped)
{
	struct record_segment segment;
	struct error err = {0};
	int r = record_segments_open(c->segments, c->next_number, &c->reader, &segment, &err);

	if (r == -ENOENT && !record_segments_find(c->segments, c->next_number, &segment))
		return 0;
	*ret_jumped = segment.number != c->reader_number + 1;
	c->next_number = segment.number + 1;
	if (r) {
		/* Retention may have been quicker. */
		if (r != -ENOENT) {
			c->damaged = true;
			log_debug("a segment of the recording is passed over", "error=\"%s\"", err.message);
		}
		c->reader = NULL;
		return -EAGAIN;
	}
	c->reader_number = segment.number;
	c->segment = *segment_reader_header(c->reader);
	c->next_block = 0;
	return 1;
}

static bool is_wanted(const struct record_cursor *c, const struct record_block_header *header)
{
	return (header->kinds & c->wanted->kinds) &&
	       !record_is_before(&c->segment, header->realtime_offset_ns, header->last_time_ns, &c->wanted->from);
}

static void note_sequence(struct record_cursor *c, const struct record_block_header *header)
{
	if (header->last_sequence > c->last_sequence)
		c->last_sequence = header->last_sequence;
}

static void pass(struct record_cursor *c, const struct record_block_header *header)
{
	c->offset = record_block_end_offset(header);
	note_sequence(c, header);
	if (header->last_time_ns)
		c->last_time_ns = header->last_time_ns;
}

/* RECORD_CURSOR_END: the block is passed. */
static enum record_cursor_result read_block(struct record_cursor *c, const struct segment_block *block)
{
	const struct record_block_header *header = &block->header;
	struct error err = {0};
	int r;

	if (header->offset > c->offset) {
		c->offset = header->offset;
		c->next_block--;
		return gap(c, RECORD_GAP_DAMAGED, 0, header->first_sequence, header->first_time_ns);
	}
	if (!is_wanted(c, header)) {
		c->blocks_skipped++;
		pass(c, header);
		return RECORD_CURSOR_END;
	}
	buffer_clear(&c->raw);
	r = segment_reader_read(c->reader, block, &c->raw, &err);
	if (r) {
		uint64_t time_ns = header->first_time_ns;

		log_debug("a block of the recording cannot be read", "error=\"%s\"", err.message);
		buffer_clear(&c->raw);
		gap(c, RECORD_GAP_DAMAGED, header->events, header->last_sequence + 1, time_ns);
		pass(c, header);
		return RECORD_CURSOR_GAP;
	}
	c->raw_offset = header->offset;
	c->realtime_offset_ns = header->realtime_offset_ns;
	note_sequence(c, header);
	c->last_time_ns = header->last_time_ns;
	c->blocks_read++;
	return RECORD_CURSOR_BLOCK;
}

/* RECORD_CURSOR_END: this segment has no more, now. */
static enum record_cursor_result read_segment(struct record_cursor *c)
{
	const struct segment_block *blocks;
	struct error err = {0};
	size_t count;

	if (segment_reader_blocks(c->reader, &blocks, &count, &err)) {
		log_debug("a segment of the recording is passed over", "error=\"%s\"", err.message);
		c->damaged = true;
		return RECORD_CURSOR_END;
	}
	while (c->next_block < count) {
		const struct segment_block *block = &blocks[c->next_block++];
		enum record_cursor_result result;

		if (block->damaged) {
			c->damaged = true;
			continue;
		}
		if (record_block_end_offset(&block->header) <= c->offset) {
			note_sequence(c, &block->header);
			continue;
		}
		result = read_block(c, block);
		if (result != RECORD_CURSOR_END)
			return result;
	}
	return RECORD_CURSOR_END;
}

enum record_cursor_result record_cursor_next(struct record_cursor *c)
{
	struct record_segment later;
	bool jumped;

	for (;;) {
		enum record_cursor_result result;
		bool is_last;
		int r;

		if (!c->reader) {
			r = open_segment(c, &jumped);
			/* Behind the segments that could not be read there is nothing that would tell of them. */
			if (!r)
				return c->damaged ? gap(c, RECORD_GAP_DAMAGED, 0, 0, 0) : RECORD_CURSOR_END;
			if (r == 1 && gap_before(c, jumped))
				return RECORD_CURSOR_GAP;
			if (r != 1)
				continue;
		}
		/* Before the look at its blocks: none comes to it once there is a later one. */
		is_last = !record_segments_find(c->segments, c->reader_number + 1, &later);
		result = read_segment(c);
		if (result != RECORD_CURSOR_END)
			return result;
		if (is_last)
			return RECORD_CURSOR_END;
		c->reader = segment_reader_close(c->reader);
	}
}
