#include "tracing/late_reads.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Reads of this very process. */

static const char two_fields[] = "name: both\nID: 7\nformat:\n"
				 "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
				 "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
				 "\tfield:void * pointer;\toffset:8;\tsize:8;\tsigned:0;\n"
				 "\tfield:int length;\toffset:16;\tsize:8;\tsigned:0;\n\nprint fmt: \"\"\n";

static struct format *format;
static struct late_reads late;
static const int ring;

static void setup(void)
{
	struct error err = {0};

	late_reads_init(&late);
	cr_assert_eq(format_parse(&format, "test", "both", two_fields, strlen(two_fields), &err), 0, "%s", err.message);
}

static void teardown(void)
{
	late_reads_done(&late);
	format = format_free(format);
}

TestSuite(late_reads, .init = setup, .fini = teardown);

static const struct sample_read *take(enum sample_read_kind kind, enum sample_abi abi, const void *pointer, uint64_t length)
{
	const uint64_t raw[3] = {0, (uintptr_t)pointer, length};
	const struct sample_read_spec specs[SAMPLE_READS_MAX] = {
		{kind, "pointer", kind == SAMPLE_READ_BYTES || kind == SAMPLE_READ_LONG_STRING ? "length" : NULL},
	};
	const struct sample sample = {
		.tgid = (uint32_t)getpid(), .tid = (uint32_t)gettid(), .abi = abi, .raw = (const uint8_t *)raw, .raw_size = sizeof(raw)};
	static uint64_t position;
	struct late_read_plan plan;
	struct error err = {0};
	const struct sample_read *read;

	cr_assert_eq(late_reads_compile(&plan, specs, format, &err), 0, "%s", err.message);
	late_reads_take(&late, &plan, &ring, ++position, &sample);
	read = late_reads_find(&late, &ring, position);
	cr_assert_not_null(read);
	return read;
}

static void assert_bytes(const struct sample_read *read, const void *bytes, size_t length)
{
	cr_assert_eq(read->error, 0, "%d", read->error);
	cr_assert_eq(read->length, length, "%u", read->length);
	cr_assert_eq(memcmp(read->bytes, bytes, length), 0);
}

/* Whatever lies behind it cannot be read. */
static char *at_the_end_of_memory(size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(pages, MAP_FAILED);
	cr_assert_eq(munmap(pages + page, page), 0);
	return pages + page - length;
}

Test(late_reads, a_string_is_read_up_to_its_end)
{
	assert_bytes(take(SAMPLE_READ_STRING, SAMPLE_ABI_64, "/etc/passwd", 0), "/etc/passwd", 11);
}

Test(late_reads, a_string_that_ends_where_memory_ends_is_read_whole)
{
	char *string = at_the_end_of_memory(4);

	memcpy(string, "end", 4);
	assert_bytes(take(SAMPLE_READ_STRING, SAMPLE_ABI_64, string, 0), "end", 3);
}

Test(late_reads, a_string_without_an_end_is_an_error_with_its_beginning)
{
	char *string = at_the_end_of_memory(4);
	const struct sample_read *read;

	memcpy(string, "loud", 4);
	read = take(SAMPLE_READ_STRING, SAMPLE_ABI_64, string, 0);
	cr_assert_eq(read->error, -EFAULT);
	cr_assert_eq(read->length, 4);
}

Test(late_reads, bytes_are_read_as_many_as_the_caller_says)
{
	assert_bytes(take(SAMPLE_READ_BYTES, SAMPLE_ABI_64, "ab\0cd", 5), "ab\0cd", 5);
}

Test(late_reads, the_name_of_a_message_is_read_through_its_header)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/run/somewhere"};
	struct msghdr header = {.msg_name = &name, .msg_namelen = sizeof(name)};

	assert_bytes(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_64, &header, 0), &name, sizeof(name));
	assert_bytes(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_UNKNOWN, &header, 0), &name, sizeof(name));
}

