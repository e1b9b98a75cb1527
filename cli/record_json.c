#include "cli/record_text.h"

#include "cli/json.h"
#include "cli/text.h"

#include <stdio.h>

static const char *const begin_names[] = {
	[RECORD_BEGIN_CONTINUED] = "continued",
	[RECORD_BEGIN_FIRST] = "first",
	[RECORD_BEGIN_STOPPED] = "stopped",
	[RECORD_BEGIN_CRASHED] = "crashed",
};
#define BEGIN_COUNT (sizeof(begin_names) / sizeof(begin_names[0]))

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_boot_id(json_t *object, const uint8_t id[16])
{
	char text[33];

	for (int i = 0; i < 16; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", id[i]);
	json_object_set_new(object, "bootId", json_string(text));
}

static void set_readable(json_t *object, const struct record_listing_item *item)
{
	const struct record_segment *s = &item->segment;

	json_object_set_new(object, "begin", json_string(s->header.begin < BEGIN_COUNT ? begin_names[s->header.begin] : "unknown"));
	json_object_set_new(object, "begunNs", json_integer(record_listing_begun_ns(s)));
	json_object_set_new(object, "realtimeOffsetNs", json_integer(s->realtime_offset_ns));
	set_number(object, "firstTimeNs", s->first_time_ns);
	set_number(object, "lastTimeNs", s->last_time_ns);
	set_number(object, "firstSequence", s->first_sequence);
	set_number(object, "lastSequence", s->last_sequence);
	set_number(object, "offset", s->header.offset);
	set_number(object, "endOffset", s->end_offset);
	set_number(object, "blocks", s->blocks);
	set_number(object, "events", s->events);
	set_number(object, "lost", s->lost);
	set_number(object, "rawBytes", s->raw_bytes);
	set_number(object, "damagedBytes", s->damaged_bytes);
	set_number(object, "tailBytes", s->tail_bytes);
	json_object_set_new(object, "query", json_string(item->query));
	set_boot_id(object, s->header.boot_id);
}

static json_t *segment_json(const struct record_listing_item *item)
{
	json_t *object = json_object();

	json_object_set_new(object, "path", json_of_text(item->file->path));
	set_number(object, "number", item->segment.number);
	json_object_set_new(object, "state", json_string(record_listing_state(item)));
	set_number(object, "storedBytes", item->segment.size);
	if (item->error)
		json_object_set_new(object, "problem", json_of_text(item->why));
	else
		set_readable(object, item);
	return object;
}

static json_t *gap_json(const struct record_listing_item *item, const struct record_listing_gap *gap)
{
	json_t *object = json_object();

	json_object_set_new(object, "before", json_of_text(item->file->path));
	set_number(object, "segments", gap->segments);
	set_number(object, "bytes", gap->bytes);
	set_number(object, "overlapBytes", gap->overlap_bytes);
	set_number(object, "afterSequence", gap->after_sequence);
	set_number(object, "beforeSequence", gap->before_sequence);
	return object;
}

static json_t *sums_json(const struct record_listing *l)
{
	struct record_listing_sums sums = record_listing_sum(l);
	json_t *object = json_object();

	set_number(object, "segments", l->count);
	set_number(object, "unreadable", sums.unreadable);
	set_number(object, "events", sums.events);
	set_number(object, "lost", sums.lost);
	set_number(object, "rawBytes", sums.raw_bytes);
	set_number(object, "storedBytes", sums.stored_bytes);
	set_number(object, "runs", sums.runs);
	set_number(object, "crashes", sums.crashes);
	set_number(object, "missingBytes", sums.missing_bytes);
	set_number(object, "damagedBytes", sums.damaged_bytes);
	return object;
}

void record_json_put(struct buffer *out, const struct record_listing *l)
{
	json_t *segments = json_array(), *gaps = json_array();
	const char *id = record_listing_sensor_id(l);

	for (size_t i = 0; i < l->count; i++) {
		struct record_listing_gap gap;

		if (json_array_append_new(segments, segment_json(&l->items[i])))
			out->failed = true;
		if (record_listing_gap(l, i, &gap))
			json_array_append_new(gaps, gap_json(&l->items[i], &gap));
	}
	json_put(out, json_pack("{s:o, s:o, s:o, s:o}", "sensorId", id ? json_stringn(id, 16) : json_null(), "segments", segments, "gaps",
				gaps, "sums", sums_json(l)));
}
