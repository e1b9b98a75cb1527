#include "recorder/record_aside.h"

#include "tests/recorder/segment_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct segment_bench bench;

static void setup(void)
{
	segment_bench_init(&bench);
}

static void teardown(void)
{
	segment_bench_done(&bench);
}

TestSuite(record_aside, .init = setup, .fini = teardown, .timeout = 30);

/* A segment with another byte somewhere in its header. */
static void write_damaged(uint64_t number, size_t at)
{
	uint8_t *bytes;
	size_t size;

	segment_bench_write(&bench, number, 1, 3, true);
	bytes = segment_bench_load(&bench, number, &size);
	bytes[at]++;
	segment_bench_store(&bench, number, bytes, size);
	free(bytes);
}

static bool is_there(const char *name)
{
	return !faccessat(bench.fd, name, F_OK, 0);
}

Test(record_aside, what_cannot_be_read_is_put_aside_with_all_its_bytes)
{
	char name[RECORD_ASIDE_NAME_BYTES], path[160];
	struct record_segment segment;
	FILE *file;

	write_damaged(26, offsetof(struct record_segment_header, offset));
	cr_assert_eq(record_segment_look(bench.fd, 26, &segment, NULL), 0);
	cr_assert_eq(record_segment_put_aside(bench.fd, 26, name, NULL), 0);
	cr_expect_str_eq(name, "segment-000000000000001a.rec.damaged");
	cr_expect(!is_there("segment-000000000000001a.rec"));
	(void)snprintf(path, sizeof(path), "%s/%s", bench.path, name);
	file = fopen(path, "re");
	cr_assert(file && !fseek(file, 0, SEEK_END));
	cr_expect_eq((uint64_t)ftell(file), segment.size);
	fclose(file);
	cr_expect_eq(record_segment_put_aside(bench.fd, 26, name, NULL), -ENOENT, "once is enough");
}

Test(record_aside, what_can_be_read_stays)
{
	char name[RECORD_ASIDE_NAME_BYTES];
	struct error err = {0};

	segment_bench_write(&bench, 1, 1, 3, true);
	cr_expect_eq(record_segment_put_aside(bench.fd, 1, name, &err), -EBUSY);
	cr_expect_str_eq(err.message, "segment-0000000000000001.rec: it can be read");
	cr_expect(is_there("segment-0000000000000001.rec"));
}

Test(record_aside, what_only_a_newer_version_can_read_is_not_damaged)
{
	char name[RECORD_ASIDE_NAME_BYTES];
	struct error err = {0};

	write_damaged(1, offsetof(struct record_segment_header, version));
	cr_expect_eq(record_segment_put_aside(bench.fd, 1, name, &err), -ENOTSUP);
	cr_expect_not_null(strstr(err.message, "version 2"), "%s", err.message);
	cr_expect(is_there("segment-0000000000000001.rec"));
}

Test(record_aside, nothing_that_was_put_aside_is_replaced)
{
	char name[RECORD_ASIDE_NAME_BYTES];
	struct error err = {0};

	write_damaged(1, offsetof(struct record_segment_header, offset));
	cr_assert_eq(symlinkat("nowhere", bench.fd, "segment-0000000000000001.rec.damaged"), 0);
	cr_expect_eq(record_segment_put_aside(bench.fd, 1, name, &err), -EEXIST);
	cr_expect_str_eq(err.message,
			 "segment-0000000000000001.rec cannot be put aside: there is a segment-0000000000000001.rec.damaged already");
	cr_expect(is_there("segment-0000000000000001.rec"));
}

Test(record_aside, those_behind_a_number_are_counted)
{
	static const char *const others[] = {".damaged", "segment-12.rec.damaged", "segment-0000000000000099.rec.damaged2",
					     "segment-0000000000000099.rec.damaged.damaged", "segment-0000000000000099.rec"};
	char name[RECORD_ASIDE_NAME_BYTES];
	uint64_t count, next;

	cr_assert_eq(record_directory_aside(bench.fd, 4, &count, &next, NULL), 0);
	cr_expect(!count && next == 4);
	for (uint64_t number = 2; number <= 8; number += 2) {
		write_damaged(number, offsetof(struct record_segment_header, offset));
		cr_assert_eq(record_segment_put_aside(bench.fd, number, name, NULL), 0);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		close(openat(bench.fd, others[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	cr_assert_eq(record_directory_aside(bench.fd, 4, &count, &next, NULL), 0);
	cr_expect(count == 3 && next == 9, "%llu, %llu", (unsigned long long)count, (unsigned long long)next);
	cr_assert_eq(record_directory_aside(bench.fd, 9, &count, &next, NULL), 0);
	cr_expect(!count && next == 9);
}
