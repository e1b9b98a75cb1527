#include "tracing/dynamic_probe.h"
#include "base/cleanup.h"
#include "tracing/elf_entry.h"
#include "tracing/perf_event.h"
#include "tracing/probe_list.h"
#include "tracing/probe_profile.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct elf_loader loaders[ELF_LOADERS_MAX];

static void find_place(void)
{
	struct error err = {0};

	cr_assert_eq(tracefs_open(&err), 0, "%s", err.message);
	cr_assert_geq(elf_loaders_find(loaders), 1);
}

TestSuite(dynamic_probe, .init = find_place, .timeout = 60);

static struct dynamic_probe *install(const char *name)
{
	struct dynamic_probe *p = NULL;
	struct error err = {0};

	cr_assert_eq(dynamic_probe_install_uprobe(&p, name, loaders[0].path, loaders[0].entry_offset, "argc=+0(%sp):u64", &err), 0, "%s",
		     err.message);
	return p;
}

/* The name that the event has in the kernel. */
static const char *own(const char *name)
{
	static char full[64];

	snprintf(full, sizeof(full), "%s_%d", name, getpid());
	return full;
}

static bool is_listed(const char *group, const char *name)
{
	char path[PATH_MAX];
	char wanted[256];
	cleanup_fclose FILE *list = NULL;
	cleanup_free char *line = NULL;
	size_t capacity = 0;

	snprintf(path, sizeof(path), "%s/uprobe_events", tracefs_path());
	snprintf(wanted, sizeof(wanted), ":%s/%s ", group, name);
	list = fopen(path, "re");
	cr_assert_not_null(list);
	while (getline(&line, &capacity, list) > 0)
		if (strstr(line, wanted))
			return true;
	return false;
}

/* Somebody else's hand in the same file. */
static void write_foreign(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void write_foreign(const char *format, ...)
{
	char path[PATH_MAX];
	char text[PATH_MAX];
	cleanup_close int fd = -1;
	va_list arguments;

	snprintf(path, sizeof(path), "%s/uprobe_events", tracefs_path());
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text), "%s: %s", text, strerror(errno));
}

Test(dynamic_probe, the_group_names_this_process_and_its_start)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "ringside_%d_", getpid());
	cr_assert_eq(strncmp(dynamic_probe_group(), expected, strlen(expected)), 0);
	cr_assert_gt(strtoull(dynamic_probe_group() + strlen(expected), NULL, 10), 0);
}

Test(dynamic_probe, an_installed_probe_has_a_format_and_a_removed_one_is_gone)
{
	struct dynamic_probe *p = install("here");
	struct format *format = NULL;
	struct format_field argc;

	cr_assert(is_listed(dynamic_probe_group(), own("here")));
	cr_assert_eq(tracefs_format(&format, dynamic_probe_group(), dynamic_probe_name(p), NULL), 0);
	cr_assert_eq(format_field(format, "argc", &argc, NULL), 0);
	cr_assert_eq(argc.size, 8);
	format_free(format);

	cr_assert_eq(dynamic_probe_remove(p, NULL), 0);
	cr_assert_not(is_listed(dynamic_probe_group(), own("here")));
	cr_assert_eq(dynamic_probe_remove(p, NULL), 0, "removing what is gone is no error");
	cr_assert_null(dynamic_probe_free(p));
}

Test(dynamic_probe, freeing_the_memory_leaves_the_probe_in_the_kernel)
{
	dynamic_probe_free(install("kept"));
	cr_assert(is_listed(dynamic_probe_group(), own("kept")));
	write_foreign("-:%s/%s", dynamic_probe_group(), own("kept"));
	cr_assert_not(is_listed(dynamic_probe_group(), own("kept")));
}

Test(dynamic_probe, a_refused_definition_comes_with_the_kernels_own_reason)
{
	struct dynamic_probe *p = NULL;
	struct error err = {0};
	int r = dynamic_probe_install_uprobe(&p, "bad", loaders[0].path, loaders[0].entry_offset, "x=+0(%nonsense):u64", &err);

	cr_assert_eq(r, -EINVAL);
	cr_assert_eq(err.code, -EINVAL);
	cr_assert_null(p);
	cr_assert_not_null(strstr(err.message, "x=+0(%nonsense):u64"));
	/* The words of the kernel's trace_probe.h. */
	cr_assert_not_null(strstr(err.message, "Invalid register name"), "%s", err.message);
}

Test(dynamic_probe, a_path_with_blanks_is_refused_before_the_kernel_misreads_it)
{
	struct dynamic_probe *p = NULL;
	struct error err = {0};

	cr_assert_eq(dynamic_probe_install_uprobe(&p, "blank", "/tmp/a b", 0x40, "", &err), -EINVAL);
	cr_assert_not_null(strstr(err.message, "/tmp/a b"));
}

