#ifndef TESTS_RECORDER_ENTRY_BYTES_H
#define TESTS_RECORDER_ENTRY_BYTES_H

#include "base/buffer.h"
#include "recorder/segment_writer.h"

#include <capsule8/api/v0/telemetry_service.pb-c.h>
#include <criterion/criterion.h>

/*
 * Entries of the dialect as the encoder writes them, and blocks of them, for tests of any folder that has the recorder below it.
 */

static inline void entry_bytes_put(struct buffer *out, Capsule8__Api__V0__Event *event, uint64_t sequence, uint64_t time_ns)
{
	Capsule8__Api__V0__GetEventsResponse response = CAPSULE8__API__V0__GET_EVENTS_RESPONSE__INIT;
	Capsule8__Api__V0__TelemetryEvent entry = CAPSULE8__API__V0__TELEMETRY_EVENT__INIT, *entries[] = {&entry};
	size_t size;

	event->sensor_sequence_number = sequence;
	event->sensor_monotime_nanos = (int64_t)time_ns;
	entry.event = event;
	response.n_events = 1;
	response.events = entries;
	size = capsule8__api__v0__get_events_response__get_packed_size(&response);
	capsule8__api__v0__get_events_response__pack(&response, buffer_reserve(out, size));
	out->length += size;
}

static inline void entry_bytes_exec(struct buffer *out, uint64_t sequence, uint64_t time_ns)
{
	Capsule8__Api__V0__ProcessEvent process = CAPSULE8__API__V0__PROCESS_EVENT__INIT;
	Capsule8__Api__V0__Event event = CAPSULE8__API__V0__EVENT__INIT;

	process.type = CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC;
	process.exec_filename = (char *)(uintptr_t) "/bin/true";
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_PROCESS;
	event.process = &process;
	entry_bytes_put(out, &event, sequence, time_ns);
}

/* The recorder's own loss: without a number. */
static inline void entry_bytes_lost(struct buffer *out, uint64_t lost, uint64_t time_ns)
{
	Capsule8__Api__V0__LostRecordEvent message = CAPSULE8__API__V0__LOST_RECORD_EVENT__INIT;
	Capsule8__Api__V0__Event event = CAPSULE8__API__V0__EVENT__INIT;

	message.lost = lost;
	message.cause = CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_QUEUE;
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_LOST;
	event.lost = &message;
	entry_bytes_put(out, &event, 0, time_ns);
}

/* Appends a block of `count` programs that are executed, a millisecond and a number apart, and sets *offset behind it. */
static inline void entry_bytes_append(struct segment_writer *w, uint64_t *offset, uint64_t sequence, uint32_t count)
{
	struct record_block_header header = {
		.offset = *offset,
		.first_sequence = sequence,
		.last_sequence = sequence + count - 1,
		.first_time_ns = sequence * 1000000,
		.last_time_ns = (sequence + count - 1) * 1000000,
		.realtime_offset_ns = 1700000000000000000,
		.kinds = record_kind_bit(EVENT_PROCESS_EXEC),
		.events = count,
	};
	struct error err = {0};
	struct buffer raw;

	buffer_init(&raw, 0);
	for (uint32_t i = 0; i < count; i++)
		entry_bytes_exec(&raw, sequence + i, (sequence + i) * 1000000);
	cr_assert_eq(segment_writer_append(w, &header, raw.data, raw.length, &err), 0, "%s", err.message);
	*offset += raw.length;
	buffer_done(&raw);
}

#endif
