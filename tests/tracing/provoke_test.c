#include "tracing/provoke.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(provoke, .timeout = 60);

#define TIMEOUT_MS 20000

enum step {
	STEP_NOTE,
	STEP_FAIL,
	STEP_HANG,
	STEP_DIE,
	STEP_EXECUTE,
	STEP_SEE_DESCRIPTOR,
	STEP_SEE_SIGNAL,
};

struct shared {
	pid_t pid;
	unsigned int notes;
	int descriptor;
};

static int act(void *context, uint8_t step)
{
	struct shared *shared = context;
	struct sigaction action;
	char name[] = "true";
	char *argv[] = {name, NULL};

	switch (step) {
	case STEP_NOTE:
		shared->pid = getpid();
		shared->notes++;
		return 0;
	case STEP_FAIL:
		return -EXDEV;
	case STEP_HANG:
		pause();
		return 0;
	case STEP_DIE:
		return raise(SIGKILL);
	case STEP_EXECUTE:
		execv("/bin/true", argv);
		return -errno;
	case STEP_SEE_DESCRIPTOR:
		return fcntl(shared->descriptor, F_GETFD) < 0 ? -errno : 0;
	default:
		sigaction(SIGUSR1, NULL, &action);
		return action.sa_handler == SIG_DFL ? 0 : -EEXIST;
	}
}

static struct shared *shared_new(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert(shared != MAP_FAILED);
	return shared;
}

static struct provoke start(struct shared *shared)
{
	struct provoke p;
	struct error err = {0};

	cr_assert_eq(provoke_start(&p, act, shared, &err), 0, "%s", err.message);
	cr_assert_gt(provoke_pid(&p), 0);
	return p;
}

Test(provoke, an_action_has_happened_in_the_child_when_act_returns)
{
	struct shared *shared = shared_new();
	struct provoke p = start(shared);

	cr_assert_eq(shared->notes, 0, "nothing happens before it is told to");
	for (unsigned int i = 1; i <= 3; i++) {
		cr_assert_eq(provoke_act(&p, STEP_NOTE, TIMEOUT_MS, NULL), 0);
		cr_assert_eq(shared->notes, i);
		cr_assert_eq(shared->pid, provoke_pid(&p));
	}
	provoke_stop(&p);
	cr_assert_eq(kill(shared->pid, 0), -1);
	cr_assert_eq(errno, ESRCH);
}

Test(provoke, what_the_action_returns_is_an_error_that_names_the_step)
{
	struct provoke p = start(shared_new());
	struct error err = {0};

	cr_assert_eq(provoke_act(&p, STEP_FAIL, TIMEOUT_MS, &err), -EXDEV);
	cr_assert_str_eq(err.message, "step 1 of a child process: Invalid cross-device link");
	cr_assert_eq(provoke_act(&p, STEP_NOTE, TIMEOUT_MS, NULL), 0, "and the child goes on");
	provoke_stop(&p);
}

Test(provoke, a_child_that_does_not_come_back_is_killed_in_time)
{
	struct provoke p = start(shared_new());
	struct error err = {0};
	pid_t pid = provoke_pid(&p);

	cr_assert_eq(provoke_act(&p, STEP_HANG, 20, &err), -ETIMEDOUT);
	cr_assert_str_eq(err.message, "a child process did not do what it should within 20 ms");
	cr_assert_eq(kill(pid, 0), -1);
	cr_assert_eq(provoke_act(&p, STEP_NOTE, 20, &err), -ECHILD);
	provoke_stop(&p);
}

Test(provoke, a_child_that_dies_is_told_and_does_not_take_the_parent_with_it)
{
	struct provoke p = start(shared_new());
	struct error err = {0};
	siginfo_t info;

	signal(SIGPIPE, SIG_DFL);
	kill(provoke_pid(&p), SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)provoke_pid(&p), &info, WEXITED | WNOWAIT), 0);
	cr_assert_eq(provoke_act(&p, STEP_NOTE, TIMEOUT_MS, &err), -ECHILD);
	provoke_stop(&p);
}

Test(provoke, a_program_that_the_action_executes_can_be_waited_for)
{
	struct provoke p = start(shared_new());
	int status = -1;

	cr_assert_eq(provoke_act(&p, STEP_EXECUTE, TIMEOUT_MS, NULL), 0);
	cr_assert_eq(provoke_wait(&p, TIMEOUT_MS, &status, NULL), 0);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cr_assert_eq(provoke_wait(&p, TIMEOUT_MS, &status, NULL), -ECHILD);
	provoke_stop(&p);
}

Test(provoke, the_child_holds_none_of_the_parents_descriptors)
{
	struct shared *shared = shared_new();
	struct error err = {0};
	struct provoke p;

	shared->descriptor = fcntl(STDERR_FILENO, F_DUPFD, 100);
	cr_assert_geq(shared->descriptor, 100);
	p = start(shared);
	cr_assert_eq(provoke_act(&p, STEP_SEE_DESCRIPTOR, TIMEOUT_MS, &err), -EBADF, "%s", err.message);
	provoke_stop(&p);
}

Test(provoke, signals_have_their_default_actions_in_the_child)
{
	struct error err = {0};
	struct provoke p;

	signal(SIGUSR1, SIG_IGN);
	p = start(shared_new());
	cr_assert_eq(provoke_act(&p, STEP_SEE_SIGNAL, TIMEOUT_MS, &err), 0, "%s", err.message);
	provoke_stop(&p);
}

Test(provoke, stopping_takes_a_zeroed_and_a_stopped_one)
{
	struct provoke p = {0};

	provoke_stop(&p);
	provoke_stop(&p);
	cr_assert_eq(provoke_pid(&p), 0);
	cr_assert_eq(provoke_act(&p, STEP_NOTE, 10, NULL), -ECHILD);
}
