#include "recorder/segment_reader.h"

#include "base/cleanup.h"
#include "recorder/record_directory.h"
#include "recorder/record_io.h"
#include "tests/recorder/segment_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <xxhash.h>

#define COUNT 7

static struct segment_bench bench;

static void setup(void)
{
	segment_bench_init(&bench);
}

static void teardown(void)
{
	segment_bench_done(&bench);
}

TestSuite(segment_reader, .init = setup, .fini = teardown, .timeout = 60);

/* Where the blocks of a segment that is whole lie. */
static void get_places(uint64_t number, struct segment_block places[COUNT])
{
	struct segment_reader *r = segment_bench_open(&bench, number);
	const struct segment_block *blocks;
	size_t count;

	cr_assert_eq(segment_reader_blocks(r, &blocks, &count, NULL), 0);
	cr_assert_eq(count, COUNT);
	memcpy(places, blocks, COUNT * sizeof(*blocks));
	segment_reader_close(r);
}

static uint64_t end_of(const struct segment_block *block)
{
	return block->position + block->size;
}

Test(segment_reader, what_was_written_is_read_at_every_level)
{
	static const int levels[] = {0, -5, 1, 19};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		for (int closed = 0; closed < 2; closed++) {
			struct segment_reader *r;

			segment_bench_write(&bench, 2 * i + (uint64_t)closed, levels[i], 200, closed);
			r = segment_bench_open(&bench, 2 * i + (uint64_t)closed);
			segment_bench_expect(r, 200);
			cr_expect_eq(segment_reader_is_closed(r), closed);
			cr_expect_eq(segment_reader_end(r), segment_reader_file_size(r));
			segment_reader_close(r);
		}
}

Test(segment_reader, a_large_block_is_read)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	struct segment_reader *r;
	struct record_block_header header = segment_bench_block(0);
	const struct segment_block *blocks;
	size_t size = (size_t)20 << 20, count;
	cleanup_free uint8_t *raw = malloc(size);
	struct buffer out;

	for (size_t i = 0; i < size; i += 8)
		memcpy(raw + i, &(uint64_t){i / 100}, 8);
	cr_assert_eq(segment_writer_append(w, &header, raw, size, NULL), 0);
	cr_assert_eq(segment_writer_close(w, NULL), 0);
	r = segment_bench_open(&bench, 1);
	cr_assert_eq(segment_reader_blocks(r, &blocks, &count, NULL), 0);
	cr_assert_eq(count, 1);
	buffer_init(&out, 0);
	cr_assert_eq(segment_reader_read(r, &blocks[0], &out, NULL), 0);
	cr_expect_eq(out.length, size);
	cr_expect_eq(memcmp(out.data, raw, size), 0);
	buffer_done(&out);
	segment_reader_close(r);
}

Test(segment_reader, a_buffer_that_may_not_grow_is_left_as_it_was)
{
	struct segment_reader *r;
	const struct segment_block *blocks;
	struct buffer out;
	size_t count;

	segment_bench_write(&bench, 1, 1, COUNT, true);
	r = segment_bench_open(&bench, 1);
	cr_assert_eq(segment_reader_blocks(r, &blocks, &count, NULL), 0);
	buffer_init(&out, 50);
	buffer_put_string(&out, "before");
	cr_expect_eq(segment_reader_read(r, &blocks[2], &out, NULL), -ENOMEM);
	cr_expect(!out.failed && out.length == 6);
	cr_expect_eq(segment_reader_read(r, &blocks[0], &out, NULL), 0);
	buffer_done(&out);
	segment_reader_close(r);
}

Test(segment_reader, the_header_and_the_query_are_what_was_given)
{
	struct record_segment_header expected = segment_bench_header(77);
	struct segment_reader *r;
	const struct record_segment_header *header;

	segment_bench_write(&bench, 77, 1, 0, false);
	r = segment_bench_open(&bench, 77);
	header = segment_reader_header(r);
	cr_expect_str_eq(segment_reader_query(r), SEGMENT_BENCH_QUERY);
	cr_expect_eq(header->version, 1);
	cr_expect_eq(memcmp(&header->number, &expected.number,
			    offsetof(struct record_segment_header, query_size) - offsetof(struct record_segment_header, number)),
		     0);
	segment_bench_expect(r, 0);
	segment_reader_close(r);
}

