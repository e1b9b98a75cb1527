#include "base/clock.h"
#include "tracing/collector.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CPUS_MAX  64
#define FAULTS    1000
#define PAGE_SIZE 4096

static const struct perf_counter page_faults = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN};
static const struct perf_counter cpu_clock = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK};
static const struct perf_counter switches = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES};
static const struct perf_counter instructions = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS};
static const struct perf_counter cycles = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES};

static struct sample_source *open_source(uint64_t ring_memory_bytes, struct perf_features forbidden)
{
	struct collector_options options = {.ring_memory_bytes = ring_memory_bytes, .forbidden = forbidden};
	struct sample_source *source = NULL;
	struct error err = {0};

	cr_assert_eq(collector_open(&source, &options, &err), 0, "%s", err.message);
	return source;
}

static int try_add(struct sample_source *source, const struct perf_counter *counters, uint32_t count, bool by_frequency, uint64_t rate,
		   struct kernel_event **ret, struct error *err)
{
	const struct counter_group_spec group = {.counters = counters, .count = count, .by_frequency = by_frequency, .rate = rate};
	const struct kernel_event_spec spec = {.system = "performance", .name = "test", .counters = &group};

	return source->ops->add(source, &spec, NULL, ret, err);
}

static struct kernel_event *add(struct sample_source *source, const struct perf_counter *counters, uint32_t count, bool by_frequency,
				uint64_t rate)
{
	struct kernel_event *event = NULL;
	struct error err = {0};

	cr_assert_eq(try_add(source, counters, count, by_frequency, rate, &event, &err), 0, "%s", err.message);
	cr_expect_null(event->format);
	return event;
}

struct tally {
	uint32_t tgid;
	uint64_t samples; /* of that process */
	uint64_t all, idle, lost;
	uint64_t backwards;    /* times or values that went down on a CPU */
	uint64_t time_wrong;   /* not 0 < running <= enabled */
	uint64_t last_time_ns; /* of all CPUs */
	struct counter_values last[CPUS_MAX];
};

static bool went_down(const struct counter_values *was, const struct counter_values *is)
{
	bool down = is->time_enabled < was->time_enabled || is->time_running < was->time_running;

	for (uint32_t i = 0; i < was->count; i++)
		down |= is->values[i] < was->values[i];
	return down;
}

static void take(struct tally *t, const struct sample *sample)
{
	const struct counter_values *values = sample->counters;

	t->backwards += sample->time_ns < t->last_time_ns;
	t->last_time_ns = sample->time_ns;
	if (sample->kind == SAMPLE_LOST) {
		t->lost += sample->lost;
		return;
	}
	cr_assert_not_null(values);
	cr_assert_lt(sample->cpu, CPUS_MAX);
	cr_assert_eq(sample->raw_size, 0);
	t->all++;
	t->idle += !sample->tid;
	t->samples += sample->tgid == t->tgid;
	t->time_wrong += !values->time_running || values->time_running > values->time_enabled;
	t->backwards += went_down(&t->last[sample->cpu], values);
	t->last[sample->cpu] = *values;
}

static void drain(struct sample_source *source, struct tally *t)
{
	struct sample sample;

	source->ops->advance(source);
	while (source->ops->next(source, &sample))
		take(t, &sample);
	source->ops->release(source);
}

