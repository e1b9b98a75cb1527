#include "tracing/fake_source.h"
#include "tracing/recording.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FORMAT(name, id)                                                       \
	"name: " name "\nID: " id "\nformat:\n"                                \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:u64 value;\toffset:8;\tsize:8;\tsigned:0;\n\nprint fmt: \"%llu\", REC->value\n"

static const struct {
	const char *name;
	const char *format;
} tracepoints[] = {{"first", FORMAT("first", "101")}, {"second", FORMAT("second", "102")}};

#define TRACEPOINTS 2
#define LOG_MAX     16
#define READS       3

/* What a source delivered, notices among the samples. */
struct entry {
	bool is_notice;
	struct sample sample;
	char event[16];
	uint64_t raw[2];
	struct notice notice;
	char strings[32];
	struct sample_read reads[READS];
	char read_bytes[READS][16];
};

struct log {
	struct entry entries[LOG_MAX];
	size_t count;
};

static struct entry *log_add(struct log *log)
{
	cr_assert_lt(log->count, LOG_MAX);
	return &log->entries[log->count++];
}

static void take_notice(void *context, const struct notice *notice)
{
	struct entry *entry = log_add(context);

	entry->is_notice = true;
	entry->notice = *notice;
	if (notice->kind == NOTICE_EXEC_ARGUMENTS) {
		cr_assert_leq(notice->exec.size, sizeof(entry->strings));
		memcpy(entry->strings, notice->exec.bytes, notice->exec.size);
	}
}

static bool take_sample(struct sample_source *s, struct log *log)
{
	struct sample sample;
	struct entry *entry;

	if (!s->ops->next(s, &sample))
		return false;
	entry = log_add(log);
	entry->sample = sample;
	(void)snprintf(entry->event, sizeof(entry->event), "%s", format_name(sample.event->format));
	cr_assert_leq(sample.raw_size, sizeof(entry->raw));
	if (sample.raw_size)
		memcpy(entry->raw, sample.raw, sample.raw_size);
	for (uint32_t i = 0; sample.reads && i < sample.event->read_count; i++) {
		entry->reads[i] = sample.reads[i];
		cr_assert_leq(sample.reads[i].length, sizeof(entry->read_bytes[i]));
		memcpy(entry->read_bytes[i], sample.reads[i].bytes, sample.reads[i].length);
	}
	return true;
}

static void expect_same_sample(const struct entry *a, const struct entry *b)
{
	cr_expect_str_eq(a->event, b->event);
	cr_expect_eq(a->sample.kind, b->sample.kind);
	cr_expect_eq(a->sample.abi, b->sample.abi);
	cr_expect_eq(a->sample.time_ns, b->sample.time_ns);
	cr_expect_eq(a->sample.tgid, b->sample.tgid);
	cr_expect_eq(a->sample.tid, b->sample.tid);
	cr_expect_eq(a->sample.cpu, b->sample.cpu);
	cr_expect_eq(a->sample.lost, b->sample.lost);
	cr_expect_eq(a->sample.raw_size, b->sample.raw_size);
	cr_expect(!memcmp(a->raw, b->raw, sizeof(a->raw)));
	cr_expect_eq(a->sample.missed, b->sample.missed);
	cr_expect_eq(!a->sample.reads, !b->sample.reads);
	for (int i = 0; i < READS; i++) {
		cr_expect_eq(a->reads[i].length, b->reads[i].length);
		cr_expect_eq(a->reads[i].error, b->reads[i].error);
	}
	cr_expect(!memcmp(a->read_bytes, b->read_bytes, sizeof(a->read_bytes)));
}

static void expect_same_notice(const struct entry *a, const struct entry *b)
{
	cr_expect_eq(a->notice.kind, b->notice.kind);
	cr_expect_eq(a->notice.tgid, b->notice.tgid);
	cr_expect_eq(a->notice.tid, b->notice.tid);
	cr_expect_eq(a->notice.time_ns, b->notice.time_ns);
	if (a->notice.kind == NOTICE_EXIT_STATUS)
		cr_expect_eq(a->notice.exit.status, b->notice.exit.status);
	if (a->notice.kind != NOTICE_EXEC_ARGUMENTS)
		return;
	cr_expect_eq(a->notice.exec.size, b->notice.exec.size);
	cr_expect_eq(a->notice.exec.count, b->notice.exec.count);
	cr_expect_eq(a->notice.exec.argc, b->notice.exec.argc);
	cr_expect(!memcmp(a->strings, b->strings, sizeof(a->strings)));
}

