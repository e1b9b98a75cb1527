#include "tracing/dentry_path.h"

#include "base/cleanup.h"
#include "tracing/dynamic_probe.h"
#include "tracing/probe_limits.h"
#include "tracing/probe_trial.h"
#include "tracing/provoke.h"
#include "tracing/registers.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define TIMEOUT_MS 20000

static struct perf_features features;
static struct kernel_layout layout;
static bool have_kprobes;

static void calibrate(void)
{
	const struct kernel_layout_options options = {.features = &features, .timeout_ms = TIMEOUT_MS};
	struct error err = {0};
	char path[PATH_MAX];

	cr_assert_eq(tracefs_open(&err), 0, "%s", err.message);
	cr_assert_eq(perf_features_probe(&features, &err), 0, "%s", err.message);
	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs_path());
	have_kprobes = access(path, F_OK) == 0;
	if (have_kprobes)
		cr_assert_eq(kernel_layout_calibrate(&layout, &options, &err), 0, "%s", err.message);
}

TestSuite(dentry_path_live, .init = calibrate, .timeout = 120);

#define NEED_KPROBES()                                              \
	do {                                                        \
		if (!have_kprobes)                                  \
			cr_skip_test("this kernel has no kprobes"); \
	} while (0)

#define NAME_255_REST                                                                                                                   \
	"23456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456" \
	"789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-1234567"
#define LONG(letter) letter "12345" NAME_255_REST

enum step {
	STEP_BUILD,
	STEP_OPEN_FIRST, /* opens[step - STEP_OPEN_FIRST] */
	STEP_MEMFD = 100,
	STEP_PIPE,
	STEP_DELETED,
	STEP_CHROOT,
	STEP_NEW_ROOT,
	STEP_PIVOT, /* after STEP_NEW_ROOT: the kernel's first root cannot be pivoted from */
	STEP_CHANGE_DIRECTORY,
};

static const struct opened {
	const char *path;
	enum dentry_path_result result;
	const char *expected;
} opens[] = {
	{"/", DENTRY_PATH_WHOLE, "/"},
	{"/tmp", DENTRY_PATH_WHOLE, "/tmp"},
	{"/tmp/file", DENTRY_PATH_WHOLE, "/tmp/file"},
	{"/tmp/../tmp/./file", DENTRY_PATH_WHOLE, "/tmp/file"},
	{"/tmp/outer", DENTRY_PATH_WHOLE, "/tmp/outer"},
	{"/tmp/outer/dir/file", DENTRY_PATH_WHOLE, "/tmp/outer/dir/file"},
	{"/tmp/outer/inner/a/b/file", DENTRY_PATH_TRUNCATED, "inner/a/b/file"},
	{"/tmp/target/file", DENTRY_PATH_WHOLE, "/tmp/target/file"},
	{"/tmp/link", DENTRY_PATH_WHOLE, "/tmp/target/file"},
	{"/tmp/1/2/3/4/5/6/7/8", DENTRY_PATH_WHOLE, "/tmp/1/2/3/4/5/6/7/8"},
	{"/tmp/1/2/3/4/5/6/7/8/9", DENTRY_PATH_TRUNCATED, "2/3/4/5/6/7/8/9"},
	{"/tmp/jail/etc/file", DENTRY_PATH_WHOLE, "/tmp/jail/etc/file"},
};

#define OPEN_COUNT (sizeof(opens) / sizeof(opens[0]))

static int make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	return fd < 0 || close(fd) ? -errno : 0;
}

static int make_directories(const char *const *paths)
{
	for (; *paths; paths++)
		if (mkdir(*paths, 0755))
			return -errno;
	return 0;
}

static int build(void)
{
	static const char *const directories[] = {
		"/tmp/outer",           "/tmp/source",  "/tmp/target",    "/tmp/1",           "/tmp/1/2",
		"/tmp/1/2/3",           "/tmp/1/2/3/4", "/tmp/1/2/3/4/5", "/tmp/1/2/3/4/5/6", "/tmp/1/2/3/4/5/6/7",
		"/tmp/1/2/3/4/5/6/7/8", "/tmp/jail",    "/tmp/jail/etc",  "/tmp/new",         NULL};
	static const char *const on_outer[] = {"/tmp/outer/dir", NULL};
	static const char *const nested[] = {"/tmp/outer/inner", "/tmp/outer/inner/a", "/tmp/outer/inner/a/b"};
	static const char *const files[] = {"/tmp/file",        "/tmp/outer/dir/file", "/tmp/outer/inner/a/b/file",
					    "/tmp/source/file", "/tmp/jail/etc/file",  "/tmp/1/2/3/4/5/6/7/8/9",
					    "/tmp/new/file"};
	int r;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/tmp", "tmpfs", 0, NULL))
		return -errno;
	r = make_directories(directories);
	if (r || mount("none", "/tmp/outer", "tmpfs", 0, NULL) || mount("none", "/tmp/new", "tmpfs", 0, NULL))
		return r ? r : -errno;
	r = make_directories(on_outer);
	for (size_t i = 0; !r && i < sizeof(nested) / sizeof(nested[0]); i++)
		r = mkdir(nested[i], 0755) || mount("none", nested[i], "tmpfs", 0, NULL) ? -errno : 0;
	if (r || mount("/tmp/source", "/tmp/target", NULL, MS_BIND, NULL))
		return r ? r : -errno;
	for (size_t i = 0; !r && i < sizeof(files) / sizeof(files[0]); i++)
		r = make_file(files[i]);
	return r || symlink("target/file", "/tmp/link") ? -errno : 0;
}

