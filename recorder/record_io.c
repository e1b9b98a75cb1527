#include "recorder/record_io.h"

#include <errno.h>
#include <unistd.h>
#include <xxhash.h>

uint64_t record_block_checksum(const struct record_block_header *header)
{
	struct record_block_header copy = *header;

	copy.checksum = 0;
	return XXH3_64bits(&copy, sizeof(copy));
}

bool record_block_is_valid(const struct record_block_header *h)
{
	if (h->magic != RECORD_BLOCK_MAGIC || h->header_size < sizeof(*h))
		return false;
	if (h->raw_size > RECORD_RAW_MAX_BYTES || h->stored_size > RECORD_RAW_MAX_BYTES)
		return false;
	if (h->compression == RECORD_STORED && h->stored_size != h->raw_size)
		return false;
	return h->offset <= UINT64_MAX - h->raw_size && h->checksum == record_block_checksum(h);
}

ssize_t record_read_at(int fd, void *to, size_t size, uint64_t position)
{
	size_t done = 0;

	while (done < size) {
		ssize_t r = pread(fd, (uint8_t *)to + done, size - done, (off_t)(position + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

/* Takes what was written away from the front of the parts. */
static void skip_parts(struct iovec **parts, int *count, size_t written)
{
	while (*count && written >= (*parts)->iov_len) {
		written -= (*parts)->iov_len;
		(*parts)++;
		(*count)--;
	}
	if (*count) {
		(*parts)->iov_base = (uint8_t *)(*parts)->iov_base + written;
		(*parts)->iov_len -= written;
	}
}

int record_write_at(int fd, struct iovec *parts, int count, uint64_t position)
{
	skip_parts(&parts, &count, 0);
	while (count) {
		ssize_t r = pwritev(fd, parts, count, (off_t)position);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -EIO;
		position += (uint64_t)r;
		skip_parts(&parts, &count, (size_t)r);
	}
	return 0;
}