static void expect_same(const struct log *a, const struct log *b)
{
	cr_assert_eq(a->count, b->count, "%zu and %zu", a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		cr_assert_eq(a->entries[i].is_notice, b->entries[i].is_notice);
		if (a->entries[i].is_notice)
			expect_same_notice(&a->entries[i], &b->entries[i]);
		else
			expect_same_sample(&a->entries[i], &b->entries[i]);
	}
}

static char directory[64];
static char path[96];
static struct sample_source *fake, *tee;

static void add(struct sample_source *s, const char *name)
{
	const struct kernel_event_spec spec = {.system = "test", .name = name};
	struct kernel_event *event;
	struct error err = {0};

	cr_assert_eq(s->ops->add(s, &spec, NULL, &event, &err), 0, "%s", err.message);
}

static void set_up(void)
{
	struct error err = {0};

	(void)snprintf(directory, sizeof(directory), "/tmp/recording.XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/recording", directory);
	fake = fake_source_new();
	cr_assert_not_null(fake);
	for (size_t i = 0; i < TRACEPOINTS; i++)
		cr_assert_eq(fake_source_format(fake, "test", tracepoints[i].name, tracepoints[i].format, &err), 0, "%s", err.message);
	cr_assert_eq(recording_tee_open(&tee, fake, path, &err), 0, "%s", err.message);
	for (size_t i = 0; i < TRACEPOINTS; i++)
		add(tee, tracepoints[i].name);
}

static void tear_down(void)
{
	(void)remove(path);
	cr_assert_eq(remove(directory), 0);
}

TestSuite(recording, .init = set_up, .fini = tear_down, .timeout = 60);

static void push(const char *name, uint64_t time_ns)
{
	uint64_t raw[2] = {101, time_ns * 7};
	struct sample sample = {.abi = time_ns % 2 ? SAMPLE_ABI_32 : SAMPLE_ABI_64,
				.time_ns = time_ns,
				.tgid = 4711,
				.tid = 4711 + (uint32_t)time_ns,
				.cpu = 3,
				.raw = (const uint8_t *)raw,
				.raw_size = sizeof(raw)};

	cr_assert_eq(fake_source_push(fake, "test", name, &sample), 0);
}

static void tell(struct log *log, const struct notice *notice)
{
	recording_tee_notice(tee, notice);
	take_notice(log, notice);
}

static struct sample_source *replay(struct log *log)
{
	struct sample_source *s = NULL;
	struct error err = {0};

	cr_assert_eq(recording_tee_error(tee), 0);
	tee->ops->free(tee);
	cr_assert_eq(recording_open(&s, path, NULL, NULL, &err), 0, "%s", err.message);
	recording_set_notice(s, take_notice, log);
	return s;
}

static void swap(struct entry *a, struct entry *b)
{
	struct entry was = *a;

	*a = *b;
	*b = was;
}

Test(recording, a_replay_gives_the_samples_and_notices_that_were_delivered)
{
	const struct notice arguments = {.kind = NOTICE_EXEC_ARGUMENTS,
					 .tgid = 4711,
					 .tid = 4712,
					 .time_ns = 21,
					 .exec = {.bytes = "ls\0\0-l", .size = 7, .count = 3, .argc = 5}};
	const struct notice status = {.kind = NOTICE_EXIT_STATUS, .tgid = 4711, .tid = 4712, .time_ns = 31, .exit.status = 0x86};
	const struct notice lost = {.kind = NOTICE_EXEC_LOST, .time_ns = 33};
	struct sample_source_counters counters;
	struct log live = {0}, again = {0};
	struct sample_source *s;

	push("first", 10);
	push("second", 20);
	cr_assert_eq(fake_source_push_lost(fake, "test", "second", 25, 1234), 0);
	push("first", 35);
	tee->ops->advance(tee);
	cr_assert(take_sample(tee, &live));
	tell(&live, &arguments);
	cr_assert(take_sample(tee, &live));
	tell(&live, &status);
	tell(&live, &lost);
	while (take_sample(tee, &live))
		;
	cr_assert_eq(live.count, 7);

	s = replay(&again);
	for (size_t i = 0; i < TRACEPOINTS; i++)
		add(s, tracepoints[i].name);
	cr_expect_eq(s->ops->advance(s), 35, "everything is up to the horizon");
	while (take_sample(s, &again))
		;
	/* A sample is written when the next call shows that it was used: notices that came in between stand before it. */
	swap(&live.entries[0], &live.entries[1]);
	swap(&live.entries[2], &live.entries[3]);
	swap(&live.entries[3], &live.entries[4]);
	expect_same(&live, &again);
	s->ops->counters(s, &counters);
	cr_expect_eq(counters.samples, 3);
	cr_expect_eq(counters.lost, 1234);
	cr_expect_eq(counters.corrupt, 0);
	s->ops->free(s);
}

