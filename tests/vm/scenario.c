#include "tests/vm/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define REASON_BYTES 2048

enum outcome {
	OUTCOME_OK,
	OUTCOME_FAILED = 90,
	OUTCOME_SKIPPED = 91,
};

static const char *address = "unix:/run/ringside/ringside.sock";
static int reason_fd = -1;

const char *scenario_address(void)
{
	return address;
}

void scenario_set_address(const char *new_address)
{
	address = new_address;
}

__attribute__((noreturn, format(printf, 2, 0))) static void end(enum outcome outcome, const char *format, va_list arguments)
{
	vdprintf(reason_fd, format, arguments);
	_exit(outcome);
}

void scenario_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	end(OUTCOME_FAILED, format, arguments);
}

void scenario_skip(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	end(OUTCOME_SKIPPED, format, arguments);
}

void scenario_pass(void)
{
	_exit(OUTCOME_OK);
}

long check_call(long result, const char *what)
{
	if (result < 0)
		scenario_fail("%s: %s", what, strerror(errno));
	return result;
}

void check_integer(int64_t actual, int64_t expected, const char *what)
{
	if (actual != expected)
		scenario_fail("%s is %" PRId64 " (0x%" PRIx64 "), not %" PRId64 " (0x%" PRIx64 ")", what, actual, (uint64_t)actual,
			      expected, (uint64_t)expected);
}

void check_string(const char *actual, const char *expected, const char *what)
{
	if (strcmp(actual, expected) != 0)
		scenario_fail("%s is \"%.300s\" (%zu bytes), not \"%.300s\" (%zu bytes)", what, actual, strlen(actual), expected,
			      strlen(expected));
}

pid_t start(void (*run)(void *context), void *context)
{
	pid_t pid = fork();

	if (!pid) {
		run(context);
		_exit(0);
	}
	CHECK_CALL(pid);
	return pid;
}

int reap(pid_t pid)
{
	int status = 0;

	CHECK_CALL(TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)));
	return status;
}

int start_and_reap(void (*run)(void *context), void *context, pid_t *ret_pid)
{
	*ret_pid = start(run, context);
	return reap(*ret_pid);
}

void run_program(void *context)
{
	const struct program *program = context;
	char *const environment[] = {NULL};

	execve(program->path, program->arguments, environment);
	_exit(127);
}

/* Next to our own program as in a guest, or where the build has it. */
const char *program_path(const char *name)
{
	static const char *const folders[] = {"", "../load/", "../../"};
	char own[4096];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *path;

	CHECK_CALL(length);
	own[length] = '\0';
	strrchr(own, '/')[1] = '\0';
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		CHECK_CALL(asprintf(&path, "%s%s%s", own, folders[i], name));
		if (!access(path, X_OK))
			return path;
		free(path);
	}
	scenario_fail("there is no program %s next to %s", name, own);
}

__attribute__((noreturn)) static void run_here(const struct scenario *scenario, const char *directory, int fd)
{
	reason_fd = fd;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	alarm(SCENARIO_SECONDS);
	CHECK_CALL(chdir(directory));
	scenario->run();
	_exit(OUTCOME_OK);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	return remove(path);
}

/* Children that a scenario has left behind have the pipe too, so this ends with the scenario and not with the pipe. */
static void read_reason(int fd, char *reason)
{
	ssize_t length = read(fd, reason, REASON_BYTES - 1);

	reason[length > 0 ? length : 0] = '\0';
	for (char *c = reason; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
}

static int report(const char *name, int status, const char *reason)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == OUTCOME_OK)
		return !printf("ok %s\n", name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == OUTCOME_SKIPPED)
		return !printf("skip %s: %s\n", name, reason);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("not ok %s: not through after %d s\n", name, SCENARIO_SECONDS);
	else if (WIFSIGNALED(status))
		printf("not ok %s: ended by signal %d\n", name, WTERMSIG(status));
	else
		printf("not ok %s: %s\n", name, *reason ? reason : "no reason was given");
	return -1;
}

int scenario_run(const struct scenario *scenario)
{
	char directory[] = "/tmp/scenario.XXXXXX";
	char reason[REASON_BYTES];
	int pipe_fds[2];
	int status;
	pid_t pid;

	fflush(stdout);
	CHECK_CALL(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK));
	if (!mkdtemp(directory)) {
		printf("not ok %s: %s: %s\n", scenario->name, directory, strerror(errno));
		return -1;
	}
	pid = fork();
	if (!pid)
		run_here(scenario, directory, pipe_fds[1]);
	status = reap(pid);
	kill(-pid, SIGKILL);
	read_reason(pipe_fds[0], reason);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return report(scenario->name, status, reason);
}
