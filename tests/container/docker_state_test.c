#include "container/docker_state.h"
#include "tests/container/state_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEB    "ed7d6e839d5f18878531863a209eea76f63eb0f9ce562ead5ac4e318f160cf83"
#define OOM    "9c23cce46cac813fc0414f25ec5a317d6077878a538c2bd511bfdeb0c877a081"
#define AGAIN  "0b7c65ceca02d375c6b1487d166e6d5e0a099e191b3e72c78ed165f6c87382b4"
#define FAILED "960a4e200a7d9c7e8b22a19843affd7b9562192abaf256dc33d7deddb673d4e4"
#define IMAGE  "668d610fe91da0818c86035a7e9fc785c241315432dd916a4b499e6fb8d0b8a2"
#define DOCKER "docker-20.10.24/"

static struct state_tree tree;

static void setup(void)
{
	state_tree_init(&tree);
}

static void teardown(void)
{
	state_tree_done(&tree);
}

TestSuite(docker_state, .init = setup, .fini = teardown, .timeout = 20);

static struct container_fact *read_fixture(const char *state, const char *id)
{
	struct container_fact *f;
	char root[256];

	(void)snprintf(root, sizeof(root), FIXTURES "/" DOCKER "%s", state);
	cr_assert_eq(docker_state_read(&f, NULL, root, id), 1, "%s", state);
	return f;
}

static struct container_fact *inspect_fixture(const char *state)
{
	struct container_fact *f;
	char name[256], *text;
	size_t size;

	(void)snprintf(name, sizeof(name), DOCKER "%s/inspect.json", state);
	text = fixture_read(name, &size);
	cr_assert_eq(docker_state_parse_inspect(&f, text, size), 0, "%s", state);
	free(text);
	return f;
}

static const char *label(const struct container_fact *f, const char *key)
{
	for (size_t i = 0; i < f->label_count; i++)
		if (!strcmp(f->labels[i].key, key))
			return f->labels[i].value;
	return NULL;
}

static void expect_same(const struct container_fact *a, const struct container_fact *b, const char *state)
{
	cr_expect_str_eq(a->id, b->id);
	cr_expect_str_eq(a->name, b->name, "%s", state);
	cr_expect_str_eq(a->image_id, b->image_id);
	cr_expect_str_eq(a->image_name, b->image_name);
	cr_expect_eq(a->label_count, b->label_count);
	cr_expect_eq(a->state, b->state, "%s: %s, %s", state, container_state_name(a->state), container_state_name(b->state));
	cr_expect_eq(a->init_pid, b->init_pid, "%s", state);
	cr_expect_eq(a->created_ns, b->created_ns, "%s", state);
	cr_expect_eq(a->started_ns, b->started_ns, "%s", state);
	cr_expect_eq(a->finished_ns, b->finished_ns, "%s", state);
	cr_expect_eq(a->has_exit_code, b->has_exit_code, "%s", state);
	cr_expect_eq(a->exit_code, b->exit_code, "%s", state);
	cr_expect_eq(a->oom_killed, b->oom_killed, "%s", state);
}

Test(docker_state, a_container_that_was_created)
{
	struct container_fact *f = read_fixture("created", WEB);

	cr_expect_str_eq(f->id, WEB);
	cr_expect_eq(f->source, CONTAINER_SOURCE_DOCKER);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_DOCKER);
	cr_expect_str_eq(f->name, "/web");
	cr_expect_str_eq(f->image_id, IMAGE);
	cr_expect_str_eq(f->image_name, "bb:1");
	cr_expect_eq(f->label_count, 2);
	cr_expect_str_eq(label(f, "com.example.role"), "front");
	cr_expect_str_eq(label(f, "empty"), "");
	cr_expect_eq(f->created_ns, INT64_C(1795658527781707756));
	cr_expect_eq(f->started_ns, 0);
	cr_expect_eq(f->finished_ns, 0);
	cr_expect_eq(f->state, CONTAINER_CREATED);
	cr_expect_eq(f->init_pid, 0);
	cr_expect_not(f->has_exit_code);
	cr_expect_eq(f->docker_config[0], '{');
	cr_expect_null(f->oci_config);
	cr_expect_null(f->pod.name);
	container_fact_free(f);
}

