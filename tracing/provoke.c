#include "tracing/provoke.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Younger than Debian 12's headers on some architectures. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* As getdents64(2) has it. */
struct directory_entry {
	uint64_t inode;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

static int parse_descriptor(const char *name)
{
	int fd = 0;

	if (!*name)
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9' || fd > INT_MAX / 10 - 1)
			return -1;
		fd = fd * 10 + (*name - '0');
	}
	return fd;
}

/* Without libc's directory streams, which allocate. Closing while reading is fine: /proc/self/fd goes on by number. */
static void close_listed(int first)
{
	_Alignas(struct directory_entry) char entries[1024];
	int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long size;

	while (directory >= 0 && (size = syscall(SYS_getdents64, directory, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < size;) {
			const struct directory_entry *entry = (const void *)(entries + at);
			int fd = parse_descriptor(entry->name);

			if (fd >= first && fd != directory)
				close(fd);
			at += entry->size;
		}
	}
	if (directory >= 0)
		close(directory);
}

/* close_range(2) is of 5.9. */
static void close_from(int first)
{
	if (syscall(SYS_close_range, first, UINT_MAX, 0))
		close_listed(first);
}

static void default_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The two pipes become the first two descriptors behind standard error, so that all others can go. */
#define CHILD_ORDERS  3
#define CHILD_ANSWERS 4
#define CHILD_SPARE   16

static void __attribute__((noreturn)) child_main(int orders, int answers, provoke_action action, void *context)
{
	uint8_t step;
	int result;

	/* First out of the way of each other. */
	orders = fcntl(orders, F_DUPFD_CLOEXEC, CHILD_SPARE);
	answers = fcntl(answers, F_DUPFD_CLOEXEC, CHILD_SPARE);
	if (dup3(orders, CHILD_ORDERS, O_CLOEXEC) < 0 || dup3(answers, CHILD_ANSWERS, O_CLOEXEC) < 0)
		_exit(127);
	close_from(CHILD_ANSWERS + 1);
	default_signals();
	while (read(CHILD_ORDERS, &step, 1) == 1) {
		result = action(context, step);
		if (write(CHILD_ANSWERS, &result, sizeof(result)) != (ssize_t)sizeof(result))
			break;
	}
	_exit(0);
}

/* Signals wait until the child has given them their default actions: a handler of the parent's must not run in it. */
static pid_t fork_quietly(void)
{
	sigset_t all;
	sigset_t before;
	pid_t child;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	return child;
}

int provoke_start(struct provoke *p, provoke_action action, void *context, struct error *err)
{
	cleanup_close int order_in = -1;
	cleanup_close int answer_out = -1;
	int orders[2];
	int answers[2];

	*p = (struct provoke){.orders = -1, .answers = -1};
	if (pipe2(orders, O_CLOEXEC))
		return error_set_errno(err, -errno, "cannot make a pipe to a child process");
	order_in = orders[0];
	p->orders = orders[1];
	if (pipe2(answers, O_CLOEXEC)) {
		int r = error_set_errno(err, -errno, "cannot make a pipe from a child process");

		provoke_stop(p);
		return r;
	}
	p->answers = answers[0];
	answer_out = answers[1];
	p->pid = fork_quietly();
	if (p->pid < 0) {
		int r = error_set_errno(err, -errno, "cannot make a child process");

		p->pid = 0;
		provoke_stop(p);
		return r;
	}
	if (!p->pid)
		child_main(order_in, answer_out, action, context);
	return 0;
}

static int timed_out(struct provoke *p, uint32_t timeout_ms, struct error *err)
{
	provoke_stop(p);
	return error_set(err, -ETIMEDOUT, "a child process did not do what it should within %u ms", timeout_ms);
}

/* Waits until the answer, or the end of all answers, can be read. */
static int wait_readable(int fd, uint64_t deadline_ns)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	for (;;) {
		uint64_t now_ns = clock_monotonic_ns();
		int wait_ms = now_ns < deadline_ns ? (int)((deadline_ns - now_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC) : 0;
		int n = poll(&ready, 1, wait_ms);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* No answer and no more to come: it has executed something else, or it is no more. */
static int act_without_answer(const struct provoke *p, struct error *err)
{
	siginfo_t info = {0};

	if (!waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == p->pid && info.si_code != CLD_EXITED)
		return error_set(err, -ECHILD, "a child process was ended by signal %d", info.si_status);
	return 0;
}

/* A parent that ignores SIGPIPE gets EPIPE; one that does not must not die of a child's end. */
static bool send_step(int fd, uint8_t step)
{
	const struct timespec at_once = {0};
	sigset_t pipe_only;
	sigset_t before;
	ssize_t n;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	n = write(fd, &step, 1);
	if (n != 1)
		sigtimedwait(&pipe_only, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n == 1;
}

int provoke_act(struct provoke *p, uint8_t step, uint32_t timeout_ms, struct error *err)
{
	uint64_t deadline_ns = clock_monotonic_ns() + timeout_ms * NSEC_PER_MSEC;
	int result = 0;
	ssize_t n;

	if (!p->pid || !send_step(p->orders, step))
		return error_set(err, -ECHILD, "a child process has ended before it did anything");
	if (wait_readable(p->answers, deadline_ns))
		return timed_out(p, timeout_ms, err);
	n = read(p->answers, &result, sizeof(result));
	if (n == 0)
		return act_without_answer(p, err);
	if (n != (ssize_t)sizeof(result))
		return error_set(err, -EIO, "a child process gave half an answer");
	return result < 0 ? error_set_errno(err, result, "step %u of a child process", step) : 0;
}

/* There is no waiting for one process with a time limit on old kernels. */
#define WAIT_STEP_MS 1

int provoke_wait(struct provoke *p, uint32_t timeout_ms, int *ret_status, struct error *err)
{
	uint64_t deadline_ns = clock_monotonic_ns() + timeout_ms * NSEC_PER_MSEC;
	pid_t ended;

	if (!p->pid)
		return error_set(err, -ECHILD, "there is no child process to wait for");
	while ((ended = waitpid(p->pid, ret_status, WNOHANG)) == 0) {
		if (clock_monotonic_ns() >= deadline_ns)
			return timed_out(p, timeout_ms, err);
		poll(NULL, 0, WAIT_STEP_MS);
	}
	if (ended < 0)
		return error_set_errno(err, -errno, "cannot wait for a child process");
	p->pid = 0;
	provoke_stop(p);
	return 0;
}

void provoke_stop(struct provoke *p)
{
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	/* A zeroed one has no descriptors; 0 is none of ours. */
	if (p->orders > 0)
		close(p->orders);
	if (p->answers > 0)
		close(p->answers);
	*p = (struct provoke){.orders = -1, .answers = -1};
}
