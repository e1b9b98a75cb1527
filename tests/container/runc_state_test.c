#include "container/runc_state.h"
#include "tests/container/state_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WEB    "ed7d6e839d5f18878531863a209eea76f63eb0f9ce562ead5ac4e318f160cf83"
#define PODMAN "62441f30653954b7b54e2886fa70b9f51708b8c1f7c27bab45c39b6e720c4bc0"

static struct state_tree tree;

static void setup(void)
{
	state_tree_init(&tree);
}

static void teardown(void)
{
	state_tree_done(&tree);
}

TestSuite(runc_state, .init = setup, .fini = teardown, .timeout = 20);

static struct container_fact *parse_fixture(const char *name, const char *id)
{
	struct container_fact *f;
	size_t size;
	char *text = fixture_read(name, &size);

	cr_assert_eq(runc_state_parse(&f, id, text, size), 0, "%s", name);
	free(text);
	return f;
}

Test(runc_state, a_container_of_runc_itself)
{
	struct container_fact *f = parse_fixture("runc-1.1.5/running/two/state.json", "two");

	cr_expect_str_eq(f->id, "two");
	cr_expect_eq(f->source, CONTAINER_SOURCE_RUNC);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_RUNC);
	cr_expect_eq(f->state, CONTAINER_RUNNING);
	cr_expect_eq(f->init_pid, 17625);
	cr_expect_eq(f->created_ns, INT64_C(1795658600606919655));
	cr_expect_str_eq(f->bundle, "/tmp/bundle");
	cr_expect_str_eq(f->cgroup, "/two");
	cr_expect_str_eq(f->image_name, "bb:1");
	cr_expect_null(f->name);
	cr_expect_eq(f->label_count, 2);
	cr_expect_str_eq(f->labels[0].key, "com.example.role");
	cr_expect_str_eq(f->labels[0].value, "batch");
	container_fact_free(f);
}

static void expect_runtime(const char *name, const char *id, enum container_runtime runtime, const char *cgroup)
{
	struct container_fact *f = parse_fixture(name, id);

	cr_expect_eq(f->runtime, runtime, "%s: %s", name, container_runtime_name(f->runtime));
	cr_expect_str_eq(f->cgroup, cgroup);
	container_fact_free(f);
}

Test(runc_state, whose_container_it_is_shows_in_bundle_and_annotations)
{
	expect_runtime("containerd-1.6.20/runc/moby/" WEB "/state.json", WEB, CONTAINER_RUNTIME_DOCKER, "/docker/" WEB);
	expect_runtime("containerd-1.6.20/runc/default/web/state.json", "web", CONTAINER_RUNTIME_CONTAINERD, "/default/web");
	expect_runtime("podman-4.3.1/runc/" PODMAN "/state.json", PODMAN, CONTAINER_RUNTIME_PODMAN, "/libpod_parent/libpod-" PODMAN);
}

Test(runc_state, settings_change_with_an_update_and_not_with_the_start)
{
	struct container_fact *created = parse_fixture("runc-1.1.5/created/two/state.json", "two");
	struct container_fact *running = parse_fixture("runc-1.1.5/running/two/state.json", "two");
	struct container_fact *updated = parse_fixture("runc-1.1.5/updated/two/state.json", "two");

	cr_expect_neq(created->settings, 0);
	cr_expect_eq(running->settings, created->settings);
	cr_expect_neq(updated->settings, created->settings);
	container_fact_free(created);
	container_fact_free(running);
	container_fact_free(updated);
}

static struct container_fact *parse(const char *text)
{
	struct container_fact *f;

	cr_assert_eq(runc_state_parse(&f, "two", text, strlen(text)), 0, "%s", text);
	return f;
}

Test(runc_state, settings_do_not_change_when_a_container_is_frozen)
{
	struct container_fact *a = parse("{\"id\":\"two\",\"config\":{\"cgroups\":{\"memory\":7,\"freezer\":\"\"}}}");
	struct container_fact *b = parse("{\"id\":\"two\",\"config\":{\"cgroups\":{\"memory\":7,\"freezer\":\"FROZEN\"}}}");

	cr_expect_eq(a->settings, b->settings);
	cr_expect_neq(a->settings, 0);
	container_fact_free(a);
	container_fact_free(b);
}

static void expect_cgroup(const char *paths, const char *cgroup)
{
	struct container_fact *f;
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"id\":\"two\",\"cgroup_paths\":%s}", paths);
	f = parse(text);
	if (cgroup)
		cr_expect_str_eq(f->cgroup, cgroup, "%s", paths);
	else
		cr_expect_null(f->cgroup, "%s", paths);
	container_fact_free(f);
}

