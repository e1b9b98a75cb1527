#ifndef TRACING_LATE_READS_H
#define TRACING_LATE_READS_H

#include "tracing/sample_source.h"

/*
 * What is read of a task after its sample was seen (sample_source.h, struct sample_read_spec), kept until the sample's turn comes in the order
 * of time. A sample is known by its ring and its place in it.
 *
 * Strings and bytes are read with process_vm_readv(2), paths with readlink(2) in /proc: nothing here waits for the task, and nothing that the
 * task does meanwhile can do more harm than to give other bytes or none.
 *
 * One thread.
 */

/* The reads of one event, compiled. */
struct late_read_plan {
	uint32_t count;
	bool urgent; /* what is read is soon gone */
	struct {
		enum sample_read_kind kind;
		struct format_field field, length;
	} items[SAMPLE_READS_MAX];
};

struct late_reads {
	struct late_read_entry *entries; /* uthash */
	char *scratch;
};

void late_reads_init(struct late_reads *l);
void late_reads_done(struct late_reads *l);

/* -ENOENT: the format lacks one of the fields. */
int late_reads_compile(struct late_read_plan *plan, const struct sample_read_spec specs[SAMPLE_READS_MAX], const struct format *format,
		       struct error *err);

/* Reads now what a sample asks for and keeps it; of the sample, it takes tgid, tid, abi and raw. Without memory nothing is kept. */
void late_reads_take(struct late_reads *l, const struct late_read_plan *plan, const void *ring, uint64_t position,
		     const struct sample *sample);

/* One for each item of the plan, valid until the entry is dropped; NULL: none was kept. */
const struct sample_read *late_reads_find(const struct late_reads *l, const void *ring, uint64_t position);

/* The sample's turn is over. */
void late_reads_drop(struct late_reads *l, const void *ring, uint64_t position);

/* The ring goes away. */
void late_reads_drop_ring(struct late_reads *l, const void *ring);

#endif
