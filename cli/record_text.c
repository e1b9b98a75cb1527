#include "cli/record_text.h"

#include "base/clock.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum column {
	COLUMN_SEGMENT,
	COLUMN_BEGUN,
	COLUMN_LASTS,
	COLUMN_NUMBERS,
	COLUMN_EVENTS,
	COLUMN_RAW,
	COLUMN_STORED,
	COLUMN_PER_EVENT,
	COLUMN_STATE,
	COLUMN_BEGIN,
	COLUMNS,
};

static const char *const heads[COLUMNS] = {
	[COLUMN_SEGMENT] = "SEGMENT",     [COLUMN_BEGUN] = "BEGUN",       [COLUMN_LASTS] = "LASTS",
	[COLUMN_NUMBERS] = "NUMBERS",     [COLUMN_EVENTS] = "EVENTS",     [COLUMN_RAW] = "RAW",
	[COLUMN_STORED] = "DISK",         [COLUMN_PER_EVENT] = "B/EVENT", [COLUMN_STATE] = "STATE",
	[COLUMN_BEGIN] = "WHY IT BEGINS",
};

/* Of enum record_begin. */
static const char *const begin_texts[] = {
	[RECORD_BEGIN_CONTINUED] = "continued",
	[RECORD_BEGIN_FIRST] = "the first one",
	[RECORD_BEGIN_STOPPED] = "after a stop",
	[RECORD_BEGIN_CRASHED] = "after a crash",
};
#define BEGIN_COUNT (sizeof(begin_texts) / sizeof(begin_texts[0]))

static void put_time(struct buffer *out, int64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / (int64_t)NSEC_PER_SEC);
	char text[64];
	struct tm local;

	if (localtime_r(&seconds, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local))
		buffer_put_string(out, text);
	else
		buffer_put_u8(out, '?');
}

static uint64_t lasts_ns(const struct record_segment *s)
{
	return s->last_time_ns > s->first_time_ns ? s->last_time_ns - s->first_time_ns : 0;
}

/* `bytes` with a digit behind the point. */
static void put_per_event(struct buffer *out, uint64_t bytes, uint64_t events)
{
	if (events)
		buffer_printf(out, "%.1f", (double)bytes / (double)events);
}

static void put_begin(struct buffer *out, uint32_t begin)
{
	if (begin < BEGIN_COUNT)
		buffer_put_string(out, begin_texts[begin]);
	else
		buffer_printf(out, "another reason (%" PRIu32 ")", begin);
}

static void put_value(struct buffer *out, const struct record_listing_item *item, enum column column)
{
	const struct record_segment *s = &item->segment;

	switch (column) {
	case COLUMN_SEGMENT:
		if (!item->error || s->number)
			buffer_printf(out, "%" PRIx64, s->number);
		break;
	case COLUMN_BEGUN:
		if (!item->error)
			put_time(out, record_listing_begun_ns(s));
		break;
	case COLUMN_LASTS:
		if (s->blocks)
			text_put_duration(out, lasts_ns(s));
		break;
	case COLUMN_NUMBERS:
		if (s->last_sequence)
			buffer_printf(out, "%" PRIu64 "-%" PRIu64, s->first_sequence, s->last_sequence);
		break;
	case COLUMN_EVENTS:
		if (!item->error)
			buffer_printf(out, "%" PRIu64, s->events);
		break;
	case COLUMN_RAW:
		if (!item->error)
			text_put_size(out, s->raw_bytes);
		break;
	case COLUMN_STORED:
		text_put_size(out, s->size);
		break;
	case COLUMN_PER_EVENT:
		put_per_event(out, s->size, s->events);
		break;
	case COLUMN_STATE:
		buffer_put_string(out, record_listing_state(item));
		break;
	case COLUMN_BEGIN:
		if (!item->error)
			put_begin(out, s->header.begin);
		break;
	case COLUMNS:
		break;
	}
}