Test(docker_state, a_container_that_runs_or_is_paused)
{
	static const char *const states[] = {"running", "paused"};

	for (size_t i = 0; i < 2; i++) {
		struct container_fact *f = read_fixture(states[i], WEB);

		cr_expect_eq(f->state, CONTAINER_RUNNING, "%s", states[i]);
		cr_expect_eq(f->init_pid, 26497);
		cr_expect_eq(f->started_ns, INT64_C(1795658528046026656));
		cr_expect_eq(f->finished_ns, 0);
		cr_expect_not(f->has_exit_code);
		container_fact_free(f);
	}
}

static void expect_exit(const char *state, const char *id, int code, bool oom_killed)
{
	struct container_fact *f = read_fixture(state, id);

	cr_expect_eq(f->state, CONTAINER_EXITED, "%s", state);
	cr_expect_eq(f->init_pid, 0);
	cr_expect(f->has_exit_code, "%s", state);
	cr_expect_eq(f->exit_code, code, "%s: %d", state, f->exit_code);
	cr_expect_eq(f->oom_killed, oom_killed, "%s", state);
	cr_expect_gt(f->finished_ns, f->started_ns);
	cr_expect_gt(f->started_ns, f->created_ns);
	container_fact_free(f);
}

Test(docker_state, a_container_that_has_exited)
{
	expect_exit("exited3", WEB, 3, false);
	expect_exit("killed", WEB, 137, false);
	expect_exit("oom", OOM, 137, true);
}

Test(docker_state, a_container_that_waits_to_be_started_again_has_exited)
{
	expect_exit("restarting", AGAIN, 1, false);
}

Test(docker_state, a_container_that_could_not_be_started_is_created)
{
	struct container_fact *f = read_fixture("failed", FAILED);

	cr_expect_eq(f->state, CONTAINER_CREATED);
	cr_expect_not(f->has_exit_code);
	cr_expect_str_eq(f->name, "/bad");
	container_fact_free(f);
}

Test(docker_state, a_container_that_was_started_again_runs_and_has_finished_before)
{
	struct container_fact *f = read_fixture("restarted", WEB);

	cr_expect_eq(f->state, CONTAINER_RUNNING);
	cr_expect_eq(f->init_pid, 26728);
	cr_expect_gt(f->started_ns, f->finished_ns);
	cr_expect_gt(f->finished_ns, 0);
	container_fact_free(f);
}

Test(docker_state, the_api_says_the_same_as_the_files)
{
	static const char *const states[] = {"created", "running",   "paused", "exited3", "updated",
					     "renamed", "restarted", "killed", "oom",     "failed"};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct container_fact *inspected = inspect_fixture(states[i]);
		struct container_fact *read = read_fixture(states[i], inspected->id);

		cr_expect_eq(inspected->source, CONTAINER_SOURCE_DOCKER_API);
		cr_expect_neq(inspected->settings, 0);
		cr_expect_null(inspected->docker_config);
		expect_same(inspected, read, states[i]);
		container_fact_free(inspected);
		container_fact_free(read);
	}
}

static uint64_t settings_of(const char *state, bool inspected)
{
	struct container_fact *f = inspected ? inspect_fixture(state) : read_fixture(state, WEB);
	uint64_t ret = f->settings;

	cr_expect_neq(ret, 0);
	container_fact_free(f);
	return ret;
}

Test(docker_state, settings_change_with_an_update_and_not_with_the_state)
{
	for (int inspected = 0; inspected < 2; inspected++) {
		uint64_t created = settings_of("created", inspected), updated = settings_of("updated", inspected),
			 renamed = settings_of("renamed", inspected);

		cr_expect_eq(settings_of("running", inspected), created);
		cr_expect_eq(settings_of("paused", inspected), created);
		cr_expect_eq(settings_of("exited3", inspected), created);
		cr_expect_neq(updated, created);
		cr_expect_neq(renamed, updated);
		cr_expect_eq(settings_of("restarted", inspected), renamed);
		cr_expect_eq(settings_of("killed", inspected), renamed);
	}
}

