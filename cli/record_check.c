#include "cli/record_check.h"

#include "cli/json.h"
#include "recorder/record_aside.h"
#include "recorder/record_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct report {
	const struct print_options *options;
	bool color;
	struct buffer out;
	const char *name;               /* of the segment that is looked at */
	struct record_verify_sums sums; /* of all that were */
	uint64_t repairs, failures;
};

static void report_init(struct report *r, const struct print_options *options)
{
	*r = (struct report){.options = options, .color = color_mode_wanted(options->color, STDOUT_FILENO)};
	buffer_init(&r->out, 0);
}

/* What was said so far, so that whoever watches sees it. */
static int flush(struct report *r, struct error *err)
{
	int error = text_flush(&r->out, STDOUT_FILENO);

	return error && error != -EPIPE ? error_set_errno(err, error, "cannot write to standard output") : error;
}

/* "segment-...rec: at 6875: the block is damaged" */
static void take_finding(void *context, uint64_t position, const char *problem)
{
	struct report *r = context;

	if (r->options->form == OUTPUT_JSON) {
		json_put(&r->out, json_pack("{s:o, s:I, s:o}", "segment", json_of_text(r->name), "position", (json_int_t)position,
					    "problem", json_of_text(problem)));
		return;
	}
	text_style(&r->out, r->color, STYLE_NAME);
	text_put_escaped(&r->out, r->name);
	text_style(&r->out, r->color, STYLE_PLAIN);
	buffer_printf(&r->out, ": at %" PRIu64 ": ", position);
	text_style(&r->out, r->color, STYLE_BAD);
	text_put_escaped(&r->out, problem);
	text_style(&r->out, r->color, STYLE_PLAIN);
	buffer_put_u8(&r->out, '\n');
}

static void find(struct report *r, uint64_t position, const char *problem)
{
	r->sums.findings++;
	take_finding(r, position, problem);
}

/* Verifying */

static int verify_blocks(struct report *r, const struct record_listing_item *item, struct error *err)
{
	struct segment_reader *reader;
	struct error why = {0};
	int error = segment_reader_open(&reader, item->file->directory_fd, item->file->name, &why);

	if (error) /* retention was quicker */
		return error == -ENOENT ? 0 : error_set(err, error, "%s", why.message);
	error = record_verify(reader, item->is_written, take_finding, r, &r->sums, err);
	segment_reader_close(reader);
	return error;
}

static void find_text(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of the segment as a whole. */
static void find_text(struct report *r, const char *format, ...)
{
	char problem[160];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	find(r, 0, problem);
}

static void verify_order(struct report *r, const struct record_segment *before, const struct record_segment *s)
{
	if (before->last_sequence && s->first_sequence && s->first_sequence <= before->last_sequence)
		find_text(r, "its first event has number %" PRIu64 ", and the segment before it ends with %" PRIu64, s->first_sequence,
			  before->last_sequence);
	/* Of another boot they cannot be compared. */
	if (!memcmp(before->header.boot_id, s->header.boot_id, sizeof(s->header.boot_id)) && s->blocks &&
	    s->first_time_ns < before->last_time_ns)
		find_text(r, "it begins %" PRIu64 " ns before the time at which the segment before it ends",
			  before->last_time_ns - s->first_time_ns);
}

/* What two segments say that follow one another: that something is missing is in order, it may have been lost or deleted. */
static void verify_border(struct report *r, const struct record_listing *l, size_t index)
{
	const struct record_segment *s = &l->items[index].segment, *before = record_listing_before(l, index);
	struct record_listing_gap gap;
	uint64_t number;

	if (record_segment_number(l->items[index].file->name, &number) && s->header.number != number)
		find_text(r, "its header says that it is segment %" PRIx64, s->header.number);
	if (record_listing_gap(l, index, &gap) && gap.overlap_bytes)
		find_text(r, "it begins %" PRIu64 " bytes before the end of the segment before it", gap.overlap_bytes);
	if (before)
		verify_order(r, before, s);
}

static int verify_item(struct report *r, const struct record_listing *l, size_t index, struct error *err)
{
	const struct record_listing_item *item = &l->items[index];

	r->name = item->file->path;
	if (item->error) {
		r->sums.segments++;
		r->sums.file_bytes += item->segment.size;
		find(r, 0, item->why);
		return 0;
	}
	verify_border(r, l, index);
	return verify_blocks(r, item, err);
}

static void put_verified(struct report *r)
{
	const struct record_verify_sums *s = &r->sums;

	if (r->options->form == OUTPUT_JSON) {
		json_put(&r->out, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "segments", (json_int_t)s->segments, "blocks",
					    (json_int_t)s->blocks, "events", (json_int_t)s->events, "lostEvents",
					    (json_int_t)s->lost_events, "rawBytes", (json_int_t)s->raw_bytes, "storedBytes",
					    (json_int_t)s->file_bytes, "findings", (json_int_t)s->findings));
		return;
	}
	buffer_printf(&r->out, "%" PRIu64 " segment%s, %" PRIu64 " blocks, %" PRIu64 " events in ", s->segments,
		      s->segments == 1 ? "" : "s", s->blocks, s->events);
	text_put_size(&r->out, s->raw_bytes);
	buffer_put_string(&r->out, ", on disk ");
	text_put_size(&r->out, s->file_bytes);
	buffer_put_string(&r->out, ": ");
	text_style(&r->out, r->color, s->findings ? STYLE_BAD : STYLE_GOOD);
	if (s->findings)
		buffer_printf(&r->out, "%" PRIu64 " thing%s wrong", s->findings, s->findings == 1 ? " is" : "s are");
	else
		buffer_put_string(&r->out, "everything is as it should be");
	text_style(&r->out, r->color, STYLE_PLAIN);
	buffer_put_u8(&r->out, '\n');
}

