#include "tests/sensor/sensor_bench.h"

#include "base/clock.h"
#include "sensor/capture.h"
#include "sensor/catalog.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT_BYTES_MAX 16384

static const char common_fields[] = "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
				    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
				    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
				    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n";

static void put_someone(struct bench *b)
{
	char path[256];

	proc_tree_put(&b->proc, &(struct proc_tree_process){.pid = 1, .comm = "init", .start_tick = 3});
	proc_tree_put(&b->proc, &(struct proc_tree_process){.pid = BENCH_PID, .comm = "someone", .parent = 1, .start_tick = 4});
	(void)snprintf(path, sizeof(path), "%d/status", BENCH_PID);
	proc_tree_write(&b->proc, path, "Name:\tsomeone\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\n");
	(void)snprintf(path, sizeof(path), "%s/%d/cwd", b->proc.path, BENCH_PID);
	cr_assert_eq(symlink("/home/someone", path), 0);
}

void bench_init(struct bench *b, const char *kernel)
{
	*b = (struct bench){.kernel = kernel, .now_ns = clock_monotonic_ns() + NSEC_PER_SEC};
	proc_tree_init(&b->proc);
	put_someone(b);
	b->source = fake_source_new();
	cr_assert_not_null(b->source);
}

void bench_clear(struct bench *b)
{
	for (size_t i = 0; i < b->count; i++)
		for (int j = 0; j < BENCH_STRINGS; j++)
			free(b->events[i].strings[j]);
	b->count = 0;
}

void bench_done(struct bench *b)
{
	bench_clear(b);
	if (b->sensor)
		sensor_free(b->sensor);
	else
		b->source->ops->free(b->source);
	proc_tree_done(&b->proc);
}

void bench_know(struct bench *b, const char *system, const char *name)
{
	char *text = calloc(1, FORMAT_BYTES_MAX);
	struct error err = {0};
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/formats/%s/%s/%.*s/format", TEST_DATA, b->kernel, system, (int)strcspn(name, "#"), name);
	file = fopen(path, "r");
	cr_assert(file && text, "%s", path);
	cr_assert_gt(fread(text, 1, FORMAT_BYTES_MAX - 1, file), 0);
	(void)fclose(file);
	cr_assert_eq(fake_source_format(b->source, system, name, text, &err), 0, "%s", err.message);
	free(text);
}

void bench_know_processes(struct bench *b)
{
	bench_know(b, "task", "task_newtask");
	bench_know(b, "task", "task_rename");
	bench_know(b, "sched", "sched_process_exec");
	bench_know(b, "sched", "sched_process_exit");
}

/* As trace_kprobe.c lays out a probe: fields one behind the other after where it is. */
void bench_know_function(struct bench *b, const char *system, const char *name, const char *const *fields)
{
	struct error err = {0};
	unsigned int at = 16;
	struct buffer text;

	buffer_init(&text, 0);
	buffer_printf(&text, "name: %.*s\nID: 1500\nformat:\n%s\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n",
		      (int)strcspn(name, "#"), name, common_fields);
	for (; *fields; fields++) {
		unsigned int size = strncmp(*fields, "__data_loc", 10) != 0 ? 8 : 4;
		const char *bracket = strchr(*fields, '[');

		if (size == 8 && bracket)
			size *= (unsigned int)atoi(bracket + 1);
		buffer_printf(&text, "\tfield:%s;\toffset:%u;\tsize:%u;\tsigned:%d;\n", *fields, at, size, **fields == 's');
		at += size;
	}
	buffer_put_string(&text, "\nprint fmt: \"\"\n");
	buffer_put_u8(&text, '\0');
	cr_assert_not(text.failed);
	cr_assert_eq(fake_source_format(b->source, system, name, (const char *)text.data, &err), 0, "%s", err.message);
	buffer_done(&text);
}

static char *copy(const struct event_string *string)
{
	char *bytes = calloc(1, string->length + 1);

	cr_assert_not_null(bytes);
	return memcpy(bytes, string->bytes, string->length);
}

static bool is_file(enum event_kind kind)
{
	return kind >= EVENT_FILE_OPEN && kind <= EVENT_FILE_ATTRIBUTE_CHANGE;
}

static void take_event(void *context, struct event *event)
{
	struct bench *b = context;
	struct bench_event *logged = &b->events[b->count++];

	cr_assert_leq(b->count, BENCH_EVENTS_MAX);
	*logged = (struct bench_event){.event = *event, .has_own_credentials = event->credentials};
	if (event->credentials)
		logged->credentials = *event->credentials;
	else if (event->process)
		logged->credentials = event->process->credentials;
	if (event->kind == EVENT_PROCESS_CWD)
		logged->strings[BENCH_PATH] = copy(&event->cwd.path);
	if (!is_file(event->kind))
		return;
	logged->strings[BENCH_FILENAME] = copy(&event->file.filename);
	logged->strings[BENCH_PATH] = copy(&event->file.path);
	if (event->kind != EVENT_FILE_LINK && event->kind != EVENT_FILE_RENAME)
		return;
	logged->strings[BENCH_TARGET] = copy(&event->file.target);
	logged->strings[BENCH_TARGET_PATH] = copy(&event->file.target_path);
}

