#include "tracing/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct tee {
	struct sample_source base;
	struct sample_source *inner;
	FILE *file;
	int error;
	struct sample pending; /* the last one; written when it turns out to be used */
	bool is_pending;
};

static struct tee *tee_of(struct sample_source *s)
{
	return (struct tee *)s;
}

static void tee_write(struct tee *t, const void *bytes, size_t size)
{
	if (!t->error && size && fwrite(bytes, size, 1, t->file) != 1)
		t->error = errno ? -errno : -EIO;
}

static void tee_write_header(struct tee *t, enum recording_type type, size_t size)
{
	struct recording_header header = {.type = (uint32_t)type, .size = (uint32_t)size};

	tee_write(t, &header, sizeof(header));
}

static void tee_write_format(struct tee *t, const struct format *f)
{
	const char *system = format_system(f), *name = format_name(f), *text = format_text(f);
	struct recording_format format = {
		.index = format_id(f),
		.system_size = (uint32_t)strlen(system),
		.name_size = (uint32_t)strlen(name),
		.text_size = (uint32_t)strlen(text),
	};

	tee_write_header(t, RECORDING_FORMAT, sizeof(format) + format.system_size + format.name_size + format.text_size);
	tee_write(t, &format, sizeof(format));
	tee_write(t, system, format.system_size);
	tee_write(t, name, format.name_size);
	tee_write(t, text, format.text_size);
}

static void tee_write_reads(struct tee *t, const struct sample *s)
{
	struct recording_reads reads = {.count = s->event->read_count};
	struct recording_read read;
	size_t size = 0;

	for (uint32_t i = 0; i < reads.count; i++)
		size += s->reads[i].length;
	tee_write_header(t, RECORDING_READS, sizeof(reads) + reads.count * sizeof(read) + size);
	tee_write(t, &reads, sizeof(reads));
	for (uint32_t i = 0; i < reads.count; i++) {
		read = (struct recording_read){.length = s->reads[i].length, .error = s->reads[i].error};
		tee_write(t, &read, sizeof(read));
	}
	for (uint32_t i = 0; i < reads.count; i++)
		tee_write(t, s->reads[i].bytes, s->reads[i].length);
}

static enum recording_type record_type_of(const struct sample *s)
{
	if (s->kind == SAMPLE_HIT)
		return RECORDING_HIT;
	return s->missed ? RECORDING_MISSED : RECORDING_LOST;
}

static void tee_write_pending(struct tee *t)
{
	const struct sample *s = &t->pending;
	struct recording_sample sample;

	if (!t->is_pending)
		return;
	t->is_pending = false;
	if (!s->event->format)
		return;
	if (s->reads && s->event->read_count)
		tee_write_reads(t, s);
	sample = (struct recording_sample){
		.time_ns = s->time_ns,
		.lost = s->lost,
		.format_index = format_id(s->event->format),
		.tgid = s->tgid,
		.tid = s->tid,
		.cpu = s->cpu,
		.abi = (uint32_t)s->abi,
		.raw_size = s->raw_size,
	};
	tee_write_header(t, record_type_of(s), sizeof(sample) + sample.raw_size);
	tee_write(t, &sample, sizeof(sample));
	tee_write(t, s->raw, sample.raw_size);
}

static int tee_add(struct sample_source *s, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret, struct error *err)
{
	struct tee *t = tee_of(s);
	int code = t->inner->ops->add(t->inner, spec, owner, ret, err);

	if (!code && (*ret)->format)
		tee_write_format(t, (*ret)->format);
	return code;
}

static int tee_refilter(struct sample_source *s, struct kernel_event *event, const char *filter, struct error *err)
{
	struct tee *t = tee_of(s);

	return t->inner->ops->refilter(t->inner, event, filter, err);
}

static void tee_remove(struct sample_source *s, struct kernel_event *event)
{
	struct tee *t = tee_of(s);

	tee_write_pending(t);
	t->inner->ops->remove(t->inner, event);
}

static uint64_t tee_advance(struct sample_source *s)
{
	struct tee *t = tee_of(s);

	tee_write_pending(t);
	return t->inner->ops->advance(t->inner);
}

static int tee_next(struct sample_source *s, struct sample *ret)
{
	struct tee *t = tee_of(s);
	int code;

	tee_write_pending(t);
	code = t->inner->ops->next(t->inner, ret);
	t->is_pending = code == 1;
	if (t->is_pending)
		t->pending = *ret;
	return code;
}

static void tee_hold(struct sample_source *s)
{
	struct tee *t = tee_of(s);

	t->is_pending = false;
	t->inner->ops->hold(t->inner);
}

static void tee_release(struct sample_source *s)
{
	struct tee *t = tee_of(s);

	tee_write_pending(t);
	t->inner->ops->release(t->inner);
}

static void tee_settle(struct sample_source *s)
{
	struct tee *t = tee_of(s);

	t->inner->ops->settle(t->inner);
}

static void tee_counters(const struct sample_source *s, struct sample_source_counters *ret)
{
	const struct tee *t = (const struct tee *)s;

	t->inner->ops->counters(t->inner, ret);
}

static void tee_free(struct sample_source *s)
{
	struct tee *t = tee_of(s);

	tee_write_pending(t);
	t->inner->ops->free(t->inner);
	if (t->file)
		fclose(t->file);
	free(t);
}

static const struct sample_source_ops tee_ops = {
	.add = tee_add,
	.refilter = tee_refilter,
	.remove = tee_remove,
	.advance = tee_advance,
	.next = tee_next,
	.hold = tee_hold,
	.release = tee_release,
	.settle = tee_settle,
	.counters = tee_counters,
	.free = tee_free,
};

int recording_tee_open(struct sample_source **ret, struct sample_source *inner, const char *path, struct error *err)
{
	struct tee *t = calloc(1, sizeof(*t));
	int code;

	if (!t) {
		inner->ops->free(inner);
		return error_set(err, -ENOMEM, "out of memory");
	}
	t->base.ops = &tee_ops;
	t->inner = inner;
	t->file = fopen(path, "wbxe");
	if (!t->file) {
		code = error_set_errno(err, -errno, "recording %s", path);
		tee_free(&t->base);
		return code;
	}
	tee_write(t, RECORDING_MAGIC, RECORDING_MAGIC_BYTES);
	*ret = &t->base;
	return 0;
}

void recording_tee_notice(struct sample_source *tee, const struct notice *notice)
{
	struct recording_notice record = {.time_ns = notice->time_ns,
					  .kind = (uint32_t)notice->kind,
					  .tgid = notice->tgid,
					  .tid = notice->tid};

	if (notice->kind == NOTICE_EXEC_ARGUMENTS) {
		record.count = notice->exec.count;
		record.argc = notice->exec.argc;
		record.bytes = (uint32_t)notice->exec.size;
	} else if (notice->kind == NOTICE_EXIT_STATUS) {
		record.status = notice->exit.status;
	}
	tee_write_header(tee_of(tee), RECORDING_NOTICE, sizeof(record) + record.bytes);
	tee_write(tee_of(tee), &record, sizeof(record));
	if (record.bytes)
		tee_write(tee_of(tee), notice->exec.bytes, record.bytes);
}

int recording_tee_error(const struct sample_source *tee)
{
	return ((const struct tee *)tee)->error;
}
