#ifndef CLI_TRACE_TEXT_H
#define CLI_TRACE_TEXT_H

#include "base/buffer.h"
#include "tracing/fetchargs.h"
#include "tracing/kernel_addresses.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What `ringside trace` prints, for people and for programs. Pure.
 */

/* One call, or return, with its values. Everything is borrowed. */
struct trace_call {
	int64_t realtime_ns; /* CLOCK_REALTIME */
	uint32_t cpu, tgid, tid;
	const char *comm; /* not terminated */
	size_t comm_length;
	const char *symbol;
	bool is_return;
	const struct fetcharg *args;
	const struct fetcharg_value *values;
	size_t count;
	struct kernel_addresses *addresses; /* NULL: addresses are shown as numbers */
};

/* The names of the columns, and a newline. */
void trace_text_put_head(struct buffer *out, bool color);

/* "12:34:56.789012  1    4711           cat              do_sys_openat2(name="/etc/passwd", flags=0x8000)", or "... = ret=-2 ENOENT", and a
 * newline. */
void trace_text_put(struct buffer *out, bool color, const struct trace_call *call);

/* One object in a line: {"time", "cpu", "pid", "tid", "comm", "function", "event": "enter"|"return", "arguments": {...}}. Time is in seconds
 * since 1970 with microseconds, as a string. Hexadecimal types and symbols are strings, bytes are arrays of numbers; a return value that is an
 * error is told as well by its name, in "error". */
void trace_json_put(struct buffer *out, const struct trace_call *call);

/* Calls that happened and had no room in the ring. */
void trace_text_put_lost(struct buffer *out, bool color, uint64_t lost);
void trace_json_put_lost(struct buffer *out, uint64_t lost);

#endif
