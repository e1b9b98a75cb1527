#ifndef PROTO_CONTAINER_MESSAGE_H
#define PROTO_CONTAINER_MESSAGE_H

#include "base/buffer.h"
#include "sensor/container.h"

/*
 * What is known of a container as a ringside.v0.Container: written straight through, without a message in between, because the loop thread
 * does it for every container that a list is made of. Some microseconds.
 */

/* Appends the message, all but the runtimes' own files. Bytes that are not UTF-8 become U+FFFD. Out of memory shows as out->failed. */
void container_message_put(const struct container *c, struct buffer *out);

/*
 * Appends one of the runtimes' files to the message that `out` holds, as far as the message has at most `max` bytes then and the file is UTF-8, which
 * JSON is; else the message says that a file was left out. NULL, or of no length: there is none.
 */
void container_message_put_docker_config(struct buffer *out, const char *json, size_t length, size_t max);
void container_message_put_oci_config(struct buffer *out, const char *json, size_t length, size_t max);

/* Appends a message to a ringside.v0.ListContainersResponse, and how many bytes that takes at most. */
void container_message_list(struct buffer *response, const struct buffer *message);
#define CONTAINER_MESSAGE_LISTED_BYTES 15

#endif