Test(runc_state, the_cgroup_is_below_its_mount)
{
	expect_cgroup("{\"\":\"/sys/fs/cgroup/user.slice/runc-two.scope\"}", "/user.slice/runc-two.scope");
	expect_cgroup("{\"\":\"/sys/fs/cgroup/unified/two\",\"pids\":\"/sys/fs/cgroup/pids/x/two\"}", "/two");
	expect_cgroup("{\"memory\":\"/sys/fs/cgroup/memory/a/two\",\"pids\":\"/sys/fs/cgroup/pids/two\"}", "/two");
	expect_cgroup("{\"pids\":\"/sys/fs/cgroup/pids\"}", NULL);
	expect_cgroup("{\"pids\":\"/mnt/pids/two\"}", NULL);
	expect_cgroup("{\"pids\":7,\"devices\":\"/sys/fs/cgroup/devices/d\"}", "/d");
	expect_cgroup("[]", NULL);
}

static struct container_fact *read_two(void)
{
	struct container_fact *f;

	cr_assert_eq(runc_state_read(&f, tree.path, "two"), 0);
	return f;
}

/* A process that waits until it is killed, and what runc would write of it. */
static pid_t start_process(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	cr_assert_gt(pid, 0);
	return pid;
}

static unsigned long long start_time(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long ret = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	cr_assert_not_null(fgets(text, sizeof(text), file));
	(void)fclose(file);
	cr_assert_eq(sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			    &ret),
		     1);
	return ret;
}

static void write_state(const char *name, const char *format, pid_t pid, unsigned long long start)
{
	char text[512];

	(void)snprintf(text, sizeof(text), format, (int)pid, start);
	state_tree_write(&tree, name, text);
}

#define RUNC_STATE  "{\"id\":\"two\",\"init_process_pid\":%d,\"init_process_start\":%llu}"
#define CRUN_STATUS "{\"pid\":%d,\"process-start-time\":%llu,\"cgroup-path\":\"/two\",\"bundle\":\"/b\"}"

static void expect_life(const char *name, const char *format)
{
	pid_t pid = start_process();
	struct container_fact *f;

	write_state(name, format, pid, start_time(pid));
	state_tree_fifo(&tree, "two/exec.fifo");
	f = read_two();
	cr_expect_eq(f->state, CONTAINER_CREATED);
	cr_expect_eq(f->init_pid, (uint32_t)pid);
	container_fact_free(f);

	state_tree_remove(&tree, "two/exec.fifo");
	f = read_two();
	cr_expect_eq(f->state, CONTAINER_RUNNING);
	cr_expect_eq(f->init_pid, (uint32_t)pid);
	container_fact_free(f);

	write_state(name, format, pid, start_time(pid) + 1);
	f = read_two();
	cr_expect_eq(f->state, CONTAINER_EXITED, "it is another process");
	container_fact_free(f);

	write_state(name, format, pid, start_time(pid));
	kill(pid, SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	f = read_two();
	cr_expect_eq(f->state, CONTAINER_EXITED, "a zombie");
	cr_expect_eq(f->init_pid, (uint32_t)pid, "whose end that was");
	container_fact_free(f);

	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	f = read_two();
	cr_expect_eq(f->state, CONTAINER_EXITED, "gone");
	container_fact_free(f);
	state_tree_remove(&tree, name);
}

Test(runc_state, it_is_created_until_the_fifo_is_gone_and_runs_until_the_process_is)
{
	expect_life("two/state.json", RUNC_STATE);
	expect_life("two/status", CRUN_STATUS);
}

Test(runc_state, a_container_of_crun)
{
	struct container_fact *f;

	state_tree_copy(&tree, "two/status", "crun-1.8.1/created/two/status");
	state_tree_copy(&tree, "two/config.json", "crun-1.8.1/created/two/config.json");
	f = read_two();
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_RUNC);
	cr_expect_eq(f->created_ns, INT64_C(1795658716999446000));
	cr_expect_str_eq(f->bundle, "/tmp/bundle");
	cr_expect_str_eq(f->cgroup, "/two");
	cr_expect_eq(f->label_count, 2);
	cr_expect_str_eq(f->image_name, "bb:1");
	cr_expect_eq(f->oci_config[0], '{');
	container_fact_free(f);
}

Test(runc_state, a_container_of_podman_with_crun_is_podmans)
{
	struct container_fact *f;

	state_tree_copy(&tree, "two/status", "crun-1.8.1/created/two/status");
	state_tree_write(&tree, "two/config.json", "{\"annotations\":{\"io.container.manager\":\"libpod\"}}");
	f = read_two();
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_PODMAN);
	container_fact_free(f);
}

