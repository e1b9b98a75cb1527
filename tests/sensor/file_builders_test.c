#include "sensor/file_builders.h"

#include "tests/sensor/sensor_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>

/* From the rows of file_source.c and samples laid out as kernels lay them out to events. The caller stands in /home/someone. */

#define WANT(kind) bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_##kind))

static struct bench b;
static struct bench_sample s;

static void setup(void)
{
	bench_init(&b, "6.1");
	bench_know_processes(&b);
	bench_know(&b, "syscalls", "sys_exit_chdir");
	bench_know(&b, "syscalls", "sys_exit_fchdir");
}

static void teardown(void)
{
	bench_done(&b);
}

TestSuite(file_builders, .init = setup, .fini = teardown);

static void know_calls(const char *const *calls)
{
	char name[64];

	for (; *calls; calls++) {
		(void)snprintf(name, sizeof(name), "sys_enter_%s", *calls);
		bench_know(&b, "syscalls", name);
		(void)snprintf(name, sizeof(name), "sys_exit_%s", *calls);
		bench_know(&b, "syscalls", name);
	}
}

#define KNOW_CALLS(...)       know_calls((const char *const[]){__VA_ARGS__, NULL})
#define KNOW(type, name, ...) bench_know_function(&b, type, name, (const char *const[]){__VA_ARGS__, NULL})
#define STRING                "__data_loc char[] filename"

static void push(void)
{
	bench_push(&s, BENCH_PID, BENCH_PID);
}

static void expect_strings(size_t i, enum event_kind kind, const char *filename, const char *path)
{
	cr_assert_lt(i, b.count);
	cr_expect_eq(b.events[i].event.kind, kind);
	cr_expect_str_eq(b.events[i].strings[BENCH_FILENAME], filename);
	cr_expect_str_eq(b.events[i].strings[BENCH_PATH], path);
}

static void expect_target(size_t i, const char *target, const char *path)
{
	cr_expect_str_eq(b.events[i].strings[BENCH_TARGET], target);
	cr_expect_str_eq(b.events[i].strings[BENCH_TARGET_PATH], path);
}

static void expect_marks(size_t i, enum event_capture capture, bool truncated, bool unknown)
{
	cr_expect_eq(b.events[i].event.capture, capture, "%d", b.events[i].event.capture);
	cr_expect_eq(b.events[i].event.file.truncated, truncated);
	cr_expect_eq(b.events[i].event.file.unknown, unknown);
}

static void expect_open(size_t i, int32_t flags, int32_t mode)
{
	cr_expect_eq(b.events[i].event.file.flags, flags, "%x", b.events[i].event.file.flags);
	cr_expect_eq(b.events[i].event.file.mode, mode, "%o", b.events[i].event.file.mode);
}

/* Opens, by the kernel's own copy of the name */

static void start_open_kernel(const char *filename_field)
{
	KNOW("kprobe", "do_filp_open", filename_field, "u64 uptr", "s32 dfd", "s32 flags", "u16 mode");
	bench_start_with(&b, EVENT_FILE_OPEN, "do_filp_open");
	WANT(OPEN);
	cr_assert_eq(BENCH_REFUSAL(&b, FILE_OPEN).code, 0, "%s", BENCH_REFUSAL(&b, FILE_OPEN).message);
}

static void open_kernel_at(const char *function, const char *name, int dfd, int flags, int mode)
{
	bench_sample_init(&s, &b, "kprobe", function);
	if (name)
		bench_set_string(&s, "filename", name);
	bench_set(&s, "dfd", (uint64_t)dfd);
	bench_set(&s, "flags", (uint64_t)flags);
	bench_set(&s, "mode", (uint64_t)mode);
}

static void open_kernel(const char *name, int dfd, int flags, int mode)
{
	open_kernel_at("do_filp_open", name, dfd, flags, mode);
}

Test(file_builders, an_open_is_told_with_its_name_as_given_and_absolute)
{
	start_open_kernel(STRING);
	open_kernel("../x/./data", AT_FDCWD, O_WRONLY | O_CREAT, 0100640);
	push();
	bench_round(&b, 1);
	expect_strings(0, EVENT_FILE_OPEN, "../x/./data", "/home/x/data");
	expect_marks(0, CAPTURE_KERNEL, false, false);
	expect_open(0, O_WRONLY | O_CREAT, 0640);
}

