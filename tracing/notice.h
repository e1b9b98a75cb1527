#ifndef TRACING_NOTICE_H
#define TRACING_NOTICE_H

#include <stddef.h>
#include <stdint.h>

/*
 * What is learnt about an event beside its sample, on another way out of the kernel: the arguments of an exec (from the new stack), the
 * wait status of a process that ends (from the proc connector). Notices are taken eagerly, before the samples they belong to pass the
 * horizon; the process source keeps them until it meets the sample, and joins by thread and time.
 */
enum notice_kind {
	NOTICE_EXEC_ARGUMENTS,
	NOTICE_EXIT_STATUS,
	NOTICE_EXEC_LOST, /* around time_ns there were execs whose notice will never come */
};

struct notice {
	enum notice_kind kind;
	uint32_t tgid;
	uint32_t tid;
	uint64_t time_ns; /* CLOCK_MONOTONIC: when the kernel was there, within microseconds of the sample it belongs to */
	union {
		struct {
			const char *bytes; /* NUL-terminated strings one after another; borrowed for the call */
			size_t size;
			uint32_t count; /* strings in `bytes` */
			uint32_t argc;  /* arguments the program was given: more than count when not all could be read */
		} exec;
		struct {
			int32_t status; /* as wait(2) gives it, core flag included, of this one thread */
		} exit;
	};
};

typedef void (*notice_fn)(void *context, const struct notice *notice);

#endif
