#ifndef CLI_RECORD_TEXT_H
#define CLI_RECORD_TEXT_H

#include "base/buffer.h"
#include "cli/record_listing.h"

/*
 * A recording for people and for programs. Pure, but for the time zone of the day times (TZ). Out of memory shows as out->failed.
 */

/* A line per segment, with what is missing between two of them, and the sums. */
void record_text_put(struct buffer *out, bool color, const struct record_listing *l);

/* {"sensorId", "segments": [{"path", "number", "state", "begin", "begunNs", "realtimeOffsetNs", "firstTimeNs", "lastTimeNs",
 * "firstSequence", "lastSequence", "offset", "endOffset", "blocks", "events", "lost", "rawBytes", "storedBytes", "damagedBytes",
 * "tailBytes", "query", "bootId"}], "gaps": [{"before", "segments", "bytes", "overlapBytes", "afterSequence", "beforeSequence"}],
 * "sums": {"segments", "unreadable", "events", "lost", "rawBytes", "storedBytes", "runs", "crashes", "missingBytes", "damagedBytes"}} and a newline. "begunNs" is
 * in nanoseconds since 1970. Of a segment that cannot be read only "path", "number", "state", "storedBytes" and "problem". */
void record_json_put(struct buffer *out, const struct record_listing *l);

#endif
