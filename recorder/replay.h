#ifndef RECORDER_REPLAY_H
#define RECORDER_REPLAY_H

#include "recorder/record_cursor.h"
#include "recorder/recorder.h"
#include "recorder/replay_filter.h"
#include "subscription/encoder.h"

/*
 * A subscription's way through a recording, in steps: from the disk, then from the recorder's memory, up to where the live stream begins. Entries that are
 * taken are copied as they are; only gaps are encoded here. Between two steps it needs no memory beyond a block.
 *
 * Beside the recording it can read an outbox with what a held feed (subscriber_set.h) takes of clauses that are not recorded: the two become one stream
 * by their sequence numbers, and what is in both is in it once.
 *
 * One thread at a time, not always the same one.
 */
struct replay;

struct replay_options {
	struct record_segments *segments;
	struct recorder *recorder;    /* with what is in memory; NULL: only segments are read */
	struct encoder *encoder;      /* for gaps: of the dialect and the sensor, and used by this replay alone */
	struct replay_filter *filter; /* taken over, also on failure */
	struct outbox *aside;         /* ref'ed; NULL: none */
	uint64_t joined;              /* the last number given before the subscription was there */
	uint8_t boot_id[16];          /* of the clock that the client thinks times are of */
};

enum replay_result {
	REPLAY_MORE,      /* the step's bounds were reached: there is more */
	REPLAY_CAUGHT_UP, /* everything up to the step's last sequence number has been told */
	REPLAY_ENDED,     /* the limit or the end of the window was reached: nothing more is to be told */
	REPLAY_FAILED,    /* out of memory */
};

/* NULL: out of memory. */
struct replay *replay_new(const struct replay_options *options);
/* Takes NULL; returns NULL. */
struct replay *replay_free(struct replay *r);

/* Goes on for a bounded time, over entries with numbers up to `sequence`: everything up to there has to be in the recorder's and in the aside outbox by
 * now (subscriber_flush()). Appends entries to `out`, up to about `max_bytes` and one entry; *ret_events: how many without lost events. */
enum replay_result replay_step(struct replay *r, uint64_t sequence, size_t max_bytes, struct buffer *out, uint32_t *ret_events);

/* About how many bytes the next step would have to look at, when none of them is on disk; SIZE_MAX: some are. Quick. */
size_t replay_distance(struct replay *r);

const struct subscriber_seam *replay_seam(const struct replay *r);

struct replay_counters {
	uint64_t blocks_read;
	uint64_t blocks_skipped; /* that could have nothing for it */
	uint64_t gaps;
	uint64_t damaged; /* of these, what could not be read */
};
void replay_counters(const struct replay *r, struct replay_counters *ret);

#endif
