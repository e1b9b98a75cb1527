#include "tests/recorder/record_maker.h"
#include "tests/recorder/segment_bench.h"

#include "base/clock.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_NS (20 * NSEC_PER_SEC)

static struct segment_bench bench;
static struct recorder *recorder;

static void set_up(void)
{
	segment_bench_init(&bench);
}

/* The directory and its first segment. False: that is not possible here. */
static bool set_immutable(bool immutable)
{
	static const char *const names[] = {".", "segment-0000000000000000.rec"};
	bool set = true;

	for (size_t i = 0; i < 2; i++) {
		int fd = openat(bench.fd, names[i], O_RDONLY | O_CLOEXEC);
		int flags = 0;

		set = set && fd >= 0 && !ioctl(fd, FS_IOC_GETFLAGS, &flags);
		flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
		set = set && !ioctl(fd, FS_IOC_SETFLAGS, &flags);
		if (fd >= 0)
			close(fd);
	}
	return set;
}

static void tear_down(void)
{
	set_immutable(false);
	segment_bench_done(&bench);
}

TestSuite(recorder, .init = set_up, .fini = tear_down, .timeout = 120);

static struct recorder_options options_of(void)
{
	return (struct recorder_options){
		.directory = bench.path,
		.query = "process:exec",
		.capacity_bytes = (uint64_t)64 << 20,
		.segment_bytes = 64 * 1024,
		.flush_ns = 5 * NSEC_PER_MSEC,
		.level = 1,
	};
}

static void start(const struct recorder_options *options)
{
	struct error err = {0};

	cr_assert_eq(recorder_new(&recorder, options, &err), 0, "%s", err.message);
}

static void stop(uint64_t last_sequence)
{
	outbox_finish(recorder_outbox(recorder), 0, "");
	recorder = recorder_free(recorder, last_sequence);
}

static struct recorder_counters counters(void)
{
	struct recorder_counters c;

	recorder_counters(recorder, &c);
	return c;
}

/* Until the recorder has written so many events; false when it does not come to that. */
static bool wait_for_events(uint64_t events)
{
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_NS;

	while (counters().events < events) {
		if (clock_monotonic_ns() > deadline_ns)
			return false;
		usleep(1000);
	}
	return true;
}

static bool wait_for_failing(bool failing)
{
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_NS;

	while (counters().failing != failing) {
		if (clock_monotonic_ns() > deadline_ns)
			return false;
		usleep(1000);
	}
	return true;
}

static void expect_all(const struct maker_log *log, uint64_t first, uint64_t last)
{
	cr_assert_eq(log->count, last - first + 1, "%zu events instead of %" PRIu64, log->count, last - first + 1);
	for (size_t i = 0; i < log->count; i++)
		cr_assert_eq(log->sequences[i], first + i);
}

Test(recorder, what_is_put_in_is_on_disk_when_the_flush_interval_is_over)
{
	struct recorder_options options = options_of();
	struct maker_log log;
	uint64_t last;

	start(&options);
	last = maker_put(recorder, 0, 3, 100);
	cr_assert(wait_for_events(last));
	maker_read(&log, bench.path, NULL);
	expect_all(&log, 1, last);
	cr_assert_eq(log.gap_count, 0);
	maker_log_done(&log);
	cr_assert_eq(counters().queued_bytes, 0);
	stop(last);
}

static atomic_bool reading;

/* Reads again and again what is in memory and on disk: never a hole, never anything twice. */
static void *read_again_and_again(void *context)
{
	size_t rounds = 0, seen = 0;

	(void)context;
	while (atomic_load(&reading)) {
		struct maker_log log;

		maker_read(&log, bench.path, recorder);
		for (size_t i = 0; i < log.count; i++)
			cr_assert_eq(log.sequences[i], i + 1, "event %zu of %zu is number %" PRIu64, i, log.count, log.sequences[i]);
		cr_assert_geq(log.count, seen);
		seen = log.count;
		maker_log_done(&log);
		rounds++;
	}
	cr_assert_gt(rounds, 3);
	return NULL;
}

