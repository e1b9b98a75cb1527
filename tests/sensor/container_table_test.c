#include "sensor/container_table.h"
#include "base/clock.h"
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