Test(runc_state, a_bundle_elsewhere_is_read_only_if_the_superuser_says_where)
{
	struct container_fact *f;
	char text[512];

	state_tree_write(&tree, "bundle/config.json", "{\"annotations\":{\"a\":\"b\"}}");
	(void)snprintf(text, sizeof(text), "{\"id\":\"two\",\"config\":{\"labels\":[\"bundle=%s/bundle\"]}}", tree.path);
	state_tree_write(&tree, "two/state.json", text);
	if (!geteuid()) {
		f = read_two();
		cr_expect_str_eq(f->oci_config, "{\"annotations\":{\"a\":\"b\"}}");
		container_fact_free(f);
	}
	state_tree_give_away(&tree);
	f = read_two();
	cr_expect_null(f->oci_config);
	container_fact_free(f);
}

static void expect_bundle_is_read(const char *annotations, enum container_runtime runtime, bool expected)
{
	struct container_fact *f;
	char text[512];

	state_tree_write(&tree, "bundle/config.json", "{\"linux\":{}}");
	(void)snprintf(text, sizeof(text), "{\"id\":\"two\",\"config\":{\"labels\":[\"bundle=%s/bundle\",%s]}}", tree.path, annotations);
	state_tree_write(&tree, "two/state.json", text);
	f = read_two();
	cr_expect_eq(f->runtime, runtime, "%s", annotations);
	cr_expect_eq(f->oci_config != NULL, expected, "%s", annotations);
	container_fact_free(f);
}

Test(runc_state, the_bundle_is_read_of_those_whose_other_state_does_not_have_it)
{
	if (geteuid())
		cr_skip_test("a bundle elsewhere is read for the superuser only");
	expect_bundle_is_read("\"io.container.manager=libpod\"", CONTAINER_RUNTIME_PODMAN, true);
	expect_bundle_is_read("\"io.container.manager=cri-o\"", CONTAINER_RUNTIME_CRIO, true);
	expect_bundle_is_read("\"io.kubernetes.cri.container-type=container\"", CONTAINER_RUNTIME_CONTAINERD, false);
}

Test(runc_state, until_there_is_a_state_there_is_nothing_to_read)
{
	struct container_fact *f;

	state_tree_fifo(&tree, "two/exec.fifo");
	cr_expect_eq(runc_state_read(&f, tree.path, "two"), -ENOENT);
	cr_expect_eq(runc_state_read(&f, tree.path, "../two"), -EINVAL);
	state_tree_fifo(&tree, "two/state.json");
	cr_expect_eq(runc_state_read(&f, tree.path, "two"), -EINVAL);
	cr_expect_null(f);
}

static void expect_unreadable(const char *text)
{
	struct container_fact *f;

	cr_expect_eq(runc_state_parse(&f, "two", text, strlen(text)), -EINVAL, "%s", text);
	cr_expect_null(f);
}

Test(runc_state, a_state_that_makes_no_sense_is_refused)
{
	struct container_fact *f;

	expect_unreadable("");
	expect_unreadable("[]");
	expect_unreadable("{\"id\":\"three\"}");
	expect_unreadable("{\"id\":2}");
	expect_unreadable("{\"id\":\"two\"");
	cr_expect_eq(runc_state_parse(&f, "..", "{\"id\":\"..\"}", 11), -EINVAL);
	cr_expect_eq(runc_state_parse_crun(&f, "two", "{}", 2), -EINVAL);
	cr_expect_eq(runc_state_parse_crun(&f, "two", "{\"pid\":\"7\"}", 11), -EINVAL);
}

Test(runc_state, what_has_another_type_is_not_known)
{
	struct container_fact *f = parse(
		"{\"id\":\"two\",\"init_process_pid\":-1,\"created\":{},\"config\":{\"labels\":[1,\"no sign\",\"=empty key\",\"a=b=c\"],"
		"\"cgroups\":[1]},\"cgroup_paths\":\"/x\"}");

	cr_expect_eq(f->init_pid, 0);
	cr_expect_eq(f->created_ns, 0);
	cr_expect_null(f->bundle);
	cr_expect_eq(f->label_count, 2);
	cr_expect_str_eq(f->labels[1].key, "a");
	cr_expect_str_eq(f->labels[1].value, "b=c");
	container_fact_free(f);
}

static void remember(void *context, const char *id)
{
	(void)snprintf(context, CONTAINER_ID_BYTES, "%s", id);
}

Test(runc_state, the_containers_of_a_root_are_listed)
{
	char id[CONTAINER_ID_BYTES] = "";

	cr_expect_eq(runc_state_list(FIXTURES "/runc-1.1.5/running", remember, id), 1);
	cr_expect_str_eq(id, "two");
	cr_expect_eq(runc_state_list("/no/such/root", remember, id), -ENOENT);
}