Test(recording, a_sample_that_was_held_is_written_once_and_behind_the_notice_it_waited_for)
{
	const struct notice status = {.kind = NOTICE_EXIT_STATUS, .tgid = 4711, .tid = 4721, .time_ns = 11, .exit.status = 256};
	struct log live = {0}, held = {0}, again = {0};
	struct sample_source *s;

	push("first", 10);
	push("second", 20);
	for (int i = 0; i < 3; i++) {
		tee->ops->advance(tee);
		cr_assert(take_sample(tee, &held));
		tee->ops->hold(tee);
		tee->ops->release(tee);
	}
	tee->ops->advance(tee);
	tell(&live, &status);
	while (take_sample(tee, &live))
		;
	cr_assert_eq(live.count, 3);

	s = replay(&again);
	for (size_t i = 0; i < TRACEPOINTS; i++)
		add(s, tracepoints[i].name);
	while (take_sample(s, &again))
		;
	expect_same(&live, &again);
	s->ops->free(s);
}

Test(recording, a_sample_of_a_replay_that_was_held_comes_again_without_the_notices_before_it)
{
	const struct notice status = {.kind = NOTICE_EXIT_STATUS, .tgid = 4711, .tid = 4721, .time_ns = 11, .exit.status = 256};
	struct log live = {0}, again = {0};
	struct sample_source_counters counters;
	struct sample_source *s;

	push("first", 10);
	push("second", 20);
	tell(&live, &status);
	while (take_sample(tee, &live))
		;
	s = replay(&again);
	for (size_t i = 0; i < TRACEPOINTS; i++)
		add(s, tracepoints[i].name);
	s->ops->hold(s);
	for (int i = 0; i < 3; i++) {
		cr_assert(take_sample(s, &again));
		s->ops->hold(s);
		s->ops->hold(s);
		again.count--;
	}
	s->ops->counters(s, &counters);
	cr_expect_eq(counters.samples, 0);
	while (take_sample(s, &again))
		;
	expect_same(&live, &again);
	s->ops->counters(s, &counters);
	cr_expect_eq(counters.samples, 2);
	cr_expect_eq(again.entries[1].sample.event->delivered, 1);
	s->ops->free(s);
}

static void add_with_reads(struct sample_source *s, const char *name, uint32_t count)
{
	struct kernel_event_spec spec = {.system = "test", .name = name};
	struct kernel_event *event;
	struct error err = {0};

	for (uint32_t i = 0; i < count; i++)
		spec.reads[i] = (struct sample_read_spec){.kind = SAMPLE_READ_STRING, .field = "value"};
	cr_assert_eq(s->ops->add(s, &spec, NULL, &event, &err), 0, "%s", err.message);
	cr_expect_eq(event->read_count, count);
}

/* A tracepoint with two reads, and hits of it with and without them among those of others. */
static void push_reads(void)
{
	static const char format[] = FORMAT("third", "103");
	const struct sample_read reads[] = {{.bytes = "/etc/passwd", .length = 11}, {.bytes = "", .error = -EFAULT}};
	struct sample sample = {.time_ns = 20, .tgid = 1, .tid = 1, .raw = (const uint8_t *)"1234", .raw_size = 4, .reads = reads};
	struct error err = {0};

	cr_assert_eq(fake_source_format(fake, "test", "third", format, &err), 0, "%s", err.message);
	add_with_reads(tee, "third", 2);
	push("first", 10);
	cr_assert_eq(fake_source_push(fake, "test", "third", &sample), 0);
	push("first", 30);
	sample.time_ns = 40;
	sample.reads = NULL;
	cr_assert_eq(fake_source_push(fake, "test", "third", &sample), 0);
}

