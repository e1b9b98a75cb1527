#include "tracing/exec_arguments.h"
#include "base/clock.h"
#include "tracing/dynamic_probe.h"
#include "tracing/exec_rings.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS     10000
#define RECORDS_MAX 64

/* A notice, kept. */
struct record {
	uint64_t time_ns;
	uint32_t tid;
	uint32_t argc;
	uint32_t count;
	size_t size;
	char *bytes;
};

static uv_loop_t loop;
static uv_timer_t tick;
static struct exec_arguments *execs;
static uint32_t watched;
static struct record records[RECORDS_MAX];
static unsigned int record_count;

static void keep(void *context, const struct notice *notice)
{
	struct record *r = &records[record_count];

	(void)context;
	if (notice->tgid != watched || record_count == RECORDS_MAX)
		return;
	cr_assert_eq(notice->kind, NOTICE_EXEC_ARGUMENTS);
	*r = (struct record){.time_ns = notice->time_ns,
			     .tid = notice->tid,
			     .argc = notice->exec.argc,
			     .count = notice->exec.count,
			     .size = notice->exec.size,
			     .bytes = malloc(notice->exec.size + 1)};
	memcpy(r->bytes, notice->exec.bytes, notice->exec.size);
	record_count++;
}

static void watch(pid_t pid)
{
	while (record_count)
		free(records[--record_count].bytes);
	watched = (uint32_t)pid;
}

/* As the sensor does it: a wake-up before the loop's first turn is lost, since perf tells of it once. */
static void on_tick(uv_timer_t *timer)
{
	(void)timer;
	exec_arguments_drain(execs);
}

static void start_with(const struct exec_arguments_options *options)
{
	struct error err = {0};

	uv_loop_init(&loop);
	uv_timer_init(&loop, &tick);
	uv_timer_start(&tick, on_tick, 10, 10);
	cr_assert_eq(exec_arguments_open(&execs, &loop, options, keep, NULL, &err), 0, "%s", err.message);
}

static void start(void)
{
	start_with(NULL);
}

static void stop(void)
{
	watch(0);
	uv_close((uv_handle_t *)&tick, NULL);
	execs = exec_arguments_close(execs);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

TestSuite(exec_arguments, .init = start, .fini = stop, .timeout = 120);
TestSuite(exec_arguments_lifetime, .timeout = 120);

static unsigned int length_of(char *const *argv)
{
	unsigned int argc = 0;

	while (argv[argc])
		argc++;
	return argc;
}

/* Has the record the first `count` of these arguments, and all of its bytes? */
static bool is_prefix(const struct record *r, char *const *argv)
{
	size_t offset = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		size_t size = strlen(argv[i]) + 1;

		if (size > r->size - offset || memcmp(r->bytes + offset, argv[i], size) != 0)
			return false;
		offset += size;
	}
	return offset == r->size;
}

static const struct record *find_complete(char *const *argv)
{
	unsigned int argc = length_of(argv);

	for (unsigned int i = 0; i < record_count; i++)
		if (records[i].argc == argc && records[i].count == argc && is_prefix(&records[i], argv))
			return &records[i];
	return NULL;
}

/* Lets the loop work until all arguments have come. */
static const struct record *await(char *const *argv)
{
	uint64_t deadline_ns = clock_monotonic_ns() + WAIT_MS * NSEC_PER_MSEC;

	while (!find_complete(argv) && clock_monotonic_ns() < deadline_ns)
		uv_run(&loop, UV_RUN_ONCE);
	return find_complete(argv);
}

/* Starts a program that lives until its standard input is closed. */
static pid_t start_program(const char *path, char *const *argv, int *ret_input)
{
	char *const environment[] = {"LANG=C", "HOME=/", NULL};
	int input[2];
	pid_t child;

	cr_assert_eq(pipe2(input, O_CLOEXEC), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		dup2(input[0], STDIN_FILENO);
		execve(path, argv, environment);
		syscall(SYS_exit_group, 127);
	}
	close(input[0]);
	*ret_input = input[1];
	watch(child);
	return child;
}

static void end_program(pid_t child, int input)
{
	int status;

	close(input);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_neq(WEXITSTATUS(status), 127, "the program could not be executed");
}

static void run_program(const char *path, char *const *argv)
{
	int input;
	pid_t child = start_program(path, argv, &input);

	end_program(child, input);
}

