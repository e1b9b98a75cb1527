#include "tracing/target_path.h"
#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/target_path_test_XXXXXX";
static struct target_path target;
static struct error err;

static const char *below(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s", root, name);
	return path;
}

static void put_file(const char *name)
{
	cleanup_close int fd = open(below(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	cr_assert(fd >= 0);
}

static void put_link(const char *text, const char *name)
{
	cr_assert_eq(symlink(text, below(name)), 0);
}

static void make_root(void)
{
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(mkdir(below("/bin"), 0755), 0);
	cr_assert_eq(mkdir(below("/opt"), 0755), 0);
	put_file("/opt/tool");
}

static void remove_root(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(target_path, .init = make_root, .fini = remove_root);

static void expect_inside(const char *inner, const char *path, const char *resolved)
{
	char found[PATH_MAX];
	char found_inner[PATH_MAX];

	err = (struct error){0};
	cr_assert_eq(target_path_in_root(root, inner, found, found_inner, &err), 0, "%s", err.message);
	cr_assert_str_eq(found, below(path));
	cr_assert_str_eq(found_inner, resolved);
}

static int inside(const char *inner)
{
	char found[PATH_MAX];

	err = (struct error){0};
	return target_path_in_root(root, inner, found, NULL, &err);
}

Test(target_path, an_absolute_link_in_a_root_leads_to_a_place_in_that_root)
{
	put_link("/opt/tool", "/bin/tool");
	expect_inside("/bin/tool", "/opt/tool", "/opt/tool");
	/* This one exists on the host and must not be found. */
	put_link("/etc/passwd", "/bin/host");
	cr_assert_eq(inside("/bin/host"), -ENOENT);
	cr_assert_not_null(strstr(err.message, "/bin/host"));
}

Test(target_path, no_number_of_steps_back_leads_out_of_a_root)
{
	put_link("../../../../opt/tool", "/bin/back");
	expect_inside("/bin/back", "/opt/tool", "/opt/tool");
	expect_inside("/../../opt/../opt/./tool", "/opt/tool", "/opt/tool");
	put_link("../../../../../../etc/passwd", "/bin/out");
	cr_assert_eq(inside("/bin/out"), -ENOENT);
}

Test(target_path, a_linked_directory_in_the_middle_is_followed_before_a_step_back)
{
	cr_assert_eq(mkdir(below("/usr"), 0755), 0);
	cr_assert_eq(mkdir(below("/usr/bin"), 0755), 0);
	put_file("/usr/tool");
	put_link("/usr/bin", "/sbin");
	expect_inside("/sbin/../tool", "/usr/tool", "/usr/tool");
}

Test(target_path, links_in_a_circle_end)
{
	put_link("/bin/b", "/bin/a");
	put_link("/bin/a", "/bin/b");
	cr_assert_eq(inside("/bin/a"), -ELOOP);
}

Test(target_path, a_file_is_no_directory)
{
	cr_assert_eq(inside("/opt/tool/x"), -ENOTDIR);
}

Test(target_path, a_path_too_long_is_refused_wherever_it_gets_too_long)
{
	static char longest[2 * PATH_MAX];
	char link[PATH_MAX - 64];

	memset(longest, 'a', sizeof(longest) - 1);
	cr_assert_eq(target_path_resolve(&target, longest, &err), -ENAMETOOLONG);
	longest[0] = '/';
	cr_assert_eq(inside(longest), -ENAMETOOLONG);
	longest[300] = '\0';
	cr_assert_eq(inside(longest), -ENAMETOOLONG);
	/* A link's text and the rest behind it. */
	for (size_t i = 0; i < sizeof(link) - 1; i++)
		link[i] = i % 2 ? '.' : '/';
	link[sizeof(link) - 1] = '\0';
	put_link(link, "/bin/long");
	memset(longest, '/', sizeof(longest) - 1);
	memcpy(longest, "/bin/long", 9);
	longest[300] = '\0';
	cr_assert_eq(inside(longest), -ENAMETOOLONG);
}

Test(target_path, a_path_in_the_root_of_a_process_keeps_that_root_in_front)
{
	char name[512];
	char expected[64];

	snprintf(expected, sizeof(expected), "/proc/%d/root", getpid());
	snprintf(name, sizeof(name), "%s%s", expected, below("/opt/../opt/tool"));
	cr_assert_eq(target_path_resolve(&target, name, &err), 0, "%s", err.message);
	cr_assert_str_eq(target.root, expected);
	cr_assert_str_eq(target.inner, below("/opt/tool"));
	snprintf(name, sizeof(name), "%s%s", expected, below("/opt/tool"));
	cr_assert_str_eq(target.path, name);
	snprintf(name, sizeof(name), "/proc/self/task/%d/root%s", gettid(), below("/opt/tool"));
	cr_assert_eq(target_path_resolve(&target, name, &err), 0, "%s", err.message);
	cr_assert_str_eq(target.path, name);
	cr_assert_eq(target_path_resolve(&target, "/proc/999999999/root/bin/sh", &err), -ENOENT);
}

Test(target_path, other_paths_of_a_process_are_taken_as_they_are)
{
	cr_assert_eq(target_path_resolve(&target, "/proc/self/exe", &err), 0, "%s", err.message);
	cr_assert_str_eq(target.path, "/proc/self/exe");
	cr_assert_str_eq(target.root, "");
}

Test(target_path, a_path_of_ours_is_made_absolute_and_free_of_links)
{
	put_link("tool", "/opt/link");
	cr_assert_eq(chdir(below("/opt")), 0);
	cr_assert_eq(target_path_resolve(&target, "./link", &err), 0, "%s", err.message);
	cr_assert_str_eq(target.path, below("/opt/tool"));
	cr_assert_eq(target_path_resolve(&target, "./nothing", &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "./nothing"));
}

Test(target_path, a_bare_name_is_a_program_of_path)
{
	char list[PATH_MAX + 32];

	snprintf(list, sizeof(list), "/nonexistent:%s", below("/opt"));
	setenv("PATH", list, 1);
	cr_assert_eq(target_path_resolve(&target, "tool", &err), 0, "%s", err.message);
	cr_assert_str_eq(target.path, below("/opt/tool"));
	cr_assert_eq(chmod(below("/opt/tool"), 0644), 0);
	cr_assert_eq(target_path_resolve(&target, "nothing", &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "no program nothing in PATH"));
	unsetenv("PATH");
	cr_assert_eq(target_path_resolve(&target, "sh", &err), 0, "%s", err.message);
}

Test(target_path, a_bare_name_with_so_in_it_is_a_library)
{
	cr_assert_eq(target_path_resolve(&target, "libc.so.6", &err), 0, "%s", err.message);
	cr_assert_eq(target.path[0], '/');
	cr_assert_eq(target_path_resolve(&target, "libnothing.so.7", &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "no library libnothing.so.7"));
}

Test(target_path, blanks_directories_and_nothing_are_refused)
{
	put_file("/opt/a tool");
	cr_assert_eq(target_path_resolve(&target, below("/opt/a tool"), &err), -EINVAL);
	cr_assert_not_null(strstr(err.message, "blanks"));
	cr_assert_eq(target_path_resolve(&target, below("/opt"), &err), -EINVAL);
	cr_assert_not_null(strstr(err.message, "not a regular file"));
	cr_assert_eq(target_path_resolve(&target, "", &err), -EINVAL);
}
