#include "tracing/fake_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

struct fake_event {
	struct kernel_event base;
	char *system, *name;
	struct format *format; /* NULL: counters */
	char *filter;          /* NULL: not installed */
	char *probe;           /* NULL: installed without one */
	struct fake_event *next;
};

struct fake_sample {
	struct sample sample;
	struct fake_event *event;
	uint8_t *raw;
	struct sample_read reads[SAMPLE_READS_MAX];
	char *read_bytes; /* of all of them */
	struct counter_values counters;
	struct fake_sample *prev, *next;
};

struct fake_source {
	struct sample_source base;
	struct fake_event *events;
	struct fake_sample *queue;
	struct fake_sample *current;
	struct sample_source_counters counters;
};

static struct fake_source *fake_of(struct sample_source *s)
{
	return (struct fake_source *)s;
}

static struct fake_event *fake_find(const struct sample_source *s, const char *system, const char *name)
{
	struct fake_event *event;

	LL_FOREACH (((const struct fake_source *)s)->events, event)
		if (!strcmp(event->system, system) && !strcmp(event->name, name))
			return event;
	return NULL;
}

static char *describe_probe(const struct dynamic_probe_spec *probe)
{
	const char *fetchargs = probe->fetchargs ? probe->fetchargs : "";
	char *text;

	return asprintf(&text, "%s%s%s", probe->place, fetchargs[0] ? " " : "", fetchargs) < 0 ? NULL : text;
}

static struct fake_event *fake_event_free(struct fake_event *event)
{
	if (!event)
		return NULL;
	format_free(event->format);
	free(event->system);
	free(event->name);
	free(event->filter);
	free(event->probe);
	free(event);
	return NULL;
}

static struct fake_event *fake_event_new(struct fake_source *f, const char *system, const char *name)
{
	struct fake_event *event = calloc(1, sizeof(*event));

	if (!event)
		return NULL;
	event->system = strdup(system);
	event->name = strdup(name);
	if (!event->system || !event->name)
		return fake_event_free(event);
	LL_PREPEND(f->events, event);
	return event;
}

static struct fake_event *find_to_install(const struct sample_source *s, const struct kernel_event_spec *spec)
{
	struct fake_event *event = fake_find(s, spec->system, spec->name);
	char second[128];

	if (!event || !event->filter)
		return event;
	snprintf(second, sizeof(second), "%s#2", spec->name);
	event = fake_find(s, spec->system, second);
	return event ? event : fake_find(s, spec->system, spec->name);
}

static int fake_add(struct sample_source *s, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret,
		    struct error *err)
{
	struct fake_event *event = find_to_install(s, spec);

	if (!event && spec->counters)
		event = fake_event_new(fake_of(s), spec->system, spec->name);
	if (!event)
		return error_set(err, -ENOENT, "this kernel has no tracepoint %s:%s", spec->system, spec->name);
	if (event->filter)
		return error_set(err, -EEXIST, "%s:%s is installed already", spec->system, spec->name);
	event->filter = strdup(spec->filter ? spec->filter : "");
	event->probe = spec->probe ? describe_probe(spec->probe) : NULL;
	event->base = (struct kernel_event){.format = event->format, .owner = owner, .read_count = sample_read_count(spec->reads)};
	*ret = &event->base;
	return event->filter ? 0 : -ENOMEM;
}

static int fake_refilter(struct sample_source *s, struct kernel_event *kernel_event, const char *filter, struct error *err)
{
	struct fake_event *event = (struct fake_event *)kernel_event;
	char *copy = strdup(filter ? filter : "");

	(void)s;
	if (!copy)
		return error_set(err, -ENOMEM, "out of memory");
	free(event->filter);
	event->filter = copy;
	return 0;
}

static struct fake_sample *fake_sample_free(struct fake_sample *sample)
{
	if (sample) {
		free(sample->raw);
		free(sample->read_bytes);
		free(sample);
	}
	return NULL;
}

static void fake_remove(struct sample_source *s, struct kernel_event *kernel_event)
{
	struct fake_event *event = (struct fake_event *)kernel_event;
	struct fake_source *f = fake_of(s);
	struct fake_sample *sample, *next;

	DL_FOREACH_SAFE (f->queue, sample, next) {
		if (sample->event != event)
			continue;
		DL_DELETE(f->queue, sample);
		fake_sample_free(sample);
	}
	free(event->filter);
	event->filter = NULL;
	free(event->probe);
	event->probe = NULL;
}

static uint64_t fake_advance(struct sample_source *s)
{
	struct fake_source *f = fake_of(s);

	return f->queue ? f->queue->prev->sample.time_ns : 0;
}

static int fake_next(struct sample_source *s, struct sample *ret)
{
	struct fake_source *f = fake_of(s);

	f->current = fake_sample_free(f->current);
	f->current = f->queue;
	if (!f->current)
		return 0;
	DL_DELETE(f->queue, f->current);
	*ret = f->current->sample;
	if (ret->kind == SAMPLE_LOST) {
		*(ret->missed ? &f->counters.missed : &f->counters.lost) += ret->lost;
		*(ret->missed ? &ret->event->missed : &ret->event->lost) += ret->lost;
	} else {
		f->counters.samples++;
		ret->event->delivered++;
	}
	return 1;
}