static void drain(struct sample_source *s, struct log *log)
{
	while (take_sample(s, log))
		;
}

Test(recording, late_reads_come_with_the_hit_they_belong_to_even_when_it_was_held)
{
	struct log live = {0}, again = {0};
	struct sample_source *s;

	push_reads();
	drain(tee, &live);
	cr_assert_eq(live.count, 4);
	cr_expect_eq(live.entries[1].reads[0].length, 11);
	s = replay(&again);
	add(s, "first");
	add_with_reads(s, "third", 2);
	while (take_sample(s, &again)) {
		s->ops->hold(s);
		again.count--;
		cr_assert(take_sample(s, &again));
	}
	expect_same(&live, &again);
	cr_expect_eq(again.entries[1].reads[1].error, -EFAULT);
	s->ops->free(s);
}

Test(recording, reads_of_what_nobody_installed_are_passed_over_with_it)
{
	struct sample_source_counters counters;
	struct log live = {0}, again = {0};
	struct sample_source *s;

	push_reads();
	drain(tee, &live);
	s = replay(&again);
	add(s, "first");
	drain(s, &again);
	cr_assert_eq(again.count, 2);
	cr_expect_null(again.entries[1].sample.reads);
	expect_same_sample(&again.entries[1], &live.entries[2]);
	s->ops->counters(s, &counters);
	cr_expect_eq(counters.corrupt, 0);
	s->ops->free(s);
}

Test(recording, a_read_that_was_not_recorded_says_so_and_one_that_is_not_wanted_is_left)
{
	for (uint32_t wanted = 1; wanted <= READS; wanted += 2) {
		struct log live = {0}, again = {0};
		struct sample_source *s;

		if (wanted > 1) {
			tear_down();
			set_up();
		}
		push_reads();
		drain(tee, &live);
		s = replay(&again);
		add_with_reads(s, "third", wanted);
		drain(s, &again);
		cr_assert_eq(again.count, 2);
		cr_expect_eq(again.entries[0].reads[0].length, 11);
		cr_expect_eq(again.entries[0].reads[1].error, wanted > 1 ? -EFAULT : 0);
		cr_expect_eq(again.entries[0].reads[2].error, wanted > 1 ? -ENODATA : 0);
		cr_expect_null(again.entries[1].sample.reads);
		s->ops->free(s);
	}
}

Test(recording, missed_hits_and_hits_without_room_are_told_apart)
{
	struct sample missed = {.kind = SAMPLE_LOST, .time_ns = 12, .lost = 7, .missed = true};
	struct sample_source_counters counters;
	struct log live = {0}, again = {0};
	struct sample_source *s;

	push("first", 10);
	cr_assert_eq(fake_source_push(fake, "test", "first", &missed), 0);
	cr_assert_eq(fake_source_push_lost(fake, "test", "first", 13, 5), 0);
	drain(tee, &live);
	fake->ops->counters(fake, &counters);
	cr_expect_eq(counters.missed, 7);
	cr_expect_eq(counters.lost, 5);
	s = replay(&again);
	add(s, "first");
	drain(s, &again);
	expect_same(&live, &again);
	s->ops->counters(s, &counters);
	cr_expect_eq(counters.missed, 7);
	cr_expect_eq(counters.lost, 5);
	cr_expect_eq(again.entries[1].sample.event->missed, 7);
	cr_expect_eq(again.entries[1].sample.event->lost, 5);
	s->ops->free(s);
}

