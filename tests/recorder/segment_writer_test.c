#include "recorder/segment_writer.h"

#include "base/cleanup.h"
#include "recorder/record_directory.h"
#include "tests/recorder/segment_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <xxhash.h>

static struct segment_bench bench;

static void setup(void)
{
	segment_bench_init(&bench);
}

static void teardown(void)
{
	segment_bench_done(&bench);
}

TestSuite(segment_writer, .init = setup, .fini = teardown, .timeout = 60);

static size_t count_files(void)
{
	uint64_t *numbers;
	size_t count;

	cr_assert_eq(record_directory_numbers(bench.fd, &numbers, &count, NULL), 0);
	free(numbers);
	return count;
}

/* Without any word of the reader: a test that both do not agree on the same mistake. */
Test(segment_writer, the_bytes_are_those_of_the_format)
{
	struct record_segment_header header;
	struct record_block_header block;
	struct record_trailer trailer;
	cleanup_free uint8_t *bytes = NULL;
	size_t size, at;

	segment_bench_write(&bench, 0x1f, 0, 3, true);
	bytes = segment_bench_load(&bench, 0x1f, &size);
	memcpy(&header, bytes, sizeof(header));
	cr_expect_eq(memcmp(bytes, "RINGREC\n\1\0\0\0", 12), 0);
	cr_expect_eq(header.query_size, strlen(SEGMENT_BENCH_QUERY));
	cr_expect_eq(memcmp(bytes + 136, SEGMENT_BENCH_QUERY, header.query_size), 0);
	cr_expect_eq(header.header_size, 136 + (strlen(SEGMENT_BENCH_QUERY) + 7) / 8 * 8);
	memset(bytes + 128, 0, 8);
	cr_expect_eq(XXH3_64bits(bytes, header.header_size), header.checksum);
	at = header.header_size;
	for (unsigned int i = 0; i < 3; i++) {
		uint8_t raw[SEGMENT_BENCH_RAW_MAX];

		cr_assert_eq(memcmp(bytes + at, "RBLK\1\0\150\0", 8), 0);
		memcpy(&block, bytes + at, sizeof(block));
		cr_expect_eq(block.offset, segment_bench_block(i).offset);
		cr_assert_eq(block.raw_size, segment_bench_raw(i, raw));
		cr_expect_eq(block.stored_size, block.raw_size);
		cr_expect_eq(memcmp(bytes + at + 104, raw, block.raw_size), 0);
		cr_expect_eq(XXH3_64bits(raw, block.raw_size), block.payload_checksum);
		memset(bytes + at + 96, 0, 8);
		cr_expect_eq(XXH3_64bits(bytes + at, 104), block.checksum);
		at += 104 + block.stored_size;
	}
	memcpy(&block, bytes + at, sizeof(block));
	cr_expect_eq(block.type, RECORD_BLOCK_INDEX);
	cr_expect_eq(block.raw_size, 3 * 112);
	memcpy(&trailer, bytes + size - 16, sizeof(trailer));
	cr_expect_eq(trailer.index_position, at);
	cr_expect_eq(memcmp(trailer.magic, "RINGEND\n", 8), 0);
	cr_expect_eq(at + 104 + block.stored_size + 16, size);
}

Test(segment_writer, what_compresses_is_compressed_and_what_does_not_is_stored)
{
	static const int levels[] = {0, -5, 1, 19};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct segment_writer *w = segment_bench_create(&bench, i, levels[i]);
		struct record_block_header header = segment_bench_block(0);
		uint8_t same[5000], random[5000];
		uint64_t before = segment_writer_size(w);

		memset(same, 'x', sizeof(same));
		for (size_t at = 0; at < sizeof(random); at += 8)
			memcpy(random + at, &(uint64_t){XXH3_64bits(&at, sizeof(at))}, 8);
		cr_assert_eq(segment_writer_append(w, &header, same, sizeof(same), NULL), 0);
		cr_expect_eq(header.compression, levels[i] ? RECORD_ZSTD : RECORD_STORED);
		cr_expect_eq(header.stored_size < 500, levels[i] != 0, "level %d: %u", levels[i], header.stored_size);
		cr_expect_eq(segment_writer_size(w), before + 104 + header.stored_size);
		header = segment_bench_block(100);
		cr_assert_eq(segment_writer_append(w, &header, random, sizeof(random), NULL), 0);
		cr_expect_eq(header.compression, RECORD_STORED);
		cr_expect_eq(header.stored_size, sizeof(random));
		cr_assert_eq(segment_writer_sync(w, NULL), 0);
		cr_assert_eq(segment_writer_close(w, NULL), 0);
	}
}

