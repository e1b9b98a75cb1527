#ifndef TESTS_RECORDER_SEGMENT_BENCH_H
#define TESTS_RECORDER_SEGMENT_BENCH_H

#include "recorder/segment_reader.h"
#include "recorder/segment_writer.h"
#include "tests/support/temporary.h"

/*
 * A directory for segments, and blocks whose content is told by their number. Everything asserts that it worked.
 */
struct segment_bench {
	char path[TEMPORARY_PATH_BYTES];
	int fd;
};

void segment_bench_init(struct segment_bench *b);
/* Removes the directory with all that is in it. */
void segment_bench_done(struct segment_bench *b);

/* Mounts a tmpfs of its own over the directory, of which only this process knows, and opens that instead. Skips the test where it is not allowed to. */
void segment_bench_mount(struct segment_bench *b, const char *options);
void segment_bench_remount_read_only(struct segment_bench *b);

#define SEGMENT_BENCH_OFFSET UINT64_C(5000) /* of a segment's first block */
#define SEGMENT_BENCH_QUERY  "process; file:open where uid = 0"

struct record_segment_header segment_bench_header(uint64_t number);
struct segment_writer *segment_bench_create(struct segment_bench *b, uint64_t number, int level);

/* The content of block `i` of a segment: some compress well, some hardly, and some, the seventh as the first of them, are empty. Its size, too, is told by the number. */
#define SEGMENT_BENCH_RAW_MAX ((size_t)1000)
size_t segment_bench_raw(unsigned int i, uint8_t raw[SEGMENT_BENCH_RAW_MAX]);
/* Of block `i`, all that the writer's caller fills in. */
struct record_block_header segment_bench_block(unsigned int i);
void segment_bench_append(struct segment_writer *w, unsigned int i);
/* A whole segment of blocks 0 to count - 1. */
void segment_bench_write(struct segment_bench *b, uint64_t number, int level, unsigned int count, bool closed);

/* The bytes of a file of the directory, from malloc; and the contrary. */
uint8_t *segment_bench_load(struct segment_bench *b, uint64_t number, size_t *ret_size);
void segment_bench_store(struct segment_bench *b, uint64_t number, const uint8_t *bytes, size_t size);

struct segment_reader *segment_bench_open(struct segment_bench *b, uint64_t number);
/* Whether the block is block `i`: its header and what is read of it. 0; what segment_reader_read() says; or 1, it is another one. */
int segment_bench_compare(struct segment_reader *r, const struct segment_block *block, unsigned int i);
/* All blocks, whole, are 0 to count - 1. */
void segment_bench_expect(struct segment_reader *r, unsigned int count);

#endif
