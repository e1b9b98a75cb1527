#ifndef TRACING_FAKE_SOURCE_H
#define TRACING_FAKE_SOURCE_H

#include "tracing/sample_source.h"

/*
 * A sample source that delivers what it is told, so that everything behind the rings runs without privileges. It knows the tracepoints whose
 * formats it was given (a probe's by the system and name that it is added with) and takes any group of counters, checks nothing about filters
 * (it delivers what was pushed), and takes samples in the order of their times.
 *
 * An event with counters is called by what its kernel_event_spec called it. A probe is known like a tracepoint, by the format that it would get.
 * What is installed a second time at the same tracepoint or function is called NAME#2.
 */

/* NULL: out of memory. */
struct sample_source *fake_source_new(void);

/* Makes a tracepoint known; `text` is the content of a kernel's format file. */
int fake_source_format(struct sample_source *s, const char *system, const char *name, const char *text, struct error *err);

/* A hit, or a loss, of a tracepoint or of counters. Raw data, counters, and as many reads as the event was installed with are copied. Dropped
 * when nobody has installed that event at this moment, as the kernel would. -ENOENT: no such format. */
int fake_source_push(struct sample_source *s, const char *system, const char *name, const struct sample *sample);

/* `count` hits for which there was no room. */
int fake_source_push_lost(struct sample_source *s, const char *system, const char *name, uint64_t time_ns, uint64_t count);

/* NULL: it is not known. */
const struct format *fake_source_format_of(const struct sample_source *s, const char *system, const char *name);

/* The filter that a tracepoint is installed with now; NULL: not installed. */
const char *fake_source_filter(const struct sample_source *s, const char *system, const char *name);

/* "PLACE FETCHARGS" (without a place in the file) of the probe that it is installed with now; NULL: it is not, or without one. */
const char *fake_source_probe(const struct sample_source *s, const char *system, const char *name);

#endif
