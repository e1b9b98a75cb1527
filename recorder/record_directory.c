#include "recorder/record_directory.h"

#include "base/cleanup.h"
#include "recorder/record_io.h"
#include "recorder/segment_reader.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define NAME_BEFORE "segment-"
#define NAME_DIGITS 16
#define NAME_BEHIND ".rec"
#define ID_DIGITS   16

void record_segment_name(char name[RECORD_NAME_BYTES], uint64_t number)
{
	(void)snprintf(name, RECORD_NAME_BYTES, RECORD_SEGMENT_NAME, (unsigned long long)number);
}

bool record_segment_number(const char *name, uint64_t *ret)
{
	const char *digits = name + strlen(NAME_BEFORE);
	uint64_t number = 0;

	if (strncmp(name, NAME_BEFORE, strlen(NAME_BEFORE)) != 0)
		return false;
	for (int i = 0; i < NAME_DIGITS; i++) {
		const char *all = "0123456789abcdef", *digit = digits[i] ? strchr(all, digits[i]) : NULL;

		if (!digit)
			return false;
		number = number << 4 | (uint64_t)(digit - all);
	}
	if (strcmp(digits + NAME_DIGITS, NAME_BEHIND) != 0)
		return false;
	*ret = number;
	return true;
}

/* The directory itself */

/* So that the new directory is still there after a power loss. Some file systems cannot do it, and nothing is lost yet. */
static void sync_above(int directory_fd)
{
	cleanup_close int above = openat(directory_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (above >= 0)
		(void)fsync(above);
}

int record_directory_open(const char *path, bool create, struct error *err)
{
	bool made = create && !mkdir(path, 0750);
	int fd;

	if (create && !made && errno != EEXIST)
		return error_set_errno(err, -errno, "directory %s cannot be made", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, -errno, "directory %s", path);
	if (made)
		sync_above(fd);
	return fd;
}

/* Those who only look whether it is locked have it themselves for a moment. */
#define LOCK_ATTEMPTS    20
#define LOCK_INTERVAL_NS 10000000

static int lock_file(int fd)
{
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK || i == LOCK_ATTEMPTS)
			return -errno;
		(void)nanosleep(&(struct timespec){.tv_nsec = LOCK_INTERVAL_NS}, NULL);
	}
	return 0;
}

