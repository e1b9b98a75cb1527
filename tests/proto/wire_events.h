#ifndef TESTS_PROTO_WIRE_EVENTS_H
#define TESTS_PROTO_WIRE_EVENTS_H

#include "base/buffer.h"
#include "subscription/encoder.h"
#include "tests/expressions/random_tree.h"

/* What is sent and read again: the events of table_events.h, and more, so that every kind is among them. */

/* One after the other; NULL: there are no more. */
const struct event *wire_event_at(size_t index);

/* It as the sensor sends it, with sequence number `sequence`, appended to `out`. */
void wire_event_put(const struct event *event, uint64_t sequence, enum detail detail, struct buffer *out);

/* The entries of a message in another order, each message in it too: the same to every parser. What may be a list keeps its order. */
void wire_shuffle(const struct buffer *from, struct random *r, struct buffer *out);

/* A copy with nothing behind it, so that reading too far is seen. Free it. */
uint8_t *wire_exact_copy(const void *bytes, size_t size);

/* Gives each of the events, 2,000 times with one to three bytes of it changed, to `try`. */
void wire_damage(uint64_t seed, void (*try)(const uint8_t *bytes, size_t size));

#endif
