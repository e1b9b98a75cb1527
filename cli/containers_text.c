#include "cli/containers_text.h"

#include "base/clock.h"
#include "cli/event_detail.h"
#include "cli/text.h"
#include "container/container_fact.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT "..."

typedef Ringside__V0__Container container;

#define STATE(name) RINGSIDE__V0__CONTAINER_STATE__CONTAINER_STATE_##name

enum column {
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_IMAGE,
	COLUMN_RUNTIME,
	COLUMN_STATE,
	COLUMN_PID,
	COLUMN_PROCESSES,
	COLUMN_CREATED,
	COLUMN_POD,
	COLUMNS,
};

static const char *const heads[COLUMNS] = {
	[COLUMN_ID] = "CONTAINER ID",     [COLUMN_NAME] = "NAME",       [COLUMN_IMAGE] = "IMAGE",
	[COLUMN_RUNTIME] = "RUNTIME",     [COLUMN_STATE] = "STATE",     [COLUMN_PID] = "PID",
	[COLUMN_PROCESSES] = "PROCESSES", [COLUMN_CREATED] = "CREATED", [COLUMN_POD] = "POD",
};

static uint64_t time_ns(const Google__Protobuf__Timestamp *time)
{
	return time && time->seconds > 0 ? (uint64_t)time->seconds * NSEC_PER_SEC + (uint64_t)time->nanos : 0;
}

/* Clocks may have been set since. */
static void put_age(struct buffer *out, const struct containers_text_options *options, uint64_t since_ns)
{
	text_put_duration(out, options->now_ns > since_ns ? options->now_ns - since_ns : 0);
}

static void put_id(struct buffer *out, const container *c)
{
	if (container_id_is_hexadecimal(c->id))
		buffer_put(out, c->id, EVENT_DETAIL_ID_DIGITS);
	else
		text_put_escaped(out, c->id);
}

/* An image without a name is known by its id. */
static void put_image(struct buffer *out, const container *c)
{
	if (*c->image_name || !container_id_is_hexadecimal(c->image_id))
		text_put_escaped(out, *c->image_name ? c->image_name : c->image_id);
	else
		buffer_put(out, c->image_id, EVENT_DETAIL_ID_DIGITS);
}

static void put_exited(struct buffer *out, const struct containers_text_options *options, const container *c)
{
	buffer_put_string(out, "exited");
	if (c->exit_code)
		buffer_printf(out, " (%" PRId32 ")", c->exit_code->value);
	if (!c->finished_time)
		return;
	buffer_put_u8(out, ' ');
	put_age(out, options, time_ns(c->finished_time));
	buffer_put_string(out, " ago");
}

static void put_up(struct buffer *out, const struct containers_text_options *options, const container *c)
{
	buffer_put_string(out, "up");
	if (!c->started_time)
		return;
	buffer_put_u8(out, ' ');
	put_age(out, options, time_ns(c->started_time));
}

/* Where no runtime says, the processes do. */
static void put_state(struct buffer *out, const struct containers_text_options *options, const container *c)
{
	bool says = true;

	if (c->state == STATE(EXITED))
		put_exited(out, options, c);
	else if (c->state == STATE(CREATED))
		buffer_put_string(out, "created");
	else if (c->state == STATE(RUNNING) || c->processes)
		put_up(out, options, c);
	else
		says = false;
	if (c->pending)
		buffer_put_string(out, says ? ", pending" : "pending");
}

/* "default/web-0/nginx" */
static void put_pod(struct buffer *out, const Ringside__V0__ContainerPod *pod)
{
	if (!pod)
		return;
	text_put_escaped(out, pod->namespace_);
	buffer_put_u8(out, '/');
	text_put_escaped(out, pod->name);
	if (*pod->container_name) {
		buffer_put_u8(out, '/');
		text_put_escaped(out, pod->container_name);
	}
	if (pod->sandbox)
		buffer_put_string(out, " (sandbox)");
}

static void put_created(struct buffer *out, const struct containers_text_options *options, const container *c)
{
	if (!c->created_time)
		return;
	put_age(out, options, time_ns(c->created_time));
	buffer_put_string(out, " ago");
}

static void put_value(struct buffer *out, const struct containers_text_options *options, const container *c, enum column column)
{
	switch (column) {
	case COLUMN_ID:
		put_id(out, c);
		break;
	case COLUMN_NAME:
		text_put_escaped(out, c->name + (c->name[0] == '/'));
		break;
	case COLUMN_IMAGE:
		put_image(out, c);
		break;
	case COLUMN_RUNTIME:
		text_put_escaped(out, c->runtime);
		break;
	case COLUMN_STATE:
		put_state(out, options, c);
		break;
	case COLUMN_PID:
		if (c->init_pid)
			buffer_printf(out, "%" PRIu32, c->init_pid);
		break;
	case COLUMN_PROCESSES:
		buffer_printf(out, "%" PRIu32, c->processes);
		break;
	case COLUMN_CREATED:
		put_created(out, options, c);
		break;
	case COLUMN_POD:
		put_pod(out, c->pod);
		break;
	case COLUMNS:
		break;
	}
}

