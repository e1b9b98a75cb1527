#ifndef TESTS_RECORDER_RECORD_MAKER_H
#define TESTS_RECORDER_RECORD_MAKER_H

#include "recorder/recorder.h"
#include "recorder/replay.h"

/*
 * Recordings of numbered events, made with the real encoder, and read again. Everything asserts.
 */

/* A chunk of `count` execs with the numbers behind `sequence`. */
struct chunk *maker_chunk(uint64_t sequence, uint32_t count);

/* Puts such chunks into the recorder, as long as it takes them; returns the last number that it took. */
uint64_t maker_put(struct recorder *r, uint64_t sequence, uint32_t chunks, uint32_t events_per_chunk);

/* What is read of a recording. */
struct maker_log {
	uint64_t *sequences;
	size_t count, capacity;
	struct maker_gap {
		enum record_gap gap;
		uint64_t count, after, before;
		size_t at; /* so many events came before it */
	} gaps[2048];
	size_t gap_count;
};

/* Reads all there is in a directory, without a recorder; with one, what is in its memory, too. */
void maker_read(struct maker_log *log, const char *directory, struct recorder *r);
void maker_log_done(struct maker_log *log);

/* Whether a gap of the log is around the number. */
bool maker_is_in_gap(const struct maker_log *log, uint64_t sequence);

#endif
