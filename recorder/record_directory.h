#ifndef RECORDER_RECORD_DIRECTORY_H
#define RECORDER_RECORD_DIRECTORY_H

#include "base/error.h"
#include "recorder/record_format.h"

#include <stdbool.h>

/*
 * A directory of segments (record_format.h): who may write there, which segments there are, and their repair after a crash. Readers need nothing of the
 * writer's. One thread.
 *
 * Beside segments it holds "lock", which the one writer keeps locked (flock(2)), and "sensor-id", 16 hexadecimal digits and a newline: the id of whichever
 * sensor records there, so that events keep their ids over restarts. Other files are nobody's business and stay.
 */

/* What is known of a segment without reading its blocks' content. */
struct record_segment {
	uint64_t number;
	uint64_t size; /* of the file */
	struct record_segment_header header;
	bool closed;
	bool ended;      /* closed, and its last block is without entries: the sensor's run ended with it */
	bool unreadable; /* its header is damaged or of a newer version: only number and size are known */
	/* Of its blocks; all 0 when it has none */
	uint64_t blocks;
	uint64_t end_offset; /* behind the last block; without blocks the header's offset */
	uint64_t first_sequence, last_sequence;
	uint64_t first_time_ns, last_time_ns;
	int64_t realtime_offset_ns; /* of the last block */
	uint64_t kinds;
	uint64_t events;
	uint64_t raw_bytes;
	uint64_t lost;
	uint64_t damaged_bytes; /* in stretches that are no blocks, followed by others */
	uint64_t tail_bytes;    /* behind the last whole block: not written to the end */
};

/* Opens the directory; with `create` it is made, mode 0750, when it is not there (its parents must be). Returns the descriptor, or -errno. */
int record_directory_open(const char *path, bool create, struct error *err);

/* Becomes its one writer, as long as the returned descriptor is open. -EBUSY: somebody else is. May take 0.2 s to be sure of that. */
int record_directory_lock(int directory_fd, struct error *err);

/* Whether somebody is its writer. Where one may not even look (no permission to read "lock"), it is not known, and false. */
bool record_directory_is_locked(int directory_fd);

/* The sensor's id: what stands there, or else `fresh` (16 digits), which is then written down. */
int record_directory_sensor_id(int directory_fd, const char *fresh, char ret[17], struct error *err);

/* Adds what the header of its next block says. */
void record_segment_add_block(struct record_segment *segment, const struct record_block_header *block);

/* Reads what is known of one segment. -ENOENT and other -errno; a segment that cannot be read is no failure (`unreadable`). */
int record_segment_look(int directory_fd, uint64_t number, struct record_segment *ret, struct error *err);

/* The same of a file of any name; the number is its header's, or, of one that cannot be read, 0. */
int record_segment_look_at(int directory_fd, const char *name, struct record_segment *ret, struct error *err);

/* All segments in the order of their numbers, as an array from malloc. */
int record_directory_list(int directory_fd, struct record_segment **ret, size_t *ret_count, struct error *err);

/* Only their numbers, in order. */
int record_directory_numbers(int directory_fd, uint64_t **ret, size_t *ret_count, struct error *err);

/* Writes the name of a segment's file. */
#define RECORD_NAME_BYTES 40
void record_segment_name(char name[RECORD_NAME_BYTES], uint64_t number);
/* False: the name is no segment's. */
bool record_segment_number(const char *name, uint64_t *ret);

/* Cuts off what is incomplete at the end of a segment that was not closed. *ret_dropped: how many bytes. A closed one is left alone. */
int record_segment_repair(int directory_fd, const struct record_segment *segment, uint64_t *ret_dropped, struct error *err);

#endif
