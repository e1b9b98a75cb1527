#include "tracing/recording.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <utlist.h>

#include "base/cleanup.h"

/* A tracepoint that the file describes. */
struct recorded_event {
	struct kernel_event base;
	struct format *format;
	uint32_t index;
	bool installed;
	struct recorded_event *next;
};

struct recording {
	struct sample_source base;
	uint8_t *bytes;
	size_t size;
	size_t position;
	size_t last_position; /* of the sample that next() returned last, or of its reads, which stand before it */
	const uint8_t *reads; /* of the sample that comes next: what follows the record's header; NULL: it has none */
	uint32_t reads_size;
	struct sample_read last_reads[SAMPLE_READS_MAX];
	notice_fn notice;
	void *notice_context;
	struct recorded_event *events;
	struct sample last; /* that sample */
	uint64_t last_time_ns;
	uint64_t end_ns; /* the latest time of all samples */
	struct sample_source_counters counters;
};

static struct recording *recording_of(struct sample_source *s)
{
	return (struct recording *)s;
}

/* The record at *position, which is moved behind it; NULL: the end, or a record that is cut. */
static const uint8_t *recording_step(const struct recording *r, size_t *position, struct recording_header *ret)
{
	const uint8_t *payload;

	assert(r->bytes);
	if (r->size - *position < sizeof(*ret))
		return NULL;
	memcpy(ret, r->bytes + *position, sizeof(*ret));
	if (r->size - *position - sizeof(*ret) < ret->size)
		return NULL;
	payload = r->bytes + *position + sizeof(*ret);
	*position += sizeof(*ret) + ret->size;
	return payload;
}

static struct recorded_event *recording_event(const struct recording *r, uint32_t index)
{
	struct recorded_event *event;

	LL_FOREACH (r->events, event)
		if (event->index == index)
			return event;
	return NULL;
}

static int recording_add_format(struct recording *r, const uint8_t *payload, size_t size, struct error *err)
{
	struct recorded_event *event = NULL;
	struct recording_format format;
	char *system, *name;
	const char *text;
	int code = -ENOMEM;

	if (size < sizeof(format))
		return error_set(err, -EINVAL, "a format of %zu bytes is too short", size);
	memcpy(&format, payload, sizeof(format));
	if ((uint64_t)format.system_size + format.name_size + format.text_size != size - sizeof(format))
		return error_set(err, -EINVAL, "a format's parts are not as long as the whole");
	if (recording_event(r, format.index))
		return 0;
	text = (const char *)payload + sizeof(format);
	system = strndup(text, format.system_size);
	name = strndup(text + format.system_size, format.name_size);
	text += format.system_size + format.name_size;
	if (system && name)
		event = calloc(1, sizeof(*event));
	if (event)
		code = format_parse(&event->format, system, name, text, format.text_size, err);
	else
		error_set(err, code, "out of memory");
	free(system);
	free(name);
	if (code) {
		free(event);
		return code;
	}
	event->index = format.index;
	LL_PREPEND(r->events, event);
	return 0;
}

static bool is_sample(const struct recording_header *header)
{
	return header->type == RECORDING_HIT || header->type == RECORDING_LOST || header->type == RECORDING_MISSED;
}

static void recording_note_time(struct recording *r, const uint8_t *payload, size_t size)
{
	struct recording_sample sample;

	if (size < sizeof(sample))
		return;
	memcpy(&sample, payload, sizeof(sample));
	if (sample.time_ns > r->end_ns)
		r->end_ns = sample.time_ns;
}

/* Formats first: a consumer installs its events before it reads samples. And the end, which is the horizon of a source that has come to it. */
static int recording_look_through(struct recording *r, struct error *err)
{
	size_t position = RECORDING_MAGIC_BYTES;
	struct recording_header header;
	const uint8_t *payload;
	int code;

	while ((payload = recording_step(r, &position, &header))) {
		code = header.type == RECORDING_FORMAT ? recording_add_format(r, payload, header.size, err) : 0;
		if (code)
			return code;
		if (is_sample(&header))
			recording_note_time(r, payload, header.size);
	}
	return 0;
}

static int recording_add(struct sample_source *s, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret,
			 struct error *err)
{
	struct recorded_event *event;