Test(segment_writer, a_number_that_is_taken_is_not_taken_again)
{
	struct record_segment_header header = segment_bench_header(5);
	struct segment_writer *w;
	struct error err = {0};
	struct segment_reader *r;

	segment_bench_write(&bench, 5, 1, 4, false);
	cr_expect_eq(segment_writer_create(&w, bench.fd, &header, "process", 1, &err), -EEXIST);
	cr_expect_null(w);
	cr_expect_not_null(strstr(err.message, "segment-0000000000000005.rec"), "%s", err.message);
	cr_expect_eq(count_files(), 1);
	r = segment_bench_open(&bench, 5);
	segment_bench_expect(r, 4);
	segment_reader_close(r);
}

Test(segment_writer, a_block_that_cannot_be_is_refused)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	struct record_block_header header = segment_bench_block(0);
	uint64_t size = segment_writer_size(w);
	struct error err = {0};

	cr_expect_eq(segment_writer_append(w, &header, "", (size_t)RECORD_RAW_MAX_BYTES + 1, &err), -EINVAL);
	header.offset = SEGMENT_BENCH_OFFSET - 1;
	cr_expect_eq(segment_writer_append(w, &header, "x", 1, &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "offset 4999"), "%s", err.message);
	cr_expect_eq(segment_writer_size(w), size);
	segment_writer_abandon(w);
}

Test(segment_writer, a_query_has_to_have_room)
{
	struct record_segment_header header = segment_bench_header(5);
	struct segment_writer *w;
	cleanup_free char *query = calloc(1, RECORD_QUERY_MAX_BYTES + 2);

	memset(query, 'q', RECORD_QUERY_MAX_BYTES + 1);
	cr_expect_eq(segment_writer_create(&w, bench.fd, &header, query, 1, NULL), -E2BIG);
	cr_expect_eq(count_files(), 0);
	query[RECORD_QUERY_MAX_BYTES] = '\0';
	cr_expect_eq(segment_writer_create(&w, bench.fd, &header, query, 1, NULL), 0);
	segment_writer_abandon(w);
}

/* A file that cannot grow beyond a size is written as far as it goes, as on a disk that is full. */
static void limit_files(rlim_t size)
{
	cr_assert_neq(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = size, .rlim_max = RLIM_INFINITY}), 0);
}

static void expect_size_on_disk(uint64_t number, uint64_t size)
{
	struct record_segment segment;

	cr_assert_eq(record_segment_look(bench.fd, number, &segment, NULL), 0);
	cr_expect_eq(segment.size, size);
	cr_expect_eq(segment.tail_bytes, 0);
}

static void fill(rlim_t size)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	struct record_block_header header = segment_bench_block(2);
	uint8_t raw[SEGMENT_BENCH_RAW_MAX];
	size_t raw_size = segment_bench_raw(2, raw);
	struct segment_reader *r;
	struct error err = {0};
	uint64_t before;

	segment_bench_append(w, 0);
	segment_bench_append(w, 1);
	before = segment_writer_size(w);
	limit_files(before + size);
	for (int again = 0; again < 3; again++) {
		cr_assert_eq(segment_writer_append(w, &header, raw, raw_size, &err), -EFBIG);
		cr_expect_eq(segment_writer_size(w), before);
		expect_size_on_disk(1, before);
	}
	cr_expect_not_null(strstr(err.message, "segment-0000000000000001.rec"), "%s", err.message);
	limit_files(RLIM_INFINITY);
	for (unsigned int i = 2; i < 6; i++)
		segment_bench_append(w, i);
	cr_assert_eq(segment_writer_close(w, NULL), 0);
	r = segment_bench_open(&bench, 1);
	segment_bench_expect(r, 6);
	cr_expect(segment_reader_is_closed(r));
	segment_reader_close(r);
}

Test(segment_writer, a_disk_that_is_full_in_the_payload_leaves_what_was_before)
{
	fill(120);
}

Test(segment_writer, a_disk_that_is_full_in_the_header_leaves_what_was_before)
{
	fill(50);
}

Test(segment_writer, a_disk_that_is_full_at_once_leaves_what_was_before)
{
	fill(0);
}

Test(segment_writer, an_index_without_room_leaves_a_segment_without_one)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 0);
	struct segment_reader *r;
	struct error err = {0};
	uint64_t size;

	for (unsigned int i = 0; i < 5; i++)
		segment_bench_append(w, i);
	size = segment_writer_size(w);
	limit_files(size + 150);
	cr_expect_eq(segment_writer_close(w, &err), -EFBIG);
	cr_expect_not_null(strstr(err.message, "index"), "%s", err.message);
	limit_files(RLIM_INFINITY);
	expect_size_on_disk(1, size);
	r = segment_bench_open(&bench, 1);
	segment_bench_expect(r, 5);
	cr_expect_not(segment_reader_is_closed(r));
	segment_reader_close(r);
}

Test(segment_writer, a_header_without_room_leaves_nothing)
{
	struct record_segment_header header = segment_bench_header(1);
	struct segment_writer *w;

	limit_files(100);
	cr_expect_eq(segment_writer_create(&w, bench.fd, &header, "process", 1, NULL), -EFBIG);
	limit_files(RLIM_INFINITY);
	cr_expect_eq(faccessat(bench.fd, "segment-0000000000000001.rec", F_OK, 0), -1);
	cr_expect_eq(faccessat(bench.fd, "segment-0000000000000001.rec.new", F_OK, 0), -1);
}

