#include "tracing/format.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

/* All formats that were captured from kernels (tests/data/formats). */

#define FORMAT_BYTES_MAX 16384

typedef void (*format_visitor)(const char *path, const struct format *format);

/* PATH is .../SYSTEM/NAME/format. */
static struct format *parse_file(const char *path)
{
	char *text = calloc(1, FORMAT_BYTES_MAX);
	FILE *file = fopen(path, "r");
	struct format *format = NULL;
	struct error err = {0};
	char system[64];
	char name[64];
	size_t length;

	cr_assert(file && text, "%s", path);
	length = fread(text, 1, FORMAT_BYTES_MAX, file);
	(void)fclose(file);
	cr_assert_lt(length, FORMAT_BYTES_MAX, "%s", path);
	cr_assert_eq(sscanf(strstr(path, "/formats/"), "/formats/%*[^/]/%63[^/]/%63[^/]/", system, name), 2, "%s", path);
	cr_assert_eq(format_parse(&format, system, name, text, length, &err), 0, "%s: %s", path, err.message);
	free(text);
	return format;
}

static void visit(const char *pattern, format_visitor visitor)
{
	glob_t found;

	cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "%s", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct format *format = parse_file(found.gl_pathv[i]);

		visitor(found.gl_pathv[i], format);
		format_free(format);
	}
	globfree(&found);
}

static void has_the_common_fields(const char *path, const struct format *format)
{
	struct format_field field;

	cr_expect_eq(format_field(format, "common_type", &field, NULL), 0, "%s", path);
	cr_expect_eq(field.offset, 0, "%s", path);
	cr_expect_eq(field.size, 2, "%s", path);
	cr_expect_eq(format_field(format, "common_pid", &field, NULL), 0, "%s", path);
	cr_expect_eq(field.offset, 4, "%s", path);
}

Test(captured_formats, each_is_understood)
{
	visit(TEST_DATA "/formats/*/*/*/format", has_the_common_fields);
}

static void has_a_result(const char *path, const struct format *format)
{
	struct format_field field;

	cr_expect_eq(format_field(format, "ret", &field, NULL), 0, "%s", path);
	cr_expect_eq(field.offset, 16, "%s", path);
	cr_expect_eq(field.size, 8, "%s", path);
}

Test(captured_formats, each_system_call_has_its_result_at_the_same_place)
{
	visit(TEST_DATA "/formats/*/syscalls/sys_exit_*/format", has_a_result);
}

static void has_a_file_name(const char *path, const struct format *format)
{
	struct format_field field;

	cr_expect_eq(format_field(format, "filename", &field, NULL), 0, "%s", path);
	cr_expect_eq(field.offset, 24, "%s", path);
	cr_expect_eq(field.size, 8, "%s", path);
}

Test(captured_formats, openat_has_the_address_of_its_path_as_second_argument)
{
	visit(TEST_DATA "/formats/*/syscalls/sys_enter_openat/format", has_a_file_name);
}

Test(captured_formats, only_the_newest_kernel_tells_the_path_itself)
{
	struct format *older = parse_file(TEST_DATA "/formats/6.12/syscalls/sys_enter_openat/format");
	struct format *newest = parse_file(TEST_DATA "/formats/7.2/syscalls/sys_enter_openat/format");
	struct format_field field;

	cr_expect_neq(format_field(older, "__filename_val", &field, NULL), 0);
	cr_assert_eq(format_field(newest, "__filename_val", &field, NULL), 0);
	cr_expect(field.is_data_loc);
	format_free(older);
	format_free(newest);
}