Test(file_builders, a_mode_counts_only_where_a_file_may_be_made)
{
	start_open_kernel(STRING);
	open_kernel("/a", AT_FDCWD, O_RDWR, 0777);
	push();
	open_kernel("/b", AT_FDCWD, O_RDWR | O_TMPFILE, 0600);
	push();
	open_kernel("/c", AT_FDCWD, O_DIRECTORY, 0600);
	push();
	bench_round(&b, 3);
	expect_open(0, O_RDWR, 0);
	expect_open(1, O_RDWR | O_TMPFILE, 0600);
	expect_open(2, O_DIRECTORY, 0);
}

Test(file_builders, a_name_relative_to_a_descriptor_needs_the_descriptors_path)
{
	start_open_kernel(STRING);
	open_kernel("file", 5, 0, 0);
	bench_read(&s, FILE_READ_DIRECTORY, "/srv");
	push();
	open_kernel("file", 5, 0, 0);
	bench_read_error(&s, FILE_READ_DIRECTORY, -ENOENT, "");
	push();
	open_kernel("/abs", 5, 0, 0);
	push();
	bench_round(&b, 3);
	expect_strings(0, EVENT_FILE_OPEN, "file", "/srv/file");
	expect_strings(1, EVENT_FILE_OPEN, "file", "");
	expect_strings(2, EVENT_FILE_OPEN, "/abs", "/abs");
}

Test(file_builders, an_execs_own_open_is_none)
{
	start_open_kernel(STRING);
	open_kernel("/bin/true", AT_FDCWD, 0x20, 0);
	push();
	bench_round(&b, 0);
}

Test(file_builders, a_name_that_the_kernel_could_not_read_is_unknown)
{
	start_open_kernel(STRING);
	open_kernel(NULL, AT_FDCWD, 0, 0);
	push();
	open_kernel("", AT_FDCWD, 0, 0);
	push();
	bench_round(&b, 2);
	expect_strings(0, EVENT_FILE_OPEN, "", "");
	expect_marks(0, CAPTURE_KERNEL, false, true);
	expect_marks(1, CAPTURE_KERNEL, false, false);
}

/* Where a record has no room for the longest name, its beginning is an array. */
Test(file_builders, a_name_that_is_longer_than_its_array_is_completed_or_truncated)
{
	char name[1000], beginning[513] = {0};

	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	memcpy(beginning, name, sizeof(beginning) - 1);
	start_open_kernel("u64 filename[64]");
	open_kernel("/short", AT_FDCWD, 0, 0);
	push();
	open_kernel(name, AT_FDCWD, 0, 0);
	bench_read(&s, FILE_READ_NAME, name);
	push();
	open_kernel(name, AT_FDCWD, 0, 0);
	bench_read_error(&s, FILE_READ_NAME, -EFAULT, "");
	push();
	open_kernel(name, AT_FDCWD, 0, 0);
	bench_read(&s, FILE_READ_NAME, "/another that the caller put there meanwhile");
	push();
	bench_round(&b, 4);
	expect_strings(0, EVENT_FILE_OPEN, "/short", "/short");
	expect_marks(0, CAPTURE_KERNEL, false, false);
	expect_strings(1, EVENT_FILE_OPEN, name, name);
	expect_marks(1, CAPTURE_LATE, false, false);
	for (size_t i = 2; i < 4; i++) {
		expect_strings(i, EVENT_FILE_OPEN, beginning, beginning);
		expect_marks(i, CAPTURE_KERNEL, true, false);
	}
}

Test(file_builders, an_open_by_its_system_calls_function_has_the_callers_name)
{
	KNOW("kprobe", "do_sys_openat2", STRING, "s32 dfd", "u64 flags", "u64 mode");
	bench_start_with(&b, EVENT_FILE_OPEN, "do_sys_openat2");
	WANT(OPEN);
	bench_sample_init(&s, &b, "kprobe", "do_sys_openat2");
	bench_set_string(&s, "filename", "x");
	bench_set(&s, "dfd", (uint64_t)AT_FDCWD);
	bench_set(&s, "flags", O_CREAT);
	bench_set(&s, "mode", 0100600);
	push();
	bench_round(&b, 1);
	expect_strings(0, EVENT_FILE_OPEN, "x", "/home/someone/x");
	expect_marks(0, CAPTURE_CALLER, false, false);
	expect_open(0, O_CREAT, 0600);
}