Test(late_reads, the_name_of_a_32_bit_programs_message_is_read_through_its_narrower_header)
{
	uint32_t *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	cr_assert_neq(low, MAP_FAILED);
	low[0] = (uint32_t)(uintptr_t)&low[4];
	low[1] = 6;
	memcpy(&low[4], "inside", 6);
	assert_bytes(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_32, low, 0), "inside", 6);
}

Test(late_reads, a_message_without_a_name_has_no_bytes_and_no_error)
{
	struct msghdr header = {.msg_namelen = 16};

	assert_bytes(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_64, &header, 0), "", 0);
	header = (struct msghdr){.msg_name = &header};
	assert_bytes(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_64, &header, 0), "", 0);
}

Test(late_reads, a_message_whose_header_or_name_is_not_there_is_an_error)
{
	struct msghdr header = {.msg_name = (void *)8, .msg_namelen = 16};

	cr_assert_eq(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_64, (void *)8, 0)->error, -EFAULT);
	cr_assert_eq(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_64, at_the_end_of_memory(8), 0)->error, -EFAULT);
	cr_assert_eq(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_64, &header, 0)->error, -EFAULT);
	header.msg_namelen = (socklen_t)-1;
	cr_assert_eq(take(SAMPLE_READ_MSGHDR_NAME, SAMPLE_ABI_64, &header, 0)->error, -EINVAL);
}

static const struct sample_read *take_fd(enum sample_read_kind kind, int fd)
{
	return take(kind, SAMPLE_ABI_64, (void *)(intptr_t)fd, 0); /* NOLINT(performance-no-int-to-ptr) */
}

/* A file of its own, whose name is in `path`. */
static int make_file(char path[64])
{
	int fd;

	(void)snprintf(path, 64, "/tmp/late_reads.XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	return fd;
}

Test(late_reads, a_descriptors_path_is_read_whatever_it_is)
{
	char path[64];
	int fd = make_file(path), ends[2];

	assert_bytes(take_fd(SAMPLE_READ_FD_PATH, fd), path, strlen(path));
	cr_assert_eq(pipe(ends), 0);
	cr_expect_eq(memcmp(take_fd(SAMPLE_READ_FD_PATH, ends[0])->bytes, "pipe:[", 6), 0);
	cr_expect_eq(take_fd(SAMPLE_READ_FD_PATH, 1000000)->error, -ENOENT);
	cr_expect_eq(take_fd(SAMPLE_READ_FD_PATH, -1)->error, -ENOENT);
	close(ends[0]);
	close(ends[1]);
	close(fd);
	(void)unlink(path);
}

Test(late_reads, a_files_path_is_that_of_regular_files_only)
{
	char path[64];
	int fd = make_file(path), ends[2], directory = open("/tmp", O_RDONLY | O_DIRECTORY);

	assert_bytes(take_fd(SAMPLE_READ_FILE_PATH, fd), path, strlen(path));
	cr_assert_eq(pipe(ends), 0);
	cr_expect_eq(take_fd(SAMPLE_READ_FILE_PATH, ends[1])->error, -ENODATA);
	cr_expect_eq(take_fd(SAMPLE_READ_FILE_PATH, directory)->error, -ENODATA);
	cr_expect_eq(take_fd(SAMPLE_READ_FILE_PATH, 1000000)->error, -ENOENT);
	close(ends[0]);
	close(ends[1]);
	close(directory);
	close(fd);
	(void)unlink(path);
}

Test(late_reads, a_directorys_path_is_nothing_for_the_working_directory)
{
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY);

	assert_bytes(take_fd(SAMPLE_READ_DIRECTORY_PATH, fd), "/tmp", 4);
	assert_bytes(take_fd(SAMPLE_READ_DIRECTORY_PATH, AT_FDCWD), "", 0);
	/* The field of a system call is as wide as a register, and its upper half is not always filled. */
	assert_bytes(take(SAMPLE_READ_DIRECTORY_PATH, SAMPLE_ABI_64, (void *)(uintptr_t)(uint32_t)AT_FDCWD, 0), "", 0);
	close(fd);
}

