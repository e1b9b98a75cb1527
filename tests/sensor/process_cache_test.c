#include "sensor/process_cache.h"

#include "base/clock.h"
#include "sensor/proc_scan.h"
#include "tests/sensor/proc_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS    UINT64_C(10000000)
#define SECOND_NS  UINT64_C(1000000000)
#define NOT_TOLD   (-1)
#define NOT_LAST   0
#define LAST       1
#define THREAD     CLONE_THREAD
#define FIRST_TGID 1000

static struct proc_tree tree;
static struct process_cache *cache;
static int64_t offset_ns;
static uint64_t base_tick; /* when the test began */

static void make_cache(size_t max_dead)
{
	struct process_cache_options options = {.proc = tree.path, .max_dead = max_dead};
	struct error err = {0};

	cr_assert_eq(process_cache_new(&cache, &options, &err), 0, "%s", err.message);
}

static void setup(void)
{
	uint64_t before_ns = clock_monotonic_ns();

	offset_ns = (int64_t)(clock_boottime_ns() - before_ns);
	if (offset_ns < 1000000)
		offset_ns = 0; /* never suspended: what is left is the time between the two calls */
	base_tick = (before_ns + (uint64_t)offset_ns) / TICK_NS;
	proc_tree_init(&tree);
	make_cache(0);
}

static void teardown(void)
{
	cache = process_cache_free(cache);
	proc_tree_done(&tree);
}

TestSuite(process_cache, .init = setup, .fini = teardown);

/* The start tick of what is forked at a time. */
static uint64_t tick_of(uint64_t time_ns)
{
	return (time_ns + (uint64_t)offset_ns) / TICK_NS;
}

/* The middle of the tick that is `ticks` away from the test's begin: no doubt about the tick of a fork then. */
static uint64_t at(int64_t ticks)
{
	return (base_tick + (uint64_t)ticks) * TICK_NS + TICK_NS / 2 - (uint64_t)offset_ns;
}

static struct process *fork_at(uint32_t parent, uint32_t child, uint64_t flags, uint64_t time_ns)
{
	return process_cache_fork(cache, parent, child, flags, "forked", time_ns);
}

static bool exit_at(uint32_t tgid, uint32_t tid, int group_dead, uint64_t time_ns)
{
	struct process *p;

	return process_cache_exit(cache, tgid, tid, group_dead, time_ns, &p);
}

static void expect_id(const struct process *p, uint64_t tick, const char *rest)
{
	char id[PROCESS_ID_BYTES * 2];

	(void)snprintf(id, sizeof(id), "%s.%llx.%s", PROC_TREE_BOOT, (unsigned long long)tick, rest);
	cr_expect_str_eq(p->id, id);
}

static void put(uint32_t pid, const char *comm, uint32_t parent, uint64_t start_tick)
{
	proc_tree_put(&tree, &(struct proc_tree_process){.pid = pid, .comm = comm, .parent = parent, .start_tick = start_tick});
}

static void scan(void)
{
	struct error err = {0};

	cr_assert_eq(process_cache_scan(cache, &err), 0, "%s", err.message);
}

static struct process_cache_counters counters(void)
{
	struct process_cache_counters ret;

	process_cache_counters(cache, &ret);
	return ret;
}

Test(process_cache, a_tree_without_a_boot_id_is_refused)
{
	struct process_cache *none = NULL;
	struct error err = {0};
	struct process_cache_options options = {.proc = "/nonexistent"};

	cr_expect_eq(process_cache_new(&none, &options, &err), -ENOENT);
	cr_expect_null(none);
	cr_expect(strstr(err.message, "/nonexistent"), "%s", err.message);
}

Test(process_cache, a_scan_enters_processes_with_their_parents)
{
	struct process *p;

	put(1, "init", 0, 3);
	put(2, "kthreadd", 0, 3);
	proc_tree_put(&tree,
		      &(struct proc_tree_process){
			      .pid = 9, .comm = "kworker/0:1-events", .parent = 2, .start_tick = 4, .flags = 0x4208060, .state = 'I'});
	put(300, "a) (b", 1, 100);
	proc_tree_put(&tree, &(struct proc_tree_process){.pid = 200, .comm = "child", .parent = 300, .start_tick = 500, .threads = 4});
	proc_tree_write(&tree, "400/task/400/stat", "");
	scan();

	cr_expect_eq(counters().alive, 5);
	cr_expect_eq(counters().looked_up, 0);
	p = process_cache_find(cache, 200);
	cr_assert_not_null(p);
	expect_id(p, 500, "200");
	cr_expect_eq(p->threads, 4);
	cr_expect_str_eq(p->comm, "child");
	cr_assert_not_null(p->parent);
	cr_expect_str_eq(p->parent->comm, "a) (b");
	cr_expect_eq(p->parent->parent->tgid, 1);
	cr_expect_null(p->parent->parent->parent);
	cr_expect_str_eq(process_cache_find(cache, 9)->comm, "kworker/0:1");
	cr_expect_null(process_cache_find(cache, 400));
}

