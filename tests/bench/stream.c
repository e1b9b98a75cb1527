#include "tests/bench/stream.h"

#include "base/clock.h"
#include "sensor/file_builders.h"
#include "tests/bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMATS      TEST_DATA "/formats/6.12"
#define FORMAT_BYTES 16384
#define INSTALLED    256
#define RAW_BYTES    128
#define RUN          8
#define ACTIVE_PART  50 /* one in so many */
#define CHILDREN     4096

/* What the stream is made of. */
enum {
	SYS_EXIT,
	OPENAT,
	NEWTASK,
	EXEC,
	EXIT,
	MADE,
};

static const struct {
	const char *system, *name;
} made[MADE] = {
	[SYS_EXIT] = {"raw_syscalls", "sys_exit"}, [OPENAT] = {"syscalls", "sys_enter_openat"}, [NEWTASK] = {"task", "task_newtask"},
	[EXEC] = {"sched", "sched_process_exec"},  [EXIT] = {"sched", "sched_process_exit"},
};

struct stream_sample {
	uint32_t made;
	uint32_t tgid;
	uint32_t raw_size;
	const struct sample_read *reads;
	uint8_t raw[RAW_BYTES];
};

struct stream {
	struct format *formats[MADE];
	struct stream_sample *samples;
	uint32_t count;
};

struct stream_event {
	struct kernel_event base;
	struct format *format; /* NULL: free */
};

struct stream_source {
	struct sample_source base;
	const struct stream *stream;
	struct stream_event events[INSTALLED];
	struct kernel_event *made[MADE]; /* the first of each that was installed */
	uint64_t start_ns;               /* of the first sample of this time */
	uint32_t at;
	struct sample_source_counters counters;
};

static struct format *load_format(const char *system, const char *name, struct error *err)
{
	char path[512], text[FORMAT_BYTES];
	struct format *format = NULL;
	size_t length;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s/%s/format", FORMATS, system, name);
	file = fopen(path, "r");
	if (!file) {
		(void)error_set(err, -ENOENT, "this kernel has no tracepoint %s:%s", system, name);
		return NULL;
	}
	length = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	return format_parse(&format, system, name, text, length, err) ? NULL : format;
}

/* The stream */

static struct format_field find_field(const struct stream *s, const struct stream_sample *to, const char *name)
{
	struct format_field field;
	struct error err = {0};

	measure_require(format_field(s->formats[to->made], name, &field, &err) == 0, "%s", err.message);
	return field;
}

static void put_integer(const struct stream *s, struct stream_sample *to, const char *name, uint64_t value)
{
	struct format_field field = find_field(s, to, name);
	uint32_t end = field.offset + field.size;

	measure_require(end <= RAW_BYTES, "%s ends at byte %u of the sample, at most %d are kept", name, end, RAW_BYTES);
	memcpy(to->raw + field.offset, &value, field.size < sizeof(value) ? field.size : sizeof(value));
	to->raw_size = end > to->raw_size ? end : to->raw_size;
}

static void put_string(const struct stream *s, struct stream_sample *to, const char *name, const char *value)
{
	struct format_field field = find_field(s, to, name);
	uint32_t length = (uint32_t)strlen(value) + 1;
	uint32_t at = field.is_data_loc ? to->raw_size : field.offset;

	measure_require(at + length <= RAW_BYTES, "%s ends at byte %u of the sample, at most %d are kept", name, at + length, RAW_BYTES);
	if (field.is_data_loc) {
		uint32_t location = at | length << 16;

		memcpy(to->raw + field.offset, &location, sizeof(location));
	}
	memcpy(to->raw + at, value, length);
	to->raw_size = at + length > to->raw_size ? at + length : to->raw_size;
}

static void make_syscall(const struct stream *s, struct stream_sample *to, uint32_t n)
{
	to->made = SYS_EXIT;
	put_integer(s, to, "id", n * 7 % 335);
	put_integer(s, to, "ret", n % 3 ? n % 4096 : (uint64_t)-2);
}