int record_directory_lock(int directory_fd, struct error *err)
{
	cleanup_close int fd = openat(directory_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	int r;

	if (fd < 0)
		return error_set_errno(err, -errno, "file 'lock' of the recording's directory");
	r = lock_file(fd);
	if (!r)
		return take_fd(&fd);
	if (r == -EWOULDBLOCK)
		return error_set(err, -EBUSY, "another process writes to the recording's directory: there can be only one");
	return error_set_errno(err, r, "file 'lock' of the recording's directory cannot be locked");
}

bool record_directory_is_locked(int directory_fd)
{
	cleanup_close int fd = openat(directory_fd, "lock", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* The sensor's id */

static bool is_id(const char *text)
{
	for (int i = 0; i < ID_DIGITS; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* 0; -ENOENT: there is none. */
static int read_id(int directory_fd, char ret[17], struct error *err)
{
	cleanup_close int fd = openat(directory_fd, "sensor-id", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char text[ID_DIGITS + 2];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : error_set_errno(err, -errno, "file 'sensor-id' of the recording's directory");
	n = record_read_at(fd, text, sizeof(text), 0);
	if (n < 0)
		return error_set_errno(err, (int)n, "file 'sensor-id' of the recording's directory");
	if (n != ID_DIGITS + 1 || text[ID_DIGITS] != '\n' || !is_id(text))
		return error_set(
			err, -EBADMSG,
			"file 'sensor-id' of the recording's directory is damaged: it has to be 16 hexadecimal digits and a newline "
			"(without the file, a new id is made)");
	memcpy(ret, text, ID_DIGITS);
	ret[ID_DIGITS] = '\0';
	return 0;
}

static int write_new_id(int directory_fd, const char *id)
{
	cleanup_close int fd = openat(directory_fd, "sensor-id.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	char text[ID_DIGITS + 2];
	struct iovec part = {.iov_base = text, .iov_len = ID_DIGITS + 1};
	int r;

	if (fd < 0)
		return -errno;
	(void)snprintf(text, sizeof(text), "%s\n", id);
	r = record_write_at(fd, &part, 1, 0);
	if (r)
		return r;
	if (fsync(fd) < 0 || renameat(directory_fd, "sensor-id.new", directory_fd, "sensor-id") < 0 || fsync(directory_fd) < 0)
		return -errno;
	return 0;
}

int record_directory_sensor_id(int directory_fd, const char *fresh, char ret[17], struct error *err)
{
	int r = read_id(directory_fd, ret, err);

	if (r != -ENOENT)
		return r;
	if (strlen(fresh) != ID_DIGITS || !is_id(fresh))
		return error_set(err, -EINVAL, "sensor's id '%s': it has to be 16 hexadecimal digits", fresh);
	r = write_new_id(directory_fd, fresh);
	if (r) {
		(void)unlinkat(directory_fd, "sensor-id.new", 0);
		return error_set_errno(err, r, "file 'sensor-id' of the recording's directory cannot be written");
	}
	memcpy(ret, fresh, ID_DIGITS + 1);
	return 0;
}

/* What there is */

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static int read_numbers(DIR *directory, struct buffer *numbers)
{
	const struct dirent *entry;

	while ((void)(errno = 0), (entry = readdir(directory))) {
		uint64_t number;

		if (record_segment_number(entry->d_name, &number))
			buffer_put(numbers, &number, sizeof(number));
	}
	return errno ? -errno : numbers->failed ? -ENOMEM : 0;
}

int record_directory_numbers(int directory_fd, uint64_t **ret, size_t *ret_count, struct error *err)
{
	/* One of its own: readdir(3) goes on where the last one stopped that had the same open file. */
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct buffer numbers;
	int r;

	*ret = NULL;
	*ret_count = 0;
	if (!directory) {
		r = error_set_errno(err, -errno, "the recording's directory cannot be listed");
		if (fd >= 0)
			close(fd);
		return r;
	}
	buffer_init(&numbers, 0);
	r = read_numbers(directory, &numbers);
	closedir(directory);
	*ret_count = numbers.length / sizeof(**ret);
	*ret = (uint64_t *)(void *)buffer_take(&numbers, &(size_t){0});
	if (!r && !*ret)
		r = -ENOMEM;
	if (r) {
		free(*ret);
		*ret = NULL;
		*ret_count = 0;
		return error_set_errno(err, r, "the recording's directory cannot be listed");
	}
	qsort(*ret, *ret_count, sizeof(**ret), compare_numbers);
	return 0;
}

/* The first and the last number, of blocks some of which have none. */
void record_segment_add_block(struct record_segment *s, const struct record_block_header *h)
{
	if (!s->blocks)
		s->first_time_ns = h->first_time_ns;
	if (!s->first_sequence)
		s->first_sequence = h->first_sequence;
	if (h->last_sequence)
		s->last_sequence = h->last_sequence;
	s->blocks++;
	s->end_offset = record_block_end_offset(h);
	s->last_time_ns = h->last_time_ns;
	s->realtime_offset_ns = h->realtime_offset_ns;
	s->kinds |= h->kinds;
	s->events += h->events;
	s->raw_bytes += h->raw_size;
	s->lost += h->lost;
	s->ended = !h->raw_size;
}

static int look_at_blocks(struct segment_reader *reader, struct record_segment *s, struct error *err)
{
	const struct segment_block *blocks;
	size_t count;
	int r = segment_reader_blocks(reader, &blocks, &count, err);

	if (r)
		return r;
	s->header = *segment_reader_header(reader);
	s->number = s->header.number;
	s->size = segment_reader_file_size(reader);
	s->closed = segment_reader_is_closed(reader);
	s->tail_bytes = s->size - segment_reader_end(reader);
	s->end_offset = s->header.offset;
	for (size_t i = 0; i < count; i++) {
		if (blocks[i].damaged)
			s->damaged_bytes += blocks[i].size;
		else
			record_segment_add_block(s, &blocks[i].header);
	}
	s->ended = s->ended && s->closed;
	return 0;
}

int record_segment_look_at(int directory_fd, const char *name, struct record_segment *ret, struct error *err)
{
	struct segment_reader *reader;
	struct error why = {0};
	struct stat stat;
	int r;

	*ret = (struct record_segment){0};
	r = segment_reader_open(&reader, directory_fd, name, &why);
	if (!r) {
		r = look_at_blocks(reader, ret, err);
		segment_reader_close(reader);
		return r;
	}
	if (r != -EBADMSG && r != -ENOTSUP)
		return error_set(err, r, "%s", why.message);
	if (fstatat(directory_fd, name, &stat, 0) < 0)
		return error_set_errno(err, -errno, "%s", name);
	ret->size = (uint64_t)stat.st_size;
	ret->unreadable = true;
	return 0;
}

int record_segment_look(int directory_fd, uint64_t number, struct record_segment *ret, struct error *err)
{
	char name[RECORD_NAME_BYTES];
	int r;

	record_segment_name(name, number);
	r = record_segment_look_at(directory_fd, name, ret, err);
	ret->number = number;
	return r;
}

static int look_at_all(int directory_fd, const uint64_t *numbers, size_t count, struct record_segment *segments, size_t *ret_count,
		       struct error *err)
{
	*ret_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct error why = {0};
		int r = record_segment_look(directory_fd, numbers[i], &segments[*ret_count], &why);

		/* Retention may have taken it away meanwhile. */
		if (r && r != -ENOENT)
			return error_set(err, r, "%s", why.message);
		*ret_count += !r;
	}
	return 0;
}

int record_directory_list(int directory_fd, struct record_segment **ret, size_t *ret_count, struct error *err)
{
	uint64_t *numbers;
	size_t count;
	int r = record_directory_numbers(directory_fd, &numbers, &count, err);

	*ret = NULL;
	*ret_count = 0;
	if (r)
		return r;
	*ret = calloc(count + 1, sizeof(**ret));
	r = *ret ? look_at_all(directory_fd, numbers, count, *ret, ret_count, err) : error_set(err, -ENOMEM, "out of memory");
	free(numbers);
	if (r) {
		free(*ret);
		*ret = NULL;
		*ret_count = 0;
	}
	return r;
}

/* Repair */

static int cut_tail(int directory_fd, const char *name, uint64_t end)
{
	cleanup_close int fd = openat(directory_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 || ftruncate(fd, (off_t)end) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int record_segment_repair(int directory_fd, const struct record_segment *segment, uint64_t *ret_dropped, struct error *err)
{
	struct record_segment now;
	char name[RECORD_NAME_BYTES];
	int r;

	*ret_dropped = 0;
	if (segment->unreadable)
		return 0;
	r = record_segment_look(directory_fd, segment->number, &now, err);
	if (r || now.unreadable || now.closed || !now.tail_bytes)
		return r;
	record_segment_name(name, segment->number);
	r = cut_tail(directory_fd, name, now.size - now.tail_bytes);
	if (r)
		return error_set_errno(err, r, "%s: what is incomplete at its end cannot be cut off", name);
	*ret_dropped = now.tail_bytes;
	return 0;
}
