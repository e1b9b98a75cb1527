#include "recorder/record_verify.h"

#include "proto/capsule8_entry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* One segment, as far as it has been read. */
struct verification {
	struct segment_reader *reader;
	record_verify_fn *fn;
	void *context;
	struct record_verify_sums *sums;
	uint64_t next_offset;
	uint64_t last_sequence;
	uint64_t last_time_ns;
	bool is_damaged; /* something could not be read, and what follows cannot follow on it */
};

/* What a block's header has to say of its entries. */
struct content {
	uint64_t first_sequence, last_sequence;
	uint64_t first_time_ns, last_time_ns;
	uint64_t kinds;
	uint64_t events, lost_events, lost;
};

static void tell(struct verification *v, uint64_t position, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void tell(struct verification *v, uint64_t position, const char *format, ...)
{
	char problem[ERROR_MESSAGE_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	v->sums->findings++;
	v->fn(v->context, position, problem);
}

/* Entries */

/* False: it is told what is wrong with it, and one finding per block will do. */
static bool check_order(struct verification *v, uint64_t position, const struct capsule8_entry *entry, size_t at)
{
	if (entry->sequence && entry->sequence <= v->last_sequence) {
		tell(v, position, "the event at byte %zu of the block has number %" PRIu64 ", and the one before it %" PRIu64, at,
		     entry->sequence, v->last_sequence);
		return false;
	}
	if (entry->sequence && entry->time_ns < v->last_time_ns) {
		tell(v, position,
		     "the event at byte %zu of the block, number %" PRIu64 ", is %" PRIu64 " ns earlier than the one before it", at,
		     entry->sequence, v->last_time_ns - entry->time_ns);
		return false;
	}
	return true;
}

static void add_entry(struct content *c, const struct capsule8_entry *entry)
{
	struct event_lost lost;

	c->kinds |= record_kind_bit(entry->kind);
	if (entry->sequence && !c->first_sequence)
		c->first_sequence = entry->sequence;
	if (entry->sequence)
		c->last_sequence = entry->sequence;
	if (!c->first_time_ns)
		c->first_time_ns = entry->time_ns;
	c->last_time_ns = entry->time_ns;
	if (entry->kind != EVENT_LOST) {
		c->events++;
		return;
	}
	c->lost_events++;
	if (!entry->sequence && capsule8_entry_lost(entry, &lost))
		c->lost += lost.count;
}

/* False: not all of them could be read. */
static bool read_entries(struct verification *v, uint64_t position, const struct buffer *raw, struct content *ret)
{
	const uint8_t *at = raw->data, *end = at + raw->length;
	struct capsule8_entry entry;
	bool in_order = true;

	*ret = (struct content){0};
	while (at < end) {
		size_t begin = (size_t)(at - raw->data);

		if (!capsule8_entry_next(&at, end, &entry)) {
			tell(v, position, "at byte %zu of the block's %zu is no event", begin, raw->length);
			return false;
		}
		in_order = in_order && check_order(v, position, &entry, begin);
		if (entry.sequence) {
			v->last_sequence = entry.sequence;
			v->last_time_ns = entry.time_ns;
		}
		add_entry(ret, &entry);
	}
	return true;
}

static void compare(struct verification *v, uint64_t position, const char *what, uint64_t header, uint64_t content)
{
	if (header != content)
		tell(v, position, "the block's header says %s is %" PRIu64 ", and its events say %" PRIu64, what, header, content);
}

static void compare_content(struct verification *v, uint64_t position, const struct record_block_header *h, const struct content *c)
{
	compare(v, position, "the number of events", h->events, c->events);
	compare(v, position, "the number of lost events", h->lost_events, c->lost_events);
	compare(v, position, "what the recorder has missed", h->lost, c->lost);
	compare(v, position, "the first sequence number", h->first_sequence, c->first_sequence);
	compare(v, position, "the last sequence number", h->last_sequence, c->last_sequence);
	compare(v, position, "the first time", h->first_time_ns, c->first_time_ns);
	compare(v, position, "the last time", h->last_time_ns, c->last_time_ns);
	compare(v, position, "the set of kinds", h->kinds, c->kinds);
}

/* Blocks */

/* A run's last block has no entries, and says which number was the last to be given. */
static void check_end(struct verification *v, uint64_t position, const struct record_block_header *h)
{
	if (h->events || h->lost_events || h->lost || h->kinds)
		tell(v, position, "the block is empty, and its header tells of events");
	if (h->last_sequence && h->last_sequence < v->last_sequence)
		tell(v, position, "the last number of the run is said to be %" PRIu64 ", and there is an event with %" PRIu64,
		     h->last_sequence, v->last_sequence);
}

static void check_place(struct verification *v, const struct segment_block *block)
{
	const struct record_block_header *h = &block->header;

	/* Damage has told of it already. */
	if (h->offset != v->next_offset && !v->is_damaged)
		tell(v, block->position, "%" PRIu64 " bytes of the recording are missing before the block", h->offset - v->next_offset);
	v->is_damaged = false;
	v->next_offset = h->offset + h->raw_size;
}

static int check_block(struct verification *v, const struct segment_block *block, struct buffer *raw, struct error *err)
{
	struct content content;
	struct error why;
	int r;

	v->sums->blocks++;
	check_place(v, block);
	buffer_clear(raw);
	r = segment_reader_read(v->reader, block, raw, &why);
	if (r == -EBADMSG) {
		/* "NAME: " stands in front of it, which whoever is told knows. */
		const char *colon = strstr(why.message, ": ");

		tell(v, block->position, "%s", colon ? colon + 2 : why.message);
		return 0;
	}
	if (r)
		return error_set(err, r, "%s", why.message);
	v->sums->raw_bytes += raw->length;
	if (!raw->length) {
		check_end(v, block->position, &block->header);
		return 0;
	}
	if (read_entries(v, block->position, raw, &content))
		compare_content(v, block->position, &block->header, &content);
	v->sums->events += content.events;
	v->sums->lost_events += content.lost_events;
	return 0;
}

static int check_blocks(struct verification *v, const struct segment_block *blocks, size_t count, struct error *err)
{
	struct buffer raw;
	int r = 0;

	buffer_init(&raw, 0);
	for (size_t i = 0; !r && i < count; i++) {
		if (!blocks[i].damaged) {
			r = check_block(v, &blocks[i], &raw, err);
			continue;
		}
		tell(v, blocks[i].position, "%" PRIu64 " bytes are damaged: no block can be read there", blocks[i].size);
		v->is_damaged = true;
	}
	buffer_done(&raw);
	return r;
}

int record_verify(struct segment_reader *r, bool is_written, record_verify_fn *fn, void *context, struct record_verify_sums *sums,
		  struct error *err)
{
	const struct record_segment_header *header = segment_reader_header(r);
	struct verification v = {
		.reader = r,
		.fn = fn,
		.context = context,
		.sums = sums,
		.next_offset = header->offset,
		.last_sequence = header->sequence,
	};
	const struct segment_block *blocks;
	size_t count;
	int error = segment_reader_blocks(r, &blocks, &count, err);
	uint64_t tail;

	if (error)
		return error;
	sums->segments++;
	sums->file_bytes += segment_reader_file_size(r);
	error = check_blocks(&v, blocks, count, err);
	tail = segment_reader_file_size(r) - segment_reader_end(r);
	if (!error && tail && !is_written)
		tell(&v, segment_reader_end(r), "%" PRIu64 " bytes at the end are no whole block", tail);
	return error;
}
