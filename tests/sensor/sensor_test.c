#include "sensor/catalog.h"
#include "sensor/sensor.h"
#include "tests/sensor/proc_tree.h"
#include "tracing/fake_source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMMON_FIELDS                                                                  \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"         \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"         \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

static const char enter_format[] = "name: sys_enter\nID: 443\nformat:\n" COMMON_FIELDS "\tfield:long id;\toffset:8;\tsize:8;\tsigned:1;\n"
				   "\tfield:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;\n\nprint fmt: \"NR %ld\", REC->id\n";

static const char exit_format[] = "name: sys_exit\nID: 442\nformat:\n" COMMON_FIELDS "\tfield:long id;\toffset:8;\tsize:8;\tsigned:1;\n"
				  "\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;\n\nprint fmt: \"NR %ld\", REC->id\n";

#define EVENTS_MAX 16
#define NOBODY     4194305 /* beyond any pid_max */
#define SELF       4194306

struct log {
	struct event events[EVENTS_MAX];
	size_t count;
	unsigned int flushes;
	unsigned int notices;
};

static void take_event(void *context, struct event *event)
{
	struct log *log = context;

	cr_assert_lt(log->count, EVENTS_MAX);
	log->events[log->count++] = *event;
}

static void take_flush(void *context)
{
	((struct log *)context)->flushes++;
}

static void take_notices(void *context)
{
	((struct log *)context)->notices++;
}

struct bench {
	struct sample_source *source;
	struct sensor *sensor;
	struct log log;
	struct proc_tree proc;
};

/* A host without processes, and a kernel that knows system calls only. */
static struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct sensor_consumer consumer = {.context = &b->log, .event = take_event, .flush = take_flush, .notices = take_notices};
	struct sensor_options options = {.probes = {.self_tgid = SELF}};
	struct error err = {0};

	proc_tree_init(&b->proc);
	b->source = fake_source_new();
	cr_assert_eq(fake_source_format(b->source, "raw_syscalls", "sys_enter", enter_format, &err), 0, "%s", err.message);
	cr_assert_eq(fake_source_format(b->source, "raw_syscalls", "sys_exit", exit_format, &err), 0, "%s", err.message);
	options.source = b->source;
	options.proc = b->proc.path;
	cr_assert_eq(sensor_new(&b->sensor, &options, &consumer, &err), 0, "%s", err.message);
	return b;
}

static void bench_free(struct bench *b)
{
	sensor_free(b->sensor);
	proc_tree_done(&b->proc);
	free(b);
}

static void want(struct bench *b, enum event_kind kind, const char *filter, struct error refusals[EVENT_KIND_COUNT])
{
	struct error ignored[EVENT_KIND_COUNT] = {0};
	struct plan plan = {0};

	plan.kinds[kind].wanted = true;
	plan.kinds[kind].filter = filter ? strdup(filter) : NULL;
	sensor_apply(b->sensor, &plan, refusals ? refusals : ignored);
	plan_done(&plan);
}

static void call(struct bench *b, uint64_t time_ns, uint32_t tgid, int64_t id, enum sample_abi abi)
{
	uint64_t raw[8] = {0, (uint64_t)id, 1, 2, 3, 4, 5, 6};
	struct sample sample = {.abi = abi,
				.time_ns = time_ns,
				.tgid = tgid,
				.tid = tgid + 1,
				.cpu = 3,
				.raw = (const uint8_t *)raw,
				.raw_size = sizeof(raw)};

	cr_assert_eq(fake_source_push(b->source, "raw_syscalls", "sys_enter", &sample), 0);
}

