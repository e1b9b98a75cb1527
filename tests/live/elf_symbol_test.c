#include "tracing/elf_symbol.h"
#include "tracing/dynamic_probe.h"
#include "tracing/perf_event.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Places that were found are right when a uprobe there counts what a program of tests/probed/ does. */
#define PROGRAM TEST_PROBED "/program"
#define CALLS   7

static char root[] = "/tmp/elf_symbol_live_XXXXXX";

static void prepare(void)
{
	struct error err = {0};

	cr_assert_eq(tracefs_open(&err), 0, "%s", err.message);
	cr_assert_not_null(mkdtemp(root));
}

static void clean_up(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(elf_symbol, .init = prepare, .fini = clean_up, .timeout = 60);

struct child {
	pid_t pid;
	int go; /* closing it lets the child make its calls */
};

static void enter_nothing(void)
{
}

/* As in a container that was made by chroot: a link in it is absolute, and leads nowhere on the host. */
static void enter_chroot(void)
{
	if (chdir(root) || mkdir("bin", 0755) || mkdir("opt", 0755) || system("cp " PROGRAM ".fixed opt/probed_tool") ||
	    symlink("/opt/probed_tool", "bin/tool") || chroot("."))
		_exit(1);
}

/* As in a container with a mount namespace: the program is on a filesystem that is mounted nowhere else. */
static void enter_namespace(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", root, "tmpfs", 0, NULL) ||
	    chdir(root) || system("cp " PROGRAM " tool"))
		_exit(1);
}

static struct child start(void (*enter)(void), const char *program)
{
	int go[2], ready[2];
	struct child child;
	char text[16];

	cr_assert_eq(pipe2(go, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	child.pid = fork();
	if (child.pid == 0) {
		char calls[16];

		snprintf(calls, sizeof(calls), "%d", CALLS);
		enter();
		dup2(go[0], STDIN_FILENO);
		dup2(ready[1], STDOUT_FILENO);
		execl(program, program, calls, NULL);
		_exit(1);
	}
	close(go[0]);
	close(ready[1]);
	child.go = go[1];
	cr_assert_gt(read(ready[0], text, sizeof(text)), 0, "%s did not start", program);
	close(ready[0]);
	return child;
}

/* Counts the hits of one process until its end. */
static uint64_t count_hits(const char *probe, struct child child)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	struct format *format = NULL;
	uint64_t hits = 0;
	char event[64];
	int status;
	int fd;

	snprintf(event, sizeof(event), "%s_%d", probe, (int)getpid());
	cr_assert_eq(tracefs_format(&format, dynamic_probe_group(), event, NULL), 0);
	attr.config = (uint64_t)format_id(format);
	format_free(format);
	fd = (int)syscall(SYS_perf_event_open, &attr, child.pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	cr_assert(fd >= 0, "%s", strerror(errno));
	close(child.go);
	cr_assert_eq(waitpid(child.pid, &status, 0), child.pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(read(fd, &hits, sizeof(hits)), (ssize_t)sizeof(hits));
	close(fd);
	return hits;
}

static uint64_t probe_and_count(const char *file, const char *place, struct child child)
{
	struct dynamic_probe *probe = NULL;
	struct target_path target;
	struct elf_symbol symbol;
	struct error err = {0};
	uint64_t hits;

	cr_assert_eq(target_path_resolve(&target, file, &err), 0, "%s", err.message);
	cr_assert_eq(elf_symbol_find(&target, place, &symbol, &err), 0, "%s", err.message);
	cr_assert_eq(dynamic_probe_install_uprobe(&probe, "found", target.path, symbol.file_offset, "", &err), 0, "%s", err.message);
	hits = count_hits("found", child);
	cr_assert_eq(dynamic_probe_remove(probe, &err), 0, "%s", err.message);
	dynamic_probe_free(probe);
	return hits;
}

Test(elf_symbol, a_probe_at_a_functions_place_counts_its_calls_in_a_pie_and_in_a_static_program)
{
	cr_assert_eq(probe_and_count(PROGRAM, "probed_function", start(enter_nothing, PROGRAM)), CALLS);
	cr_assert_eq(probe_and_count(PROGRAM ".fixed", "probed_function", start(enter_nothing, PROGRAM ".fixed")), CALLS);
}

Test(elf_symbol, a_stripped_program_is_probed_by_the_symbols_of_its_debug_file)
{
	cr_assert_eq(probe_and_count(PROGRAM ".stripped", "probed_function", start(enter_nothing, PROGRAM ".stripped")), CALLS);
}

Test(elf_symbol, the_instruction_behind_a_functions_first_is_a_place_too)
{
	cr_assert_eq(probe_and_count(PROGRAM, "probed_function+5", start(enter_nothing, PROGRAM)), CALLS);
}

Test(elf_symbol, a_library_is_found_by_its_bare_name)
{
	/* Returning from main() is a call of it. */
	cr_assert_eq(probe_and_count("libc.so.6", "exit", start(enter_nothing, PROGRAM)), 1);
}

Test(elf_symbol, a_program_in_a_chroot_is_probed_through_the_root_of_its_process)
{
	struct child child = start(enter_chroot, "/bin/tool");
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/bin/tool", child.pid);
	cr_assert_eq(probe_and_count(path, "probed_function", child), CALLS);
}

Test(elf_symbol, a_program_in_another_mount_namespace_is_probed_through_the_root_of_its_process)
{
	struct child child = start(enter_namespace, "./tool");
	char path[128];

	snprintf(path, sizeof(path), "%s/tool", root);
	cr_assert_neq(access(path, F_OK), 0, "our namespace does not have it");
	snprintf(path, sizeof(path), "/proc/%d/root%s/tool", child.pid, root);
	cr_assert_eq(probe_and_count(path, "probed_function", child), CALLS);
}

Test(elf_symbol, the_program_of_a_process_is_a_place_by_its_exe_link)
{
	struct child child = start(enter_namespace, "./tool");
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", child.pid);
	cr_assert_eq(probe_and_count(path, "probed_function", child), CALLS);
}