/* Opens, by the system calls' tracepoints */

static void start_open_late(const char *kernel)
{
	b.kernel = kernel;
	bench_know(&b, "syscalls", "sys_enter_open");
	bench_know(&b, "syscalls", "sys_enter_openat");
	bench_know(&b, "syscalls", "sys_enter_creat");
	bench_know(&b, "syscalls", "sys_enter_openat2");
	bench_start_with(&b, EVENT_FILE_OPEN, "syscalls");
	WANT(OPEN);
	cr_assert_eq(BENCH_REFUSAL(&b, FILE_OPEN).code, 0, "%s", BENCH_REFUSAL(&b, FILE_OPEN).message);
}

static void open_late_everywhere(const char *kernel)
{
	const struct open_how how = {.flags = O_RDWR | O_CREAT, .mode = 0604};

	start_open_late(kernel);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_open");
	bench_set(&s, "flags", O_RDONLY);
	bench_read(&s, FILE_READ_NAME, "one");
	push();
	bench_sample_init(&s, &b, "syscalls", "sys_enter_openat");
	bench_set(&s, "dfd", (uint32_t)AT_FDCWD); /* the upper half is the caller's rubbish */
	bench_set(&s, "flags", O_WRONLY | O_CREAT);
	bench_set(&s, "mode", 0644);
	bench_read(&s, FILE_READ_NAME, "two");
	push();
	bench_sample_init(&s, &b, "syscalls", "sys_enter_creat");
	bench_set(&s, "mode", 0622);
	bench_read(&s, FILE_READ_NAME, "/three");
	push();
	bench_sample_init(&s, &b, "syscalls", "sys_enter_openat2");
	bench_set(&s, "dfd", 7);
	bench_read(&s, FILE_READ_NAME, "four");
	bench_read(&s, FILE_READ_DIRECTORY, "/srv");
	s.reads[FILE_READ_TARGET] = (struct sample_read){.bytes = (const char *)&how, .length = sizeof(how)};
	push();
	bench_round(&b, 4);
	expect_strings(0, EVENT_FILE_OPEN, "one", "/home/someone/one");
	expect_open(0, O_RDONLY, 0);
	expect_strings(1, EVENT_FILE_OPEN, "two", "/home/someone/two");
	expect_open(1, O_WRONLY | O_CREAT, 0644);
	expect_strings(2, EVENT_FILE_OPEN, "/three", "/three");
	expect_open(2, O_WRONLY | O_CREAT | O_TRUNC, 0622);
	expect_strings(3, EVENT_FILE_OPEN, "four", "/srv/four");
	expect_open(3, O_RDWR | O_CREAT, 0604);
	for (size_t i = 0; i < 4; i++)
		expect_marks(i, CAPTURE_LATE, false, false);
	bench_clear(&b);
}

Test(file_builders, opens_of_all_calls_are_told_on_the_oldest_kernel)
{
	open_late_everywhere("5.10");
}

Test(file_builders, opens_of_all_calls_are_told_on_the_newest_kernel)
{
	open_late_everywhere("7.2");
}

Test(file_builders, what_could_not_be_read_late_is_unknown_and_a_name_without_end_truncated)
{
	start_open_late("6.1");
	bench_sample_init(&s, &b, "syscalls", "sys_enter_open");
	bench_read_error(&s, FILE_READ_NAME, -ESRCH, "");
	push();
	bench_sample_init(&s, &b, "syscalls", "sys_enter_open");
	bench_read_error(&s, FILE_READ_NAME, -ENAMETOOLONG, "/beginning");
	push();
	bench_sample_init(&s, &b, "syscalls", "sys_enter_openat2");
	bench_read(&s, FILE_READ_NAME, "/name");
	bench_read_error(&s, FILE_READ_TARGET, -EFAULT, "");
	push();
	bench_sample_init(&s, &b, "syscalls", "sys_enter_open"); /* there was no memory for reads */
	push();
	bench_round(&b, 4);
	expect_strings(0, EVENT_FILE_OPEN, "", "");
	expect_marks(0, CAPTURE_LATE, false, true);
	expect_strings(1, EVENT_FILE_OPEN, "/beginning", "/beginning");
	expect_marks(1, CAPTURE_LATE, true, false);
	expect_strings(2, EVENT_FILE_OPEN, "/name", "/name");
	expect_marks(2, CAPTURE_LATE, false, true);
	expect_open(2, 0, 0);
	expect_marks(3, CAPTURE_LATE, false, true);
}

