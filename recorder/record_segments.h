#ifndef RECORDER_RECORD_SEGMENTS_H
#define RECORDER_RECORD_SEGMENTS_H

#include "recorder/record_directory.h"
#include "recorder/segment_reader.h"

/*
 * Which segments a recording has now: kept by the recorder while it writes and deletes, or made once of files that somebody names. Readers ask for the
 * next one by number, and so notice neither what is added nor what goes. Any thread.
 */
struct record_segments;

/* A moment, to be compared with the times of events, of whatever boot they are. */
struct record_moment {
	uint8_t boot_id[16];
	int64_t monotonic_ns; /* of this boot; negative: before it */
	int64_t realtime_ns;  /* the same, since the epoch */
};

/* Now, of this boot. -EINVAL, -errno: the boot's id cannot be read. */
int record_moment_now(struct record_moment *ret, struct error *err);
/* The same, when it is known which boot this is. */
struct record_moment record_moment_of(const uint8_t boot_id[16]);
/* `ns` earlier or, negative, later. */
struct record_moment record_moment_earlier(const struct record_moment *moment, int64_t ns);

/* Whether an event of the segment's boot, with the given CLOCK_REALTIME - CLOCK_MONOTONIC, is before the moment. */
bool record_is_before(const struct record_segment_header *segment, int64_t realtime_offset_ns, uint64_t time_ns,
		      const struct record_moment *moment);

/* NULL: out of memory. `began`: since when there is a recording, while it has no segment; NULL: never. */
struct record_segments *record_segments_new(const struct record_moment *began);
/* Takes NULL; returns NULL. */
struct record_segments *record_segments_free(struct record_segments *s);

/* Adds one whose number is greater than all that are there, or any number when it is from a file that somebody named; it is found in the
 * directory, whose descriptor has to stay open until it is removed, by `name`. -EEXIST: there is one of that number. -ENOMEM. */
int record_segments_add(struct record_segments *s, int directory_fd, const char *name, const struct record_segment *segment);
/* More is known of it. */
void record_segments_update(struct record_segments *s, const struct record_segment *segment);
void record_segments_remove(struct record_segments *s, uint64_t number);
void record_segments_clear(struct record_segments *s);

size_t record_segments_count(struct record_segments *s);
uint64_t record_segments_bytes(struct record_segments *s);

/* The first one whose number is not less. False: there is none. */
bool record_segments_find(struct record_segments *s, uint64_t number, struct record_segment *ret);
bool record_segments_last(struct record_segments *s, struct record_segment *ret);

/* The same, opened. -ENOENT: there is none. With other errors *ret_segment is filled in, too. */
int record_segments_open(struct record_segments *s, uint64_t number, struct segment_reader **ret, struct record_segment *ret_segment,
			 struct error *err);

/* The number to begin at for what happened from the moment on: of the first segment with something of it, or of one behind all. *ret_reaches: the
 * recording reaches back to it. */
uint64_t record_segments_seek(struct record_segments *s, const struct record_moment *from, bool *ret_reaches);

#endif
