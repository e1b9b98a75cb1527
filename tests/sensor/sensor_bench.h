#ifndef TESTS_SENSOR_SENSOR_BENCH_H
#define TESTS_SENSOR_SENSOR_BENCH_H

#include "sensor/sensor.h"
#include "tests/sensor/proc_tree.h"
#include "tracing/fake_source.h"

/*
 * A whole sensor on a source without a kernel: the test says which tracepoints and functions there are, what is wanted, and what happens, and
 * reads the events. One at a time.
 */

#define BENCH_SELF             4194305 /* beyond any pid_max */
#define BENCH_PID              4000
#define BENCH_EVENTS_MAX       16
#define BENCH_REFUSAL(b, kind) ((b)->refusals[EVENT_##kind])

enum bench_string {
	BENCH_FILENAME,
	BENCH_PATH,
	BENCH_TARGET,
	BENCH_TARGET_PATH,
	BENCH_STRINGS,
};

/* An event, with what it borrowed. */
struct bench_event {
	struct event event;
	char *strings[BENCH_STRINGS];   /* NUL-terminated: a file event's; BENCH_PATH: the directory of a PROCESS_CWD */
	struct credentials credentials; /* as an encoder sees them: the thread's, or the process's */
	bool has_own_credentials;
};

struct bench {
	const char *kernel; /* whose formats tracepoints have (tests/data/formats) */
	struct sample_source *source;
	struct sensor *sensor;
	struct proc_tree proc;
	struct error refusals[EVENT_KIND_COUNT]; /* of the last bench_apply() */
	struct bench_event events[BENCH_EVENTS_MAX];
	size_t count;
	uint64_t now_ns;
};

/* An empty host but for process BENCH_PID, a child of init, in /home/someone, with user and group id 1000. */
void bench_init(struct bench *b, const char *kernel);
void bench_done(struct bench *b);

/* Before the sensor is started. A tracepoint as this kernel has it; a function's probe with these fields, each "TYPE NAME" as in a format file,
 * of 8 bytes, or of 4 behind "__data_loc". `system` is "kprobe" or "kretprobe". What is put a second time at the same place is called "NAME#2". */
void bench_know(struct bench *b, const char *system, const char *name);
void bench_know_function(struct bench *b, const char *system, const char *name, const char *const *fields);
/* All that the process cache lives on. */
void bench_know_processes(struct bench *b);

/* options->source, proc and probes.self_tgid are filled in; NULL: nothing else is said. */
void bench_start(struct bench *b, const struct sensor_options *options);
/* The same, without the ways of `kind` that are not called this. */
void bench_start_with(struct bench *b, enum event_kind kind, const char *way);

void bench_apply(struct bench *b, const struct plan *plan);
/* These kinds (EVENT_KIND_BIT), unfiltered. */
void bench_want(struct bench *b, uint64_t kinds);

/* The bit of a kind's catalog field with this kernel name (plan.h, filter_fields). */
uint64_t bench_field_bit(enum event_kind kind, const char *kernel_name);

/* A sample in the making. */
struct bench_sample {
	struct bench *bench;
	const char *system, *name;
	struct sample_read reads[SAMPLE_READS_MAX];
	bool has_reads;
	uint32_t size;
	uint8_t raw[16384];
};

void bench_sample_init(struct bench_sample *s, struct bench *b, const char *system, const char *name);
void bench_set(struct bench_sample *s, const char *field, uint64_t value);
/* A string in a __data_loc field, NUL-terminated there, or at the beginning of an array. */
void bench_set_string(struct bench_sample *s, const char *field, const char *value);
void bench_read(struct bench_sample *s, unsigned int read, const char *value);
void bench_read_error(struct bench_sample *s, unsigned int read, int error, const char *beginning);
/* Pushes it, a microsecond after the last one. */
void bench_push(struct bench_sample *s, uint32_t tgid, uint32_t tid);

/* A return with field `ret`. */
void bench_return(struct bench *b, const char *system, const char *name, int64_t ret);

/* Takes all that was pushed. `count`: how many events there must be then. */
void bench_round(struct bench *b, size_t count);
/* Forgets the events so far. */
void bench_clear(struct bench *b);

#endif