/* Opens that have come back */

/* Each of the two kinds has probes of its own at the function. Where no structure of the kernel is known, d_instantiate() tells of new files;
 * that way is looked for after the other kind has found its own. */
#define OF_MODIFY "do_filp_open"
#define OF_CREATE "do_filp_open#2"

static void start_modify_opens(void)
{
	KNOW("kprobe", OF_MODIFY, STRING, "u64 uptr", "s32 dfd", "s32 flags", "u16 mode");
	KNOW("kretprobe", OF_MODIFY, "s64 ret");
	KNOW("kprobe", OF_CREATE, STRING, "u64 uptr", "s32 dfd", "s32 flags", "u16 mode");
	KNOW("kretprobe", OF_CREATE, "s64 ret");
	KNOW("kprobe", "d_instantiate", "u64 nothing");
	KNOW_CALLS("mkdir", "mkdirat", "mknod", "mknodat");
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_CREATE) | EVENT_KIND_BIT(EVENT_FILE_OPEN_FOR_MODIFY));
	cr_assert_eq(BENCH_REFUSAL(&b, FILE_CREATE).code, 0, "%s", BENCH_REFUSAL(&b, FILE_CREATE).message);
	cr_assert_eq(BENCH_REFUSAL(&b, FILE_OPEN_FOR_MODIFY).code, 0);
}

static void open_begins(const char *name, int flags)
{
	open_kernel_at(OF_MODIFY, name, AT_FDCWD, flags, 0600);
	push();
	open_kernel_at(OF_CREATE, name, AT_FDCWD, flags, 0600);
	push();
}

static void file_is_made(void)
{
	bench_sample_init(&s, &b, "kprobe", "d_instantiate");
	push();
}

static void open_ends(int64_t result)
{
	bench_return(&b, "kretprobe", OF_CREATE, result);
	bench_return(&b, "kretprobe", OF_MODIFY, result);
}

#define A_POINTER ((int64_t)0xffff888100200000)

Test(file_builders, an_open_that_made_a_file_is_a_create_and_an_open_for_modify)
{
	start_modify_opens();
	open_begins("new", O_WRONLY | O_CREAT);
	file_is_made();
	open_ends(A_POINTER);
	open_begins("old", O_WRONLY | O_CREAT);
	open_ends(A_POINTER);
	bench_round(&b, 3);
	expect_strings(0, EVENT_FILE_CREATE, "new", "/home/someone/new");
	expect_open(0, 0, 0600);
	expect_strings(1, EVENT_FILE_OPEN_FOR_MODIFY, "new", "/home/someone/new");
	expect_strings(2, EVENT_FILE_OPEN_FOR_MODIFY, "old", "/home/someone/old");
}

Test(file_builders, an_open_to_read_that_made_a_file_is_a_create_only)
{
	start_modify_opens();
	open_begins("/new", O_RDONLY | O_CREAT);
	file_is_made();
	open_ends(A_POINTER);
	open_begins("/path", O_RDWR | O_PATH);
	open_ends(A_POINTER);
	bench_round(&b, 1);
	expect_strings(0, EVENT_FILE_CREATE, "/new", "/new");
}

Test(file_builders, an_open_that_failed_or_whose_beginning_was_missed_is_none)
{
	start_modify_opens();
	open_begins("/denied", O_WRONLY);
	open_ends(-EACCES);
	open_ends(A_POINTER);
	file_is_made();
	bench_round(&b, 0);
}

Test(file_builders, an_open_whose_end_was_missed_leaves_nothing_to_the_next)
{
	start_modify_opens();
	open_begins("/first", O_WRONLY | O_CREAT);
	file_is_made();
	open_begins("/second", O_WRONLY);
	open_ends(A_POINTER);
	bench_round(&b, 1);
	expect_strings(0, EVENT_FILE_OPEN_FOR_MODIFY, "/second", "/second");
}

/* A thread that was killed in a call, and another one that gets its number. */
Test(file_builders, a_call_ends_with_its_thread)
{
	start_modify_opens();
	open_begins("/fifo", O_WRONLY);
	bench_sample_init(&s, &b, "sched", "sched_process_exit");
	bench_set(&s, "pid", BENCH_PID);
	push();
	open_ends(A_POINTER);
	bench_round(&b, 1);
	cr_expect_eq(b.events[0].event.kind, EVENT_PROCESS_EXIT);
}

