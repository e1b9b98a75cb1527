#ifndef SUBSCRIPTION_ENCODER_H
#define SUBSCRIPTION_ENCODER_H

#include "base/buffer.h"
#include "sensor/event.h"

/*
 * A dialect: how an event becomes bytes. encode() appends one complete entry, such that any number of entries behind one another are a
 * valid message of the dialect. It depends on nothing but the event, so that whoever shares the encoder shares the bytes; a chargen event of
 * n characters takes at most 2n + 1024 of them. Out of memory shows as out->failed. Called by the loop thread only.
 */
struct encoder {
	const char *name;
	void (*encode)(struct encoder *e, const struct event *event, struct buffer *out);
};

#endif