Test(late_reads, the_working_directory_is_read_by_either_name)
{
	cr_assert_eq(chdir("/tmp"), 0);
	assert_bytes(take_fd(SAMPLE_READ_CWD, 0), "/tmp", 4);
	assert_bytes(take_fd(SAMPLE_READ_FD_PATH, AT_FDCWD), "/tmp", 4);
}

Test(late_reads, the_status_of_the_thread_is_read)
{
	const struct sample_read *read = take_fd(SAMPLE_READ_STATUS, 0);
	char line[64];
	int length = snprintf(line, sizeof(line), "\nPid:\t%d\n", gettid());

	cr_assert_eq(read->error, 0);
	cr_expect_not_null(memmem(read->bytes, read->length, line, (size_t)length));
	cr_expect_not_null(memmem(read->bytes, read->length, "\nGid:\t", 6));
}

Test(late_reads, reads_of_a_task_that_is_gone_say_so)
{
	static const enum sample_read_kind kinds[] = {SAMPLE_READ_STRING, SAMPLE_READ_FD_PATH, SAMPLE_READ_FILE_PATH, SAMPLE_READ_CWD,
						      SAMPLE_READ_STATUS};
	const uint64_t raw[3] = {0};
	const struct sample sample = {.tgid = 4194305, .tid = 4194305, .raw = (const uint8_t *)raw, .raw_size = sizeof(raw)};

	for (uint64_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct sample_read_spec specs[SAMPLE_READS_MAX] = {{kinds[i], "pointer", NULL}};
		const struct sample_read *read;
		struct late_read_plan plan;

		cr_assert_eq(late_reads_compile(&plan, specs, format, NULL), 0);
		late_reads_take(&late, &plan, &ring, 1000 + i, &sample);
		read = late_reads_find(&late, &ring, 1000 + i);
		cr_assert_not_null(read);
		cr_expect(read->error == -ESRCH || read->error == -ENOENT, "%d", read->error);
		cr_expect_eq(read->length, 0);
	}
}

/* The sample has its beginning: what has an end there need not be read. */
Test(late_reads, a_long_string_is_read_when_its_beginning_in_the_sample_has_no_end)
{
	static const char text[] = "name: array\nID: 8\nformat:\n"
				   "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
				   "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
				   "\tfield:u64 pointer;\toffset:8;\tsize:8;\tsigned:0;\n"
				   "\tfield:u64 name__0;\toffset:16;\tsize:8;\tsigned:0;\n\nprint fmt: \"\"\n";
	const struct sample_read_spec specs[SAMPLE_READS_MAX] = {{SAMPLE_READ_LONG_STRING, "pointer", "name"}};
	char name[1000] = {0};
	struct {
		uint64_t common, pointer;
		char beginning[SAMPLE_LONG_STRING_BYTES];
	} raw = {.pointer = (uintptr_t)name};
	const struct sample sample = {.tgid = (uint32_t)getpid(),
				      .tid = (uint32_t)gettid(),
				      .raw = (const uint8_t *)&raw,
				      .raw_size = sizeof(raw)};
	struct format *array;
	struct late_read_plan plan;
	struct error err = {0};

	memset(name, 'n', sizeof(name) - 1);
	cr_assert_eq(format_parse(&array, "test", "array", text, strlen(text), &err), 0, "%s", err.message);
	cr_assert_eq(late_reads_compile(&plan, specs, array, &err), 0, "%s", err.message);
	cr_expect_not(plan.urgent);
	memcpy(raw.beginning, name, sizeof(raw.beginning));
	late_reads_take(&late, &plan, &ring, 2001, &sample);
	assert_bytes(late_reads_find(&late, &ring, 2001), name, sizeof(name) - 1);
	raw.beginning[SAMPLE_LONG_STRING_BYTES - 1] = '\0';
	late_reads_take(&late, &plan, &ring, 2002, &sample);
	assert_bytes(late_reads_find(&late, &ring, 2002), "", 0);
	format_free(array);
}

