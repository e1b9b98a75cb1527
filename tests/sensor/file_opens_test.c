#include "sensor/file_builders.h"

#include "sensor/call_table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Builders fed with samples that are laid out by hand: a name, then numbers. */

#define TID          77
#define NAME_BYTES   32
#define CREATED_MODE 0x100000

struct layout {
	char name[NAME_BYTES];
	int64_t numbers[4];
};

static struct source_context context;
static struct event event;

static void setup(void)
{
	context.calls = call_table_new();
}

static void teardown(void)
{
	context.calls = call_table_free(context.calls);
}

TestSuite(file_opens, .init = setup, .fini = teardown);

static struct format_field number(unsigned int i)
{
	return (struct format_field){.offset = (uint16_t)(offsetof(struct layout, numbers) + i * sizeof(int64_t)),
				     .size = sizeof(int64_t),
				     .element_size = sizeof(int64_t),
				     .is_signed = true};
}

static bool build(file_builder *builder, const struct source_instance *probe, const struct layout *layout, const struct sample_read *reads)
{
	const struct sample sample = {.tgid = TID, .tid = TID, .raw = (const uint8_t *)layout, .raw_size = sizeof(*layout), .reads = reads};

	event = (struct event){0};
	return builder(&context, probe, &sample, &event);
}

/* NAME, DIRECTORY, FLAGS, MODE */
static bool build_open(file_builder *builder, uint32_t tag, int64_t flags)
{
	const struct source_probe row = {.tag = tag};
	const struct source_instance probe = {
		.row = &row,
		.fields = {{.size = NAME_BYTES, .element_size = 1, .is_array = true}, number(0), number(1), number(2)},
	};
	const struct layout layout = {.name = "/tmp/file", .numbers = {AT_FDCWD, flags, 0640}};

	return build(builder, &probe, &layout, NULL);
}

static void pass_flags(int64_t flags)
{
	const struct source_probe row = {.tag = 0};
	const struct source_instance probe = {.row = &row, .fields = {number(0)}};

	cr_assert_not(build(file_note_flags, &probe, &(struct layout){.numbers = {flags}}, NULL));
}

static bool end_call(file_builder *builder, uint32_t tag, int64_t result, int64_t mode)
{
	const struct source_probe row = {.tag = tag};
	const struct source_instance probe = {.row = &row, .fields = {number(0), number(1)}};

	return build(builder, &probe, &(struct layout){.numbers = {result, mode}}, NULL);
}

Test(file_opens, an_open_has_the_flags_that_were_passed_and_not_what_the_kernel_made_of_them)
{
	pass_flags(O_RDWR | O_CREAT | O_CLOEXEC);
	cr_assert(build_open(file_build_open_kernel, 0, O_RDWR | O_CREAT));
	cr_assert_eq(event.kind, EVENT_FILE_OPEN);
	cr_assert_eq(event.file.flags, O_RDWR | O_CREAT | O_CLOEXEC);
	cr_assert_eq(event.file.mode, 0640);
	pass_flags(O_PATH | O_RDWR | O_APPEND);
	cr_assert(build_open(file_build_open_kernel, 0, O_PATH));
	cr_assert_eq(event.file.flags, O_PATH | O_RDWR | O_APPEND);
}

Test(file_opens, an_open_does_not_have_the_flags_of_one_that_failed_before_it)
{
	pass_flags(O_WRONLY | O_CREAT | O_CLOEXEC);
	cr_assert(build_open(file_build_open_kernel, 0, O_RDONLY | O_NONBLOCK));
	cr_assert_eq(event.file.flags, O_RDONLY | O_NONBLOCK);
	cr_assert(build_open(file_build_open_kernel, 0, O_WRONLY | O_CREAT));
	cr_assert_eq(event.file.flags, O_WRONLY | O_CREAT, "they were told twice");
}

static bool make(int64_t flags, int64_t result, int64_t mode)
{
	cr_assert_not(build_open(file_begin_kernel, FILE_CALL_OPEN_NEW, flags));
	return end_call(file_end_new, FILE_CALL_OPEN_NEW, result, mode);
}

Test(file_opens, an_open_makes_a_file_only_when_that_is_marked_as_new)
{
	const int64_t file = INT64_C(-0x777700001000); /* a kernel's address */

	cr_assert(make(O_WRONLY | O_CREAT, file, CREATED_MODE | 2));
	cr_assert_eq(event.kind, EVENT_FILE_CREATE);
	cr_assert_eq(event.file.mode, 0640);
	cr_assert_eq(memcmp(event.file.filename.bytes, "/tmp/file", event.file.filename.length), 0);
	cr_assert_not(make(O_WRONLY | O_CREAT, file, 2), "it was there");
	cr_assert_not(make(O_WRONLY | O_CREAT, -EEXIST, 0), "it failed");
	cr_assert_not(make(O_RDWR | O_TMPFILE, file, CREATED_MODE | 2), "it has no name");
}

static bool begin_write(const char *path)
{
	const struct source_probe row = {.tag = FILE_CALL_WRITE};
	const struct source_instance probe = {.row = &row};
	const struct sample_read reads[SAMPLE_READS_MAX] = {{.bytes = path, .length = (uint32_t)strlen(path)},
							    {.bytes = ""},
							    {.bytes = ""},
							    {.bytes = ""}};

	return build(file_begin_regular, &probe, &(struct layout){0}, reads);
}

Test(file_opens, a_write_to_what_is_no_file_does_not_end_one_whose_end_was_missed)
{
	cr_assert_not(begin_write("/tmp/file"));
	cr_assert(end_call(file_end, FILE_CALL_WRITE, 3, 0));
	cr_assert_eq(event.kind, EVENT_FILE_MODIFY);
	cr_assert_not(begin_write("/tmp/file"));
	cr_assert_not(begin_write(""));
	cr_assert_not(end_call(file_end, FILE_CALL_WRITE, 3, 0));
	cr_assert_not(begin_write("/tmp/file"));
	cr_assert_not(end_call(file_end, FILE_CALL_WRITE, -ENOSPC, 0));
}