static int open_once(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || close(fd) ? -errno : 0;
}

/* The name of a descriptor in /proc, which is written without libc's help. */
static int open_again(int fd)
{
	char path[] = "/proc/self/fd/000";

	for (size_t i = 0; i < 3; i++, fd /= 10)
		path[sizeof(path) - 2 - i] = (char)('0' + fd % 10);
	/* Numbers there have no zeros in front. */
	return open_once(path);
}

/* As container runtimes enter a container: on top of the old root, which is then taken away. */
static int pivot(void)
{
	if (mkdir("/next", 0755) || mount("none", "/next", "tmpfs", 0, NULL) || chdir("/next") || mkdir("etc", 0755))
		return -errno;
	if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/") || make_file("/etc/inside"))
		return -errno;
	return open_once("/etc/inside");
}

static int act(void *context, uint8_t step)
{
	int pipes[2];
	int fd;

	(void)context;
	switch (step) {
	case STEP_BUILD:
		return build();
	case STEP_MEMFD:
		fd = dup2((int)syscall(SYS_memfd_create, "something", 0), 200);
		return fd < 0 ? -errno : open_again(fd);
	case STEP_PIPE:
		return pipe(pipes) || dup2(pipes[0], 201) < 0 ? -errno : open_again(201);
	case STEP_DELETED:
		fd = dup2(open("/tmp/jail/etc/file", O_RDONLY), 202);
		return fd < 0 || unlink("/tmp/jail/etc/file") ? -errno : open_again(fd);
	case STEP_CHROOT:
		return chroot("/tmp/jail") || chdir("/") || make_file("/etc/inside") ? -errno : open_once("/etc/inside");
	case STEP_NEW_ROOT:
		return chdir("/tmp/new") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") ? -errno : open_once("/file");
	case STEP_PIVOT:
		return pivot();
	case STEP_CHANGE_DIRECTORY:
		return chdir("/tmp/outer/dir") ? -errno : 0;
	default:
		return open_once(opens[step - STEP_OPEN_FIRST].path);
	}
}

/* A probe with one path in it, and the child that it watches. */
struct watched {
	struct provoke child;
	struct probe_trial trial;
	struct dentry_path path;
	enum dentry_path_result result;
	char text[4096];
	uint32_t length;
	uint32_t hits;
};

static struct watched *watch(const char *symbol, const struct dentry_path_spec *spec, provoke_action action)
{
	struct watched *w = calloc(1, sizeof(*w));
	struct probe_trial_spec trial = {.features = &features, .name = "path", .symbol = symbol};
	struct buffer fetchargs;
	struct error err = {0};

	buffer_init(&fetchargs, 0);
	cr_assert_eq(dentry_path_plan(&w->path, &layout, spec, &fetchargs, &err), 0, "%s", err.message);
	buffer_put_u8(&fetchargs, 0);
	trial.fetchargs = (const char *)fetchargs.data + 1;
	cr_assert_eq(provoke_start(&w->child, action, NULL, &err), 0, "%s", err.message);
	cr_assert_eq(provoke_act(&w->child, STEP_BUILD, TIMEOUT_MS, &err), 0, "%s", err.message);
	cr_assert_eq(probe_trial_open(&w->trial, &trial, provoke_pid(&w->child), &err), 0, "%s", err.message);
	cr_assert_eq(dentry_path_compile(&w->path, w->trial.format, &err), 0, "%s", err.message);
	buffer_done(&fetchargs);
	return w;
}

/* The last hit of a step is what counts. */
static void step(struct watched *w, uint8_t number)
{
	const uint8_t *raw;
	uint32_t size;
	struct error err = {0};

	w->hits = 0;
	cr_assert_eq(provoke_act(&w->child, number, TIMEOUT_MS, &err), 0, "step %u: %s", number, err.message);
	while ((raw = probe_trial_next(&w->trial, &size))) {
		w->hits++;
		w->result = dentry_path_read(&w->path, raw, size, w->text, sizeof(w->text), &w->length);
	}
}

static void expect_step(struct watched *w, uint8_t number, enum dentry_path_result result, const char *text)
{
	step(w, number);
	cr_expect_gt(w->hits, 0, "%s: no hit", text);
	cr_expect_eq(w->result, result, "%s: result %d, not %d", text, w->result, result);
	cr_expect_str_eq(w->text, text);
}