Test(sensor, a_system_call_becomes_an_event_with_all_that_the_sample_says)
{
	struct bench *b = bench_new();
	const struct event *event = &b->log.events[0];

	want(b, EVENT_SYSCALL_ENTER, NULL, NULL);
	call(b, 100, NOBODY, 257, SAMPLE_ABI_64);
	cr_assert_eq(sensor_round(b->sensor, 100), SENSOR_IDLE);
	cr_assert_eq(b->log.count, 1);
	cr_assert_eq(event->kind, EVENT_SYSCALL_ENTER);
	cr_assert_eq(event->time_ns, 100);
	cr_assert_eq(event->tgid, NOBODY);
	cr_assert_eq(event->tid, NOBODY + 1);
	cr_assert_eq(event->cpu, 3);
	cr_assert_eq(event->syscall.id, 257);
	cr_assert_eq(event->syscall.abi, SAMPLE_ABI_64);
	for (uint64_t i = 0; i < 6; i++)
		cr_assert_eq(event->syscall.arguments[i], i + 1);
	cr_assert_null(event->process, "there is no such process");
	cr_assert_eq(b->log.flushes, 1);
	cr_assert_eq(b->log.notices, 1);
	bench_free(b);
}

Test(sensor, a_round_stops_after_so_many_samples_and_says_that_there_is_more)
{
	struct bench *b = bench_new();

	want(b, EVENT_SYSCALL_ENTER, NULL, NULL);
	for (uint64_t i = 0; i < 10; i++)
		call(b, 100 + i, NOBODY, 1, SAMPLE_ABI_64);
	cr_assert_eq(sensor_round(b->sensor, 7), SENSOR_MORE);
	cr_assert_eq(b->log.count, 7);
	cr_assert_eq(sensor_now_ns(b->sensor), 106);
	cr_assert_eq(sensor_round(b->sensor, 7), SENSOR_IDLE);
	cr_assert_eq(b->log.count, 10);
	bench_free(b);
}

Test(sensor, its_own_threads_are_not_reported)
{
	struct bench *b = bench_new();

	want(b, EVENT_SYSCALL_ENTER, NULL, NULL);
	call(b, 100, SELF, 1, SAMPLE_ABI_64);
	call(b, 101, NOBODY, 1, SAMPLE_ABI_64);
	sensor_round(b->sensor, 100);
	cr_assert_eq(b->log.count, 1);
	cr_assert_eq(b->log.events[0].tgid, NOBODY);
	bench_free(b);
}

Test(sensor, losses_come_as_events_in_their_place_and_name_what_was_lost)
{
	struct bench *b = bench_new();

	want(b, EVENT_SYSCALL_ENTER, NULL, NULL);
	call(b, 100, NOBODY, 1, SAMPLE_ABI_64);
	call(b, 300, NOBODY, 1, SAMPLE_ABI_64);
	cr_assert_eq(fake_source_push_lost(b->source, "raw_syscalls", "sys_enter", 200, 17), 0);
	sensor_round(b->sensor, 100);
	cr_assert_eq(b->log.count, 3);
	cr_assert_eq(b->log.events[1].kind, EVENT_LOST);
	cr_assert_eq(b->log.events[1].time_ns, 200);
	cr_assert_eq(b->log.events[1].lost.count, 17);
	cr_assert_eq(b->log.events[1].lost.of, EVENT_SYSCALL_ENTER);
	cr_assert_eq(b->log.events[1].lost.cause, LOST_RING);
	bench_free(b);
}

Test(sensor, the_plan_is_installed_changed_and_removed)
{
	struct bench *b = bench_new();
	struct error refusals[EVENT_KIND_COUNT] = {0};
	struct plan nothing = {0};

	cr_assert_null(fake_source_filter(b->source, "raw_syscalls", "sys_enter"));
	want(b, EVENT_SYSCALL_ENTER, "id == 1", NULL);
	cr_assert_str_eq(fake_source_filter(b->source, "raw_syscalls", "sys_enter"), "id == 1");
	cr_assert_null(fake_source_filter(b->source, "raw_syscalls", "sys_exit"));
	want(b, EVENT_SYSCALL_ENTER, "(id == 1) || (id == 2)", NULL);
	cr_assert_str_eq(fake_source_filter(b->source, "raw_syscalls", "sys_enter"), "(id == 1) || (id == 2)");
	want(b, EVENT_SYSCALL_ENTER, NULL, NULL);
	cr_assert_str_eq(fake_source_filter(b->source, "raw_syscalls", "sys_enter"), "");
	sensor_apply(b->sensor, &nothing, refusals);
	cr_assert_null(fake_source_filter(b->source, "raw_syscalls", "sys_enter"));
	bench_free(b);
}

