#include "cli/provoke.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>

static int first_cpu(void)
{
	cpu_set_t allowed;

	cr_assert_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			return cpu;
	return -1;
}

Test(provoke, a_child_has_come_and_gone_when_it_returns)
{
	struct error err = {0};
	pid_t child = 0;

	cr_assert_eq(provoke_events("/bin/true", first_cpu(), &child, &err), 0, "%s", err.message);
	cr_assert_gt(child, 0);
	cr_assert_eq(kill(child, 0), -1);
	cr_assert_eq(errno, ESRCH);
}

Test(provoke, the_thread_may_run_where_it_could_before)
{
	cpu_set_t before;
	cpu_set_t after;
	pid_t child;

	cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	cr_assert_eq(provoke_events("/bin/true", first_cpu(), &child, NULL), 0);
	cr_assert_eq(sched_getaffinity(0, sizeof(after), &after), 0);
	cr_assert(CPU_EQUAL(&before, &after));
}

Test(provoke, a_program_that_is_not_there_is_an_error)
{
	struct error err;
	pid_t child;

	cr_assert_eq(provoke_events("/nonexistent", first_cpu(), &child, &err), -ECHILD);
	cr_assert_str_eq(err.message, "a child process could not execute /nonexistent");
}

Test(provoke, a_cpu_that_cannot_be_is_refused)
{
	struct error err;
	pid_t child;

	cr_assert_eq(provoke_events("/bin/true", -1, &child, &err), -EINVAL);
	cr_assert_eq(provoke_events("/bin/true", CPU_SETSIZE, &child, &err), -EINVAL);
}