/* A table is made twice: once for the widths, once for good. */
static void make_cell(struct buffer *cell, const struct record_listing_item *item, enum column column)
{
	buffer_clear(cell);
	put_value(cell, item, column);
	if (!cell->length)
		buffer_put_u8(cell, '-');
}

static enum style cell_style(const struct record_listing_item *item, enum column column)
{
	if (column == COLUMN_SEGMENT)
		return STYLE_NAME;
	if (column == COLUMN_BEGIN)
		return item->segment.header.begin == RECORD_BEGIN_CRASHED ? STYLE_WARNING : STYLE_DIM;
	if (column != COLUMN_STATE)
		return STYLE_PLAIN;
	if (item->error)
		return STYLE_BAD;
	if (item->segment.closed || item->is_written)
		return STYLE_GOOD;
	return item->segment.tail_bytes ? STYLE_BAD : STYLE_DIM;
}

static void put_cell(struct buffer *out, bool color, enum style style, const struct buffer *cell, size_t width)
{
	bool styled = color && style != STYLE_PLAIN;
	size_t start = out->length;

	text_style(out, styled, style);
	buffer_put(out, cell->data, cell->length);
	text_style(out, styled, STYLE_PLAIN);
	text_pad(out, start, width);
}

/* `item` NULL: the heads. */
static void put_line(struct buffer *out, bool color, const struct record_listing_item *item, const size_t *widths, struct buffer *cell)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		enum style style = item ? cell_style(item, (enum column)i) : STYLE_BOLD;

		if (item) {
			make_cell(cell, item, (enum column)i);
		} else {
			buffer_clear(cell);
			buffer_put_string(cell, heads[i]);
		}
		put_cell(out, color, style, cell, i + 1 < COLUMNS ? widths[i] + 2 : 0);
	}
	buffer_put_u8(out, '\n');
}

static void measure(const struct record_listing *l, size_t widths[COLUMNS], struct buffer *cell)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		widths[i] = strlen(heads[i]);
		for (size_t n = 0; n < l->count; n++) {
			make_cell(cell, &l->items[n], (enum column)i);
			widths[i] = cell->length > widths[i] ? cell->length : widths[i];
		}
	}
}

/* Between two lines */

static void put_gap(struct buffer *out, bool color, const struct record_listing_gap *gap)
{
	const char *comma = "";

	buffer_put_string(out, "  ");
	text_style(out, color, STYLE_BAD);
	if (gap->segments)
		buffer_printf(out, "%" PRIu64 " segment%s missing", gap->segments, gap->segments == 1 ? " is" : "s are"), comma = ", ";
	if (gap->bytes) {
		buffer_printf(out, "%s", comma);
		text_put_size(out, gap->bytes);
		buffer_put_string(out, " of events are missing");
		if (gap->after_sequence)
			buffer_printf(out, ", behind number %" PRIu64, gap->after_sequence);
		if (gap->before_sequence)
			buffer_printf(out, "%s before %" PRIu64, gap->after_sequence ? " and" : ",", gap->before_sequence);
	} else if (gap->overlap_bytes) {
		buffer_printf(out, "%sbegins %" PRIu64 " bytes before the end of the one before it", comma, gap->overlap_bytes);
	}
	text_style(out, color, STYLE_PLAIN);
	buffer_put_u8(out, '\n');
}

static void put_damage(struct buffer *out, bool color, const struct record_listing_item *item)
{
	const struct record_segment *s = &item->segment;

	text_style(out, color, STYLE_BAD);
	if (item->error) {
		buffer_put_string(out, "  ");
		text_put_escaped(out, item->why);
		buffer_put_u8(out, '\n');
	}
	if (s->damaged_bytes) {
		buffer_put_string(out, "  ");
		text_put_size(out, s->damaged_bytes);
		buffer_put_string(out, " are damaged\n");
	}
	if (s->tail_bytes && !item->is_written) {
		buffer_put_string(out, "  ");
		text_put_size(out, s->tail_bytes);
		buffer_put_string(out, " at the end are no whole block\n");
	}
	text_style(out, color, STYLE_PLAIN);
}

