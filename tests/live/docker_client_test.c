#include "runtime/docker_client.h"

#include "base/clock.h"
#include "tests/live/runtime_daemon.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A real dockerd, with docker as the one who makes containers. */

#define PATIENCE_MS 30000
#define IMAGE       "ringside.test/busybox:1"

static struct runtime_daemon daemon_;
static struct container_inbox *inbox;
static struct docker_client *client;
static char root[128];
static atomic_uint roots; /* how often it was found: `root` is valid behind that */
static bool is_root_read;

static void setup(void)
{
	runtime_daemon_init(&daemon_, true);
	inbox = container_inbox_new(NULL, NULL);
}

static void teardown(void)
{
	docker_client_free(client);
	container_inbox_free(inbox);
	runtime_daemon_done(&daemon_);
}

TestSuite(docker_client, .init = setup, .fini = teardown, .timeout = 110);

static bool found_root(void *context, const char *path)
{
	(void)context;
	snprintf(root, sizeof(root), "%s", path);
	atomic_fetch_add(&roots, 1);
	return is_root_read;
}

static void start_client(void)
{
	const struct docker_client_options options = {.path = daemon_.socket, .inbox = inbox, .found_root = found_root};
	struct error err = {0};

	cr_assert_eq(docker_client_new(&client, &options, &err), 0, "%s", err.message);
}

static struct socket_thread_counters counters(void)
{
	struct socket_thread_counters now;

	docker_client_counters(client, &now);
	return now;
}

static void wait_connected(bool connected)
{
	for (int i = 0; i < PATIENCE_MS / 10 && counters().connected != connected; i++)
		usleep(10000);
	cr_assert_eq(counters().connected, connected, "%s", counters().problem);
}

static void docker(const char *arguments)
{
	cr_assert_eq(runtime_daemon_client(&daemon_, "%s", arguments), 0, "docker %s", arguments);
}

static struct container_fact *next(const char *name, enum container_state state)
{
	struct container_fact *f = runtime_daemon_next_fact(inbox, PATIENCE_MS);

	cr_assert_not_null(f, "no fact of %s, %s: %s", name, container_state_name(state), counters().problem);
	cr_expect_eq(f->source, CONTAINER_SOURCE_DOCKER_API);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_DOCKER);
	cr_expect_not(f->gone);
	cr_expect_str_eq(f->name, name);
	cr_expect_eq(f->state, state, "%s, not %s", container_state_name(f->state), container_state_name(state));
	return f;
}

/* Facts that say the same once more may come between: Docker has several events for one thing. */
static struct container_fact *next_change(const char *name, enum container_state before, enum container_state state)
{
	struct container_fact *f = runtime_daemon_next_fact(inbox, PATIENCE_MS);

	while (f && !f->gone && f->state == before) {
		container_fact_free(f);
		f = runtime_daemon_next_fact(inbox, PATIENCE_MS);
	}
	cr_assert_not_null(f, "no fact of %s, %s: %s", name, container_state_name(state), counters().problem);
	cr_expect_not(f->gone);
	cr_expect_str_eq(f->name, name);
	cr_expect_eq(f->state, state, "%s, not %s", container_state_name(f->state), container_state_name(state));
	return f;
}

static void expect_gone(const char *id)
{
	struct container_fact *f = runtime_daemon_next_fact(inbox, PATIENCE_MS);

	while (f && !f->gone) {
		container_fact_free(f);
		f = runtime_daemon_next_fact(inbox, PATIENCE_MS);
	}
	cr_assert_not_null(f, "%s is not gone: %s", id, counters().problem);
	cr_expect_str_eq(f->id, id);
	container_fact_free(f);
}

static void expect_nothing_more(void)
{
	struct container_fact *f = runtime_daemon_next_fact(inbox, 300);

	cr_expect_null(f, "%s of %s", f ? container_state_name(f->state) : "", f ? f->id : "");
	container_fact_free(f);
}

Test(docker_client, the_life_of_a_container_is_told_in_order)
{
	struct container_fact *f;
	char id[CONTAINER_ID_BYTES];
	uint64_t settings;
	int64_t started_ns;

	runtime_daemon_start(&daemon_);
	runtime_daemon_load_image(&daemon_);
	start_client();
	wait_connected(true);
	cr_expect_eq(strncmp(root, daemon_.directory, strlen(daemon_.directory)), 0, "%s", root);
	docker("create --name web --label tier=front --network none " IMAGE " /bin/busybox sleep 100");
	f = next("/web", CONTAINER_CREATED);
	strcpy(id, f->id);
	settings = f->settings;
	cr_expect_not(f->listed);
	cr_expect_str_eq(f->image_name, IMAGE);
	cr_expect_eq(strlen(f->image_id), 64);
	cr_expect_gt(f->created_ns, 0);
	cr_expect_eq(f->started_ns, 0);
	cr_assert_eq(f->label_count, 1);
	cr_expect_str_eq(f->labels[0].value, "front");
	container_fact_free(f);

	docker("start web");
	f = next_change("/web", CONTAINER_CREATED, CONTAINER_RUNNING);
	cr_expect_gt(f->started_ns, f->created_ns);
	cr_expect_eq(kill((pid_t)f->init_pid, 0), 0);
	cr_expect_eq(f->settings, settings);
	started_ns = f->started_ns;
	container_fact_free(f);

	docker("rename web site");
	f = next("/site", CONTAINER_RUNNING);
	cr_expect_eq(f->started_ns, started_ns);
	cr_expect_neq(f->settings, settings);
	settings = f->settings;
	container_fact_free(f);

	docker("update --cpu-shares 512 site");
	f = next("/site", CONTAINER_RUNNING);
	cr_expect_neq(f->settings, settings);
	container_fact_free(f);

	docker("kill site");
	f = next_change("/site", CONTAINER_RUNNING, CONTAINER_EXITED);
	cr_expect(f->has_exit_code);
	cr_expect_eq(f->exit_code, 137);
	cr_expect_eq(f->started_ns, started_ns);
	cr_expect_gt(f->finished_ns, started_ns);
	container_fact_free(f);

	docker("rm site");
	expect_gone(id);
	expect_nothing_more();
	cr_expect_eq(counters().errors, 0, "%s", counters().problem);
}

