#ifndef TRACING_SAMPLE_RECORD_H
#define TRACING_SAMPLE_RECORD_H

#include "tracing/perf_event.h"
#include "tracing/sample_source.h"

/*
 * PERF_RECORD_SAMPLE as the collector asks for it (linux/perf_event.h): the common part of struct perf_layout, then either raw data, with the
 * register block behind it for who asked for the ABI, or the read block of a group of counters.
 */

/* What an event's samples carry behind the common part. */
struct sample_record_form {
	bool with_abi;
	uint32_t counters; /* 0: raw data; else the size of the group, which was opened with `read_format` */
	uint64_t read_format;
};

/* The id of the perf event that made it. The record has the common part at least (ring_merge.h sees to it). */
uint64_t sample_record_id(const struct perf_event_header *record, const struct perf_layout *layout);

/* The id that the read block of a sample has, which is right where the record's own may not be (counter_group_block_id()). False: there is no
 * such block. */
bool sample_record_block_id(const struct perf_event_header *record, const struct perf_layout *layout, uint64_t read_format, uint64_t *ret);

/* Fills in who made the sample (tgid, tid) and what it carries (abi, raw, raw_size, counters, which point into the record and to *values);
 * leaves the rest alone. False: the record is shorter than it says, or not of this form. Any bytes will do. */
bool sample_record_parse(const struct perf_event_header *record, const struct perf_layout *layout, const struct sample_record_form *form,
			 struct counter_values *values, struct sample *ret);

#endif