Test(file_builders, directories_and_special_files_are_made_by_their_own_calls)
{
	start_modify_opens();
	bench_sample_init(&s, &b, "syscalls", "sys_enter_mkdirat");
	bench_set(&s, "dfd", 3);
	bench_set(&s, "mode", 0750);
	bench_read(&s, FILE_READ_NAME, "dir/");
	bench_read(&s, FILE_READ_DIRECTORY, "/srv");
	push();
	bench_return(&b, "syscalls", "sys_exit_mkdirat", 0);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_mknod");
	bench_set(&s, "mode", 0010640);
	bench_read(&s, FILE_READ_NAME, "fifo");
	push();
	bench_return(&b, "syscalls", "sys_exit_mknod", -EEXIST);
	bench_round(&b, 1);
	expect_strings(0, EVENT_FILE_CREATE, "dir/", "/srv/dir");
	expect_marks(0, CAPTURE_LATE, false, false);
	cr_expect_eq(b.events[0].event.file.mode, 0750);
}

Test(file_builders, opens_for_modify_are_told_by_the_system_calls_alone_too)
{
	const struct open_how how = {.flags = O_RDWR};

	KNOW_CALLS("open", "openat", "creat", "openat2");
	bench_start_with(&b, EVENT_FILE_OPEN_FOR_MODIFY, "syscalls");
	WANT(OPEN_FOR_MODIFY);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_creat");
	bench_read(&s, FILE_READ_NAME, "made");
	push();
	bench_return(&b, "syscalls", "sys_exit_creat", 3);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_openat2");
	bench_set(&s, "dfd", (uint64_t)AT_FDCWD);
	bench_read(&s, FILE_READ_NAME, "how");
	s.reads[FILE_READ_TARGET] = (struct sample_read){.bytes = (const char *)&how, .length = sizeof(how)};
	push();
	bench_return(&b, "syscalls", "sys_exit_openat2", 0);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_open");
	bench_set(&s, "flags", O_RDONLY);
	bench_read(&s, FILE_READ_NAME, "only read");
	push();
	bench_return(&b, "syscalls", "sys_exit_open", 3);
	bench_round(&b, 2);
	expect_strings(0, EVENT_FILE_OPEN_FOR_MODIFY, "made", "/home/someone/made");
	expect_strings(1, EVENT_FILE_OPEN_FOR_MODIFY, "how", "/home/someone/how");
}

/* Calls with two names */

static void start_two_names(enum event_kind kind, const char *function, const char *other)
{
	KNOW("kprobe", function, STRING, "u64 uptr", "s32 dfd");
	KNOW("kretprobe", function, "s32 ret");
	if (other) {
		KNOW("kprobe", other, STRING, "u64 uptr", "s32 dfd");
		KNOW("kretprobe", other, "s32 ret");
	}
	bench_know_function(&b, "kprobe", kind == EVENT_FILE_RENAME ? "do_renameat2#2" : "do_linkat#2",
			    (const char *const[]){STRING, "u64 uptr", "s32 dfd", NULL});
	if (other)
		KNOW("kprobe", "do_symlinkat#2", STRING, "u64 uptr", "s32 dfd");
	bench_start_with(&b, kind, function);
	bench_want(&b, EVENT_KIND_BIT(kind));
	cr_assert_eq(b.refusals[kind].code, 0, "%s", b.refusals[kind].message);
}

static void name_of(const char *function, const char *name)
{
	bench_sample_init(&s, &b, "kprobe", function);
	bench_set_string(&s, "filename", name);
	bench_set(&s, "dfd", (uint64_t)AT_FDCWD);
	push();
}

