/*
 * containers_start RINGSIDE [PROCESSES [CONTAINERS [ROUNDS]]]: how long `ringside sensor` takes from its exec to the line that says that it serves, the
 * CPU time and the memory that it has used by then, on this very host with 10,000 processes more, first in no container, then in 1,000 of them whose state
 * Docker would have left so. As root; else it says that it is skipped.
 *
 * Fails when the sensor takes 2 s.
 */
#include "base/clock.h"
#include "tests/bench/crowd.h"
#include "tests/bench/measure.h"
#include "tests/bench/sleepers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES   10000
#define CONTAINERS  1000
#define ROUNDS      5
#define ROUNDS_MAX  101
#define START_MAX_S 2.0
#define LOG_BYTES   8192

struct start {
	double ready_ms, cpu_ms, mib;
};

static pid_t run_sensor(const char *ringside, const struct crowd *host, int log)
{
	pid_t pid = fork();
	char address[160];

	measure_require(pid >= 0, "fork: %s", strerror(errno));
	if (pid)
		return pid;
	(void)snprintf(address, sizeof(address), "unix:%s/sensor.sock", host->path);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	dup2(log, STDERR_FILENO);
	(void)execl(ringside, ringside, "sensor", "--listen", address, "--docker-root", host->docker, (char *)NULL);
	_exit(127);
}

/* Until its log says so. */
static void wait_until_ready(int log)
{
	char text[LOG_BYTES + 1];
	size_t length = 0;

	for (;;) {
		ssize_t r = read(log, text + length, LOG_BYTES - length);

		measure_require(r > 0, "the sensor does not start: %.*s", (int)length, text);
		length += (size_t)r;
		text[length] = '\0';
		if (strstr(text, "msg=\"ready\"") || strstr(text, "msg=ready"))
			return;
	}
}

static double resident_mib(pid_t pid)
{
	char path[64];
	unsigned long pages = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "r");
	measure_require(file && fscanf(file, "%*u %lu", &pages) == 1, "cannot read %s", path);
	(void)fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static double cpu_ms(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	measure_require(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0, "no CPU time of process %d", (int)pid);
	return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

static struct start start_once(const char *ringside, const struct crowd *host)
{
	struct start ret;
	uint64_t start;
	int log[2];
	pid_t pid;

	measure_require(pipe2(log, O_CLOEXEC) == 0, "pipe: %s", strerror(errno));
	start = clock_monotonic_ns();
	pid = run_sensor(ringside, host, log[1]);
	close(log[1]);
	wait_until_ready(log[0]);
	ret.ready_ms = (double)(clock_monotonic_ns() - start) / 1e6;
	ret.cpu_ms = cpu_ms(pid);
	ret.mib = resident_mib(pid);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(log[0]);
	return ret;
}

static bool measure(const char *what, const char *ringside, const struct crowd *host, size_t rounds)
{
	double ready[ROUNDS_MAX], cpu[ROUNDS_MAX], mib[ROUNDS_MAX];
	struct measure_spread spread;

	for (size_t i = 0; i < rounds; i++) {
		struct start start = start_once(ringside, host);

		ready[i] = start.ready_ms;
		cpu[i] = start.cpu_ms;
		mib[i] = start.mib;
	}
	spread = measure_spread(ready, rounds);
	printf("  %-52s %7.0f ms  %4.0f..%-4.0f %7.0f ms %7.1f MiB\n", what, spread.median, spread.low, spread.high,
	       measure_spread(cpu, rounds).median, measure_spread(mib, rounds).median);
	(void)fflush(stdout);
	if (spread.median <= START_MAX_S * 1000)
		return true;
	printf("  that is more than %.1f s\n", START_MAX_S);
	return false;
}

static bool measure_all(const char *ringside, struct sleepers *sleepers, const struct crowd *host, const struct crowd *empty, size_t rounds)
{
	char what[80];
	bool ok;

	printf("%-54s %10s  %10s %10s %11s\n", "start of the sensor", "to ready", "quartiles", "CPU", "memory");
	ok = measure("the host as it is", ringside, empty, rounds);
	sleepers_make(sleepers, host->shape.processes);
	(void)snprintf(what, sizeof(what), "%u processes more, in no container", host->shape.processes);
	ok = measure(what, ringside, empty, rounds) && ok;
	sleepers_contain(sleepers, host->shape.containers);
	(void)snprintf(what, sizeof(what), "the same in %u containers, of which nothing is known", host->shape.containers);
	ok = measure(what, ringside, empty, rounds) && ok;
	(void)snprintf(what, sizeof(what), "the same in %u containers", host->shape.containers);
	return measure(what, ringside, host, rounds) && ok;
}

static struct sleepers sleepers;
static struct crowd host, empty;

static void clean_up(void)
{
	sleepers_done(&sleepers);
	crowd_remove(&host);
	crowd_remove(&empty);
}

int main(int argc, char **argv)
{
	uint32_t processes = measure_argument(argc, argv, 2, PROCESSES, 100000);
	uint32_t containers = measure_argument(argc, argv, 3, CONTAINERS, processes);
	uint32_t rounds = measure_argument(argc, argv, 4, ROUNDS, ROUNDS_MAX);

	measure_require(argc > 1, "usage: %s RINGSIDE [PROCESSES [CONTAINERS [ROUNDS]]]", argv[0]);
	if (geteuid() != 0) {
		printf("SKIPPED: the start of the real sensor, on %u real processes: that needs root\n", processes);
		return 0;
	}
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)atexit(clean_up);
	crowd_make_containers(&host, &(struct crowd_shape){"containers", processes, containers, 0});
	crowd_make_containers(&empty, &(struct crowd_shape){"none", processes, 0, 0});
	return measure_all(argv[1], &sleepers, &host, &empty, rounds) ? 0 : 1;
}