Test(segment_reader, a_segment_without_blocks_can_be_closed)
{
	struct segment_reader *r;

	segment_bench_write(&bench, 1, 1, 0, true);
	r = segment_bench_open(&bench, 1);
	segment_bench_expect(r, 0);
	cr_expect(segment_reader_is_closed(r));
	segment_reader_close(r);
}

/* Cuts */

/* Whatever was cut off, the blocks before it are there, and nothing else is. */
static void expect_cut(size_t size, const struct segment_block places[COUNT])
{
	struct segment_reader *r;
	unsigned int whole = 0;
	struct error err = {0};
	int error = segment_reader_open(&r, bench.fd, "segment-0000000000000002.rec", &err);

	if (size < places[0].position) {
		cr_assert_eq(error, -EBADMSG, "%zu bytes", size);
		cr_assert(strstr(err.message, "segment-0000000000000002.rec"));
		return;
	}
	cr_assert_eq(error, 0, "%zu bytes: %s", size, err.message);
	while (whole < COUNT && end_of(&places[whole]) <= size)
		whole++;
	segment_bench_expect(r, whole);
	cr_assert_not(segment_reader_is_closed(r), "%zu bytes", size);
	cr_assert_eq(segment_reader_end(r), whole ? end_of(&places[whole - 1]) : places[0].position, "%zu bytes", size);
	cr_assert_eq(segment_reader_file_size(r), size);
	segment_reader_close(r);
}

static void cut_everywhere(int level, bool closed)
{
	struct segment_block places[COUNT];
	cleanup_free uint8_t *bytes = NULL;
	size_t size;

	segment_bench_write(&bench, 1, level, COUNT, closed);
	get_places(1, places);
	bytes = segment_bench_load(&bench, 1, &size);
	for (size_t cut = 0; cut < size; cut++) {
		segment_bench_store(&bench, 2, bytes, cut);
		expect_cut(cut, places);
	}
}

Test(segment_reader, an_open_segment_may_be_cut_anywhere)
{
	cut_everywhere(1, false);
}

Test(segment_reader, a_closed_segment_may_be_cut_anywhere)
{
	cut_everywhere(1, true);
}

Test(segment_reader, a_closed_segment_without_compression_may_be_cut_anywhere)
{
	cut_everywhere(0, true);
}

/* A file system that had made room, but lost what was written into it. */
Test(segment_reader, zeros_at_the_end_count_as_not_written)
{
	struct segment_block places[COUNT];
	cleanup_free uint8_t *bytes = NULL;
	size_t size;

	segment_bench_write(&bench, 1, 1, COUNT, true);
	get_places(1, places);
	bytes = segment_bench_load(&bench, 1, &size);
	for (size_t from = size; from-- > end_of(&places[4]);) {
		struct segment_reader *r;

		bytes[from] = 0;
		if (from >= end_of(&places[5]))
			continue;
		segment_bench_store(&bench, 2, bytes, size);
		r = segment_bench_open(&bench, 2);
		if (from >= places[5].position + sizeof(struct record_block_header)) {
			/* Its header is whole: only reading shows what is missing. */
			const struct segment_block *blocks;
			size_t count;

			cr_assert_eq(segment_reader_blocks(r, &blocks, &count, NULL), 0);
			cr_assert_eq(count, 6);
			cr_assert_eq(segment_bench_compare(r, &blocks[5], 5), -EBADMSG);
			cr_assert_eq(segment_reader_end(r), end_of(&places[5]));
		} else {
			segment_bench_expect(r, 5);
			cr_assert_eq(segment_reader_end(r), end_of(&places[4]));
		}
		segment_reader_close(r);
	}
}

/* Flipped bits */

