#include "recorder/replay.h"

#include "base/clock.h"
#include "recorder/replay_aside.h"

#include <stdlib.h>
#include <string.h>

/* What a step looks at, however little of it is taken, so that threads are shared fairly. */
#define STEP_BYTES ((size_t)4 << 20)
#define PEEK_MAX   64

struct replay {
	struct replay_options options;
	struct record_cursor cursor;
	struct replay_aside aside;
	bool told_reach;
	bool reaches;
	uint64_t gaps, damaged;

	/* Of the step that is going on. */
	uint64_t sequence;
	size_t max_bytes;
	size_t looked_at; /* bytes */
	struct buffer *out;
	uint32_t events;
};

struct replay *replay_new(const struct replay_options *options)
{
	struct replay *r = calloc(1, sizeof(*r));
	const struct record_wanted *wanted;
	struct record_segment first;
	uint64_t number, offset = 0;

	if (!r) {
		replay_filter_free(options->filter);
		return NULL;
	}
	r->options = *options;
	replay_aside_init(&r->aside, options->aside);
	/* Before the segments: what is written meanwhile is in one of them. */
	if (options->recorder)
		recorder_peek(options->recorder, 0, NULL, 0, &offset);
	wanted = replay_filter_wanted(options->filter);
	number = record_segments_seek(options->segments, &wanted->from, &r->reaches);
	record_cursor_init(&r->cursor, options->segments, wanted, number, options->boot_id);
	if (record_segments_find(options->segments, number, &first) && !first.unreadable)
		offset = first.header.offset;
	r->cursor.offset = offset;
	return r;
}

struct replay *replay_free(struct replay *r)
{
	if (!r)
		return NULL;
	record_cursor_done(&r->cursor);
	replay_aside_done(&r->aside);
	replay_filter_free(r->options.filter);
	free(r);
	return NULL;
}

static bool is_full(const struct replay *r)
{
	return r->out->failed || r->out->length >= r->max_bytes || r->looked_at >= STEP_BYTES;
}

static void tell_gap(struct replay *r, const struct event_lost *lost, uint64_t time_ns)
{
	const struct event event = {.kind = EVENT_LOST, .time_ns = time_ns, .lost = *lost};

	r->options.encoder->encode(r->options.encoder, &event, DETAIL_BASIC, r->out);
	r->gaps++;
	r->damaged += lost->gap == RECORD_GAP_DAMAGED;
}

/* What the recorder has lost for want of room was written down as any subscriber's loss. */
static void put_lost(struct replay *r, const struct capsule8_entry *entry)
{
	struct event_lost lost;

	if (entry->sequence || !capsule8_entry_lost(entry, &lost) || lost.cause != LOST_QUEUE) {
		buffer_put(r->out, entry->bytes, entry->size);
		return;
	}
	lost.cause = LOST_RECORDER;
	lost.gap = RECORD_GAP_OVERFLOW;
	tell_gap(r, &lost, entry->time_ns);
}

static void put(struct replay *r, const struct capsule8_entry *entry, enum replay_verdict verdict)
{
	if (entry->kind == EVENT_LOST) {
		put_lost(r, entry);
		return;
	}
	if (verdict == REPLAY_TAKE_BASIC)
		capsule8_entry_put_basic(entry, r->out);
	else
		buffer_put(r->out, entry->bytes, entry->size);
	r->events++;
}

/* Tells what the aside outbox has before the number. False: the limit is reached. */
static bool tell_aside(struct replay *r, uint64_t before)
{
	const struct capsule8_entry *entry;

	while ((entry = replay_aside_next(&r->aside, before))) {
		enum replay_verdict verdict = replay_filter_ask_matched(r->options.filter, entry);

		if (verdict == REPLAY_OVER)
			return false;
		if (verdict != REPLAY_PASS) {
			/* Its losses are this subscription's own. */
			buffer_put(r->out, entry->bytes, entry->size);
			r->events += entry->kind != EVENT_LOST;
		}
		replay_aside_pop(&r->aside);
	}
	return true;
}