static void expect_arguments(const char *path, char *const *argv)
{
	uint64_t before_ns = clock_monotonic_ns();
	const struct record *r;
	int input;
	pid_t child = start_program(path, argv, &input);

	r = await(argv);
	cr_assert_not_null(r, "%s with %u arguments: %u notices", path, length_of(argv), record_count);
	cr_assert_eq(r->tid, (uint32_t)child);
	cr_assert_geq(r->time_ns, before_ns);
	cr_assert_leq(r->time_ns, clock_monotonic_ns());
	for (unsigned int i = 0; i < record_count; i++) {
		cr_assert_eq(records[i].time_ns, r->time_ns, "all notices of an exec have its time");
		cr_assert_eq(records[i].argc, r->argc);
		cr_assert(is_prefix(&records[i], argv));
	}
	end_program(child, input);
}

/* `count` arguments behind the first three, of `width` characters where width is not 0. */
static char **make_arguments(const char *const first[3], unsigned int count, size_t width)
{
	char **argv = calloc(count + 4, sizeof(*argv));

	for (unsigned int i = 0; i < 3; i++)
		argv[i] = strdup(first[i]);
	for (unsigned int i = 0; i < count; i++) {
		char text[64] = "";

		if (i % 3)
			snprintf(text, sizeof(text), i % 3 == 1 ? "argument %u" : "\x01\x1b\xff\xfe\n\t'\"%u", i);
		argv[3 + i] = malloc(width + sizeof(text));
		memset(argv[3 + i], 'a' + (int)(i % 26), width);
		strcpy(argv[3 + i] + width, text);
	}
	return argv;
}

static void free_arguments(char **argv)
{
	for (char **a = argv; *a; a++)
		free(*a);
	free(argv);
}

static const char *const shell_reads[3] = {"sh", "-c", "read x"};

/* Linux x86-64 and i386: read one byte from standard input, then exit(0). */
static const uint8_t code_wait[] = {0x48, 0x83, 0xec, 0x10, 0x31, 0xc0, 0x31, 0xff, 0x48, 0x89, 0xe6, 0xba, 1,   0,
				    0,    0,    0x0f, 0x05, 0xb8, 0x3c, 0,    0,    0,    0x31, 0xff, 0x0f, 0x05};
static const uint8_t code_wait_32[] = {0x83, 0xec, 0x10, 0xb8, 3,    0,    0, 0, 0x31, 0xdb, 0x89, 0xe1, 0xba, 1,
				       0,    0,    0,    0xcd, 0x80, 0xb8, 1, 0, 0,    0,    0x31, 0xdb, 0xcd, 0x80};
/* execve(argv[1], argv + 1, NULL) */
static const uint8_t code_exec[] = {0x48, 0x8b, 0x7c, 0x24, 0x10, 0x48, 0x8d, 0x74, 0x24, 0x10, 0x31, 0xd2, 0xb8, 0x3b,
				    0,    0,    0,    0x0f, 0x05, 0xb8, 0x3c, 0,    0,    0,    0x31, 0xff, 0x0f, 0x05};

static void write_program(char *path, const void *headers, size_t headers_size, const uint8_t *code, size_t code_size)
{
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, headers, headers_size), (ssize_t)headers_size);
	cr_assert_eq(write(fd, code, code_size), (ssize_t)code_size);
	cr_assert_eq(fchmod(fd, 0755), 0);
	close(fd);
}

#define IMAGE_ADDRESS 0x400000

/* The smallest static program there is. */
static void write_static(char *path, const uint8_t *code, size_t code_size)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
	} file = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_entry = IMAGE_ADDRESS + sizeof(file),
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = IMAGE_ADDRESS,
			    .p_filesz = sizeof(file) + code_size,
			    .p_memsz = sizeof(file) + code_size,
			    .p_align = 4096},
	};

	write_program(path, &file, sizeof(file), code, code_size);
}

static void write_static_32(char *path, const uint8_t *code, size_t code_size)
{
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
	} file = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_386,
			   .e_version = EV_CURRENT,
			   .e_entry = IMAGE_ADDRESS + sizeof(file),
			   .e_phoff = sizeof(Elf32_Ehdr),
			   .e_ehsize = sizeof(Elf32_Ehdr),
			   .e_phentsize = sizeof(Elf32_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = IMAGE_ADDRESS,
			    .p_filesz = (uint32_t)(sizeof(file) + code_size),
			    .p_memsz = (uint32_t)(sizeof(file) + code_size),
			    .p_align = 4096},
	};

	write_program(path, &file, sizeof(file), code, code_size);
}

Test(exec_arguments, two_hundred_arguments_with_empty_ones_and_odd_bytes_come_whole)
{
	char **argv = make_arguments(shell_reads, 197, 0);

	expect_arguments("/bin/sh", argv);
	free_arguments(argv);
}

Test(exec_arguments, a_hundred_kilobytes_of_arguments_come_whole)
{
	char **argv = make_arguments(shell_reads, 1000, 100);

	expect_arguments("/bin/sh", argv);
	free_arguments(argv);
}

