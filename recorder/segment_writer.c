#include "recorder/segment_writer.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "recorder/record_directory.h"
#include "recorder/record_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>
#include <zstd.h>

#define INDEX_MAX (RECORD_RAW_MAX_BYTES / sizeof(struct record_index_entry))

struct segment_writer {
	int fd;
	int directory_fd;
	char name[RECORD_NAME_BYTES];
	uint64_t size;       /* of what is whole */
	bool is_longer;      /* the file may be longer, with something behind it that has to go */
	uint64_t end_offset; /* behind the last block */
	ZSTD_CCtx *zstd;     /* NULL: blocks are stored as they are */
	struct buffer compressed;
	struct buffer index; /* a struct record_index_entry for each block */
};

static int say(struct error *err, int code, const struct segment_writer *w, const char *what)
{
	return error_set_errno(err, code, "%s: %s", w->name, what);
}

/* Creation: the file gets its name when its header is on the disk, so that there is never a segment without one. */

static int rename_new(int directory_fd, const char *from, const char *to)
{
	struct stat stat;

	if (!renameat2(directory_fd, from, directory_fd, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system that cannot do it. Nobody else makes segments here, the directory is locked. */
	if (!fstatat(directory_fd, to, &stat, AT_SYMLINK_NOFOLLOW))
		return -EEXIST;
	return renameat(directory_fd, from, directory_fd, to) < 0 ? -errno : 0;
}

static int write_header(struct segment_writer *w, const struct record_segment_header *given, const char *query)
{
	struct record_segment_header header = *given;
	size_t query_size = strlen(query);
	cleanup_free uint8_t *bytes = NULL;
	struct iovec part;

	memcpy(header.magic, RECORD_SEGMENT_MAGIC, sizeof(header.magic));
	header.version = RECORD_VERSION;
	header.query_size = (uint32_t)query_size;
	header.header_size = (uint32_t)((sizeof(header) + query_size + 7) & ~(size_t)7);
	header.incompatible = RECORD_INCOMPATIBLE_ZSTD;
	header.checksum = 0;
	bytes = calloc(1, header.header_size);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), query, header.query_size);
	header.checksum = XXH3_64bits(bytes, header.header_size);
	memcpy(bytes, &header, sizeof(header));
	part = (struct iovec){.iov_base = bytes, .iov_len = header.header_size};
	w->size = header.header_size;
	return record_write_at(w->fd, &part, 1, 0);
}

static int make_file(struct segment_writer *w, const struct record_segment_header *header, const char *query, struct error *err)
{
	char name[RECORD_NAME_BYTES + 4];
	int r;

	record_segment_name(w->name, header->number);
	(void)snprintf(name, sizeof(name), "%s.new", w->name);
	w->fd = openat(w->directory_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (w->fd < 0)
		return say(err, -errno, w, "cannot be made");
	r = write_header(w, header, query);
	if (!r && fdatasync(w->fd) < 0)
		r = -errno;
	if (!r)
		r = rename_new(w->directory_fd, name, w->name);
	if (r) {
		(void)unlinkat(w->directory_fd, name, 0);
		return say(err, r, w, "cannot be made");
	}
	if (fsync(w->directory_fd) < 0) {
		r = -errno;
		(void)unlinkat(w->directory_fd, w->name, 0);
		return say(err, r, w, "cannot be made");
	}
	return 0;
}

static int prepare_zstd(struct segment_writer *w, int level, struct error *err)
{
	size_t r;

	if (!level)
		return 0;
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd)
		return error_set(err, -ENOMEM, "out of memory");
	r = ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level);
	return ZSTD_isError(r) ? error_set(err, -EINVAL, "compression level %d: %s", level, ZSTD_getErrorName(r)) : 0;
}

int segment_writer_create(struct segment_writer **ret, int directory_fd, const struct record_segment_header *header, const char *query,
			  int level, struct error *err)
{
	struct segment_writer *w = calloc(1, sizeof(*w));
	int r;

	*ret = NULL;
	if (!w)
		return error_set(err, -ENOMEM, "out of memory");
	w->fd = -1;
	w->end_offset = header->offset;
	w->directory_fd = fcntl(directory_fd, F_DUPFD_CLOEXEC, 0);
	buffer_init(&w->compressed, 0);
	buffer_init(&w->index, RECORD_RAW_MAX_BYTES);
	if (w->directory_fd < 0)
		r = error_set_errno(err, -errno, "directory");
	else if (strlen(query) > RECORD_QUERY_MAX_BYTES)
		r = error_set(err, -E2BIG, "query of %zu bytes: a segment has room for %u", strlen(query), RECORD_QUERY_MAX_BYTES);
	else
		r = prepare_zstd(w, level, err);
	if (!r)
		r = make_file(w, header, query, err);
	if (r)
		w = segment_writer_abandon(w);
	*ret = w;
	return r;
}

/* Appending */

/* Makes the file end where what is whole ends. */
static int cut_off(struct segment_writer *w)
{
	w->is_longer = ftruncate(w->fd, (off_t)w->size) < 0;
	return w->is_longer ? -errno : 0;
}

static int write_parts(struct segment_writer *w, struct iovec *parts, int count)
{
	uint64_t size = 0;
	int r = w->is_longer ? cut_off(w) : 0;

	if (r)
		return r;
	for (int i = 0; i < count; i++)
		size += parts[i].iov_len;
	r = record_write_at(w->fd, parts, count, w->size);
	if (r)
		(void)cut_off(w);
	else
		w->size += size;
	return r;
}