/* All blocks but the one that has the byte are read; and that one, or what else has it, is seen to be damaged. */
static void expect_flip(size_t at, const struct segment_block places[COUNT])
{
	struct segment_reader *r = segment_bench_open(&bench, 2);
	const struct segment_block *blocks;
	struct error err = {0};
	bool found = false;
	unsigned int next = 0;
	uint64_t before = 0;
	size_t count;

	cr_assert_eq(segment_reader_blocks(r, &blocks, &count, &err), 0, "%s", err.message);
	for (size_t i = 0; i < count; i++) {
		bool has = at >= blocks[i].position && at < end_of(&blocks[i]);
		int error;

		cr_assert(blocks[i].position >= before && end_of(&blocks[i]) <= segment_reader_file_size(r), "byte %zu", at);
		before = end_of(&blocks[i]);
		if (blocks[i].damaged) {
			cr_assert(has, "byte %zu: damaged at %llu", at, (unsigned long long)blocks[i].position);
			found = true;
			next += next < COUNT && at < end_of(&places[next]) && at >= places[next].position;
			continue;
		}
		cr_assert(next < COUNT && blocks[i].position == places[next].position, "byte %zu: block %zu", at, i);
		error = segment_bench_compare(r, &blocks[i], next++);
		cr_assert_eq(error, has ? -EBADMSG : 0, "byte %zu, block %zu: %d", at, i, error);
		found |= has;
	}
	found |= at >= segment_reader_end(r);
	cr_assert(found, "byte %zu", at);
	/* The last one has no other behind it, by which one would see that it is damaged and not just incomplete. */
	cr_assert(next == COUNT || (next == COUNT - 1 && at >= places[next].position && !segment_reader_is_closed(r)),
		  "byte %zu: %u blocks", at, next);
	segment_reader_close(r);
}

static void flip_everywhere(int level, bool closed, uint8_t (*mask)(size_t at))
{
	struct segment_block places[COUNT];
	cleanup_free uint8_t *bytes = NULL;
	size_t size;

	segment_bench_write(&bench, 1, level, COUNT, closed);
	get_places(1, places);
	bytes = segment_bench_load(&bench, 1, &size);
	for (size_t at = 0; at < size; at++) {
		struct segment_reader *r;
		struct error err = {0};
		int error;

		bytes[at] ^= mask(at);
		segment_bench_store(&bench, 2, bytes, size);
		bytes[at] ^= mask(at);
		if (at >= places[0].position) {
			expect_flip(at, places);
			continue;
		}
		error = segment_reader_open(&r, bench.fd, "segment-0000000000000002.rec", &err);
		cr_assert(error == -EBADMSG || (error == -ENOTSUP && at >= 8 && at < 12), "byte %zu: %d", at, error);
		cr_assert_null(r);
		cr_assert_eq(strncmp(err.message, "segment-0000000000000002.rec: ", 30), 0, "%s", err.message);
	}
}

static uint8_t one_bit(size_t at)
{
	return (uint8_t)(1 << at % 8);
}

static uint8_t all_bits(size_t at)
{
	(void)at;
	return 0xff;
}

Test(segment_reader, a_flipped_bit_of_an_open_segment_costs_one_block)
{
	flip_everywhere(1, false, one_bit);
}

Test(segment_reader, a_flipped_bit_of_a_closed_segment_costs_one_block)
{
	flip_everywhere(1, true, one_bit);
}

Test(segment_reader, a_flipped_byte_of_a_segment_without_compression_costs_one_block)
{
	flip_everywhere(0, true, all_bits);
}

Test(segment_reader, an_index_that_lies_is_not_believed)
{
	struct segment_block places[COUNT];
	cleanup_free uint8_t *bytes = NULL;
	struct record_block_header index;
	struct record_trailer trailer;
	struct segment_reader *r;
	const struct segment_block *blocks;
	struct record_index_entry entries[COUNT];
	size_t size, count;
	uint8_t *stored;

	segment_bench_write(&bench, 1, 0, COUNT, true);
	get_places(1, places);
	bytes = segment_bench_load(&bench, 1, &size);
	memcpy(&trailer, bytes + size - sizeof(trailer), sizeof(trailer));
	memcpy(&index, bytes + trailer.index_position, sizeof(index));
	cr_assert_eq(index.compression, RECORD_STORED);
	stored = bytes + trailer.index_position + sizeof(index);
	cr_assert_eq(index.stored_size, sizeof(entries));
	memcpy(entries, stored, sizeof(entries));
	/* Every checksum is right, but two blocks are told in the wrong order. */
	for (int swap = 0; swap < 2; swap++) {
		struct record_index_entry entry = entries[2];

		entries[2] = entries[3];
		entries[3] = entry;
		memcpy(stored, entries, sizeof(entries));
		index.payload_checksum = XXH3_64bits(stored, sizeof(entries));
		index.checksum = record_block_checksum(&index);
		memcpy(bytes + trailer.index_position, &index, sizeof(index));
		segment_bench_store(&bench, 2, bytes, size);
		r = segment_bench_open(&bench, 2);
		cr_assert_eq(segment_reader_blocks(r, &blocks, &count, NULL), 0);
		cr_assert_eq(count, swap ? COUNT : COUNT + 1);
		for (unsigned int i = 0; i < COUNT; i++)
			cr_expect_eq(segment_bench_compare(r, &blocks[i], i), 0);
		if (!swap)
			cr_expect(blocks[COUNT].damaged && blocks[COUNT].position == trailer.index_position);
		cr_expect(segment_reader_is_closed(r));
		segment_reader_close(r);
	}
}

