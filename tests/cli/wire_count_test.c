#include "cli/wire_count.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static Capsule8__Api__V0__TickerEvent ticker = CAPSULE8__API__V0__TICKER_EVENT__INIT;
static Capsule8__Api__V0__LostRecordEvent lost = CAPSULE8__API__V0__LOST_RECORD_EVENT__INIT;
static Capsule8__Api__V0__Event ticker_event = CAPSULE8__API__V0__EVENT__INIT;
static Capsule8__Api__V0__Event lost_event = CAPSULE8__API__V0__EVENT__INIT;
static Capsule8__Api__V0__TelemetryEvent ticker_entry = CAPSULE8__API__V0__TELEMETRY_EVENT__INIT;
static Capsule8__Api__V0__TelemetryEvent lost_entry = CAPSULE8__API__V0__TELEMETRY_EVENT__INIT;
static Capsule8__Api__V0__TelemetryEvent *entries[] = {&ticker_entry, &lost_entry, &ticker_entry};
static Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
static Google__Rpc__Status *statuses[] = {&status};
static Capsule8__Api__V0__GetEventsResponse response = CAPSULE8__API__V0__GET_EVENTS_RESPONSE__INIT;

static uint8_t bytes[512];
static size_t length;

/* A response with a tick, a loss of 17 in a ring, and another tick. */
static void init(void)
{
	static char id[] = "some id";
	static char message[] = "ok";

	ticker.seconds = 1700000000;
	ticker_event.event_case = CAPSULE8__API__V0__EVENT__EVENT_TICKER;
	ticker_event.ticker = &ticker;
	ticker_event.id = id;
	ticker_event.cpu = -1;
	ticker_event.sensor_sequence_number = UINT64_MAX;
	lost.lost = 17;
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RING;
	lost_event.event_case = CAPSULE8__API__V0__EVENT__EVENT_LOST;
	lost_event.lost = &lost;
	ticker_entry.event = &ticker_event;
	lost_entry.event = &lost_event;
	status.message = message;
	response.events = entries;
	response.n_events = 3;
	response.statuses = statuses;
	response.n_statuses = 1;
}

static void pack(void)
{
	cr_assert_leq(capsule8__api__v0__get_events_response__get_packed_size(&response), sizeof(bytes));
	length = capsule8__api__v0__get_events_response__pack(&response, bytes);
}

TestSuite(wire_count, .init = init);

Test(wire_count, events_and_losses_are_counted_apart)
{
	struct wire_count count = {0};

	pack();
	cr_assert(wire_count_response(&count, bytes, length));
	cr_assert_eq(count.events, 2);
	cr_assert_eq(count.lost_ring, 17);
	cr_assert_eq(count.lost_queue, 0);
	cr_assert_eq(count.lost_other, 0);
}

Test(wire_count, losses_are_counted_by_cause)
{
	struct wire_count count = {0};

	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_QUEUE;
	pack();
	cr_assert(wire_count_response(&count, bytes, length));
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_PROBE;
	lost.lost = 3;
	pack();
	cr_assert(wire_count_response(&count, bytes, length));
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER;
	lost.gap = CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_OVERFLOW;
	lost.lost = 4;
	pack();
	cr_assert(wire_count_response(&count, bytes, length));
	lost.gap = CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_NONE;
	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_UNSPECIFIED;
	lost.lost = UINT64_C(5000000000);
	pack();
	cr_assert(wire_count_response(&count, bytes, length));
	cr_assert_eq(count.events, 8);
	cr_assert_eq(count.lost_ring, 0);
	cr_assert_eq(count.lost_queue, 17);
	cr_assert_eq(count.lost_probe, 3);
	cr_assert_eq(count.lost_recorder, 4);
	cr_assert_eq(count.unknown_gaps, 0);
	cr_assert_eq(count.lost_other, UINT64_C(5000000000));
}

Test(wire_count, gaps_of_unknown_size_are_counted_apart)
{
	struct wire_count count = {0};

	lost.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER;
	lost.gap = CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_STOPPED;
	lost.lost = 0;
	pack();
	cr_assert(wire_count_response(&count, bytes, length));
	cr_assert(wire_count_response(&count, bytes, length));
	cr_assert_eq(count.unknown_gaps, 2);
	cr_assert_eq(count.lost_recorder, 0);
	cr_assert_eq(count.lost_other, 0);
}

Test(wire_count, a_response_with_nothing_but_statuses_counts_nothing)
{
	struct wire_count count = {0};

	response.n_events = 0;
	pack();
	cr_assert(wire_count_response(&count, bytes, length));
	cr_assert(wire_count_response(&count, bytes, 0));
	cr_assert_eq(count.events, 0);
}

Test(wire_count, an_entry_without_an_event_counts_as_one)
{
	struct wire_count count = {0};

	ticker_entry.event = NULL;
	pack();
	cr_assert(wire_count_response(&count, bytes, length));
	cr_assert_eq(count.events, 2);
}

Test(wire_count, a_response_that_is_cut_anywhere_is_never_read_beyond_its_end)
{
	uint64_t cuts_between_entries = 0;

	pack();
	for (size_t cut = 0; cut < length; cut++) {
		struct wire_count count = {0};
		uint8_t *exact = malloc(cut ? cut : 1);

		memcpy(exact, bytes, cut);
		cuts_between_entries += wire_count_response(&count, exact, cut);
		cr_assert_leq(count.events, 2);
		cr_assert_leq(count.lost_ring, 17);
		free(exact);
	}
	/* Before each of the three entries and before the status. */
	cr_assert_eq(cuts_between_entries, 4);
}

Test(wire_count, bytes_that_are_no_message_are_refused)
{
	static const uint8_t endless_varint[] = {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
	static const uint8_t field_zero[] = {0x00, 0x00};
	static const uint8_t group[] = {0x0b, 0x0c};
	struct wire_count count = {0};

	cr_assert_not(wire_count_response(&count, endless_varint, sizeof(endless_varint)));
	cr_assert_not(wire_count_response(&count, field_zero, sizeof(field_zero)));
	cr_assert_not(wire_count_response(&count, group, sizeof(group)));
	cr_assert_eq(count.events, 0);
}
