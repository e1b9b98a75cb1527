#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "base/buffer.h"

#include <jansson.h>

/* Puts `value` (taken over; NULL when making it failed) as one line of JSON with a newline. Out of memory shows as out->failed. */
void json_put(struct buffer *out, json_t *value);

#endif