Test(recording, counters_go_through_and_are_not_in_the_file)
{
	const struct perf_counter counter = {.type = 1, .config = 2};
	const struct counter_group_spec group = {.counters = &counter, .count = 1, .rate = 1};
	const struct kernel_event_spec spec = {.system = "performance", .name = "1:0x2", .counters = &group};
	const struct counter_values values = {.time_enabled = 9, .time_running = 8, .values = {7}, .count = 1};
	const struct sample hit = {.time_ns = 20, .counters = &values};
	struct kernel_event *event;
	struct sample sample;
	struct log live = {0}, again = {0};
	struct sample_source *s;
	struct error err = {0};

	cr_assert_eq(tee->ops->add(tee, &spec, NULL, &event, &err), 0, "%s", err.message);
	cr_expect_null(event->format);
	push("first", 10);
	cr_assert_eq(fake_source_push(fake, "performance", "1:0x2", &hit), 0);
	cr_assert(take_sample(tee, &live));
	cr_assert(tee->ops->next(tee, &sample));
	cr_expect_eq(sample.event, event);
	cr_assert_not_null(sample.counters);
	cr_expect_neq(sample.counters, &values);
	cr_expect(!memcmp(sample.counters, &values, sizeof(values)));
	tee->ops->remove(tee, event);
	s = replay(&again);
	add(s, "first");
	cr_expect_eq(s->ops->add(s, &spec, NULL, &event, &err), -EOPNOTSUPP);
	drain(s, &again);
	expect_same(&live, &again);
	s->ops->free(s);
}

Test(recording, what_nobody_installed_is_passed_over_and_what_it_does_not_have_is_refused)
{
	const struct kernel_event_spec spec = {.system = "test", .name = "third"};
	struct log live = {0}, again = {0};
	struct kernel_event *event = NULL;
	struct sample_source *s;
	struct error err = {0};

	push("first", 10);
	push("second", 20);
	while (take_sample(tee, &live))
		;
	s = replay(&again);
	add(s, "second");
	cr_expect_eq(s->ops->add(s, &spec, NULL, &event, &err), -ENOENT);
	cr_expect_not_null(strstr(err.message, "test:third"), "%s", err.message);
	cr_expect_null(event);
	while (take_sample(s, &again))
		;
	cr_assert_eq(again.count, 1);
	expect_same_sample(&again.entries[0], &live.entries[1]);
	s->ops->free(s);
}

Test(recording, a_file_that_is_there_is_never_written_over)
{
	struct sample_source *second = NULL, *inner = fake_source_new();
	struct error err = {0};
	struct stat before, after;

	cr_assert_eq(stat(path, &before), 0);
	cr_expect_eq(recording_tee_open(&second, inner, path, &err), -EEXIST);
	cr_expect_not_null(strstr(err.message, path), "%s", err.message);
	cr_expect_null(second);
	cr_assert_eq(stat(path, &after), 0);
	cr_expect_eq(before.st_size, after.st_size);
	tee->ops->free(tee);
}

Test(recording, reads_behind_a_gap_are_recorded_and_come_back)
{
	static const char format[] = FORMAT("gap", "104");
	const struct kernel_event_spec spec = {
		.system = "test",
		.name = "gap",
		.reads = {[0] = {SAMPLE_READ_STRING, "value", NULL}, [2] = {SAMPLE_READ_STRING, "value", NULL}}};
	const struct sample_read reads[] = {{.bytes = "old", .length = 3}, {.bytes = ""}, {.bytes = "newer", .length = 5}};
	const struct sample sample = {.time_ns = 5, .tgid = 1, .tid = 1, .raw = (const uint8_t *)"1234", .raw_size = 4, .reads = reads};
	struct log live = {0}, again = {0};
	struct kernel_event *event;
	struct sample_source *s;
	struct error err = {0};

	cr_assert_eq(fake_source_format(fake, "test", "gap", format, &err), 0, "%s", err.message);
	cr_assert_eq(tee->ops->add(tee, &spec, NULL, &event, &err), 0, "%s", err.message);
	cr_expect_eq(event->read_count, 3);
	cr_assert_eq(fake_source_push(fake, "test", "gap", &sample), 0);
	drain(tee, &live);
	s = replay(&again);
	cr_assert_eq(s->ops->add(s, &spec, NULL, &event, &err), 0, "%s", err.message);
	drain(s, &again);
	expect_same(&live, &again);
	cr_expect_eq(again.entries[0].reads[2].length, 5);
	cr_expect_eq(memcmp(again.entries[0].read_bytes[2], "newer", 5), 0);
	s->ops->free(s);
}
