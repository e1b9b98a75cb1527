#include "tracing/elf_symbol.h"
#include "tests/support/probed_program.h"
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

static void enter_chroot(void)
{
	probed_program_enter_chroot(root, PROGRAM ".fixed");
}

/* As in a container with a mount namespace: the program is on a filesystem that is mounted nowhere else. */
static void enter_namespace(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", root, "tmpfs", 0, NULL) ||
	    chdir(root) || system("cp " PROGRAM " tool"))
		_exit(1);
}

/* Counts the hits of one process until its end. */
static uint64_t count_hits(const char *probe, struct probed_program program)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	struct format *format = NULL;
	uint64_t hits = 0;
	char event[64];
	int fd;

	snprintf(event, sizeof(event), "%s_%d", probe, (int)getpid());
	cr_assert_eq(tracefs_format(&format, dynamic_probe_group(), event, NULL), 0);
	attr.config = (uint64_t)format_id(format);
	format_free(format);
	fd = (int)syscall(SYS_perf_event_open, &attr, program.pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	cr_assert(fd >= 0, "%s", strerror(errno));
	probed_program_finish(program);
	cr_assert_eq(read(fd, &hits, sizeof(hits)), (ssize_t)sizeof(hits));
	close(fd);
	return hits;
}

static uint64_t probe_and_count(const char *file, const char *place, struct probed_program program)
{
	struct dynamic_probe *probe = NULL;
	struct target_path target;
	struct elf_symbol symbol;
	struct error err = {0};
	uint64_t hits;

	cr_assert_eq(target_path_resolve(&target, file, &err), 0, "%s", err.message);
	cr_assert_eq(elf_symbol_find(&target, place, &symbol, &err), 0, "%s", err.message);
	cr_assert_eq(dynamic_probe_install_uprobe(&probe, "found", target.path, symbol.file_offset, "", &err), 0, "%s", err.message);
	hits = count_hits("found", program);
	cr_assert_eq(dynamic_probe_remove(probe, &err), 0, "%s", err.message);
	dynamic_probe_free(probe);
	return hits;
}

Test(elf_symbol, a_probe_at_a_functions_place_counts_its_calls_in_a_pie_and_in_a_static_program)
{
	cr_assert_eq(probe_and_count(PROGRAM, "probed_function", probed_program_start(NULL, PROGRAM, CALLS)), CALLS);
	cr_assert_eq(probe_and_count(PROGRAM ".fixed", "probed_function", probed_program_start(NULL, PROGRAM ".fixed", CALLS)), CALLS);
}

Test(elf_symbol, a_stripped_program_is_probed_by_the_symbols_of_its_debug_file)
{
	cr_assert_eq(probe_and_count(PROGRAM ".stripped", "probed_function", probed_program_start(NULL, PROGRAM ".stripped", CALLS)),
		     CALLS);
}

Test(elf_symbol, the_instruction_behind_a_functions_first_is_a_place_too)
{
	cr_assert_eq(probe_and_count(PROGRAM, "probed_function+5", probed_program_start(NULL, PROGRAM, CALLS)), CALLS);
}

Test(elf_symbol, a_library_is_found_by_its_bare_name)
{
	/* Returning from main() is a call of it. */
	cr_assert_eq(probe_and_count("libc.so.6", "exit", probed_program_start(NULL, PROGRAM, CALLS)), 1);
}

Test(elf_symbol, a_program_in_a_chroot_is_probed_through_the_root_of_its_process)
{
	struct probed_program program = probed_program_start(enter_chroot, "/bin/tool", CALLS);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/bin/tool", program.pid);
	cr_assert_eq(probe_and_count(path, "probed_function", program), CALLS);
}

Test(elf_symbol, a_program_in_another_mount_namespace_is_probed_through_the_root_of_its_process)
{
	struct probed_program program = probed_program_start(enter_namespace, "./tool", CALLS);
	char path[128];

	snprintf(path, sizeof(path), "%s/tool", root);
	cr_assert_neq(access(path, F_OK), 0, "our namespace does not have it");
	snprintf(path, sizeof(path), "/proc/%d/root%s/tool", program.pid, root);
	cr_assert_eq(probe_and_count(path, "probed_function", program), CALLS);
}

Test(elf_symbol, the_program_of_a_process_is_a_place_by_its_exe_link)
{
	struct probed_program program = probed_program_start(enter_namespace, "./tool", CALLS);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", program.pid);
	cr_assert_eq(probe_and_count(path, "probed_function", program), CALLS);
}