Test(recorder, memory_and_disk_together_are_the_whole_while_it_writes)
{
	struct recorder_options options = options_of();
	uint64_t last = 0, end_ns;
	pthread_t reader;

	options.level = 0;
	start(&options);
	atomic_store(&reading, true);
	cr_assert_eq(pthread_create(&reader, NULL, read_again_and_again, NULL), 0);
	end_ns = clock_monotonic_ns() + NSEC_PER_SEC;
	while (clock_monotonic_ns() < end_ns) {
		last = maker_put(recorder, last, 2, 40);
		usleep(2000);
	}
	atomic_store(&reading, false);
	pthread_join(reader, NULL);
	stop(last);
}

static uint64_t bytes_on_disk(void)
{
	struct record_segment *list;
	uint64_t bytes = 0;
	size_t count;

	cr_assert_eq(record_directory_list(bench.fd, &list, &count, NULL), 0);
	for (size_t i = 0; i < count; i++)
		bytes += list[i].size;
	free(list);
	return bytes;
}

Test(recorder, it_never_has_more_than_its_capacity_and_a_segment)
{
	struct recorder_options options = options_of();
	struct maker_log log;
	uint64_t last = 0;

	options.capacity_bytes = 512 * 1024;
	options.level = 0;
	start(&options);
	for (int i = 0; i < 100; i++) {
		last = maker_put(recorder, last, 2, 100);
		cr_assert(wait_for_events(last));
		cr_assert_leq(bytes_on_disk(), options.capacity_bytes + options.segment_bytes);
	}
	cr_assert_gt(counters().deleted_segments, 10);
	stop(last);
	maker_read(&log, bench.path, NULL);
	cr_assert_gt(log.count, 1000);
	expect_all(&log, last - log.count + 1, last);
	maker_log_done(&log);
}

Test(recorder, what_is_too_old_is_deleted_and_what_is_being_read_stays_readable)
{
	struct recorder_options options = options_of();
	const struct segment_block *blocks;
	struct segment_reader *reader;
	struct record_segment first;
	struct error err = {0};
	struct buffer raw;
	size_t count;
	uint64_t last;

	options.age_ns = 300 * NSEC_PER_MSEC;
	start(&options);
	last = maker_put(recorder, 0, 10, 100);
	cr_assert(wait_for_events(last));
	cr_assert_eq(record_segments_open(recorder_segments(recorder), 0, &reader, &first, &err), 0, "%s", err.message);
	for (int i = 0; i < 100 && !counters().deleted_segments; i++) {
		usleep(20000);
		last = maker_put(recorder, last, 1, 100);
	}
	cr_assert_gt(counters().deleted_segments, 0);
	cr_assert_eq(faccessat(bench.fd, "segment-0000000000000000.rec", F_OK, 0), -1);
	cr_assert_eq(segment_reader_blocks(reader, &blocks, &count, &err), 0, "%s", err.message);
	cr_assert_gt(count, 0);
	buffer_init(&raw, 0);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(segment_reader_read(reader, &blocks[i], &raw, &err), 0, "%s", err.message);
	buffer_done(&raw);
	segment_reader_close(reader);
	stop(last);
}

Test(recorder, numbers_and_the_id_go_on_after_a_stop)
{
	struct recorder_options options = options_of();
	char id[17];
	struct maker_log log;
	uint64_t last;

	start(&options);
	snprintf(id, sizeof(id), "%s", recorder_sensor_id(recorder));
	cr_assert_eq(recorder_sequence(recorder), 0);
	last = maker_put(recorder, 0, 2, 100);
	/* Others were given numbers that are not recorded. */
	stop(last + 77);
	start(&options);
	cr_assert_str_eq(recorder_sensor_id(recorder), id);
	cr_assert_eq(recorder_sequence(recorder), last + 77);
	last = maker_put(recorder, last + 77, 1, 100);
	stop(last);
	maker_read(&log, bench.path, NULL);
	cr_assert_eq(log.count, 300);
	cr_assert_eq(log.gap_count, 1);
	cr_assert_eq(log.gaps[0].gap, RECORD_GAP_STOPPED);
	cr_assert_eq(log.gaps[0].at, 200);
	cr_assert_eq(log.gaps[0].after, 277);
	cr_assert_eq(log.gaps[0].before, 278);
	maker_log_done(&log);
}