enum walked {
	WALKED_ALL,
	WALKED_FULL, /* the step's bounds */
	WALKED_NOW,  /* its last number */
	WALKED_OVER, /* the subscription's end */
};

/* One entry of the recording. */
static enum walked tell_entry(struct replay *r, const struct capsule8_entry *entry, struct replay_place *place)
{
	enum replay_verdict verdict;

	if (entry->sequence > r->sequence)
		return WALKED_NOW;
	if (entry->sequence && !tell_aside(r, entry->sequence))
		return WALKED_OVER;
	place->all = entry->sequence <= r->options.joined;
	verdict = replay_filter_ask(r->options.filter, entry, place);
	if (verdict == REPLAY_OVER)
		return WALKED_OVER;
	if (entry->sequence)
		r->cursor.last_sequence = entry->sequence;
	if (verdict == REPLAY_PASS)
		return WALKED_ALL;
	put(r, entry, verdict);
	if (entry->sequence)
		replay_aside_drop(&r->aside, entry->sequence);
	return WALKED_ALL;
}

/* Entries that lie behind one another, of which the first has its place in the recording at cursor.offset. */
static enum walked tell_entries(struct replay *r, const uint8_t *bytes, size_t size, struct replay_place *place)
{
	const uint8_t *at = bytes, *end = bytes + size;
	enum walked walked = WALKED_ALL;

	while (at < end && walked == WALKED_ALL) {
		const uint8_t *next = at;
		struct capsule8_entry entry;

		if (is_full(r)) {
			walked = WALKED_FULL;
			break;
		}
		if (!capsule8_entry_next(&next, end, &entry)) {
			tell_gap(r, &(struct event_lost){.of = EVENT_KIND_COUNT, .cause = LOST_RECORDER, .gap = RECORD_GAP_DAMAGED},
				 r->cursor.last_time_ns);
			at = end;
			break;
		}
		walked = tell_entry(r, &entry, place);
		if (walked != WALKED_ALL)
			break;
		r->looked_at += entry.size;
		at = next;
	}
	r->cursor.offset += (uint64_t)(at - bytes);
	return walked;
}

static enum walked tell_block(struct replay *r)
{
	struct record_cursor *c = &r->cursor;
	struct replay_place place = {.segment = &c->segment, .realtime_offset_ns = c->realtime_offset_ns};
	size_t skip = (size_t)(c->offset - c->raw_offset);

	return tell_entries(r, c->raw.data + skip, c->raw.length - skip, &place);
}

/* From memory: of this boot, so that the time of day is not asked for. `offset`: of the first chunk. */
static enum walked tell_chunks(struct replay *r, struct chunk **chunks, size_t count, uint64_t offset)
{
	struct record_segment_header segment = {0};
	struct replay_place place = {.segment = &segment};
	enum walked walked = WALKED_ALL;

	memcpy(segment.boot_id, recorder_boot_id(r->options.recorder), sizeof(segment.boot_id));
	for (size_t i = 0; i < count; i++) {
		size_t skip = r->cursor.offset > offset ? (size_t)(r->cursor.offset - offset) : 0;

		if (walked == WALKED_ALL && skip < chunks[i]->length)
			walked = tell_entries(r, chunks[i]->data + skip, chunks[i]->length - skip, &place);
		offset += chunks[i]->length;
		chunk_unref(chunks[i]);
	}
	return walked;
}

/* False: there is nothing behind cursor.offset on disk. */
static bool tell_disk(struct replay *r, enum walked *ret_walked)
{
	struct record_cursor *c = &r->cursor;
	uint8_t boot_id[16];

	if (record_cursor_has(c)) {
		*ret_walked = tell_block(r);
		return true;
	}
	memcpy(boot_id, c->boot_id, sizeof(boot_id));
	switch (record_cursor_next(c)) {
	case RECORD_CURSOR_BLOCK:
		return true;
	case RECORD_CURSOR_GAP:
		if (memcmp(boot_id, c->boot_id, sizeof(boot_id)) != 0)
			replay_filter_new_boot(r->options.filter);
		tell_gap(r, &c->gap, c->gap_time_ns);
		return true;
	case RECORD_CURSOR_END:
		break;
	}
	return false;
}

