#include "tests/container/state_tree.h"

#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define NOBODY     65534

void state_tree_init(struct state_tree *t)
{
	(void)snprintf(t->path, sizeof(t->path), "/tmp/state_tree.XXXXXX");
	cr_assert_not_null(mkdtemp(t->path));
}

void state_tree_done(struct state_tree *t)
{
	(void)temporary_remove(t->path);
}

static void make_path(const struct state_tree *t, const char *name, char *ret, size_t size)
{
	int length = snprintf(ret, size, "%s/%s", t->path, name);

	cr_assert_lt(length, (int)size);
	for (char *slash = ret + strlen(t->path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(ret, 0755);
		*slash = '/';
	}
}

void state_tree_write_bytes(struct state_tree *t, const char *name, const char *bytes, size_t size)
{
	char path[PATH_BYTES];
	FILE *file;

	make_path(t, name, path, sizeof(path));
	file = fopen(path, "w");
	cr_assert_not_null(file, "%s", path);
	cr_assert_eq(fwrite(bytes, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
}

void state_tree_write(struct state_tree *t, const char *name, const char *text)
{
	state_tree_write_bytes(t, name, text, strlen(text));
}

void state_tree_directory(struct state_tree *t, const char *name)
{
	char path[PATH_BYTES];

	make_path(t, name, path, sizeof(path));
	cr_assert_eq(mkdir(path, 0755), 0, "%s", path);
}

void state_tree_fifo(struct state_tree *t, const char *name)
{
	char path[PATH_BYTES];

	make_path(t, name, path, sizeof(path));
	cr_assert_eq(mkfifo(path, 0600), 0, "%s", path);
}

void state_tree_link(struct state_tree *t, const char *name, const char *target)
{
	char path[PATH_BYTES];

	make_path(t, name, path, sizeof(path));
	cr_assert_eq(symlink(target, path), 0, "%s", path);
}

void state_tree_remove(struct state_tree *t, const char *name)
{
	char path[PATH_BYTES];

	make_path(t, name, path, sizeof(path));
	cr_assert_eq(remove(path), 0, "%s", path);
}

void state_tree_copy(struct state_tree *t, const char *name, const char *fixture)
{
	size_t size;
	char *text = fixture_read(fixture, &size);

	state_tree_write_bytes(t, name, text, size);
	free(text);
}

void state_tree_give_away(struct state_tree *t)
{
	if (!geteuid())
		cr_assert_eq(chown(t->path, NOBODY, NOBODY), 0);
}

char *fixture_read(const char *fixture, size_t *ret_size)
{
	char path[PATH_BYTES], *text;
	struct stat stat_of;
	FILE *file;

	(void)snprintf(path, sizeof(path), FIXTURES "/%s", fixture);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	cr_assert_eq(fstat(fileno(file), &stat_of), 0);
	*ret_size = (size_t)stat_of.st_size;
	text = malloc(*ret_size + 1);
	cr_assert_not_null(text);
	cr_assert_eq(fread(text, 1, *ret_size, file), *ret_size);
	text[*ret_size] = '\0';
	(void)fclose(file);
	return text;
}
