#include "base/clock.h"
#include "container/docker_state.h"
#include "sensor/process_cache.h"
#include "tests/sensor/docker_tree.h"
#include "tests/sensor/sensor_bench.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* Which container a process is in: from /proc, by forks, and by moves between cgroups. */

#define A     "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"
#define B     "b0c4a1d2e3f405162738495a6b7c8d9eaf01b2c3d4e5f60718293a4b5c6d7e8f"
#define IMAGE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

#define SHIM    100
#define INSIDE  200
#define OUTSIDE 300
#define CHILD   400

#define INTO_CGROUP UINT64_C(0x200000000)

static struct proc_tree proc;
static struct docker_tree docker;
static struct container_roots *roots;
static struct container_table *containers;
static struct process_cache *cache;
static uint64_t now_ns;

static void put(uint32_t pid, uint32_t parent, const char *cgroups)
{
	char path[64];

	proc_tree_put(&proc, &(struct proc_tree_process){.pid = pid, .comm = "someone", .parent = parent, .start_tick = 4});
	(void)snprintf(path, sizeof(path), "%u/cgroup", pid);
	proc_tree_write(&proc, path, cgroups);
}

static void setup(void)
{
	const char *docker_paths[] = {docker.path}, *nowhere[] = {"/nonexistent"};
	struct container_roots_options roots_options = {
		.paths = {[CONTAINER_ROOT_DOCKER] = docker_paths, nowhere, nowhere, nowhere},
		.counts = {1, 1, 1, 1},
	};
	struct container_table_options table_options = {0};
	struct process_cache_options options = {.proc = proc.path};

	proc_tree_init(&proc);
	docker_tree_init(&docker);
	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	cr_assert_eq(container_roots_new(&roots, &roots_options, NULL), 0);
	table_options.roots = roots;
	cr_assert_eq(container_table_new(&containers, &table_options, NULL), 0);
	options.containers = containers;
	cr_assert_eq(process_cache_new(&cache, &options, NULL), 0);
	put(SHIM, 0, "0::/system.slice/containerd.service\n");
	put(INSIDE, SHIM, "4:memory:/docker/" A "\n0::/\n");
	put(OUTSIDE, 0, "0::/user.slice\n");
	cr_assert_eq(process_cache_scan(cache, NULL), 0);
	process_cache_follow_cgroups(cache, true);
	now_ns = clock_monotonic_ns();
}

static void teardown(void)
{
	process_cache_free(cache);
	container_table_free(containers);
	container_roots_free(roots);
	docker_tree_done(&docker);
	proc_tree_done(&proc);
}

TestSuite(process_container, .init = setup, .fini = teardown);

static void expect_in(uint32_t tgid, const char *id)
{
	const struct process *p = process_cache_find(cache, tgid);

	cr_assert_not_null(p);
	if (id)
		cr_expect(p->container && !strcmp(p->container->id.bytes, id), "%u is in %s", tgid,
			  p->container ? p->container->id.bytes : "none");
	else
		cr_expect_null(p->container, "%u", tgid);
}

static const struct process *fork_of(uint32_t parent, uint32_t child, uint64_t flags)
{
	return process_cache_fork(cache, parent, child, flags, "child", now_ns += 1000);
}

static void attach_in(uint32_t tid, uint64_t hierarchy, const char *path)
{
	process_cache_attach(cache, tid, hierarchy, path, strlen(path), now_ns += 1000);
}

static void attach(uint32_t tid, const char *path)
{
	attach_in(tid, 0, path);
}

Test(process_container, a_process_that_is_there_already_is_in_the_container_of_its_cgroups)
{
	expect_in(INSIDE, A);
	cr_expect_str_eq(process_cache_find(cache, INSIDE)->container->name.bytes, "/web");
	expect_in(SHIM, NULL);
	expect_in(OUTSIDE, NULL);
}

Test(process_container, a_child_is_where_its_parent_is)
{
	cr_assert_not_null(fork_of(INSIDE, CHILD, 0));
	expect_in(CHILD, A);
	cr_expect_eq(process_cache_find(cache, CHILD)->container, process_cache_find(cache, INSIDE)->container);
	cr_assert_not_null(fork_of(CHILD, CHILD + 1, CLONE_PARENT));
	expect_in(CHILD + 1, A);
	cr_assert_not_null(fork_of(OUTSIDE, CHILD + 2, 0));
	expect_in(CHILD + 2, NULL);
}

