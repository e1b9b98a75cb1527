/*
 * fork_storm PROCESSES [TOGETHER]: makes that many processes, at most TOGETHER (default 32) at a time. Each is forked on one CPU, moves to
 * the next one, replaces itself (this program again, with the arguments "child" and its index, which is at least 0), moves on once more
 * and exits with its index modulo 256. The parent moves too.
 *
 * Prints "PID INDEX" for each, in the order of the forks, when all have ended. Exit status 0, or 1 when one of them did not end as it should.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void move_to(long n)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	/* A CPU that this process may not use is no reason to fail: it stays where it is. */
	CPU_ZERO(&set);
	CPU_SET((size_t)(n % cpus), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int child(long index)
{
	move_to(index + 2);
	return (int)(index & 0xff);
}

static pid_t start(const char *self, long index)
{
	char text[24];
	pid_t pid;

	snprintf(text, sizeof(text), "%ld", index);
	move_to(index);
	pid = fork();
	if (pid)
		return pid;
	move_to(index + 1);
	execl(self, "fork_storm", "child", text, (char *)NULL);
	_exit(255);
}

/* Waits for any child. False when it did not exit with what belongs to its index. */
static int reap(const pid_t *pids, long *done, long count)
{
	int status;
	pid_t pid = wait(&status);

	for (long i = count - 1; i >= 0; i--) {
		if (pids[i] != pid || done[i])
			continue;
		done[i] = 1;
		return WIFEXITED(status) && WEXITSTATUS(status) == (int)(i & 0xff);
	}
	return 0;
}

int main(int argc, char **argv)
{
	long processes, together, running = 0, failed = 0;
	long *done;
	pid_t *pids;

	if (argc == 3 && !strcmp(argv[1], "child"))
		return child(atol(argv[2]));
	if (argc < 2) {
		fprintf(stderr, "usage: fork_storm PROCESSES [TOGETHER]\n");
		return 2;
	}
	processes = atol(argv[1]);
	together = argc > 2 ? atol(argv[2]) : 32;
	pids = calloc((size_t)processes, sizeof(*pids));
	done = calloc((size_t)processes, sizeof(*done));
	if (!pids || !done)
		return 2;

	for (long i = 0; i < processes; i++) {
		if (running == together) {
			failed += !reap(pids, done, i);
			running--;
		}
		pids[i] = start("/proc/self/exe", i);
		if (pids[i] < 0) {
			perror("fork");
			return 1;
		}
		running++;
	}
	for (; running; running--)
		failed += !reap(pids, done, processes);
	for (long i = 0; i < processes; i++)
		printf("%d %ld\n", (int)pids[i], i);
	free(pids);
	free(done);
	return failed ? 1 : 0;
}
