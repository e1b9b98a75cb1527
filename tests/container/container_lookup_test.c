#include "container/container_lookup.h"
#include "tests/container/state_tree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define WEB    "ed7d6e839d5f18878531863a209eea76f63eb0f9ce562ead5ac4e318f160cf83"
#define PODMAN "62441f30653954b7b54e2886fa70b9f51708b8c1f7c27bab45c39b6e720c4bc0"

static struct state_tree tree;
static struct container_roots *roots;

/* Everything that was captured, as if it were on one host. */
static void setup(void)
{
	static const char *const docker[] = {FIXTURES "/docker-20.10.24/running"};
	static const char *const containerd[] = {FIXTURES "/containerd-1.6.20/state"};
	static const char *const storage[] = {FIXTURES "/podman-4.3.1/running"};
	char containerd_runc[128];
	const char *runc[] = {"/no/such/root", tree.path, containerd_runc, FIXTURES "/podman-4.3.1/runc"};
	struct container_roots_options options = {
		.paths = {docker, containerd, storage, runc},
		.counts = {1, 1, 1, 4},
	};

	state_tree_init(&tree);
	(void)snprintf(containerd_runc, sizeof(containerd_runc), "%s/run/containerd/runc/moby", tree.path);
	state_tree_copy(&tree, "two/state.json", "runc-1.1.5/running/two/state.json");
	state_tree_directory(&tree, "fresh");
	state_tree_copy(&tree, "run/containerd/runc/moby/" WEB "/state.json", "containerd-1.6.20/runc/moby/" WEB "/state.json");
	cr_assert_eq(container_roots_new(&roots, &options, NULL), 0);
}

static void teardown(void)
{
	container_roots_free(roots);
	state_tree_done(&tree);
}

TestSuite(container_lookup, .init = setup, .fini = teardown, .timeout = 20);

static void expect_path(const char *path, const char *id, enum container_runtime runtime)
{
	struct container_path found;

	cr_assert(container_lookup_path(roots, path, strlen(path), &found), "%s", path);
	cr_expect_str_eq(found.id, id, "%s", path);
	cr_expect_eq(found.runtime, runtime, "%s: %s", path, container_runtime_name(found.runtime));
	cr_expect_eq(found.depth, 1);
	cr_expect_eq(found.hierarchies, 0);
}

static void expect_none(const char *path)
{
	struct container_path found;

	cr_expect_not(container_lookup_path(roots, path, strlen(path), &found), "%s", path);
}

Test(container_lookup, the_last_name_is_what_runc_has_a_directory_for)
{
	expect_path("/two", "two", CONTAINER_RUNTIME_RUNC);
	expect_path("/user.slice/two", "two", CONTAINER_RUNTIME_RUNC);
	expect_path("/two/", "two", CONTAINER_RUNTIME_RUNC);
	expect_path("two", "two", CONTAINER_RUNTIME_RUNC);
	expect_path("/../two", "two", CONTAINER_RUNTIME_RUNC);
}

Test(container_lookup, a_directory_without_a_state_is_enough)
{
	expect_path("/fresh", "fresh", CONTAINER_RUNTIME_RUNC);
}

Test(container_lookup, the_last_two_names_are_what_containerd_has_a_directory_for)
{
	expect_path("/default/web", "web", CONTAINER_RUNTIME_CONTAINERD);
	expect_path("/some.slice/default/web", "web", CONTAINER_RUNTIME_CONTAINERD);
	expect_none("/web");
	expect_none("/other/web");
	expect_path("/moby/" WEB, WEB, CONTAINER_RUNTIME_DOCKER);
}

Test(container_lookup, whose_runc_it_is_shows_in_its_root)
{
	expect_path("/x/" WEB, WEB, CONTAINER_RUNTIME_DOCKER);
}

Test(container_lookup, scopes_of_the_systemd_drivers_are_names_too)
{
	expect_path("/system.slice/runc-two.scope", "two", CONTAINER_RUNTIME_RUNC);
	expect_path("/user.slice/crun-two.scope", "two", CONTAINER_RUNTIME_RUNC);
	expect_path("/user.slice/crun-two.scope/container", "two", CONTAINER_RUNTIME_RUNC);
	expect_none("/system.slice/other-two.scope");
}

