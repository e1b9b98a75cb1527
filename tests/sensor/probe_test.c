#include "sensor/probe.h"

#include "tracing/fake_source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define COMMON                                                                 \
	"ID: 99\nformat:\n"                                                    \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define FIELD(declaration, offset, size) "\tfield:" declaration ";\toffset:" offset ";\tsize:" size ";\tsigned:0;\n"
#define END                              "\nprint fmt: \"\"\n"

static const char plain[] = "name: hit\n" COMMON FIELD("u32 number", "8", "4") FIELD("u64 word", "16", "8") END;
static const char split[] = "name: split\n" COMMON FIELD("u64 name__0", "16", "8") FIELD("u64 name__1", "24", "8") END;

static struct sample_source *source;
static struct sample_source_ops ops;
static struct probe_kernel kernel;
static struct probe probe;
static struct error err;

static void setup(void)
{
	source = fake_source_new();
	cr_assert_eq(fake_source_format(source, "test", "hit", plain, &err), 0, "%s", err.message);
	cr_assert_eq(fake_source_format(source, "kprobe", "split", split, &err), 0, "%s", err.message);
	probe_kernel_init_fake(&kernel);
	probe = (struct probe){0};
}

static void teardown(void)
{
	probe_remove(&probe, source);
	source->ops->free(source);
}

TestSuite(probe, .init = setup, .fini = teardown);

static const struct source_probe with_condition = {.system = "test",
						   .name = "hit",
						   .condition = "number > 2",
						   .fields = {"number", "?nonesuch", "?word"}};

static int install(const struct source_probe *row, const char *filter)
{
	return probe_install(&probe, row, &kernel, source, filter, &err);
}

Test(probe, fields_are_compiled_in_their_order_and_what_may_be_missing_has_no_size)
{
	cr_assert_eq(install(&with_condition, NULL), 0, "%s", err.message);
	cr_expect_eq(probe.event->owner, &probe);
	cr_expect_eq(probe.instance.row, &with_condition);
	cr_expect_eq(probe.instance.fields[0].offset, 8);
	cr_expect_eq(probe.instance.fields[1].size, 0);
	cr_expect_eq(probe.instance.fields[2].offset, 16);
}

Test(probe, a_rows_condition_and_a_filter_both_have_to_hold)
{
	cr_assert_eq(install(&with_condition, NULL), 0);
	cr_expect_str_eq(fake_source_filter(source, "test", "hit"), "number > 2");
	cr_assert_eq(probe_refilter(&probe, source, "word == 1 || word == 2", &err), 0);
	cr_expect_str_eq(fake_source_filter(source, "test", "hit"), "(number > 2) && (word == 1 || word == 2)");
	cr_assert_eq(probe_refilter(&probe, source, NULL, &err), 0);
	cr_expect_str_eq(fake_source_filter(source, "test", "hit"), "number > 2");
	probe_remove(&probe, source);
	cr_expect_null(fake_source_filter(source, "test", "hit"));
	cr_assert_eq(install(&with_condition, "word == 3"), 0);
	cr_expect_str_eq(fake_source_filter(source, "test", "hit"), "(number > 2) && (word == 3)");
}

Test(probe, a_field_that_must_be_there_and_is_not_takes_the_probe_out_again)
{
	static const struct source_probe row = {.system = "test", .name = "hit", .fields = {"number", "nonesuch"}};

	cr_expect_eq(install(&row, NULL), -ENOENT);
	cr_expect_not_null(strstr(err.message, "nonesuch"), "%s", err.message);
	cr_expect_null(probe.event);
	cr_expect_null(fake_source_filter(source, "test", "hit"));
}

/* A name on a kernel without arrays (fetchargs_template.h). */
Test(probe, an_array_in_many_fields_is_one_field)
{
	static const struct source_probe row = {.type = SOURCE_KPROBE,
						.name = "split",
						.fetchargs = "name=+0($arg1):name",
						.fields = {"name", "?other"}};

	cr_assert_eq(install(&row, NULL), 0, "%s", err.message);
	cr_expect_eq(probe.instance.fields[0].offset, 16);
	cr_expect_eq(probe.instance.fields[0].size, 512);
	cr_expect(probe.instance.fields[0].is_array);
	cr_expect_eq(probe.instance.fields[1].size, 0);
}

static int (*real_add)(struct sample_source *s, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret,
		       struct error *err);
static int (*real_refilter)(struct sample_source *s, struct kernel_event *event, const char *filter, struct error *err);

/* RHEL's 3.10, for one, refuses what others take. */
static int add_without_filter(struct sample_source *s, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret,
			      struct error *e)
{
	if (spec->filter)
		return error_set(e, -EINVAL, "filter refused");
	return real_add(s, spec, owner, ret, e);
}

static int refilter_without_filter(struct sample_source *s, struct kernel_event *event, const char *filter, struct error *e)
{
	if (filter)
		return error_set(e, -EINVAL, "filter refused");
	return real_refilter(s, event, filter, e);
}

Test(probe, a_filter_that_the_kernel_refuses_is_done_without)
{
	real_add = source->ops->add;
	real_refilter = source->ops->refilter;
	ops = *source->ops;
	ops.add = add_without_filter;
	ops.refilter = refilter_without_filter;
	source->ops = &ops;
	cr_assert_eq(install(&with_condition, "word == 3"), 0, "%s", err.message);
	cr_expect_str_eq(fake_source_filter(source, "test", "hit"), "");
	cr_assert_eq(probe_refilter(&probe, source, "word == 4", &err), 0);
	cr_expect_str_eq(fake_source_filter(source, "test", "hit"), "");
}

Test(probe, a_record_that_this_kernel_would_lose_is_not_made)
{
	static const struct source_probe row = {.type = SOURCE_KPROBE,
						.name = "split",
						.record_bytes = SOURCE_RECORD_LONG_NAME,
						.fields = {"name"}};

	kernel.is_real = true;
	kernel.record_bytes = 2048;
	cr_expect_eq(install(&row, NULL), -E2BIG);
	cr_expect_not_null(strstr(err.message, "4352 bytes"), "%s", err.message);
	cr_expect_not_null(strstr(err.message, "2048"), "%s", err.message);
}

Test(probe, without_a_kernel_no_path_can_be_captured)
{
	static const struct source_probe row = {
		.type = SOURCE_KPROBE, .name = "split", .path_base = "$arg1", .path_kind = DENTRY_PATH_OF_FILE, .fields = {"?name"}};

	cr_expect_eq(install(&row, NULL), -ENODATA);
	cr_expect_null(fake_source_filter(source, "kprobe", "split"));
}

Test(probe, one_that_is_not_installed_can_be_removed)
{
	probe_remove(&probe, source);
	cr_expect_null(probe.event);
}