	if (spec->counters)
		return error_set(err, -EOPNOTSUPP, "a recording has no counters");
	LL_FOREACH (recording_of(s)->events, event)
		if (!strcmp(format_system(event->format), spec->system) && !strcmp(format_name(event->format), spec->name))
			break;
	if (!event)
		return error_set(err, -ENOENT, "the recording has no tracepoint %s:%s", spec->system, spec->name);
	if (event->installed)
		return error_set(err, -EEXIST, "%s:%s is installed already", spec->system, spec->name);
	event->base = (struct kernel_event){.format = event->format, .owner = owner, .read_count = sample_read_count(spec->reads)};
	event->installed = true;
	*ret = &event->base;
	return 0;
}

/* A recording was filtered when it was made. */
static int recording_refilter(struct sample_source *s, struct kernel_event *event, const char *filter, struct error *err)
{
	(void)s;
	(void)event;
	(void)filter;
	(void)err;
	return 0;
}

static void recording_remove(struct sample_source *s, struct kernel_event *event)
{
	(void)s;
	((struct recorded_event *)event)->installed = false;
}

static uint64_t recording_advance(struct sample_source *s)
{
	return recording_of(s)->end_ns;
}

/* False: the record makes no sense. */
static bool recording_parse_reads(struct recording *r, uint32_t wanted)
{
	const uint8_t *next, *end = r->reads + r->reads_size;
	struct recording_reads reads;
	struct recording_read read;

	for (uint32_t i = 0; i < wanted; i++)
		r->last_reads[i] = (struct sample_read){.bytes = "", .error = -ENODATA};
	if (r->reads_size < sizeof(reads))
		return false;
	memcpy(&reads, r->reads, sizeof(reads));
	if (reads.count > SAMPLE_READS_MAX || r->reads_size - sizeof(reads) < reads.count * sizeof(read))
		return false;
	next = r->reads + sizeof(reads) + reads.count * sizeof(read);
	for (uint32_t i = 0; i < reads.count; i++) {
		memcpy(&read, r->reads + sizeof(reads) + i * sizeof(read), sizeof(read));
		if (read.length > end - next)
			return false;
		if (i < wanted)
			r->last_reads[i] = (struct sample_read){.bytes = (const char *)next, .length = read.length, .error = read.error};
		next += read.length;
	}
	return next == end;
}

static const struct sample_read *recording_take_reads(struct recording *r, const struct recorded_event *event)
{
	if (!r->reads || !event->base.read_count)
		return NULL;
	if (recording_parse_reads(r, event->base.read_count))
		return r->last_reads;
	r->counters.corrupt++;
	return NULL;
}

static bool recording_take_sample(struct recording *r, const struct recording_header *header, const uint8_t *payload, struct sample *ret)
{
	struct recording_sample sample;
	struct recorded_event *event;

	if (header->size < sizeof(sample)) {
		r->counters.corrupt++;
		return false;
	}
	memcpy(&sample, payload, sizeof(sample));
	event = recording_event(r, sample.format_index);
	if (!event || sample.raw_size != header->size - sizeof(sample)) {
		r->counters.corrupt++;
		return false;
	}
	if (!event->installed)
		return false;
	if (sample.time_ns > r->last_time_ns)
		r->last_time_ns = sample.time_ns;
	*ret = (struct sample){
		.kind = header->type == RECORDING_HIT ? SAMPLE_HIT : SAMPLE_LOST,
		.abi = sample.abi <= SAMPLE_ABI_64 ? (enum sample_abi)sample.abi : SAMPLE_ABI_UNKNOWN,
		.event = &event->base,
		.time_ns = r->last_time_ns,
		.tgid = sample.tgid,
		.tid = sample.tid,
		.cpu = sample.cpu,
		.raw_size = sample.raw_size,
		.raw = payload + sizeof(sample),
		.reads = header->type == RECORDING_HIT ? recording_take_reads(r, event) : NULL,
		.lost = sample.lost,
		.missed = header->type == RECORDING_MISSED,
	};
	return true;
}

static void recording_take_notice(struct recording *r, const struct recording_header *header, const uint8_t *payload)
{
	struct recording_notice record;
	struct notice notice;

	if (header->size < sizeof(record)) {
		r->counters.corrupt++;
		return;
	}
	memcpy(&record, payload, sizeof(record));
	if (record.bytes != header->size - sizeof(record) || record.kind > NOTICE_EXEC_LOST) {
		r->counters.corrupt++;
		return;
	}
	notice = (struct notice){.kind = (enum notice_kind)record.kind, .tgid = record.tgid, .tid = record.tid, .time_ns = record.time_ns};
	if (notice.kind == NOTICE_EXEC_ARGUMENTS) {
		notice.exec.bytes = (const char *)payload + sizeof(record);
		notice.exec.size = record.bytes;
		notice.exec.count = record.count;
		notice.exec.argc = record.argc;
	} else if (notice.kind == NOTICE_EXIT_STATUS) {
		notice.exit.status = record.status;
	}
	if (r->notice)
		r->notice(r->notice_context, &notice);
}