Test(process_cache, a_parent_that_started_after_its_child_is_somebody_else)
{
	put(10, "newer", 0, 600);
	put(20, "child", 10, 500);
	scan();
	cr_expect_null(process_cache_find(cache, 20)->parent);
}

Test(process_cache, a_fork_makes_a_process_with_the_id_that_proc_will_show)
{
	uint64_t time_ns = at(-10);
	struct process *p, *parent;

	put(1, "init", 0, 3);
	scan();
	p = fork_at(1, 50, 0, time_ns);
	cr_assert_not_null(p);
	expect_id(p, tick_of(time_ns), "50");
	cr_expect_eq(p->fork_time_ns, time_ns);
	cr_expect_eq(p->threads, 1);
	cr_expect_str_eq(p->comm, "forked");
	parent = process_cache_find(cache, 1);
	cr_expect_eq(p->parent, parent);
	cr_expect_eq(process_cache_find(cache, 50), p);
	cr_expect_eq(counters().created, 1);
}

static const char *cwd_of(uint32_t tgid)
{
	const struct process *p = process_cache_find(cache, tgid);

	return p && p->cwd ? p->cwd : "not known";
}

static void put_cwd(uint32_t pid, const char *cwd)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%u/cwd", tree.path, pid);
	(void)unlink(path);
	cr_assert_eq(symlink(cwd, path), 0);
}

/* What happened between a fork and the begin of tracking is in no ring: a child can have gone elsewhere meanwhile. */
Test(process_cache, a_fork_from_before_directories_are_tracked_does_not_get_its_parents)
{
	uint64_t before_ns = clock_monotonic_ns();

	put(1, "init", 0, 3);
	put_cwd(1, "/parent");
	scan();
	process_cache_track(cache, true, false);
	cr_expect_str_eq(cwd_of(1), "/parent");
	put(50, "child", 1, tick_of(before_ns));
	put_cwd(50, "/elsewhere");
	fork_at(1, 50, 0, before_ns);
	cr_expect_str_eq(cwd_of(50), "/elsewhere");
	fork_at(1, 51, 0, clock_monotonic_ns());
	cr_expect_str_eq(cwd_of(51), "/parent");
	proc_tree_remove(&tree, 50);
}

Test(process_cache, a_fork_in_doubt_about_its_tick_asks_proc)
{
	uint64_t edge_ns = at(-10) - TICK_NS / 2 + 500;

	put(50, "x", 0, tick_of(edge_ns) - 1);
	put(51, "x", 0, tick_of(edge_ns));
	put(52, "another one by now", 0, tick_of(edge_ns) + 5);
	expect_id(fork_at(0, 50, 0, edge_ns), tick_of(edge_ns) - 1, "50");
	expect_id(fork_at(0, 51, 0, edge_ns), tick_of(edge_ns), "51");
	expect_id(fork_at(0, 52, 0, edge_ns), tick_of(edge_ns), "52");
	expect_id(fork_at(0, 53, 0, edge_ns), tick_of(edge_ns), "53");
}

Test(process_cache, the_idle_task_of_a_cpu_is_no_process)
{
	cr_expect_null(fork_at(1, 0, 0, at(0)));
	cr_expect_null(process_cache_get(cache, 0, at(0)));
	cr_expect_null(process_cache_get(cache, UINT32_MAX, at(0)));
}

Test(process_cache, a_child_with_clone_parent_is_its_forkers_sibling)
{
	put(1, "init", 0, 3);
	put(60, "forker", 1, 5);
	scan();
	cr_expect_eq(fork_at(60, 61, CLONE_PARENT, at(-5))->parent->tgid, 1);
}

Test(process_cache, threads_are_counted_and_exec_leaves_one)
{
	struct process *p = fork_at(0, 50, 0, at(-10));

	cr_expect_eq(fork_at(50, 51, THREAD, at(-9)), p);
	cr_expect_eq(fork_at(50, 52, THREAD, at(-9)), p);
	cr_expect_eq(p->threads, 3);
	cr_expect_null(process_cache_find(cache, 51));
	cr_expect_not(exit_at(50, 51, NOT_TOLD, at(-8)));
	cr_expect_eq(p->threads, 2);
	process_cache_exec(cache, 50, at(-7));
	cr_expect_eq(p->threads, 1);
	cr_expect(exit_at(50, 50, NOT_TOLD, at(-6)));
}