Test(late_reads, reads_stand_in_the_places_of_their_specs_whatever_is_between)
{
	const struct sample_read_spec specs[SAMPLE_READS_MAX] = {
		[0] = {SAMPLE_READ_STRING, "pointer", NULL}, [2] = {SAMPLE_READ_CWD, NULL, NULL}};
	const uint64_t raw[3] = {0, (uintptr_t) "here"};
	const struct sample sample = {.tgid = (uint32_t)getpid(),
				      .tid = (uint32_t)gettid(),
				      .raw = (const uint8_t *)raw,
				      .raw_size = sizeof(raw)};
	const struct sample_read *reads;
	struct late_read_plan plan;

	cr_assert_eq(chdir("/tmp"), 0);
	cr_assert_eq(late_reads_compile(&plan, specs, format, NULL), 0);
	cr_expect_eq(plan.count, sample_read_count(specs));
	cr_expect(plan.urgent);
	late_reads_take(&late, &plan, &ring, 3000, &sample);
	reads = late_reads_find(&late, &ring, 3000);
	assert_bytes(&reads[0], "here", 4);
	assert_bytes(&reads[1], "", 0);
	assert_bytes(&reads[2], "/tmp", 4);
}

Test(late_reads, they_are_kept_until_they_are_dropped_each_with_its_ring)
{
	static const int other;
	const struct sample_read_spec specs[SAMPLE_READS_MAX] = {{SAMPLE_READ_CWD, NULL, NULL}};
	const uint64_t raw[3] = {0};
	const struct sample sample = {.tgid = (uint32_t)getpid(),
				      .tid = (uint32_t)gettid(),
				      .raw = (const uint8_t *)raw,
				      .raw_size = sizeof(raw)};
	struct late_read_plan plan;

	cr_assert_eq(late_reads_compile(&plan, specs, format, NULL), 0);
	for (uint64_t i = 0; i < 3; i++) {
		late_reads_take(&late, &plan, &ring, i, &sample);
		late_reads_take(&late, &plan, &other, i, &sample);
	}
	late_reads_drop(&late, &ring, 1);
	late_reads_drop(&late, &ring, 1);
	cr_expect_null(late_reads_find(&late, &ring, 1));
	cr_expect_not_null(late_reads_find(&late, &other, 1));
	late_reads_drop_ring(&late, &other);
	cr_expect_null(late_reads_find(&late, &other, 2));
	cr_expect_not_null(late_reads_find(&late, &ring, 2));
}

Test(late_reads, a_field_that_the_format_lacks_is_named)
{
	const struct sample_read_spec specs[SAMPLE_READS_MAX] = {{SAMPLE_READ_STRING, "nonesuch", NULL}};
	struct late_read_plan plan;
	struct error err = {0};

	cr_expect_eq(late_reads_compile(&plan, specs, format, &err), -ENOENT);
	cr_expect_not_null(strstr(err.message, "nonesuch"), "%s", err.message);
}

Test(late_reads, a_directory_that_is_gone_has_the_path_that_it_had)
{
	char path[] = "/tmp/late_reads.XXXXXX";
	int fd;

	cr_assert_not_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(rmdir(path), 0);
	assert_bytes(take_fd(SAMPLE_READ_FD_PATH, fd), path, strlen(path));
	close(fd);
}

Test(late_reads, a_directory_whose_name_says_that_it_is_deleted_keeps_its_name)
{
	char base[] = "/tmp/late_reads.XXXXXX";
	char path[64];
	const struct sample_read *read;
	int fd;

	cr_assert_not_null(mkdtemp(base));
	(void)snprintf(path, sizeof(path), "%s/a (deleted)", base);
	cr_assert_eq(mkdir(path, 0700), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	read = take_fd(SAMPLE_READ_FD_PATH, fd);
	cr_expect_eq(rmdir(path), 0);
	cr_expect_eq(rmdir(base), 0);
	assert_bytes(read, path, strlen(path));
	close(fd);
}