Test(file_builders, the_two_names_of_a_rename_come_together_in_any_order)
{
	start_two_names(EVENT_FILE_RENAME, "do_renameat2", NULL);
	name_of("do_renameat2", "old");
	name_of("do_renameat2#2", "/tmp/new");
	bench_return(&b, "kretprobe", "do_renameat2", 0);
	name_of("do_renameat2#2", "newer");
	name_of("do_renameat2", "/tmp/new");
	bench_return(&b, "kretprobe", "do_renameat2", 0);
	name_of("do_renameat2", "gone");
	name_of("do_renameat2#2", "there");
	bench_return(&b, "kretprobe", "do_renameat2", -ENOENT);
	bench_round(&b, 2);
	expect_strings(0, EVENT_FILE_RENAME, "old", "/home/someone/old");
	expect_target(0, "/tmp/new", "/tmp/new");
	expect_marks(0, CAPTURE_KERNEL, false, false);
	expect_strings(1, EVENT_FILE_RENAME, "/tmp/new", "/tmp/new");
	expect_target(1, "newer", "/home/someone/newer");
}

Test(file_builders, the_names_of_a_call_whose_end_was_missed_are_not_those_of_the_next)
{
	start_two_names(EVENT_FILE_RENAME, "do_renameat2", NULL);
	name_of("do_renameat2", "/a");
	name_of("do_renameat2#2", "/b");
	name_of("do_renameat2", "/c");
	name_of("do_renameat2#2", "/d");
	bench_return(&b, "kretprobe", "do_renameat2", 0);
	bench_round(&b, 1);
	expect_strings(0, EVENT_FILE_RENAME, "/c", "/c");
	expect_target(0, "/d", "/d");
}

Test(file_builders, a_name_whose_sample_was_lost_is_unknown)
{
	start_two_names(EVENT_FILE_RENAME, "do_renameat2", NULL);
	name_of("do_renameat2", "/a");
	bench_return(&b, "kretprobe", "do_renameat2", 0);
	name_of("do_renameat2#2", "/b");
	bench_return(&b, "kretprobe", "do_renameat2", 0);
	bench_round(&b, 2);
	expect_strings(0, EVENT_FILE_RENAME, "/a", "/a");
	expect_target(0, "", "");
	expect_marks(0, CAPTURE_KERNEL, false, true);
	expect_strings(1, EVENT_FILE_RENAME, "", "");
	expect_target(1, "/b", "/b");
	expect_marks(1, CAPTURE_KERNEL, false, true);
}

Test(file_builders, a_link_is_told_with_what_it_points_to)
{
	start_two_names(EVENT_FILE_LINK, "do_linkat", "do_symlinkat");
	name_of("do_linkat", "file");
	name_of("do_linkat#2", "hard");
	bench_return(&b, "kretprobe", "do_linkat", 0);
	bench_round(&b, 1);
	expect_strings(0, EVENT_FILE_LINK, "file", "/home/someone/file");
	expect_target(0, "hard", "/home/someone/hard");
	cr_expect_not(b.events[0].event.file.symlink);
}

Test(file_builders, what_a_symbolic_link_holds_is_relative_to_where_the_link_is)
{
	static const struct {
		const char *holds, *link, *path, *link_path;
	} rows[] = {
		{"file", "/srv/www/link", "/srv/www/file", "/srv/www/link"},
		{"../file", "sub/link", "/home/someone/file", "/home/someone/sub/link"},
		{"/etc/passwd", "link", "/etc/passwd", "/home/someone/link"},
		{"file", "/link", "/file", "/link"},
	};
	size_t count = sizeof(rows) / sizeof(rows[0]);

	start_two_names(EVENT_FILE_LINK, "do_linkat", "do_symlinkat");
	for (size_t i = 0; i < count; i++) {
		name_of("do_symlinkat", rows[i].holds);
		name_of("do_symlinkat#2", rows[i].link);
		bench_return(&b, "kretprobe", "do_symlinkat", 0);
	}
	bench_round(&b, count);
	for (size_t i = 0; i < count; i++) {
		expect_strings(i, EVENT_FILE_LINK, rows[i].holds, rows[i].path);
		expect_target(i, rows[i].link, rows[i].link_path);
		expect_marks(i, CAPTURE_KERNEL, false, false);
		cr_expect(b.events[i].event.file.symlink);
	}
}