static void fake_hold(struct sample_source *s)
{
	struct fake_source *f = fake_of(s);

	if (!f->current)
		return;
	f->counters.samples--;
	f->current->event->base.delivered--;
	DL_PREPEND(f->queue, f->current);
	f->current = NULL;
}

static void fake_release(struct sample_source *s)
{
	fake_of(s)->current = fake_sample_free(fake_of(s)->current);
}

static void fake_settle(struct sample_source *s)
{
	(void)s;
}

static void fake_counters(const struct sample_source *s, struct sample_source_counters *ret)
{
	*ret = ((const struct fake_source *)s)->counters;
}

static void fake_free(struct sample_source *s)
{
	struct fake_source *f = fake_of(s);
	struct fake_event *event, *next;
	struct fake_sample *sample, *next_sample;

	DL_FOREACH_SAFE (f->queue, sample, next_sample)
		fake_sample_free(sample);
	fake_sample_free(f->current);
	LL_FOREACH_SAFE (f->events, event, next)
		fake_event_free(event);
	free(f);
}

static const struct sample_source_ops fake_ops = {
	.add = fake_add,
	.refilter = fake_refilter,
	.remove = fake_remove,
	.advance = fake_advance,
	.next = fake_next,
	.hold = fake_hold,
	.release = fake_release,
	.settle = fake_settle,
	.counters = fake_counters,
	.free = fake_free,
};

struct sample_source *fake_source_new(void)
{
	struct fake_source *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->base.ops = &fake_ops;
	return &f->base;
}

int fake_source_format(struct sample_source *s, const char *system, const char *name, const char *text, struct error *err)
{
	struct fake_event *event;
	struct format *format;
	char plain[128];
	int code;

	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(name, "#"), name);
	code = format_parse(&format, system, plain, text, strlen(text), err);
	if (code)
		return code;
	event = fake_event_new(fake_of(s), system, name);
	if (!event) {
		format_free(format);
		return error_set(err, -ENOMEM, "out of memory");
	}
	event->format = format;
	return 0;
}

/* Equal times keep the order in which they were pushed. */
static int compare_time(const struct fake_sample *a, const struct fake_sample *b)
{
	return a->sample.time_ns < b->sample.time_ns ? -1 : 1;
}

static bool copy_reads(struct fake_sample *to, const struct sample *sample, uint32_t count)
{
	size_t size = 0;
	char *bytes;

	for (uint32_t i = 0; i < count; i++)
		size += sample->reads[i].length;
	bytes = to->read_bytes = malloc(size + 1);
	if (!bytes)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		to->reads[i] = sample->reads[i];
		to->reads[i].bytes = memcpy(bytes, sample->reads[i].bytes, sample->reads[i].length);
		bytes += sample->reads[i].length;
	}
	to->sample.reads = to->reads;
	return true;
}

/* Everything that the sample borrows. */
static bool copy_borrowed(struct fake_sample *to, const struct sample *sample)
{
	if (sample->raw_size) {
		to->raw = malloc(sample->raw_size);
		if (!to->raw)
			return false;
		memcpy(to->raw, sample->raw, sample->raw_size);
	}
	to->sample.raw = to->raw;
	if (sample->counters) {
		to->counters = *sample->counters;
		to->sample.counters = &to->counters;
	}
	to->sample.reads = NULL;
	return !sample->reads || copy_reads(to, sample, to->event->base.read_count);
}

static int fake_enqueue(struct sample_source *s, struct fake_event *event, const struct sample *sample)
{
	struct fake_sample *queued;
	struct fake_source *f = fake_of(s);

	if (!event)
		return -ENOENT;
	if (!event->filter)
		return 0;
	queued = calloc(1, sizeof(*queued));
	if (!queued)
		return -ENOMEM;
	queued->sample = *sample;
	queued->sample.event = &event->base;
	queued->event = event;
	if (!copy_borrowed(queued, sample)) {
		fake_sample_free(queued);
		return -ENOMEM;
	}
	DL_INSERT_INORDER(f->queue, queued, compare_time);
	return 0;
}

int fake_source_push(struct sample_source *s, const char *system, const char *name, const struct sample *sample)
{
	return fake_enqueue(s, fake_find(s, system, name), sample);
}

int fake_source_push_lost(struct sample_source *s, const char *system, const char *name, uint64_t time_ns, uint64_t count)
{
	struct sample sample = {.kind = SAMPLE_LOST, .time_ns = time_ns, .lost = count};

	return fake_enqueue(s, fake_find(s, system, name), &sample);
}

const struct format *fake_source_format_of(const struct sample_source *s, const char *system, const char *name)
{
	const struct fake_event *event = fake_find(s, system, name);

	return event ? event->format : NULL;
}

const char *fake_source_filter(const struct sample_source *s, const char *system, const char *name)
{
	const struct fake_event *event = fake_find(s, system, name);

	return event ? event->filter : NULL;
}

const char *fake_source_probe(const struct sample_source *s, const char *system, const char *name)
{
	const struct fake_event *event = fake_find(s, system, name);

	return event ? event->probe : NULL;
}