/* The next record; reads and the hit behind them are one. */
static const uint8_t *recording_step_whole(struct recording *r, struct recording_header *ret)
{
	const uint8_t *payload;

	r->reads = NULL;
	r->last_position = r->position;
	payload = recording_step(r, &r->position, ret);
	if (!payload || ret->type != RECORDING_READS)
		return payload;
	r->reads = payload;
	r->reads_size = ret->size;
	return recording_step(r, &r->position, ret);
}

/* `times` is 1, or -1 to take a sample back. */
static void recording_count(struct recording *r, const struct sample *sample, int times)
{
	uint64_t hits = sample->kind == SAMPLE_HIT ? (uint64_t)times : 0, losses = sample->lost * (uint64_t)times;

	r->counters.samples += hits;
	sample->event->delivered += hits;
	*(sample->missed ? &r->counters.missed : &r->counters.lost) += losses;
	*(sample->missed ? &sample->event->missed : &sample->event->lost) += losses;
}

static int recording_next(struct sample_source *s, struct sample *ret)
{
	struct recording *r = recording_of(s);
	struct recording_header header;
	const uint8_t *payload;

	while ((payload = recording_step_whole(r, &header))) {
		if (header.type == RECORDING_NOTICE)
			recording_take_notice(r, &header, payload);
		if (!is_sample(&header) || !recording_take_sample(r, &header, payload, ret))
			continue;
		recording_count(r, ret, 1);
		r->last = *ret;
		return 1;
	}
	return 0;
}

/* Notices are never handed out twice: a sample that was held stands before everything behind it, and its own were before it. */
static void recording_hold(struct sample_source *s)
{
	struct recording *r = recording_of(s);

	if (r->position == r->last_position)
		return;
	recording_count(r, &r->last, -1);
	r->position = r->last_position;
}

static void recording_nothing(struct sample_source *s)
{
	(void)s;
}

static void recording_counters(const struct sample_source *s, struct sample_source_counters *ret)
{
	*ret = ((const struct recording *)s)->counters;
}

static void recording_free(struct sample_source *s)
{
	struct recording *r = recording_of(s);
	struct recorded_event *event, *next;

	LL_FOREACH_SAFE (r->events, event, next) {
		format_free(event->format);
		free(event);
	}
	free(r->bytes);
	free(r);
}

static const struct sample_source_ops recording_ops = {
	.add = recording_add,
	.refilter = recording_refilter,
	.remove = recording_remove,
	.advance = recording_advance,
	.next = recording_next,
	.hold = recording_hold,
	.release = recording_nothing,
	.settle = recording_nothing,
	.counters = recording_counters,
	.free = recording_free,
};

static int recording_read_file(struct recording *r, const char *path, struct error *err)
{
	cleanup_fclose FILE *file = fopen(path, "rbe");
	struct stat status;

	if (!file || fstat(fileno(file), &status))
		return error_set_errno(err, -errno, "recording %s", path);
	r->size = (size_t)status.st_size;
	r->bytes = malloc(r->size + 1);
	if (!r->bytes)
		return error_set(err, -ENOMEM, "recording %s: out of memory", path);
	r->size = fread(r->bytes, 1, r->size, file);
	if (r->size < RECORDING_MAGIC_BYTES || memcmp(r->bytes, RECORDING_MAGIC, RECORDING_MAGIC_BYTES) != 0)
		return error_set(err, -EINVAL, "%s is not a recording of samples", path);
	r->position = r->last_position = RECORDING_MAGIC_BYTES;
	return 0;
}

int recording_open(struct sample_source **ret, const char *path, notice_fn fn, void *context, struct error *err)
{
	struct recording *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return error_set(err, -ENOMEM, "out of memory");
	r->base.ops = &recording_ops;
	recording_set_notice(&r->base, fn, context);
	code = recording_read_file(r, path, err);
	if (!code && (code = recording_look_through(r, err)))
		error_prefix(err, code, "recording %s", path);
	if (code) {
		recording_free(&r->base);
		return code;
	}
	*ret = &r->base;
	return 0;
}

void recording_set_notice(struct sample_source *recording, notice_fn fn, void *context)
{
	recording_of(recording)->notice = fn;
	recording_of(recording)->notice_context = context;
}