Test(exec_arguments, one_argument_longer_than_a_dump_comes_whole)
{
	char **argv = make_arguments(shell_reads, 1, 100000);

	expect_arguments("/bin/sh", argv);
	free_arguments(argv);
}

Test(exec_arguments, more_pointers_than_fit_into_a_dump_are_no_hindrance)
{
	char **argv = make_arguments(shell_reads, 30000, 0);

	expect_arguments("/bin/sh", argv);
	free_arguments(argv);
}

Test(exec_arguments, a_static_program_that_waits_is_read_whole)
{
	char path[] = "/tmp/exec_arguments_XXXXXX";
	const char *const first[3] = {"static", "", "-x"};
	char **argv = make_arguments(first, 20, 0);

	write_static(path, code_wait, sizeof(code_wait));
	for (int i = 0; i < 20; i++)
		expect_arguments(path, argv);
	free_arguments(argv);
	unlink(path);
}

Test(exec_arguments, a_32_bit_program_is_read_with_its_own_pointer_size)
{
	char path[] = "/tmp/exec_arguments_XXXXXX";
	const char *const first[3] = {"narrow", "", "-x"};
	char **argv = make_arguments(first, 20, 0);

	write_static_32(path, code_wait_32, sizeof(code_wait_32));
	for (int i = 0; i < 20; i++)
		expect_arguments(path, argv);
	free_arguments(argv);
	unlink(path);
}

