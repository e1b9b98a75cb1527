#include "tests/vm/scenario.h"
#include "tests/vm/story.h"

#include "subscription/container_filter.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * In containers: cgroups of the unified hierarchy that are named as a runtime names its own. What is done where is marked by calls with a
 * number, which the sensor tells with the container that the caller is in.
 */

#define CALL SYS_readahead

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP UINT64_C(0x200000000)
#endif

static char id[65];
static char group[128];

/* A group of its own for the scenario, in a mount that nobody else sees. */
static void make_container(void)
{
	CHECK_CALL(unshare(CLONE_NEWNS));
	CHECK_CALL(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_CALL(mkdir("cgroup", 0755));
	if (mount("scenario", "cgroup", "cgroup2", 0, NULL))
		scenario_skip("the unified hierarchy of cgroups cannot be mounted");
	(void)snprintf(id, sizeof(id), "%064x", (unsigned int)getpid());
	(void)snprintf(group, sizeof(group), "cgroup/scenario-%s", id + 40);
	CHECK_CALL(mkdir(group, 0755));
	(void)snprintf(group, sizeof(group), "cgroup/scenario-%s/%s", id + 40, id);
	CHECK_CALL(mkdir(group, 0755));
}

/* On a host, groups stay after a test. */
static void remove_container(const struct story *story)
{
	CHECK_CALL(kill(story->pid, SIGKILL));
	(void)reap(story->pid);
	for (int i = 0; rmdir(group) && i < 50; i++)
		usleep(100000);
	*strrchr(group, '/') = '\0';
	CHECK_CALL(rmdir(group));
}

static void move_to(const char *folder)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	fd = (int)MUST(open(path, O_WRONLY));
	MUST(write(fd, "0", 1));
	MUST(close(fd));
}

static void mark(long number)
{
	syscall(CALL, -1L, number, 0L);
}

static void fork_and_mark(long number)
{
	pid_t child = (pid_t)MUST(fork());

	if (!child) {
		mark(number);
		_exit(0);
	}
	MUST(waitpid(child, NULL, 0));
}

static bool is_mark(const Capsule8__Api__V0__Event *event, const void *number)
{
	return event->event_case == CAPSULE8__API__V0__EVENT__EVENT_SYSCALL && event->syscall->id == CALL &&
	       event->syscall->arg1 == (uint64_t)(*(const long *)number) && event->syscall->arg0 == UINT64_MAX;
}

static void check_mark(const struct story *story, long number, const char *container)
{
	const Capsule8__Api__V0__Event *event = nth_event(story->o, is_mark, &number, 0);

	if (!event)
		scenario_fail("mark %ld was not told", number);
	if (strcmp(event->container_id, container) != 0)
		scenario_fail("mark %ld is in \"%s\" and not in \"%s\"", number, event->container_id, container);
	CHECK_INTEGER(count_events(story->o, is_mark, &number), 1);
}

static struct subscription_spec *wish_marks(void)
{
	struct subscription_spec *spec = wish(EVENT_SYSCALL_ENTER);

	require_integer(spec, "id", CALL);
	return spec;
}

static void come_and_go(void)
{
	mark(1);
	move_to(group);
	mark(2);
	fork_and_mark(3);
	move_to("cgroup");
	mark(4);
	fork_and_mark(5);
}

static void whoever_is_moved_into_a_container_and_out_of_it_is_told_so(void)
{
	struct story story;

	make_container();
	story = play(wish_marks(), come_and_go);
	check_mark(&story, 1, "");
	check_mark(&story, 2, id);
	check_mark(&story, 3, id);
	check_mark(&story, 4, "");
	check_mark(&story, 5, "");
	remove_container(&story);
}

static void fork_into_group(void)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	pid_t child;

	args.cgroup = (uint64_t)MUST(open(group, O_RDONLY | O_DIRECTORY));
	child = (pid_t)MUST(syscall(SYS_clone3, &args, sizeof(args)));
	if (!child) {
		/* It is looked up in /proc. */
		linger();
		mark(1);
		fork_and_mark(2);
		_exit(0);
	}
	mark(3);
	MUST(waitpid(child, NULL, 0));
}

static void a_child_that_begins_in_a_container_is_in_it(void)
{
	struct story story;

	make_container();
	story = play(wish_marks(), fork_into_group);
	check_mark(&story, 1, id);
	check_mark(&story, 2, id);
	check_mark(&story, 3, "");
	remove_container(&story);
}

static void go_out_and_in_again(void)
{
	mark(1);
	fork_and_mark(2);
	move_to(group);
	mark(3);
	move_to("cgroup");
	mark(4);
	move_to(group);
	fork_and_mark(5);
}

static void whoever_asks_for_a_container_is_told_of_nothing_else(void)
{
	struct subscription_spec *spec = wish_marks();
	long absent[] = {1, 2, 4};
	struct story story;

	make_container();
	spec->containers = container_filter_new();
	CHECK(spec->containers && !container_filter_add(spec->containers, CONTAINER_FILTER_ID, id, NULL), "the filter");
	story = play(spec, go_out_and_in_again);
	check_mark(&story, 3, id);
	check_mark(&story, 5, id);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		CHECK_INTEGER(count_events(story.o, is_mark, &absent[i]), 0);
	remove_container(&story);
}

const struct scenario container_scenarios[] = {
	{"container_of_a_process_is_the_one_that_it_was_moved_to", whoever_is_moved_into_a_container_and_out_of_it_is_told_so},
	{"container_of_a_child_is_the_one_that_it_was_forked_into", a_child_that_begins_in_a_container_is_in_it},
	{"container_filters_let_nothing_else_through", whoever_asks_for_a_container_is_told_of_nothing_else},
	{0},
};
