#include "sensor/capture.h"
#include "sensor/trial.h"
#include "tracing/dynamic_probe.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Trials of ways to capture, with this kernel. On one without kprobes the late ones are those that can work. */

static struct probe_kernel kernel;
static struct capture_set set;

static void setup(void)
{
	struct error err = {0};

	cr_assert_eq(tracefs_open(&err), 0, "%s", err.message);
	cr_assert_eq(probe_kernel_init(&kernel, &err), 0, "%s", err.message);
	cr_assert_eq(capture_set_init(&set, NULL), 0);
}

static void teardown(void)
{
	capture_set_done(&set);
}

TestSuite(capture_trial, .init = setup, .fini = teardown, .timeout = 300);

static size_t count_trial_directories(const char *place)
{
	DIR *directory = opendir(place);
	size_t count = 0;

	for (struct dirent *entry; directory && (entry = readdir(directory));)
		count += strncmp(entry->d_name, "ringside-trial-", 15) == 0;
	if (directory)
		closedir(directory);
	return count;
}

static size_t count_directories(void)
{
	return count_trial_directories("/run") + count_trial_directories("/dev/shm") + count_trial_directories("/tmp") +
	       count_trial_directories("/var/tmp");
}

/* Other sensors' trials may run at the same time, and do not take long. */
static bool has_no_more_directories_than(size_t count)
{
	for (int i = 0; i < 100; i++) {
		if (count_directories() <= count)
			return true;
		usleep(100000);
	}
	return false;
}

static size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	cr_assert_not_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* Lines of a list of probes that are in our group. */
static size_t count_probes(const char *list)
{
	char path[256], line[4096];
	FILE *file;
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "/sys/kernel/tracing/%s", list);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, dynamic_probe_group()) != NULL;
	if (file)
		(void)fclose(file);
	return count;
}

/* Nothing is left behind, whatever came of it. */
static int try_candidate(const struct source_capture *capture, const struct source_candidate *candidate, struct error *err)
{
	size_t directories = count_directories(), descriptors = count_descriptors();
	int code = trial_run(NULL, capture, candidate, &kernel, err);

	tracepoint_keeper_release(&kernel.keeper);
	cr_expect(has_no_more_directories_than(directories), "%s", candidate->name);
	cr_expect_eq(count_descriptors(), descriptors, "%s", candidate->name);
	cr_expect_eq(count_probes("kprobe_events"), 0, "%s", candidate->name);
	cr_expect_eq(count_probes("uprobe_events"), 0, "%s", candidate->name);
	cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "%s has left a child", candidate->name);
	return code;
}

static bool has_function(const struct source_candidate *candidate)
{
	for (size_t i = 0; candidate->probes[i]; i++)
		if (candidate->probes[i]->type != SOURCE_TRACEPOINT)
			return true;
	return false;
}

Test(capture_trial, every_way_that_needs_no_kprobes_works)
{
	size_t count = 0;

	for (size_t i = 0; i < set.count; i++) {
		const struct source_capture *source = set.captures[i].source;

		for (size_t j = 0; j < source->candidate_count; j++) {
			struct error err = {0};
			char name[64];

			if (has_function(&source->candidates[j]))
				continue;
			capture_name(source, name, sizeof(name));
			cr_expect_eq(try_candidate(source, &source->candidates[j], &err), 0, "%s/%s: %s", name, source->candidates[j].name,
				     err.message);
			count++;
		}
	}
	cr_assert_gt(count, 10);
}

static bool has_kprobes(void)
{
	return access("/sys/kernel/tracing/kprobe_events", F_OK) == 0;
}

/* A way that cannot work is told with a reason, and soon. */
Test(capture_trial, a_way_without_its_function_is_refused_and_leaves_nothing)
{
	static const struct source_probe probe = {.type = SOURCE_KPROBE,
						  .name = "ringside_no_such_function",
						  .kinds = EVENT_KIND_BIT(EVENT_FILE_OPEN)};
	static const struct source_probe *const probes[] = {&probe, NULL};
	static const struct source_candidate candidate = {.name = "none", .probes = probes};
	const struct source_capture *capture = capture_of(&set, EVENT_FILE_OPEN)->source;
	struct error err = {0};

	cr_expect_lt(try_candidate(capture, &candidate, &err), 0);
	cr_expect_neq(err.message[0], '\0');
	if (has_kprobes())
		cr_expect_not_null(strstr(err.message, "ringside_no_such_function"), "%s", err.message);
}

/* It installs and fires, and tells of something else. */
Test(capture_trial, a_way_that_does_not_tell_what_was_done_is_refused)
{
	const struct source_capture *open = capture_of(&set, EVENT_FILE_OPEN)->source;
	const struct source_capture *other = capture_of(&set, EVENT_FILE_DELETE)->source;
	struct error err = {0};

	cr_expect_eq(try_candidate(open, &other->candidates[other->candidate_count - 1], &err), -ENODATA);
	cr_expect_not_null(strstr(err.message, "fire"), "%s", err.message);
}

Test(capture_trial, a_forbidden_way_is_not_tried_and_the_next_one_is)
{
	static const char *const forbidden[] = {"file:open/syscalls"};
	const struct capture_options options = {.trial = trial_run, .forbidden = forbidden, .forbidden_count = 1};
	struct capture *open, *delete;

	capture_set_done(&set);
	cr_assert_eq(capture_set_init(&set, &options), 0);
	open = capture_of(&set, EVENT_FILE_OPEN);
	delete = capture_of(&set, EVENT_FILE_DELETE);
	cr_expect_eq(capture_choose(&set, delete, &kernel), 0, "%s", delete->refusal.message);
	if (capture_choose(&set, open, &kernel)) {
		cr_expect_not(has_kprobes());
		cr_expect_not_null(strstr(open->refusal.message, "syscalls: forbidden by the configuration"), "%s", open->refusal.message);
	} else {
		cr_expect_str_neq(open->chosen->name, "syscalls");
	}
}

/* The very first one in a process: what it gave to the kernel was overwritten when the child looked up its next function. */
Test(capture_trial, a_late_way_works_in_the_first_trial_of_a_process)
{
	const struct source_capture *capture = capture_of(&set, EVENT_FILE_DELETE)->source;
	struct error err = {0};

	cr_expect_eq(try_candidate(capture, &capture->candidates[capture->candidate_count - 1], &err), 0, "%s", err.message);
}