Test(sensor, a_kind_that_this_kernel_lacks_is_refused_and_the_others_work)
{
	struct bench *b = bench_new();
	struct error refusals[EVENT_KIND_COUNT] = {0};
	struct plan plan = {0};

	plan.kinds[EVENT_SYSCALL_EXIT].wanted = true;
	plan.kinds[EVENT_PROCESS_EXEC].wanted = true;
	sensor_apply(b->sensor, &plan, refusals);
	cr_assert_eq(refusals[EVENT_PROCESS_EXEC].code, -ENOENT);
	cr_assert_not_null(strstr(refusals[EVENT_PROCESS_EXEC].message, "sched:sched_process_exec"));
	cr_assert_eq(refusals[EVENT_SYSCALL_EXIT].code, 0);
	cr_assert_not_null(fake_source_filter(b->source, "raw_syscalls", "sys_exit"));
	bench_free(b);
}

Test(sensor, a_return_from_no_call_is_no_event)
{
	struct bench *b = bench_new();
	int64_t raw[3] = {0, -1, 0};
	struct sample sample = {.time_ns = 5, .tgid = NOBODY, .tid = NOBODY, .raw = (const uint8_t *)raw, .raw_size = sizeof(raw)};

	want(b, EVENT_SYSCALL_EXIT, NULL, NULL);
	fake_source_push(b->source, "raw_syscalls", "sys_exit", &sample);
	raw[1] = 39;
	raw[2] = -2;
	fake_source_push(b->source, "raw_syscalls", "sys_exit", &sample);
	sensor_round(b->sensor, 100);
	cr_assert_eq(b->log.count, 1);
	cr_assert_eq(b->log.events[0].syscall.id, 39);
	cr_assert_eq(b->log.events[0].syscall.result, -2);
	bench_free(b);
}

Test(catalog, every_row_stands_in_its_place_and_is_found_by_its_names)
{
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		const struct catalog_entry *entry = catalog_entry((enum event_kind)kind);

		cr_assert_eq((int)entry->kind, kind);
		cr_assert_eq(catalog_find(entry->family, entry->type), entry);
		for (size_t i = 0; i < entry->field_count; i++)
			cr_assert_eq(catalog_field(entry->kind, entry->fields[i].name), &entry->fields[i]);
	}
	cr_assert_null(catalog_find("syscall", "nonesuch"));
	cr_assert_null(catalog_field(EVENT_TICKER, "nonesuch"));
}

/* Formats as of 6.18; enough of them for a process that ends. */
static const char process_exit_format[] =
	"name: sched_process_exit\nID: 369\nformat:\n" COMMON_FIELDS "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
	"\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n\tfield:int prio;\toffset:28;\tsize:4;\tsigned:1;\n"
	"\tfield:bool group_dead;\toffset:32;\tsize:1;\tsigned:0;\n\nprint fmt: \"comm=%s\", REC->comm\n";

static void end_process(struct sample_source *source, uint64_t time_ns, uint32_t tgid)
{
	uint8_t raw[36] = {[32] = 1};
	struct sample sample = {.time_ns = time_ns, .tgid = tgid, .tid = tgid, .raw = raw, .raw_size = sizeof(raw)};

	memcpy(raw + 24, &tgid, sizeof(tgid));
	cr_assert_eq(fake_source_push(source, "sched", "sched_process_exit", &sample), 0);
}

