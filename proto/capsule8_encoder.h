#ifndef PROTO_CAPSULE8_ENCODER_H
#define PROTO_CAPSULE8_ENCODER_H

#include "base/chunk.h"
#include "base/error.h"
#include "subscription/encoder.h"
#include "subscription/subscriber_set.h"

/*
 * The Capsule8 v0 dialect: each event becomes one `events` entry of capsule8.api.v0.GetEventsResponse, so that any number of them behind one
 * another are a valid message.
 *
 * On the wire the kind of event stands first in the entry, then what belongs to this one event (id, sequence number, time, thread, CPU), then
 * what all events of its process have in common (process_id, process_pid, process_tgid, credentials, process_lineage, container_id,
 * container_name, image_id, image_name). The latter is encoded
 * once per process and kept in struct process (`encoded`), until the process's revision changes. Credentials of a thread that differ come
 * behind it as a second value, which protobuf parsers take in over the first. What is not known is not there: no credentials are not root's, and an
 * event of a thread whose credentials are not known has none, as filters see it (catalog.h).
 *
 * An event about a container has no process, and of what stands behind it only the container's. The JSON of its runtime's files is in the bytes
 * for DETAIL_FULL only.
 *
 * Event.id is sensor_id "-" the sequence number in 16 hexadecimal digits; an event without a sequence number has no id. Bytes that are not
 * UTF-8 in names and arguments come out as U+FFFD (utf8.h).
 *
 * The loop thread.
 */

#define CAPSULE8_SENSOR_ID_BYTES 16

/* A runtime's file in an event about a container is left out when it would be longer than this: the two together have to fit into one message, of which
 * gRPC's clients take 4 MiB unless they are told otherwise. One that is not UTF-8, and so not JSON either, counts as if all of it were replaced. */
#define CAPSULE8_JSON_MAX_BYTES ((size_t)1024 * 1024)

/* Draws the id of a sensor that has none yet, NUL-terminated. -errno. */
int capsule8_sensor_id_draw(char ret[CAPSULE8_SENSOR_ID_BYTES + 1], struct error *err);

/* `sensor_id` is CAPSULE8_SENSOR_ID_BYTES hexadecimal digits; copied. NULL: out of memory. */
struct encoder *capsule8_encoder_new(const char *sensor_id);
/* Takes NULL; returns NULL. */
struct encoder *capsule8_encoder_free(struct encoder *e);

/* The first response of a stream: a GetEventsResponse that has only `statuses`. Counts as no event. NULL: out of memory. */
struct chunk *capsule8_statuses_chunk(const struct subscriber_statuses *statuses);

#endif
