#include "tracing/late_reads.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct late_read_key {
	const void *ring;
	uint64_t position;
};

struct late_read_entry {
	struct late_read_key key;
	struct sample_read reads[SAMPLE_READS_MAX];
	UT_hash_handle hh;
	char bytes[];
};

#define PAGE_BYTES ((uint64_t)4096)

void late_reads_init(struct late_reads *l)
{
	*l = (struct late_reads){0};
}

static void entry_free(struct late_reads *l, struct late_read_entry *entry)
{
	HASH_DEL(l->entries, entry); /* NOLINT(clang-analyzer-unix.Malloc): it is in the table once */
	free(entry);
}

void late_reads_done(struct late_reads *l)
{
	struct late_read_entry *entry, *next;

	HASH_ITER (hh, l->entries, entry, next)
		entry_free(l, entry);
	free(l->scratch);
	*l = (struct late_reads){0};
}

/* An array that the kernel has no notation for is many fields, NAME__0, NAME__1, ... */
static int find_length_field(const struct format *format, const struct sample_read_spec *spec, struct format_field *ret, struct error *err)
{
	char first[64];
	int code = format_field(format, spec->length_field, ret, err);

	if (code != -ENOENT || spec->kind != SAMPLE_READ_LONG_STRING)
		return code;
	snprintf(first, sizeof(first), "%s__0", spec->length_field);
	return format_field(format, first, ret, err);
}

int late_reads_compile(struct late_read_plan *plan, const struct sample_read_spec specs[SAMPLE_READS_MAX], const struct format *format,
		       struct error *err)
{
	int code = 0;

	*plan = (struct late_read_plan){0};
	for (uint32_t i = 0; !code && i < SAMPLE_READS_MAX; i++) {
		if (specs[i].kind == SAMPLE_READ_NONE)
			continue;
		plan->items[i].kind = specs[i].kind;
		plan->count = i + 1;
		plan->urgent |= specs[i].kind != SAMPLE_READ_DIRECTORY_PATH && specs[i].kind != SAMPLE_READ_LONG_STRING;
		if (specs[i].field)
			code = format_field(format, specs[i].field, &plan->items[i].field, err);
		if (!code && specs[i].length_field)
			code = find_length_field(format, &specs[i], &plan->items[i].length, err);
	}
	return code;
}

/* As much as there is up to the first page that is not. */
static ssize_t read_memory(uint32_t tid, uint64_t address, char *to, size_t size)
{
	struct iovec local = {.iov_base = to, .iov_len = size};
	struct iovec pages[SAMPLE_READ_BYTES_MAX / PAGE_BYTES + 2];
	unsigned long count = 0;
	ssize_t n;

	/* The kernel gives up a whole element for a part that is missing. */
	while (size && count < sizeof(pages) / sizeof(pages[0])) {
		size_t rest = (size_t)(PAGE_BYTES - address % PAGE_BYTES);
		size_t length = rest < size ? rest : size;

		pages[count++] =
			(struct iovec){.iov_base = (void *)(uintptr_t)address, .iov_len = length}; /* NOLINT(performance-no-int-to-ptr) */
		address += length;
		size -= length;
	}
	n = process_vm_readv((pid_t)tid, &local, 1, pages, count, 0);
	return n < 0 ? -errno : n;
}

static void read_string(uint32_t tid, uint64_t address, char *to, struct sample_read *ret)
{
	ssize_t n = read_memory(tid, address, to, SAMPLE_READ_BYTES_MAX);

	if (n < 0) {
		ret->error = (int)n;
		return;
	}
	ret->length = (uint32_t)strnlen(to, (size_t)n);
	if (ret->length < (size_t)n)
		return;
	ret->error = n < SAMPLE_READ_BYTES_MAX ? -EFAULT : -ENAMETOOLONG;
}

