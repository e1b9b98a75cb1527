#include "container/state_file.h"
#include "container/container_fact.h"
#include "tests/container/state_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct state_tree tree;

static void setup(void)
{
	state_tree_init(&tree);
}

static void teardown(void)
{
	state_tree_done(&tree);
}

TestSuite(state_file, .init = setup, .fini = teardown, .timeout = 20);

static void expect_error(const char *name, int error)
{
	struct state_file file;

	cr_expect_eq(state_file_read(&file, tree.path, name), error, "%s", name);
	cr_expect_null(file.text);
}

static void expect_text(const char *name, const char *text)
{
	struct state_file file;

	cr_assert_eq(state_file_read(&file, tree.path, name), 0, "%s", name);
	cr_expect_str_eq(file.text, text);
	cr_expect_eq(file.size, strlen(text));
	state_file_done(&file);
}

Test(state_file, a_file_is_read_whole)
{
	state_tree_write(&tree, "a/b/c.json", "{\"x\": 1}");
	state_tree_write(&tree, "empty", "");
	expect_text("a/b/c.json", "{\"x\": 1}");
	expect_text("empty", "");
}

Test(state_file, a_file_that_was_replaced_has_another_id)
{
	struct state_file first, again, other;

	state_tree_write(&tree, "f", "one");
	cr_assert_eq(state_file_read(&first, tree.path, "f"), 0);
	cr_assert_eq(state_file_read(&again, tree.path, "f"), 0);
	cr_expect_eq(memcmp(&first.id, &again.id, sizeof(first.id)), 0);
	state_tree_write(&tree, "f", "three");
	cr_assert_eq(state_file_read(&other, tree.path, "f"), 0);
	cr_expect_neq(memcmp(&first.id, &other.id, sizeof(first.id)), 0);
	state_file_done(&first);
	state_file_done(&again);
	state_file_done(&other);
}

Test(state_file, what_is_no_file_is_not_waited_for)
{
	state_tree_fifo(&tree, "fifo");
	state_tree_directory(&tree, "directory");
	expect_error("fifo", -EINVAL);
	expect_error("directory", -EINVAL);
	expect_error("nothing", -ENOENT);
	expect_error("nothing/at/all", -ENOENT);
	expect_error("fifo/below", -ENOTDIR);
}

Test(state_file, a_file_that_is_too_long_is_not_read)
{
	char path[128];

	state_tree_write(&tree, "long", "{}");
	(void)snprintf(path, sizeof(path), "%s/long", tree.path);
	cr_assert_eq(truncate(path, (off_t)CONTAINER_JSON_MAX + 1), 0);
	expect_error("long", -EFBIG);
	cr_assert_eq(truncate(path, (off_t)1 << 40), 0);
	expect_error("long", -EFBIG);
}

Test(state_file, a_name_does_not_lead_out_of_its_root)
{
	char absolute[160];

	state_tree_write(&tree, "root/f", "{}");
	state_tree_write(&tree, "secret", "{}");
	(void)snprintf(absolute, sizeof(absolute), "/%s/secret", tree.path);
	expect_error("root/../secret", -EINVAL);
	expect_error("..", -EINVAL);
	expect_error("root/./f", -EINVAL);
	expect_error("root//f", -EINVAL);
	expect_error(absolute, -EINVAL);
}

Test(state_file, links_are_followed_only_where_the_superuser_has_put_them)
{
	state_tree_write(&tree, "elsewhere/config", "{}");
	state_tree_link(&tree, "link", "elsewhere/config");
	state_tree_link(&tree, "directory", "elsewhere");
	if (!geteuid()) {
		cr_expect(state_file_is_trusted(tree.path));
		expect_text("link", "{}");
		expect_text("directory/config", "{}");
	}
	state_tree_give_away(&tree);
	cr_expect_not(state_file_is_trusted(tree.path));
	expect_error("link", -ELOOP);
	expect_error("directory/config", -ENOTDIR);
	expect_text("elsewhere/config", "{}");
}

Test(state_file, a_root_may_be_a_link_itself)
{
	struct state_file file;
	char root[128];

	state_tree_write(&tree, "real/f", "{}");
	state_tree_link(&tree, "root", "real");
	state_tree_give_away(&tree);
	(void)snprintf(root, sizeof(root), "%s/root", tree.path);
	cr_expect_eq(state_file_read(&file, root, "f"), 0);
	state_file_done(&file);
	cr_expect_eq(state_file_read(&file, "/no/such/root", "f"), -ENOENT);
}

Test(state_file, existence_and_time_are_told_without_opening)
{
	state_tree_fifo(&tree, "a/exec.fifo");
	cr_expect(state_file_exists(tree.path, "a/exec.fifo"));
	cr_expect(state_file_exists(tree.path, "a"));
	cr_expect_not(state_file_exists(tree.path, "b"));
	cr_expect_gt(state_file_modified_ns(tree.path, "a"), INT64_C(1500000000) * 1000000000);
	cr_expect_eq(state_file_modified_ns(tree.path, "b"), 0);
}

static void count_name(void *context, const char *directory)
{
	char(*names)[64] = context;

	cr_assert(container_id_is_valid(directory));
	for (size_t i = 0; i < 8; i++) {
		if (*names[i])
			continue;
		(void)snprintf(names[i], sizeof(names[i]), "%s", directory);
		return;
	}
	cr_assert_fail("too many names");
}

Test(state_file, only_directories_that_can_be_ids_are_listed)
{
	char names[8][64] = {0};

	state_tree_directory(&tree, "containers/web");
	state_tree_directory(&tree, "containers/.web");
	state_tree_directory(&tree, "containers/a b");
	state_tree_write(&tree, "containers/file", "");
	state_tree_link(&tree, "containers/link", "web");
	cr_expect_eq(state_file_list(tree.path, "containers", count_name, names), 1);
	cr_expect_str_eq(names[0], "web");
	memset(names, 0, sizeof(names));
	cr_expect_eq(state_file_list(tree.path, "", count_name, names), 1);
	cr_expect_str_eq(names[0], "containers");
	cr_expect_eq(state_file_list(tree.path, "none", count_name, names), -ENOENT);
	cr_expect_eq(state_file_list(tree.path, "containers/file", count_name, names), -ENOTDIR);
}
