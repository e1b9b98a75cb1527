#include "cli/provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void __attribute__((noreturn)) child_main(const char *program)
{
	char name[] = "provoked";
	char option[] = "--version";
	char *argv[] = {name, option, NULL};
	int null = open("/dev/null", O_RDWR);

	if (null >= 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	execv(program, argv);
	_exit(127);
}

static int run_child(const char *program, pid_t *ret_child, struct error *err)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return error_set_errno(err, -errno, "cannot make a child process");
	if (!child)
		child_main(program);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return error_set_errno(err, -errno, "cannot wait for a child process");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return error_set(err, -ECHILD, "a child process could not execute %s", program);
	*ret_child = child;
	return 0;
}

int provoke_events(const char *program, int cpu, pid_t *ret_child, struct error *err)
{
	cpu_set_t before;
	cpu_set_t bound;
	int r;

	CPU_ZERO(&bound);
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return error_set(err, -EINVAL, "CPU %d is none that a thread can be bound to here", cpu);
	CPU_SET(cpu, &bound);
	if (sched_getaffinity(0, sizeof(before), &before) || sched_setaffinity(0, sizeof(bound), &bound))
		return error_set_errno(err, -errno, "cannot bind a thread to CPU %d", cpu);
	r = run_child(program, ret_child, err);
	if (sched_setaffinity(0, sizeof(before), &before) && !r)
		return error_set_errno(err, -errno, "cannot unbind a thread from CPU %d", cpu);
	return r;
}