static void touch_pages(unsigned int count)
{
	uint8_t *pages = mmap(NULL, (size_t)count * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	madvise(pages, (size_t)count * PAGE_SIZE, MADV_NOHUGEPAGE);
	for (unsigned int i = 0; i < count; i++)
		*(volatile uint8_t *)(pages + (size_t)i * PAGE_SIZE) = 1;
}

/* A child that touches so many new pages; returns how many faults it had by the kernel's account, from its first to its last instruction. */
static uint64_t child_faults(struct tally *t, struct sample_source *source, unsigned int count)
{
	struct rusage usage = {0};
	int status = -1;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (!pid) {
		touch_pages(count);
		_exit(0);
	}
	t->tgid = (uint32_t)pid;
	cr_assert_eq(wait4(pid, &status, 0, &usage), pid);
	cr_assert_eq(status, 0);
	usleep(1000);
	drain(source, t);
	source->ops->settle(source);
	drain(source, t);
	cr_assert_geq(usage.ru_minflt, count);
	return (uint64_t)usage.ru_minflt;
}

TestSuite(counters, .timeout = 60);

/* Other programs' perf events that come and go on a CPU take ours out for a moment. */
#define ATTEMPTS 5
#define SLACK    3

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

Test(counters, a_period_of_one_gives_a_sample_for_each_page_fault)
{
	struct sample_source *source = open_source(16 << 20, (struct perf_features){0});
	struct kernel_event *event = add(source, &page_faults, 1, false, 1);
	static struct tally t;
	bool is_exact = false;

	for (int i = 0; i < ATTEMPTS && !is_exact; i++) {
		uint64_t faults;

		t.samples = 0;
		faults = child_faults(&t, source, FAULTS);
		is_exact = t.samples == faults;
		cr_expect_leq(distance(t.samples, faults), SLACK, "%lu samples of %lu faults", t.samples, faults);
	}
	cr_expect(is_exact);
	cr_expect_eq(t.lost, 0);
	cr_expect_eq(t.backwards, 0);
	cr_expect_eq(t.time_wrong, 0);
	cr_expect_eq(event->delivered, t.all);
	source->ops->free(source);
}

Test(counters, a_longer_period_gives_as_many_fewer)
{
	struct sample_source *source = open_source(16 << 20, (struct perf_features){0});
	static struct tally t;
	uint64_t faults, counted = 0;

	add(source, &page_faults, 1, false, 10);
	faults = child_faults(&t, source, 10 * FAULTS);
	cr_expect_eq(t.lost, 0);
	for (int cpu = 0; cpu < CPUS_MAX; cpu++)
		counted += t.last[cpu].values[0];
	cr_expect_leq(distance(t.all, counted / 10), SLACK, "%lu samples of %lu", t.all, counted);
	cr_expect_geq(counted + 10 * (uint64_t)SLACK * CPUS_MAX, faults);
	/* Faults of others stand in between. */
	cr_expect_geq(t.samples, FAULTS / 2);
	source->ops->free(source);
}

/* All samples of a software counter have the id of one of the perf events that sample it, on kernels that do not fill it in for each. */
Test(counters, two_groups_with_the_same_counter_are_told_apart)
{
	struct sample_source *source = open_source(16 << 20, (struct perf_features){0});
	struct kernel_event *often = add(source, &page_faults, 1, false, 1), *rare = add(source, &page_faults, 1, false, 10);
	static struct tally t;
	struct sample_source_counters counters;

	child_faults(&t, source, 10 * FAULTS);
	cr_expect_geq(often->delivered, 10 * FAULTS - SLACK);
	cr_expect_leq(distance(rare->delivered, often->delivered / 10), SLACK * 2, "%lu and %lu", often->delivered, rare->delivered);
	source->ops->counters(source, &counters);
	cr_expect_eq(counters.unknown, 0);
	cr_expect_eq(counters.corrupt, 0);
	source->ops->free(source);
}

static uint64_t own_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* Of this process's own time: others are on the CPUs as well. */
static void spin_ms(long ms)
{
	uint64_t end = own_time_ns() + (uint64_t)ms * NSEC_PER_MSEC;

	while (own_time_ns() < end)
		;
}

/* The kernel lowers its limit when samples cost it too much, as in an emulated machine. */
static bool is_slowed_down(void)
{
	FILE *file = fopen("/proc/sys/kernel/perf_event_max_sample_rate", "re");
	long rate = 0;

	cr_assert(file && fscanf(file, "%ld", &rate) == 1);
	fclose(file);
	return rate < 10000;
}

static void expect_group_by_frequency(struct perf_features forbidden)
{
	const struct perf_counter group[] = {cpu_clock, page_faults, switches};
	struct sample_source *source = open_source(16 << 20, forbidden);
	struct kernel_event *event = add(source, group, 3, true, 1000);
	static struct tally t;
	uint64_t before_ns = clock_monotonic_ns();

	t = (struct tally){.tgid = (uint32_t)getpid()};
	drain(source, &t);
	spin_ms(300);
	usleep(1000);
	drain(source, &t);
	/* A virtual machine may be stopped for a while. */
	cr_expect_leq(t.samples, 400, "%lu samples of a loop of 300 ms", t.samples);
	cr_expect(t.samples >= 50 || is_slowed_down(), "%lu samples of a loop of 300 ms", t.samples);
	cr_expect_gt(t.all, 0);
	cr_expect_eq(t.time_wrong, 0);
	cr_expect_eq(t.backwards, 0);
	cr_expect_geq(t.last_time_ns + 5 * NSEC_PER_MSEC, before_ns);
	cr_expect_leq(t.last_time_ns, clock_monotonic_ns() + 5 * NSEC_PER_MSEC);
	for (int cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!t.last[cpu].count)
			continue;
		cr_expect_eq(t.last[cpu].count, 3);
		/* The CPU clock counts the time that it is on for: all of it. */
		cr_expect_leq(t.last[cpu].values[0], t.last[cpu].time_enabled + NSEC_PER_MSEC);
		cr_expect_geq(t.last[cpu].values[0] + t.last[cpu].time_enabled / 2, t.last[cpu].time_enabled);
	}
	cr_expect_eq(event->delivered, t.all);
	source->ops->free(source);
}

