#include "container/container_roots.h"
#include "tests/container/state_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct state_tree host;
static struct container_roots *roots;

static void setup(void)
{
	state_tree_init(&host);
}

static void teardown(void)
{
	roots = container_roots_free(roots);
	state_tree_done(&host);
}

TestSuite(container_roots, .init = setup, .fini = teardown, .timeout = 20);

static void make(const struct container_roots_options *options)
{
	struct error err;

	cr_assert_eq(container_roots_new(&roots, options, &err), 0, "%s", err.message);
}

static void make_usual(void)
{
	struct container_roots_options options = {.host = host.path};

	make(&options);
}

static bool has(enum container_root_type type, const char *path)
{
	char full[256];

	(void)snprintf(full, sizeof(full), "%s%s", host.path, path);
	for (size_t i = 0; i < container_roots_count(roots, type); i++)
		if (!strcmp(container_roots_path(roots, type, i), full))
			return true;
	return false;
}

Test(container_roots, the_usual_ones_need_not_be_there_yet)
{
	make_usual();
	cr_expect(has(CONTAINER_ROOT_DOCKER, "/var/lib/docker"));
	cr_expect(has(CONTAINER_ROOT_CONTAINERD, "/run/containerd"));
	cr_expect(has(CONTAINER_ROOT_STORAGE, "/var/lib/containers/storage"));
	cr_expect(has(CONTAINER_ROOT_RUNC, "/run/runc"));
	cr_expect(has(CONTAINER_ROOT_RUNC, "/run/crun"));
	cr_expect(container_roots_are_usual(roots, CONTAINER_ROOT_RUNC));
	cr_expect_not(container_roots_discover(roots));
}

Test(container_roots, without_a_place_for_the_hosts_files_they_are_at_the_root)
{
	struct container_roots_options options = {0};

	make(&options);
	cr_expect_str_eq(container_roots_path(roots, CONTAINER_ROOT_DOCKER, 0), "/var/lib/docker");
}

Test(container_roots, those_that_are_told_stand_instead_of_the_usual_ones_of_their_type)
{
	const char *told[] = {"/a/", "/b//", "/a"};
	struct container_roots_options options = {.host = host.path};

	options.paths[CONTAINER_ROOT_DOCKER] = told;
	options.counts[CONTAINER_ROOT_DOCKER] = 3;
	make(&options);
	cr_expect_eq(container_roots_count(roots, CONTAINER_ROOT_DOCKER), 2);
	cr_expect_str_eq(container_roots_path(roots, CONTAINER_ROOT_DOCKER, 0), "/a");
	cr_expect_str_eq(container_roots_path(roots, CONTAINER_ROOT_DOCKER, 1), "/b");
	cr_expect_not(container_roots_are_usual(roots, CONTAINER_ROOT_DOCKER));
	cr_expect(container_roots_are_usual(roots, CONTAINER_ROOT_STORAGE));
	cr_expect(has(CONTAINER_ROOT_STORAGE, "/var/lib/containers/storage"));
	state_tree_directory(&host, "var/lib/docker/1000.1000");
	cr_expect_not(container_roots_discover(roots), "nothing is looked for of a type that was told");
}

Test(container_roots, a_path_that_is_not_absolute_is_refused)
{
	const char *told[] = {"run/runc"};
	struct container_roots_options options = {0};
	struct error err;

	options.paths[CONTAINER_ROOT_RUNC] = told;
	options.counts[CONTAINER_ROOT_RUNC] = 1;
	cr_expect_eq(container_roots_new(&roots, &options, &err), -EINVAL);
	cr_expect_null(roots);
	cr_expect_str_eq(err.message, "\"run/runc\" is no directory of a container runtime: an absolute path is needed");
}

Test(container_roots, directories_of_namespaces_and_users_are_found_when_they_are_there)
{
	make_usual();
	state_tree_directory(&host, "run/containerd/runc/k8s.io");
	state_tree_directory(&host, "run/docker/runtime-runc/moby");
	state_tree_directory(&host, "run/user/1000/crun");
	state_tree_write(&host, "run/user/1000/runc", "no directory");
	state_tree_directory(&host, "run/k3s/containerd");
	state_tree_directory(&host, "var/lib/docker/165536.165536");
	cr_expect(container_roots_discover(roots));
	cr_expect(has(CONTAINER_ROOT_RUNC, "/run/containerd/runc/k8s.io"));
	cr_expect(has(CONTAINER_ROOT_RUNC, "/run/docker/runtime-runc/moby"));
	cr_expect(has(CONTAINER_ROOT_RUNC, "/run/user/1000/crun"));
	cr_expect_not(has(CONTAINER_ROOT_RUNC, "/run/user/1000/runc"));
	cr_expect(has(CONTAINER_ROOT_CONTAINERD, "/run/k3s/containerd"));
	cr_expect(has(CONTAINER_ROOT_DOCKER, "/var/lib/docker/165536.165536"));
	cr_expect_not(container_roots_discover(roots), "they are not new any more");
}

Test(container_roots, only_users_who_are_there_are_looked_at)
{
	make_usual();
	state_tree_write(&host, "etc/passwd",
			 "here:x:1000:1000::/home/here:/bin/sh\nbroken "
			 "line\naway:x:1001:1001::/home/away:/bin/sh\nnone:x:1002:1002::/home/none:/bin/sh\n");
	state_tree_directory(&host, "run/user/1000");
	state_tree_directory(&host, "run/user/1002");
	state_tree_directory(&host, "home/here/.local/share/containers/storage");
	state_tree_directory(&host, "home/here/.local/share/docker");
	state_tree_directory(&host, "home/away/.local/share/containers/storage");
	cr_expect(container_roots_discover(roots));
	cr_expect(has(CONTAINER_ROOT_STORAGE, "/home/here/.local/share/containers/storage"));
	cr_expect(has(CONTAINER_ROOT_DOCKER, "/home/here/.local/share/docker"));
	cr_expect_eq(container_roots_count(roots, CONTAINER_ROOT_STORAGE), 2);
	cr_expect_not(container_roots_discover(roots));
}

Test(container_roots, one_that_was_found_out_is_added_once)
{
	make_usual();
	cr_expect(container_roots_add(roots, CONTAINER_ROOT_DOCKER, "/data/docker"));
	cr_expect_not(container_roots_add(roots, CONTAINER_ROOT_DOCKER, "/data/docker/"));
	cr_expect_not(container_roots_add(roots, CONTAINER_ROOT_DOCKER, "data"));
	cr_expect_not(container_roots_add(roots, CONTAINER_ROOT_DOCKER, ""));
	cr_expect_eq(container_roots_count(roots, CONTAINER_ROOT_DOCKER), 2);
}

Test(container_roots, there_is_an_end_to_what_is_found)
{
	char name[64];

	make_usual();
	for (int i = 0; i < CONTAINER_ROOTS_MAX + 20; i++) {
		(void)snprintf(name, sizeof(name), "run/containerd/runc/n%d", i);
		state_tree_directory(&host, name);
	}
	cr_expect(container_roots_discover(roots));
	cr_expect_eq(container_roots_count(roots, CONTAINER_ROOT_RUNC), CONTAINER_ROOTS_MAX);
	cr_expect_not(container_roots_discover(roots));
	cr_expect_not(container_roots_add(roots, CONTAINER_ROOT_RUNC, "/one/more"));
}
