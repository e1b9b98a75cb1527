#include "sensor/container_table.h"
#include "base/clock.h"
#include "tests/sensor/docker_tree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A     "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"
#define IMAGE "b0c4a1d2e3f405162738495a6b7c8d9eaf01b2c3d4e5f60718293a4b5c6d7e8f"

static struct docker_tree docker, other_docker;
static struct container_roots *roots;
static struct container_table *table;
static unsigned int revisions;
static int64_t since_ns;
static char told[1024];

static void count_revision(void *context, const struct container *c)
{
	(void)c;
	cr_assert_null(context);
	revisions++;
}

static void setup(void)
{
	const char *docker_paths[2], *nowhere[] = {"/nonexistent"};
	struct container_roots_options options = {
		.paths = {[CONTAINER_ROOT_DOCKER] = docker_paths, nowhere, nowhere, nowhere},
		.counts = {2, 1, 1, 1},
	};
	struct container_table_options table_options;

	docker_tree_init(&docker);
	docker_tree_init(&other_docker);
	docker_paths[0] = docker.path;
	docker_paths[1] = other_docker.path;
	cr_assert_eq(container_roots_new(&roots, &options, NULL), 0);
	since_ns = (int64_t)clock_realtime_ns();
	table_options = (struct container_table_options){.roots = roots, .since_ns = since_ns};
	cr_assert_eq(container_table_new(&table, &table_options, NULL), 0);
	container_table_on_revision(table, count_revision, NULL);
	revisions = 0;
	told[0] = '\0';
}