Test(dynamic_probe, a_kernel_without_kprobes_says_so)
{
	struct dynamic_probe *p = NULL;
	struct error err = {0};
	char path[PATH_MAX];
	int r = dynamic_probe_install_kprobe(&p, "file_open", "security_file_open", "", &err);

	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs_path());
	if (access(path, F_OK) == 0) {
		cr_assert_eq(r, 0, "%s", err.message);
		cr_assert_eq(dynamic_probe_remove(p, &err), 0, "%s", err.message);
		dynamic_probe_free(p);
		return;
	}
	cr_assert_eq(r, -ENODEV);
	cr_assert_not_null(strstr(err.message, "kprobe_events"));
}

Test(dynamic_probe, a_probe_in_use_cannot_be_removed_until_its_event_is_closed)
{
	struct dynamic_probe *p = install("busy");
	struct perf_features features;
	struct format *format = NULL;
	struct perf_event_attr attr;
	struct error err = {0};
	int fd;

	cr_assert_eq(perf_features_probe(&features, NULL), 0);
	cr_assert_eq(tracefs_format(&format, dynamic_probe_group(), dynamic_probe_name(p), NULL), 0);
	attr = perf_tracepoint_attr(&features, format_id(format));
	format_free(format);
	fd = perf_event_open_cpu(&attr, 0, &err);
	cr_assert(fd >= 0, "%s", err.message);

	cr_assert_eq(dynamic_probe_remove(p, &err), -EBUSY);
	close(fd);
	cr_assert_eq(dynamic_probe_remove(p, &err), 0, "%s", err.message);
	dynamic_probe_free(p);
}

Test(dynamic_probe, a_probe_whose_last_event_is_just_being_closed_goes_all_the_same)
{
	struct dynamic_probe *p = install("closing");
	struct perf_features features;
	struct format *format = NULL;
	struct perf_event_attr attr;
	struct error err = {0};
	pid_t child;
	int fd;

	cr_assert_eq(perf_features_probe(&features, NULL), 0);
	cr_assert_eq(tracefs_format(&format, dynamic_probe_group(), dynamic_probe_name(p), NULL), 0);
	attr = perf_tracepoint_attr(&features, format_id(format));
	format_free(format);
	fd = perf_event_open_cpu(&attr, 0, &err);
	cr_assert(fd >= 0, "%s", err.message);
	child = fork();
	if (child == 0) {
		usleep(DYNAMIC_PROBE_REMOVE_MS * 1000 / 10);
		_exit(0);
	}
	close(fd);
	cr_assert_eq(dynamic_probe_remove(p, &err), 0, "%s", err.message);
	dynamic_probe_free(p);
	cr_assert_eq(waitpid(child, NULL, 0), child);
}

Test(dynamic_probe, a_return_probe_has_the_field_of_its_return_value)
{
	struct dynamic_probe *p = NULL;
	struct format *format = NULL;
	struct format_field value;
	struct error err = {0};

	cr_assert_eq(dynamic_probe_install_uretprobe(&p, "back", loaders[0].path, loaders[0].entry_offset, "ret=$retval:s64", &err), 0,
		     "%s", err.message);
	cr_assert_eq(tracefs_format(&format, dynamic_probe_group(), dynamic_probe_name(p), NULL), 0);
	cr_assert_eq(format_field(format, "ret", &value, NULL), 0);
	format_free(format);
	cr_assert_eq(dynamic_probe_remove(p, &err), 0, "%s", err.message);
	dynamic_probe_free(p);
}

Test(dynamic_probe, a_refusal_says_where_in_the_definition_the_wrong_word_is)
{
	static struct dynamic_probe_refusal refusal;
	struct dynamic_probe_spec spec = {.kind = DYNAMIC_PROBE_UPROBE,
					  .name = "bad",
					  .place = loaders[0].path,
					  .offset = loaders[0].entry_offset,
					  .fetchargs = "good=%di:u64 bad=+0(%zz):u64"};
	struct dynamic_probe *p = NULL;
	struct error err = {0};

	cr_assert_eq(dynamic_probe_install(&p, &spec, &refusal, &err), -EINVAL);
	cr_assert(refusal.is_explained);
	cr_assert_str_eq(refusal.reason.reason, "Invalid register name");
	cr_assert(refusal.reason.has_position);
	cr_assert_eq(strncmp(refusal.definition + refusal.reason.position, "%zz", 3), 0, "%s",
		     refusal.definition + refusal.reason.position);
	cr_assert_eq(strncmp(refusal.definition + refusal.place, loaders[0].path, strlen(loaders[0].path)), 0);
}

Test(dynamic_probe, the_probes_of_this_process_are_counted_by_their_names)
{
	struct dynamic_probe *probes[] = {install("one"), install("two")};
	struct probe_counts counts[2] = {{1, 1}, {1, 1}};
	struct error err = {0};

	cr_assert_eq(probe_profile_read_own(counts, probes, 2, &err), 0, "%s", err.message);
	cr_assert(counts[0].hits == 0 && counts[1].hits == 0 && counts[0].misses == 0);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(dynamic_probe_remove(probes[i], NULL), 0);
		dynamic_probe_free(probes[i]);
	}
}

