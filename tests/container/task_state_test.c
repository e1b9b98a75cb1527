#include "container/task_state.h"
#include "tests/container/state_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WEB   "ed7d6e839d5f18878531863a209eea76f63eb0f9ce562ead5ac4e318f160cf83"
#define STATE FIXTURES "/containerd-1.6.20/state"
#define TASKS "io.containerd.runtime.v2.task/"

static struct state_tree tree;

static void setup(void)
{
	state_tree_init(&tree);
}

static void teardown(void)
{
	state_tree_done(&tree);
}

TestSuite(task_state, .init = setup, .fini = teardown, .timeout = 20);

Test(task_state, a_task_of_ctr)
{
	struct container_fact *f;

	cr_assert_eq(task_state_read(&f, STATE, "default", "web"), 0);
	cr_expect_str_eq(f->id, "web");
	cr_expect_eq(f->source, CONTAINER_SOURCE_TASK);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_CONTAINERD);
	cr_expect_eq(f->init_pid, 12868);
	cr_expect_eq(f->state, CONTAINER_STATE_UNKNOWN);
	cr_expect_null(f->name);
	cr_expect_str_eq(f->cgroup, "/default/web");
	cr_expect_str_eq(f->bundle, STATE "/" TASKS "default/web");
	cr_expect_eq(f->label_count, 2);
	cr_expect_gt(f->created_ns, 0);
	cr_expect_eq(f->oci_config[0], '{');
	container_fact_free(f);
}

Test(task_state, a_task_of_docker_is_dockers)
{
	struct container_fact *f;

	cr_assert_eq(task_state_read(&f, STATE, "moby", WEB), 0);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_DOCKER);
	cr_expect_eq(f->init_pid, 26497);
	cr_expect_str_eq(f->cgroup, "/docker/" WEB);
	container_fact_free(f);
}

Test(task_state, it_is_created_until_there_is_a_process)
{
	struct container_fact *f;

	state_tree_write(&tree, TASKS "default/web/config.json", "{}");
	cr_assert_eq(task_state_read(&f, tree.path, "default", "web"), 0);
	cr_expect_eq(f->state, CONTAINER_CREATED);
	cr_expect_eq(f->init_pid, 0);
	container_fact_free(f);
	state_tree_write(&tree, TASKS "default/web/init.pid", "1234");
	cr_assert_eq(task_state_read(&f, tree.path, "default", "web"), 0);
	cr_expect_eq(f->state, CONTAINER_STATE_UNKNOWN);
	cr_expect_eq(f->init_pid, 1234);
	container_fact_free(f);
}

Test(task_state, a_pid_that_makes_no_sense_is_none)
{
	static const char *const pids[] = {"", "x", "-1", "0", "99999999999999999999", "4294967296"};
	struct container_fact *f;

	state_tree_write(&tree, TASKS "default/web/config.json", "{}");
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		state_tree_write(&tree, TASKS "default/web/init.pid", pids[i]);
		cr_assert_eq(task_state_read(&f, tree.path, "default", "web"), 0, "%s", pids[i]);
		cr_expect_eq(f->init_pid, 0, "%s", pids[i]);
		container_fact_free(f);
	}
}

Test(task_state, old_containerd_has_another_directory)
{
	struct container_fact *f;

	state_tree_write(&tree, "io.containerd.runtime.v1.linux/k8s.io/web/config.json", "{}");
	cr_assert_eq(task_state_read(&f, tree.path, "k8s.io", "web"), 0);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_CONTAINERD);
	container_fact_free(f);
}

static int read_error(const char *name_space, const char *id)
{
	struct container_fact *f;
	int r = task_state_read(&f, tree.path, name_space, id);

	cr_expect_null(f);
	return r;
}

Test(task_state, what_is_not_there_or_makes_no_sense_is_an_error)
{
	cr_expect_eq(read_error("default", "web"), -ENOENT);
	state_tree_directory(&tree, TASKS "default/web");
	cr_expect_eq(read_error("default", "web"), -ENOENT);
	state_tree_fifo(&tree, TASKS "default/web/config.json");
	cr_expect_eq(read_error("default", "web"), -EINVAL);
	state_tree_remove(&tree, TASKS "default/web/config.json");
	state_tree_write(&tree, TASKS "default/web/config.json", "[");
	cr_expect_eq(read_error("default", "web"), -EINVAL);
	cr_expect_eq(read_error("..", "web"), -EINVAL);
	cr_expect_eq(read_error("default", "a/b"), -EINVAL);
}

struct seen {
	char pairs[8][2 * CONTAINER_ID_BYTES];
	size_t count;
};

static void remember(void *context, const char *name_space, const char *id)
{
	struct seen *s = context;

	cr_assert_lt(s->count, 8);
	(void)snprintf(s->pairs[s->count++], sizeof(s->pairs[0]), "%s/%s", name_space, id);
}

static bool has(const struct seen *s, const char *pair)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->pairs[i], pair))
			return true;
	return false;
}

Test(task_state, the_tasks_of_all_namespaces_are_listed)
{
	struct seen seen = {.count = 0};

	cr_expect_eq(task_state_list(STATE, remember, &seen), 2);
	cr_expect(has(&seen, "default/web"));
	cr_expect(has(&seen, "moby/" WEB));
	cr_expect_eq(task_state_list(tree.path, remember, &seen), -ENOENT);
	/* A task that is being deleted. */
	state_tree_directory(&tree, TASKS "default/.web");
	cr_expect_eq(task_state_list(tree.path, remember, &seen), 0);
	state_tree_directory(&tree, "io.containerd.runtime.v1.linux/old/one");
	cr_expect_eq(task_state_list(tree.path, remember, &seen), 1);
	cr_expect(has(&seen, "old/one"));
}
