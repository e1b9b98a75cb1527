#include "tests/recorder/segment_bench.h"

#include "base/cleanup.h"
#include "recorder/record_directory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void open_directory(struct segment_bench *b)
{
	b->fd = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(b->fd >= 0, "%s: %s", b->path, strerror(errno));
}

void segment_bench_init(struct segment_bench *b)
{
	temporary_make(b->path);
	open_directory(b);
}

void segment_bench_done(struct segment_bench *b)
{
	close(b->fd);
	(void)umount2(b->path, MNT_DETACH);
	temporary_remove(b->path);
}

void segment_bench_mount(struct segment_bench *b, const char *options)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", b->path, "tmpfs", 0, options) < 0)
		cr_skip_test("no file system can be mounted: %s", strerror(errno));
	close(b->fd);
	open_directory(b);
}

void segment_bench_remount_read_only(struct segment_bench *b)
{
	cr_assert_eq(mount("none", b->path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0, "%s", strerror(errno));
}

struct record_segment_header segment_bench_header(uint64_t number)
{
	struct record_segment_header header = {
		.number = number,
		.offset = SEGMENT_BENCH_OFFSET,
		.sequence = 99,
		.monotonic_ns = 7000000000,
		.realtime_ns = 1700000000000000000,
		.dialect = RECORD_DIALECT,
		.begin = RECORD_BEGIN_FIRST,
	};

	memcpy(header.boot_id, "sixteen bytes...", sizeof(header.boot_id));
	memcpy(header.sensor_id, "0123456789abcdef", sizeof(header.sensor_id));
	return header;
}

struct segment_writer *segment_bench_create(struct segment_bench *b, uint64_t number, int level)
{
	struct record_segment_header header = segment_bench_header(number);
	struct segment_writer *w;
	struct error err = {0};

	cr_assert_eq(segment_writer_create(&w, b->fd, &header, SEGMENT_BENCH_QUERY, level, &err), 0, "%s", err.message);
	return w;
}

size_t segment_bench_raw(unsigned int i, uint8_t raw[SEGMENT_BENCH_RAW_MAX])
{
	size_t size = i % 7 == 6 ? 0 : 1 + (size_t)i * 37 % 290;
	uint64_t random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);

	for (size_t at = 0; at < size; at++) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		raw[at] = i % 3 == 2 ? (uint8_t)random : (uint8_t)('a' + at % 7 + i % 5);
	}
	return size;
}

struct record_block_header segment_bench_block(unsigned int i)
{
	uint8_t raw[SEGMENT_BENCH_RAW_MAX];
	uint64_t offset = SEGMENT_BENCH_OFFSET;

	for (unsigned int before = 0; before < i; before++)
		offset += segment_bench_raw(before, raw) + before % 4;
	return (struct record_block_header){
		.offset = offset,
		.first_sequence = 100 + i * UINT64_C(10),
		.last_sequence = 109 + i * UINT64_C(10),
		.first_time_ns = 7000000000 + i * UINT64_C(1000),
		.last_time_ns = 7000000999 + i * UINT64_C(1000),
		.realtime_offset_ns = 1699999993000000000 + i,
		.kinds = record_kind_bit(EVENT_PROCESS_EXEC) | (i % 2 ? record_kind_bit(EVENT_LOST) : 0),
		.events = 10,
		.lost_events = i % 2,
		.lost = i % 2 ? 3 : 0,
	};
}

void segment_bench_append(struct segment_writer *w, unsigned int i)
{
	struct record_block_header header = segment_bench_block(i);
	uint8_t raw[SEGMENT_BENCH_RAW_MAX];
	size_t size = segment_bench_raw(i, raw);
	struct error err = {0};

	cr_assert_eq(segment_writer_append(w, &header, raw, size, &err), 0, "%s", err.message);
}

void segment_bench_write(struct segment_bench *b, uint64_t number, int level, unsigned int count, bool closed)
{
	struct segment_writer *w = segment_bench_create(b, number, level);
	struct error err = {0};

	for (unsigned int i = 0; i < count; i++)
		segment_bench_append(w, i);
	if (closed)
		cr_assert_eq(segment_writer_close(w, &err), 0, "%s", err.message);
	else
		segment_writer_abandon(w);
}

uint8_t *segment_bench_load(struct segment_bench *b, uint64_t number, size_t *ret_size)
{
	char name[RECORD_NAME_BYTES];
	cleanup_close int fd = -1;
	struct stat stat;
	uint8_t *bytes;

	record_segment_name(name, number);
	fd = openat(b->fd, name, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0 && !fstat(fd, &stat), "%s: %s", name, strerror(errno));
	*ret_size = (size_t)stat.st_size;
	bytes = malloc(*ret_size + 1);
	cr_assert(bytes && read(fd, bytes, *ret_size) == (ssize_t)*ret_size);
	return bytes;
}

void segment_bench_store(struct segment_bench *b, uint64_t number, const uint8_t *bytes, size_t size)
{
	char name[RECORD_NAME_BYTES];
	cleanup_close int fd = -1;

	record_segment_name(name, number);
	fd = openat(b->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	cr_assert(fd >= 0, "%s: %s", name, strerror(errno));
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
}

struct segment_reader *segment_bench_open(struct segment_bench *b, uint64_t number)
{
	char name[RECORD_NAME_BYTES];
	struct segment_reader *r;
	struct error err = {0};

	record_segment_name(name, number);
	cr_assert_eq(segment_reader_open(&r, b->fd, name, &err), 0, "%s", err.message);
	return r;
}

static bool is_header(const struct record_block_header *header, unsigned int i)
{
	struct record_block_header expected = segment_bench_block(i);
	uint8_t raw[SEGMENT_BENCH_RAW_MAX];

	return header->raw_size == segment_bench_raw(i, raw) && header->type == RECORD_BLOCK_EVENTS &&
	       !memcmp(&header->offset, &expected.offset,
		       offsetof(struct record_block_header, payload_checksum) - offsetof(struct record_block_header, offset));
}

int segment_bench_compare(struct segment_reader *r, const struct segment_block *block, unsigned int i)
{
	uint8_t raw[SEGMENT_BENCH_RAW_MAX];
	size_t size = segment_bench_raw(i, raw);
	struct error err = {0};
	struct buffer out;
	int error;

	if (block->damaged || !is_header(&block->header, i))
		return 1;
	buffer_init(&out, 0);
	buffer_put_string(&out, "before");
	error = segment_reader_read(r, block, &out, &err);
	cr_assert(!out.failed && out.length >= 6 && !memcmp(out.data, "before", 6));
	if (error)
		cr_assert(out.length == 6 && err.code == error && err.message[0], "%s", err.message);
	else if (out.length != 6 + size || memcmp(out.data + 6, raw, size) != 0)
		error = 1;
	buffer_done(&out);
	return error;
}

void segment_bench_expect(struct segment_reader *r, unsigned int count)
{
	const struct segment_block *blocks;
	struct error err = {0};
	size_t found;

	cr_assert_eq(segment_reader_blocks(r, &blocks, &found, &err), 0, "%s", err.message);
	cr_assert_eq(found, count, "%zu blocks instead of %u", found, count);
	for (unsigned int i = 0; i < count; i++)
		cr_assert_eq(segment_bench_compare(r, &blocks[i], i), 0, "block %u", i);
}