Test(segment_reader, damage_costs_what_is_damaged_and_not_what_follows)
{
	struct segment_block places[COUNT];
	cleanup_free uint8_t *bytes = NULL;
	const struct segment_block *blocks;
	struct segment_reader *r;
	size_t size, count;

	segment_bench_write(&bench, 1, 1, COUNT, false);
	get_places(1, places);
	bytes = segment_bench_load(&bench, 1, &size);
	/* Two headers and all between, with something in it that looks like a header */
	memset(bytes + places[2].position, 'R', end_of(&places[3]) - places[2].position - 1);
	memcpy(bytes + places[2].position + 30, bytes + places[1].position, 104);
	memcpy(bytes + places[2].position + 150, "RBLKRBLK", 8);
	segment_bench_store(&bench, 2, bytes, size);
	r = segment_bench_open(&bench, 2);
	cr_assert_eq(segment_reader_blocks(r, &blocks, &count, NULL), 0);
	cr_assert_eq(count, COUNT - 1);
	cr_expect(blocks[2].damaged && blocks[2].position == places[2].position && end_of(&blocks[2]) == places[4].position);
	for (unsigned int i = 0; i < COUNT; i++)
		if (i < 2 || i > 3)
			cr_expect_eq(segment_bench_compare(r, &blocks[i < 2 ? i : i - 1], i), 0);
	cr_expect_eq(segment_reader_read(r, &blocks[2], &(struct buffer){0}, NULL), -EBADMSG);
	segment_reader_close(r);
}

/* What is no segment for this reader */

static void put_header(struct record_segment_header *header, const char *query)
{
	uint8_t bytes[4096] = {0};

	header->query_size = (uint32_t)strlen(query);
	header->header_size = (uint32_t)(sizeof(*header) + header->query_size + 7) & ~UINT32_C(7);
	header->checksum = 0;
	memcpy(bytes, header, sizeof(*header));
	memcpy(bytes + sizeof(*header), query, strlen(query));
	header->checksum = XXH3_64bits(bytes, header->header_size);
	memcpy(bytes, header, sizeof(*header));
	segment_bench_store(&bench, 1, bytes, header->header_size);
}

static struct record_segment_header whole_header(void)
{
	struct record_segment_header header = segment_bench_header(1);

	memcpy(header.magic, RECORD_SEGMENT_MAGIC, sizeof(header.magic));
	header.version = RECORD_VERSION;
	header.incompatible = RECORD_INCOMPATIBLE_ZSTD;
	return header;
}

static void expect_refusal(struct record_segment_header header, int error, const char *sentence)
{
	struct segment_reader *r;
	struct error err = {0};

	put_header(&header, "process");
	cr_expect_eq(segment_reader_open(&r, bench.fd, "segment-0000000000000001.rec", &err), error);
	cr_expect_null(r);
	cr_expect_str_eq(err.message, sentence);
}

Test(segment_reader, what_a_newer_version_wrote_is_refused_with_a_sentence)
{
	struct record_segment_header header = whole_header();

	header.version = 2;
	expect_refusal(header, -ENOTSUP,
		       "segment-0000000000000001.rec: is of version 2 of the format, and this ringside reads only version 1");
}