Test(counters, a_group_is_sampled_by_frequency_with_all_its_values)
{
	expect_group_by_frequency((struct perf_features){0});
}

Test(counters, a_kernel_without_clockid_identifier_and_counts_of_losses_gives_the_same)
{
	expect_group_by_frequency((struct perf_features){.clockid = true, .identifier = true, .lost_count = true});
}

/* A sample of each CPU, with its whole count. */
static void touch_everywhere(void)
{
	for (int i = 0; i < CPUS_MAX; i++) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (!sched_setaffinity(0, sizeof(one), &one))
			touch_pages(1);
	}
}

Test(counters, what_a_full_ring_could_not_take_is_counted)
{
	struct sample_source *source = open_source(1, (struct perf_features){0});
	struct kernel_event *event = add(source, &page_faults, 1, false, 1);
	static struct tally t;
	uint64_t counted = 0, lost;
	int attempts = 0;

	touch_pages(5000);
	/* Other programs fault too: until nothing was lost while we looked. */
	do {
		lost = t.lost;
		touch_everywhere();
		drain(source, &t);
		source->ops->settle(source);
		drain(source, &t);
	} while (t.lost != lost && ++attempts < 1000);
	cr_expect_gt(t.lost, 0);
	cr_expect_eq(event->lost, t.lost);
	cr_expect_eq(event->missed, 0);
	cr_expect_geq(t.all + t.lost, 5000 - SLACK);
	for (int cpu = 0; cpu < CPUS_MAX; cpu++)
		counted += t.last[cpu].count ? t.last[cpu].values[0] : 0;
	cr_expect_leq(distance(t.all + t.lost, counted), SLACK, "%lu delivered, %lu lost, %lu counted", t.all, t.lost, counted);
	source->ops->free(source);
}

/* Of all CPUs since the start. */
static double idle_seconds(void)
{
	FILE *file = fopen("/proc/uptime", "re");
	double up, idle = 0;

	cr_assert(file && fscanf(file, "%lf %lf", &up, &idle) == 2);
	fclose(file);
	return idle;
}

Test(counters, idle_cpus_are_sampled_as_nobody)
{
	struct sample_source *source = open_source(16 << 20, (struct perf_features){0});
	double before = idle_seconds();
	static struct tally t;

	/* A timer goes off on an idle CPU as well: the sample is of the idle task. */
	add(source, &cpu_clock, 1, false, 1000000);
	for (int i = 0; i < 100 && (!t.idle || idle_seconds() < before + 0.2); i++) {
		usleep(100000);
		drain(source, &t);
	}
	if (idle_seconds() >= before + 0.2)
		cr_expect_gt(t.idle, 0);
	else
		cr_skip_test("this machine is too busy to idle");
	source->ops->free(source);
}

