#ifndef SUBSCRIPTION_ENCODER_H
#define SUBSCRIPTION_ENCODER_H

#include "base/buffer.h"
#include "sensor/event.h"

/* How much of an event a subscriber gets to see. */
enum detail {
	DETAIL_BASIC,
	DETAIL_FULL, /* of events about containers also what their runtimes' files say; other events are the same */
	DETAIL_COUNT,
};

/*
 * A dialect: how an event becomes bytes. encode() appends one complete entry, such that any number of entries behind one another are a
 * valid message of the dialect. It depends on nothing but the event and the detail, so that whoever shares the encoder shares the bytes of each
 * detail; a chargen event of n characters takes at most 2n + 1024 of them. Out of memory shows as out->failed. Called by the loop thread only.
 */
struct encoder {
	const char *name;
	void (*encode)(struct encoder *e, const struct event *event, enum detail detail, struct buffer *out);
};

#endif
