#ifndef CLI_WIRE_COUNT_H
#define CLI_WIRE_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Counts what is in a packed capsule8.api.v0.GetEventsResponse without unpacking it: walks the tags and looks only into lost events
 * (https://protobuf.dev/programming-guides/encoding/).
 */
struct wire_count {
	uint64_t events;        /* without lost events */
	uint64_t lost_ring;     /* what lost events with cause LOST_RECORD_CAUSE_RING tell of */
	uint64_t lost_queue;    /* LOST_RECORD_CAUSE_QUEUE */
	uint64_t lost_probe;    /* LOST_RECORD_CAUSE_PROBE */
	uint64_t lost_recorder; /* LOST_RECORD_CAUSE_RECORDER */
	uint64_t lost_other;    /* any other cause, or none given */
	uint64_t unknown_gaps;  /* gaps in a recording (RecordGap) of which nobody knows how much they are */
};

/* Adds the response's counts to `count`. False: it is not a well-formed message; what was counted before the bad place stays. */
bool wire_count_response(struct wire_count *count, const uint8_t *bytes, size_t length);

/* Adds the losses that one lost event tells of; `cause` is a LostRecordCause, `gap` a RecordGap. */
void wire_count_lost(struct wire_count *count, uint64_t lost, uint64_t cause, uint64_t gap);

#endif
