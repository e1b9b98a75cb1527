#ifndef TRACING_RECORDING_H
#define TRACING_RECORDING_H

#include "tracing/notice.h"
#include "tracing/sample_source.h"

/*
 * Samples on disk: what a source delivered on a real kernel, with the formats of its tracepoints and the notices that came beside them, to be
 * delivered again where there is no such kernel and no privilege. A debugging aid and a test fixture; not the flight recorder.
 *
 * A file is RECORDING_MAGIC and then records until its end, little endian, each a struct recording_header and `size` bytes. Records stand in
 * the order in which they were delivered. A file that was cut is read up to the last whole record. Records of a type that a reader does not
 * know are passed over: files from before there were reads are read, and those with reads by readers from before.
 *
 * Late reads (struct sample_read) are recorded with their hits: whoever replays asks for the same ones. Counters are not recorded.
 */

#define RECORDING_MAGIC       "ringrec1"
#define RECORDING_MAGIC_BYTES 8

enum recording_type {
	RECORDING_FORMAT = 1, /* struct recording_format, then system, name and text, not terminated */
	RECORDING_HIT = 2,    /* struct recording_sample, then the raw data */
	RECORDING_LOST = 3,   /* struct recording_sample with `lost`: there was no room */
	RECORDING_NOTICE = 4, /* struct recording_notice, then the strings of an exec */
	RECORDING_READS = 5,  /* struct recording_reads, `count` of struct recording_read, then their bytes; right before its hit */
	RECORDING_MISSED = 6, /* like RECORDING_LOST: a probe was not run */
};

struct recording_header {
	uint32_t type;
	uint32_t size; /* bytes that follow */
};

struct recording_format {
	uint32_t index; /* what samples call it */
	uint32_t system_size;
	uint32_t name_size;
	uint32_t text_size;
};

struct recording_sample {
	uint64_t time_ns;
	uint64_t lost;
	uint32_t format_index;
	uint32_t tgid;
	uint32_t tid;
	uint32_t cpu;
	uint32_t abi;
	uint32_t raw_size;
};

struct recording_notice {
	uint64_t time_ns;
	uint32_t kind; /* enum notice_kind */
	uint32_t tgid;
	uint32_t tid;
	int32_t status;
	uint32_t count;
	uint32_t argc;
	uint32_t bytes;
	uint32_t reserved; /* 0 */
};

struct recording_reads {
	uint32_t count;    /* at most SAMPLE_READS_MAX */
	uint32_t reserved; /* 0 */
};

struct recording_read {
	uint32_t length;
	int32_t error; /* a negative errno */
};

_Static_assert(sizeof(struct recording_header) == 8, "layout on disk");
_Static_assert(sizeof(struct recording_format) == 16, "layout on disk");
_Static_assert(sizeof(struct recording_sample) == 40, "layout on disk");
_Static_assert(sizeof(struct recording_notice) == 40, "layout on disk");
_Static_assert(sizeof(struct recording_reads) == 8, "layout on disk");
_Static_assert(sizeof(struct recording_read) == 8, "layout on disk");

/* A source that delivers what `inner` delivers and writes it to a new file at `path`. Takes inner over (also on failure). What cannot be
 * written ends the recording, not the delivery; recording_tee_error() tells. */
int recording_tee_open(struct sample_source **ret, struct sample_source *inner, const char *path, struct error *err);

/* Writes a notice too. */
void recording_tee_notice(struct sample_source *tee, const struct notice *notice);

/* 0, or the negative errno that ended the recording. */
int recording_tee_error(const struct sample_source *tee);

/* A source that delivers a file, all of it in the first round. Notices are given to `fn` when their place comes. A read that was asked for and
 * is not in the file has the error -ENODATA; a hit that was recorded without reads has none. -EINVAL: not a recording. */
int recording_open(struct sample_source **ret, const char *path, notice_fn fn, void *context, struct error *err);

/* Recordings know their notices' consumer only after the sensor was made on top of them. */
void recording_set_notice(struct sample_source *recording, notice_fn fn, void *context);

#endif
