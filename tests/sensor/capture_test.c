#include "sensor/capture.h"

#include "tests/sensor/sensor_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct capture_set set;
static struct probe_kernel kernel;

/* What a trial said, in order: "do_filp_open ". */
static char tried[256];
static const char *works;

static int trial(void *context, const struct source_capture *capture, const struct source_candidate *candidate, struct probe_kernel *k,
		 struct error *err)
{
	cr_assert_eq(context, tried);
	cr_assert_eq(k, &kernel);
	cr_assert_not_null(capture);
	strncat(tried, candidate->name, 40);
	strncat(tried, " ", 2);
	return works && !strcmp(candidate->name, works) ? 0 : error_set(err, -ENOENT, "no %s here", candidate->name);
}

static void open_set(const char *const *forbidden, size_t count)
{
	const struct capture_options options = {.trial = trial, .trial_context = tried, .forbidden = forbidden, .forbidden_count = count};

	cr_assert_eq(capture_set_init(&set, &options), 0);
	tried[0] = '\0';
}

#define FORBID(...) open_set((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void teardown(void)
{
	capture_set_done(&set);
}

TestSuite(capture, .fini = teardown);

static int choose_open(void)
{
	return capture_choose(&set, capture_of(&set, EVENT_FILE_OPEN), &kernel);
}

Test(capture, the_first_candidate_that_passes_its_trial_is_chosen_and_kept)
{
	struct capture *c;

	open_set(NULL, 0);
	works = "do_sys_openat2";
	c = capture_of(&set, EVENT_FILE_OPEN);
	cr_expect_eq(choose_open(), 0);
	cr_expect_str_eq(c->chosen->name, "do_sys_openat2");
	cr_expect_str_eq(tried, "do_filp_open do_file_open do_sys_openat2 ");
	cr_expect_eq(c->rejections[0].code, -ENOENT);
	cr_expect_eq(c->rejections[2].code, 0);
	cr_expect_eq(choose_open(), 0);
	cr_expect_str_eq(tried, "do_filp_open do_file_open do_sys_openat2 ", "no trial is run twice");
}

Test(capture, when_none_works_the_refusal_says_why_for_each)
{
	struct capture *c;

	FORBID("do_file_open", "file:open/syscalls");
	works = NULL;
	c = capture_of(&set, EVENT_FILE_OPEN);
	cr_expect_eq(choose_open(), -EOPNOTSUPP);
	cr_expect_str_eq(c->refusal.message,
			 "do_filp_open: no do_filp_open here; do_file_open: forbidden by the configuration; do_sys_openat2: "
			 "no do_sys_openat2 here; syscalls: forbidden by the configuration");
	cr_expect_str_eq(tried, "do_filp_open do_sys_openat2 ");
	cr_expect_eq(choose_open(), -EOPNOTSUPP);
	cr_expect_str_eq(tried, "do_filp_open do_sys_openat2 ");
}

Test(capture, a_way_is_forbidden_for_one_kind_or_wherever_it_is_one)
{
	FORBID("file:open/do_filp_open");
	works = "do_filp_open";
	cr_expect_eq(choose_open(), -EOPNOTSUPP);
	cr_expect_eq(capture_choose(&set, capture_of(&set, EVENT_FILE_OPEN_FOR_MODIFY), &kernel), 0);
	capture_set_done(&set);
	FORBID("do_filp_open");
	cr_expect_eq(capture_choose(&set, capture_of(&set, EVENT_FILE_OPEN_FOR_MODIFY), &kernel), -EOPNOTSUPP);
}

Test(capture, one_that_is_rejected_makes_room_for_the_next)
{
	const struct error reason = {.code = -EBUSY, .message = "busy"};
	struct capture *c;

	open_set(NULL, 0);
	c = capture_of(&set, EVENT_FILE_OPEN);
	works = "do_filp_open";
	cr_assert_eq(choose_open(), 0);
	capture_reject(c, &reason);
	cr_expect_null(c->chosen);
	works = "do_file_open";
	cr_assert_eq(choose_open(), 0);
	cr_expect_str_eq(c->chosen->name, "do_file_open");
	cr_expect_str_eq(c->rejections[0].message, "busy");
	cr_expect_str_eq(tried, "do_filp_open do_file_open ");
}

