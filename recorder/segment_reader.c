#include "recorder/segment_reader.h"

#include "recorder/record_io.h"
#include "recorder/segment_blocks.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

struct segment_reader {
	int fd;
	char *name;
	struct record_segment_header header;
	char *query;
	struct segment_blocks blocks;
	ZSTD_DCtx *zstd;
	struct buffer stored; /* of the block that is being read */
};

static int damaged(struct error *err, const struct segment_reader *r, const char *what)
{
	return error_set(err, -EBADMSG, "%s: %s", r->name, what);
}

/* The header */

static int open_file(struct segment_reader *r, int directory_fd, uint64_t *ret_size, struct error *err)
{
	struct stat stat;

	/* Without O_NONBLOCK a fifo would make us wait. */
	r->fd = openat(directory_fd, r->name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (r->fd < 0 || fstat(r->fd, &stat) < 0)
		return error_set_errno(err, -errno, "%s", r->name);
	if (!S_ISREG(stat.st_mode))
		return damaged(err, r, "is no file");
	*ret_size = (uint64_t)stat.st_size;
	return 0;
}

/* What can be said before the checksum: whether these are the fields that we know, and how long the header is. */
static int check_shape(const struct segment_reader *r, uint64_t file_size, struct error *err)
{
	const struct record_segment_header *h = &r->header;

	if (memcmp(h->magic, RECORD_SEGMENT_MAGIC, sizeof(h->magic)) != 0)
		return damaged(err, r, "is no segment of a recording");
	if (h->version > RECORD_VERSION)
		return error_set(err, -ENOTSUP, "%s: is of version %u of the format, and this ringside reads only version %d", r->name,
				 h->version, RECORD_VERSION);
	if (!h->version || h->header_size < sizeof(*h) || h->header_size % 8 || h->query_size > RECORD_QUERY_MAX_BYTES ||
	    h->query_size > h->header_size - sizeof(*h) || h->header_size - sizeof(*h) - h->query_size > RECORD_QUERY_MAX_BYTES)
		return damaged(err, r, "its header is damaged");
	if (h->header_size > file_size)
		return damaged(err, r, "ends in the middle of its header");
	return 0;
}

/* What the header says, which is now known to be what was written. */
static int check_header(const struct segment_reader *r, struct error *err)
{
	const struct record_segment_header *h = &r->header;
	uint32_t unknown = h->incompatible & ~(uint32_t)RECORD_INCOMPATIBLE_KNOWN;
	char dialect[sizeof(h->dialect)] = RECORD_DIALECT;

	if (unknown)
		return error_set(err, -ENOTSUP, "%s: needs features that this ringside does not know (flags 0x%x)", r->name, unknown);
	if (memcmp(h->dialect, dialect, sizeof(dialect)) != 0)
		return error_set(err, -ENOTSUP, "%s: its events are in dialect '%.*s', and this ringside reads only '%s'", r->name,
				 (int)sizeof(h->dialect), h->dialect, RECORD_DIALECT);
	for (size_t i = 0; i < sizeof(h->sensor_id); i++)
		if (!isxdigit((unsigned char)h->sensor_id[i]))
			return damaged(err, r, "the sensor's id in its header has to be 16 hexadecimal digits");
	if (strlen(r->query) != h->query_size)
		return damaged(err, r, "the query in its header has a NUL in it");
	return 0;
}

/* `bytes` has room for all of the header, whose first part has been read. */
static int read_whole_header(struct segment_reader *r, uint8_t *bytes, struct error *err)
{
	ssize_t n = record_read_at(r->fd, bytes, r->header.header_size, 0);

	if (n < 0)
		return error_set_errno(err, (int)n, "%s", r->name);
	if ((size_t)n < r->header.header_size || memcmp(bytes, &r->header, sizeof(r->header)) != 0)
		return damaged(err, r, "its header was changed while it was read");
	memset(bytes + offsetof(struct record_segment_header, checksum), 0, sizeof(r->header.checksum));
	if (XXH3_64bits(bytes, r->header.header_size) != r->header.checksum)
		return damaged(err, r, "its header is damaged");
	memcpy(r->query, bytes + sizeof(r->header), r->header.query_size);
	r->query[r->header.query_size] = '\0';
	return check_header(r, err);
}

static int read_header(struct segment_reader *r, uint64_t file_size, struct error *err)
{
	ssize_t n = record_read_at(r->fd, &r->header, sizeof(r->header), 0);
	uint8_t *bytes;
	int error;

	if (n < 0)
		return error_set_errno(err, (int)n, "%s", r->name);
	if ((size_t)n < sizeof(r->header))
		return damaged(err, r, "is too short for a segment of a recording");
	error = check_shape(r, file_size, err);
	if (error)
		return error;
	bytes = malloc(r->header.header_size);
	r->query = malloc(r->header.query_size + 1);
	error = bytes && r->query ? read_whole_header(r, bytes, err) : error_set(err, -ENOMEM, "out of memory");
	free(bytes);
	return error;
}

int segment_reader_open(struct segment_reader **ret, int directory_fd, const char *name, struct error *err)
{
	struct segment_reader *r = calloc(1, sizeof(*r));
	uint64_t size = 0;
	int error;

	*ret = NULL;
	if (!r)
		return error_set(err, -ENOMEM, "out of memory");
	r->fd = -1;
	buffer_init(&r->stored, 0);
	r->name = strdup(name);
	r->zstd = ZSTD_createDCtx();
	if (!r->name || !r->zstd)
		error = error_set(err, -ENOMEM, "out of memory");
	else
		error = open_file(r, directory_fd, &size, err);
	if (!error)
		error = read_header(r, size, err);
	if (error)
		r = segment_reader_close(r);
	else
		segment_blocks_init(&r->blocks, &r->header);
	*ret = r;
	return error;
}

struct segment_reader *segment_reader_close(struct segment_reader *r)
{
	if (!r)
		return NULL;
	if (r->fd >= 0)
		close(r->fd);
	segment_blocks_done(&r->blocks);
	ZSTD_freeDCtx(r->zstd);
	buffer_done(&r->stored);
	free(r->query);
	free(r->name);
	free(r);
	return NULL;
}

const struct record_segment_header *segment_reader_header(const struct segment_reader *r)
{
	return &r->header;
}

const char *segment_reader_query(const struct segment_reader *r)
{
	return r->query;
}

bool segment_reader_is_closed(const struct segment_reader *r)
{
	return r->blocks.is_closed;
}

uint64_t segment_reader_end(const struct segment_reader *r)
{
	return r->blocks.end;
}

uint64_t segment_reader_file_size(const struct segment_reader *r)
{
	return r->blocks.file_size;
}

/* Blocks */

/* Reads the stored bytes of a block, of which `header` has been seen to be valid, and looks whether they are what was written. */
static int read_stored(struct segment_reader *r, uint64_t position, const struct record_block_header *header, struct error *err)
{
	size_t size = record_block_size(header);
	uint8_t *bytes;
	ssize_t n;

	buffer_clear(&r->stored);
	bytes = buffer_reserve(&r->stored, size);
	if (!bytes)
		return error_set(err, -ENOMEM, "out of memory");
	n = record_read_at(r->fd, bytes, size, position);
	if (n < 0)
		return error_set_errno(err, (int)n, "%s", r->name);
	if ((size_t)n < size || memcmp(bytes, header, sizeof(*header)) != 0)
		return error_set(err, -EBADMSG, "%s: the header of the block at %llu is damaged", r->name, (unsigned long long)position);
	if (XXH3_64bits(bytes + header->header_size, header->stored_size) != header->payload_checksum)
		return error_set(err, -EBADMSG, "%s: the block at %llu is damaged: its checksum is wrong", r->name,
				 (unsigned long long)position);
	return 0;
}

/* Exactly one frame of exactly that size. Returns what is wrong, or NULL. */
static const char *unpack(struct segment_reader *r, const struct record_block_header *header, uint8_t *to)
{
	const uint8_t *stored = r->stored.data + header->header_size;
	size_t n;

	switch (header->compression) {
	case RECORD_STORED:
		memcpy(to, stored, header->raw_size);
		return NULL;
	case RECORD_ZSTD:
		if (ZSTD_getFrameContentSize(stored, header->stored_size) != header->raw_size)
			return "its compressed bytes are not as long as its header says";
		if (ZSTD_findFrameCompressedSize(stored, header->stored_size) != header->stored_size)
			return "its compressed bytes are not one frame";
		n = ZSTD_decompressDCtx(r->zstd, to, header->raw_size, stored, header->stored_size);
		if (ZSTD_isError(n))
			return ZSTD_getErrorName(n);
		return n == header->raw_size ? NULL : "its compressed bytes are not as long as its header says";
	default:
		return "it is compressed in a way that this ringside does not know";
	}
}

/* The raw bytes of a block of any type. */
static int read_block(struct segment_reader *r, uint64_t position, const struct record_block_header *header, struct buffer *out,
		      struct error *err)
{
	int error = read_stored(r, position, header, err);
	const char *wrong;
	uint8_t *to;

	if (error || !header->raw_size)
		return error;
	if (out->failed)
		return error_set(err, -ENOMEM, "out of memory");
	to = buffer_reserve(out, header->raw_size);
	if (!to) {
		out->failed = false;
		return error_set(err, -ENOMEM, "out of memory");
	}
	wrong = unpack(r, header, to);
	if (wrong)
		return error_set(err, -EBADMSG, "%s: the block at %llu is damaged: %s", r->name, (unsigned long long)position, wrong);
	out->length += header->raw_size;
	return 0;
}

int segment_reader_read(struct segment_reader *r, const struct segment_block *block, struct buffer *out, struct error *err)
{
	if (block->damaged || block->header.type != RECORD_BLOCK_EVENTS || !record_block_is_valid(&block->header))
		return error_set(err, -EBADMSG, "%s: at %llu is no block of events", r->name, (unsigned long long)block->position);
	return read_block(r, block->position, &block->header, out, err);
}

/* 0: the file ends with a trailer, and *ret has the entries of its index. -EBADMSG: not so. */
static int read_index(struct segment_reader *r, uint64_t file_size, struct buffer *ret)
{
	struct record_block_header header;
	struct record_trailer trailer;
	ssize_t n;

	if (!segment_blocks_trailer(&r->blocks, r->fd, file_size, &trailer))
		return -EBADMSG;
	n = record_read_at(r->fd, &header, sizeof(header), trailer.index_position);
	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(header) || !record_block_is_valid(&header) || header.type != RECORD_BLOCK_INDEX ||
	    trailer.index_position + record_block_size(&header) != file_size - sizeof(trailer))
		return -EBADMSG;
	n = read_block(r, trailer.index_position, &header, ret, NULL);
	if (!n && !segment_blocks_are_right(&r->blocks, ret, trailer.index_position))
		n = -EBADMSG;
	return (int)n;
}

static int find_blocks(struct segment_reader *r, uint64_t file_size)
{
	struct buffer index;
	int error;

	buffer_init(&index, 0);
	error = read_index(r, file_size, &index);
	if (!error)
		error = segment_blocks_add_index(&r->blocks, &index, file_size);
	buffer_done(&index);
	if (error == -EBADMSG)
		error = segment_blocks_walk(&r->blocks, r->fd, file_size);
	return error;
}

int segment_reader_blocks(struct segment_reader *r, const struct segment_block **ret, size_t *ret_count, struct error *err)
{
	struct stat stat;
	int error = fstat(r->fd, &stat) < 0 ? -errno : 0;

	if (!error && segment_blocks_need_look(&r->blocks, (uint64_t)stat.st_size))
		error = find_blocks(r, (uint64_t)stat.st_size);
	if (error)
		return error == -ENOMEM ? error_set(err, error, "out of memory") : error_set_errno(err, error, "%s", r->name);
	*ret = r->blocks.blocks;
	*ret_count = r->blocks.count;
	return 0;
}
