#include "base/clock.h"
#include "tracing/collector.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A call that no other program makes: lookup_dcookie is gone from every kernel that matters, and the hit comes before the ENOSYS. */
#define RARE_CALL SYS_lookup_dcookie

#define CALLS 200000

static struct sample_source *open_collector(uint64_t ring_memory_bytes, struct perf_features forbidden)
{
	struct collector_options options = {.ring_memory_bytes = ring_memory_bytes, .forbidden = forbidden};
	struct sample_source *source = NULL;
	struct error err = {0};

	cr_assert_eq(collector_open(&source, &options, &err), 0, "%s", err.message);
	return source;
}

static struct kernel_event *add_enter(struct sample_source *source, const char *filter)
{
	struct kernel_event_spec spec = {.system = "raw_syscalls", .name = "sys_enter", .filter = filter, .with_abi = true};
	struct kernel_event *event = NULL;
	struct error err = {0};

	cr_assert_eq(source->ops->add(source, &spec, NULL, &event, &err), 0, "%s", err.message);
	return event;
}

static const char *rare_filter(void)
{
	static char filter[64];

	snprintf(filter, sizeof(filter), "id == %d", RARE_CALL);
	return filter;
}

struct tally {
	uint64_t hits;
	uint64_t lost;
	uint64_t last_time_ns;
	uint64_t backwards;
	uint64_t wrong; /* hits with a number or arguments that were never passed */
	struct format_field id, args;
};

static void drain(struct sample_source *source, struct tally *tally)
{
	struct sample sample;

	source->ops->advance(source);
	while (source->ops->next(source, &sample)) {
		tally->backwards += sample.time_ns < tally->last_time_ns;
		tally->last_time_ns = sample.time_ns;
		if (sample.kind == SAMPLE_LOST) {
			tally->lost += sample.lost;
			continue;
		}
		if (sample.tgid != (uint32_t)getpid() || format_read_integer(&tally->id, sample.raw, sample.raw_size) != RARE_CALL)
			continue;
		tally->hits++;
		tally->wrong +=
			sample.abi != SAMPLE_ABI_64 || memcmp(sample.raw + tally->args.offset, &(uint64_t){0x1122334455667788}, 8) != 0;
		if (tally->hits % 64 == 0)
			source->ops->release(source);
	}
	source->ops->release(source);
}

static struct tally tally_of(const struct kernel_event *event)
{
	struct tally tally = {0};

	cr_assert_eq(format_field(event->format, "id", &tally.id, NULL), 0);
	cr_assert_eq(format_field(event->format, "args", &tally.args, NULL), 0);
	return tally;
}

static void call_rarely(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		syscall(RARE_CALL, 0x1122334455667788, 0, 0);
}

Test(collector, every_call_comes_with_its_arguments_and_in_order)
{
	struct sample_source *source = open_collector(64 << 20, (struct perf_features){0});
	struct tally tally = tally_of(add_enter(source, rare_filter()));
	uint64_t before_ns = clock_monotonic_ns();

	call_rarely(1000);
	drain(source, &tally);
	cr_assert_eq(tally.hits, 1000);
	cr_assert_eq(tally.lost, 0);
	cr_assert_eq(tally.wrong, 0);
	cr_assert_eq(tally.backwards, 0);
	cr_assert_geq(tally.last_time_ns, before_ns);
	cr_assert_leq(tally.last_time_ns, clock_monotonic_ns());
	source->ops->free(source);
}

static void *caller(void *done)
{
	call_rarely(CALLS);
	atomic_store((_Atomic bool *)done, true);
	return NULL;
}

/* With pauses, so that a reader on a busy machine keeps up. */
static void *patient_caller(void *done)
{
	for (int i = 0; i < CALLS / 500; i++) {
		call_rarely(500);
		usleep(500);
	}
	atomic_store((_Atomic bool *)done, true);
	return NULL;
}

/* What comes and what is told lost make what was done, whatever the ring holds. */
static struct tally flood_tiny_ring(struct perf_features forbidden)
{
	struct sample_source *source = open_collector(1, forbidden);
	struct tally tally = tally_of(add_enter(source, rare_filter()));
	_Atomic bool done = false;
	pthread_t thread;

	pthread_create(&thread, NULL, caller, &done);
	while (!atomic_load(&done)) {
		drain(source, &tally);
		usleep(1000);
	}
	pthread_join(thread, NULL);
	for (int i = 0; i < 3; i++) {
		drain(source, &tally);
		source->ops->settle(source);
	}
	drain(source, &tally);
	source->ops->free(source);
	return tally;
}