static void take_flush(void *context)
{
	(void)context;
}

void bench_start(struct bench *b, const struct sensor_options *options)
{
	const struct sensor_consumer consumer = {.context = b, .event = take_event, .flush = take_flush};
	struct sensor_options all = options ? *options : (struct sensor_options){0};
	struct error err = {0};

	all.source = b->source;
	all.proc = b->proc.path;
	all.probes.self_tgid = BENCH_SELF;
	cr_assert_eq(sensor_new(&b->sensor, &all, &consumer, &err), 0, "%s", err.message);
}

void bench_start_with(struct bench *b, enum event_kind kind, const char *way)
{
	static char names[8][128];
	static const char *forbidden[8];
	struct capture_set set;
	struct capture *c;
	size_t count = 0;

	cr_assert_eq(capture_set_init(&set, NULL), 0);
	c = capture_of(&set, kind);
	for (size_t i = 0; i < c->source->candidate_count; i++) {
		if (strcmp(c->source->candidates[i].name, way) == 0)
			continue;
		capture_name(c->source, names[count], sizeof(names[count]));
		strncat(names[count], "/", 2);
		strncat(names[count], c->source->candidates[i].name, 40);
		forbidden[count] = names[count];
		count++;
	}
	cr_assert_lt(count, c->source->candidate_count, "%s is no way", way);
	capture_set_done(&set);
	bench_start(b, &(struct sensor_options){.probes = {.forbidden = forbidden, .forbidden_count = count}});
}

void bench_apply(struct bench *b, const struct plan *plan)
{
	memset(b->refusals, 0, sizeof(b->refusals));
	sensor_apply(b->sensor, plan, b->refusals);
}

void bench_want(struct bench *b, uint64_t kinds)
{
	struct plan plan = {0};

	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		plan.kinds[kind].wanted = kinds & EVENT_KIND_BIT(kind);
	bench_apply(b, &plan);
}

uint64_t bench_field_bit(enum event_kind kind, const char *kernel_name)
{
	const struct catalog_entry *entry = catalog_entry(kind);

	for (size_t i = 0; i < entry->field_count; i++)
		if (entry->fields[i].kernel_name && !strcmp(entry->fields[i].kernel_name, kernel_name))
			return UINT64_C(1) << i;
	cr_assert_fail("%s", kernel_name);
	return 0;
}

void bench_sample_init(struct bench_sample *s, struct bench *b, const char *system, const char *name)
{
	memset(s, 0, sizeof(*s));
	s->bench = b;
	s->system = system;
	s->name = name;
	s->size = 1024;
	for (int i = 0; i < SAMPLE_READS_MAX; i++)
		s->reads[i].bytes = "";
}

static struct format_field find_field(const struct bench_sample *s, const char *field)
{
	const struct format *format = fake_source_format_of(s->bench->source, s->system, s->name);
	struct error err = {0};
	struct format_field ret;

	cr_assert_not_null(format, "%s:%s", s->system, s->name);
	cr_assert_eq(format_field(format, field, &ret, &err), 0, "%s", err.message);
	return ret;
}

void bench_set(struct bench_sample *s, const char *field, uint64_t value)
{
	struct format_field f = find_field(s, field);

	memcpy(s->raw + f.offset, &value, f.size < 8 ? f.size : 8);
}

void bench_set_string(struct bench_sample *s, const char *field, const char *value)
{
	struct format_field f = find_field(s, field);
	uint32_t length = (uint32_t)strlen(value) + 1;
	uint32_t location = s->size | length << 16;

	if (!f.is_data_loc) {
		memcpy(s->raw + f.offset, value, length < f.size ? length : f.size);
		return;
	}
	cr_assert_leq(s->size + length, sizeof(s->raw));
	memcpy(s->raw + f.offset, &location, sizeof(location));
	memcpy(s->raw + s->size, value, length);
	s->size += length;
}

void bench_read(struct bench_sample *s, unsigned int read, const char *value)
{
	bench_read_error(s, read, 0, value);
}

void bench_read_error(struct bench_sample *s, unsigned int read, int error, const char *beginning)
{
	s->reads[read] = (struct sample_read){.bytes = beginning, .length = (uint32_t)strlen(beginning), .error = error};
	s->has_reads = true;
}

void bench_push(struct bench_sample *s, uint32_t tgid, uint32_t tid)
{
	const struct sample sample = {
		.time_ns = s->bench->now_ns += 1000,
		.tgid = tgid,
		.tid = tid,
		.raw = s->raw,
		.raw_size = s->size,
		.reads = s->has_reads ? s->reads : NULL,
	};

	cr_assert_eq(fake_source_push(s->bench->source, s->system, s->name, &sample), 0, "%s:%s", s->system, s->name);
}

void bench_return(struct bench *b, const char *system, const char *name, int64_t ret)
{
	struct bench_sample s;

	bench_sample_init(&s, b, system, name);
	bench_set(&s, "ret", (uint64_t)ret);
	bench_push(&s, BENCH_PID, BENCH_PID);
}

void bench_round(struct bench *b, size_t count)
{
	cr_assert_eq(sensor_round(b->sensor, 1000), SENSOR_IDLE);
	cr_assert_eq(b->count, count, "%zu events", b->count);
}
