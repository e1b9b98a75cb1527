#ifndef CLI_CATALOG_TEXT_H
#define CLI_CATALOG_TEXT_H

#include "base/buffer.h"
#include "sensor/catalog.h"

#include <stdbool.h>

/*
 * The event catalog (sensor/catalog.h) for people and for programs. Pure; any thread.
 */

/* "string", "uint64", ... */
const char *field_type_name(enum field_type type);

/* "process:exec", "ticker". */
void catalog_put_name(struct buffer *out, const struct catalog_entry *entry);

/* Every kind with its fields, aligned. */
void catalog_text_put(struct buffer *out, bool color);

/* An array of {"event", "summary", "tracepoint", "fields": [{"name", "type", "summary", "kernel_filter"}]}, one line. */
void catalog_json_put(struct buffer *out);

/* Appends it as a page of Markdown (docs/EVENTS.md). */
void catalog_markdown_put(struct buffer *out);

#endif