Test(file_builders, a_symbolic_link_in_a_directory_that_nobody_knows_has_the_path_of_an_absolute_target_only)
{
	KNOW_CALLS("link", "linkat", "symlink", "symlinkat");
	bench_start_with(&b, EVENT_FILE_LINK, "syscalls");
	WANT(LINK);
	for (int i = 0; i < 2; i++) {
		bench_sample_init(&s, &b, "syscalls", "sys_enter_symlinkat");
		bench_set(&s, "newdfd", 9);
		bench_read(&s, FILE_READ_NAME, i ? "/etc" : "etc");
		bench_read(&s, FILE_READ_TARGET, "link");
		bench_read_error(&s, FILE_READ_TARGET_DIRECTORY, -ENOENT, "");
		push();
		bench_return(&b, "syscalls", "sys_exit_symlinkat", 0);
	}
	bench_round(&b, 2);
	expect_strings(0, EVENT_FILE_LINK, "etc", "");
	expect_target(0, "link", "");
	expect_strings(1, EVENT_FILE_LINK, "/etc", "/etc");
	expect_marks(1, CAPTURE_LATE, false, false);
}

Test(file_builders, both_names_of_a_late_call_have_directories_of_their_own)
{
	KNOW_CALLS("link", "linkat", "symlink", "symlinkat");
	bench_start_with(&b, EVENT_FILE_LINK, "syscalls");
	WANT(LINK);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_linkat");
	bench_set(&s, "olddfd", 8);
	bench_set(&s, "newdfd", (uint32_t)AT_FDCWD);
	bench_read(&s, FILE_READ_NAME, "file");
	bench_read(&s, FILE_READ_DIRECTORY, "/srv");
	bench_read(&s, FILE_READ_TARGET, "link");
	push();
	bench_return(&b, "syscalls", "sys_exit_linkat", 0);
	/* linkat(8, "", AT_FDCWD, "link", AT_EMPTY_PATH) */
	bench_sample_init(&s, &b, "syscalls", "sys_enter_linkat");
	bench_set(&s, "olddfd", 8);
	bench_set(&s, "newdfd", (uint32_t)AT_FDCWD);
	bench_read(&s, FILE_READ_NAME, "");
	bench_read(&s, FILE_READ_DIRECTORY, "/srv/opened");
	bench_read(&s, FILE_READ_TARGET, "link");
	push();
	bench_return(&b, "syscalls", "sys_exit_linkat", 0);
	bench_round(&b, 2);
	expect_strings(0, EVENT_FILE_LINK, "file", "/srv/file");
	expect_target(0, "link", "/home/someone/link");
	expect_strings(1, EVENT_FILE_LINK, "/srv/opened", "/srv/opened");
	expect_marks(1, CAPTURE_LATE, false, false);
}

Test(file_builders, a_late_rename_has_both_names)
{
	KNOW_CALLS("rename", "renameat", "renameat2");
	bench_start_with(&b, EVENT_FILE_RENAME, "syscalls");
	WANT(RENAME);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_rename");
	bench_read(&s, FILE_READ_NAME, "old");
	bench_read(&s, FILE_READ_TARGET, "new");
	push();
	bench_return(&b, "syscalls", "sys_exit_rename", 0);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_rename");
	bench_read(&s, FILE_READ_NAME, "old");
	bench_read_error(&s, FILE_READ_TARGET, -ESRCH, "");
	push();
	bench_return(&b, "syscalls", "sys_exit_rename", 0);
	bench_round(&b, 2);
	expect_strings(0, EVENT_FILE_RENAME, "old", "/home/someone/old");
	expect_target(0, "new", "/home/someone/new");
	expect_marks(0, CAPTURE_LATE, false, false);
	expect_marks(1, CAPTURE_LATE, false, true);
}

Test(file_builders, a_delete_is_told_when_it_succeeded)
{
	KNOW_CALLS("unlink", "unlinkat", "rmdir");
	bench_start_with(&b, EVENT_FILE_DELETE, "syscalls");
	WANT(DELETE);
	for (int64_t result = -1; result <= 0; result++) {
		bench_sample_init(&s, &b, "syscalls", "sys_enter_rmdir");
		bench_read(&s, FILE_READ_NAME, "dir");
		push();
		bench_return(&b, "syscalls", "sys_exit_rmdir", result);
	}
	bench_round(&b, 1);
	expect_strings(0, EVENT_FILE_DELETE, "dir", "/home/someone/dir");
}

/* What is changed by its descriptor */

static void start_attributes(void)
{
	KNOW_CALLS("chmod", "fchmod", "fchmodat", "chown", "lchown", "fchown", "fchownat", "utime", "utimes", "futimesat", "utimensat",
		   "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr");
	bench_start_with(&b, EVENT_FILE_ATTRIBUTE_CHANGE, "syscalls");
	WANT(ATTRIBUTE_CHANGE);
	cr_assert_eq(BENCH_REFUSAL(&b, FILE_ATTRIBUTE_CHANGE).code, 0, "%s", BENCH_REFUSAL(&b, FILE_ATTRIBUTE_CHANGE).message);
}

