#ifndef PROTO_CAPSULE8_MEMBER_READER_H
#define PROTO_CAPSULE8_MEMBER_READER_H

#include "proto/capsule8_event_reader.h"
#include "proto/wire.h"

/*
 * The part of capsule8_event_reader.h that depends on the kind of event, as capsule8_kinds.h is of the encoder.
 */

/* Which member of the oneof of capsule8.api.v0.Event a kind has: a field number. */
uint32_t capsule8_member_number(enum event_kind kind);

/* Reads that member into the union of r->event, whose kind is set, and which is zero but for what an earlier value of the same member has put there.
 * False: it makes no sense, or has more arguments or counters than there is room for. */
bool capsule8_member_read(struct capsule8_event_reader *r, const struct wire_field *member);

#endif