/* Characters begin at other bytes than 10xxxxxx. */
static bool begins_character(uint8_t byte)
{
	return (byte & 0xc0) != 0x80;
}

static size_t width_of(const struct buffer *text)
{
	size_t width = 0;

	for (size_t i = 0; i < text->length; i++)
		width += begins_character(text->data[i]);
	return width;
}

static void cut(struct buffer *text, size_t width)
{
	size_t at = 0;

	for (size_t i = 0; i < text->length && width >= strlen(CUT); i++) {
		if (!begins_character(text->data[i]))
			continue;
		if (at++ < width - strlen(CUT))
			continue;
		text->length = i;
		buffer_put_string(text, CUT);
		return;
	}
}

static bool is_foreign(enum column column)
{
	return column == COLUMN_ID || column == COLUMN_NAME || column == COLUMN_IMAGE || column == COLUMN_POD;
}

/* A table is made twice: once for the widths, once for good. */
static void make_cell(struct buffer *cell, const struct containers_text_options *options, const container *c, enum column column)
{
	buffer_clear(cell);
	put_value(cell, options, c, column);
	if (!cell->length)
		buffer_put_u8(cell, '-');
	if (options->width_max && is_foreign(column) && width_of(cell) > options->width_max)
		cut(cell, options->width_max);
}

static enum style cell_style(const container *c, enum column column)
{
	if (column == COLUMN_NAME)
		return STYLE_NAME;
	if (column != COLUMN_STATE)
		return STYLE_PLAIN;
	if (c->state == STATE(EXITED))
		return c->exit_code && c->exit_code->value ? STYLE_BAD : STYLE_DIM;
	return c->state == STATE(RUNNING) || c->processes ? STYLE_GOOD : STYLE_DIM;
}

static void put_cell(struct buffer *out, const struct containers_text_options *options, const struct buffer *cell, enum style style,
		     size_t width)
{
	bool styled = options->color && style != STYLE_PLAIN;
	size_t start = out->length;

	text_style(out, styled, style);
	buffer_put(out, cell->data, cell->length);
	text_style(out, styled, STYLE_PLAIN);
	text_pad(out, start, width);
}

static void put_line(struct buffer *out, const struct containers_text_options *options, const container *c, const size_t *widths,
		     size_t columns, struct buffer *cell)
{
	for (size_t i = 0; i < columns; i++) {
		enum style style = c ? cell_style(c, (enum column)i) : STYLE_BOLD;

		if (c) {
			make_cell(cell, options, c, (enum column)i);
		} else {
			buffer_clear(cell);
			buffer_put_string(cell, heads[i]);
		}
		put_cell(out, options, cell, style, i + 1 < columns ? widths[i] + 2 : 0);
	}
	buffer_put_u8(out, '\n');
}

static size_t measure(const struct containers_text_options *options, Ringside__V0__Container *const *containers, size_t count,
		      size_t widths[COLUMNS], struct buffer *cell)
{
	size_t columns = COLUMN_POD;

	for (size_t i = 0; i < COLUMNS; i++)
		widths[i] = strlen(heads[i]);
	for (size_t n = 0; n < count; n++) {
		if (containers[n]->pod)
			columns = COLUMNS;
		for (size_t i = 0; i < COLUMNS; i++) {
			size_t width;

			make_cell(cell, options, containers[n], (enum column)i);
			width = width_of(cell);
			widths[i] = width > widths[i] ? width : widths[i];
		}
	}
	return columns;
}

/* Those that were made at the same time, by their ids: qsort(3) keeps no order. */
static int compare(const void *a, const void *b)
{
	const container *first = *(container *const *)a, *second = *(container *const *)b;
	uint64_t first_ns = time_ns(first->created_time), second_ns = time_ns(second->created_time);

	if (first_ns != second_ns)
		return first_ns > second_ns ? -1 : 1;
	return strcmp(first->id, second->id);
}

void containers_text_put(struct buffer *out, const struct containers_text_options *options, Ringside__V0__Container **containers,
			 size_t count)
{
	size_t widths[COLUMNS], columns;
	struct buffer cell;

	if (!count)
		return;
	buffer_init(&cell, 0);
	qsort(containers, count, sizeof(void *), compare);
	columns = measure(options, containers, count, widths, &cell);
	put_line(out, options, NULL, widths, columns, &cell);
	for (size_t i = 0; i < count; i++)
		put_line(out, options, containers[i], widths, columns, &cell);
	buffer_done(&cell);
}
