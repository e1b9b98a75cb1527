#include "cli/response.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct response_reader reader;
static struct error err;
static char refusals[256];

static uint8_t bytes[512];
static size_t length;

static void note_refusal(void *context, int code, const char *message)
{
	size_t used = strlen(refusals);

	(void)context;
	snprintf(refusals + used, sizeof(refusals) - used, "%d %s;", code, message);
}

/* Two ticks, a loss of 5 in the queue, and two statuses, one of them a refusal. */
static void init(void)
{
	static char refusal[] = "no such tracepoint";
	Capsule8__Api__V0__TickerEvent ticker = CAPSULE8__API__V0__TICKER_EVENT__INIT;
	Capsule8__Api__V0__LostRecordEvent lost = CAPSULE8__API__V0__LOST_RECORD_EVENT__INIT;
	Capsule8__Api__V0__Event ticker_event = CAPSULE8__API__V0__EVENT__INIT;
	Capsule8__Api__V0__Event lost_event = CAPSULE8__API__V0__EVENT__INIT;
	Capsule8__Api__V0__TelemetryEvent ticker_entry = CAPSULE8__API__V0__TELEMETRY_EVENT__INIT;
	Capsule8__Api__V0__TelemetryEvent lost_entry = CAPSULE8__API__V0__TELEMETRY_EVENT__INIT;
	Capsule8__Api__V0__TelemetryEvent *entries[] = {&ticker_entry, &ticker_entry, &lost_entry};
	Google__Rpc__Status good = GOOGLE__RPC__STATUS__INIT;
	Google__Rpc__Status bad = GOOGLE__RPC__STATUS__INIT;
	Google__Rpc__Status *statuses[] = {&good, &bad};
	Capsule8__Api__V0__GetEventsResponse response = CAPSULE8__API__V0__GET_EVENTS_RESPONSE__INIT;

	setenv("TZ", "UTC", 1);
	ticker.nanoseconds = INT64_C(1700000000000000000);
	ticker_event.event_case = CAPSULE8__API__V0__EVENT__EVENT_TICKER;
	ticker_event.ticker = &ticker;
	lost.lost = 5;
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_QUEUE;
	lost_event.event_case = CAPSULE8__API__V0__EVENT__EVENT_LOST;
	lost_event.lost = &lost;
	ticker_entry.event = &ticker_event;
	lost_entry.event = &lost_event;
	bad.code = 12;
	bad.message = refusal;
	response.events = entries;
	response.n_events = 3;
	response.statuses = statuses;
	response.n_statuses = 2;
	cr_assert_leq(capsule8__api__v0__get_events_response__get_packed_size(&response), sizeof(bytes));
	length = capsule8__api__v0__get_events_response__pack(&response, bytes);
}

static void done(void)
{
	response_reader_done(&reader);
}

TestSuite(response, .init = init, .fini = done);

static void read_as(enum output_form form, bool with_statuses)
{
	response_reader_init(&reader, form);
	reader.refused = note_refusal;
	cr_assert_eq(response_reader_read(&reader, bytes, length, with_statuses, &err), 0, "%s", err.message);
	cr_assert_not(reader.out.failed);
	cr_assert_eq(reader.count.events, 2);
	cr_assert_eq(reader.count.lost_queue, 5);
	cr_assert_eq(reader.count.lost_ring, 0);
}

Test(response, text_has_a_line_for_each_event_and_each_loss)
{
	size_t lines = 0;

	read_as(OUTPUT_TEXT, false);
	for (size_t i = 0; i < reader.out.length; i++)
		lines += reader.out.data[i] == '\n';
	cr_assert_eq(lines, 3);
	buffer_put_u8(&reader.out, 0);
	cr_assert(strstr((const char *)reader.out.data, "tick 22:13:20.000\n"));
	cr_assert(strstr((const char *)reader.out.data, "lost 5 records (queue)\n"));
}

Test(response, json_has_an_object_on_a_line_for_each)
{
	char *line;
	char *rest;
	json_t *last = NULL;
	size_t lines = 0;

	read_as(OUTPUT_JSON, false);
	buffer_put_u8(&reader.out, 0);
	for (rest = (char *)reader.out.data; (line = strsep(&rest, "\n")) && *line; lines++) {
		json_decref(last);
		last = json_loads(line, 0, NULL);
		cr_assert_not_null(last, "%s", line);
	}
	cr_assert_eq(lines, 3);
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(json_object_get(last, "event"), "lost"), "lost")), "5");
	json_decref(last);
}

