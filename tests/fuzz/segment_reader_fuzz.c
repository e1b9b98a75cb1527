/* Seeds: corpus/segment_reader/, segments that are closed, being written, without compression, cut and damaged. What a fuzzer changes no checksum agrees
 * with; so each input is read twice, the second time with the right ones put in wherever headers seem to be. */
#include "recorder/record_io.h"
#include "recorder/segment_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A few bytes may be told to be very many. */
#define READ_MAX ((size_t)1 << 20)

static int fd = -1;
static char path[64];

static void put_right_index(uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + sizeof(struct record_index_entry) <= size; at += sizeof(struct record_index_entry)) {
		struct record_index_entry entry;

		memcpy(&entry, bytes + at, sizeof(entry));
		entry.header.checksum = record_block_checksum(&entry.header);
		memcpy(bytes + at, &entry, sizeof(entry));
	}
}

/* Returns how many bytes the block has, or 0. */
static size_t put_right_block(uint8_t *bytes, size_t size)
{
	struct record_block_header header;

	if (size < sizeof(header))
		return 0;
	memcpy(&header, bytes, sizeof(header));
	if (header.magic != RECORD_BLOCK_MAGIC || header.header_size < sizeof(header))
		return 0;
	if (record_block_size(&header) <= size) {
		uint8_t *stored = bytes + header.header_size;

		if (header.type == RECORD_BLOCK_INDEX && header.compression == RECORD_STORED)
			put_right_index(stored, header.stored_size);
		header.payload_checksum = XXH3_64bits(stored, header.stored_size);
	}
	header.checksum = record_block_checksum(&header);
	memcpy(bytes, &header, sizeof(header));
	return record_block_size(&header) <= size ? record_block_size(&header) : sizeof(header);
}

static void put_right(uint8_t *bytes, size_t size)
{
	struct record_segment_header header;
	size_t at;

	if (size < sizeof(header))
		return;
	memcpy(&header, bytes, sizeof(header));
	at = header.header_size;
	if (at < sizeof(header) || at > size)
		return;
	header.checksum = 0;
	memcpy(bytes, &header, sizeof(header));
	header.checksum = XXH3_64bits(bytes, header.header_size);
	memcpy(bytes, &header, sizeof(header));
	while (at < size) {
		size_t block = put_right_block(bytes + at, size - at);

		at += block ? block : 1;
	}
}

static void write_file(const uint8_t *bytes, size_t size)
{
	assert(!ftruncate(fd, (off_t)size));
	assert(pwrite(fd, bytes, size, 0) == (ssize_t)size);
}

static void read_block(struct segment_reader *r, const struct segment_block *block)
{
	struct error err = {0};
	struct buffer out;
	int error;

	buffer_init(&out, READ_MAX);
	buffer_put_u8(&out, 'x');
	error = segment_reader_read(r, block, &out, &err);
	assert(!out.failed && out.data[0] == 'x');
	assert(error ? out.length == 1 && err.code == error && err.message[0] : out.length == 1 + (size_t)block->header.raw_size);
	assert(!block->damaged || error == -EBADMSG);
	buffer_done(&out);
}

/* Blocks lie behind one another inside the file, and so do their offsets. Returns how many there are. */
static size_t check_blocks(struct segment_reader *r, const struct segment_block **ret)
{
	uint64_t at = segment_reader_header(r)->header_size, offset = segment_reader_header(r)->offset;
	const struct segment_block *blocks;
	size_t count;

	assert(!segment_reader_blocks(r, &blocks, &count, NULL));
	for (size_t i = 0; i < count; i++) {
		assert(blocks[i].position == at && blocks[i].size);
		at += blocks[i].size;
		if (blocks[i].damaged)
			continue;
		assert(blocks[i].size == record_block_size(&blocks[i].header) && record_block_is_valid(&blocks[i].header));
		assert(blocks[i].header.offset >= offset);
		offset = record_block_end_offset(&blocks[i].header);
	}
	assert(at <= segment_reader_end(r) && segment_reader_end(r) <= segment_reader_file_size(r));
	assert(segment_reader_is_closed(r) ? segment_reader_end(r) == segment_reader_file_size(r) : segment_reader_end(r) == at);
	*ret = blocks;
	return count;
}

/* Whole; cut in the middle; and grown again. */
static void read_segment(const uint8_t *bytes, size_t size)
{
	const struct segment_block *blocks;
	struct segment_reader *r;
	struct error err = {0};
	size_t count, header_size;

	write_file(bytes, size);
	if (segment_reader_open(&r, -1, path, &err)) {
		assert(!r && err.message[0]);
		return;
	}
	header_size = segment_reader_header(r)->header_size;
	assert(strlen(segment_reader_query(r)) == segment_reader_header(r)->query_size);
	count = check_blocks(r, &blocks);
	for (size_t i = 0; i < count; i++)
		read_block(r, &blocks[i]);
	write_file(bytes, header_size + (size - header_size) / 2);
	assert(check_blocks(r, &blocks) <= count);
	write_file(bytes, size);
	count = check_blocks(r, &blocks);
	for (size_t i = 0; i < count; i++)
		read_block(r, &blocks[i]);
	segment_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size + 1);

	if (fd < 0) {
		fd = memfd_create("segment", MFD_CLOEXEC);
		assert(fd >= 0);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	read_segment(data, size);
	memcpy(bytes, data, size);
	put_right(bytes, size);
	read_segment(bytes, size);
	free(bytes);
	return 0;
}
