#include "cli/response.h"

#include "proto/message_json.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

void response_reader_init(struct response_reader *r, enum output_form form)
{
	*r = (struct response_reader){.form = form};
	buffer_init(&r->out, 0);
}

void response_reader_done(struct response_reader *r)
{
	buffer_done(&r->out);
}

static void read_statuses(struct response_reader *r, const Capsule8__Api__V0__GetEventsResponse *response)
{
	for (size_t i = 0; i < response->n_statuses; i++)
		if (response->statuses[i]->code && r->refused)
			r->refused(r->context, response->statuses[i]->code, response->statuses[i]->message);
}

/* NULL: it is another event. */
static const Capsule8__Api__V0__LostRecordEvent *lost_of(const Capsule8__Api__V0__TelemetryEvent *message)
{
	const Capsule8__Api__V0__Event *event = message->event;

	return event && event->event_case == CAPSULE8__API__V0__EVENT__EVENT_LOST ? event->lost : NULL;
}

static void read_event(struct response_reader *r, const Capsule8__Api__V0__TelemetryEvent *message)
{
	const Capsule8__Api__V0__LostRecordEvent *lost = lost_of(message);

	if (lost)
		wire_count_lost(&r->count, lost->lost, (uint64_t)lost->cause, (uint64_t)lost->gap);
	else
		r->count.events++;
	if (lost && lost->realtime_offset_nanos)
		r->text.realtime_offset_ns = lost->realtime_offset_nanos;
	if (r->form == OUTPUT_TEXT) {
		event_text_put(&r->out, &r->text, message);
	} else if (r->form == OUTPUT_JSON) {
		message_json(&message->base, &r->out);
		buffer_put_u8(&r->out, '\n');
	}
}

int response_reader_read(struct response_reader *r, const uint8_t *bytes, size_t size, bool with_statuses, struct error *err)
{
	Capsule8__Api__V0__GetEventsResponse *response;

	if (r->form == OUTPUT_NONE && !with_statuses) {
		if (!wire_count_response(&r->count, bytes, size))
			return error_set(err, -EBADMSG, "the sensor sent a response of %zu bytes that makes no sense", size);
		return 0;
	}
	response = capsule8__api__v0__get_events_response__unpack(NULL, size, bytes);
	if (!response)
		return error_set(err, -EBADMSG, "the sensor sent a response of %zu bytes that makes no sense", size);
	if (with_statuses)
		read_statuses(r, response);
	for (size_t i = 0; i < response->n_events; i++)
		read_event(r, response->events[i]);
	capsule8__api__v0__get_events_response__free_unpacked(response, NULL);
	return 0;
}

static void put_causes(struct buffer *out, const struct wire_count *count)
{
	buffer_printf(out, " (ring %" PRIu64 ", queue %" PRIu64, count->lost_ring, count->lost_queue);
	if (count->lost_probe)
		buffer_printf(out, ", probe %" PRIu64, count->lost_probe);
	if (count->lost_recorder)
		buffer_printf(out, ", recorder %" PRIu64, count->lost_recorder);
	if (count->lost_other)
		buffer_printf(out, ", cause not told %" PRIu64, count->lost_other);
	buffer_put_u8(out, ')');
}

void response_summary_put(struct buffer *out, const struct wire_count *count)
{
	uint64_t lost = count->lost_ring + count->lost_queue + count->lost_probe + count->lost_recorder + count->lost_other;

	buffer_printf(out, "%" PRIu64 " event%s, %" PRIu64 " lost", count->events, count->events == 1 ? "" : "s", lost);
	if (lost)
		put_causes(out, count);
	if (count->unknown_gaps)
		buffer_printf(out, ", %" PRIu64 " gap%s of unknown size in the recording", count->unknown_gaps,
			      count->unknown_gaps == 1 ? "" : "s");
}

void response_say_summary(const struct response_reader *r, bool quiet)
{
	struct buffer line;

	if (quiet && r->form != OUTPUT_NONE)
		return;
	buffer_init(&line, 0);
	buffer_put_string(&line, "ringside: ");
	response_summary_put(&line, &r->count);
	buffer_put_u8(&line, '\n');
	text_flush(&line, STDERR_FILENO);
	buffer_done(&line);
}
