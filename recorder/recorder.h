#ifndef RECORDER_RECORDER_H
#define RECORDER_RECORDER_H

#include "recorder/record_segments.h"
#include "subscription/outbox.h"

#include <stdio.h>

/*
 * The flight recorder: what a subscription of its own takes, on disk, for as long as there is room. It is a subscriber like any other, with an outbox
 * that a thread of its own empties: chunks become blocks, blocks are appended to segments (record_format.h), old segments are deleted.
 *
 * What the disk does is the recorder's trouble alone. While it is slow, full, read-only or gone, chunks wait in memory, up to `memory_bytes`, and writing
 * is tried again every RECORDER_RETRY_NS; what does not fit is lost for the recorder, counted, and told by a lost event at its place, like any subscriber's
 * loss. A directory that was removed is made again.
 *
 * What was recorded can be read at once: from the segments, and what has not been written yet from memory (recorder_peek()).
 */
struct recorder;

#define RECORDER_CAPACITY_DEFAULT ((uint64_t)10 << 30)
#define RECORDER_CAPACITY_MIN     ((uint64_t)1 << 20)
#define RECORDER_AGE_DEFAULT_NS   (UINT64_C(7) * 24 * 3600 * 1000000000)
#define RECORDER_FLUSH_DEFAULT_NS UINT64_C(1000000000)
#define RECORDER_MEMORY_DEFAULT   ((size_t)32 << 20)
#define RECORDER_LEVEL_DEFAULT    (-1)
#define RECORDER_SEGMENTS_WANTED  32 /* the capacity, and the age, are reached in so many segments */
#define RECORDER_RETRY_NS         UINT64_C(1000000000)
#define RECORDER_BLOCK_BYTES      ((size_t)256 * 1024) /* a block is written when it has so many raw bytes, or when a flush is due */

/* The numbers of a sensor go on where those of the last one on the same directory ended; behind one that crashed, nobody knows what its last one was, and they
 * go on at the next multiple of this. */
#define RECORDER_SEQUENCE_LEAP (UINT64_C(1) << 40)

struct recorder_options {
	const char *directory;   /* made when it is not there */
	const char *query;       /* what is kept, as text, for whoever reads the segments */
	uint64_t capacity_bytes; /* of all segments; 0: the default. Never more than this and one segment */
	uint64_t age_ns;         /* segments whose last event is older are deleted; 0: none is for its age */
	uint64_t flush_ns;       /* what is older survives kill -9 and power loss; 0: the default */
	size_t memory_bytes;     /* 0: the default */
	uint64_t segment_bytes;  /* 0: a 32nd of the capacity, 256 KiB to 128 MiB */
	int level;               /* zstd's; 0: blocks are stored as they are */
};

struct recorder_counters {
	uint64_t events; /* written; without lost events */
	uint64_t blocks;
	uint64_t raw_bytes;
	uint64_t written_bytes;
	uint64_t lost;     /* events that found no room in memory, as far as the blocks that were taken tell */
	uint64_t failures; /* of writing, syncing, deleting */
	uint64_t deleted_segments;
	uint64_t segments;
	uint64_t stored_bytes; /* of all segments */
	uint64_t queued_bytes; /* in memory, not written */
	int64_t oldest_ns;     /* CLOCK_REALTIME: when what is kept begins; 0: nothing is */
	bool failing;          /* the last attempt to write failed */
	char failure[256];     /* why; also after it has recovered. "" : never */
};

/* Locks the directory, repairs the last segment, starts the thread. Errors name the directory. */
int recorder_new(struct recorder **ret, const struct recorder_options *options, struct error *err);

/* Writes what is in the outbox, which must have ended (outbox_finish()), closes the segment with the last number that the sensor has given, and
 * ends the thread; a disk that fails is tried for RECORDER_RETRY_NS only. Takes NULL; returns NULL. */
struct recorder *recorder_free(struct recorder *r, uint64_t last_sequence);

/* What it does; the id that the sensor has with this recording, 16 hexadecimal digits; the last number that was given before this run; where events go. */
const struct recorder_options *recorder_options(const struct recorder *r); /* with the defaults filled in */
const char *recorder_sensor_id(const struct recorder *r);
uint64_t recorder_sequence(const struct recorder *r);
struct outbox *recorder_outbox(struct recorder *r);

/* Any thread. */
void recorder_counters(struct recorder *r, struct recorder_counters *ret);
struct record_segments *recorder_segments(struct recorder *r);
const uint8_t *recorder_boot_id(const struct recorder *r);

/* What is in memory from a place of the recording on: references of up to `max` chunks, of which the first begins at or before `offset`, at
 * *ret_offset. 0 with *ret_offset > offset: that place is on disk or nowhere, memory begins at *ret_offset. 0 with *ret_offset == offset: there is
 * nothing behind it yet. Any thread. */
size_t recorder_peek(struct recorder *r, uint64_t offset, struct chunk **chunks, size_t max, uint64_t *ret_offset);

/* Bytes from a place of the recording to its end, when all of them are in memory; SIZE_MAX: they are not. Any thread. */
size_t recorder_distance(struct recorder *r, uint64_t offset);

#endif