static void read_bytes(uint32_t tid, uint64_t address, uint64_t length, char *to, struct sample_read *ret)
{
	ssize_t n;

	if (!address || !length)
		return;
	if (length > SAMPLE_READ_BYTES_MAX) {
		length = SAMPLE_READ_BYTES_MAX;
		ret->error = -ENAMETOOLONG;
	}
	n = read_memory(tid, address, to, (size_t)length);
	if (n < 0)
		ret->error = (int)n;
	else
		ret->length = (uint32_t)n;
	if (n >= 0 && (uint64_t)n < length)
		ret->error = -EFAULT;
}

/* The beginning of struct msghdr (recvmsg(2)) and of the kernel's struct compat_msghdr (include/net/compat.h). */
struct msghdr_64 {
	uint64_t name;
	int32_t name_length;
};

struct msghdr_32 {
	uint32_t name;
	int32_t name_length;
};

static void read_msghdr_name(uint32_t tid, uint64_t address, enum sample_abi abi, char *to, struct sample_read *ret)
{
	union {
		struct msghdr_64 wide;
		struct msghdr_32 narrow;
		char bytes[sizeof(struct msghdr_64)];
	} header;
	size_t size = abi == SAMPLE_ABI_32 ? sizeof(header.narrow) : offsetof(struct msghdr_64, name_length) + sizeof(int32_t);
	ssize_t n = read_memory(tid, address, header.bytes, size);
	int32_t length;

	if (n != (ssize_t)size) {
		ret->error = n < 0 ? (int)n : -EFAULT;
		return;
	}
	length = abi == SAMPLE_ABI_32 ? header.narrow.name_length : header.wide.name_length;
	if (length < 0)
		ret->error = -EINVAL;
	else
		read_bytes(tid, abi == SAMPLE_ABI_32 ? header.narrow.name : header.wide.name, (uint64_t)length, to, ret);
}

#define DELETED " (deleted)"

/* What has been deleted shows so behind its path (kernel: d_path()), unless that is its name. */
static void strip_deleted(const char *link, char *path, struct sample_read *ret)
{
	struct stat there, named;
	size_t suffix = strlen(DELETED);

	if (ret->error || ret->length <= suffix || memcmp(path + ret->length - suffix, DELETED, suffix) != 0)
		return;
	path[ret->length] = '\0';
	if (stat(link, &there) || (!stat(path, &named) && named.st_ino == there.st_ino && named.st_dev == there.st_dev))
		return;
	ret->length -= (uint32_t)suffix;
}

static void read_link(const char *path, char *to, struct sample_read *ret)
{
	ssize_t n = readlink(path, to, SAMPLE_READ_BYTES_MAX);

	if (n < 0)
		ret->error = -errno;
	else
		ret->length = (uint32_t)n;
	if (n == SAMPLE_READ_BYTES_MAX)
		ret->error = -ENAMETOOLONG;
	else
		strip_deleted(path, to, ret);
}

static void read_fd_path(uint32_t tid, int fd, char *to, struct sample_read *ret)
{
	char path[64];

	if (fd == AT_FDCWD)
		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cwd", tid);
	else
		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/fd/%d", tid, fd);
	read_link(path, to, ret);
}

static void read_status(uint32_t tgid, uint32_t tid, char *to, struct sample_read *ret)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu32 "/status", tgid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ret->error = -errno;
		return;
	}
	n = read(fd, to, SAMPLE_READ_BYTES_MAX);
	if (n < 0)
		ret->error = -errno;
	else
		ret->length = (uint32_t)n;
	close(fd);
}

const struct sample_read *late_reads_find(const struct late_reads *l, const void *ring, uint64_t position)
{
	const struct late_read_key key = {.ring = ring, .position = position};
	struct late_read_entry *entry;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all of the key is set */
	HASH_FIND(hh, l->entries, &key, sizeof(key), entry);
	return entry ? entry->reads : NULL;
}

/* The path of a descriptor, if it is a regular file's. */
static void read_file_path(uint32_t tid, int fd, char *to, struct sample_read *ret)
{
	struct statx status;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/fd/%d", tid, fd);
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &status))
		ret->error = -errno;
	else if (!S_ISREG(status.stx_mode))
		ret->error = -ENODATA;
	else
		read_link(path, to, ret);
}

