#include "sensor/container_table.h"
#include "base/clock.h"
#include "container/docker_state.h"
#include "tests/sensor/docker_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define A     "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"
#define IMAGE "b0c4a1d2e3f405162738495a6b7c8d9eaf01b2c3d4e5f60718293a4b5c6d7e8f"

static struct docker_tree docker, other_docker;
static struct container_table *table;
static unsigned int changes;

static void setup(void)
{
	const char *roots[2];
	struct container_table_options options = {.docker_roots = roots, .docker_root_count = 2};

	docker_tree_init(&docker);
	docker_tree_init(&other_docker);
	roots[0] = docker.path;
	roots[1] = other_docker.path;
	cr_assert_eq(container_table_new(&table, &options, NULL), 0);
	changes = 0;
}

static void teardown(void)
{
	container_table_free(table);
	docker_tree_done(&docker);
	docker_tree_done(&other_docker);
}

TestSuite(container_table, .init = setup, .fini = teardown);

static struct container *get_of(const char *id, enum container_runtime runtime)
{
	struct container_path path = {.runtime = runtime, .depth = 1};
	struct container *c;

	(void)snprintf(path.id, sizeof(path.id), "%s", id);
	c = container_table_get(table, &path);
	cr_assert_not_null(c);
	return c;
}

static struct container *get(const char *id)
{
	return get_of(id, CONTAINER_RUNTIME_DOCKER);
}

static void count_change(void *context, const struct container *c)
{
	(void)c;
	cr_assert_null(context);
	changes++;
}

static void refresh_after(uint64_t ns)
{
	container_table_refresh(table, clock_monotonic_ns() + ns, count_change, NULL);
}

static void expect_strings(const struct container *c, const char *name, const char *image_id, const char *image_name)
{
	cr_expect_str_eq(c->name.bytes, name);
	cr_expect_eq(c->name.length, strlen(name));
	cr_expect_str_eq(c->image_id.bytes, image_id);
	cr_expect_eq(c->image_id.length, strlen(image_id));
	cr_expect_str_eq(c->image_name.bytes, image_name);
	cr_expect_eq(c->image_name.length, strlen(image_name));
}

Test(container_table, what_docker_knows_is_there_when_a_container_is_first_met)
{
	struct container *c;

	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx:1.25");
	c = get(A);
	cr_expect_str_eq(c->id.bytes, A);
	cr_expect_eq(c->id.length, 64);
	expect_strings(c, "/web", IMAGE, "nginx:1.25");
	container_unref(c);
}

Test(container_table, the_second_root_is_asked_when_the_first_has_no_such_container)
{
	struct container *c;

	docker_tree_put(&other_docker, A, "/rootless", "sha256:" IMAGE, "sha256:" IMAGE);
	c = get(A);
	expect_strings(c, "/rootless", IMAGE, "sha256:" IMAGE);
	container_unref(c);
}

Test(container_table, a_container_is_one_object_until_nobody_refers_to_it)
{
	struct container *first = get(A), *second = get(A);
	uint64_t revision = first->revision;

	cr_expect_eq(first, second);
	cr_expect_neq(revision, 0);
	cr_expect_eq(container_table_count(table), 1);
	container_unref(first);
	cr_expect_eq(container_table_count(table), 1);
	container_unref(second);
	cr_expect_eq(container_table_count(table), 0);
	first = get(A);
	cr_expect_neq(first->revision, revision, "a verdict of the one before would be taken for this one's");
	container_unref(first);
}

Test(container_table, what_is_not_written_yet_is_found_a_little_later)
{
	struct container *c = get(A);
	uint64_t revision = c->revision;

	expect_strings(c, "", "", "");
	refresh_after(CONTAINER_LOOK_FIRST_NS / 2);
	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	refresh_after(CONTAINER_LOOK_FIRST_NS / 2);
	expect_strings(c, "", "", "");
	refresh_after(CONTAINER_LOOK_FIRST_NS);
	expect_strings(c, "/web", IMAGE, "nginx");
	cr_expect_neq(c->revision, revision);
	cr_expect_eq(changes, 1);
	container_unref(c);
}

Test(container_table, one_that_docker_does_not_know_is_looked_for_a_bounded_number_of_times)
{
	struct container *c = get(A);

	for (int i = 0; i < CONTAINER_LOOKS; i++)
		refresh_after(UINT64_C(3600) * NSEC_PER_SEC * (uint64_t)(i + 1));
	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	refresh_after(UINT64_C(3600) * NSEC_PER_SEC * 100);
	expect_strings(c, "", "", "");
	cr_expect_eq(changes, 0);
	container_unref(c);
}