Test(response, none_counts_the_same_and_writes_nothing)
{
	read_as(OUTPUT_NONE, false);
	cr_assert_eq(reader.out.length, 0);
}

Test(response, statuses_that_are_no_success_are_told)
{
	read_as(OUTPUT_NONE, true);
	cr_assert_str_eq(refusals, "12 no such tracepoint;");
}

Test(response, statuses_are_not_looked_at_unless_asked_for)
{
	read_as(OUTPUT_TEXT, false);
	cr_assert_str_eq(refusals, "");
}

Test(response, counts_go_on_from_one_response_to_the_next)
{
	read_as(OUTPUT_NONE, false);
	cr_assert_eq(response_reader_read(&reader, bytes, length, false, &err), 0);
	cr_assert_eq(reader.count.events, 4);
	cr_assert_eq(reader.count.lost_queue, 10);
}

/* Packs a response of one lost event. */
static void pack_gap(int64_t realtime_offset_ns)
{
	Capsule8__Api__V0__LostRecordEvent lost = CAPSULE8__API__V0__LOST_RECORD_EVENT__INIT;
	Capsule8__Api__V0__Event event = CAPSULE8__API__V0__EVENT__INIT;
	Capsule8__Api__V0__TelemetryEvent entry = CAPSULE8__API__V0__TELEMETRY_EVENT__INIT, *entries[] = {&entry};
	Capsule8__Api__V0__GetEventsResponse response = CAPSULE8__API__V0__GET_EVENTS_RESPONSE__INIT;

	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER;
	lost.gap = CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_STOPPED;
	lost.realtime_offset_nanos = realtime_offset_ns;
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_LOST;
	event.lost = &lost;
	event.sensor_monotime_nanos = INT64_C(5000000000);
	entry.event = &event;
	response.events = entries;
	response.n_events = 1;
	length = capsule8__api__v0__get_events_response__pack(&response, bytes);
}

Test(response, a_gap_before_another_boot_sets_the_clock)
{
	response_reader_init(&reader, OUTPUT_TEXT);
	reader.text.realtime_offset_ns = INT64_C(1700000000000000000);
	pack_gap(INT64_C(1600000000000000000));
	cr_assert_eq(response_reader_read(&reader, bytes, length, false, &err), 0);
	pack_gap(0);
	cr_assert_eq(response_reader_read(&reader, bytes, length, false, &err), 0);
	cr_expect_eq(reader.text.realtime_offset_ns, INT64_C(1600000000000000000));
	cr_expect_eq(reader.count.unknown_gaps, 2);
	buffer_put_u8(&reader.out, 0);
	/* 2020-09-13 12:26:40 and 5 s, both times. */
	cr_expect(strstr((const char *)reader.out.data, "12:26:45.000"));
	cr_expect_null(strstr((const char *)reader.out.data, "22:13:25.000"));
}

Test(response, bytes_that_are_no_response_are_refused_in_every_form)
{
	for (enum output_form form = OUTPUT_TEXT; form <= OUTPUT_NONE; form++) {
		response_reader_init(&reader, form);
		cr_assert_eq(response_reader_read(&reader, bytes, length - 1, false, &err), -EBADMSG);
		response_reader_done(&reader);
	}
}

Test(response, the_summary_names_the_causes_of_losses)
{
	struct wire_count count = {.events = 1};
	struct buffer *out = &reader.out;

	response_reader_init(&reader, OUTPUT_NONE);
	response_summary_put(out, &count);
	buffer_put_u8(out, '\n');
	count = (struct wire_count){.events = 1234, .lost_ring = 12, .lost_queue = 5};
	response_summary_put(out, &count);
	buffer_put_u8(out, '\n');
	count.lost_other = 3;
	response_summary_put(out, &count);
	buffer_put_u8(out, '\n');
	count.lost_recorder = 7;
	count.unknown_gaps = 2;
	response_summary_put(out, &count);
	buffer_put_u8(out, '\n');
	count = (struct wire_count){.events = 2, .unknown_gaps = 1};
	response_summary_put(out, &count);
	buffer_put_u8(out, 0);
	cr_assert_str_eq((const char *)out->data, "1 event, 0 lost\n"
						  "1234 events, 17 lost (ring 12, queue 5)\n"
						  "1234 events, 20 lost (ring 12, queue 5, cause not told 3)\n"
						  "1234 events, 27 lost (ring 12, queue 5, recorder 7, cause not told 3), "
						  "2 gaps of unknown size in the recording\n"
						  "2 events, 0 lost, 1 gap of unknown size in the recording");
}
