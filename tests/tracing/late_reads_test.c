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
		{kind, "pointer", kind == SAMPLE_READ_BYTES ? "length" : NULL},
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

static const struct sample_read *take_path(int fd)
{
	return take(SAMPLE_READ_FD_PATH, SAMPLE_ABI_64, (void *)(intptr_t)fd, 0); /* NOLINT(performance-no-int-to-ptr) */
}

Test(late_reads, a_directory_that_is_gone_has_the_path_that_it_had)
{
	char path[] = "/tmp/late_reads.XXXXXX";
	int fd;

	cr_assert_not_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(rmdir(path), 0);
	assert_bytes(take_path(fd), path, strlen(path));
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
	read = take_path(fd);
	cr_expect_eq(rmdir(path), 0);
	cr_expect_eq(rmdir(base), 0);
	assert_bytes(read, path, strlen(path));
	close(fd);
}
