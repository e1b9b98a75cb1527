#ifndef RECORDER_RECORD_STORE_H
#define RECORDER_RECORD_STORE_H

#include "recorder/record_segments.h"
#include "recorder/recorder.h"

/*
 * The recorder's directory: its lock, the run that is being written, segment after segment, and those that are deleted to make room. One thread; the list of
 * segments is for any.
 *
 * What fails can be tried again: after each failure the store is where it was before, or has begun a new segment.
 */
struct record_store;

/* Locks the directory, repairs the last segment, and finds out where numbers and offsets go on. `options`: with the defaults filled in; borrowed, must
 * live longer. */
int record_store_open(struct record_store **ret, const struct recorder_options *options, struct error *err);
/* Writes nothing more. Takes NULL; returns NULL. */
struct record_store *record_store_close(struct record_store *s);

const char *record_store_sensor_id(const struct record_store *s);
uint64_t record_store_sequence(const struct record_store *s); /* the last number that was given before this run */
uint64_t record_store_offset(const struct record_store *s);   /* where this run begins */
const uint8_t *record_store_boot_id(const struct record_store *s);
struct record_segments *record_store_segments(struct record_store *s);

/* Makes the run's first segment, before any number is given: should this run crash, the next one has to know that there was one. */
int record_store_begin(struct record_store *s, struct error *err);

/* Appends a block, as segment_writer_append(), to the segment that is being written or, when that is full, to a new one. A directory that was removed is made
 * again. */
int record_store_append(struct record_store *s, struct record_block_header *header, const void *raw, size_t size, struct error *err);

/* What was appended survives a power loss. */
int record_store_sync(struct record_store *s, struct error *err);

/* Retention: deletes the oldest segments, never the one that is being written, while there are more bytes than the capacity, or what is too old. Those that a
 * replay is reading stay readable for it: it has them open. *ret_deleted: how many, on failure too. */
int record_store_tidy(struct record_store *s, uint64_t *ret_deleted, struct error *err);

/* Ends the run at an offset, with the last number that the sensor has given. */
int record_store_end(struct record_store *s, uint64_t offset, uint64_t sequence, struct error *err);

#endif
