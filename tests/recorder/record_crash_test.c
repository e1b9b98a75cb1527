#include "tests/recorder/record_maker.h"
#include "tests/support/temporary.h"

#include "base/clock.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What a crash may cost, and what a damaged disk may: the events of what was not written, or is damaged, and each of them is told as a gap.
 */

/* ThreadSanitizer slows a fork down a hundredfold. */
#ifdef __SANITIZE_THREAD__
#define KILLS   20
#define DAMAGES 50
#else
#define KILLS   500
#define DAMAGES 500
#endif
#define PATIENCE_NS (100 * NSEC_PER_SEC)

/* What the child has done, as far as it knows. */
struct progress {
	_Atomic uint64_t first; /* number of this run */
	_Atomic uint64_t made;
	_Atomic uint64_t written; /* events that were in blocks on disk */
};

static char directory[TEMPORARY_PATH_BYTES];

static void set_up(void)
{
	temporary_make(directory);
}

static void tear_down(void)
{
	temporary_remove(directory);
}

TestSuite(record_crash, .init = set_up, .fini = tear_down, .timeout = 300);

static const struct recorder_options small = {
	.capacity_bytes = (uint64_t)1 << 30,
	.segment_bytes = 64 * 1024,
	.flush_ns = NSEC_PER_MSEC,
	.level = 1,
};

static void record_until_killed(struct progress *p)
{
	struct recorder_options options = small;
	struct recorder_counters counters;
	struct recorder *r;
	uint64_t sequence;

	options.directory = directory;
	if (recorder_new(&r, &options, NULL))
		_exit(3);
	sequence = recorder_sequence(r);
	atomic_store(&p->first, sequence + 1);
	for (;;) {
		uint64_t last = maker_put(r, sequence, 4, 50);

		sequence = last;
		atomic_store(&p->made, sequence);
		recorder_counters(r, &counters);
		atomic_store(&p->written, counters.events);
		usleep(300);
	}
}

/* A run that ends with kill -9 after a random time. False: it could not even begin. */
static void run_and_kill(struct progress *p, unsigned *random)
{
	pid_t child;
	int status;

	atomic_store(&p->first, 0);
	atomic_store(&p->made, 0);
	atomic_store(&p->written, 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (!child)
		record_until_killed(p);
	/* One in ten may be killed while it opens the directory, the others while they record. */
	if (rand_r(random) % 10)
		for (int i = 0; i < 50000 && !atomic_load(&p->first); i++)
			usleep(100);
	usleep(500 + (unsigned)rand_r(random) % 15000);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status), "the child ended by itself with status %d", status);
}

/* What a run was known to have written is there, once and in order. */
static void check_run(const struct maker_log *log, uint64_t first, uint64_t written, unsigned seed, int run)
{
	uint64_t next = first;
	size_t i = 0;

	while (i < log->count && log->sequences[i] < first)
		i++;
	for (; next < first + written; next++, i++)
		cr_assert(i < log->count && log->sequences[i] == next, "seed %u, run %d: number %" PRIu64 " was written and is not there",
			  seed, run, next);
}