static void stop(struct watched *w)
{
	provoke_stop(&w->child);
	probe_trial_close(&w->trial);
	free(w);
}

static const struct dentry_path_spec opened_old = {.kind = DENTRY_PATH_OF_FILE, .base = REGISTER_ARGUMENT_1, .prefix = "p"};

static struct dentry_path_spec opened_here(void)
{
	struct dentry_path_spec spec = opened_old;

	spec.record_bytes = probe_record_bytes_max() - 2 * PROBE_HEADER_BYTES;
	return spec;
}

static void expect_all(const struct dentry_path_spec *spec)
{
	struct watched *w = watch("security_file_open", spec, act);

	for (size_t i = 0; i < OPEN_COUNT; i++)
		expect_step(w, (uint8_t)(STEP_OPEN_FIRST + i), opens[i].result, opens[i].expected);
	expect_step(w, STEP_MEMFD, DENTRY_PATH_UNREACHABLE, "memfd:something");
	expect_step(w, STEP_PIPE, DENTRY_PATH_UNREACHABLE, "");
	expect_step(w, STEP_DELETED, DENTRY_PATH_WHOLE, "/tmp/jail/etc/file");
	expect_step(w, STEP_CHROOT, DENTRY_PATH_WHOLE, "/tmp/jail/etc/inside");
	stop(w);
	w = watch("security_file_open", spec, act);
	expect_step(w, STEP_NEW_ROOT, DENTRY_PATH_WHOLE, "/file");
	expect_step(w, STEP_PIVOT, DENTRY_PATH_WHOLE, "/etc/inside");
	stop(w);
}

Test(dentry_path_live, opened_files_have_their_paths_within_the_records_of_this_kernel)
{
	struct dentry_path_spec spec;

	NEED_KPROBES();
	spec = opened_here();
	expect_all(&spec);
}

Test(dentry_path_live, opened_files_have_their_paths_within_the_records_of_the_oldest_kernel)
{
	NEED_KPROBES();
	expect_all(&opened_old);
}

Test(dentry_path_live, a_struct_path_and_its_dentry_are_read_when_a_directory_is_entered)
{
	const struct dentry_path_spec of_path = {.kind = DENTRY_PATH_OF_PATH, .base = REGISTER_ARGUMENT_2, .prefix = "d"};
	struct dentry_path_spec of_dentry = {.kind = DENTRY_PATH_OF_DENTRY, .prefix = "d"};
	char base[32];
	struct watched *w;

	NEED_KPROBES();
	w = watch("set_fs_pwd", &of_path, act);
	expect_step(w, STEP_CHANGE_DIRECTORY, DENTRY_PATH_WHOLE, "/tmp/outer/dir");
	stop(w);
	snprintf(base, sizeof(base), "%+d(%s)", layout.path.dentry, REGISTER_ARGUMENT_2);
	of_dentry.base = base;
	w = watch("set_fs_pwd", &of_dentry, act);
	expect_step(w, STEP_CHANGE_DIRECTORY, DENTRY_PATH_IN_MOUNT, "/dir");
	stop(w);
}

/* Eight names of 255 bytes on a mount: more than any record holds, unless it was planned for them. */
static int act_long(void *context, uint8_t number)
{
	static const char *const names[] = {LONG("a"), LONG("b"), LONG("c"), LONG("d"), LONG("e"), LONG("f"), LONG("g"), LONG("h")};
	int r = 0;

	(void)context;
	if (number != STEP_BUILD)
		return open_once(LONG("h"));
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/tmp", "tmpfs", 0, NULL) ||
	    chdir("/tmp"))
		return -errno;
	for (size_t i = 0; !r && i < sizeof(names) / sizeof(names[0]); i++)
		r = mkdir(names[i], 0755) || (i < 7 && chdir(names[i])) ? -errno : 0;
	return r;
}

Test(dentry_path_live, no_record_is_lost_however_long_the_names_are)
{
	struct dentry_path_spec here;
	struct watched *w;

	NEED_KPROBES();
	cr_assert_geq(strlen(LONG("a")), 240, "%zu", strlen(LONG("a")));
	here = opened_here();
	w = watch("security_file_open", &opened_old, act_long);
	step(w, STEP_OPEN_FIRST);
	cr_assert_eq(w->hits, 1);
	cr_assert_eq(w->result, DENTRY_PATH_TRUNCATED);
	cr_assert_eq(strcmp(w->text + w->length - strlen(LONG("h")), LONG("h")), 0, "%s", w->text);
	stop(w);
	w = watch("security_file_open", &here, act_long);
	step(w, STEP_OPEN_FIRST);
	cr_assert_eq(w->hits, 1);
	if (probe_record_bytes_max() == PROBE_RECORD_BYTES_NEW) {
		cr_assert_eq(w->result, DENTRY_PATH_WHOLE);
		cr_assert_eq(w->length, strlen("/tmp") + 8 * (1 + strlen(LONG("a"))));
	}
	stop(w);
}
