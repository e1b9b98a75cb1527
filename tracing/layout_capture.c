#include "tracing/layout_capture.h"

#include "tracing/probe_trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PROBE_NAME "layout"

void layout_row_put(struct buffer *fetchargs, const struct layout_row *row)
{
	for (uint16_t i = 0; i < row->count; i++)
		buffer_printf(fetchargs, " %s%u=%s%+d%s:u%u", row->name, i, row->before,
			      row->places ? row->places[i] : row->first + i * row->step, row->after, row->width * 8U);
}

/* The kernel lays fetchargs of one width out one behind the other; a row is read as one piece of memory because of that. */
static int row_place(const struct layout_row *row, const struct format *format, uint16_t *ret_offset, struct error *err)
{
	struct format_field first;
	struct format_field last;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "%s0", row->name);
	r = format_field(format, name, &first, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s%u", row->name, (unsigned int)(row->count - 1));
	r = format_field(format, name, &last, err);
	if (r < 0)
		return r;
	if (first.size != row->width || last.offset != first.offset + (row->count - 1) * row->width)
		return error_set(err, -EPROTO, "this kernel does not lay the arguments of a probe out in their order");
	*ret_offset = first.offset;
	return 0;
}

static int take_sample(struct layout_capture *c, uint8_t step, const uint8_t *raw, uint32_t size, struct error *err)
{
	struct layout_sample *sample = &c->samples[c->count];

	if (c->count == LAYOUT_SAMPLES_MAX)
		return error_set(err, -ENOBUFS, "a probe was hit more often than the %d times there is room for", LAYOUT_SAMPLES_MAX);
	for (uint32_t i = 0; i < c->row_count; i++)
		if (c->row_offsets[i] + c->rows[i].width * c->rows[i].count > (int)size)
			return error_set(err, -EPROTO, "a sample of %" PRIu32 " bytes is shorter than its arguments", size);
	sample->step = step;
	sample->size = size < sizeof(sample->raw) ? size : (uint32_t)sizeof(sample->raw);
	memcpy(sample->raw, raw, sample->size);
	c->count++;
	return 0;
}

static int act_and_take(struct layout_capture *c, const struct layout_capture_spec *spec, struct probe_trial *trial, struct provoke *child,
			struct error *err)
{
	const uint8_t *raw;
	uint32_t size;
	int r = 0;

	for (uint32_t i = 0; !r && i < spec->row_count; i++)
		r = row_place(&spec->rows[i], trial->format, &c->row_offsets[i], err);
	for (uint32_t i = 0; !r && i < spec->step_count; i++) {
		r = provoke_act(child, spec->steps[i], spec->timeout_ms, err);
		while (!r && (raw = probe_trial_next(trial, &size)))
			r = take_sample(c, spec->steps[i], raw, size, err);
	}
	if (!r && trial->lost)
		return error_set(err, -ENOBUFS, "%" PRIu64 " hits of a probe found no room", trial->lost);
	if (!r && !c->count)
		return error_set(err, -ENODATA, "%s exists, but did not fire when it should have", spec->symbol);
	return r;
}

int layout_capture_run(struct layout_capture *c, const struct layout_capture_spec *spec, struct provoke *child, struct error *err)
{
	struct probe_trial_spec trial_spec = {.features = spec->features, .name = PROBE_NAME, .symbol = spec->symbol};
	struct buffer fetchargs;
	struct probe_trial trial = {.fd = -1};
	int r;

	c->rows = spec->rows;
	c->row_count = spec->row_count;
	c->count = 0;
	buffer_init(&fetchargs, 0);
	for (uint32_t i = 0; i < spec->row_count; i++)
		layout_row_put(&fetchargs, &spec->rows[i]);
	buffer_put_u8(&fetchargs, 0);
	if (fetchargs.failed) {
		r = error_set(err, -ENOMEM, "out of memory");
	} else {
		trial_spec.fetchargs = (const char *)fetchargs.data + 1;
		r = probe_trial_open(&trial, &trial_spec, provoke_pid(child), err);
	}
	if (!r)
		r = act_and_take(c, spec, &trial, child, err);
	probe_trial_close(&trial);
	buffer_done(&fetchargs);
	return r;
}

struct layout_window layout_capture_window(const struct layout_capture *c, uint32_t sample, uint32_t row)
{
	const struct layout_row *r = &c->rows[row];

	return (struct layout_window){.pieces = c->samples[sample].raw + c->row_offsets[row],
				      .places = r->places,
				      .first = r->first,
				      .width = r->width,
				      .step = r->step,
				      .count = r->count};
}
