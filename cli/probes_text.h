#ifndef CLI_PROBES_TEXT_H
#define CLI_PROBES_TEXT_H

#include "base/buffer.h"
#include "tracing/probe_list.h"

#include <stdbool.h>

/*
 * The dynamic events of a host, for people and for programs. Pure.
 */

void probes_text_put(struct buffer *out, bool color, const struct probe_list *list);

/* {"probes": [{"group", "name", "kind", "place", "maxactive", "arguments": [{"name", "expression", "meaning"}], "hits", "misses",
 * "owner": {"kind": "ringside"|"perf"|"bcc"|"other", "pid", "alive"}}]} and a newline. Hits, misses, maxactive, pid and alive only where
 * they are known. */
void probes_json_put(struct buffer *out, const struct probe_list *list);

#endif