Test(segment_reader, a_feature_that_is_not_known_is_refused_with_a_sentence)
{
	struct record_segment_header header = whole_header();

	header.incompatible |= 0x40;
	expect_refusal(header, -ENOTSUP, "segment-0000000000000001.rec: needs features that this ringside does not know (flags 0x40)");
}

Test(segment_reader, a_dialect_that_is_not_known_is_refused_with_a_sentence)
{
	struct record_segment_header header = whole_header();

	memcpy(header.dialect, "klingon", 8);
	expect_refusal(header, -ENOTSUP,
		       "segment-0000000000000001.rec: its events are in dialect 'klingon', and this ringside reads only 'capsule8'");
}

Test(segment_reader, a_feature_that_need_not_be_known_is_no_hindrance)
{
	struct record_segment_header header = whole_header();
	struct segment_reader *r;

	header.compatible = 0xff;
	header.reserved = 5;
	header.begin = 99;
	put_header(&header, "process");
	r = segment_bench_open(&bench, 1);
	cr_expect_str_eq(segment_reader_query(r), "process");
	segment_bench_expect(r, 0);
	segment_reader_close(r);
}

Test(segment_reader, a_sensor_without_an_id_is_damage)
{
	struct record_segment_header header = whole_header();

	header.sensor_id[3] = '\n';
	expect_refusal(header, -EBADMSG, "segment-0000000000000001.rec: the sensor's id in its header has to be 16 hexadecimal digits");
}

static void expect_no_segment(const char *name, int error)
{
	struct segment_reader *r;
	struct error err = {0};

	cr_expect_eq(segment_reader_open(&r, bench.fd, name, &err), error, "%s", name);
	cr_expect_null(r);
	cr_expect_eq(strncmp(err.message, name, strlen(name)), 0, "%s", err.message);
}

Test(segment_reader, other_files_are_no_segments)
{
	uint8_t text[400];

	memset(text, 'x', sizeof(text));
	segment_bench_store(&bench, 1, text, sizeof(text));
	cr_assert_eq(mkfifoat(bench.fd, "fifo", 0600), 0);
	cr_assert_eq(mkdirat(bench.fd, "directory", 0700), 0);
	expect_no_segment("segment-0000000000000001.rec", -EBADMSG);
	expect_no_segment("fifo", -EBADMSG);
	expect_no_segment("directory", -EBADMSG);
	expect_no_segment("nothing", -ENOENT);
}

/* While it is written */

Test(segment_reader, a_file_that_grows_byte_by_byte_is_seen_to_grow_block_by_block)
{
	struct segment_block places[COUNT];
	cleanup_free uint8_t *bytes = NULL;
	struct segment_reader *r;
	cleanup_close int fd = -1;
	size_t size;

	segment_bench_write(&bench, 1, 1, COUNT, true);
	get_places(1, places);
	bytes = segment_bench_load(&bench, 1, &size);
	segment_bench_store(&bench, 2, bytes, places[0].position);
	fd = openat(bench.fd, "segment-0000000000000002.rec", O_WRONLY | O_APPEND | O_CLOEXEC);
	r = segment_bench_open(&bench, 2);
	segment_bench_expect(r, 0);
	for (size_t at = places[0].position; at < size; at++) {
		unsigned int whole = 0;

		cr_assert_eq(write(fd, &bytes[at], 1), 1);
		while (whole < COUNT && end_of(&places[whole]) <= at + 1)
			whole++;
		segment_bench_expect(r, whole);
		cr_assert_eq(segment_reader_is_closed(r), at + 1 == size);
	}
	segment_reader_close(r);
}

