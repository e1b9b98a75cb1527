#include "sensor/process_id.h"

#include "base/clock.h"
#include "sensor/proc_scan.h"
#include "tests/sensor/proc_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS UINT64_C(10000000)

static const struct process_clock still = {.boot = PROC_TREE_BOOT, .tick_ns = TICK_NS};

Test(process_id, an_id_is_boot_start_tick_and_tgid)
{
	char id[PROCESS_ID_BYTES];

	process_id_write(id, &still, 0x1a2b3c4d, 4711, 1);
	cr_expect_str_eq(id, "5f0c2a7e91d04b3c.1a2b3c4d.4711");
	process_id_write(id, &still, 0, 1, 2);
	cr_expect_str_eq(id, "5f0c2a7e91d04b3c.0.1.2");
}

Test(process_id, the_longest_id_fits)
{
	char id[PROCESS_ID_BYTES];

	process_id_write(id, &still, UINT64_MAX, UINT32_MAX, UINT32_MAX);
	cr_expect_str_eq(id, "5f0c2a7e91d04b3c.ffffffffffffffff.4294967295.4294967295");
	cr_expect_eq(strlen(id), PROCESS_ID_BYTES - 1);
}

Test(process_id, a_tick_is_cut_not_rounded)
{
	cr_expect_eq(process_clock_tick(&still, 10 * TICK_NS), 10);
	cr_expect_eq(process_clock_tick(&still, 11 * TICK_NS - 1), 10);
}

Test(process_id, only_a_fork_sample_right_behind_a_tick_is_in_doubt)
{
	struct process_tick tick = process_clock_fork_tick(&still, 10 * TICK_NS);

	cr_expect_not(tick.certain);
	cr_expect_eq(tick.tick, 10);
	cr_expect_eq(tick.other, 9);
	tick = process_clock_fork_tick(&still, 10 * TICK_NS + PROCESS_FORK_LAG_NS);
	cr_expect(tick.certain);
	cr_expect_eq(tick.tick, 10);
	tick = process_clock_fork_tick(&still, 11 * TICK_NS - 1);
	cr_expect(tick.certain);
	cr_expect_eq(tick.tick, 10);
}

Test(process_id, a_sample_from_before_a_suspend_has_the_offset_of_its_time)
{
	struct process_clock clock = still;

	clock.offset_ns = 1000 * (int64_t)TICK_NS;
	clock.suspend_from_ns = 50 * TICK_NS;
	clock.suspend_until_ns = 60 * TICK_NS;
	cr_expect_eq(process_clock_tick(&clock, 40 * TICK_NS), 40);
	cr_expect_eq(process_clock_tick(&clock, 70 * TICK_NS), 1070);
	cr_expect(process_clock_fork_tick(&clock, 45 * TICK_NS + TICK_NS / 2).certain);
	cr_expect_not(process_clock_fork_tick(&clock, 55 * TICK_NS + TICK_NS / 2).certain);
	cr_expect_eq(process_clock_fork_tick(&clock, 55 * TICK_NS + TICK_NS / 2).other, 1055);
}

Test(process_id, a_boot_id_must_be_there_and_make_sense)
{
	struct proc_tree tree;
	struct process_clock clock;
	struct error err = {0};
	int fd;

	proc_tree_init(&tree);
	fd = open(tree.path, O_RDONLY | O_DIRECTORY);
	cr_assert_eq(process_clock_init(&clock, fd, &err), 0);
	cr_expect_str_eq(clock.boot, PROC_TREE_BOOT);
	proc_tree_write(&tree, "sys/kernel/random/boot_id", "5f0c-\n");
	cr_expect_eq(process_clock_init(&clock, fd, &err), -EINVAL);
	cr_expect(strstr(err.message, "boot_id"), "%s", err.message);
	close(fd);
	proc_tree_done(&tree);
}

/* On the running kernel: the tick that is computed from the time right after a fork is the one that /proc shows, whatever the doubt. */
Test(process_id, the_computed_tick_is_the_one_that_this_kernel_shows)
{
	struct process_clock clock;
	int fd = open("/proc", O_RDONLY | O_DIRECTORY);
	int doubtful = 0;

	cr_assert_eq(process_clock_init(&clock, fd, NULL), 0);
	for (int i = 0; i < 40; i++) {
		struct timespec pause = {.tv_nsec = 700000L * (i % 8)};
		struct process_tick tick;
		struct proc_stat stat;
		uint64_t before_ns, after_ns;
		pid_t pid;

		nanosleep(&pause, NULL);
		before_ns = clock_monotonic_ns();
		pid = fork();
		cr_assert(pid >= 0);
		if (pid == 0) {
			pause = (struct timespec){.tv_sec = 5};
			nanosleep(&pause, NULL);
			_exit(0);
		}
		after_ns = clock_monotonic_ns();
		cr_assert_eq(proc_read_stat(fd, (uint32_t)pid, &stat), 0);
		cr_assert_eq(kill(pid, SIGKILL), 0);
		cr_assert_eq(waitpid(pid, NULL, 0), pid);
		/* A machine that is busy elsewhere can hold the fork up for longer than a sample would be late. */
		cr_expect_geq(stat.start_tick, process_clock_tick(&clock, before_ns));
		cr_expect_leq(stat.start_tick, process_clock_tick(&clock, after_ns));
		if (after_ns - before_ns >= PROCESS_FORK_LAG_NS)
			continue;
		tick = process_clock_fork_tick(&clock, after_ns);
		doubtful += !tick.certain;
		if (tick.certain)
			cr_expect_eq(stat.start_tick, tick.tick);
		else
			cr_expect(stat.start_tick == tick.tick || stat.start_tick == tick.other);
	}
	cr_expect_lt(doubtful, 40);
	close(fd);
}
