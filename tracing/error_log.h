#ifndef TRACING_ERROR_LOG_H
#define TRACING_ERROR_LOG_H

#include <stdbool.h>
#include <stddef.h>

/*
 * tracefs' error_log (kernel 5.2 and later; Documentation/trace/ftrace.rst): the kernel's own words on what is wrong with a probe definition
 * or a filter. It holds the last eight errors of everybody on the host, each of three lines:
 *
 *	[  652.537565] trace_uprobe: error: Unknown type is specified
 *	  Command: p:group/name /bin/cat:0x4000 a=%di:symstr
 *	                                              ^
 *
 * Pure functions on the text.
 */

struct error_log_entry {
	char reason[128]; /* "Unknown type is specified" */
	bool has_position;
	size_t position; /* of the offending word in the command, in bytes */
};

/* The newest entry about exactly this command. False: there is none. */
bool error_log_find(struct error_log_entry *ret, const char *log, const char *command);

#endif
