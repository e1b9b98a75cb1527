#ifndef TESTS_BENCH_STREAM_H
#define TESTS_BENCH_STREAM_H

#include "tests/bench/crowd.h"
#include "tracing/sample_source.h"

/*
 * What happens on a busy host, made in advance and as often repeated as one likes: of each hundred samples 70 are ends of system calls, 24 open a
 * file, and two processes are forked, execute something and end. A source delivers it without copying, so that hardly more is measured than
 * what is behind the source.
 */

enum stream_order {
	STREAM_EACH_ANOTHER, /* every sample is another process's than the one before, and all have their turn: no cache helps */
	STREAM_RUNS,         /* a fiftieth of the processes do it all, each eight times in a row */
};

struct stream;

/* `count` samples; formats as kernel 6.12 has them. Lives longer than its sources. */
struct stream *stream_new(const struct crowd *c, enum stream_order order, uint32_t count);
/* Takes NULL; returns NULL. */
struct stream *stream_free(struct stream *s);

/* A source that has the tracepoints of tests/data/formats/6.12 and no probes. */
struct sample_source *stream_source_new(const struct stream *s);

/* Samples of one more time that is all told from the beginning, a microsecond apart, are there for sensor_round(). */
void stream_source_repeat(struct sample_source *source);

#endif