Test(docker_client, a_container_that_hardly_lives_has_a_whole_life)
{
	runtime_daemon_start(&daemon_);
	runtime_daemon_load_image(&daemon_);
	start_client();
	wait_connected(true);
	for (int i = 0; i < 3; i++) {
		struct container_fact *f;
		char run[256], name[16], id[CONTAINER_ID_BYTES];
		int64_t started_ns;

		snprintf(name, sizeof(name), "/short%d", i);
		snprintf(run, sizeof(run), "run --rm --network none --name %s %s /bin/sh -c 'exit 3'", name + 1, IMAGE);
		cr_assert_eq(runtime_daemon_client(&daemon_, "%s", run), 3);
		container_fact_free(next(name, CONTAINER_CREATED));
		f = next_change(name, CONTAINER_CREATED, CONTAINER_RUNNING);
		started_ns = f->started_ns;
		container_fact_free(f);
		f = next_change(name, CONTAINER_RUNNING, CONTAINER_EXITED);
		cr_expect_eq(f->exit_code, 3);
		cr_expect_eq(f->started_ns, started_ns);
		strcpy(id, f->id);
		container_fact_free(f);
		expect_gone(id);
	}
	expect_nothing_more();
}

Test(docker_client, each_run_of_a_container_that_is_restarted_is_told)
{
	static const enum container_state states[] = {CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED, CONTAINER_RUNNING,
						      CONTAINER_EXITED};
	int64_t started_ns[5];

	runtime_daemon_start(&daemon_);
	runtime_daemon_load_image(&daemon_);
	start_client();
	wait_connected(true);
	docker("run -d --restart on-failure:1 --network none --name again " IMAGE " /bin/sh -c 'exit 3'");
	for (size_t i = 0; i < 5; i++) {
		struct container_fact *f = i ? next_change("/again", states[i - 1], states[i]) : next("/again", states[0]);

		started_ns[i] = f->started_ns;
		if (states[i] == CONTAINER_EXITED)
			cr_expect_eq(f->exit_code, 3);
		container_fact_free(f);
	}
	cr_expect_eq(started_ns[1], started_ns[2]);
	cr_expect_lt(started_ns[2], started_ns[3]);
	cr_expect_eq(started_ns[3], started_ns[4]);
	expect_nothing_more();
}

Test(docker_client, what_is_there_is_listed_and_what_vanishes_unseen_is_gone)
{
	struct container_fact *f;
	char id[CONTAINER_ID_BYTES];

	/* Waits for the socket. */
	start_client();
	runtime_daemon_start(&daemon_);
	wait_connected(true);
	docker_client_free(client);
	runtime_daemon_load_image(&daemon_);
	docker("run -d --name stays --network none " IMAGE " /bin/busybox sleep 100");
	docker("create --name waits --network none " IMAGE " /bin/busybox sleep 100");
	start_client();
	for (int i = 0; i < 2; i++) {
		f = runtime_daemon_next_fact(inbox, PATIENCE_MS);
		cr_assert_not_null(f);
		cr_expect(f->listed);
		cr_expect_eq(f->state, strcmp(f->name, "/stays") ? CONTAINER_CREATED : CONTAINER_RUNNING);
		if (f->state == CONTAINER_CREATED)
			strcpy(id, f->id);
		container_fact_free(f);
	}
	wait_connected(true);
	expect_nothing_more();

	/* Removed by Docker's own hand, and while it does not run. */
	runtime_daemon_kill(&daemon_);
	wait_connected(false);
	cr_assert_eq(runtime_daemon_shell("rm -rf %s/root/containers/%s", daemon_.directory, id), 0);
	runtime_daemon_start(&daemon_);
	f = runtime_daemon_next_fact(inbox, PATIENCE_MS);
	while (f && !f->gone) {
		cr_expect_str_eq(f->name, "/stays");
		cr_expect_not(f->listed);
		container_fact_free(f);
		f = runtime_daemon_next_fact(inbox, PATIENCE_MS);
	}
	cr_assert_not_null(f);
	cr_expect_str_eq(f->id, id);
	container_fact_free(f);
	wait_connected(true);
	cr_expect_eq(counters().sessions, 2);
}

Test(docker_client, a_socket_whose_state_on_disk_is_read_is_quiet)
{
	is_root_read = true;
	runtime_daemon_start(&daemon_);
	runtime_daemon_load_image(&daemon_);
	start_client();
	wait_connected(true);
	docker("create --name unheard --network none " IMAGE " /bin/busybox sleep 100");
	expect_nothing_more();
	cr_expect_eq(counters().facts, 0);

	/* It is asked again when it is started again, where it may have another root. */
	cr_assert_eq(atomic_load(&roots), 1);
	runtime_daemon_kill(&daemon_);
	runtime_daemon_start(&daemon_);
	for (int i = 0; i < PATIENCE_MS / 10 && atomic_load(&roots) < 2; i++)
		usleep(10000);
	cr_assert_geq(atomic_load(&roots), 2);
	cr_expect_eq(strncmp(root, daemon_.directory, strlen(daemon_.directory)), 0, "%s", root);
	expect_nothing_more();
}