Test(process_cache, a_process_ends_with_its_last_thread_also_when_the_main_one_goes_first)
{
	struct process *p = fork_at(0, 50, 0, at(-10)), *ended = NULL;

	fork_at(50, 51, THREAD, at(-9));
	cr_expect_not(process_cache_exit(cache, 50, 50, NOT_TOLD, at(-8), &ended));
	cr_expect_null(ended);
	cr_expect_eq(p->exit_time_ns, 0);
	cr_expect(process_cache_exit(cache, 50, 51, NOT_TOLD, at(-7), &ended));
	cr_expect_eq(ended, p);
	cr_expect_eq(p->exit_time_ns, at(-7));
	cr_expect_eq(p->threads, 0);
	cr_expect_eq(counters().alive, 0);
	cr_expect_eq(counters().dead, 1);
}

Test(process_cache, what_the_kernel_says_about_the_last_thread_goes_over_the_count)
{
	fork_at(0, 50, 0, at(-10));
	cr_expect_not(exit_at(50, 50, NOT_LAST, at(-8)), "a thread whose fork was missed lives on");
	fork_at(0, 60, 0, at(-10));
	fork_at(60, 61, THREAD, at(-10));
	cr_expect(exit_at(60, 60, LAST, at(-8)), "the exit of a thread was missed");
	cr_expect_not(exit_at(60, 61, NOT_LAST, at(-8)), "the sample of a thread that was counted down earlier");
}

Test(process_cache, one_exit_is_reported_once)
{
	fork_at(0, 50, 0, at(-10));
	cr_expect(exit_at(50, 50, NOT_TOLD, at(-8)));
	cr_expect_not(exit_at(50, 51, NOT_TOLD, at(-8)));
}

Test(process_cache, the_exit_of_a_stranger_is_reported_without_a_process)
{
	struct process *p = NULL;

	cr_expect(process_cache_exit(cache, 70, 70, LAST, at(-8), &p));
	cr_expect_null(p);
	cr_expect(process_cache_exit(cache, 70, 70, NOT_TOLD, at(-8), &p));
	cr_expect_not(process_cache_exit(cache, 70, 71, NOT_TOLD, at(-8), &p));
	cr_expect_not(process_cache_exit(cache, 70, 70, NOT_LAST, at(-8), &p));
}

Test(process_cache, a_pid_used_again_within_one_tick_gets_a_suffix)
{
	uint64_t time_ns = at(-100);
	char rest[32];

	for (int i = 1; i <= 5; i++) {
		struct process *p = fork_at(0, 50, 0, time_ns + (uint64_t)i * 1000);

		if (i == 1)
			(void)snprintf(rest, sizeof(rest), "50");
		else
			(void)snprintf(rest, sizeof(rest), "50.%d", i);
		expect_id(p, tick_of(time_ns), rest);
		cr_expect(exit_at(50, 50, NOT_TOLD, time_ns + (uint64_t)i * 1000 + 500));
	}
	expect_id(fork_at(0, 50, 0, time_ns + TICK_NS), tick_of(time_ns) + 1, "50");
}

Test(process_cache, a_tick_that_was_computed_too_late_does_not_make_two_ids_the_same)
{
	uint64_t edge_ns = at(-100) - TICK_NS / 2 + 500;
	uint64_t tick = tick_of(edge_ns);

	/* The first is gone before anybody can ask; the second is known for sure to be of the tick before. */
	expect_id(fork_at(0, 50, 0, edge_ns), tick, "50");
	cr_expect(exit_at(50, 50, NOT_TOLD, edge_ns + 1000));
	put(50, "second", 0, tick - 1);
	expect_id(fork_at(0, 50, 0, edge_ns + 2000), tick, "50.2");
	cr_expect(exit_at(50, 50, NOT_TOLD, edge_ns + 3000));
	expect_id(fork_at(0, 50, 0, edge_ns + PROCESS_FORK_LAG_NS * 2), tick, "50.3");
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, PROCESS_ID_BYTES);
}

/* pid_max of 300, 20,000 processes, about 200 a tick: hardly any tgid is used once in a tick. */
Test(process_cache, no_id_is_used_twice_in_a_storm_that_recycles_pids)
{
	enum {
		STORM = 20000,
		PIDS = 300
	};
	char(*ids)[PROCESS_ID_BYTES] = calloc(STORM, PROCESS_ID_BYTES);
	uint64_t time_ns = at(-1000) + 1;

	cr_assert_not_null(ids);
	for (uint32_t i = 0; i < STORM; i++) {
		uint32_t tgid = 2 + i * 7 % PIDS;
		struct process *p;

		time_ns += 20000 + i % 13 * 4000;
		p = fork_at(1, tgid, 0, time_ns);
		cr_assert_not_null(p);
		memcpy(ids[i], p->id, strlen(p->id));
		if (i % 3)
			cr_assert(exit_at(tgid, tgid, NOT_TOLD, time_ns + 10000));
		process_cache_advance(cache, time_ns);
		cr_assert_leq(counters().alive + counters().dead, 2 * PIDS);
	}
	qsort(ids, STORM, PROCESS_ID_BYTES, compare_ids);
	for (uint32_t i = 1; i < STORM; i++)
		cr_assert_neq(memcmp(ids[i - 1], ids[i], PROCESS_ID_BYTES), 0, "%s twice", ids[i]);
	free(ids);
}

