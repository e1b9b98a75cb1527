#include "container/docker_state.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX ((off_t)4 << 20)

static void copy_string(char *to, size_t size, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	size_t length = json_string_length(value);

	/* The beginning of a name is another name. */
	if (length < size && json_is_string(value))
		memcpy(to, json_string_value(value), length + 1);
}

static void cut_digest_name(char *image_id)
{
	const char prefix[] = "sha256:";
	size_t length = sizeof(prefix) - 1;

	if (!strncmp(image_id, prefix, length))
		memmove(image_id, image_id + length, strlen(image_id + length) + 1);
}

int docker_state_parse(struct docker_state *ret, const char *json, size_t size, const char *id)
{
	json_t *state = json_loadb(json, size, 0, NULL);
	const char *own_id = json_string_value(json_object_get(state, "ID"));
	int r = own_id && !strcmp(own_id, id) ? 0 : -EINVAL;

	*ret = (struct docker_state){0};
	if (!r) {
		copy_string(ret->name, sizeof(ret->name), state, "Name");
		copy_string(ret->image_id, sizeof(ret->image_id), state, "Image");
		copy_string(ret->image_name, sizeof(ret->image_name), json_object_get(state, "Config"), "Image");
		cut_digest_name(ret->image_id);
	}
	json_decref(state);
	return r;
}

static struct docker_file identify(const struct stat *stat)
{
	return (struct docker_file){
		.device = stat->st_dev,
		.inode = stat->st_ino,
		.size = (uint64_t)stat->st_size,
		.modified_ns = (int64_t)stat->st_mtim.tv_sec * 1000000000 + stat->st_mtim.tv_nsec,
	};
}

static bool is_same(const struct docker_file *a, const struct docker_file *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && a->modified_ns == b->modified_ns;
}

static int read_whole(int fd, char *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t r = read(fd, to + done, size - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -EINVAL;
		done += (size_t)r;
	}
	return 0;
}

static int parse_file(struct docker_state *ret, int fd, size_t size, const char *id)
{
	char *text = malloc(size + 1);
	int r;

	if (!text)
		return -ENOMEM;
	r = read_whole(fd, text, size);
	if (!r)
		r = docker_state_parse(ret, text, size, id);
	free(text);
	return r;
}

int docker_state_read(struct docker_state *ret, struct docker_file *file, const char *root, const char *id)
{
	cleanup_close int fd = -1;
	struct docker_file now;
	char path[PATH_MAX];
	struct stat stat;
	int r;

	if (snprintf(path, sizeof(path), "%s/containers/%s/config.v2.json", root, id) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	/* Whatever stands in its place must not make us wait. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode) || stat.st_size > FILE_BYTES_MAX)
		return -EINVAL;
	now = identify(&stat);
	if (is_same(&now, file))
		return 0;
	r = parse_file(ret, fd, (size_t)stat.st_size, id);
	if (r)
		return r;
	*file = now;
	return 1;
}
