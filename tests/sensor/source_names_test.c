#include "sensor/source_names.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const struct format_field array = {.offset = 0, .size = 8, .element_size = 8, .is_array = true};
static const struct format_field location = {.offset = 0, .size = 4, .element_size = 4, .is_data_loc = true};

static struct source_name name;

static struct sample sample_of(const void *raw, uint32_t size, const struct sample_read *reads)
{
	return (struct sample){.raw = raw, .raw_size = size, .reads = reads};
}

static void expect_name(const char *string, bool truncated, bool unknown, enum event_capture capture)
{
	cr_expect_eq(name.string.length, strlen(string));
	cr_expect_eq(memcmp(name.string.bytes, string, strlen(string)), 0);
	cr_expect_eq(name.truncated, truncated);
	cr_expect_eq(name.unknown, unknown);
	cr_expect_eq(name.capture, capture);
}

Test(source_names, a_beginning_that_ends_is_the_whole)
{
	struct sample sample = sample_of("1234567", 8, NULL);

	source_read_name(&array, &sample, 0, &name);
	expect_name("1234567", false, false, CAPTURE_KERNEL);
}

Test(source_names, a_beginning_is_completed_only_by_what_begins_so)
{
	const struct sample_read whole = {.bytes = "12345678 and more", .length = 17}, same = {.bytes = "12345678", .length = 8},
				 other = {.bytes = "1234567X and more", .length = 17},
				 failed = {.bytes = "12345678 and", .length = 12, .error = -ENAMETOOLONG};
	struct sample sample = sample_of("12345678", 8, &whole);

	source_read_name(&array, &sample, 0, &name);
	expect_name("12345678 and more", false, false, CAPTURE_LATE);
	sample.reads = &other;
	source_read_name(&array, &sample, 0, &name);
	expect_name("12345678", true, false, CAPTURE_KERNEL);
	sample.reads = &failed;
	source_read_name(&array, &sample, 0, &name);
	expect_name("12345678", true, false, CAPTURE_KERNEL);
	sample.reads = NULL;
	source_read_name(&array, &sample, 0, &name);
	expect_name("12345678", true, false, CAPTURE_KERNEL);
	/* Only its end did not fit. */
	sample.reads = &same;
	source_read_name(&array, &sample, 0, &name);
	expect_name("12345678", false, false, CAPTURE_LATE);
}

Test(source_names, a_string_without_any_byte_could_not_be_read)
{
	const uint32_t nothing[2] = {8}, empty[3] = {8 | 1 << 16}, beyond[2] = {8 | 100 << 16};
	struct sample sample = sample_of(nothing, 8, NULL);

	source_read_name(&location, &sample, 0, &name);
	expect_name("", false, true, CAPTURE_KERNEL);
	sample = sample_of(empty, 12, NULL);
	source_read_caller_name(&location, &sample, 0, &name);
	expect_name("", false, false, CAPTURE_CALLER);
	sample = sample_of(beyond, 8, NULL);
	source_read_caller_name(&location, &sample, 0, &name);
	cr_expect_eq(name.string.length, 0);
	sample = sample_of(empty, 2, NULL);
	source_read_caller_name(&location, &sample, 0, &name);
	expect_name("", false, true, CAPTURE_CALLER);
}

Test(source_names, a_late_name_is_there_cut_or_unknown)
{
	const struct sample_read reads[] = {{.bytes = "name", .length = 4},
					    {.bytes = "long", .length = 4, .error = -ENAMETOOLONG},
					    {.bytes = "gone", .length = 4, .error = -EFAULT}};
	struct sample sample = sample_of("", 0, reads);

	source_read_late_name(&sample, 0, &name);
	expect_name("name", false, false, CAPTURE_LATE);
	source_read_late_name(&sample, 1, &name);
	expect_name("long", true, false, CAPTURE_LATE);
	source_read_late_name(&sample, 2, &name);
	expect_name("", false, true, CAPTURE_LATE);
	cr_expect_eq(source_late_string(&sample, 0).length, 4);
	cr_expect_eq(source_late_string(&sample, 1).length, 0);
	sample.reads = NULL;
	source_read_late_name(&sample, 0, &name);
	expect_name("", false, true, CAPTURE_LATE);
	cr_expect_eq(source_late_string(&sample, 0).length, 0);
	cr_expect_not_null(source_late_string(&sample, 0).bytes);
}

Test(source_names, a_row_without_a_path_has_none_to_read)
{
	const struct source_instance probe = {0};
	struct sample sample = sample_of("", 0, NULL);
	char to[PATH_BYTES];

	source_read_path(&probe, &sample, to, &name);
	expect_name("", false, true, CAPTURE_KERNEL);
}

Test(source_names, a_call_is_worth_as_much_as_the_worst_of_its_names)
{
	const struct source_name kernel = {.string = {"a", 1}}, late = {.string = {"b", 1}, .capture = CAPTURE_LATE, .truncated = true};
	struct call_table *table = call_table_new();
	struct call *call = call_table_begin(table, 1, 1, 0);

	source_keep_name(call, 1, &late);
	source_keep_name(call, 0, &kernel);
	cr_expect_eq(call->capture, CAPTURE_LATE);
	cr_expect(call->truncated);
	cr_expect_not(call->unknown);
	cr_expect_str_eq(call->strings[0].bytes, "a");
	cr_expect_str_eq(call->strings[1].bytes, "b");
	call_table_free(table);
}

Test(source_names, names_are_relative_to_their_directory_or_the_working_directory_or_nothing)
{
	char cwd[] = "/home";
	const struct process process = {.cwd = cwd}, nowhere = {0};
	const struct event_string directory = {"/srv", 4}, none = {"", 0};

	cr_expect_str_eq(source_base(&process, 5, directory).bytes, "/srv");
	cr_expect_str_eq(source_base(&process, AT_FDCWD, none).bytes, "/home");
	cr_expect_str_eq(source_base(&process, (int64_t)(uint32_t)AT_FDCWD, none).bytes, "/home");
	cr_expect_eq(source_base(&process, 5, none).length, 0);
	cr_expect_eq(source_base(&nowhere, AT_FDCWD, none).length, 0);
	cr_expect_eq(source_base(NULL, AT_FDCWD, none).length, 0);
}