/* The first config.v2.json comes 3 ms before them. */
Test(docker_state, settings_do_not_change_with_what_docker_adds_while_it_creates_a_container)
{
	static const char config[] = "{\"ID\":\"" WEB "\"}", first[] = "{\"Memory\":7,\"MaskedPaths\":null,\"ReadonlyPaths\":null}",
			  second[] = "{\"Memory\":7,\"MaskedPaths\":[\"/proc/kcore\"],\"ReadonlyPaths\":[\"/proc/sys\"]}";
	struct container_fact *a, *b;

	cr_assert_eq(docker_state_parse(&a, WEB, config, strlen(config), first, strlen(first)), 0);
	cr_assert_eq(docker_state_parse(&b, WEB, config, strlen(config), second, strlen(second)), 0);
	cr_expect_neq(a->settings, 0);
	cr_expect_eq(a->settings, b->settings);
	container_fact_free(a);
	container_fact_free(b);
}

Test(docker_state, settings_are_not_known_without_the_hosts_part)
{
	struct container_fact *f;

	state_tree_copy(&tree, "containers/" WEB "/config.v2.json", DOCKER "created/containers/" WEB "/config.v2.json");
	cr_assert_eq(docker_state_read(&f, NULL, tree.path, WEB), 1);
	cr_expect_eq(f->settings, 0);
	container_fact_free(f);
	state_tree_write(&tree, "containers/" WEB "/hostconfig.json", "{\"Memory\":");
	cr_assert_eq(docker_state_read(&f, NULL, tree.path, WEB), 1);
	cr_expect_eq(f->settings, 0);
	cr_expect_str_eq(f->name, "/web");
	container_fact_free(f);
}

Test(docker_state, what_has_not_changed_is_not_told_again)
{
	struct docker_files known = {0};
	struct container_fact *f;

	state_tree_copy(&tree, "containers/" WEB "/config.v2.json", DOCKER "created/containers/" WEB "/config.v2.json");
	cr_assert_eq(docker_state_read(&f, &known, tree.path, WEB), 1);
	container_fact_free(f);
	cr_expect_eq(docker_state_read(&f, &known, tree.path, WEB), 0);
	cr_expect_null(f);
	state_tree_copy(&tree, "containers/" WEB "/hostconfig.json", DOCKER "created/containers/" WEB "/hostconfig.json");
	cr_expect_eq(docker_state_read(&f, &known, tree.path, WEB), 1);
	container_fact_free(f);
	cr_expect_eq(docker_state_read(&f, &known, tree.path, WEB), 0);
	state_tree_remove(&tree, "containers/" WEB "/hostconfig.json");
	cr_expect_eq(docker_state_read(&f, &known, tree.path, WEB), 1);
	container_fact_free(f);
}

static void expect_unreadable(const char *text, const char *why)
{
	struct docker_files known = {0};
	struct container_fact *f;

	state_tree_write(&tree, "containers/" WEB "/config.v2.json", text);
	cr_expect_eq(docker_state_read(&f, &known, tree.path, WEB), -EINVAL, "%s", why);
	cr_expect_null(f);
	cr_expect_eq(known.config.inode, 0, "%s: it would not be read again", why);
}

Test(docker_state, a_file_that_makes_no_sense_is_refused_and_read_again_next_time)
{
	expect_unreadable("", "empty");
	expect_unreadable("{\"ID\":\"" WEB "\",\"Name\":", "cut off");
	expect_unreadable("[\"" WEB "\"]", "no object");
	expect_unreadable("{\"Name\":\"/web\"}", "nobody's");
	expect_unreadable("{\"ID\":\"" IMAGE "\",\"Name\":\"/web\"}", "another container's");
	expect_unreadable("{\"ID\":7}", "an id that is a number");
}

static struct container_fact *parse(const char *text)
{
	struct container_fact *f;

	cr_assert_eq(docker_state_parse(&f, WEB, text, strlen(text), NULL, 0), 0, "%s", text);
	return f;
}

