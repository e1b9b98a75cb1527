#ifndef CLI_RESPONSE_H
#define CLI_RESPONSE_H

#include "base/error.h"
#include "cli/event_text.h"
#include "cli/options.h"
#include "cli/wire_count.h"

/*
 * What `ringside watch` makes of the responses of a GetEvents stream: text or JSON lines, and counts. Knows no connection; one thread.
 */
struct response_reader {
	enum output_form form;
	struct event_text_options text; /* its realtime_offset_ns changes when a gap in a recording says so */
	struct wire_count count;        /* of all responses so far */
	struct buffer out;              /* lines, to be written and cleared by the caller */
	/* Called for each status of a response whose code is not 0. */
	void (*refused)(void *context, int code, const char *message);
	void *context;
};

/* `out` is set up; everything else is the caller's to fill in. */
void response_reader_init(struct response_reader *r, enum output_form form);
void response_reader_done(struct response_reader *r);

/* Reads one packed GetEventsResponse. `with_statuses`: look at its statuses, for the first one of a stream. -EBADMSG: it cannot be unpacked.
 * With OUTPUT_NONE and without statuses nothing is unpacked, only counted. */
int response_reader_read(struct response_reader *r, const uint8_t *bytes, size_t size, bool with_statuses, struct error *err);

/* "1234 events, 17 lost (ring 12, queue 5), 2 gaps of unknown size in the recording". */
void response_summary_put(struct buffer *out, const struct wire_count *count);

/* The same to standard error, after "ringside: "; `quiet`: only where the counts are the output (OUTPUT_NONE). */
void response_say_summary(const struct response_reader *r, bool quiet);

#endif
