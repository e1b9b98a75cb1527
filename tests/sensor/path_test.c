#include "sensor/path.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char to[PATH_BYTES];

static const char *resolve(const char *base, const char *name)
{
	struct event_string path = path_resolve(base, strlen(base), name, strlen(name), to);

	cr_assert_eq(strlen(path.bytes), path.length);
	return path.bytes;
}

Test(path, names_become_absolute_and_plain)
{
	static const struct {
		const char *base, *name, *path;
	} rows[] = {
		{"/home", "file", "/home/file"},
		{"/home/", "./file", "/home/file"},
		{"/", "file", "/file"},
		{"/home", "/etc/passwd", "/etc/passwd"},
		{"", "/etc/passwd", "/etc/passwd"},
		{"/home", "//etc///passwd/", "/etc/passwd"},
		{"/home/me", "..", "/home"},
		{"/home/me", "../you/./x", "/home/you/x"},
		{"/home/me", "../../../../x", "/x"},
		{"/", "..", "/"},
		{"", "/", "/"},
		{"", "/..", "/"},
		{"", "/../..", "/"},
		{"", "/.", "/"},
		{"/home", ".", "/home"},
		{"/a//b/./c/..", "d", "/a/b/d"},
		{"/a", "..b", "/a/..b"},
		{"/a", ".b", "/a/.b"},
		{"/a", "...", "/a/..."},
		{"/a", "b c\n", "/a/b c\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(resolve(rows[i].base, rows[i].name), rows[i].path, "%s in %s: %s", rows[i].name, rows[i].base,
				 resolve(rows[i].base, rows[i].name));
}

Test(path, what_cannot_be_told_is_empty)
{
	cr_expect_str_eq(resolve("/home", ""), "");
	cr_expect_str_eq(resolve("", "file"), "");
	cr_expect_str_eq(resolve("pipe:[1]", "file"), "", "the base is no directory");
}

Test(path, lengths_count_and_not_terminators)
{
	struct event_string path = path_resolve("/homeward", 5, "filename", 4, to);

	cr_expect_str_eq(path.bytes, "/home/file");
	cr_expect_eq(path.length, 10);
}

/* A base and a name of the longest that the kernel takes fit; two bytes more than there is room for do not. */
Test(path, what_is_too_long_is_empty_and_what_just_fits_is_whole)
{
	char base[PATH_BYTES], name[PATH_BYTES];
	struct event_string path;

	memset(base, 'b', sizeof(base));
	memset(name, 'n', sizeof(name));
	base[0] = '/';
	path = path_resolve(base, 4095, name, 4095, to);
	cr_expect_eq(path.length, 4095 + 1 + 4095);
	cr_expect_eq(path.bytes[PATH_BYTES - 1], '\0');
	cr_expect_eq(path_resolve(base, 4095, name, 4096, to).length, 0);
	cr_expect_eq(path_resolve(base, PATH_BYTES, name, 1, to).length, 0);
	path = path_resolve(base, PATH_BYTES - 1, "..", 2, to);
	cr_expect_str_eq(path.bytes, "/");
}

/* Of memory that ends with the name: nothing behind it is looked at. */
Test(path, a_name_at_the_end_of_memory_is_read_no_further)
{
	char *base = malloc(2), *name = malloc(3);

	memcpy(base, "/a", 2);
	memcpy(name, "b/c", 3);
	cr_expect_eq(path_resolve(base, 2, name, 3, to).length, 6);
	cr_expect_str_eq(to, "/a/b/c");
	free(base);
	free(name);
}
