#ifndef TRACING_LAYOUT_CAPTURE_H
#define TRACING_LAYOUT_CAPTURE_H

#include "base/buffer.h"
#include "base/error.h"
#include "tracing/layout_search.h"
#include "tracing/perf_event.h"
#include "tracing/provoke.h"

/*
 * Has the kernel capture windows of a structure (layout_search.h) while a child does things that make it come by a symbol.
 *
 * A row is one window: fetchargs `NAME0=BEFORE+0AFTER:u64 NAME1=BEFORE+8AFTER:u64 ...`, in the oldest syntax.
 *
 * What is dereferenced has to be a pointer. One to nowhere is harmless and gives 0; but a number that no pointer can be (not canonical, as
 * x86 calls it) makes kernels before 6.0 warn in their log and mark themselves tainted (5.10: ex_handler_uaccess(), "General protection fault
 * in user access"; seen). So words are captured first, and only those that are pointers then are followed.
 */

#define LAYOUT_ROWS_MAX    12
#define LAYOUT_SAMPLES_MAX 16
/* The largest record of a probe on kernels before 5.15 (PERF_MAX_TRACE_SIZE). A larger one is not cut but lost, with a warning in the
 * kernel's log. */
#define LAYOUT_SAMPLE_BYTES_MAX 2048

struct layout_row {
	const char *name; /* a letter or two, other than that of every other row */
	const char *before;
	const char *after;
	const int16_t *places; /* as in struct layout_window */
	int16_t first;
	uint8_t width;
	uint8_t step;
	uint16_t count;
};

struct layout_sample {
	uint8_t step; /* of the action */
	uint32_t size;
	uint8_t raw[LAYOUT_SAMPLE_BYTES_MAX];
};

/* What came, in the order of the hits. Plain memory; about 32 KiB. */
struct layout_capture {
	const struct layout_row *rows;
	uint16_t row_offsets[LAYOUT_ROWS_MAX]; /* of the row's first piece in the raw data */
	uint32_t row_count;
	uint32_t count;
	struct layout_sample samples[LAYOUT_SAMPLES_MAX];
};

struct layout_capture_spec {
	const struct perf_features *features;
	const char *symbol;
	const struct layout_row *rows; /* outlive the capture */
	uint32_t row_count;
	const uint8_t *steps; /* that the child acts, one after the other */
	uint32_t step_count;
	uint32_t timeout_ms; /* for each of them */
};

/* Puts the probe in, has the child act, takes the probe out. -ENODATA: the symbol was not hit. -ENOBUFS: more hits than there is room for. */
int layout_capture_run(struct layout_capture *c, const struct layout_capture_spec *spec, struct provoke *child, struct error *err);

/* A row of a sample as a window on the capture's memory. */
struct layout_window layout_capture_window(const struct layout_capture *c, uint32_t sample, uint32_t row);

/* Appends a row's fetchargs, each with a blank before it. */
void layout_row_put(struct buffer *fetchargs, const struct layout_row *row);

#endif