static bool runs(pid_t pid, const char *path)
{
	char link[64];
	char target[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strcmp(target, path) == 0;
}

Test(exec_arguments, the_arguments_of_the_next_program_are_never_taken_for_those_of_the_one_before)
{
	char first[] = "/tmp/exec_arguments_XXXXXX";
	char second[] = "/tmp/exec_arguments_XXXXXX";
	unsigned int incomplete = 0;

	write_static(first, code_exec, sizeof(code_exec));
	write_static(second, code_wait, sizeof(code_wait));
	for (int i = 0; i < 100; i++) {
		char *const first_argv[] = {"first", second, "same length", NULL};
		uint64_t deadline_ns = clock_monotonic_ns() + WAIT_MS * NSEC_PER_MSEC;
		int input;
		pid_t child = start_program(first, first_argv, &input);

		while (!runs(child, second) && clock_monotonic_ns() < deadline_ns)
			usleep(100);
		cr_assert_not_null(await(first_argv + 1));
		for (unsigned int k = 0; k < record_count; k++) {
			cr_assert(is_prefix(&records[k], records[k].argc == 3 ? first_argv : first_argv + 1), "round %d", i);
			cr_assert(records[k].argc == 3 || records[k].argc == 2);
		}
		incomplete += !find_complete(first_argv);
		end_program(child, input);
	}
	/* What was gone before we came is not made up. */
	cr_assert_lt(incomplete, 100);
	unlink(first);
	unlink(second);
}

static char *const thread_argv[] = {"sh", "-c", "read x", "from a thread", NULL};

static void *exec_from_thread(void *unused)
{
	(void)unused;
	execv("/bin/sh", thread_argv);
	return NULL;
}

Test(exec_arguments, a_thread_that_executes_becomes_the_process)
{
	const struct record *r;
	int input[2];
	pid_t child;

	cr_assert_eq(pipe2(input, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		pthread_t thread;

		dup2(input[0], STDIN_FILENO);
		pthread_create(&thread, NULL, exec_from_thread, NULL);
		pthread_join(thread, NULL);
		syscall(SYS_exit_group, 127);
	}
	close(input[0]);
	watch(child);
	r = await(thread_argv);
	cr_assert_not_null(r);
	cr_assert_eq(r->tid, (uint32_t)child);
	end_program(child, input[1]);
}

static unsigned int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static bool group_exists(void)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%s/events/%s", tracefs_path(), dynamic_probe_group());
	return stat(path, &status) == 0;
}

Test(exec_arguments_lifetime, starting_and_stopping_leaves_no_probe_and_no_descriptor)
{
	unsigned int before;

	/* libraries keep descriptors of their own from the first use on */
	start();
	stop();
	before = count_descriptors();
	for (int i = 0; i < 3; i++) {
		struct exec_arguments_counters counters;

		start();
		exec_arguments_counters(execs, &counters);
		cr_assert_geq(counters.loaders, 1);
		cr_assert_geq(counters.rings, 1);
		cr_assert(group_exists());
		stop();
		cr_assert_not(group_exists());
	}
	cr_assert_eq(count_descriptors(), before);
}

Test(exec_arguments_lifetime, without_the_kprobe_the_other_ways_bring_all)
{
	const struct exec_arguments_options without = {.without_kprobe = true};
	char **argv = make_arguments(shell_reads, 20, 20);
	struct exec_arguments_counters counters;

	start_with(&without);
	cr_assert_not_null(exec_arguments_without_kprobe(execs));
	expect_arguments("/bin/sh", argv);
	exec_arguments_counters(execs, &counters);
	cr_assert_eq(counters.from_kprobe + counters.unproven + counters.lost_kprobe, 0);
	stop();
	free_arguments(argv);
}

/* Where there are none, the reason is told. */
Test(exec_arguments_lifetime, a_kprobe_brings_the_arguments_where_there_are_kprobes)
{
	char path[] = "/tmp/exec_arguments_XXXXXX";
	const char *const first[3] = {"static", "", "-x"};
	char **argv = make_arguments(first, 20, 20);
	struct exec_arguments_counters counters;

	write_static(path, code_wait, sizeof(code_wait));
	start();
	expect_arguments(path, argv);
	exec_arguments_counters(execs, &counters);
	if (exec_arguments_without_kprobe(execs))
		cr_assert_neq(*exec_arguments_without_kprobe(execs), '\0');
	else
		cr_assert_geq(counters.from_kprobe, 1);
	cr_assert_eq(counters.unproven, 0);
	stop();
	unlink(path);
	free_arguments(argv);
}

Test(exec_arguments_lifetime, a_dynamic_program_that_has_ended_long_ago_comes_whole_from_its_dumps)
{
	char **argv = make_arguments((const char *const[3]){"true", "", "--"}, 30, 0);
	const struct exec_arguments_options without = {.without_kprobe = true};
	struct exec_arguments_counters counters = {0};

	start_with(&without);
	/* Most are complete with the exec sample, a few of a hundred with the loader's: until there was one, which is soon. */
	for (int i = 0; i < 100 || (i < 3000 && !counters.from_loader); i++) {
		/* Nobody looks into the rings before it is gone. */
		run_program("/bin/true", argv);
		exec_arguments_drain(execs);
		cr_assert_not_null(find_complete(argv), "round %d: %u notices", i, record_count);
		exec_arguments_counters(execs, &counters);
	}
	cr_assert_geq(counters.from_loader, 1);
	cr_assert_geq(counters.from_exec, 1);
	stop();
	free_arguments(argv);
}

Test(exec_arguments_lifetime, two_of_them_do_not_get_into_each_others_way)
{
	struct exec_arguments *other = NULL;
	struct exec_arguments_counters counters;
	char *const argv[] = {"sh", "-c", "read x", NULL};
	struct error err = {0};

	start();
	cr_assert_eq(exec_arguments_open(&other, &loop, NULL, keep, NULL, &err), 0, "%s", err.message);
	exec_arguments_counters(other, &counters);
	cr_assert_geq(counters.loaders, 1);
	exec_arguments_close(other);
	cr_assert(group_exists());
	expect_arguments("/bin/sh", argv);
	stop();
	cr_assert_not(group_exists());
}

Test(exec_arguments_lifetime, the_smallest_budget_is_four_dumps_and_works)
{
	const struct exec_arguments_options smallest = {.memory_bytes = 1};
	struct exec_arguments_counters counters;
	char **argv = make_arguments(shell_reads, 500, 20);

	start_with(&smallest);
	exec_arguments_counters(execs, &counters);
	cr_assert_eq(counters.ring_bytes, counters.rings * EXEC_RINGS_BYTES_MIN);
	for (int i = 0; i < 20; i++)
		expect_arguments("/bin/sh", argv);
	stop();
	free_arguments(argv);
}

/* Where CPUs are numbered without holes; elsewhere the program stays where it was. */
static void run_on_cpu(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

Test(exec_arguments_lifetime, execs_without_room_in_the_ring_are_counted_as_lost)
{
	const struct exec_arguments_options smallest = {.memory_bytes = 1};
	char *const argv[] = {"true", NULL};
	struct exec_arguments_counters counters;

	start_with(&smallest);
	for (int i = 0; i < 100; i++)
		run_program("/bin/true", argv);
	exec_arguments_drain(execs);
	/* The kernel tells of a loss with the next record that it writes into that ring. */
	for (int i = 0; i < 20; i++) {
		run_on_cpu(i % (int)sysconf(_SC_NPROCESSORS_ONLN));
		run_program("/bin/true", argv);
		exec_arguments_drain(execs);
	}
	exec_arguments_counters(execs, &counters);
	cr_assert_geq(counters.lost, 1);
	cr_assert_geq(counters.execs + counters.lost, 120);
	cr_assert_eq(counters.corrupt, 0);
	stop();
}
