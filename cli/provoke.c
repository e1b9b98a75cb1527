#include "cli/provoke.h"

#include "tracing/provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A slow emulator has its time too. */
#define PROGRAM_TIMEOUT_MS 30000

/* Comes back only when the program cannot be executed. */
static int execute(void *context, uint8_t step)
{
	const char *program = context;
	char name[] = "provoked";
	char option[] = "--version";
	char *argv[] = {name, option, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)step;
	if (null >= 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	execv(program, argv);
	return -errno;
}

static int run_child(const char *program, pid_t *ret_child, struct error *err)
{
	char path[PATH_MAX];
	struct provoke child;
	int status = 0;
	int r;

	snprintf(path, sizeof(path), "%s", program);
	r = provoke_start(&child, execute, path, err);
	if (r < 0)
		return r;
	*ret_child = provoke_pid(&child);
	r = provoke_act(&child, 0, PROGRAM_TIMEOUT_MS, err);
	if (!r)
		r = provoke_wait(&child, PROGRAM_TIMEOUT_MS, &status, err);
	provoke_stop(&child);
	if (r == -ETIMEDOUT)
		return r;
	if (r < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return error_set(err, -ECHILD, "a child process could not execute %s", program);
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