Test(capture, candidates_are_known_by_both_of_their_names)
{
	cr_expect(capture_candidate_exists("do_filp_open"));
	cr_expect(capture_candidate_exists("file:open/do_filp_open"));
	cr_expect(capture_candidate_exists("credentials/commit_creds"));
	cr_expect_not(capture_candidate_exists("file:delete/do_filp_open"));
	cr_expect_not(capture_candidate_exists("file:open"));
	cr_expect_not(capture_candidate_exists(""));
}

/* Whatever else the tables say. */
Test(capture, every_capture_has_what_its_trial_needs)
{
	cr_assert_eq(capture_set_init(&set, NULL), 0);
	for (size_t i = 0; i < set.count; i++) {
		const struct source_capture *source = set.captures[i].source;
		char name[64];

		capture_name(source, name, sizeof(name));
		cr_expect(source->candidate_count > 0 && source->candidate_count < 64, "%s", name);
		cr_expect_not_null(source->provoke, "%s", name);
		cr_expect(source->verify || source->verify_process, "%s", name);
		cr_expect(source->needed_by, "%s", name);
		if (source->kind != EVENT_KIND_COUNT) {
			cr_expect_eq(capture_of(&set, source->kind), &set.captures[i], "%s", name);
			cr_expect(source->needed_by & EVENT_KIND_BIT(source->kind), "%s", name);
		}
	}
	cr_expect_null(capture_of(&set, EVENT_SYSCALL_ENTER));
}

Test(capture, a_candidate_filters_by_the_fields_that_mean_the_same_there)
{
	const uint64_t filename = bench_field_bit(EVENT_FILE_OPEN, "filename"), flags = bench_field_bit(EVENT_FILE_OPEN, "flags"),
		       mode = bench_field_bit(EVENT_FILE_OPEN, "mode");
	static char both[] = "both", of_flags[] = "flags", of_name[] = "name";
	const struct plan_entry entry = {.filter = both,
					 .filter_fields = filename | flags,
					 .weaker = {{of_flags, flags}, {of_name, filename}},
					 .weaker_count = 2};
	const struct source_candidate *by_function, *by_caller, *by_call;

	cr_assert_eq(capture_set_init(&set, NULL), 0);
	by_function = &capture_of(&set, EVENT_FILE_OPEN)->source->candidates[0];
	by_caller = &capture_of(&set, EVENT_FILE_OPEN)->source->candidates[2];
	by_call = &capture_of(&set, EVENT_FILE_OPEN)->source->candidates[3];
	cr_expect(candidate_filters(by_function, EVENT_FILE_OPEN, 0));
	cr_expect(candidate_filters(by_function, EVENT_FILE_OPEN, filename));
	cr_expect_not(candidate_filters(by_function, EVENT_FILE_OPEN, flags), "those that were passed are another probe's");
	cr_expect_not(candidate_filters(by_function, EVENT_FILE_OPEN, filename | mode));
	cr_expect(candidate_filters(by_caller, EVENT_FILE_OPEN, flags));
	cr_expect(candidate_filters(by_caller, EVENT_FILE_OPEN, filename | flags | mode));
	cr_expect_not(candidate_filters(by_caller, EVENT_FILE_OPEN, UINT64_MAX), "no kernel knows the absolute path");
	cr_expect_not(candidate_filters(by_call, EVENT_FILE_OPEN, flags));
	cr_expect(candidate_filters(by_call, EVENT_FILE_OPEN, 0));
	cr_expect_str_eq(candidate_filter(by_caller, EVENT_FILE_OPEN, &entry), "both");
	cr_expect_str_eq(candidate_filter(by_function, EVENT_FILE_OPEN, &entry), "name");
	cr_expect_null(candidate_filter(by_call, EVENT_FILE_OPEN, &entry));
}