Test(process_cache, a_fork_that_the_scan_has_seen_adds_what_was_missing_and_nothing_else)
{
	uint64_t time_ns = at(-10);
	struct process *p;
	char id[PROCESS_ID_BYTES];

	put(1, "init", 0, 3);
	put(40, "shell", 1, 10);
	/* Its forker has gone since: /proc shows who took it over. */
	put(50, "renamed", 1, tick_of(time_ns));
	scan();
	p = process_cache_find(cache, 50);
	memcpy(id, p->id, sizeof(id));
	cr_expect_eq(fork_at(40, 50, 0, time_ns), p);
	cr_expect_str_eq(p->id, id);
	cr_expect_str_eq(p->comm, "renamed");
	cr_expect_eq(p->fork_time_ns, time_ns);
	cr_expect_eq(p->parent->tgid, 40);
	cr_expect_eq(counters().created, 0);
	cr_expect_eq(counters().alive, 3);
}

Test(process_cache, a_slow_fork_is_still_that_of_the_process_that_the_scan_saw_after_it)
{
	uint64_t time_ns = at(-10);

	put(50, "x", 0, tick_of(time_ns) - 3);
	scan();
	expect_id(fork_at(0, 50, 0, time_ns), tick_of(time_ns) - 3, "50");
	cr_expect_eq(counters().created, 0);
}

Test(process_cache, samples_of_an_earlier_process_do_not_touch_the_one_that_the_scan_saw)
{
	struct process *p, *ended = (struct process *)1;

	put(50, "later", 0, tick_of(at(-5)));
	scan();
	p = process_cache_find(cache, 50);
	cr_expect_null(process_cache_get(cache, 50, at(-20)));
	process_cache_rename(cache, 50, "earlier", at(-20));
	process_cache_exec(cache, 50, at(-20));
	cr_expect(process_cache_exit(cache, 50, 50, NOT_TOLD, at(-20), &ended));
	cr_expect_null(ended);
	cr_expect_eq(process_cache_find(cache, 50), p);
	cr_expect_eq(p->exit_time_ns, 0);
	cr_expect_str_eq(p->comm, "later");
	cr_expect_eq(process_cache_get(cache, 50, clock_monotonic_ns()), p);
}

Test(process_cache, an_earlier_process_whose_fork_is_in_the_rings_gets_its_own_life)
{
	uint64_t later_tick = tick_of(at(-5));
	struct process *ended;

	put(50, "later", 0, later_tick);
	scan();
	expect_id(fork_at(0, 50, 0, at(-20)), tick_of(at(-20)), "50");
	cr_expect(process_cache_exit(cache, 50, 50, NOT_TOLD, at(-10), &ended));
	cr_assert_not_null(ended);
	expect_id(ended, tick_of(at(-20)), "50");
	expect_id(fork_at(0, 50, 0, at(-5)), later_tick, "50");
	cr_expect_eq(process_cache_find(cache, 50)->exit_time_ns, 0);
}

Test(process_cache, a_process_on_its_way_out_during_the_scan_ends_by_its_older_sample)
{
	struct process *ended = NULL;

	put(50, "dying", 0, 77);
	scan();
	cr_expect(process_cache_exit(cache, 50, 50, NOT_TOLD, at(-3), &ended));
	cr_assert_not_null(ended);
	expect_id(ended, 77, "50");
}

Test(process_cache, a_zombie_of_the_scan_is_dead_and_its_exit_sample_still_tells_when)
{
	struct process *ended = NULL;

	proc_tree_put(&tree, &(struct proc_tree_process){.pid = 50, .comm = "z", .start_tick = 77, .state = 'Z'});
	proc_tree_put(&tree, &(struct proc_tree_process){.pid = 60, .comm = "main gone", .start_tick = 77, .state = 'Z', .threads = 3});
	scan();
	cr_expect_neq(process_cache_find(cache, 50)->exit_time_ns, 0);
	cr_expect(process_cache_exit(cache, 50, 50, NOT_TOLD, at(-3), &ended));
	cr_assert_not_null(ended);
	cr_expect_eq(ended->exit_time_ns, at(-3));
	cr_expect_eq(process_cache_find(cache, 60)->threads, 2);
	cr_expect_not(exit_at(60, 61, NOT_TOLD, at(1)));
	cr_expect(exit_at(60, 62, NOT_TOLD, at(1)));
	cr_expect_eq(counters().alive, 0);
	process_cache_advance(cache, at(0) + 10 * SECOND_NS);
	cr_expect_eq(counters().dead, 0);
}