Test(collector, losses_of_a_tiny_ring_are_counted_exactly)
{
	struct tally tally = flood_tiny_ring((struct perf_features){0});

	cr_assert_gt(tally.lost, 0);
	cr_assert_eq(tally.hits + tally.lost, CALLS, "%lu delivered and %lu lost", tally.hits, tally.lost);
	cr_assert_eq(tally.wrong, 0);
	cr_assert_eq(tally.backwards, 0);
}

Test(collector, losses_are_exact_too_where_the_kernel_counts_them_per_ring_only)
{
	struct tally tally = flood_tiny_ring((struct perf_features){.lost_count = true});

	cr_assert_gt(tally.lost, 0);
	cr_assert_eq(tally.hits + tally.lost, CALLS, "%lu delivered and %lu lost", tally.hits, tally.lost);
}

Test(collector, a_kernel_without_clockid_and_identifier_gives_the_same_samples)
{
	struct perf_features forbidden = {.clockid = true, .identifier = true};
	struct sample_source *source = open_collector(64 << 20, forbidden);
	struct tally tally = tally_of(add_enter(source, rare_filter()));
	uint64_t before_ns, after_ns;

	before_ns = clock_monotonic_ns();
	call_rarely(1000);
	after_ns = clock_monotonic_ns();
	usleep(1000);
	drain(source, &tally);
	cr_assert_eq(tally.hits, 1000);
	cr_assert_eq(tally.wrong, 0);
	/* The clocks are compared to a few microseconds; a shared machine may be interrupted meanwhile. */
	cr_assert_geq(tally.last_time_ns + 5 * NSEC_PER_MSEC, before_ns);
	cr_assert_leq(tally.last_time_ns, after_ns + 5 * NSEC_PER_MSEC);
	source->ops->free(source);
}

Test(collector, a_filter_that_changes_in_a_flood_neither_loses_nor_doubles_a_hit)
{
	struct sample_source *source = open_collector(64 << 20, (struct perf_features){0});
	struct kernel_event *event = add_enter(source, rare_filter());
	struct tally tally = tally_of(event);
	_Atomic bool done = false;
	struct error err = {0};
	uint32_t changes = 0;
	pthread_t thread;
	char filter[64];

	pthread_create(&thread, NULL, patient_caller, &done);
	while (!atomic_load(&done)) {
		snprintf(filter, sizeof(filter), "id == %d || id == %u", RARE_CALL, 600 + changes++ % 100);
		cr_assert_eq(source->ops->refilter(source, event, filter, &err), 0, "%s", err.message);
		drain(source, &tally);
		usleep(1000);
	}
	pthread_join(thread, NULL);
	drain(source, &tally);
	cr_assert_gt(changes, 3);
	cr_assert_eq(tally.hits, CALLS, "%lu hits, %lu lost with %u changes", tally.hits, tally.lost, changes);
	cr_assert_eq(tally.lost, 0);
	source->ops->free(source);
}

Test(collector, a_filter_that_the_kernel_refuses_is_explained_and_leaves_the_old_one)
{
	struct sample_source *source = open_collector(64 << 20, (struct perf_features){0});
	struct kernel_event *event = add_enter(source, rare_filter());
	struct tally tally = tally_of(event);
	struct error err = {0};

	cr_assert_eq(source->ops->refilter(source, event, "nonesuch == 1", &err), -EINVAL);
	cr_assert_not_null(strstr(err.message, "raw_syscalls:sys_enter"), "%s", err.message);
	cr_assert_not_null(strstr(err.message, "Field not found"), "%s", err.message);
	call_rarely(10);
	drain(source, &tally);
	cr_assert_eq(tally.hits, 10);
	source->ops->free(source);
}

Test(collector, a_tracepoint_that_is_not_there_is_named)
{
	struct sample_source *source = open_collector(1, (struct perf_features){0});
	struct kernel_event_spec spec = {.system = "sched", .name = "sched_nonesuch"};
	struct sample_source_counters counters;
	struct kernel_event *event;
	struct error err = {0};

	cr_assert_eq(source->ops->add(source, &spec, NULL, &event, &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "sched:sched_nonesuch"), "%s", err.message);
	source->ops->counters(source, &counters);
	cr_assert_eq(counters.descriptors, counters.rings);
	source->ops->free(source);
}
