#include "tracing/kernel_layout.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/support/layout_file.h"
#include "tracing/dynamic_probe.h"
#include "tracing/layout_cred.h"
#include "tracing/layout_names.h"
#include "tracing/probe_trial.h"
#include "tracing/provoke.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* An emulated machine that is busy with other things as well. */
#define TIMEOUT_MS 20000

static struct perf_features features;

static void open_kernel(void)
{
	struct error err = {0};

	cr_assert_eq(tracefs_open(&err), 0, "%s", err.message);
	cr_assert_eq(perf_features_probe(&features, &err), 0, "%s", err.message);
}

TestSuite(kernel_layout, .init = open_kernel, .timeout = 120);

static bool have_kprobes(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs_path());
	return access(path, F_OK) == 0;
}

#define NEED_KPROBES()                                              \
	do {                                                        \
		if (!have_kprobes())                                \
			cr_skip_test("this kernel has no kprobes"); \
	} while (0)

/* No probe of this process is left. */
static void assert_no_probes(void)
{
	char path[PATH_MAX];
	cleanup_fclose FILE *list = NULL;
	cleanup_free char *line = NULL;
	size_t capacity = 0;

	snprintf(path, sizeof(path), "%s/kprobe_events", tracefs_path());
	list = fopen(path, "re");
	while (list && getline(&line, &capacity, list) > 0)
		cr_assert_null(strstr(line, dynamic_probe_group()), "%s", line);
}

static struct kernel_layout calibrate(uint32_t groups)
{
	const struct kernel_layout_options options = {.features = &features, .groups = groups, .timeout_ms = TIMEOUT_MS};
	struct kernel_layout layout;
	struct error err = {0};
	char text[2048];
	uint64_t start_ns = clock_monotonic_ns();
	int r = kernel_layout_calibrate(&layout, &options, &err);

	kernel_layout_print(&layout, text, sizeof(text));
	fprintf(stderr, "layout in %" PRIu64 " ms: %s\n", (clock_monotonic_ns() - start_ns) / NSEC_PER_MSEC, text);
	cr_assert_eq(r, 0, "%s", err.message);
	assert_no_probes();
	return layout;
}

/* Real, effective, saved and fs ids, all of them other than what the calibration uses. */
static int become(void *context, uint8_t step)
{
	(void)context;
	(void)step;
	if (syscall(SYS_setresgid, 2001, 2002, 2003) || syscall(SYS_setfsgid, 2003) < 0 || syscall(SYS_setresuid, 1001, 1002, 1003))
		return -errno;
	syscall(SYS_setfsuid, 1003);
	return 0;
}

Test(kernel_layout, the_credentials_of_a_process_are_read_where_they_are)
{
	static const char *const names[] = {"uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid"};
	static const uint32_t expected[] = {1001, 2001, 1002, 2002, 1003, 2003, 1003, 2003};
	struct kernel_layout layout;
	struct provoke child;
	struct probe_trial trial;
	struct probe_trial_spec spec = {.features = &features, .name = "ids", .symbol = "commit_creds"};
	struct error err = {0};
	uint32_t values[8] = {0};
	const int16_t *offsets = &layout.cred.uid;
	char fetchargs[512] = "";
	const uint8_t *raw;
	uint32_t size;

	NEED_KPROBES();
	layout = calibrate(LAYOUT_GROUP_BIT(LAYOUT_CRED));
	for (size_t i = 0; i < 8; i++)
		snprintf(fetchargs + strlen(fetchargs), sizeof(fetchargs) - strlen(fetchargs), " %s=%+d(%%di):u32", names[i], offsets[i]);
	spec.fetchargs = fetchargs + 1;
	cr_assert_eq(provoke_start(&child, become, NULL, &err), 0, "%s", err.message);
	cr_assert_eq(probe_trial_open(&trial, &spec, provoke_pid(&child), &err), 0, "%s", err.message);
	cr_assert_eq(provoke_act(&child, 0, TIMEOUT_MS, &err), 0, "%s", err.message);
	while ((raw = probe_trial_next(&trial, &size))) {
		for (size_t i = 0; i < 8; i++) {
			struct format_field field;

			cr_assert_eq(format_field(trial.format, names[i], &field, NULL), 0);
			values[i] = (uint32_t)format_read_integer(&field, raw, size);
		}
	}
	probe_trial_close(&trial);
	provoke_stop(&child);
	for (size_t i = 0; i < 8; i++)
		cr_expect_eq(values[i], expected[i], "%s is %" PRIu32, names[i], values[i]);
	assert_no_probes();
}

Test(kernel_layout, credentials_whose_calibration_fails_are_absent_and_the_reason_is_said)
{
	const struct kernel_layout_options options = {.features = &features,
						      .groups = LAYOUT_GROUP_BIT(LAYOUT_CRED),
						      .spoiled = LAYOUT_GROUP_BIT(LAYOUT_CRED),
						      .timeout_ms = TIMEOUT_MS};
	struct kernel_layout layout;
	struct error err = {0};

	NEED_KPROBES();
	cr_assert_eq(kernel_layout_calibrate(&layout, &options, &err), -ENODATA);
	cr_assert_not(kernel_layout_knows(&layout, LAYOUT_CRED));
	cr_assert_str_eq(err.message, "credentials: the uid that a child process gave itself is not where struct cred is looked for");
	cr_assert_str_eq(layout.missing[LAYOUT_CRED].message, err.message);
	assert_no_probes();
}

Test(kernel_layout, a_kernel_without_kprobes_says_so_for_every_group)
{
	const struct kernel_layout_options options = {.features = &features};
	struct kernel_layout layout;
	struct error err = {0};

	if (have_kprobes())
		cr_skip_test("this kernel has kprobes");
	cr_assert_eq(kernel_layout_calibrate(&layout, &options, &err), -ENODEV);
	for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++)
		cr_assert_eq(layout.missing[group].code, -ENODEV, "%s: %s", kernel_layout_group_name(group), layout.missing[group].message);
	cr_assert_not_null(strstr(err.message, "kprobe_events"), "%s", err.message);
}

Test(kernel_layout, everything_is_found_on_this_kernel)
{
	NEED_KPROBES();
	calibrate(0);
}

struct keeper {
	const char *directory;
	int failed;
};

static void keep(void *context, const struct layout_stage *stage, const struct layout_capture *c)
{
	struct keeper *keeper = context;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", keeper->directory, stage->name);
	keeper->failed |= layout_file_write(path, c);
}

/* For tests/data/layouts: see the README there. */
Test(kernel_layout, what_this_kernel_captures_is_written_for_the_unit_tests_when_they_want_it)
{
	struct keeper keeper = {.directory = getenv("LAYOUT_DIRECTORY")};
	const struct kernel_layout_options options = {.features = &features, .groups = LAYOUT_ALL_GROUPS, .timeout_ms = TIMEOUT_MS};
	cleanup_free struct layout_capture *cred = NULL;
	struct kernel_layout layout = {0};
	struct error err = {0};
	char path[PATH_MAX];

	if (!keeper.directory)
		cr_skip_test("LAYOUT_DIRECTORY is not set");
	cr_assert_eq(layout_cred_capture(&options, &cred, &err), 0, "%s", err.message);
	snprintf(path, sizeof(path), "%s/cred", keeper.directory);
	cr_assert_eq(layout_file_write(path, cred), 0);
	layout_names_calibrate(&options, &layout, keep, &keeper);
	cr_assert_eq(keeper.failed, 0);
}