static void make_open(const struct stream *s, struct stream_sample *to, uint32_t n)
{
#define READS(name)                                                                                                    \
	{                                                                                                              \
		[FILE_READ_NAME] = {.bytes = name, .length = sizeof(name) - 1}, [FILE_READ_DIRECTORY] = {.bytes = ""}, \
		[FILE_READ_TARGET] = {.bytes = ""}, [FILE_READ_TARGET_DIRECTORY] = {.bytes = ""},                      \
	}
	static const struct sample_read reads[][SAMPLE_READS_MAX] = {READS("/usr/lib/x86_64-linux-gnu/libc.so.6"),
								     READS("/etc/ld.so.cache"), READS("/srv/data/index"),
								     READS("settings.json")};

	to->made = OPENAT;
	put_integer(s, to, "dfd", (uint64_t)AT_FDCWD);
	put_integer(s, to, "flags", O_RDONLY | O_CLOEXEC);
	put_integer(s, to, "mode", 0);
	to->reads = reads[n % (sizeof(reads) / sizeof(reads[0]))];
}

static void make_fork(const struct stream *s, struct stream_sample *to, uint32_t child)
{
	to->made = NEWTASK;
	put_integer(s, to, "pid", child);
	put_string(s, to, "comm", "worker-0");
	put_integer(s, to, "clone_flags", SIGCHLD);
	put_integer(s, to, "oom_score_adj", 0);
}

static void make_exec(const struct stream *s, struct stream_sample *to, uint32_t child)
{
	to->made = EXEC;
	to->tgid = child;
	put_integer(s, to, "pid", child);
	put_integer(s, to, "old_pid", child);
	put_string(s, to, "filename", "/usr/bin/convert");
}

static void make_exit(const struct stream *s, struct stream_sample *to, uint32_t child)
{
	to->made = EXIT;
	to->tgid = child;
	put_string(s, to, "comm", "worker-0");
	put_integer(s, to, "pid", child);
	put_integer(s, to, "prio", 120);
}

/* 7,919 is a prime number, so that all have their turn before one has it again. */
static uint32_t choose(const struct crowd *c, enum stream_order order, uint32_t n)
{
	uint32_t processes = c->shape.processes;

	if (order == STREAM_EACH_ANOTHER)
		return (uint32_t)((uint64_t)n * 7919 % processes);
	return n / RUN % (processes / ACTIVE_PART + 1) * (ACTIVE_PART - 1) % processes;
}

static void make_sample(const struct stream *s, struct stream_sample *to, const struct crowd *c, uint32_t n)
{
	uint32_t child = crowd_tgid_end(c) + n / 50 % CHILDREN;

	switch (n % 50) {
	case 10:
		make_fork(s, to, child);
		return;
	case 20:
		make_exec(s, to, child);
		return;
	case 30:
		make_exit(s, to, child);
		return;
	default:
		if (n % 50 < 48 && n % 4 == 1)
			make_open(s, to, n);
		else
			make_syscall(s, to, n);
	}
}

struct stream *stream_new(const struct crowd *c, enum stream_order order, uint32_t count)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct error err = {0};

	measure_require(s && (s->samples = calloc(count, sizeof(*s->samples))), "out of memory");
	s->count = count;
	for (int i = 0; i < MADE; i++) {
		s->formats[i] = load_format(made[i].system, made[i].name, &err);
		measure_require(s->formats[i] != NULL, "%s", err.message);
	}
	for (uint32_t n = 0; n < count; n++) {
		s->samples[n].tgid = crowd_tgid(choose(c, order, n));
		make_sample(s, &s->samples[n], c, n);
	}
	return s;
}

struct stream *stream_free(struct stream *s)
{
	if (!s)
		return NULL;
	for (int i = 0; i < MADE; i++)
		format_free(s->formats[i]);
	free(s->samples);
	free(s);
	return NULL;
}