Test(process_cache, threads_that_the_scan_has_counted_are_not_counted_again)
{
	struct process *p;

	proc_tree_put(&tree, &(struct proc_tree_process){.pid = 50, .comm = "x", .start_tick = 77, .threads = 3});
	scan();
	p = process_cache_find(cache, 50);
	fork_at(50, 51, THREAD, at(-5));
	cr_expect_eq(p->threads, 3);
	fork_at(50, 59, THREAD, at(-4));
	cr_expect_not(exit_at(50, 59, NOT_TOLD, at(-3)));
	cr_expect_eq(p->threads, 3);
}

Test(process_cache, a_process_that_nobody_told_of_is_looked_up_once)
{
	put(1, "init", 0, 3);
	put(40, "shell", 1, 10);
	put(50, "missed", 40, 99);
	expect_id(process_cache_get(cache, 50, at(0)), 99, "50");
	cr_expect_eq(process_cache_find(cache, 50)->parent->parent->tgid, 1);
	cr_expect_eq(counters().looked_up, 3);
	proc_tree_remove(&tree, 50);
	cr_expect_not_null(process_cache_get(cache, 50, at(1)));
	cr_expect_eq(counters().looked_up, 3);
}

Test(process_cache, who_is_gone_is_not_asked_for_again_by_samples_from_before)
{
	uint64_t before_ns = clock_monotonic_ns();

	cr_expect_null(process_cache_get(cache, 50, before_ns));
	put(50, "later", 0, tick_of(before_ns) + 100);
	cr_expect_null(process_cache_get(cache, 50, before_ns));
	cr_expect_null(process_cache_find(cache, 50));
	cr_expect_not_null(process_cache_get(cache, 50, at(0) + 5 * SECOND_NS));
}

Test(process_cache, a_lingering_process_answers_for_its_late_samples_but_not_for_its_successor)
{
	struct process *first = fork_at(0, 50, 0, at(-100));
	uint64_t next_tick = tick_of(at(-50));

	exit_at(50, 50, NOT_TOLD, at(-90));
	cr_expect_eq(process_cache_get(cache, 50, at(-90) + 1000), first);
	put(50, "its fork was missed", 0, next_tick);
	expect_id(process_cache_get(cache, 50, at(-40)), next_tick, "50");
	cr_expect_eq(counters().looked_up, 1);
}

Test(process_cache, a_second_scan_ends_what_was_missed_and_finds_what_was_missed)
{
	uint64_t forked_ns = at(-50);
	struct process *stays, *ended = NULL;

	put(1, "init", 0, 3);
	put(50, "goes", 1, 77);
	put(60, "stays", 1, 78);
	scan();
	stays = process_cache_find(cache, 60);
	fork_at(1, 70, 0, forked_ns);
	proc_tree_remove(&tree, 50);
	put(80, "missed", 60, tick_of(at(-5)));
	scan();
	cr_expect_eq(counters().missed, 2);
	cr_expect_eq(process_cache_find(cache, 60), stays);
	cr_expect_eq(process_cache_find(cache, 80)->parent, stays);
	cr_expect_neq(process_cache_find(cache, 70)->exit_time_ns, 0);
	cr_expect_eq(counters().alive, 3);
	/* Only late, not lost. */
	cr_expect(process_cache_exit(cache, 50, 50, LAST, at(-1), &ended));
	cr_assert_not_null(ended);
	expect_id(ended, 77, "50");
}

Test(process_cache, names_are_cut_and_only_the_main_threads_counts)
{
	struct process *p = fork_at(0, 50, 0, at(-10));

	fork_at(50, 51, THREAD, at(-9));
	process_cache_rename(cache, 51, "worker", at(-8));
	cr_expect_str_eq(p->comm, "forked");
	process_cache_rename(cache, 50, "a name of more than fifteen bytes", at(-8));
	cr_expect_str_eq(p->comm, "a name of more ");
	exit_at(50, 50, LAST, at(-7));
	process_cache_rename(cache, 50, "a thread of another", at(-6));
	cr_expect_str_eq(p->comm, "a name of more ");
}

Test(process_cache, a_rename_tells_whether_the_process_has_another_name)
{
	cr_expect_not(process_cache_rename(cache, 50, "nobody", at(-11)), "there is none");
	fork_at(0, 50, 0, at(-10));
	cr_expect_not(process_cache_rename(cache, 50, "forked", at(-9)));
	cr_expect(process_cache_rename(cache, 50, "fifteen_bytes_x", at(-8)));
	cr_expect_not(process_cache_rename(cache, 50, "fifteen_bytes_x and what is cut", at(-7)));
	cr_expect(process_cache_rename(cache, 50, "fifteen_bytes_", at(-6)));
	cr_expect(process_cache_rename(cache, 50, "", at(-5)));
	exit_at(50, 50, LAST, at(-4));
	cr_expect_not(process_cache_rename(cache, 50, "late", at(-3)));
}

/* Working directories and credentials */

