#include "tests/live/runtime_daemon.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUSYBOX "/bin/busybox"

static bool is_installed(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return system(command) == 0;
}

static void need(const char *program)
{
	if (!is_installed(program))
		cr_skip_test("%s is not installed", program);
}

void runtime_daemon_init(struct runtime_daemon *d, bool docker)
{
	*d = (struct runtime_daemon){.docker = docker};
	if (geteuid() != 0)
		cr_skip_test("only root can run %s", docker ? "dockerd" : "containerd");
	need(docker ? "dockerd" : "containerd");
	need(docker ? "docker" : "ctr");
	need("runc");
	need(BUSYBOX);
	strcpy(d->directory, "/tmp/ringside-runtime-XXXXXX");
	cr_assert_not_null(mkdtemp(d->directory));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(d->name, sizeof(d->name), "ringside-test-%d", getpid());
	snprintf(d->socket, sizeof(d->socket), "%s/run/%s.sock", d->directory, docker ? "docker" : "containerd");
}

int runtime_daemon_shell(const char *format, ...)
{
	char command[2048];
	va_list arguments;
	int status;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int runtime_daemon_client(const struct runtime_daemon *d, const char *format, ...)
{
	char arguments[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(arguments, sizeof(arguments), format, list);
	va_end(list);
	if (d->docker)
		return runtime_daemon_shell("DOCKER_CONFIG=%s timeout 30 docker -H unix://%s %s >>%s/client.log 2>&1 </dev/null",
					    d->directory, d->socket, arguments, d->directory);
	return runtime_daemon_shell("timeout 30 ctr -a %s -n %s %s >>%s/client.log 2>&1 </dev/null", d->socket, d->name, arguments,
				    d->directory);
}

static void write_config(const struct runtime_daemon *d)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config.toml", d->directory);
	file = fopen(path, "we");
	cr_assert_not_null(file);
	fprintf(file, "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n");
	fclose(file);
}

/* A group of its own, so that a Ctrl-C for the test is not one for the daemon, which is ended when the test is over. */
static void become_daemon(const struct runtime_daemon *d)
{
	char root[128], state[128], config[128], host[160], pidfile[128], cgroup[128], log[128];
	int fd;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(root, sizeof(root), "%s/root", d->directory);
	snprintf(state, sizeof(state), "%s/state", d->directory);
	snprintf(config, sizeof(config), "%s/config.toml", d->directory);
	snprintf(host, sizeof(host), "unix://%s", d->socket);
	snprintf(pidfile, sizeof(pidfile), "%s/pid", d->directory);
	snprintf(cgroup, sizeof(cgroup), "/%s", d->name);
	snprintf(log, sizeof(log), "%s/daemon.log", d->directory);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (d->docker)
		execlp("dockerd", "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--data-root", root, "--exec-root",
		       state, "-H", host, "--pidfile", pidfile, "--cgroup-parent", cgroup, "--storage-driver", "vfs", NULL);
	else
		execlp("containerd", "containerd", "--config", config, "--root", root, "--state", state, "--address", d->socket, NULL);
	_exit(127);
}

void runtime_daemon_start(struct runtime_daemon *d)
{
	uint64_t end_ns = clock_monotonic_ns() + 30 * NSEC_PER_SEC;
	char run[128];

	snprintf(run, sizeof(run), "%s/run", d->directory);
	mkdir(run, 0755);
	write_config(d);
	d->pid = fork();
	if (d->pid == 0)
		become_daemon(d);
	while (runtime_daemon_client(d, "version") != 0) {
		cr_assert_lt(clock_monotonic_ns(), end_ns, "the daemon does not answer: %s/daemon.log", d->directory);
		usleep(50000);
	}
}

static bool has_ended(pid_t pid, int timeout_ms)
{
	for (int i = 0; i <= timeout_ms / 10; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return true;
		usleep(10000);
	}
	return false;
}

static void stop(struct runtime_daemon *d, int signal)
{
	if (!d->pid)
		return;
	kill(d->pid, signal);
	if (!has_ended(d->pid, 20000)) {
		kill(d->pid, SIGKILL);
		waitpid(d->pid, NULL, 0);
	}
	d->pid = 0;
}

/* What the daemon leaves behind becomes ours, and must not stay a zombie: a dockerd that is started again takes that for its containerd. */
static void reap(int timeout_ms)
{
	for (int i = 0; i <= timeout_ms / 10; i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(10000);
	}
}

void runtime_daemon_kill(struct runtime_daemon *d)
{
	stop(d, SIGKILL);
	reap(300);
}

/* Shims and the containerd of a dockerd that was killed: all have the directory in their arguments. */
static bool is_ours(const struct runtime_daemon *d, pid_t pid)
{
	char path[64], text[4096];
	cleanup_close int fd = -1;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	return size > 0 && pid != getpid() && memmem(text, (size_t)size, d->directory, strlen(d->directory));
}

static bool kill_leftovers(const struct runtime_daemon *d)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while ((entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 1 && is_ours(d, pid)) {
			kill(pid, SIGKILL);
			found = true;
		}
	}
	closedir(proc);
	return found;
}

