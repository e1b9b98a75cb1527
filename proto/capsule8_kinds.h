#ifndef PROTO_CAPSULE8_KINDS_H
#define PROTO_CAPSULE8_KINDS_H

#include "subscription/encoder.h"

/*
 * The part of a capsule8.api.v0.Event that depends on its kind, for capsule8_encoder.c, which writes the rest and, as they are by far the most
 * frequent, system calls.
 */

/* Writes the member of the oneof. `to` has room for capsule8_kind_bound() bytes (wire.h); returns the place behind them. Nothing for system
 * calls. */
uint8_t *capsule8_put_kind(uint8_t *to, const struct event *event, enum detail detail);

/* The most that capsule8_put_kind() writes, but for up to CAPSULE8_KIND_NUMBERS number fields and frames of messages, which every event has
 * room for; *ret_usual: what strings and lists will probably take. Both are of an event about a container with what the event itself tells of that,
 * which other events have from their process. */
size_t capsule8_kind_bound(const struct event *event, enum detail detail, size_t *ret_usual);

#define CAPSULE8_KIND_NUMBERS 16

#endif