Test(sensor, an_exit_waits_for_its_notice_and_what_is_behind_it_waits_too)
{
	struct proc_tree proc;
	struct log log = {0};
	struct sample_source *source = fake_source_new();
	struct sensor_consumer consumer = {.context = &log, .event = take_event, .flush = take_flush};
	struct sensor_options options = {.source = source};
	struct error refusals[EVENT_KIND_COUNT] = {0}, err = {0};
	struct plan plan = {0};
	struct sensor *sensor;

	proc_tree_init(&proc);
	options.proc = proc.path;
	cr_assert_eq(fake_source_format(source, "sched", "sched_process_exit", process_exit_format, &err), 0, "%s", err.message);
	cr_assert_eq(sensor_new(&sensor, &options, &consumer, &err), 0, "%s", err.message);
	plan.kinds[EVENT_PROCESS_EXIT].wanted = true;
	sensor_apply(sensor, &plan, refusals);
	sensor_expect_notices(sensor, false, true);

	end_process(source, 1000, NOBODY);
	end_process(source, 1001, NOBODY + 1);
	cr_assert_eq(sensor_round(sensor, 100), SENSOR_WAITING);
	cr_assert_eq(log.count, 0);
	sensor_notice(sensor, &(struct notice){.kind = NOTICE_EXIT_STATUS, .tgid = NOBODY, .tid = NOBODY, .time_ns = 1500, .exit = {139}});
	sensor_notice(sensor,
		      &(struct notice){.kind = NOTICE_EXIT_STATUS, .tgid = NOBODY + 1, .tid = NOBODY + 1, .time_ns = 1501, .exit = {256}});
	cr_assert_eq(sensor_round(sensor, 100), SENSOR_IDLE);
	cr_assert_eq(log.count, 2);
	cr_assert_eq(log.events[0].exit.code, 139);
	cr_assert(log.events[0].exit.core_dumped);
	cr_assert_eq(log.events[1].exit.code, 256);

	/* It does not wait for ever. */
	end_process(source, 2000, NOBODY + 2);
	end_process(source, 2000 + 60 * UINT64_C(1000000000), NOBODY + 3);
	cr_assert_eq(sensor_round(sensor, 100), SENSOR_WAITING, "the second one waits now");
	cr_assert_eq(log.count, 3);
	cr_assert(log.events[2].exit.code_unknown);
	sensor_free(sensor);
	proc_tree_done(&proc);
}

static struct container_fact *told_at(const char *id, uint64_t put_ns, struct container_fact *next)
{
	struct container_fact *f = container_fact_new(id, CONTAINER_SOURCE_DOCKER);

	cr_assert_not_null(f);
	f->state = CONTAINER_CREATED;
	f->put_ns = put_ns;
	f->next = next;
	return f;
}

Test(sensor, what_runtimes_tell_comes_in_its_place_among_the_samples)
{
	struct bench *b = bench_new();

	want(b, EVENT_SYSCALL_ENTER, NULL, NULL);
	call(b, 1000, NOBODY, 1, SAMPLE_ABI_64);
	call(b, 3000, NOBODY, 2, SAMPLE_ABI_64);
	sensor_take_facts(b->sensor, told_at("between", 2000, told_at("last", 4000, NULL)));
	cr_expect_eq(b->log.count, 0);
	cr_assert_eq(sensor_round(b->sensor, 2), SENSOR_MORE);
	cr_assert_eq(b->log.count, 3);
	cr_expect_eq(b->log.events[0].kind, EVENT_SYSCALL_ENTER);
	cr_expect_eq(b->log.events[1].kind, EVENT_CONTAINER_CREATED);
	cr_expect_eq(b->log.events[2].kind, EVENT_SYSCALL_ENTER);
	/* Samples that were before it may still be there. */
	cr_expect(sensor_has_facts(b->sensor));
	call(b, 5000, NOBODY, 3, SAMPLE_ABI_64);
	cr_assert_eq(sensor_round(b->sensor, 2), SENSOR_IDLE);
	cr_assert_eq(b->log.count, 5);
	cr_expect_eq(b->log.events[3].kind, EVENT_CONTAINER_CREATED);
	cr_expect_eq(b->log.events[4].kind, EVENT_SYSCALL_ENTER);
	cr_expect_not(sensor_has_facts(b->sensor));
	/* What is no later than what has been is taken at once, and so is what never was in an inbox. */
	sensor_take_facts(b->sensor, told_at("now", 5000, NULL));
	sensor_take_facts(b->sensor, told_at("never", 0, NULL));
	cr_expect_eq(b->log.count, 7);
	sensor_take_facts(b->sensor, told_at("left", UINT64_MAX, NULL));
	bench_free(b);
}