Test(record_crash, what_was_written_survives_five_hundred_kills)
{
	struct progress *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned seed = (unsigned)getpid(), random = seed;
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_NS;
	static uint64_t firsts[KILLS], written[KILLS];
	struct maker_log log;
	int runs = 0, began = 0;
	size_t crashes = 0;

	cr_assert_neq(p, MAP_FAILED);
	for (; runs < KILLS && clock_monotonic_ns() < deadline_ns; runs++) {
		run_and_kill(p, &random);
		if (!atomic_load(&p->first))
			continue;
		cr_assert(!began || atomic_load(&p->first) > firsts[began - 1], "seed %u: numbers begin again", seed);
		firsts[began] = atomic_load(&p->first);
		written[began] = atomic_load(&p->written);
		began++;
	}
	maker_read(&log, directory, NULL);
	for (size_t i = 1; i < log.count; i++)
		cr_assert_gt(log.sequences[i], log.sequences[i - 1], "seed %u: number %" PRIu64 " comes behind %" PRIu64, seed,
			     log.sequences[i], log.sequences[i - 1]);
	/* Where numbers leap, a run has crashed, and that is told. */
	for (size_t i = 1; i < log.count; i++)
		cr_assert(log.sequences[i] == log.sequences[i - 1] + 1 || maker_is_in_gap(&log, log.sequences[i - 1] + 1),
			  "seed %u: nothing tells of what is missing behind number %" PRIu64, seed, log.sequences[i - 1]);
	for (int i = 0; i < began; i++)
		check_run(&log, firsts[i], written[i], seed, i);
	for (size_t i = 0; i < log.gap_count; i++) {
		cr_assert_eq(log.gaps[i].gap, RECORD_GAP_CRASHED, "seed %u: a gap of another sort, %d", seed, (int)log.gaps[i].gap);
		crashes++;
	}
	fprintf(stderr, "%d kills, %d runs with a recorder, %zu events, %zu gaps\n", runs, began, log.count, crashes);
	cr_assert_gt(crashes, 0);
	cr_assert_geq(runs, KILLS / 10);
	cr_assert_geq(began, runs * 3 / 4, "only %d of %d kills met a recorder", began, runs);
	maker_log_done(&log);
	munmap(p, sizeof(*p));
}

/* Damage */

static uint64_t make_recording(void)
{
	struct recorder_options options = small;
	struct recorder *r;
	struct error err = {0};
	uint64_t sequence = 0;

	options.directory = directory;
	options.level = 0;
	cr_assert_eq(recorder_new(&r, &options, &err), 0, "%s", err.message);
	for (int i = 0; i < 120; i++) {
		sequence = maker_put(r, sequence, 2, 60);
		usleep(1500);
	}
	outbox_finish(recorder_outbox(r), 0, "");
	recorder_free(r, sequence);
	return sequence;
}

/* A block, and what is in it. */
struct stretch {
	size_t position, end;
	uint64_t first, last; /* numbers; 0: none */
};

struct file {
	char name[RECORD_NAME_BYTES];
	uint8_t *bytes;
	size_t size;
	struct stretch blocks[64];
	size_t block_count;
};

/* Damage in [from, to) of a file. */
struct damage {
	const struct file *file;
	size_t from, to;
};

static void find_blocks(struct file *file)
{
	const struct segment_block *blocks;
	struct segment_reader *reader;
	struct error err = {0};
	int fd = record_directory_open(directory, false, &err);

	cr_assert_geq(fd, 0, "%s", err.message);
	cr_assert_eq(segment_reader_open(&reader, fd, file->name, &err), 0, "%s", err.message);
	cr_assert_eq(segment_reader_blocks(reader, &blocks, &file->block_count, &err), 0, "%s", err.message);
	cr_assert_leq(file->block_count, sizeof(file->blocks) / sizeof(file->blocks[0]));
	for (size_t i = 0; i < file->block_count; i++)
		file->blocks[i] = (struct stretch){
			.position = blocks[i].position,
			.end = blocks[i].position + blocks[i].size,
			.first = blocks[i].header.events ? blocks[i].header.first_sequence : 0,
			.last = blocks[i].header.events ? blocks[i].header.last_sequence : 0,
		};
	segment_reader_close(reader);
	close(fd);
}

/* Whether the damage may have cost the number: it is in the number's block, or in the segment's header. */
static bool may_be_missing(const struct damage *d, uint64_t sequence)
{
	const struct file *f = d->file;
	bool header = f && f->block_count && d->from < f->blocks[0].position;

	for (size_t i = 0; f && i < f->block_count; i++)
		if (sequence >= f->blocks[i].first && sequence <= f->blocks[i].last)
			return header || (d->from < f->blocks[i].end && d->to > f->blocks[i].position);
	return false;
}