static void fchmod_of(int error, const char *path)
{
	bench_sample_init(&s, &b, "syscalls", "sys_enter_fchmod");
	bench_read_error(&s, FILE_READ_NAME, error, path);
	push();
	bench_return(&b, "syscalls", "sys_exit_fchmod", 0);
}

Test(file_builders, a_change_by_descriptor_has_its_path_for_a_name_and_nothing_is_relative_to_the_directory)
{
	start_attributes();
	fchmod_of(0, "/srv/file");
	fchmod_of(0, "socket:[4711]");
	fchmod_of(-ENOENT, "");
	bench_round(&b, 3);
	expect_strings(0, EVENT_FILE_ATTRIBUTE_CHANGE, "/srv/file", "/srv/file");
	expect_strings(1, EVENT_FILE_ATTRIBUTE_CHANGE, "socket:[4711]", "");
	expect_marks(1, CAPTURE_LATE, false, false);
	expect_strings(2, EVENT_FILE_ATTRIBUTE_CHANGE, "", "");
	expect_marks(2, CAPTURE_LATE, false, true);
}

/* As touch(1) does it: futimens(3). */
Test(file_builders, times_that_are_set_without_a_name_are_the_descriptors)
{
	start_attributes();
	bench_sample_init(&s, &b, "syscalls", "sys_enter_utimensat");
	bench_set(&s, "dfd", 4);
	bench_read_error(&s, FILE_READ_NAME, -EFAULT, "");
	bench_read(&s, FILE_READ_DIRECTORY, "/srv/file");
	push();
	bench_return(&b, "syscalls", "sys_exit_utimensat", 0);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_utimensat");
	bench_set(&s, "dfd", 4);
	bench_set(&s, "filename", 0x7fff0000);
	bench_read(&s, FILE_READ_NAME, "file");
	bench_read(&s, FILE_READ_DIRECTORY, "/srv");
	push();
	bench_return(&b, "syscalls", "sys_exit_utimensat", 0);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_utimensat");
	bench_set(&s, "dfd", 4);
	bench_set(&s, "filename", 0x7fff0000);
	bench_read_error(&s, FILE_READ_NAME, -ESRCH, "");
	bench_read(&s, FILE_READ_DIRECTORY, "/srv");
	push();
	bench_return(&b, "syscalls", "sys_exit_utimensat", 0);
	bench_round(&b, 3);
	expect_strings(0, EVENT_FILE_ATTRIBUTE_CHANGE, "/srv/file", "/srv/file");
	expect_marks(0, CAPTURE_LATE, false, false);
	expect_strings(1, EVENT_FILE_ATTRIBUTE_CHANGE, "/srv/file", "/srv/file");
	expect_strings(2, EVENT_FILE_ATTRIBUTE_CHANGE, "", "");
	expect_marks(2, CAPTURE_LATE, false, true);
}

static void write_of(int error, const char *path, int64_t result)
{
	bench_sample_init(&s, &b, "syscalls", "sys_enter_write");
	bench_read_error(&s, FILE_READ_NAME, error, path);
	push();
	bench_return(&b, "syscalls", "sys_exit_write", result);
}

Test(file_builders, only_writes_to_regular_files_that_succeed_modify)
{
	KNOW_CALLS("write", "pwrite64", "writev", "pwritev", "pwritev2", "truncate", "ftruncate");
	bench_start_with(&b, EVENT_FILE_MODIFY, "syscalls");
	WANT(MODIFY);
	write_of(0, "/srv/file", 3);
	write_of(-ENODATA, "", 3);
	write_of(0, "/srv/full", -ENOSPC);
	bench_sample_init(&s, &b, "syscalls", "sys_enter_truncate");
	bench_read(&s, FILE_READ_NAME, "file");
	push();
	bench_return(&b, "syscalls", "sys_exit_truncate", 0);
	bench_round(&b, 2);
	expect_strings(0, EVENT_FILE_MODIFY, "/srv/file", "/srv/file");
	expect_strings(1, EVENT_FILE_MODIFY, "/home/someone/file", "/home/someone/file");
}