/* Sets *stored to what goes to disk, and the fields that say how. */
static int compress(struct segment_writer *w, struct record_block_header *header, struct iovec *stored)
{
	size_t bound, size;

	header->compression = RECORD_STORED;
	if (!w->zstd || !stored->iov_len)
		return 0;
	bound = ZSTD_compressBound(stored->iov_len);
	buffer_clear(&w->compressed);
	if (!buffer_reserve(&w->compressed, bound))
		return -ENOMEM;
	size = ZSTD_compress2(w->zstd, w->compressed.data, bound, stored->iov_base, stored->iov_len);
	if (ZSTD_isError(size))
		return -ENOMEM; /* with room enough it fails of nothing else */
	if (size < stored->iov_len) {
		header->compression = RECORD_ZSTD;
		*stored = (struct iovec){.iov_base = w->compressed.data, .iov_len = size};
	}
	return 0;
}

static int append_block(struct segment_writer *w, enum record_block_type type, struct record_block_header *header, const void *raw,
			size_t raw_size)
{
	struct iovec parts[2] = {{.iov_base = header, .iov_len = sizeof(*header)},
				 /* pwritev(2) and zstd only read it */
				 {.iov_base = (void *)raw, .iov_len = raw_size}};
	int r = compress(w, header, &parts[1]);

	if (r)
		return r;
	header->magic = RECORD_BLOCK_MAGIC;
	header->type = (uint8_t)type;
	header->header_size = sizeof(*header);
	header->raw_size = (uint32_t)raw_size;
	header->stored_size = (uint32_t)parts[1].iov_len;
	header->payload_checksum = XXH3_64bits(parts[1].iov_base, parts[1].iov_len);
	header->checksum = record_block_checksum(header);
	return write_parts(w, parts, 2);
}

int segment_writer_append(struct segment_writer *w, struct record_block_header *header, const void *raw, size_t raw_size, struct error *err)
{
	struct record_index_entry entry = {.position = w->size};
	int r;

	if (raw_size > RECORD_RAW_MAX_BYTES)
		return error_set(err, -EINVAL, "%s: a block of %zu bytes: it can have %u", w->name, raw_size, RECORD_RAW_MAX_BYTES);
	if (header->offset < w->end_offset)
		return error_set(err, -EINVAL, "%s: a block of offset %llu, where the segment is at %llu already", w->name,
				 (unsigned long long)header->offset, (unsigned long long)w->end_offset);
	if (w->index.length / sizeof(entry) >= INDEX_MAX)
		return error_set(err, -EFBIG, "%s: has %zu blocks, and no more are possible", w->name, INDEX_MAX);
	/* Room first: what was written must not fail then. */
	if (!buffer_reserve(&w->index, sizeof(entry))) {
		w->index.failed = false;
		return error_set(err, -ENOMEM, "out of memory");
	}
	r = append_block(w, RECORD_BLOCK_EVENTS, header, raw, raw_size);
	if (r)
		return say(err, r, w, "cannot be written");
	entry.header = *header;
	buffer_put(&w->index, &entry, sizeof(entry));
	w->end_offset = record_block_end_offset(header);
	return 0;
}

int segment_writer_sync(struct segment_writer *w, struct error *err)
{
	return fdatasync(w->fd) < 0 ? say(err, -errno, w, "cannot be written to disk") : 0;
}

uint64_t segment_writer_size(const struct segment_writer *w)
{
	return w->size;
}

bool segment_writer_is_there(const struct segment_writer *w)
{
	struct stat named, ours;

	return !fstatat(w->directory_fd, w->name, &named, AT_SYMLINK_NOFOLLOW) && !fstat(w->fd, &ours) && named.st_dev == ours.st_dev &&
	       named.st_ino == ours.st_ino;
}

/* The end */

static int write_index(struct segment_writer *w)
{
	struct record_block_header header = {.offset = w->end_offset};
	struct record_trailer trailer = {.index_position = w->size};
	struct iovec part = {.iov_base = &trailer, .iov_len = sizeof(trailer)};
	uint64_t before = w->size;
	int r = append_block(w, RECORD_BLOCK_INDEX, &header, w->index.data, w->index.length);

	if (r)
		return r;
	memcpy(trailer.magic, RECORD_TRAILER_MAGIC, sizeof(trailer.magic));
	r = write_parts(w, &part, 1);
	if (!r && fdatasync(w->fd) < 0)
		r = -errno;
	if (r) {
		w->size = before;
		(void)cut_off(w);
	}
	return r;
}

int segment_writer_close(struct segment_writer *w, struct error *err)
{
	int r;

	if (!w)
		return 0;
	r = write_index(w);
	if (r)
		r = say(err, r, w, "its index cannot be written");
	segment_writer_abandon(w);
	return r;
}

struct segment_writer *segment_writer_abandon(struct segment_writer *w)
{
	if (!w)
		return NULL;
	if (w->fd >= 0)
		close(w->fd);
	if (w->directory_fd >= 0)
		close(w->directory_fd);
	ZSTD_freeCCtx(w->zstd);
	buffer_done(&w->compressed);
	buffer_done(&w->index);
	free(w);
	return NULL;
}