static size_t read_files(struct file *files, size_t max)
{
	DIR *d = opendir(directory);
	struct dirent *entry;
	size_t count = 0;

	cr_assert_not_null(d);
	while ((entry = readdir(d))) {
		char path[400];
		struct stat stat_of;
		uint64_t number;
		FILE *f;

		if (!record_segment_number(entry->d_name, &number))
			continue;
		cr_assert_lt(count, max);
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		cr_assert_eq(stat(path, &stat_of), 0);
		snprintf(files[count].name, sizeof(files[count].name), "%.39s", entry->d_name);
		files[count].size = (size_t)stat_of.st_size;
		files[count].bytes = malloc(files[count].size);
		f = fopen(path, "r");
		cr_assert_eq(fread(files[count].bytes, 1, files[count].size, f), files[count].size);
		fclose(f);
		find_blocks(&files[count++]);
	}
	closedir(d);
	return count;
}

static void write_file(const struct file *file, size_t size)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, file->name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fwrite(file->bytes, 1, size, f), size);
	fclose(f);
}

/* Every number of a block that is whole is there; every other is, or is in a gap; and none is twice or in another order. `open_end`: behind the last one that
 * is there nobody knows that there was more. */
static size_t check_damaged(const struct maker_log *log, uint64_t last, const struct damage *damage, bool open_end, unsigned seed,
			    int round)
{
	size_t missing = 0, i = 0;

	for (size_t k = 1; k < log->count; k++)
		cr_assert_gt(log->sequences[k], log->sequences[k - 1], "seed %u, round %d: order", seed, round);
	for (uint64_t sequence = 1; sequence <= last; sequence++) {
		if (i < log->count && log->sequences[i] == sequence) {
			i++;
			continue;
		}
		missing++;
		cr_assert(may_be_missing(damage, sequence),
			  "seed %u, round %d: number %" PRIu64 " is in a block that is whole, and missing", seed, round, sequence);
		if (open_end && (!log->count || sequence > log->sequences[log->count - 1]))
			continue;
		cr_assert(maker_is_in_gap(log, sequence),
			  "seed %u, round %d: number %" PRIu64 " is missing and no gap tells of it (%s from %zu of %zu)", seed, round,
			  sequence, damage->file ? damage->file->name : "", damage->from, damage->file ? damage->file->size : 0);
	}
	cr_assert_eq(i, log->count, "seed %u, round %d: there are events that nobody made", seed, round);
	return missing;
}

static int by_name(const void *a, const void *b)
{
	const struct file *left = a, *right = b;

	return strcmp(left->name, right->name);
}

Test(record_crash, damage_costs_what_is_damaged_and_is_told)
{
	static struct file files[512];
	unsigned seed = (unsigned)getpid(), random = seed;
	uint64_t last = make_recording();
	size_t count = read_files(files, 512), total_missing = 0;
	struct maker_log log;

	cr_assert_gt(count, 3, "only %zu segments", count);
	qsort(files, count, sizeof(files[0]), by_name);
	for (int round = 0; round < DAMAGES; round++) {
		struct file *file = &files[(size_t)rand_r(&random) % count];
		size_t place = (size_t)rand_r(&random) % file->size;
		uint8_t old = file->bytes[place];
		bool cut = round % 2;
		const struct damage damage = {.file = file, .from = place, .to = cut ? file->size : place + 1};

		if (!cut)
			file->bytes[place] ^= (uint8_t)(1u << (rand_r(&random) % 8));
		write_file(file, cut ? place : file->size);
		maker_read(&log, directory, NULL);
		/* A last segment that is cut is as one whose end was never written. */
		total_missing += check_damaged(&log, last, &damage, cut && file == &files[count - 1], seed, round);
		maker_log_done(&log);
		file->bytes[place] = old;
		write_file(file, file->size);
	}
	maker_read(&log, directory, NULL);
	cr_assert_eq(check_damaged(&log, last, &(struct damage){0}, false, seed, -1), 0);
	fprintf(stderr, "%d rounds of damage in %zu segments of %" PRIu64 " events: %zu missing in all, all told\n", DAMAGES, count, last,
		total_missing);
	maker_log_done(&log);
	for (size_t i = 0; i < count; i++)
		free(files[i].bytes);
}