static void put_uid(uint32_t pid, uint32_t uid)
{
	char path[32], text[128];

	(void)snprintf(path, sizeof(path), "%u/status", pid);
	(void)snprintf(text, sizeof(text), "Name:\tx\nUid:\t%u\t0\t0\t0\nGid:\t0\t0\t0\t0\n", uid);
	proc_tree_write(&tree, path, text);
}

/* Of process 60, a child of init. */
static struct process *put_tracked(void)
{
	put(1, "init", 0, 3);
	put(60, "forker", 1, 5);
	put_cwd(1, "/");
	put_cwd(60, "/home");
	put_uid(1, 0);
	put_uid(60, 1000);
	scan();
	process_cache_track(cache, true, true);
	return process_cache_find(cache, 60);
}

Test(process_cache, what_is_tracked_is_read_from_proc_and_forgotten_when_it_is_not_any_more)
{
	struct process *p = put_tracked();
	uint64_t revision = p->revision;

	cr_assert_not_null(p->cwd);
	cr_expect_str_eq(p->cwd, "/home");
	cr_expect(p->credentials.known && p->credentials.late);
	cr_expect_eq(p->credentials.uid, 1000);
	put_cwd(60, "/elsewhere");
	put_uid(60, 2000);
	process_cache_track(cache, true, true);
	cr_expect_str_eq(p->cwd, "/home", "nothing has changed in what is to be kept");
	process_cache_track(cache, true, false);
	cr_expect_str_eq(p->cwd, "/home");
	cr_expect_not(p->credentials.known);
	cr_expect_neq(p->revision, revision, "credentials may be in what was encoded");
	process_cache_track(cache, false, true);
	cr_expect_null(p->cwd);
	cr_expect_eq(p->credentials.uid, 2000);
	process_cache_track(cache, false, false);
	process_cache_set_cwd(cache, 60, "/late", 5);
	process_cache_set_credentials(cache, 60, &(struct credentials){.known = true, .uid = 3});
	cr_expect_null(p->cwd);
	cr_expect_not(p->credentials.known);
}

Test(process_cache, who_comes_while_they_are_tracked_has_them_from_proc)
{
	put_tracked();
	put(70, "later", 1, 6);
	put_cwd(70, "/srv");
	put_uid(70, 7);
	cr_assert_not_null(process_cache_get(cache, 70, at(0)));
	cr_expect_str_eq(process_cache_find(cache, 70)->cwd, "/srv");
	cr_expect_eq(process_cache_find(cache, 70)->credentials.uid, 7);
}

/* Later than the moment at which put_tracked() returns, however slow the machine is. */
#define WHILE_TRACKED 6000

Test(process_cache, a_fork_inherits_what_is_tracked_and_goes_its_own_way)
{
	struct process *parent = put_tracked(), *child;

	process_cache_set_cwd(cache, 60, "/srv/www", 4);
	process_cache_set_credentials(cache, 60, &(struct credentials){.known = true, .uid = 33});
	child = fork_at(60, 61, 0, at(WHILE_TRACKED));
	cr_expect_str_eq(child->cwd, "/srv", "so many bytes as were given");
	cr_expect_eq(child->credentials.uid, 33);
	process_cache_set_cwd(cache, 61, "", 0);
	process_cache_set_credentials(cache, 60, &(struct credentials){.known = true});
	cr_expect_null(child->cwd);
	cr_expect_eq(child->credentials.uid, 33);
	cr_expect_str_eq(parent->cwd, "/srv");
	cr_expect_eq(parent->credentials.uid, 0);
}

/* It was the sibling that was copied, and not the parent that it got. */
Test(process_cache, a_child_with_clone_parent_inherits_from_its_forker)
{
	struct process *child;

	put_tracked();
	child = fork_at(60, 61, CLONE_PARENT, at(WHILE_TRACKED));
	cr_expect_eq(child->parent->tgid, 1);
	cr_expect_str_eq(child->cwd, "/home");
	cr_expect_eq(child->credentials.uid, 1000);
}

Test(process_cache, a_fork_that_names_itself_as_its_forker_inherits_nothing)
{
	put_tracked();
	cr_assert_not_null(fork_at(60, 60, CLONE_PARENT, at(WHILE_TRACKED)));
	cr_expect_null(process_cache_find(cache, 60)->cwd);
}

Test(process_cache, a_fork_from_before_credentials_are_tracked_has_its_own_or_none)
{
	struct process *child;

	put_tracked();
	put(61, "child", 60, tick_of(at(-5)));
	put_uid(61, 33);
	child = fork_at(60, 61, 0, at(-5));
	cr_expect_eq(child->credentials.uid, 33);
	cr_expect(child->credentials.known && child->credentials.late);
	child = fork_at(60, 62, 0, at(-4));
	cr_expect_not(child->credentials.known, "it is gone");
	cr_expect_null(child->cwd);
}

