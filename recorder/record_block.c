#include "recorder/record_block.h"

#include "base/clock.h"
#include "subscription/extent.h"

void record_block_init(struct record_block *b)
{
	*b = (struct record_block){0};
	buffer_init(&b->raw, 0);
}

void record_block_done(struct record_block *b)
{
	buffer_done(&b->raw);
}

void record_block_clear(struct record_block *b)
{
	struct buffer raw = b->raw;

	buffer_clear(&raw);
	*b = (struct record_block){.raw = raw};
}

void record_block_add(struct record_block *b, const struct chunk *c)
{
	b->raw_bytes += c->length;
	buffer_put(&b->raw, c->data, c->length);
	b->events += c->events;
	extent_join(&b->extent, &c->extent);
}

const uint8_t *record_block_make(struct record_block *b, uint64_t offset, struct record_block_header *ret, size_t *ret_size)
{
	if (b->raw.failed)
		return NULL;
	*ret = (struct record_block_header){
		.offset = offset,
		.first_sequence = b->extent.first_sequence,
		.last_sequence = b->extent.last_sequence,
		.first_time_ns = b->extent.first_time_ns,
		.last_time_ns = b->extent.last_time_ns,
		.realtime_offset_ns = (int64_t)(clock_realtime_ns() - clock_monotonic_ns()),
		.kinds = record_kind_bits(b->extent.kinds),
		.events = b->events,
		.lost_events = b->extent.lost_events,
		.lost = b->extent.dropped,
	};
	*ret_size = b->raw.length;
	return b->raw.data;
}
