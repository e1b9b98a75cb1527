#include "base/clock.h"
#include "tracing/collector.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SLEEPS  20
#define THREADS 200

static void need_kprobes(void)
{
	char path[128];
	struct error err = {0};

	cr_assert_eq(tracefs_open(&err), 0, "%s", err.message);
	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs_path());
	if (access(path, F_OK))
		cr_skip_test("this kernel has no kprobes: what they miss is not tested here");
}

TestSuite(probe_misses, .init = need_kprobes, .timeout = 60);

static struct sample_source *open_source(void)
{
	const struct collector_options options = {.ring_memory_bytes = 4 << 20};
	struct sample_source *source = NULL;
	struct error err = {0};

	cr_assert_eq(collector_open(&source, &options, &err), 0, "%s", err.message);
	return source;
}

static int try_probe(struct sample_source *source, enum dynamic_probe_kind kind, const char *name, const char *symbol,
		     struct kernel_event **ret, struct error *err)
{
	const struct dynamic_probe_spec probe = {.kind = kind, .name = name, .place = symbol};
	const struct kernel_event_spec spec = {.system = "kprobe", .name = name, .probe = &probe};

	return source->ops->add(source, &spec, NULL, ret, err);
}

static struct kernel_event *add_probe(struct sample_source *source, enum dynamic_probe_kind kind, const char *name, const char *symbol)
{
	struct kernel_event *event = NULL;
	struct error err = {0};

	cr_assert_eq(try_probe(source, kind, name, symbol, &event, &err), 0, "%s", err.message);
	return event;
}

/* Something that perf does for every sample; which of it can be probed differs between kernels. */
static struct kernel_event *add_inner_probe(struct sample_source *source)
{
	static const char *const symbols[] = {"perf_event_output_forward", "perf_output_begin_forward", "perf_prepare_sample",
					      "perf_output_sample",        "perf_output_put_handle",    "perf_output_end"};
	struct kernel_event *event = NULL;
	struct error err = {0};

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (!try_probe(source, DYNAMIC_PROBE_KPROBE, "inner", symbols[i], &event, &err))
			return event;
	cr_skip_test("nothing that perf does for a sample can be probed on this kernel");
	return NULL;
}

struct tally {
	uint64_t hits, missed, lost;
};

static void drain(struct sample_source *source, const struct kernel_event *event, struct tally *t)
{
	struct sample sample;

	source->ops->advance(source);
	while (source->ops->next(source, &sample)) {
		if (sample.event != event)
			continue;
		t->hits += sample.kind == SAMPLE_HIT;
		t->missed += sample.missed ? sample.lost : 0;
		t->lost += sample.missed ? 0 : sample.lost;
	}
	source->ops->release(source);
}

static void sleep_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* Once a quarter of a second. */
static void settle(struct sample_source *source, const struct kernel_event *event, struct tally *t)
{
	sleep_ms(300);
	source->ops->settle(source);
	drain(source, event, t);
}

/* What perf does for a hit of the first probe is probed by the second: the kernel does not run it then. */
Test(probe_misses, a_kprobe_that_is_met_while_another_one_is_handled_is_told_as_missed)
{
	struct sample_source *source = open_source();
	const struct kernel_event *outer = add_probe(source, DYNAMIC_PROBE_KPROBE, "outer", "hrtimer_nanosleep");
	const struct kernel_event *inner = add_inner_probe(source);
	struct sample_source_counters counters;
	struct tally t = {0};

	for (int i = 0; i < SLEEPS; i++)
		sleep_ms(1);
	settle(source, inner, &t);
	cr_expect_geq(outer->delivered, SLEEPS);
	cr_expect_geq(t.missed, SLEEPS);
	cr_expect_leq(t.missed, outer->delivered + outer->lost);
	cr_expect_eq(inner->missed, t.missed);
	cr_expect_eq(outer->missed, 0);
	cr_expect_eq(inner->lost, 0);
	source->ops->counters(source, &counters);
	cr_expect_eq(counters.missed, t.missed);
	cr_expect_eq(counters.lost, 0);
	source->ops->free(source);
}

static void *sleeper(void *ignored)
{
	(void)ignored;
	sleep_ms(500);
	return NULL;
}

Test(probe_misses, a_kretprobe_without_free_slots_tells_what_it_missed)
{
	struct sample_source *source = open_source();
	const struct kernel_event *event = add_probe(source, DYNAMIC_PROBE_KRETPROBE, "slots", "hrtimer_nanosleep");
	pthread_t threads[THREADS];
	struct tally t = {0};

	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, sleeper, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	settle(source, event, &t);
	cr_expect_lt(t.hits, THREADS);
	cr_expect_eq(t.lost, 0);
	cr_expect_geq(t.hits + t.missed, THREADS, "%lu hits and %lu missed", t.hits, t.missed);
	source->ops->free(source);
}
