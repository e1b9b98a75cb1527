#ifndef RECORDER_RECORD_VERIFY_H
#define RECORDER_RECORD_VERIFY_H

#include "recorder/segment_reader.h"

/*
 * Reads a segment to its last byte, and compares everything that is said twice: checksums, headers and index, headers and the entries below them,
 * numbers and times and the order that they have to have. One thread.
 */

/* What was read, summed over all segments. */
struct record_verify_sums {
	uint64_t segments;
	uint64_t blocks;
	uint64_t events; /* without lost events */
	uint64_t lost_events;
	uint64_t raw_bytes;
	uint64_t file_bytes;
	uint64_t findings;
};

/* Something is wrong at a place of the file; a sentence without a full stop. */
typedef void record_verify_fn(void *context, uint64_t position, const char *problem);

/* Adds to `sums`, and tells of what is wrong. `is_written`: the segment is being written, and its end need not be whole yet. -errno: it cannot be
 * read, for a reason that says nothing about what is in it (EIO, ENOMEM); it goes no further then. */
int record_verify(struct segment_reader *r, bool is_written, record_verify_fn *fn, void *context, struct record_verify_sums *sums,
		  struct error *err);

#endif