Test(process_container, a_child_that_is_forked_right_into_a_cgroup_is_looked_up)
{
	put(CHILD, SHIM, "0::/system.slice/docker-" B ".scope\n");
	cr_assert_not_null(fork_of(SHIM, CHILD, INTO_CGROUP));
	expect_in(CHILD, B);
	/* Gone when it is looked up: its parent's is the best guess. */
	cr_assert_not_null(fork_of(INSIDE, CHILD + 1, INTO_CGROUP));
	expect_in(CHILD + 1, A);
}

Test(process_container, a_child_of_somebody_unknown_is_looked_up)
{
	put(CHILD, 0, "0::/docker/" B "\n");
	cr_assert_not_null(fork_of(999, CHILD, 0));
	expect_in(CHILD, B);
}

Test(process_container, a_process_follows_when_it_is_moved)
{
	const struct process *child = fork_of(SHIM, CHILD, 0);
	uint64_t revision = child->revision;

	expect_in(CHILD, NULL);
	attach(CHILD, "/docker/" A);
	expect_in(CHILD, A);
	cr_expect_neq(child->revision, revision, "what was encoded says another container");
	revision = child->revision;
	attach(CHILD, "/docker/" A);
	cr_expect_eq(child->revision, revision, "the same in the next hierarchy");
	attach(CHILD, "/docker/" A "/docker/" B);
	expect_in(CHILD, B);
}

Test(process_container, one_that_leaves_is_out_of_it_when_no_hierarchy_has_it_there_any_more)
{
	/* /proc had it there in hierarchy 4 only. */
	attach_in(INSIDE, 0, "/tasks-of-mine");
	expect_in(INSIDE, A);
	attach_in(INSIDE, 3, "/docker/" A);
	attach_in(INSIDE, 4, "/");
	expect_in(INSIDE, A);
	cr_assert_not_null(fork_of(INSIDE, CHILD, 0));
	attach_in(INSIDE, 3, "/");
	expect_in(INSIDE, NULL);
	attach_in(INSIDE, 3, "/user.slice");
	expect_in(INSIDE, NULL);
	/* Its child is where it was itself at that time. */
	expect_in(CHILD, A);
	attach_in(CHILD, 3, "/");
	expect_in(CHILD, NULL);
}

Test(process_container, a_path_that_may_be_cut_is_looked_up)
{
	static char path[1024];

	put(OUTSIDE, 0, "0::/very/deep/docker-" B ".scope\n");
	memset(path, 'd', 1023);
	path[0] = '/';
	attach(OUTSIDE, path);
	expect_in(OUTSIDE, B);
}

Test(process_container, a_thread_that_is_moved_alone_moves_nobody)
{
	cr_assert_not_null(fork_of(OUTSIDE, OUTSIDE + 1, CLONE_THREAD));
	attach(OUTSIDE + 1, "/docker/" B);
	expect_in(OUTSIDE, NULL);
}

Test(process_container, a_process_that_nobody_told_of_is_looked_up_when_it_is_moved)
{
	put(CHILD, SHIM, "0::/docker/" B "\n");
	attach(CHILD, "/docker/" B);
	expect_in(CHILD, B);
}

Test(process_container, without_samples_of_moves_each_exec_looks)
{
	cr_assert_not_null(fork_of(SHIM, CHILD, 0));
	put(CHILD, SHIM, "4:memory:/docker/" A "\n");
	process_cache_exec(cache, CHILD, now_ns += 1000);
	expect_in(CHILD, NULL);
	process_cache_follow_cgroups(cache, false);
	process_cache_exec(cache, CHILD, now_ns += 1000);
	expect_in(CHILD, A);
}

Test(process_container, after_moves_were_missed_all_are_looked_up)
{
	put(INSIDE, SHIM, "4:memory:/\n");
	put(OUTSIDE, 0, "4:memory:/docker/" B "\n");
	process_cache_reread_containers(cache);
	expect_in(INSIDE, NULL);
	expect_in(OUTSIDE, B);
}