Test(process_cache, a_directory_outside_of_our_root_is_not_known)
{
	struct process *p;

	put(60, "x", 0, 5);
	put_cwd(60, "(unreachable)/home");
	scan();
	process_cache_track(cache, true, false);
	p = process_cache_find(cache, 60);
	cr_expect_null(p->cwd);
}

Test(process_cache, only_other_credentials_make_what_was_encoded_stale)
{
	struct process *p = put_tracked();
	struct credentials same = p->credentials;
	uint64_t revision = p->revision;

	process_cache_set_credentials(cache, 60, &same);
	cr_expect_eq(p->revision, revision);
	same.fsgid = 12;
	process_cache_set_credentials(cache, 60, &same);
	cr_expect_neq(p->revision, revision);
}

/* Trials and calibrations run in children of the sensor. */
Test(process_cache, children_of_the_sensor_are_hidden_however_they_are_met)
{
	struct process_cache_options options = {.proc = tree.path, .self_tgid = 60};

	process_cache_free(cache);
	cr_assert_eq(process_cache_new(&cache, &options, NULL), 0);
	put(1, "init", 0, 3);
	put(60, "sensor", 1, 5);
	put(61, "child", 60, 6);
	scan();
	cr_expect(process_cache_find(cache, 61)->hidden);
	cr_expect_not(process_cache_find(cache, 60)->hidden);
	cr_expect_not(process_cache_find(cache, 1)->hidden);
	cr_expect(fork_at(60, 62, 0, at(-5))->hidden);
	cr_expect(fork_at(60, 63, CLONE_PARENT, at(-5))->hidden);
	cr_expect_not(fork_at(1, 64, 0, at(-5))->hidden);
	put(65, "late", 60, 7);
	cr_expect(process_cache_get(cache, 65, at(0))->hidden);
}

static void encode(const struct process *p)
{
	process_set_encoded(p, strdup(p->comm), strlen(p->comm));
}

static bool is_current(const struct process *p)
{
	return p->encoded_revision == p->revision;
}

Test(process_cache, what_was_encoded_goes_stale_for_all_descendants_of_a_process_that_changes)
{
	struct process *a = fork_at(0, 50, 0, at(-20));
	struct process *b = fork_at(50, 51, 0, at(-19));
	struct process *c = fork_at(51, 52, 0, at(-18));
	struct process *d = fork_at(51, 53, 0, at(-17));
	struct process *other = fork_at(0, 60, 0, at(-16));

	cr_expect_not(is_current(c));
	encode(a);
	encode(c);
	encode(d);
	encode(other);
	cr_expect(is_current(a) && is_current(c) && is_current(d) && is_current(other));
	process_cache_rename(cache, 50, "forked", at(-15));
	cr_expect(is_current(c), "the same name is no change");
	process_cache_rename(cache, 50, "new", at(-15));
	cr_expect_not(is_current(a));
	cr_expect_not(is_current(c));
	cr_expect_not(is_current(d));
	cr_expect(is_current(other));
	encode(b);
	encode(d);
	process_cache_rename(cache, 52, "leaf", at(-14));
	cr_expect(is_current(b) && is_current(d));
	process_cache_rename(cache, 51, "newer", at(-14));
	cr_expect_not(is_current(b));
	cr_expect_not(is_current(d));
	encode(d);
	encode(d);
	cr_expect(is_current(d));
	cr_expect_str_eq((const char *)d->encoded, "forked");
}

Test(process_cache, a_dead_parent_stays_in_the_lineage_while_a_child_lives)
{
	uint64_t time_ns = at(-20);
	struct process *child;

	fork_at(0, 50, 0, time_ns);
	child = fork_at(50, 51, 0, time_ns + 1000);
	exit_at(50, 50, LAST, time_ns + 2000);
	process_cache_advance(cache, time_ns + 10 * SECOND_NS);
	cr_expect_null(process_cache_find(cache, 50));
	cr_assert_not_null(child->parent);
	cr_expect_eq(child->parent->tgid, 50);
	cr_expect_eq(counters().dead, 1);
	exit_at(51, 51, LAST, time_ns + 11 * SECOND_NS);
	process_cache_advance(cache, time_ns + 20 * SECOND_NS);
	cr_expect_eq(counters().dead, 0);
}

static size_t ancestors(const struct process *p)
{
	size_t count = 0;

	for (p = p->parent; p; p = p->parent)
		count++;
	return count;
}

