#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "base/buffer.h"

#include <jansson.h>

/* Puts `value` (taken over; NULL when making it failed) as one line of JSON with a newline. Out of memory shows as out->failed. */
void json_put(struct buffer *out, json_t *value);

/* A string of bytes that need not be UTF-8: what is not, is escaped (text_put_escaped()). NULL: out of memory. */
json_t *json_of_text(const char *text);

#endif