Test(container_lookup, groups_below_a_container_belong_to_it)
{
	expect_path("/two/system.slice/cron.service", "two", CONTAINER_RUNTIME_RUNC);
	expect_path("/two/fresh", "fresh", CONTAINER_RUNTIME_RUNC);
	expect_none("/two/1/2/3/4/5/6/7/8");
}

Test(container_lookup, what_is_no_container_is_none)
{
	expect_none("");
	expect_none("/");
	expect_none("//");
	expect_none("/user.slice/user-1000.slice/session-2.scope");
	expect_none("/system.slice/ssh.service");
	expect_none("/..");
	expect_none("/default/..");
	expect_none("/a b");
	expect_none("/.scope");
	expect_none("/runc-.scope");
}

Test(container_lookup, a_path_is_not_read_beyond_its_end)
{
	struct container_path found;

	cr_expect_not(container_lookup_path(roots, "/two", 3, &found));
	cr_expect_not(container_lookup_path(roots, "/two", 0, &found));
}

static void expect_sources(const char *id, enum container_runtime runtime, const enum container_source *sources, size_t count)
{
	struct container_fact *list = container_lookup_read(roots, id, runtime), *f = list;

	for (size_t i = 0; i < count; i++, f = f->next) {
		cr_assert_not_null(f, "%s: no %s", id, container_source_name(sources[i]));
		cr_expect_eq(f->source, sources[i], "%s: %s", id, container_source_name(f->source));
		cr_expect_str_eq(f->id, id);
	}
	cr_expect_null(f, "%s: too many", id);
	container_fact_free_all(list);
}

#define EXPECT_SOURCES(id, runtime, ...)                                                       \
	do {                                                                                   \
		static const enum container_source sources_[] = {__VA_ARGS__};                 \
		expect_sources(id, runtime, sources_, sizeof(sources_) / sizeof(sources_[0])); \
	} while (0)

Test(container_lookup, each_source_tells_what_it_has)
{
	EXPECT_SOURCES(WEB, CONTAINER_RUNTIME_DOCKER, CONTAINER_SOURCE_RUNC, CONTAINER_SOURCE_TASK, CONTAINER_SOURCE_DOCKER);
	EXPECT_SOURCES(WEB, CONTAINER_RUNTIME_UNKNOWN, CONTAINER_SOURCE_RUNC, CONTAINER_SOURCE_TASK, CONTAINER_SOURCE_DOCKER);
	EXPECT_SOURCES(PODMAN, CONTAINER_RUNTIME_PODMAN, CONTAINER_SOURCE_RUNC, CONTAINER_SOURCE_STORAGE);
	EXPECT_SOURCES(PODMAN, CONTAINER_RUNTIME_UNKNOWN, CONTAINER_SOURCE_RUNC, CONTAINER_SOURCE_STORAGE);
	EXPECT_SOURCES("web", CONTAINER_RUNTIME_CONTAINERD, CONTAINER_SOURCE_TASK);
	EXPECT_SOURCES("two", CONTAINER_RUNTIME_RUNC, CONTAINER_SOURCE_RUNC);
}

Test(container_lookup, sources_that_cannot_have_it_are_not_asked)
{
	EXPECT_SOURCES(PODMAN, CONTAINER_RUNTIME_DOCKER, CONTAINER_SOURCE_RUNC);
	EXPECT_SOURCES(WEB, CONTAINER_RUNTIME_RUNC, CONTAINER_SOURCE_RUNC);
	cr_expect_null(container_lookup_read(roots, "two", CONTAINER_RUNTIME_LXC));
	cr_expect_null(container_lookup_read(roots, "two", CONTAINER_RUNTIME_NSPAWN));
}

Test(container_lookup, what_nobody_has_is_nothing)
{
	cr_expect_null(container_lookup_read(roots, "nobody", CONTAINER_RUNTIME_UNKNOWN));
	cr_expect_null(container_lookup_read(roots, "../two", CONTAINER_RUNTIME_UNKNOWN));
	cr_expect_null(container_lookup_read(roots, "", CONTAINER_RUNTIME_UNKNOWN));
	cr_expect_null(container_lookup_read(roots, "fresh", CONTAINER_RUNTIME_UNKNOWN));
}