/* The source */

static struct stream_source *source_of(struct sample_source *s)
{
	return (struct stream_source *)s;
}

static int add(struct sample_source *source, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret,
	       struct error *err)
{
	struct stream_source *s = source_of(source);
	struct stream_event *event = s->events;

	if (spec->probe || spec->counters)
		return error_set(err, -ENOENT, "there are no probes");
	while (event < s->events + INSTALLED && event->format)
		event++;
	measure_require(event < s->events + INSTALLED, "more than %d tracepoints are asked for", INSTALLED);
	event->format = load_format(spec->system, spec->name, err);
	if (!event->format)
		return -ENOENT;
	event->base = (struct kernel_event){.format = event->format, .owner = owner, .read_count = sample_read_count(spec->reads)};
	for (int i = 0; i < MADE; i++)
		if (!s->made[i] && !strcmp(spec->system, made[i].system) && !strcmp(spec->name, made[i].name))
			s->made[i] = &event->base;
	*ret = &event->base;
	return 0;
}

static int refilter(struct sample_source *source, struct kernel_event *event, const char *filter, struct error *err)
{
	(void)source;
	(void)event;
	(void)filter;
	(void)err;
	return 0;
}

static void remove_event(struct sample_source *source, struct kernel_event *kernel_event)
{
	struct stream_event *event = (struct stream_event *)kernel_event;
	struct stream_source *s = source_of(source);

	for (int i = 0; i < MADE; i++)
		if (s->made[i] == kernel_event)
			s->made[i] = NULL;
	event->format = format_free(event->format);
}

static uint64_t advance(struct sample_source *source)
{
	const struct stream_source *s = source_of(source);

	return s->start_ns + s->stream->count * NSEC_PER_USEC;
}

static int next(struct sample_source *source, struct sample *ret)
{
	struct stream_source *s = source_of(source);
	const struct stream_sample *from = &s->stream->samples[s->at];

	if (s->at == s->stream->count)
		return 0;
	*ret = (struct sample){
		.abi = SAMPLE_ABI_64,
		.event = s->made[from->made],
		.time_ns = s->start_ns + s->at * NSEC_PER_USEC,
		.tgid = from->tgid,
		.tid = from->tgid,
		.raw = from->raw,
		.raw_size = from->raw_size,
		.reads = from->reads,
	};
	ret->event->delivered++;
	s->counters.samples++;
	s->at++;
	return 1;
}

static void hold(struct sample_source *source)
{
	source_of(source)->at--;
}

static void do_nothing(struct sample_source *source)
{
	(void)source;
}

static void counters(const struct sample_source *source, struct sample_source_counters *ret)
{
	*ret = ((const struct stream_source *)source)->counters;
}

static void free_source(struct sample_source *source)
{
	struct stream_source *s = source_of(source);

	for (size_t i = 0; i < INSTALLED; i++)
		format_free(s->events[i].format);
	free(s);
}

static const struct sample_source_ops ops = {
	.add = add,
	.refilter = refilter,
	.remove = remove_event,
	.advance = advance,
	.next = next,
	.hold = hold,
	.release = do_nothing,
	.settle = do_nothing,
	.counters = counters,
	.free = free_source,
};

struct sample_source *stream_source_new(const struct stream *stream)
{
	struct stream_source *s = calloc(1, sizeof(*s));

	measure_require(s != NULL, "out of memory");
	s->base.ops = &ops;
	s->stream = stream;
	s->start_ns = clock_monotonic_ns();
	s->at = stream->count;
	return &s->base;
}

void stream_source_repeat(struct sample_source *source)
{
	struct stream_source *s = source_of(source);
	uint64_t now_ns = clock_monotonic_ns();

	/* Behind all that there was, and behind what the scan of /proc has seen. */
	s->start_ns += s->stream->count * NSEC_PER_USEC;
	if (s->start_ns < now_ns)
		s->start_ns = now_ns;
	s->at = 0;
}