Test(container_table, a_container_that_is_renamed_gets_its_new_name)
{
	struct container *c;
	uint64_t revision;

	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	c = get(A);
	revision = c->revision;
	refresh_after(CONTAINER_LOOK_AGAIN_NS);
	cr_expect_eq(c->revision, revision, "nothing has changed");
	docker_tree_put(&docker, A, "/web-old", "sha256:" IMAGE, "nginx");
	refresh_after(CONTAINER_LOOK_AGAIN_NS / 2);
	cr_expect_str_eq(c->name.bytes, "/web");
	refresh_after(3 * CONTAINER_LOOK_AGAIN_NS);
	expect_strings(c, "/web-old", IMAGE, "nginx");
	cr_expect_eq(changes, 1);
	container_unref(c);
}

Test(container_table, other_runtimes_containers_are_not_looked_for_in_dockers_state)
{
	struct container *c;

	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	c = get_of(A, CONTAINER_RUNTIME_PODMAN);
	expect_strings(c, "", "", "");
	container_unref(c);
	c = get_of("web1", CONTAINER_RUNTIME_LXC);
	expect_strings(c, "web1", "", "");
	container_unref(c);
}

static void expect_unreadable(const char *text, const char *why)
{
	struct docker_file file = {0};
	struct docker_state state;

	docker_tree_write(&docker, A, text);
	cr_expect_eq(docker_state_read(&state, &file, docker.path, A), -EINVAL, "%s", why);
	cr_expect_eq(file.inode, 0, "%s: it would not be read again", why);
}

Test(container_table, a_file_that_makes_no_sense_is_refused_and_read_again_next_time)
{
	expect_unreadable("", "empty");
	expect_unreadable("{\"ID\":\"" A "\",\"Name\":", "cut off");
	expect_unreadable("[\"" A "\"]", "no object");
	expect_unreadable("{\"Name\":\"/web\"}", "nobody's");
	expect_unreadable("{\"ID\":\"" IMAGE "\",\"Name\":\"/web\"}", "another container's");
	expect_unreadable("{\"ID\":7}", "an id that is a number");
}

Test(container_table, what_has_another_type_or_is_too_long_is_not_known)
{
	static char text[4096], name[1024];
	struct docker_file file = {0};
	struct docker_state state;

	memset(name, 'n', DOCKER_NAME_BYTES);
	(void)snprintf(text, sizeof(text), "{\"ID\":\"" A "\",\"Name\":\"%s\",\"Image\":[],\"Config\":{\"Image\":{\"a\":1}}}", name);
	docker_tree_write(&docker, A, text);
	cr_assert_eq(docker_state_read(&state, &file, docker.path, A), 1);
	cr_expect_str_empty(state.name);
	cr_expect_str_empty(state.image_id);
	cr_expect_str_empty(state.image_name);
	cr_expect_eq(docker_state_read(&state, &file, docker.path, A), 0, "it is the same file");
}

Test(container_table, what_is_no_file_is_not_waited_for)
{
	struct docker_file file = {0};
	struct docker_state state;
	char path[256];

	cr_expect_eq(docker_state_read(&state, &file, docker.path, A), -ENOENT);
	(void)snprintf(path, sizeof(path), "%s/containers/" A, docker.path);
	cr_assert_eq(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/containers/" A "/config.v2.json", docker.path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(docker_state_read(&state, &file, docker.path, A), -EINVAL);
}

static void join_name(void *context, const struct container *c)
{
	char *names = context;

	(void)strncat(names, c->name.bytes, 15);
}

Test(container_table, all_are_told_in_the_order_in_which_they_became_known)
{
	struct container *first = get_of("web", CONTAINER_RUNTIME_LXC);
	struct container *second = get_of("db", CONTAINER_RUNTIME_LXC);
	struct container *third = get_of("api", CONTAINER_RUNTIME_NSPAWN);
	char names[64] = "";

	container_table_each(table, join_name, names);
	cr_expect_str_eq(names, "webdbapi");
	container_unref(second);
	names[0] = 0;
	container_table_each(table, join_name, names);
	cr_expect_str_eq(names, "webapi");
	container_unref(first);
	container_unref(third);
}

Test(container_table, one_is_found_without_being_made)
{
	struct container *c = get_of("web", CONTAINER_RUNTIME_LXC);

	cr_expect_eq(container_table_find(table, "web"), c);
	cr_expect_null(container_table_find(table, "we"));
	cr_expect_eq(container_table_count(table), 1);
	container_unref(c);
	cr_expect_null(container_table_find(table, "web"));
}
