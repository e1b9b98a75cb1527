#include "tracing/collector.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* See collector_test.c. */
#define RARE_CALL SYS_lookup_dcookie

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

static bool set_online(bool online)
{
	int fd = open(ONLINE, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, online ? "1" : "0", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

static void restore(void)
{
	set_online(true);
}

static void need_hotplug(void)
{
	if (access(ONLINE, W_OK))
		cr_skip_test("CPU 1 of this host cannot be taken offline (no " ONLINE "): hotplug is not tested here");
}

static struct sample_source *open_source(void)
{
	struct collector_options options = {.ring_memory_bytes = 4 << 20};
	struct kernel_event_spec spec = {.system = "raw_syscalls", .name = "sys_enter"};
	struct kernel_event *event;
	struct sample_source *source = NULL;
	struct error err = {0};
	char filter[32];

	snprintf(filter, sizeof(filter), "id == %d", RARE_CALL);
	spec.filter = filter;
	cr_assert_eq(collector_open(&source, &options, &err), 0, "%s", err.message);
	cr_assert_eq(source->ops->add(source, &spec, NULL, &event, &err), 0, "%s", err.message);
	return source;
}

static uint32_t rings(const struct sample_source *source)
{
	struct sample_source_counters counters;

	source->ops->counters(source, &counters);
	return counters.rings;
}

static unsigned int drain(struct sample_source *source)
{
	struct sample sample;
	unsigned int count = 0;

	source->ops->advance(source);
	while (source->ops->next(source, &sample))
		count += sample.kind == SAMPLE_HIT && sample.cpu == 1;
	source->ops->release(source);
	return count;
}

static unsigned int calls_seen_on_cpu_1(struct sample_source *source)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(1, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	for (int i = 0; i < 10; i++)
		syscall(RARE_CALL, 0, 0, 0);
	return drain(source);
}

static void update(struct sample_source *source)
{
	struct error err = {0};

	/* Once to notice, and once more when the ring of the CPU that went is read. */
	for (int i = 0; i < 2; i++) {
		cr_assert_geq(collector_update_cpus(source, &err), 0, "%s", err.message);
		drain(source);
	}
}

Test(cpu_hotplug, a_cpu_that_goes_and_comes_is_followed, .init = need_hotplug, .fini = restore)
{
	struct sample_source *source = open_source();
	uint32_t all = rings(source);

	cr_assert_eq(calls_seen_on_cpu_1(source), 10);
	cr_assert(set_online(false));
	update(source);
	cr_assert_eq(rings(source), all - 1);
	cr_assert(set_online(true));
	update(source);
	cr_assert_eq(rings(source), all);
	cr_assert_eq(calls_seen_on_cpu_1(source), 10);
	source->ops->free(source);
}

Test(cpu_hotplug, a_cpu_that_was_away_unnoticed_is_followed_again, .init = need_hotplug, .fini = restore)
{
	struct sample_source *source = open_source();

	cr_assert(set_online(false));
	cr_assert(set_online(true));
	update(source);
	cr_assert_eq(calls_seen_on_cpu_1(source), 10);
	source->ops->free(source);
}