Test(process_container, one_that_has_ended_stays_in_its_container_until_it_is_forgotten)
{
	struct process *ended;

	cr_assert_not_null(fork_of(INSIDE, CHILD, 0));
	attach(CHILD, "/docker/" B);
	cr_assert(process_cache_exit(cache, CHILD, CHILD, -1, now_ns += 1000, &ended));
	expect_in(CHILD, B);
	cr_expect_eq(container_table_count(containers), 2);
	process_cache_advance(cache, now_ns + PROCESS_LINGER_NS);
	cr_expect_eq(container_table_count(containers), 1, "nobody is in it any more");
}

Test(process_container, what_is_learned_of_a_container_changes_what_its_processes_are_encoded_as)
{
	uint64_t inside, outside;

	attach(INSIDE, "/docker/" B);
	inside = process_cache_find(cache, INSIDE)->revision;
	outside = process_cache_find(cache, OUTSIDE)->revision;
	docker_tree_put(&docker, B, "/late", "sha256:" IMAGE, "late:1");
	container_table_refresh(containers, clock_monotonic_ns() + CONTAINER_LOOK_FIRST_NS);
	cr_expect_str_eq(process_cache_find(cache, INSIDE)->container->name.bytes, "/late");
	cr_expect_neq(process_cache_find(cache, INSIDE)->revision, inside);
	cr_expect_eq(process_cache_find(cache, OUTSIDE)->revision, outside);
}

static void rename_in_docker(const char *id, const char *name)
{
	struct container_fact *fact;

	docker_tree_put(&docker, id, name, "sha256:" IMAGE, "nginx");
	cr_assert_eq(docker_state_read(&fact, NULL, docker.path, id), 1);
	container_table_take(containers, fact, clock_monotonic_ns());
}

Test(process_container, what_is_learned_of_a_container_concerns_those_who_are_in_it_now)
{
	enum {
		STAYED,
		CAME,
		LEFT,
		MOVED_ON,
		ENDED,
		GONE,
		COUNT
	};
	static const bool is_in[COUNT] = {[STAYED] = true, [CAME] = true, [ENDED] = true};
	uint64_t before[COUNT];
	struct process *ended;

	for (uint32_t i = 0; i < COUNT; i++)
		cr_assert_not_null(fork_of(i == CAME ? OUTSIDE : INSIDE, CHILD + i, 0));
	attach(CHILD + CAME, "/docker/" A);
	attach_in(CHILD + LEFT, 4, "/");
	attach(CHILD + MOVED_ON, "/docker/" B);
	cr_assert(process_cache_exit(cache, CHILD + GONE, CHILD + GONE, 1, now_ns += 1000, &ended));
	process_cache_advance(cache, now_ns += PROCESS_LINGER_NS);
	cr_expect_null(process_cache_find(cache, CHILD + GONE));
	cr_assert(process_cache_exit(cache, CHILD + ENDED, CHILD + ENDED, 1, now_ns += 1000, &ended));
	for (uint32_t i = 0; i < GONE; i++)
		before[i] = process_cache_find(cache, CHILD + i)->revision;
	rename_in_docker(A, "/renamed");
	for (uint32_t i = 0; i < GONE; i++) {
		const struct process *p = process_cache_find(cache, CHILD + i);

		cr_expect_eq(p->revision != before[i], is_in[i], "child %u", i);
		cr_expect_eq(p->container && !strcmp(p->container->name.bytes, "/renamed"), is_in[i], "child %u", i);
	}
}

static uint32_t count_in(const char *id)
{
	const struct container *c = container_table_find(containers, id);

	return c ? c->processes : 0;
}