Test(counters, what_is_removed_gives_its_descriptors_back_and_samples_no_more)
{
	const struct perf_counter group[] = {cpu_clock, page_faults, switches};
	struct sample_source *source = open_source(16 << 20, (struct perf_features){0});
	struct sample_source_counters before, during, after;
	struct kernel_event *event;
	static struct tally t;

	source->ops->counters(source, &before);
	event = add(source, group, 3, false, 1000000);
	source->ops->counters(source, &during);
	cr_expect_eq(during.descriptors - before.descriptors, 3 * during.rings);
	spin_ms(20);
	cr_expect_eq(source->ops->refilter(source, event, NULL, NULL), 0);
	cr_expect_eq(source->ops->refilter(source, event, "common_pid == 1", NULL), -EINVAL);
	source->ops->remove(source, event);
	drain(source, &t);
	drain(source, &t);
	cr_expect_eq(t.all, 0);
	source->ops->counters(source, &after);
	cr_expect_eq(after.descriptors, before.descriptors);
	source->ops->free(source);
}

static void expect_refusal(const struct perf_counter *counters, uint32_t count, bool by_frequency, uint64_t rate, int code,
			   const char *words)
{
	struct sample_source *source = open_source(1 << 20, (struct perf_features){0});
	struct sample_source_counters before, after;
	struct kernel_event *event = NULL;
	struct error err = {0};

	source->ops->counters(source, &before);
	cr_expect_eq(try_add(source, counters, count, by_frequency, rate, &event, &err), code, "%d: %s", err.code, err.message);
	cr_expect_not_null(strstr(err.message, words), "%s", err.message);
	cr_expect_null(event);
	source->ops->counters(source, &after);
	cr_expect_eq(after.descriptors, before.descriptors);
	source->ops->free(source);
}

Test(counters, what_cannot_be_is_refused_with_its_name)
{
	const struct perf_counter unknown[] = {cpu_clock, {PERF_TYPE_SOFTWARE, 999}};

	expect_refusal(&unknown[1], 1, false, 1, -ENOENT, "no counter software:0x3e7");
	expect_refusal(unknown, 2, false, 1000000, -ENOENT, "no counter software:0x3e7");
	expect_refusal(&cpu_clock, 1, true, 1000000000, -EINVAL, "perf_event_max_sample_rate");
	expect_refusal(&cpu_clock, 1, false, UINT64_MAX, -EINVAL, "at most 9223372036854775807");
	expect_refusal(&cpu_clock, 1, false, 0, -EINVAL, "the period is 0");
	expect_refusal(&cpu_clock, 0, false, 1, -EINVAL, "1 to 16");
}

Test(counters, hardware_counters_count_where_there_are_some)
{
	const struct perf_counter group[] = {instructions, cycles, page_faults};
	struct sample_source *source = open_source(16 << 20, (struct perf_features){0});
	struct kernel_event *event = NULL;
	struct error err = {0};
	static struct tally t;
	int code = try_add(source, group, 3, false, 10000000, &event, &err);

	if (code == -ENOENT) {
		cr_expect_not_null(strstr(err.message, "the processor has no counter hardware:0x1"), "%s", err.message);
		source->ops->free(source);
		cr_skip_test("this (virtual) machine has no hardware counters");
	}
	cr_assert_eq(code, 0, "%s", err.message);
	t.tgid = (uint32_t)getpid();
	spin_ms(300);
	usleep(1000);
	drain(source, &t);
	cr_expect_gt(t.samples, 5);
	cr_expect_eq(t.time_wrong, 0);
	cr_expect_eq(t.backwards, 0);
	for (int cpu = 0; cpu < CPUS_MAX; cpu++)
		cr_expect(!t.last[cpu].count || (t.last[cpu].values[0] >= 10000000 && t.last[cpu].values[1] > 0));
	source->ops->free(source);
}
