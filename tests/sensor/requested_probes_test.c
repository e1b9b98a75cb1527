#include "sensor/sensor.h"
#include "tests/sensor/proc_tree.h"
#include "tracing/fake_source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the sensor does with requests, whatever they are of. */

#define NOBODY 4194305 /* beyond any pid_max */
#define FILTER "count == 1"

static const char format[] = "name: vfs_read\nID: 1392\nformat:\n"
			     "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
			     "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
			     "\tfield:u64 count;\toffset:8;\tsize:8;\tsigned:0;\n\nprint fmt: \"%d\", REC->count\n";

static struct sample_source *source;
static struct sensor *sensor;
static struct proc_tree proc;
static struct plan plan;
static struct error refusals[4];
static struct event seen[8];
static size_t seen_count;

static void take_event(void *context, struct event *event)
{
	(void)context;
	cr_assert_lt(seen_count, 8);
	seen[seen_count++] = *event;
}

static void take_flush(void *context)
{
	(void)context;
}

static void init(void)
{
	struct sensor_consumer consumer = {.event = take_event, .flush = take_flush};
	struct sensor_options options = {.probes = {.self_tgid = (uint32_t)getpid(), .max_requests = 1}};
	struct error err = {0};

	proc_tree_init(&proc);
	options.proc = proc.path;
	options.source = source = fake_source_new();
	cr_assert_eq(fake_source_format(source, "kprobe", "vfs_read", format, &err), 0, "%s", err.message);
	cr_assert_eq(sensor_new(&sensor, &options, &consumer, &err), 0, "%s", err.message);
}

static void done(void)
{
	plan_done(&plan);
	sensor_free(sensor);
	proc_tree_done(&proc);
}

TestSuite(requested_probes, .init = init, .fini = done);

static void apply(void)
{
	struct error kinds[EVENT_KIND_COUNT] = {0};

	sensor_apply(sensor, &plan, kinds);
}

static const struct error *want(const char *symbol)
{
	char name[] = "count", expression[] = "$arg3:u64";
	struct probe_parameter parameter = {.name = name, .expression = expression};
	struct error *refusal = &refusals[plan.request_count];
	struct probe_request *request;
	struct error err = {0};

	cr_assert_eq(probe_request_new_call(&request, EVENT_KERNEL_CALL_ENTER, NULL, symbol, &parameter, 1, FILTER, &err), 0, "%s",
		     err.message);
	cr_assert_eq(plan_add_request(&plan, request, refusal), 0);
	probe_request_unref(request);
	apply();
	return refusal;
}

static void hit(uint32_t tgid, uint32_t tid)
{
	uint64_t raw[2] = {0, 7};
	struct sample sample = {.time_ns = 1000, .tgid = tgid, .tid = tid, .raw = (const uint8_t *)raw, .raw_size = sizeof(raw)};

	cr_assert_eq(fake_source_push(source, "kprobe", "vfs_read", &sample), 0);
	sensor_round(sensor, 100);
}

Test(requested_probes, events_and_losses_name_the_request_of_the_plan)
{
	cr_assert_eq(want("vfs_read")->code, 0, "%s", refusals[0].message);
	hit(NOBODY, NOBODY);
	cr_assert_eq(fake_source_push_lost(source, "kprobe", "vfs_read", 2000, 5), 0);
	sensor_round(sensor, 100);
	cr_assert_eq(seen_count, 2);
	cr_expect_eq(seen[0].kind, EVENT_KERNEL_CALL_ENTER);
	cr_expect_eq(seen[0].request, plan.requests[0].request);
	cr_expect_eq(seen[1].kind, EVENT_LOST);
	cr_expect_eq(seen[1].request, plan.requests[0].request);
	cr_expect_eq(seen[1].lost.of, EVENT_KERNEL_CALL_ENTER);
	cr_expect_eq(seen[1].lost.count, 5);
}

Test(requested_probes, one_that_is_not_wanted_any_more_is_removed)
{
	struct probe_request *request;

	want("vfs_read");
	request = probe_request_ref(plan.requests[0].request);
	plan_done(&plan);
	apply();
	cr_expect_null(fake_source_filter(source, "kprobe", "vfs_read"));
	cr_expect_eq(request->references, 1);
	probe_request_unref(request);
}

Test(requested_probes, one_that_stays_wanted_is_not_installed_anew)
{
	const char *before;

	want("vfs_read");
	before = fake_source_probe(source, "kprobe", "vfs_read");
	apply();
	cr_assert_eq(fake_source_probe(source, "kprobe", "vfs_read"), before);
	cr_assert_eq(refusals[0].code, 0);
}

Test(requested_probes, beyond_the_limit_they_are_refused)
{
	want("vfs_read");
	cr_assert_eq(want("vfs_write")->code, -ENOSPC);
	cr_assert_eq(refusals[0].code, 0);
}

static void *linger(void *hold)
{
	pthread_mutex_t *mutex = hold;

	pthread_mutex_lock(mutex);
	pthread_mutex_unlock(mutex);
	return NULL;
}

Test(requested_probes, a_new_thread_of_ours_is_kept_out_and_the_clients_filter_stays)
{
	pthread_mutex_t hold = PTHREAD_MUTEX_INITIALIZER;
	const char *filter;
	pthread_t thread;

	want("vfs_read");
	pthread_mutex_lock(&hold);
	cr_assert_eq(pthread_create(&thread, NULL, linger, &hold), 0);
	hit((uint32_t)getpid(), (uint32_t)getpid() + 1);
	sensor_settle(sensor);
	filter = fake_source_filter(source, "kprobe", "vfs_read");
	cr_expect_eq(seen_count, 0);
	cr_expect(strstr(filter, " && common_pid != ") || strstr(filter, " && (common_pid < "), "%s", filter);
	cr_expect(!strncmp(filter, "(" FILTER ") && ", strlen("(" FILTER ") && ")), "%s", filter);
	pthread_mutex_unlock(&hold);
	pthread_join(thread, NULL);
}