int record_check_verify(const struct record_listing *l, const struct print_options *options, struct error *err)
{
	struct report r;
	int error = 0;

	report_init(&r, options);
	for (size_t i = 0; !error && i < l->count; i++) {
		error = verify_item(&r, l, i, err);
		if (!error)
			error = flush(&r, err);
	}
	if (!error) {
		put_verified(&r);
		error = flush(&r, err);
	}
	buffer_done(&r.out);
	return error ? error : r.sums.findings != 0;
}

/* Repairing */

/* `done`: "12 bytes were cut off", or what could not be done. */
static void take_repair(struct report *r, bool failed, const char *done)
{
	*(failed ? &r->failures : &r->repairs) += 1;
	if (r->options->form == OUTPUT_JSON) {
		json_put(&r->out,
			 json_pack("{s:o, s:o}", "segment", json_of_text(r->name), failed ? "problem" : "repair", json_of_text(done)));
		return;
	}
	text_style(&r->out, r->color, STYLE_NAME);
	text_put_escaped(&r->out, r->name);
	text_style(&r->out, r->color, STYLE_PLAIN);
	buffer_put_string(&r->out, ": ");
	text_style(&r->out, r->color && failed, STYLE_BAD);
	text_put_escaped(&r->out, done);
	text_style(&r->out, r->color && failed, STYLE_PLAIN);
	buffer_put_u8(&r->out, '\n');
}

static void set_aside(struct report *r, const struct record_listing_item *item)
{
	char name[RECORD_ASIDE_NAME_BYTES], done[2 * ERROR_MESSAGE_BYTES];
	struct error err = {0};
	int error = record_segment_put_aside(item->file->directory_fd, item->segment.number, name, &err);

	if (error == -ENOTSUP)
		(void)snprintf(done, sizeof(done), "left alone: it %s", item->why);
	else if (error)
		(void)snprintf(done, sizeof(done), "%s", err.message);
	else
		(void)snprintf(done, sizeof(done), "set aside as %s: %s", name, item->why);
	take_repair(r, error, done);
}

static void repair_item(struct report *r, const struct record_listing_item *item)
{
	struct error err = {0};
	uint64_t dropped;
	char done[80];

	r->name = item->file->path;
	if (item->error) {
		set_aside(r, item);
	} else if (record_segment_repair(item->file->directory_fd, &item->segment, &dropped, &err)) {
		take_repair(r, true, err.message);
	} else if (dropped) {
		(void)snprintf(done, sizeof(done), "%" PRIu64 " bytes at its end that were no whole block were cut off", dropped);
		take_repair(r, false, done);
	}
}

static void put_repaired(struct report *r)
{
	if (r->options->form == OUTPUT_JSON)
		json_put(&r->out, json_pack("{s:I, s:I}", "repairs", (json_int_t)r->repairs, "failures", (json_int_t)r->failures));
	else if (!r->repairs && !r->failures)
		buffer_put_string(&r->out, "nothing to repair\n");
}

int record_check_repair(const struct record_listing *l, const struct print_options *options, struct error *err)
{
	struct report r;
	int error;

	report_init(&r, options);
	for (size_t i = 0; i < l->count; i++)
		repair_item(&r, &l->items[i]);
	put_repaired(&r);
	error = flush(&r, err);
	buffer_done(&r.out);
	return error ? error : r.failures != 0;
}
