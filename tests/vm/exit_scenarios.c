#include "tests/vm/observation.h"
#include "tests/vm/scenario.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_exit(struct observation *o, pid_t pid, int status)
{
	const Capsule8__Api__V0__ProcessEvent *exit = await_of_process(o, EVENT_PROCESS_EXIT, pid)->process;

	CHECK_INTEGER(exit->exit_code_unknown, false);
	CHECK_INTEGER(exit->exit_code, status);
	CHECK_INTEGER(exit->exit_status, WIFEXITED(status) ? WEXITSTATUS(status) : 0);
	CHECK_INTEGER(exit->exit_signal, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	CHECK_INTEGER(exit->exit_core_dumped, WIFSIGNALED(status) && WCOREDUMP(status));
}

/* exit_ways tells for each of its children what wait(2) said. */
static void run_exit_ways(void *path)
{
	char *const arguments[] = {"exit_ways", NULL};
	int output = open("statuses", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	dup2(output, STDOUT_FILENO);
	run_program(&(struct program){path, arguments});
}

static void each_way_to_exit_has_the_status_that_wait_has(void)
{
	struct observation *o = observe(wish(EVENT_PROCESS_EXIT));
	FILE *statuses;
	char name[64];
	size_t ways = 0;
	pid_t pid;
	int status;

	CHECK_INTEGER(start_and_reap(run_exit_ways, (void *)program_path("exit_ways"), &pid), 0);
	settle(o);
	statuses = fopen("statuses", "r");
	CHECK(statuses, "exit_ways has written nothing");
	while (fscanf(statuses, "%d %d %63s\n", &pid, &status, name) == 3) {
		check_exit(o, pid, status);
		CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_PROCESS_EXIT, pid}), 1);
		ways++;
	}
	CHECK(ways > 10, "exit_ways tells of only %zu ways", ways);
}

static void dump_core(void *unused)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	(void)unused;
	setrlimit(RLIMIT_CORE, &unlimited);
	raise(SIGABRT);
}

static void die_without_core(void *unused)
{
	const struct rlimit none = {0, RLIM_INFINITY};

	(void)unused;
	setrlimit(RLIMIT_CORE, &none);
	raise(SIGABRT);
}

static void a_core_dump_is_told(void)
{
	struct observation *o = observe(wish(EVENT_PROCESS_EXIT));
	pid_t pid;
	int status = start_and_reap(dump_core, NULL, &pid);

	CHECK_INTEGER(WTERMSIG(status), SIGABRT);
	if (!WCOREDUMP(status))
		scenario_skip("core dumps are not written on this system");
	check_exit(o, pid, status);
	status = start_and_reap(die_without_core, NULL, &pid);
	CHECK_INTEGER(status, SIGABRT);
	check_exit(o, pid, status);
}

static void a_filter_on_the_exit_status_lets_only_it_through(void)
{
	struct subscription_spec *spec = wish(EVENT_PROCESS_EXIT);
	char *one[] = {"short_lived", "77", "1000", NULL};
	char *other[] = {"short_lived", "78", "1000", NULL};
	struct observation *o;
	pid_t unwanted;
	pid_t pid;

	require_integer(spec, "exit_code", 77 << 8);
	o = observe(spec);
	start_and_reap(run_program, &(struct program){program_path("short_lived"), other}, &unwanted);
	start_and_reap(run_program, &(struct program){program_path("short_lived"), one}, &pid);
	check_exit(o, pid, 77 << 8);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_PROCESS_EXIT, unwanted}), 0);
}

const struct scenario exit_scenarios[] = {
	{"each_way_to_exit_has_the_status_that_wait_has", each_way_to_exit_has_the_status_that_wait_has},
	{"a_core_dump_is_told", a_core_dump_is_told},
	{"a_filter_on_the_exit_status_lets_only_it_through", a_filter_on_the_exit_status_lets_only_it_through},
	{0},
};