static void teardown(void)
{
	container_table_free(table);
	container_roots_free(roots);
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

static uint64_t start_ns;

static void refresh_after(uint64_t ns)
{
	if (!start_ns)
		start_ns = clock_monotonic_ns();
	container_table_refresh(table, start_ns + ns);
}

static void write_change(void *context, const struct container *c, const struct container_change *change)
{
	static const char *const names[] = {"created", "running", "exited", "destroyed", "updated"};
	size_t length = strlen(told);

	cr_assert_null(context);
	(void)snprintf(told + length, sizeof(told) - length, "%s%s(%s)", length ? " " : "", names[change->kind - EVENT_CONTAINER_CREATED],
		       c->name.bytes);
}

static void expect_told(uint64_t after_ns, const char *expected)
{
	if (!start_ns)
		start_ns = clock_monotonic_ns();
	container_table_flush(table, start_ns + after_ns, write_change, NULL);
	cr_expect_str_eq(told, expected);
	told[0] = '\0';
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

static struct container_fact *fact_of(const char *id, enum container_source source, enum container_runtime runtime, const char *name)
{
	struct container_fact *f = container_fact_new(id, source);

	cr_assert_not_null(f);
	f->runtime = runtime;
	f->created_ns = since_ns + 1;
	f->state = CONTAINER_CREATED;
	if (name)
		cr_assert(container_fact_set(&f->name, name, strlen(name), CONTAINER_STRING_MAX));
	return f;
}

static void take(struct container_fact *f)
{
	container_table_take(table, f, clock_monotonic_ns());
}

static void take_gone(const char *id, enum container_source source)
{
	struct container_fact *f = container_fact_new(id, source);

	f->gone = true;
	take(f);
}

Test(container_table, what_docker_knows_is_there_when_a_container_is_first_met)
{
	struct container *c;

	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx:1.25");
	c = get(A);
	cr_expect_str_eq(c->id.bytes, A);
	cr_expect_eq(c->id.length, 64);
	cr_expect_not(c->pending);
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
	cr_expect(c->pending);
	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	refresh_after(0);
	expect_strings(c, "", "", "");
	refresh_after(CONTAINER_LOOK_FIRST_NS);
	expect_strings(c, "/web", IMAGE, "nginx");
	cr_expect_not(c->pending);
	cr_expect_neq(c->revision, revision);
	cr_expect_eq(revisions, 1);
	container_unref(c);
}

Test(container_table, the_first_program_that_runs_in_it_is_a_reason_to_look)
{
	const struct event_string runc = {"/proc/self/exe", 14}, program = {"/bin/true", 9};
	struct container *c = get(A);

	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	container_table_exec(c, 42, &runc, clock_monotonic_ns());
	cr_expect(c->pending);
	container_table_exec(c, 42, &program, clock_monotonic_ns());
	expect_strings(c, "/web", IMAGE, "nginx");
	container_unref(c);
}

Test(container_table, one_that_nobody_knows_is_looked_for_a_bounded_number_of_times)
{
	struct container *c = get(A);

	c->processes = 1;
	for (unsigned int i = 0; i <= CONTAINER_LOOKS; i++) {
		cr_expect(c->pending);
		refresh_after(UINT64_C(3600) * NSEC_PER_SEC * (i + 1));
	}
	cr_expect_not(c->pending);
	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	refresh_after(UINT64_C(3600) * NSEC_PER_SEC * 100);
	expect_strings(c, "", "", "");
	cr_expect_eq(revisions, 0);
	expect_told(UINT64_C(3600) * NSEC_PER_SEC * 100, "created() running()");
	c->processes = 0;
	container_unref(c);
	refresh_after(UINT64_C(3600) * NSEC_PER_SEC * 101);
	expect_told(UINT64_C(3600) * NSEC_PER_SEC * 101, "exited() destroyed()");
	refresh_after(UINT64_C(3600) * NSEC_PER_SEC * 102);
	cr_expect_eq(container_table_count(table), 0);
}

Test(container_table, a_container_that_is_renamed_gets_its_new_name)
{
	struct container_fact *renamed = fact_of(A, CONTAINER_SOURCE_DOCKER, CONTAINER_RUNTIME_DOCKER, "/web-old");
	struct container *c;
	uint64_t revision;

	docker_tree_put(&docker, A, "/web", "sha256:" IMAGE, "nginx");
	c = get(A);
	revision = c->revision;
	take(fact_of(A, CONTAINER_SOURCE_RUNC, CONTAINER_RUNTIME_DOCKER, NULL));
	cr_expect_eq(c->revision, revision, "nothing has changed");
	cr_assert(container_fact_set(&renamed->image_name, "nginx", 5, CONTAINER_STRING_MAX));
	cr_assert(container_fact_set(&renamed->image_id, IMAGE, 64, CONTAINER_STRING_MAX));
	renamed->seen_ns = clock_monotonic_ns();
	take(renamed);
	expect_strings(c, "/web-old", IMAGE, "nginx");
	cr_expect_eq(revisions, 1);
	container_unref(c);
}

Test(container_table, a_fact_that_was_seen_before_another_says_nothing)
{
	struct container_fact *early = fact_of(A, CONTAINER_SOURCE_DOCKER, CONTAINER_RUNTIME_DOCKER, "/early");
	struct container_fact *late = fact_of(A, CONTAINER_SOURCE_DOCKER, CONTAINER_RUNTIME_DOCKER, "/late");
	struct container *c;

	early->seen_ns = late->seen_ns - 1;
	take(late);
	take(early);
	c = get(A);
	cr_expect_str_eq(c->name.bytes, "/late");
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

Test(container_table, the_source_with_most_to_say_is_believed_and_others_fill_in)
{
	struct container_fact *task = fact_of(A, CONTAINER_SOURCE_TASK, CONTAINER_RUNTIME_CONTAINERD, NULL);
	struct container *c;

	cr_assert(container_fact_set(&task->bundle, "/run/bundle", 11, CONTAINER_PATH_MAX));
	cr_assert(container_fact_set(&task->image_name, "of-the-task", 11, CONTAINER_STRING_MAX));
	cr_assert(container_fact_add_label(task, "a", "b"));
	take(fact_of(A, CONTAINER_SOURCE_DOCKER, CONTAINER_RUNTIME_DOCKER, "/web"));
	take(task);
	c = get(A);
	expect_strings(c, "/web", "", "of-the-task");
	cr_expect_str_eq(c->bundle.bytes, "/run/bundle");
	cr_expect_eq(c->label_count, 1);
	cr_expect_eq(c->runtime, CONTAINER_RUNTIME_DOCKER);
	container_unref(c);
}

Test(container_table, a_container_that_is_made_is_told_when_it_has_a_name)
{
	take(fact_of(A, CONTAINER_SOURCE_TASK, CONTAINER_RUNTIME_CONTAINERD, NULL));
	expect_told(0, "");
	take(fact_of(A, CONTAINER_SOURCE_CONTAINERD, CONTAINER_RUNTIME_CONTAINERD, "web"));
	expect_told(0, "created(web)");
	take_gone(A, CONTAINER_SOURCE_TASK);
	expect_told(0, "");
	take_gone(A, CONTAINER_SOURCE_CONTAINERD);
	expect_told(0, "destroyed(web)");
}

Test(container_table, or_without_one_when_nobody_says_it_in_time)
{
	take(fact_of(A, CONTAINER_SOURCE_TASK, CONTAINER_RUNTIME_CONTAINERD, NULL));
	expect_told(CONTAINER_HOLD_NS / 2, "");
	expect_told(2 * CONTAINER_HOLD_NS, "created()");
}

Test(container_table, runcs_containers_are_called_by_their_ids)
{
	struct container *c;

	take(fact_of("web", CONTAINER_SOURCE_RUNC, CONTAINER_RUNTIME_RUNC, NULL));
	expect_told(0, "created(web)");
	c = get_of("web", CONTAINER_RUNTIME_UNKNOWN);
	cr_expect_not(c->pending);
	container_unref(c);
	take_gone("web", CONTAINER_SOURCE_RUNC);
	expect_told(0, "destroyed(web)");
	cr_expect_eq(container_table_count(table), 1, "it lingers");
	refresh_after(CONTAINER_LINGER_NS + NSEC_PER_SEC);
	cr_expect_eq(container_table_count(table), 0);
}

Test(container_table, another_container_of_the_same_name_has_nothing_of_the_first)
{
	struct container_fact *first = fact_of("web", CONTAINER_SOURCE_RUNC, CONTAINER_RUNTIME_RUNC, NULL);
	struct container *c;

	cr_assert(container_fact_set(&first->image_name, "first", 5, CONTAINER_STRING_MAX));
	take(first);
	c = get_of("web", CONTAINER_RUNTIME_UNKNOWN);
	cr_expect_str_eq(c->image_name.bytes, "first");
	take_gone("web", CONTAINER_SOURCE_RUNC);
	cr_expect_str_eq(c->image_name.bytes, "first");
	take(fact_of("web", CONTAINER_SOURCE_RUNC, CONTAINER_RUNTIME_RUNC, NULL));
	cr_expect_str_eq(c->image_name.bytes, "");
	expect_told(0, "created(web) destroyed(web) created(web)");
	cr_expect_eq(c, get_of("web", CONTAINER_RUNTIME_UNKNOWN));
	container_unref(c);
	container_unref(c);
}

Test(container_table, the_runtimes_own_files_are_kept_only_when_somebody_wants_them)
{
	struct container_fact *with = fact_of(A, CONTAINER_SOURCE_DOCKER, CONTAINER_RUNTIME_DOCKER, "/web"), *again;
	struct container *c;

	with->docker_config = strdup("{}");
	take(with);
	c = get(A);
	cr_expect_eq(c->docker_config.length, 0);
	container_table_keep_json(table, true);
	again = fact_of(A, CONTAINER_SOURCE_DOCKER, CONTAINER_RUNTIME_DOCKER, "/web");
	again->docker_config = strdup("{\"a\":1}");
	take(again);
	cr_expect_str_eq(c->docker_config.bytes, "{\"a\":1}");
	container_table_keep_json(table, false);
	cr_expect_eq(c->docker_config.length, 0);
	container_unref(c);
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

static void wait_until_over(void)
{
	container_table_refresh(table, clock_monotonic_ns() + CONTAINER_START_GRACE_NS + 1);
}

static bool resolves_to(const char *path, const char *id)
{
	struct container_path found;

	return container_table_resolve(table, path, strlen(path), true, &found) && !strcmp(found.id, id);
}

static void take_at(const char *id, const char *cgroup)
{
	struct container_fact *f = fact_of(id, CONTAINER_SOURCE_RUNC, CONTAINER_RUNTIME_RUNC, NULL);

	cr_assert(container_fact_set(&f->cgroup, cgroup, strlen(cgroup), CONTAINER_PATH_MAX));
	f->init_pid = 42;
	take(f);
}

static void count_found(void *context, uint32_t pid)
{
	cr_assert_eq(pid, 42);
	++*(unsigned int *)context;
}

Test(container_table, a_cgroup_of_any_name_is_a_containers_when_its_runtime_says_so)
{
	unsigned int found = 0;

	container_table_on_found(table, count_found, &found);
	cr_expect_not(resolves_to("/jobs/nightly", "web"));
	take_at("web", "/jobs/nightly");
	cr_expect_eq(found, 1);
	cr_expect(resolves_to("/jobs/nightly", "web"));
	cr_expect(resolves_to("/jobs/nightly/system.slice", "web"), "what is below it is in it");
	cr_expect_not(resolves_to("/jobs", "web"));
	cr_expect_not(resolves_to("/jobs/nightly2", "web"));
	/* it moves, and another one takes its place */
	take_at("web", "/jobs/weekly");
	take_at("shop", "/jobs/monthly");
	take_at("shop", "/jobs/weekly");
	cr_expect_not(resolves_to("/jobs/nightly", "web"));
	cr_expect_not(resolves_to("/jobs/monthly", "shop"));
	cr_expect(resolves_to("/jobs/weekly", "shop"));
	take_gone("shop", CONTAINER_SOURCE_RUNC);
	wait_until_over();
	cr_expect_not(resolves_to("/jobs/weekly", "shop"));
}

Test(container_table, a_container_that_only_its_name_was_seen_of_is_one)
{
	struct container_fact *bare = container_fact_new("short", CONTAINER_SOURCE_RUNC);

	bare->bare = true;
	take(bare);
	cr_expect(resolves_to("/short", "short"));
	cr_expect_not(resolves_to("/shorter", "short"));
	expect_told(0, "");
}
