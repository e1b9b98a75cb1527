#ifndef CLI_RECORD_LISTING_H
#define CLI_RECORD_LISTING_H

#include "cli/recording_files.h"

/*
 * The segments that somebody names, with what `ringside record` wants to know of them. Main thread.
 */
struct record_listing_item {
	const struct recording_file *file;
	struct record_segment segment; /* `number`, of one that is unreadable: its name's, or else 0 */
	char *query;                   /* what was kept; NULL when it is unreadable */
	char *why;                     /* it is unreadable; else NULL */
	int error;                     /* then: -EBADMSG, it is damaged; -ENOTSUP, only newer programs can read it */
	bool is_written;               /* a sensor may be appending to it now */
};

struct record_listing {
	struct recording_files files;
	struct record_listing_item *items; /* by number */
	size_t count;
};

/* Errors name the path. Call record_listing_done() in any case. */
int record_listing_read(struct record_listing *l, char **paths, size_t count, struct error *err);
void record_listing_done(struct record_listing *l);

/* The next one before it that can be read. NULL: there is none. */
const struct record_segment *record_listing_before(const struct record_listing *l, size_t index);

/* What lies between a segment and the readable one before it. */
struct record_listing_gap {
	uint64_t segments;                        /* numbers that are not there */
	uint64_t bytes;                           /* of the recording that are missing */
	uint64_t overlap_bytes;                   /* that both have, which cannot be */
	uint64_t after_sequence, before_sequence; /* what is missing lies between these; 0: not known */
};

/* False: nothing, they meet, or there is none before it. */
bool record_listing_gap(const struct record_listing *l, size_t index, struct record_listing_gap *ret);

/* "closed", "being written", "not closed", "needs repair" (what is at its end is no whole block), "unreadable". */
const char *record_listing_state(const struct record_listing_item *item);

/* When a readable segment begins, in nanoseconds since 1970. */
int64_t record_listing_begun_ns(const struct record_segment *s);

/* Of the last one that can be read, 16 characters without a NUL; NULL: there is none. */
const char *record_listing_sensor_id(const struct record_listing *l);

struct record_listing_sums {
	uint64_t unreadable, events, lost, raw_bytes, stored_bytes, runs, crashes, gaps, missing_bytes, damaged_bytes;
	const struct record_segment *first, *last; /* with blocks; NULL: none has any */
};

struct record_listing_sums record_listing_sum(const struct record_listing *l);

#endif