Test(process_container, a_container_knows_how_many_processes_live_in_it)
{
	struct process *ended;

	cr_expect_eq(count_in(A), 1);
	cr_assert_not_null(fork_of(INSIDE, CHILD, 0));
	cr_assert_not_null(fork_of(INSIDE, CHILD + 1, 0));
	cr_assert_not_null(fork_of(CHILD, CHILD + 2, CLONE_THREAD));
	cr_expect_eq(count_in(A), 3, "threads do not count");
	attach(CHILD, "/docker/" A);
	cr_expect_eq(count_in(A), 3, "the same in the next hierarchy");
	attach(CHILD, "/docker/" B);
	cr_expect_eq(count_in(A), 2);
	cr_expect_eq(count_in(B), 1);
	cr_assert(process_cache_exit(cache, CHILD, CHILD, 1, now_ns += 1000, &ended));
	cr_expect_eq(count_in(B), 0, "it lingers, and has ended");
	attach(CHILD, "/docker/" A);
	cr_expect_eq(count_in(A), 2);
	process_cache_advance(cache, now_ns + PROCESS_LINGER_NS);
	cr_expect_eq(count_in(A), 2);
	/* Its number is used again without anybody having seen the end. */
	cr_assert_not_null(fork_of(INSIDE, CHILD + 1, 0));
	cr_expect_eq(count_in(A), 2);
	while (clock_monotonic_ns() <= now_ns)
		;
	cr_assert_eq(process_cache_scan(cache, NULL), 0);
	cr_expect_eq(count_in(A), 1, "its exit was missed");
}

/* From samples as kernels lay them out, through a whole sensor. */

static void call_in(struct bench *b, const char *id)
{
	struct bench_sample s;
	size_t event = b->count;

	bench_sample_init(&s, b, "raw_syscalls", "sys_enter");
	bench_push(&s, BENCH_PID, BENCH_PID);
	bench_round(b, event + 1);
	cr_assert_not_null(b->events[event].event.process);
	if (!id)
		cr_expect_null(b->events[event].event.process->container, "%s", b->kernel);
	else
		cr_expect(b->events[event].event.process->container && !strcmp(b->events[event].event.process->container->id.bytes, id),
			  "%s: not in %s", b->kernel, id);
}

static void move_in(struct bench *b, uint32_t hierarchy, const char *path)
{
	struct bench_sample s;

	bench_sample_init(&s, b, "cgroup", "cgroup_attach_task");
	bench_set(&s, "pid", BENCH_PID);
	bench_set(&s, "dst_root", hierarchy);
	bench_set_string(&s, "dst_path", path);
	bench_set_string(&s, "comm", "someone");
	bench_push(&s, 1, 1);
	bench_round(b, b->count);
}

Test(sensor_containers, moves_are_followed_as_each_kernel_tells_of_them)
{
	static const char *const kernels[] = {"5.10", "6.1", "6.12", "6.18", "7.2"};

	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		struct bench b;

		/* The calls' formats are everywhere the same, and 6.18 has none here. */
		bench_init(&b, "6.1");
		bench_know_processes(&b);
		bench_know(&b, "raw_syscalls", "sys_enter");
		b.kernel = kernels[i];
		bench_know(&b, "cgroup", "cgroup_attach_task");
		bench_start(&b, NULL);
		bench_want(&b, EVENT_KIND_BIT(EVENT_SYSCALL_ENTER));
		call_in(&b, NULL);
		move_in(&b, 3, "/docker/" A);
		call_in(&b, A);
		move_in(&b, 4, "/system.slice");
		call_in(&b, A);
		move_in(&b, 3, "/system.slice");
		call_in(&b, NULL);
		move_in(&b, 0, "/docker/" B);
		call_in(&b, B);
		bench_done(&b);
	}
}

Test(sensor_containers, a_move_whose_sample_was_lost_is_looked_up)
{
	struct bench b;

	bench_init(&b, "6.1");
	bench_know_processes(&b);
	bench_know(&b, "raw_syscalls", "sys_enter");
	bench_know(&b, "cgroup", "cgroup_attach_task");
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_SYSCALL_ENTER));
	call_in(&b, NULL);
	proc_tree_write(&b.proc, "4000/cgroup", "4:memory:/docker/" A "\n");
	cr_assert_eq(fake_source_push_lost(b.source, "cgroup", "cgroup_attach_task", b.now_ns += 1000, 3), 0);
	/* What was lost is no event that anybody asked for. */
	bench_round(&b, 1);
	sensor_settle(b.sensor);
	call_in(&b, A);
	bench_done(&b);
}

Test(sensor_containers, a_kernel_that_tells_of_no_moves_does_without)
{
	struct bench b;

	bench_init(&b, "6.1");
	bench_know_processes(&b);
	bench_know(&b, "raw_syscalls", "sys_enter");
	proc_tree_write(&b.proc, "4000/cgroup", "4:memory:/docker/" A "\n");
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_SYSCALL_ENTER));
	call_in(&b, A);
	bench_done(&b);
}
