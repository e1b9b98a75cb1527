#include "recorder/record_directory.h"

#include "base/cleanup.h"
#include "tests/recorder/segment_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct segment_bench bench;

static void setup(void)
{
	segment_bench_init(&bench);
}

static void teardown(void)
{
	segment_bench_done(&bench);
}

TestSuite(record_directory, .init = setup, .fini = teardown, .timeout = 30);

static void put_file(const char *name, const char *text)
{
	cleanup_close int fd = openat(bench.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

Test(record_directory, a_directory_is_made_only_when_it_is_asked_for)
{
	char path[128];
	struct error err = {0};
	struct stat stat;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/new", bench.path);
	cr_expect_eq(record_directory_open(path, false, &err), -ENOENT);
	cr_expect_not_null(strstr(err.message, path), "%s", err.message);
	fd = record_directory_open(path, true, NULL);
	cr_assert(fd >= 0 && !fstat(fd, &stat));
	cr_expect_eq(stat.st_mode & 07027, 0, "mode %o", stat.st_mode);
	close(fd);
	fd = record_directory_open(path, true, NULL);
	cr_expect(fd >= 0, "and is there then");
	close(fd);
	(void)snprintf(path, sizeof(path), "%s/a/b", bench.path);
	cr_expect_eq(record_directory_open(path, true, NULL), -ENOENT);
	put_file("file", "");
	(void)snprintf(path, sizeof(path), "%s/file", bench.path);
	cr_expect_eq(record_directory_open(path, true, NULL), -ENOTDIR);
}

Test(record_directory, there_is_one_writer)
{
	struct error err = {0};
	int first = record_directory_lock(bench.fd, NULL), status;
	pid_t child;

	cr_assert(first >= 0);
	cr_expect_eq(record_directory_lock(bench.fd, &err), -EBUSY);
	cr_expect_str_eq(err.message, "another process writes to the recording's directory: there can be only one");
	child = fork();
	if (!child)
		_exit(record_directory_lock(bench.fd, NULL) == -EBUSY ? 0 : 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0);
	close(first);
	first = record_directory_lock(bench.fd, NULL);
	cr_expect(first >= 0);
	close(first);
}

Test(record_directory, a_writer_that_was_killed_holds_nothing)
{
	int pipe_fds[2], fd;
	pid_t child;
	char byte;

	cr_assert_eq(pipe(pipe_fds), 0);
	child = fork();
	if (!child) {
		if (record_directory_lock(bench.fd, NULL) < 0 || write(pipe_fds[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	cr_assert_eq(read(pipe_fds[0], &byte, 1), 1);
	cr_expect_eq(record_directory_lock(bench.fd, NULL), -EBUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	fd = record_directory_lock(bench.fd, NULL);
	cr_expect(fd >= 0);
	close(fd);
}

Test(record_directory, whether_there_is_a_writer_can_be_seen)
{
	int fd;

	cr_expect_not(record_directory_is_locked(bench.fd));
	fd = record_directory_lock(bench.fd, NULL);
	cr_expect(record_directory_is_locked(bench.fd));
	close(fd);
	cr_expect_not(record_directory_is_locked(bench.fd));
}

static void *look_often(void *stop)
{
	while (!*(atomic_bool *)stop)
		(void)record_directory_is_locked(bench.fd);
	return NULL;
}

Test(record_directory, those_who_look_keep_no_writer_out)
{
	atomic_bool stop = false;
	pthread_t thread;

	close(record_directory_lock(bench.fd, NULL));
	cr_assert_eq(pthread_create(&thread, NULL, look_often, &stop), 0);
	for (int i = 0; i < 100; i++) {
		int fd = record_directory_lock(bench.fd, NULL);

		cr_expect(fd >= 0, "attempt %d", i);
		close(fd);
	}
	stop = true;
	pthread_join(thread, NULL);
}

Test(record_directory, the_first_id_stays)
{
	char id[17], text[32] = "";
	cleanup_close int fd = -1;

	cr_assert_eq(record_directory_sensor_id(bench.fd, "00112233aabbccdd", id, NULL), 0);
	cr_expect_str_eq(id, "00112233aabbccdd");
	cr_assert_eq(record_directory_sensor_id(bench.fd, "ffffffffffffffff", id, NULL), 0);
	cr_expect_str_eq(id, "00112233aabbccdd");
	fd = openat(bench.fd, "sensor-id", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(read(fd, text, sizeof(text)), 17);
	cr_expect_str_eq(text, "00112233aabbccdd\n");
	cr_expect_eq(faccessat(bench.fd, "sensor-id.new", F_OK, 0), -1);
}

Test(record_directory, an_id_that_is_damaged_is_an_error_that_names_the_file)
{
	static const char *const texts[] = {"",
					    "00112233aabbccdd",
					    "00112233aabbccd\n",
					    "00112233aabbccdd\n\n",
					    "00112233aabbccddee\n",
					    "00112233aabbccdg\n",
					    "0x112233aabbccdd\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = {0};
		char id[17];

		put_file("sensor-id", texts[i]);
		cr_expect_eq(record_directory_sensor_id(bench.fd, "ffffffffffffffff", id, &err), -EBADMSG, "'%s'", texts[i]);
		cr_expect_eq(strncmp(err.message, "file 'sensor-id' ", 17), 0, "%s", err.message);
	}
}

Test(record_directory, an_id_that_cannot_be_written_is_an_error)
{
	struct error err = {0};
	char id[17];

	cr_expect_eq(record_directory_sensor_id(bench.fd, "short", id, NULL), -EINVAL);
	segment_bench_mount(&bench, "size=64k");
	segment_bench_remount_read_only(&bench);
	cr_expect_eq(record_directory_sensor_id(bench.fd, "ffffffffffffffff", id, &err), -EROFS);
	cr_expect_not_null(strstr(err.message, "sensor-id"), "%s", err.message);
	cr_expect_eq(record_directory_lock(bench.fd, NULL), -EROFS);
}

Test(record_directory, names_are_those_of_segments_or_not)
{
	static const char *const others[] = {"",
					     "segment-",
					     "segment-.rec",
					     "segment-000000000000001.rec",
					     "segment-00000000000000001.rec",
					     "segment-000000000000001G.rec",
					     "segment-000000000000001A.rec",
					     "segment-0000000000000001.rec.new",
					     "segment-0000000000000001.rec.damaged",
					     "segment-0000000000000001",
					     "Segment-0000000000000001.rec",
					     "segment--000000000000001.rec",
					     "segment-0x00000000000001.rec"};
	char name[RECORD_NAME_BYTES];
	uint64_t number;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_not(record_segment_number(others[i], &number), "%s", others[i]);
	for (int shift = 0; shift < 64; shift++) {
		record_segment_name(name, UINT64_MAX >> shift);
		cr_assert(record_segment_number(name, &number), "%s", name);
		cr_expect_eq(number, UINT64_MAX >> shift);
	}
	record_segment_name(name, 0xabc);
	cr_expect_str_eq(name, "segment-0000000000000abc.rec");
}

Test(record_directory, segments_are_listed_in_the_order_of_their_numbers)
{
	static const uint64_t made[] = {0x10, 9, 0xffffffffffffffff, 1, 0x1f, 2};
	static const uint64_t expected[] = {1, 2, 9, 0x10, 0x1f, 0xffffffffffffffff};
	cleanup_free struct record_segment *segments = NULL;
	size_t count;

	for (int again = 0; again < 2; again++) {
		cleanup_free uint64_t *numbers = NULL;

		cr_assert_eq(record_directory_numbers(bench.fd, &numbers, &count, NULL), 0);
		cr_assert_not_null(numbers);
		cr_assert_eq(count, again ? 6 : 0);
		for (size_t i = 0; i < count; i++)
			cr_expect_eq(numbers[i], expected[i]);
		for (size_t i = 0; !again && i < 6; i++)
			segment_bench_write(&bench, made[i], 1, 2, true);
		put_file("lock", "");
		put_file("notes.txt", "of nobody's business");
	}
	cr_assert_eq(record_directory_list(bench.fd, &segments, &count, NULL), 0);
	cr_assert_eq(count, 6);
	for (size_t i = 0; i < count; i++)
		cr_expect_eq(segments[i].number, expected[i]);
}

static struct record_segment look(uint64_t number)
{
	struct record_segment segment;
	struct error err = {0};

	cr_assert_eq(record_segment_look(bench.fd, number, &segment, &err), 0, "%s", err.message);
	return segment;
}

Test(record_directory, a_look_tells_what_the_blocks_are)
{
	struct record_block_header last = segment_bench_block(5);
	struct record_segment s;
	uint8_t raw[SEGMENT_BENCH_RAW_MAX];
	uint64_t raw_bytes = 0;

	for (unsigned int i = 0; i < 6; i++)
		raw_bytes += segment_bench_raw(i, raw);
	segment_bench_write(&bench, 1, 1, 6, true);
	s = look(1);
	cr_expect(s.number == 1 && s.header.number == 1 && s.closed && !s.unreadable);
	cr_expect_eq(s.blocks, 6);
	cr_expect_eq(s.first_sequence, 100);
	cr_expect_eq(s.last_sequence, 159);
	cr_expect_eq(s.first_time_ns, 7000000000);
	cr_expect_eq(s.last_time_ns, last.last_time_ns);
	cr_expect_eq(s.realtime_offset_ns, last.realtime_offset_ns);
	cr_expect_eq(s.end_offset, last.offset + segment_bench_raw(5, raw));
	cr_expect_eq(s.kinds, UINT64_C(1) << 3 | UINT64_C(1) << 40);
	cr_expect_eq(s.events, 60);
	cr_expect_eq(s.lost, 9);
	cr_expect_eq(s.raw_bytes, raw_bytes);
	cr_expect(!s.damaged_bytes && !s.tail_bytes);
}

Test(record_directory, a_segment_is_looked_at_under_any_name)
{
	struct record_segment s;
	struct error err = {0};

	segment_bench_write(&bench, 0x12, 1, 6, true);
	cr_assert_eq(renameat(bench.fd, "segment-0000000000000012.rec", bench.fd, "a copy"), 0);
	cr_assert_eq(record_segment_look_at(bench.fd, "a copy", &s, &err), 0, "%s", err.message);
	cr_expect(s.number == 0x12 && s.blocks == 6 && s.closed);
	put_file("other", "this is something else");
	cr_assert_eq(record_segment_look_at(bench.fd, "other", &s, &err), 0, "%s", err.message);
	cr_expect(s.unreadable && !s.number && s.size == 22);
	cr_expect_eq(record_segment_look_at(bench.fd, "nothing", &s, &err), -ENOENT);
}

Test(record_directory, a_segment_without_blocks_ends_where_it_begins)
{
	struct record_segment s;

	segment_bench_write(&bench, 1, 1, 0, false);
	s = look(1);
	cr_expect_eq(s.end_offset, SEGMENT_BENCH_OFFSET);
	cr_expect(!s.blocks && !s.first_sequence && !s.last_sequence && !s.closed && !s.tail_bytes);
}

Test(record_directory, blocks_without_numbers_do_not_hide_those_of_others)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	struct record_segment s;

	for (unsigned int i = 0; i < 4; i++) {
		struct record_block_header header = segment_bench_block(i);

		if (i == 0 || i == 3)
			header.first_sequence = header.last_sequence = 0;
		cr_assert_eq(segment_writer_append(w, &header, "x", 1, NULL), 0);
	}
	segment_writer_abandon(w);
	s = look(1);
	cr_expect_eq(s.first_sequence, 110);
	cr_expect_eq(s.last_sequence, 129);
}

Test(record_directory, what_cannot_be_read_is_listed_as_such)
{
	cleanup_free struct record_segment *segments = NULL;
	struct record_segment s;
	struct error err = {0};
	size_t count;

	put_file("segment-0000000000000001.rec", "this is something else");
	s = look(1);
	cr_expect(s.unreadable && s.number == 1 && s.size == 22 && !s.blocks);
	cr_expect_eq(record_segment_look(bench.fd, 2, &s, &err), -ENOENT);
	cr_expect_eq(strncmp(err.message, "segment-0000000000000002.rec", 28), 0, "%s", err.message);
	segment_bench_write(&bench, 3, 1, 2, true);
	err = (struct error){0};
	cr_assert_eq(record_directory_list(bench.fd, &segments, &count, &err), 0);
	cr_assert_eq(count, 2);
	cr_expect(segments[0].unreadable && segments[1].blocks == 2);
	cr_expect_eq(err.code, 0, "an error of something that went well: %s", err.message);
}

static void expect_repair(const struct record_segment *before, uint64_t dropped)
{
	struct record_segment after;
	struct error err = {0};
	uint64_t bytes = 1;

	cr_assert_eq(record_segment_repair(bench.fd, before, &bytes, &err), 0, "%s", err.message);
	cr_expect_eq(bytes, dropped);
	after = look(before->number);
	cr_expect_eq(after.size, before->size - dropped);
	cr_expect_eq(after.tail_bytes, 0);
	cr_expect_eq(after.blocks, before->blocks);
	cr_expect_eq(after.damaged_bytes, before->damaged_bytes);
	cr_expect_eq(after.closed, before->closed);
}

Test(record_directory, a_repair_cuts_off_what_is_incomplete_and_nothing_else)
{
	cleanup_free uint8_t *bytes = NULL;
	size_t size;

	segment_bench_write(&bench, 1, 1, 5, true);
	bytes = segment_bench_load(&bench, 1, &size);
	for (size_t cut = 200; cut <= size; cut += 13) {
		struct record_segment before;

		segment_bench_store(&bench, 2, bytes, cut);
		before = look(2);
		expect_repair(&before, before.tail_bytes);
		before = look(2);
		expect_repair(&before, 0);
	}
}

Test(record_directory, a_repair_keeps_damage_that_blocks_follow)
{
	cleanup_free uint8_t *bytes = NULL;
	struct record_segment before;
	size_t size;

	segment_bench_write(&bench, 1, 1, 5, false);
	bytes = segment_bench_load(&bench, 1, &size);
	bytes[look(1).header.header_size + 20] ^= 1;
	segment_bench_store(&bench, 1, bytes, size - 1);
	before = look(1);
	cr_expect(before.blocks == 3 && before.damaged_bytes > 104 && before.tail_bytes > 104);
	expect_repair(&before, before.tail_bytes);
}

Test(record_directory, a_repair_leaves_alone_what_is_closed_or_cannot_be_read)
{
	cleanup_free uint8_t *bytes = NULL;
	struct record_segment before;
	uint64_t dropped;
	size_t size;

	segment_bench_write(&bench, 1, 1, 5, true);
	before = look(1);
	expect_repair(&before, 0);
	/* Its index is damaged, but it was closed. */
	bytes = segment_bench_load(&bench, 1, &size);
	bytes[size - 30] ^= 1;
	segment_bench_store(&bench, 1, bytes, size);
	before = look(1);
	cr_expect(before.closed && before.damaged_bytes && before.blocks == 5);
	expect_repair(&before, 0);
	put_file("segment-0000000000000002.rec", "this is something else");
	before = look(2);
	cr_assert_eq(record_segment_repair(bench.fd, &before, &dropped, NULL), 0);
	cr_expect_eq(dropped, 0);
	cr_expect_eq(look(2).size, 22);
}