Test(recorder, a_directory_has_one_recorder)
{
	struct recorder_options options = options_of();
	struct recorder *second;
	struct error err = {0};

	start(&options);
	cr_assert_eq(recorder_new(&second, &options, &err), -EBUSY);
	cr_assert(strstr(err.message, bench.path), "%s", err.message);
	stop(0);
	start(&options);
	stop(0);
}

Test(recorder, a_directory_that_is_removed_is_made_again)
{
	struct recorder_options options = options_of();
	char command[160], directory[96];
	struct maker_log log;
	uint64_t last;

	snprintf(directory, sizeof(directory), "%s/recording", bench.path);
	options.directory = directory;
	start(&options);
	last = maker_put(recorder, 0, 2, 100);
	cr_assert(wait_for_events(last));
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
	for (int i = 0; i < 500 && access(directory, F_OK); i++) {
		last = maker_put(recorder, last, 1, 10);
		usleep(10000);
	}
	cr_assert_eq(access(directory, F_OK), 0);
	cr_assert(wait_for_events(last));
	last = maker_put(recorder, last, 1, 100);
	cr_assert(wait_for_events(last));
	maker_read(&log, directory, NULL);
	cr_assert_geq(log.count, 100);
	cr_assert_eq(log.sequences[log.count - 1], last);
	maker_log_done(&log);
	stop(last);
}

/* What does not fit is refused, and so counted by whoever puts: a feed tells of it in the stream. */
Test(recorder, a_full_disk_costs_what_does_not_fit_into_memory_and_nothing_once_it_has_room)
{
	struct recorder_options options = options_of();
	struct maker_log log;
	struct recorder_counters c;
	uint64_t last, kept;
	int fd;

	/* Room for all of memory once it is free again: else it would soon be full anew. */
	segment_bench_mount(&bench, "size=4m");
	options.memory_bytes = (size_t)1 << 20;
	options.level = 0;
	start(&options);
	last = maker_put(recorder, 0, 2, 100);
	cr_assert(wait_for_events(last));
	fd = openat(bench.fd, "brim", O_CREAT | O_WRONLY, 0600);
	while (write(fd, options.query, 1) == 1)
		lseek(fd, 4095, SEEK_CUR);
	/* More than memory holds. */
	for (int i = 0; i < 200; i++)
		last = maker_put(recorder, last, 1, 100);
	cr_assert(wait_for_failing(true));
	kept = last;
	for (int i = 0; i < 200; i++)
		kept = maker_put(recorder, kept, 1, 100);
	c = counters();
	cr_assert(strstr(c.failure, "No space left"), "%s", c.failure);
	cr_assert_gt(c.queued_bytes, 0);
	cr_assert_leq(c.queued_bytes, 2 * options.memory_bytes);
	close(fd);
	cr_assert_eq(unlinkat(bench.fd, "brim", 0), 0);
	/* It is tried again within a second, and all of memory is written. */
	cr_assert(wait_for_events(kept));
	cr_assert(wait_for_failing(false));
	cr_assert_eq(counters().queued_bytes, 0);
	maker_read(&log, bench.path, recorder);
	expect_all(&log, 1, kept);
	maker_log_done(&log);
	stop(kept);
}

Test(recorder, a_directory_that_is_read_only_for_a_while_costs_nothing)
{
	struct recorder_options options = options_of();
	struct maker_log log;
	uint64_t last;

	start(&options);
	last = maker_put(recorder, 0, 2, 100);
	cr_assert(wait_for_events(last));
	if (!set_immutable(true)) {
		stop(last);
		cr_skip_test("nothing can be made immutable here: %s", strerror(errno));
	}
	last = maker_put(recorder, last, 2, 100);
	cr_assert(wait_for_failing(true));
	cr_assert(strstr(counters().failure, "not permitted"), "%s", counters().failure);
	cr_assert(set_immutable(false));
	cr_assert(wait_for_events(last));
	cr_assert(wait_for_failing(false));
	stop(last);
	maker_read(&log, bench.path, NULL);
	expect_all(&log, 1, last);
	maker_log_done(&log);
}
