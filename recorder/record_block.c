#include "recorder/record_block.h"

#include "base/clock.h"
#include "proto/capsule8_entry.h"

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

static void count_lost(struct record_block *b, const struct capsule8_entry *entry)
{
	struct event_lost lost;

	b->lost_events++;
	/* Without a number it is about the recorder's own outbox. */
	if (!entry->sequence && capsule8_entry_lost(entry, &lost))
		b->lost += lost.count;
}

static void add_entry(struct record_block *b, const struct capsule8_entry *entry)
{
	b->kinds |= record_kind_bit(entry->kind);
	if (entry->sequence) {
		b->first_sequence = b->first_sequence ? b->first_sequence : entry->sequence;
		b->last_sequence = entry->sequence;
	}
	b->first_time_ns = b->first_time_ns ? b->first_time_ns : entry->time_ns;
	b->last_time_ns = entry->time_ns;
	if (entry->kind == EVENT_LOST)
		count_lost(b, entry);
	else
		b->events++;
}

void record_block_add(struct record_block *b, const struct chunk *c)
{
	const uint8_t *at = c->data, *end = c->data + c->length;
	struct capsule8_entry entry;

	b->raw_bytes += c->length;
	buffer_put(&b->raw, c->data, c->length);
	while (at < end && capsule8_entry_next(&at, end, &entry))
		add_entry(b, &entry);
}

const uint8_t *record_block_make(struct record_block *b, uint64_t offset, struct record_block_header *ret, size_t *ret_size)
{
	if (b->raw.failed)
		return NULL;
	*ret = (struct record_block_header){
		.offset = offset,
		.first_sequence = b->first_sequence,
		.last_sequence = b->last_sequence,
		.first_time_ns = b->first_time_ns,
		.last_time_ns = b->last_time_ns,
		.realtime_offset_ns = (int64_t)(clock_realtime_ns() - clock_monotonic_ns()),
		.kinds = b->kinds,
		.events = b->events,
		.lost_events = b->lost_events,
		.lost = b->lost,
	};
	*ret_size = b->raw.length;
	return b->raw.data;
}