Test(segment_reader, a_file_that_is_cut_and_goes_on_is_followed)
{
	struct segment_block places[COUNT];
	cleanup_free uint8_t *bytes = NULL;
	struct segment_reader *r;
	size_t size;

	segment_bench_write(&bench, 1, 1, COUNT, true);
	get_places(1, places);
	bytes = segment_bench_load(&bench, 1, &size);
	segment_bench_store(&bench, 2, bytes, size);
	r = segment_bench_open(&bench, 2);
	segment_bench_expect(r, COUNT);
	cr_expect(segment_reader_is_closed(r));
	for (unsigned int left = COUNT; left-- > 0;) {
		segment_bench_store(&bench, 2, bytes, places[left].position + 20);
		segment_bench_expect(r, left);
		cr_expect_not(segment_reader_is_closed(r));
		cr_expect_eq(segment_reader_end(r), places[left].position);
	}
	/* What a writer left that failed, and then what it wrote instead */
	memset(bytes + places[3].position, 'x', 200);
	segment_bench_store(&bench, 2, bytes, places[3].position + 200);
	segment_bench_expect(r, 3);
	free(bytes);
	bytes = segment_bench_load(&bench, 1, &size);
	segment_bench_store(&bench, 2, bytes, end_of(&places[5]));
	segment_bench_expect(r, 6);
	segment_bench_store(&bench, 2, bytes, size);
	segment_bench_expect(r, COUNT);
	cr_expect(segment_reader_is_closed(r));
	segment_reader_close(r);
}

Test(segment_reader, a_block_that_was_replaced_since_is_not_taken_for_what_it_was)
{
	struct segment_block places[COUNT];
	cleanup_free uint8_t *bytes = NULL;
	struct segment_reader *r;
	size_t size;

	segment_bench_write(&bench, 1, 1, COUNT, false);
	get_places(1, places);
	bytes = segment_bench_load(&bench, 1, &size);
	r = segment_bench_open(&bench, 1);
	memset(bytes + places[2].position, 'y', 300);
	segment_bench_store(&bench, 1, bytes, places[2].position + 300);
	cr_expect_eq(segment_bench_compare(r, &places[1], 1), 0);
	cr_expect_eq(segment_bench_compare(r, &places[2], 2), -EBADMSG);
	cr_expect_eq(segment_bench_compare(r, &places[6], 6), -EBADMSG);
	segment_reader_close(r);
}

Test(segment_reader, a_file_that_was_removed_is_read_on)
{
	struct segment_reader *r;

	segment_bench_write(&bench, 1, 1, COUNT, true);
	r = segment_bench_open(&bench, 1);
	cr_assert_eq(unlinkat(bench.fd, "segment-0000000000000001.rec", 0), 0);
	segment_bench_expect(r, COUNT);
	segment_reader_close(r);
}

/* If each look searched all of the damage again, this would read 500 GB. */
Test(segment_reader, damage_that_grows_is_searched_once)
{
	static uint8_t garbage[16384];
	struct segment_reader *r;
	cleanup_close int fd = -1;
	const struct segment_block *blocks;
	size_t count;

	for (size_t i = 0; i < sizeof(garbage); i += 4)
		memcpy(garbage + i, "RBLK", 4);
	segment_bench_write(&bench, 1, 1, 0, false);
	r = segment_bench_open(&bench, 1);
	fd = openat(bench.fd, "segment-0000000000000001.rec", O_WRONLY | O_APPEND | O_CLOEXEC);
	for (int i = 0; i < 8000; i++) {
		cr_assert_eq(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
		cr_assert_eq(segment_reader_blocks(r, &blocks, &count, NULL), 0);
		cr_assert_eq(count, 0);
	}
	segment_reader_close(r);
}

#define LIVE_COUNT 1500

static void *append_many(void *writer)
{
	for (unsigned int i = 0; i < LIVE_COUNT; i++)
		segment_bench_append(writer, i);
	cr_assert_eq(segment_writer_close(writer, NULL), 0);
	return NULL;
}

Test(segment_reader, a_reader_beside_the_writer_sees_every_block_whole)
{
	struct segment_writer *w = segment_bench_create(&bench, 1, 1);
	struct segment_reader *r = segment_bench_open(&bench, 1);
	const struct segment_block *blocks;
	unsigned int seen = 0;
	pthread_t thread;
	size_t count;

	cr_assert_eq(pthread_create(&thread, NULL, append_many, w), 0);
	while (!segment_reader_is_closed(r)) {
		cr_assert_eq(segment_reader_blocks(r, &blocks, &count, NULL), 0);
		cr_assert(count >= seen && count <= LIVE_COUNT);
		for (; seen < count; seen++)
			cr_assert_eq(segment_bench_compare(r, &blocks[seen], seen), 0, "block %u", seen);
	}
	cr_expect_eq(seen, LIVE_COUNT);
	pthread_join(thread, NULL);
	segment_reader_close(r);
}