Test(segment_writer, a_real_disk_that_is_full_and_then_freed)
{
	struct segment_writer *w;
	struct segment_reader *r;
	unsigned int count = 0;
	int filler, error = 0;

	segment_bench_mount(&bench, "size=256k");
	w = segment_bench_create(&bench, 1, 0);
	filler = openat(bench.fd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_eq(posix_fallocate(filler, 0, 128 << 10), 0);
	for (; !error && count < 5000; count += !error) {
		struct record_block_header header = segment_bench_block(count);
		uint8_t raw[SEGMENT_BENCH_RAW_MAX];
		size_t size = segment_bench_raw(count, raw);

		error = segment_writer_append(w, &header, raw, size, NULL);
	}
	cr_assert_eq(error, -ENOSPC, "%d after %u", error, count);
	expect_size_on_disk(1, segment_writer_size(w));
	cr_assert_eq(ftruncate(filler, 0), 0);
	for (unsigned int i = 0; i < 20; i++)
		segment_bench_append(w, count++);
	cr_assert_eq(segment_writer_close(w, NULL), 0);
	r = segment_bench_open(&bench, 1);
	segment_bench_expect(r, count);
	segment_reader_close(r);
	close(filler);
}

Test(segment_writer, a_directory_that_cannot_be_written_is_said)
{
	struct record_segment_header header = segment_bench_header(1);
	struct segment_writer *w;
	struct error err = {0};

	segment_bench_mount(&bench, "size=256k");
	segment_bench_remount_read_only(&bench);
	cr_expect_eq(segment_writer_create(&w, bench.fd, &header, "process", 1, &err), -EROFS);
	cr_expect_not_null(strstr(err.message, "Read-only file system"), "%s", err.message);
}

/* The writer's own descriptor: what stands behind it is taken away, so that not even cutting off works. */
static int find_descriptor(uint64_t number)
{
	char name[RECORD_NAME_BYTES];
	struct stat named, opened;

	record_segment_name(name, number);
	cr_assert_eq(fstatat(bench.fd, name, &named, 0), 0);
	for (int fd = 3; fd < 1024; fd++)
		if (!fstat(fd, &opened) && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev)
			return fd;
	cr_assert_fail("the writer has no descriptor");
	return -1;
}

Test(segment_writer, what_could_not_be_cut_off_is_cut_off_by_the_next_append)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	struct record_block_header header = segment_bench_block(1);
	int fd = find_descriptor(1), saved = dup(fd), full = open("/dev/full", O_RDWR | O_CLOEXEC);
	struct segment_reader *r;

	segment_bench_append(w, 0);
	cr_assert(saved >= 0 && full >= 0 && dup2(full, fd) == fd);
	cr_assert_eq(segment_writer_append(w, &header, "raw", 3, NULL), -ENOSPC);
	cr_assert_eq(segment_writer_append(w, &header, "raw", 3, NULL), -EINVAL, "it cannot be cut off");
	/* What a write leaves that failed in the middle: longer than what is appended next */
	for (int i = 0; i < 100; i++)
		cr_assert_eq(pwrite(saved, "RBLK and so on..", 16, (off_t)segment_writer_size(w) + i * 16), 16);
	cr_assert_eq(dup2(saved, fd), fd);
	segment_bench_append(w, 1);
	expect_size_on_disk(1, segment_writer_size(w));
	cr_assert_eq(segment_writer_close(w, NULL), 0);
	r = segment_bench_open(&bench, 1);
	segment_bench_expect(r, 2);
	segment_reader_close(r);
}

Test(segment_writer, a_file_that_was_removed_or_replaced_is_not_there)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	char name[RECORD_NAME_BYTES];

	record_segment_name(name, 1);
	cr_expect(segment_writer_is_there(w));
	cr_assert_eq(unlinkat(bench.fd, name, 0), 0);
	cr_expect_not(segment_writer_is_there(w));
	segment_bench_store(&bench, 1, (const uint8_t *)"another", 7);
	cr_expect_not(segment_writer_is_there(w));
	segment_bench_append(w, 0);
	cr_expect_eq(segment_writer_close(w, NULL), 0);
}

Test(segment_writer, what_a_crash_left_of_a_creation_is_in_nobodys_way)
{
	struct segment_reader *r;
	int fd = openat(bench.fd, "segment-0000000000000001.rec.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_eq(write(fd, "something longer than a header? no, but still", 45), 45);
	close(fd);
	cr_expect_eq(count_files(), 0);
	segment_bench_write(&bench, 1, 1, 2, true);
	r = segment_bench_open(&bench, 1);
	segment_bench_expect(r, 2);
	segment_reader_close(r);
}
