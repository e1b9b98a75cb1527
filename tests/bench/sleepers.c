#include "tests/bench/sleepers.h"

#include "tests/bench/crowd.h"
#include "tests/bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_BYTES   256
#define REMOVE_TRIES 100

static pid_t die_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	return parent;
}

static void sleep_for_ever(pid_t parent)
{
	die_with_parent(parent);
	for (;;)
		pause();
}

/* Writes the pids of its children, and stays until it is killed. They die with it. */
static void keep(uint32_t count, int to)
{
	pid_t self = getpid();

	for (uint32_t i = 0; i < count; i++) {
		pid_t pid = fork();

		if (!pid)
			sleep_for_ever(self);
		if (pid < 0 || write(to, &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
	}
	for (;;)
		pause();
}

void sleepers_make(struct sleepers *s, uint32_t count)
{
	pid_t self = getpid();
	int ends[2];

	*s = (struct sleepers){.count = count, .pids = calloc(count, sizeof(*s->pids))};
	measure_require(s->pids && pipe2(ends, O_CLOEXEC) == 0, "pipe: %s", strerror(errno));
	s->keeper = fork();
	measure_require(s->keeper >= 0, "fork: %s", strerror(errno));
	if (!s->keeper) {
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGTERM, SIG_DFL);
		die_with_parent(self);
		keep(count, ends[1]);
	}
	close(ends[1]);
	for (uint32_t i = 0; i < count; i++)
		measure_require(read(ends[0], &s->pids[i], sizeof(s->pids[i])) == sizeof(s->pids[i]), "only %u of %u processes can be made",
				i, count);
	close(ends[0]);
}

static void make_directory(const char *path)
{
	measure_require(mkdir(path, 0755) == 0, "%s: %s", path, strerror(errno));
}

/* Where there is more than one hierarchy, one of them is enough. */
static const char *find_hierarchy(void)
{
	static const char *const usual[] = {"/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		char path[PATH_BYTES];

		(void)snprintf(path, sizeof(path), "%s/cgroup.procs", usual[i]);
		if (access(path, W_OK) == 0)
			return usual[i];
	}
	measure_require(0, "there is no cgroup hierarchy below /sys/fs/cgroup that can be written");
	return NULL;
}

static void container_path(const struct sleepers *s, uint32_t n, const char *file, char ret[PATH_BYTES])
{
	char id[CROWD_ID_BYTES];

	crowd_container_id(n, id);
	(void)snprintf(ret, PATH_BYTES, "%s/docker/%s%s", s->cgroup, id, file);
}

static void move(const char *procs, pid_t pid)
{
	int fd = open(procs, O_WRONLY | O_CLOEXEC);
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", (int)pid);

	measure_require(fd >= 0 && write(fd, text, (size_t)length) == length, "%s: %s", procs, strerror(errno));
	close(fd);
}

void sleepers_contain(struct sleepers *s, uint32_t containers)
{
	char path[PATH_BYTES];

	(void)snprintf(s->cgroup, sizeof(s->cgroup), "%s/ringside-bench.%d", find_hierarchy(), (int)getpid());
	make_directory(s->cgroup);
	(void)snprintf(path, sizeof(path), "%s/docker", s->cgroup);
	make_directory(path);
	for (; s->containers < containers; s->containers++) {
		container_path(s, s->containers, "", path);
		make_directory(path);
	}
	for (uint32_t i = 0; i < s->count; i++) {
		container_path(s, i / CROWD_TEAM % containers, "/cgroup.procs", path);
		move(path, s->pids[i]);
	}
}

/* Until the last of its processes has gone it is busy. */
static void remove_directory(const char *path)
{
	for (int tries = 0; rmdir(path) && errno == EBUSY && tries < REMOVE_TRIES; tries++)
		usleep(20000);
}

void sleepers_done(struct sleepers *s)
{
	char path[PATH_BYTES];

	if (s->keeper > 0) {
		kill(s->keeper, SIGKILL);
		waitpid(s->keeper, NULL, 0);
	}
	for (uint32_t n = 0; n < s->containers; n++) {
		container_path(s, n, "", path);
		remove_directory(path);
	}
	if (s->cgroup[0]) {
		(void)snprintf(path, sizeof(path), "%s/docker", s->cgroup);
		remove_directory(path);
		remove_directory(s->cgroup);
	}
	free(s->pids);
	*s = (struct sleepers){0};
}