Test(dynamic_probe, every_probe_is_listed_with_its_owner_and_its_arguments)
{
	struct dynamic_probe *p = install("listed");
	const struct probe_entry *found = NULL;
	struct probe_list list;
	struct error err = {0};

	write_foreign("p:somebody/theirs %s:0x%" PRIx64 " %%sp", loaders[0].path, loaders[0].entry_offset);
	cr_assert_eq(probe_list_read(&list, &err), 0, "%s", err.message);
	write_foreign("-:somebody/theirs");
	for (size_t i = 0; i < list.count; i++) {
		if (!strcmp(list.entries[i].group, "somebody"))
			cr_assert_not(list.entries[i].is_ours);
		if (!strcmp(list.entries[i].name, dynamic_probe_name(p)))
			found = &list.entries[i];
	}
	cr_assert_not_null(found);
	cr_assert(found->is_ours && found->owner_lives && found->owner.pid == (uint32_t)getpid());
	cr_assert_eq(found->kind, PROBE_UPROBE);
	cr_assert(found->has_counts);
	cr_assert_eq(found->argument_count, 1);
	cr_assert_str_eq(found->arguments[0].name, "argc");
	cr_assert_str_eq(found->arguments[0].expression, "+0(%sp):u64");
	probe_list_done(&list);
	cr_assert_eq(dynamic_probe_remove(p, NULL), 0);
	dynamic_probe_free(p);
}

/* A child that installs a probe, says so, and waits to be killed. Its group goes to `ret_group`. */
static pid_t start_owner(char *ret_group, size_t size)
{
	int pipe_fds[2];
	pid_t child;
	ssize_t n;

	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		install("owned");
		n = write(pipe_fds[1], dynamic_probe_group(), strlen(dynamic_probe_group()));
		close(pipe_fds[1]);
		pause();
		_exit(n < 0);
	}
	close(pipe_fds[1]);
	n = read(pipe_fds[0], ret_group, size - 1);
	cr_assert_gt(n, 0);
	ret_group[n] = '\0';
	close(pipe_fds[0]);
	return child;
}

static const char *owned_by(pid_t owner)
{
	static char full[64];

	snprintf(full, sizeof(full), "owned_%d", owner);
	return full;
}

static void end_owner(pid_t child)
{
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
}

Test(dynamic_probe, a_sweep_removes_what_a_killed_owner_left_and_nothing_of_a_living_one)
{
	struct dynamic_probe *mine = install("own");
	char dead[64];
	char alive[64];
	pid_t dead_owner = start_owner(dead, sizeof(dead));
	pid_t living_owner = start_owner(alive, sizeof(alive));
	struct error err = {0};

	end_owner(dead_owner);
	cr_assert(is_listed(dead, owned_by(dead_owner)));
	cr_assert_geq(dynamic_probe_sweep(&err), 1, "%s", err.message);
	cr_assert_not(is_listed(dead, owned_by(dead_owner)));
	cr_assert(is_listed(alive, owned_by(living_owner)));
	cr_assert(is_listed(dynamic_probe_group(), own("own")));

	end_owner(living_owner);
	cr_assert_geq(dynamic_probe_sweep(&err), 1, "%s", err.message);
	cr_assert_not(is_listed(alive, owned_by(living_owner)));
	cr_assert_eq(dynamic_probe_remove(mine, NULL), 0);
	dynamic_probe_free(mine);
}

Test(dynamic_probe, a_sweep_knows_a_pid_that_was_used_again)
{
	char stale[64];

	/* This process did not start one tick after boot. */
	snprintf(stale, sizeof(stale), "ringside_%d_1", getpid());
	write_foreign("p:%s/old %s:0x%" PRIx64, stale, loaders[0].path, loaders[0].entry_offset);
	cr_assert(is_listed(stale, "old"));
	cr_assert_geq(dynamic_probe_sweep(NULL), 1);
	cr_assert_not(is_listed(stale, "old"));
}

Test(dynamic_probe, a_sweep_leaves_groups_that_are_not_exactly_of_our_form)
{
	static const char *const foreign[] = {"ringside_abc",           "ringside_999999999_1_2", "ringside_0999999999_1",
					      "myringside_999999999_1", "ringside_999999999_",    "uprobes_of_somebody"};
	const size_t count = sizeof(foreign) / sizeof(foreign[0]);

	for (size_t i = 0; i < count; i++)
		write_foreign("p:%s/theirs %s:0x%" PRIx64, foreign[i], loaders[0].path, loaders[0].entry_offset);
	cr_assert_geq(dynamic_probe_sweep(NULL), 0);
	for (size_t i = 0; i < count; i++) {
		cr_expect(is_listed(foreign[i], "theirs"), "%s", foreign[i]);
		write_foreign("-:%s/theirs", foreign[i]);
	}
}
