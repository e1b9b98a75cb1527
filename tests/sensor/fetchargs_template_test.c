#include "sensor/fetchargs_template.h"

#include "tracing/probe_limits.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct probe_kernel kernel;
static struct buffer out;
static struct error err;
static uint32_t count;

/* One with all that the newest notation has, and every offset known. */
static void setup(void)
{
	kernel = (struct probe_kernel){
		.is_real = true,
		.dialect = {.user_memory = true, .arguments = true, .arrays = true},
		.record_bytes = PROBE_RECORD_BYTES_NEW,
		.is_calibrated = true,
		.layout = {.file = {.inode = 32, .mode = 12, .flags = 64}, .inode = {.mode = 0}, .cred = {.uid = 8, .fsgid = 36}},
	};
	buffer_init(&out, 0);
}

static void teardown(void)
{
	buffer_done(&out);
}

TestSuite(fetchargs_template, .init = setup, .fini = teardown);

static int write_template(const char *text)
{
	buffer_clear(&out);
	err = (struct error){0};
	return fetchargs_template_write(text, FETCHARG_KERNEL_ENTRY, &kernel, &out, &count, &err);
}

static const char *written(const char *text)
{
	cr_assert_eq(write_template(text), 0, "%s", err.message);
	buffer_put_u8(&out, '\0');
	return (const char *)out.data;
}

static void be_old(void)
{
	kernel.dialect = (struct fetcharg_dialect){0};
	kernel.record_bytes = PROBE_RECORD_BYTES_OLD;
}

Test(fetchargs_template, arguments_are_written_as_registers_whatever_the_kernel_knows)
{
	cr_expect_str_eq(written("dfd=$arg1:s32 name=+u0($arg2):ustring"), "dfd=%di:s32 name=+u0(%si):ustring");
	cr_expect_eq(count, 2);
	be_old();
	cr_expect_str_eq(written("dfd=$arg1:s32 name=+u0($arg2):ustring"), "dfd=%di:s32 name=+0(%si):string");
}

Test(fetchargs_template, a_name_is_a_string_where_the_longest_fits_into_a_record)
{
	cr_expect_str_eq(written("filename=+0(+0($arg2)):name uptr=+8($arg2):u64"), "filename=+0(+0(%si)):string uptr=+8(%si):u64");
	kernel.record_bytes = PROBE_RECORD_BYTES_OLD;
	cr_expect_str_eq(written("filename=+0(+0($arg2)):name"), "filename=+0(+0(%si)):u64[64]");
}

/* The beginning, in words that stand one behind another. */
Test(fetchargs_template, a_name_is_many_words_where_there_are_no_arrays_either)
{
	char expected[64];
	const char *text;

	be_old();
	text = written("filename=+0(+0($arg2)):name mode=$arg3:u16");
	for (int i = 0; i < FETCHARGS_NAME_BYTES / 8; i++) {
		(void)snprintf(expected, sizeof(expected), "filename__%d=+%d(+0(%%si)):u64 ", i, 8 * i);
		cr_assert_eq(strncmp(text, expected, strlen(expected)), 0, "%s", text);
		text += strlen(expected);
	}
	cr_expect_str_eq(text, "mode=%dx:u16");
}

Test(fetchargs_template, members_stand_for_their_offsets)
{
	cr_expect_str_eq(written("imode=+{inode.mode}(+{file.inode}($arg1)):u16 uid=+{cred.uid}($arg1):u32 g=+{cred.fsgid}($arg1):u32"),
			 "imode=+0(+32(%di)):u16 uid=+8(%di):u32 g=+36(%di):u32");
	cr_expect_str_eq(written("f=+{file.flags}($arg1):u32 m=+{file.mode}($arg1):u32"), "f=+64(%di):u32 m=+12(%di):u32");
}

Test(fetchargs_template, a_member_that_is_not_known_is_why_it_cannot_be_written)
{
	error_set(&kernel.layout.missing[LAYOUT_CRED], -ENODATA, "the ids were seen in two places");
	cr_expect_eq(write_template("uid=+{cred.uid}($arg1):u32"), -ENODATA);
	cr_expect_str_eq(err.message, "the ids were seen in two places");
	cr_expect_eq(write_template("m=+{file.mode}($arg1):u32"), 0, "those of another structure are");
}

Test(fetchargs_template, what_is_wrong_in_a_template_is_named)
{
	cr_expect_eq(write_template("a=+{file.nonesuch}($arg1):u32"), -EINVAL);
	cr_expect_not_null(strstr(err.message, "{file.nonesuch}"), "%s", err.message);
	cr_expect_eq(write_template("a=+{file.mode($arg1):u32"), -EINVAL);
	cr_expect_not_null(strstr(err.message, "brace"), "%s", err.message);
	cr_expect_eq(write_template("$arg1:u32"), -EINVAL);
	cr_expect_not_null(strstr(err.message, "$arg1:u32"), "%s", err.message);
	cr_expect_eq(write_template("a=$retval"), -EINVAL, "at an entry");
}

Test(fetchargs_template, a_source_without_a_kernel_takes_it_as_it_stands)
{
	probe_kernel_init_fake(&kernel);
	cr_expect_str_eq(written("a=+{file.mode}($arg1):name"), "a=+{file.mode}($arg1):name");
	cr_expect_eq(count, 0);
}