/* Once for those that follow one another and kept the same. */
static void put_query(struct buffer *out, bool color, const struct record_listing_item *item, const char **last)
{
	if (!item->query || (*last && !strcmp(*last, item->query)))
		return;
	*last = item->query;
	text_style(out, color, STYLE_DIM);
	buffer_put_string(out, "  kept: ");
	text_put_escaped(out, item->query);
	text_style(out, color, STYLE_PLAIN);
	buffer_put_u8(out, '\n');
}

static void put_span(struct buffer *out, const struct record_listing_sums *sums)
{
	int64_t from_ns = record_listing_begun_ns(sums->first), to_ns = (int64_t)sums->last->last_time_ns + sums->last->realtime_offset_ns;

	buffer_put_string(out, ", ");
	put_time(out, from_ns);
	buffer_put_string(out, " to ");
	put_time(out, to_ns);
	buffer_put_string(out, " (");
	text_put_duration(out, to_ns > from_ns ? (uint64_t)(to_ns - from_ns) : 0);
	buffer_put_u8(out, ')');
}

/* "3 runs, 1 ended by a crash; 1 gap, 12 KiB missing; ..." : what had better be nothing. */
static void put_losses(struct buffer *out, bool color, const struct record_listing_sums *sums)
{
	buffer_printf(out, "%" PRIu64 " run%s of the sensor", sums->runs, sums->runs == 1 ? "" : "s");
	if (sums->crashes)
		buffer_printf(out, ", %" PRIu64 " ended by a crash", sums->crashes);
	text_style(out, color && sums->gaps, STYLE_BAD);
	buffer_printf(out, "; %" PRIu64 " gap%s between segments", sums->gaps, sums->gaps == 1 ? "" : "s");
	text_style(out, color && sums->gaps, STYLE_PLAIN);
	text_style(out, color && sums->lost, STYLE_BAD);
	buffer_printf(out, "; %" PRIu64 " events that the recorder has missed", sums->lost);
	text_style(out, color && sums->lost, STYLE_PLAIN);
	buffer_put_u8(out, '\n');
}

static void put_sums(struct buffer *out, bool color, const struct record_listing *l)
{
	struct record_listing_sums sums = record_listing_sum(l);
	const char *id = record_listing_sensor_id(l);

	buffer_printf(out, "%zu segment%s", l->count, l->count == 1 ? "" : "s");
	if (id)
		buffer_printf(out, " of sensor %.16s", id);
	if (sums.first)
		put_span(out, &sums);
	buffer_printf(out, "\n%" PRIu64 " events in ", sums.events);
	text_put_size(out, sums.raw_bytes);
	buffer_put_string(out, ", on disk ");
	text_put_size(out, sums.stored_bytes);
	if (sums.events) {
		buffer_put_string(out, ", ");
		put_per_event(out, sums.stored_bytes, sums.events);
		buffer_put_string(out, " bytes per event");
	}
	buffer_put_u8(out, '\n');
	put_losses(out, color, &sums);
}

void record_text_put(struct buffer *out, bool color, const struct record_listing *l)
{
	size_t widths[COLUMNS];
	const char *query = NULL;
	struct buffer cell;

	buffer_init(&cell, 0);
	measure(l, widths, &cell);
	put_line(out, color, NULL, widths, &cell);
	for (size_t i = 0; i < l->count; i++) {
		struct record_listing_gap gap;

		if (record_listing_gap(l, i, &gap))
			put_gap(out, color, &gap);
		put_line(out, color, &l->items[i], widths, &cell);
		put_query(out, color, &l->items[i], &query);
		put_damage(out, color, &l->items[i]);
	}
	put_sums(out, color, l);
	out->failed |= cell.failed;
	buffer_done(&cell);
}