static bool has_end(const struct format_field *field, const uint8_t *raw, uint32_t raw_size)
{
	uint32_t end = (uint32_t)field->offset + SAMPLE_LONG_STRING_BYTES;

	if (field->is_data_loc)
		return format_has_string(field, raw, raw_size);
	return end > raw_size || memchr(raw + field->offset, 0, SAMPLE_LONG_STRING_BYTES);
}

static void take_all(const struct late_read_plan *plan, const struct sample *sample, char *to, struct sample_read reads[SAMPLE_READS_MAX])
{
	uint32_t tid = sample->tid;

	for (uint32_t i = 0; i < plan->count; i++, to += SAMPLE_READ_BYTES_MAX) {
		uint64_t value = format_read_integer(&plan->items[i].field, sample->raw, sample->raw_size);

		reads[i] = (struct sample_read){.bytes = to};
		switch (plan->items[i].kind) {
		case SAMPLE_READ_STRING:
			read_string(tid, value, to, &reads[i]);
			break;
		case SAMPLE_READ_LONG_STRING:
			if (!has_end(&plan->items[i].length, sample->raw, sample->raw_size))
				read_string(tid, value, to, &reads[i]);
			break;
		case SAMPLE_READ_FILE_PATH:
			read_file_path(tid, (int)value, to, &reads[i]);
			break;
		case SAMPLE_READ_BYTES:
			read_bytes(tid, value, format_read_integer(&plan->items[i].length, sample->raw, sample->raw_size), to, &reads[i]);
			break;
		case SAMPLE_READ_MSGHDR_NAME:
			read_msghdr_name(tid, value, sample->abi, to, &reads[i]);
			break;
		case SAMPLE_READ_FD_PATH:
			read_fd_path(tid, (int)value, to, &reads[i]);
			break;
		case SAMPLE_READ_DIRECTORY_PATH:
			if ((int)value != AT_FDCWD)
				read_fd_path(tid, (int)value, to, &reads[i]);
			break;
		case SAMPLE_READ_CWD:
			read_fd_path(tid, AT_FDCWD, to, &reads[i]);
			break;
		case SAMPLE_READ_STATUS:
			read_status(sample->tgid, tid, to, &reads[i]);
			break;
		case SAMPLE_READ_NONE:
			break;
		}
	}
}

void late_reads_take(struct late_reads *l, const struct late_read_plan *plan, const void *ring, uint64_t position,
		     const struct sample *sample)
{
	struct sample_read reads[SAMPLE_READS_MAX];
	struct late_read_entry *entry;
	size_t size = 0;
	char *to;

	if (!l->scratch)
		l->scratch = malloc((size_t)SAMPLE_READS_MAX * SAMPLE_READ_BYTES_MAX);
	if (!l->scratch || late_reads_find(l, ring, position))
		return;
	take_all(plan, sample, l->scratch, reads);
	for (uint32_t i = 0; i < plan->count; i++)
		size += reads[i].length;
	entry = calloc(1, sizeof(*entry) + size + 1);
	if (!entry)
		return;
	entry->key = (struct late_read_key){.ring = ring, .position = position};
	to = entry->bytes;
	for (uint32_t i = 0; i < plan->count; i++) {
		entry->reads[i] = reads[i];
		entry->reads[i].bytes = memcpy(to, reads[i].bytes, reads[i].length);
		to += reads[i].length;
	}
	HASH_ADD(hh, l->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl)
		free(entry);
}

void late_reads_drop(struct late_reads *l, const void *ring, uint64_t position)
{
	const struct late_read_key key = {.ring = ring, .position = position};
	struct late_read_entry *entry;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all of the key is set */
	HASH_FIND(hh, l->entries, &key, sizeof(key), entry);
	if (entry)
		entry_free(l, entry);
}

void late_reads_drop_ring(struct late_reads *l, const void *ring)
{
	struct late_read_entry *entry, *next;

	HASH_ITER (hh, l->entries, entry, next)
		if (entry->key.ring == ring)
			entry_free(l, entry);
}
