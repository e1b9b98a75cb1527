#ifndef CLI_EVENT_TEXT_H
#define CLI_EVENT_TEXT_H

#include "base/buffer.h"
#include "capsule8/api/v0/event.pb-c.h"
#include "capsule8/api/v0/telemetry_service.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Events as lines of text for people:
 *
 *	14:03:07.512  4711         bash             -             fork child=4712 flags=SIGCHLD|CLONE_CHILD_CLEARTID
 *	14:03:07.513  4712         ls               -             exec /usr/bin/ls -l /tmp
 *
 * Pure: a message in, text out. Any thread.
 */
struct event_text_options {
	bool color;
	/* CLOCK_REALTIME minus CLOCK_MONOTONIC of the sensor's host. A gap in a recording can have another one for what follows
	 * (LostRecordEvent.realtime_offset_nanos): whoever reads a stream puts it here then, before the line of the gap. */
	int64_t realtime_offset_ns;
};

/* Appends the heads of the columns, with a newline. */
void event_text_put_head(struct buffer *out, const struct event_text_options *options);

/* Appends one line, with its newline. */
void event_text_put(struct buffer *out, const struct event_text_options *options, const Capsule8__Api__V0__TelemetryEvent *message);

#endif
