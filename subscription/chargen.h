#ifndef SUBSCRIPTION_CHARGEN_H
#define SUBSCRIPTION_CHARGEN_H

#include "base/error.h"
#include "sensor/event.h"

struct uv_loop_s;

/*
 * An endless stream of characters in pieces of equal length (after RFC 864): the character at index i is 0x20 + (i mod 95).
 *
 * While it is not paused it gets one turn in each iteration of the loop, so that everything else on the loop goes on; a turn should hand out
 * no more than CHARGEN_TURN_BYTES or one piece. The loop thread.
 */
struct chargen;

#define CHARGEN_TURN_BYTES (64 * 1024)

typedef void (*chargen_fn)(void *context);

/* Calls `turn` from the next iteration on. */
int chargen_new(struct chargen **ret, struct uv_loop_s *loop, uint32_t length, chargen_fn turn, void *context, struct error *err);

/* No more turns; also from inside one. The memory goes once the loop has run again. Takes NULL; returns NULL. */
struct chargen *chargen_free(struct chargen *c);

/* The next piece; the stream goes on behind it. Borrowed until the chargen is freed. */
void chargen_next(struct chargen *c, struct event_chargen *ret);
uint32_t chargen_length(const struct chargen *c);

/* No turns until it is resumed. Both may be called any time. */
void chargen_pause(struct chargen *c);
void chargen_resume(struct chargen *c);

#endif
