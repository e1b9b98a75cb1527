/*
 * exit_ways: makes one process for every way to end that has its own path through the kernel, one after another, and prints for each
 * "PID STATUS NAME", STATUS being what wait(2) says. Core dumps, where the system writes them at all, go to the current directory.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void die_of(int sig)
{
	raise(sig);
	pause();
}

static void exit_0(void)
{
	_exit(0);
}

static void exit_1(void)
{
	_exit(1);
}

static void exit_255(void)
{
	_exit(255);
}

/* exit(2), not exit_group(2): the kernel ends one thread, which happens to be the last. */
static void exit_thread_7(void)
{
	syscall(SYS_exit, 7);
}

static void terminated(void)
{
	die_of(SIGTERM);
}

static void killed(void)
{
	die_of(SIGKILL);
}

static void real_time_signal(void)
{
	die_of(SIGRTMIN + 3);
}

static void fault(void)
{
	volatile int *nowhere = NULL;

	*nowhere = 1;
}

static void aborted_with_core(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_CORE, &unlimited);
	die_of(SIGABRT);
}

static void on_fault(int sig)
{
	(void)sig;
	_exit(4);
}

static void handled_fault(void)
{
	signal(SIGSEGV, on_fault);
	fault();
}

static void *exit_group_9(void *unused)
{
	(void)unused;
	exit(9);
}

static void other_thread_exits(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_group_9, NULL);
	for (;;)
		pause();
}

static void *end_later(void *code)
{
	usleep(50000);
	syscall(SYS_exit, (int)(long)code);
	return NULL;
}

/* Whose code the process gets differs between kernels. */
static void first_thread_ends_first(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, end_later, (void *)5L);
	syscall(SYS_exit, 3);
}

static void killed_while_it_sleeps(void)
{
	for (;;)
		pause();
}

static void image_that_cannot_start(void)
{
	execl("/proc/self/nothing", "nothing", (char *)NULL);
	_exit(127);
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{"exit_0", exit_0},
	{"exit_1", exit_1},
	{"exit_255", exit_255},
	{"exit_thread_7", exit_thread_7},
	{"terminated", terminated},
	{"killed", killed},
	{"real_time_signal", real_time_signal},
	{"fault", fault},
	{"aborted_with_core", aborted_with_core},
	{"handled_fault", handled_fault},
	{"other_thread_exits", other_thread_exits},
	{"first_thread_ends_first", first_thread_ends_first},
	{"killed_while_it_sleeps", killed_while_it_sleeps},
	{"image_that_cannot_start", image_that_cannot_start},
};

int main(void)
{
	const struct rlimit none = {0, RLIM_INFINITY};

	setrlimit(RLIMIT_CORE, &none);
	/* What is not printed yet would be printed by each child again. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int status = 0;
		pid_t pid = fork();

		if (!pid) {
			ways[i].run();
			_exit(99);
		}
		if (ways[i].run == killed_while_it_sleeps) {
			usleep(20000);
			kill(pid, SIGKILL);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 1;
		printf("%d %d %s\n", (int)pid, status, ways[i].name);
	}
	return 0;
}
