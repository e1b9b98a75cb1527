#include "cli/recording_files.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

void recording_files_init(struct recording_files *f)
{
	*f = (struct recording_files){0};
}

static void file_done(struct recording_file *file)
{
	free(file->path);
	free(file->name);
}

static void directory_done(struct recording_directory *directory)
{
	if (directory->fd >= 0)
		close(directory->fd);
	free(directory->path);
}

void recording_files_done(struct recording_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		file_done(&f->items[i]);
	for (size_t i = 0; i < f->directory_count; i++)
		directory_done(&f->directories[i]);
	free(f->items);
	free(f->directories);
}

/* A directory that stays open as long as the files; -errno. Files that are named one by one are mostly in the same one. */
static int keep_directory(struct recording_files *f, const char *path)
{
	struct recording_directory *grown, directory;

	for (size_t i = 0; i < f->directory_count; i++)
		if (!strcmp(f->directories[i].path, path))
			return f->directories[i].fd;
	grown = reallocarray(f->directories, f->directory_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->directories = grown;
	directory.path = strdup(path);
	directory.fd = directory.path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (directory.fd < 0) {
		int r = directory.path ? -errno : -ENOMEM;

		directory_done(&directory);
		return r;
	}
	f->directories[f->directory_count++] = directory;
	return directory.fd;
}

static int add_file(struct recording_files *f, int directory_fd, const char *path, const char *name, struct error *err)
{
	struct recording_file *grown = reallocarray(f->items, f->count + 1, sizeof(*grown));
	struct recording_file file = {.directory_fd = directory_fd};
	int r;

	if (!grown)
		return error_set(err, -ENOMEM, "out of memory");
	f->items = grown;
	r = record_segment_look_at(directory_fd, name, &file.segment, err);
	if (r)
		return error_prefix(err, r, "%s", path);
	file.path = strdup(path);
	file.name = strdup(name);
	if (!file.path || !file.name) {
		file_done(&file);
		return error_set(err, -ENOMEM, "out of memory");
	}
	f->items[f->count++] = file;
	return 0;
}

static int add_directory(struct recording_files *f, const char *path, struct error *err)
{
	cleanup_free uint64_t *numbers = NULL;
	int fd = keep_directory(f, path);
	size_t count = 0;
	int r = fd < 0 ? error_set_errno(err, fd, "%s", path) : record_directory_numbers(fd, &numbers, &count, err);

	if (r < 0)
		return r;
	if (!count)
		return error_set(err, -ENOENT, "%s: there is no segment of a recording in it (segment-*.rec)", path);
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *whole = NULL;
		char name[RECORD_NAME_BYTES];

		record_segment_name(name, numbers[i]);
		if (asprintf(&whole, "%s/%s", path, name) < 0)
			return error_set(err, -ENOMEM, "out of memory");
		r = add_file(f, fd, whole, name, err);
		/* Deleted meanwhile, by the recorder. */
		if (r && r != -ENOENT)
			return r;
	}
	return 0;
}

int recording_files_add(struct recording_files *f, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX] = "."; /* no longer path has passed stat(2) */
	struct stat stat_of;
	int fd;

	if (stat(path, &stat_of) < 0)
		return error_set_errno(err, -errno, "%s", path);
	if (S_ISDIR(stat_of.st_mode))
		return add_directory(f, path, err);
	/* "/name" is in "/". */
	if (slash)
		snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = keep_directory(f, parent);
	return fd < 0 ? error_set_errno(err, fd, "%s", path) : add_file(f, fd, path, slash ? slash + 1 : path, err);
}

/* Of two copies of a segment the longer one comes first. */
static int compare(const void *a, const void *b)
{
	const struct record_segment *x = &((const struct recording_file *)a)->segment, *y = &((const struct recording_file *)b)->segment;

	if (x->unreadable != y->unreadable)
		return x->unreadable ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->end_offset > y->end_offset ? -1 : x->end_offset < y->end_offset;
}

static bool is_same(const struct recording_file *a, const struct recording_file *b)
{
	return !a->segment.unreadable && !b->segment.unreadable && a->segment.number == b->segment.number;
}

/* Whether two that stand behind one another can be of one recording. */
static int check_neighbours(const struct recording_file *a, const struct recording_file *b, struct error *err)
{
	const struct record_segment_header *x = &a->segment.header, *y = &b->segment.header;

	if (a->segment.unreadable || b->segment.unreadable)
		return 0;
	if (memcmp(x->sensor_id, y->sensor_id, sizeof(x->sensor_id)) != 0)
		return error_set(err, -EINVAL, "%s and %s are of different sensors", a->path, b->path);
	if (is_same(a, b) && x->checksum != y->checksum)
		return error_set(err, -EINVAL, "%s and %s are both segment number %llu, but not the same one", a->path, b->path,
				 (unsigned long long)x->number);
	return 0;
}

int recording_files_sort(struct recording_files *f, struct error *err)
{
	size_t kept = 0;

	if (f->count)
		qsort(f->items, f->count, sizeof(*f->items), compare);
	for (size_t i = 1; i < f->count; i++) {
		int r = check_neighbours(&f->items[i - 1], &f->items[i], err);

		if (r)
			return r;
	}
	for (size_t i = 0; i < f->count; i++) {
		if (kept && is_same(&f->items[kept - 1], &f->items[i]))
			file_done(&f->items[i]);
		else
			f->items[kept++] = f->items[i];
	}
	f->count = kept;
	return 0;
}

void recording_files_remove(struct recording_files *f, size_t index)
{
	file_done(&f->items[index]);
	f->count--;
	memmove(f->items + index, f->items + index + 1, (f->count - index) * sizeof(*f->items));
}

struct record_segments *recording_files_segments(const struct recording_files *f)
{
	struct record_segments *segments = record_segments_new(NULL);

	for (size_t i = 0; segments && i < f->count; i++)
		if (!f->items[i].segment.unreadable &&
		    record_segments_add(segments, f->items[i].directory_fd, f->items[i].name, &f->items[i].segment))
			segments = record_segments_free(segments);
	return segments;
}