Test(process_cache, a_daemon_that_forks_and_exits_a_hundred_thousand_times_costs_no_more_than_a_lineage)
{
	enum {
		GENERATIONS = 100000,
		PIDS = 30000
	};
	uint64_t time_ns = at(0);
	struct process *p;
	uint32_t tgid = FIRST_TGID;

	put(1, "init", 0, 3);
	scan();
	fork_at(1, tgid, 0, time_ns);
	for (uint32_t i = 1; i <= GENERATIONS; i++) {
		uint32_t child = FIRST_TGID + i % PIDS;

		time_ns += 10 * NSEC_PER_MSEC + 1;
		p = fork_at(tgid, child, 0, time_ns);
		cr_assert_not_null(p);
		encode(p);
		cr_assert(exit_at(tgid, tgid, NOT_TOLD, time_ns + 1000));
		process_cache_advance(cache, time_ns + 1000);
		cr_assert_leq(ancestors(p), PROCESS_LINEAGE_MAX);
		cr_assert_leq(counters().dead, PROCESS_LINEAGE_MAX + PROCESS_LINGER_NS / (10 * NSEC_PER_MSEC) + 1);
		tgid = child;
	}
	p = process_cache_find(cache, tgid);
	cr_expect_eq(ancestors(p), PROCESS_LINEAGE_MAX);
	while (p->parent)
		p = p->parent;
	cr_expect_eq(p->tgid, 1, "the living root stays");
	cr_expect_eq(counters().alive, 2);
	cr_expect_gt(counters().cut, (uint64_t)GENERATIONS / 2);
}

Test(process_cache, living_ancestors_are_never_cut)
{
	uint64_t time_ns = at(-500);

	for (uint32_t i = 0; i < 200; i++)
		cr_assert_not_null(fork_at(FIRST_TGID + i, FIRST_TGID + i + 1, 0, time_ns + i * 1000));
	cr_expect_eq(ancestors(process_cache_find(cache, FIRST_TGID + 200)), 199);
	cr_expect_eq(counters().cut, 0);
}

Test(process_cache, the_number_of_dead_is_bounded)
{
	uint64_t time_ns = at(-500);

	process_cache_free(cache);
	make_cache(100);
	fork_at(0, 10, 0, time_ns);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t dead = FIRST_TGID + 2 * i;

		/* Half of the dead have a child that lives. */
		time_ns += 1000;
		fork_at(10, dead, 0, time_ns);
		if (i % 2)
			fork_at(dead, dead + 1, 0, time_ns + 1);
		exit_at(dead, dead, LAST, time_ns + 2);
		process_cache_advance(cache, time_ns + 2);
		cr_assert_leq(counters().dead, 100);
	}
	cr_expect_eq(counters().alive, 501);
	/* Whoever lost a dead parent has the grandparent. */
	cr_expect_eq(process_cache_find(cache, FIRST_TGID + 3)->parent->tgid, 10);
}

Test(process_cache, a_process_cannot_become_its_own_ancestor)
{
	put(50, "x", 0, tick_of(at(-10)));
	put(60, "y", 50, tick_of(at(-10)));
	scan();
	cr_assert_not_null(fork_at(60, 50, 0, at(-10)));
	cr_expect_null(process_cache_find(cache, 50)->parent);
	cr_expect_eq(process_cache_find(cache, 60)->parent->tgid, 50);
}

/* On the running kernel: fork samples made up from the clock and a scan agree about every child. */
Test(process_cache, forks_and_a_scan_of_the_running_kernel_agree)
{
	enum {
		CHILDREN = 20
	};
	struct process_cache_options options = {0};
	struct process_cache *forked = NULL, *scanned = NULL;
	pid_t children[CHILDREN];
	bool prompt[CHILDREN];

	cr_assert_eq(process_cache_new(&forked, &options, NULL), 0);
	cr_assert_eq(process_cache_new(&scanned, &options, NULL), 0);
	for (int i = 0; i < CHILDREN; i++) {
		struct timespec pause = {.tv_nsec = 900000};
		uint64_t before_ns = clock_monotonic_ns(), after_ns;

		children[i] = fork();
		cr_assert(children[i] >= 0);
		if (children[i] == 0) {
			pause.tv_sec = 20;
			nanosleep(&pause, NULL);
			_exit(0);
		}
		after_ns = clock_monotonic_ns();
		prompt[i] = after_ns - before_ns < PROCESS_FORK_LAG_NS;
		cr_assert_not_null(process_cache_fork(forked, (uint32_t)getpid(), (uint32_t)children[i], 0, "child", after_ns));
		nanosleep(&pause, NULL);
	}
	cr_assert_eq(process_cache_scan(scanned, NULL), 0);
	for (int i = 0; i < CHILDREN; i++) {
		struct process *a = process_cache_find(forked, (uint32_t)children[i]);
		struct process *b = process_cache_find(scanned, (uint32_t)children[i]);

		cr_assert(a && b);
		if (prompt[i])
			cr_expect_str_eq(a->id, b->id);
		cr_expect_str_eq(a->parent->id, b->parent->id);
		cr_assert_eq(kill(children[i], SIGKILL), 0);
		cr_assert_eq(waitpid(children[i], NULL, 0), children[i]);
	}
	process_cache_free(forked);
	process_cache_free(scanned);
}