/* What was to be on disk is not there, and memory begins further on. */
static void jump(struct replay *r, uint64_t offset)
{
	const struct event_lost lost = {
		.of = EVENT_KIND_COUNT,
		.cause = LOST_RECORDER,
		.gap = RECORD_GAP_DELETED,
		.after_sequence = r->cursor.last_sequence,
	};

	tell_gap(r, &lost, r->cursor.last_time_ns);
	r->cursor.offset = offset;
}

/* False: there is nothing behind cursor.offset. */
static bool go_on(struct replay *r, enum walked *ret_walked)
{
	struct chunk *chunks[PEEK_MAX];
	uint64_t offset = UINT64_MAX;
	size_t count = 0;

	if (r->options.recorder)
		count = recorder_peek(r->options.recorder, r->cursor.offset, chunks, PEEK_MAX, &offset);
	if (count) {
		*ret_walked = tell_chunks(r, chunks, count, offset);
		return true;
	}
	if (offset <= r->cursor.offset)
		return false;
	if (tell_disk(r, ret_walked))
		return true;
	if (!r->options.recorder)
		return false;
	jump(r, offset);
	return true;
}

/* The beginning of what is kept may be later than the subscription's. */
static void tell_reach(struct replay *r)
{
	struct event_lost lost = {.of = EVENT_KIND_COUNT, .cause = LOST_RECORDER, .gap = RECORD_GAP_NOT_KEPT};
	struct record_segment first;
	uint64_t time_ns = clock_monotonic_ns();

	r->told_reach = true;
	/* Whoever asks for all there is misses nothing. */
	if (r->reaches || replay_filter_wanted(r->options.filter)->from.monotonic_ns == INT64_MIN)
		return;
	if (record_segments_find(r->options.segments, 0, &first) && !first.unreadable) {
		lost.before_sequence = first.first_sequence;
		time_ns = first.blocks ? first.first_time_ns : first.header.monotonic_ns;
	}
	tell_gap(r, &lost, time_ns);
}

enum replay_result replay_step(struct replay *r, uint64_t sequence, size_t max_bytes, struct buffer *out, uint32_t *ret_events)
{
	enum walked walked = WALKED_ALL;

	r->sequence = sequence;
	r->max_bytes = max_bytes;
	r->looked_at = 0;
	r->out = out;
	r->events = 0;
	if (!r->told_reach)
		tell_reach(r);
	while (walked == WALKED_ALL && !is_full(r))
		if (!go_on(r, &walked))
			walked = WALKED_NOW;
	if (walked == WALKED_NOW && !tell_aside(r, sequence + 1))
		walked = WALKED_OVER;
	*ret_events = r->events;
	if (out->failed)
		return REPLAY_FAILED;
	return walked == WALKED_NOW ? REPLAY_CAUGHT_UP : walked == WALKED_OVER ? REPLAY_ENDED : REPLAY_MORE;
}

size_t replay_distance(struct replay *r)
{
	size_t distance = r->options.recorder ? recorder_distance(r->options.recorder, r->cursor.offset) : SIZE_MAX;

	return distance == SIZE_MAX ? distance : distance + replay_aside_bytes(&r->aside);
}

const struct subscriber_seam *replay_seam(const struct replay *r)
{
	return replay_filter_seam(r->options.filter);
}

void replay_counters(const struct replay *r, struct replay_counters *ret)
{
	*ret = (struct replay_counters){
		.blocks_read = r->cursor.blocks_read,
		.blocks_skipped = r->cursor.blocks_skipped,
		.gaps = r->gaps,
		.damaged = r->damaged,
	};
}