/* The last line of the list is the innermost mount. */
static bool unmount_last(const struct runtime_daemon *d)
{
	char line[4096], path[4096], last[4096] = "";
	FILE *mounts = fopen("/proc/self/mounts", "re");

	while (mounts && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %4095s", path) == 1 && !strncmp(path, d->directory, strlen(d->directory)))
			memcpy(last, path, sizeof(last));
	if (mounts)
		fclose(mounts);
	return last[0] && umount2(last, MNT_DETACH) == 0;
}

static void kill_in_cgroups(const struct runtime_daemon *d)
{
	runtime_daemon_shell(
		"for f in /sys/fs/cgroup/*/%s/*/cgroup.procs /sys/fs/cgroup/%s/*/cgroup.procs; do [ -f $f ] && kill -9 $(cat $f); done "
		"2>/dev/null",
		d->name, d->name);
}

static bool remove_cgroups(const struct runtime_daemon *d)
{
	return runtime_daemon_shell(
		       "find /sys/fs/cgroup -depth -type d '(' -path '*/%s' -o -path '*/%s/*' ')' -exec rmdir {} + 2>/dev/null;"
		       "! find /sys/fs/cgroup -type d -name %s 2>/dev/null | grep -q .",
		       d->name, d->name, d->name) == 0;
}

void runtime_daemon_done(struct runtime_daemon *d)
{
	if (!d->directory[0])
		return;
	kill_in_cgroups(d);
	stop(d, SIGTERM);
	for (int i = 0; i < 100 && kill_leftovers(d); i++)
		reap(20);
	for (int i = 0; i < 100 && unmount_last(d); i++)
		;
	for (int i = 0; i < 100 && !remove_cgroups(d); i++)
		usleep(20000);
	cr_expect(remove_cgroups(d), "cgroups of %s are left", d->name);
	cr_expect_eq(runtime_daemon_shell("rm -rf %s", d->directory), 0);
}

void runtime_daemon_load_image(const struct runtime_daemon *d)
{
	cr_assert_eq(
		runtime_daemon_shell(
			"set -e; cd %s; mkdir -p layer/bin image; cp " BUSYBOX " layer/bin/busybox; ln -sf busybox layer/bin/sh;"
			"tar -C layer -cf image/layer.tar bin; digest=$(sha256sum image/layer.tar | cut -d ' ' -f 1);"
			"printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"PATH=/bin\"],\"Cmd\":[\"/bin/sh\"]},"
			"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%%s\"]}}' $digest >image/config.json;"
			"printf '[{\"Config\":\"config.json\",\"RepoTags\":[\"ringside.test/busybox:1\"],\"Layers\":[\"layer.tar\"]}]' "
			">image/manifest.json; tar -C image -cf image.tar manifest.json config.json layer.tar",
			d->directory),
		0);
	if (d->docker)
		cr_assert_eq(runtime_daemon_client(d, "load -i %s/image.tar", d->directory), 0);
	else
		cr_assert_eq(runtime_daemon_client(d, "images import --snapshotter native %s/image.tar", d->directory), 0);
}

/* Whoever takes all and hands them out one by one has to keep the rest. One inbox per test. */
struct container_fact *runtime_daemon_next_fact(struct container_inbox *inbox, int timeout_ms)
{
	static struct container_fact *rest;
	uint64_t end_ns = clock_monotonic_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
	struct container_fact *fact;

	while (!rest) {
		rest = container_inbox_take(inbox);
		if (!rest && clock_monotonic_ns() > end_ns)
			return NULL;
		if (!rest)
			usleep(2000);
	}
	fact = rest;
	rest = fact->next;
	fact->next = NULL;
	return fact;
}