Test(docker_state, what_has_another_type_or_is_too_long_is_not_known)
{
	static char text[4096], name[CONTAINER_STRING_MAX + 2];
	struct container_fact *f;

	memset(name, 'n', CONTAINER_STRING_MAX + 1);
	(void)snprintf(text, sizeof(text),
		       "{\"ID\":\"" WEB "\",\"Name\":\"%s\",\"Image\":[],\"Created\":7,\"Config\":{\"Image\":{\"a\":1},\"Labels\":[\"a\"]},"
		       "\"State\":{\"Running\":\"true\",\"Pid\":\"12\",\"StartedAt\":\"soon\",\"ExitCode\":\"3\"}}",
		       name);
	f = parse(text);
	cr_expect_null(f->name);
	cr_expect_null(f->image_id);
	cr_expect_null(f->image_name);
	cr_expect_eq(f->label_count, 0);
	cr_expect_eq(f->created_ns, 0);
	cr_expect_eq(f->state, CONTAINER_CREATED);
	cr_expect_eq(f->init_pid, 0);
	container_fact_free(f);
	f = parse("{\"ID\":\"" WEB "\",\"State\":[],\"Config\":7}");
	cr_expect_eq(f->state, CONTAINER_STATE_UNKNOWN);
	container_fact_free(f);
	f = parse("{\"ID\":\"" WEB "\",\"State\":{\"Running\":true,\"Pid\":99999999999999999999}}");
	cr_expect_eq(f->state, CONTAINER_RUNNING);
	cr_expect_eq(f->init_pid, 0);
	container_fact_free(f);
}

Test(docker_state, labels_beyond_the_limit_are_left_out_and_that_is_told)
{
	size_t size = (size_t)1 << 20;
	char *text = malloc(size), *at = text;
	struct container_fact *f;

	at += sprintf(at, "{\"ID\":\"" WEB "\",\"Config\":{\"Labels\":{");
	for (int i = 0; i < 10000; i++)
		at += sprintf(at, "%s\"label%d\":\"%d\"", i ? "," : "", i, i);
	(void)sprintf(at, "}}}");
	f = parse(text);
	cr_expect_eq(f->label_count, CONTAINER_LABELS_MAX);
	cr_expect(f->labels_cut);
	cr_expect_str_eq(label(f, "label255"), "255");
	container_fact_free(f);
	free(text);
}

Test(docker_state, what_dockershim_has_written_into_labels_is_the_pod)
{
	struct container_fact *f = parse(
		"{\"ID\":\"" WEB "\",\"Name\":\"/k8s_POD_web_default_1234_0\",\"Config\":{\"Image\":\"pause:3.2\",\"Labels\":{"
		"\"io.kubernetes.container.name\":\"POD\",\"io.kubernetes.docker.type\":\"podsandbox\","
		"\"io.kubernetes.pod.name\":\"web\",\"io.kubernetes.pod.namespace\":\"default\",\"io.kubernetes.pod.uid\":\"1234\"}}}");

	cr_expect_str_eq(f->pod.name, "web");
	cr_expect_str_eq(f->pod.namespace_name, "default");
	cr_expect_str_eq(f->pod.uid, "1234");
	cr_expect_str_eq(f->pod.container_name, "POD");
	cr_expect(f->pod.sandbox);
	cr_expect_str_eq(f->name, "/k8s_POD_web_default_1234_0");
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_DOCKER);
	container_fact_free(f);
}

static int read_id(const char *id)
{
	struct container_fact *f;
	int r = docker_state_read(&f, NULL, tree.path, id);

	cr_expect_null(f);
	return r;
}

Test(docker_state, what_is_no_file_is_not_waited_for)
{
	cr_expect_eq(read_id(WEB), -ENOENT);
	state_tree_fifo(&tree, "containers/" WEB "/config.v2.json");
	cr_expect_eq(read_id(WEB), -EINVAL);
	cr_expect_eq(read_id("../containers/" WEB), -EINVAL);
	cr_expect_eq(read_id(".."), -EINVAL);
	cr_expect_eq(read_id(""), -EINVAL);
}

Test(docker_state, an_answer_that_makes_no_sense_is_refused)
{
	static const char *const texts[] = {
		"", "[]", "{}", "{\"Id\":7}", "{\"Id\":\"\"}", "{\"Id\":\"../x\"}", "{\"message\":\"No such container: x\"}"};
	struct container_fact *f;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_expect_eq(docker_state_parse_inspect(&f, texts[i], strlen(texts[i])), -EINVAL, "%s", texts[i]);
		cr_expect_null(f);
	}
}

static void remember(void *context, const char *id)
{
	(void)snprintf(context, CONTAINER_ID_BYTES, "%s", id);
}

Test(docker_state, the_containers_of_a_root_are_listed)
{
	char id[CONTAINER_ID_BYTES] = "";

	cr_expect_eq(docker_state_list(FIXTURES "/" DOCKER "oom", remember, id), 1);
	cr_expect_str_eq(id, OOM);
	cr_expect_eq(docker_state_list(tree.path, remember, id), -ENOENT);
}
