#include "runtime/containerd_client.h"

#include "base/clock.h"
#include "tests/live/runtime_daemon.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A real containerd, with ctr as the one who makes containers. */

#define PATIENCE_MS 15000
#define IMAGE       "ringside.test/busybox:1"

static struct runtime_daemon daemon_;
static struct container_inbox *inbox;
static struct containerd_client *client;

static void setup(void)
{
	runtime_daemon_init(&daemon_, false);
	inbox = container_inbox_new(NULL, NULL);
}

static void teardown(void)
{
	containerd_client_free(client);
	container_inbox_free(inbox);
	runtime_daemon_done(&daemon_);
}

TestSuite(containerd_client, .init = setup, .fini = teardown, .timeout = 100);

static void start_client(void)
{
	struct error err = {0};

	cr_assert_eq(containerd_client_new(&client, daemon_.socket, inbox, &err), 0, "%s", err.message);
}

static struct socket_thread_counters counters(void)
{
	struct socket_thread_counters now;

	containerd_client_counters(client, &now);
	return now;
}

static void wait_connected(bool connected)
{
	for (int i = 0; i < PATIENCE_MS / 10 && counters().connected != connected; i++)
		usleep(10000);
	cr_assert_eq(counters().connected, connected, "%s", counters().problem);
}

static void ctr(const char *arguments)
{
	cr_assert_eq(runtime_daemon_client(&daemon_, "%s", arguments), 0, "ctr %s", arguments);
}

static struct container_fact *next(const char *id)
{
	struct container_fact *f = runtime_daemon_next_fact(inbox, PATIENCE_MS);

	cr_assert_not_null(f, "no fact: %s", counters().problem);
	cr_assert_str_eq(f->id, id);
	cr_assert_eq(f->source, CONTAINER_SOURCE_CONTAINERD);
	return f;
}

static void expect_gone(const char *id)
{
	struct container_fact *f = next(id);

	cr_expect(f->gone);
	container_fact_free(f);
}

static struct container_fact *expect_state(const char *id, enum container_state state)
{
	struct container_fact *f = next(id);

	cr_expect_not(f->gone);
	cr_expect_eq(f->state, state, "%s, not %s", container_state_name(f->state), container_state_name(state));
	return f;
}

static void expect_nothing_more(void)
{
	struct container_fact *f = runtime_daemon_next_fact(inbox, 300);

	cr_expect_null(f, "%s of %s", f ? container_state_name(f->state) : "", f ? f->id : "");
	container_fact_free(f);
}

Test(containerd_client, the_life_of_a_container_is_told_in_order)
{
	struct container_fact *f;
	int64_t before_ns, created_ns, started_ns;
	uint32_t pid;

	runtime_daemon_start(&daemon_);
	runtime_daemon_load_image(&daemon_);
	start_client();
	wait_connected(true);
	before_ns = (int64_t)clock_realtime_ns();
	ctr("containers create --snapshotter native --label nerdctl/name=web --label tier=front " IMAGE " one /bin/busybox sleep 100");
	f = expect_state("one", CONTAINER_CREATED);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_CONTAINERD);
	cr_expect_not(f->listed);
	cr_expect_str_eq(f->name, "web");
	cr_expect_str_eq(f->image_name, IMAGE);
	cr_assert_not_null(f->image_id);
	cr_expect_eq(strspn(f->image_id, "0123456789abcdef"), 64, "%s", f->image_id);
	cr_expect_gt(f->created_ns, before_ns);
	cr_expect_lt(f->created_ns, (int64_t)clock_realtime_ns());
	cr_expect_neq(f->settings, 0);
	cr_expect_not(f->has_exit_code);
	created_ns = f->created_ns;
	container_fact_free(f);

	ctr("tasks start -d one");
	f = expect_state("one", CONTAINER_CREATED);
	cr_expect_not_null(strstr(f->bundle, "/state/io.containerd.runtime.v2.task/"), "%s", f->bundle);
	cr_expect_gt(f->init_pid, 1);
	pid = f->init_pid;
	container_fact_free(f);
	f = expect_state("one", CONTAINER_RUNNING);
	cr_expect_eq(f->init_pid, pid);
	cr_expect_eq(kill((pid_t)pid, 0), 0);
	cr_expect_geq(f->started_ns, created_ns);
	cr_expect_str_eq(f->image_name, IMAGE);
	cr_expect_str_eq(f->name, "web");
	started_ns = f->started_ns;
	container_fact_free(f);

	/* A further process is not the container's life. */
	ctr("tasks exec --exec-id more one /bin/busybox true");
	ctr("containers label one tier=back");
	f = expect_state("one", CONTAINER_RUNNING);
	cr_expect_eq(f->started_ns, started_ns);
	cr_expect_eq(f->label_count > 0 && !strcmp(f->labels[f->label_count - 1].value, "back"), true);
	container_fact_free(f);

	ctr("tasks kill -s KILL one");
	f = expect_state("one", CONTAINER_EXITED);
	cr_expect(f->has_exit_code);
	cr_expect_eq(f->exit_code, 137);
	cr_expect_eq(f->init_pid, 0);
	cr_expect_eq(f->started_ns, started_ns);
	cr_expect_gt(f->finished_ns, started_ns);
	container_fact_free(f);
	ctr("tasks delete one");
	ctr("containers delete one");
	expect_gone("one");
	expect_nothing_more();
	cr_expect_eq(counters().errors, 0, "%s", counters().problem);
	cr_expect_eq(counters().facts, 6);
}

Test(containerd_client, a_container_that_hardly_lives_has_a_whole_life)
{
	runtime_daemon_start(&daemon_);
	runtime_daemon_load_image(&daemon_);
	start_client();
	wait_connected(true);
	for (int i = 0; i < 5; i++) {
		struct container_fact *f;
		int64_t started_ns;
		char run[256], id[16];

		snprintf(id, sizeof(id), "short%d", i);
		snprintf(run, sizeof(run), "run --rm --snapshotter native %s %s /bin/busybox sh -c 'exit 3'", IMAGE, id);
		cr_assert_eq(runtime_daemon_client(&daemon_, "%s", run), 3);
		f = expect_state(id, CONTAINER_CREATED);
		cr_expect_str_eq(f->image_name, IMAGE);
		container_fact_free(f);
		container_fact_free(expect_state(id, CONTAINER_CREATED));
		f = expect_state(id, CONTAINER_RUNNING);
		started_ns = f->started_ns;
		cr_expect_gt(started_ns, 0);
		container_fact_free(f);
		f = expect_state(id, CONTAINER_EXITED);
		cr_expect_eq(f->exit_code, 3);
		cr_expect_eq(f->started_ns, started_ns);
		cr_expect_geq(f->finished_ns, started_ns);
		container_fact_free(f);
		expect_gone(id);
	}
	expect_nothing_more();
}

Test(containerd_client, what_is_there_is_listed_and_what_vanishes_unseen_is_gone)
{
	struct container_fact *f;
	int64_t before_ns = (int64_t)clock_realtime_ns();
	int64_t started_ns;

	/* Nobody is there at first. */
	start_client();
	usleep(200000);
	cr_expect_not(counters().connected);
	cr_expect_eq(counters().errors, 0);
	containerd_client_free(client);

	runtime_daemon_start(&daemon_);
	runtime_daemon_load_image(&daemon_);
	ctr("run -d --snapshotter native " IMAGE " stays /bin/busybox sleep 100");
	start_client();
	f = expect_state("stays", CONTAINER_RUNNING);
	cr_expect(f->listed);
	cr_expect_geq(f->started_ns, before_ns - 20000000);
	cr_expect_leq(f->started_ns, (int64_t)clock_realtime_ns());
	cr_expect_eq(kill((pid_t)f->init_pid, 0), 0);
	started_ns = f->started_ns;
	container_fact_free(f);
	wait_connected(true);

	ctr("run -d --snapshotter native " IMAGE " vanishes /bin/busybox sleep 100");
	container_fact_free(expect_state("vanishes", CONTAINER_CREATED));
	container_fact_free(expect_state("vanishes", CONTAINER_CREATED));
	f = expect_state("vanishes", CONTAINER_RUNNING);
	cr_expect_not(f->listed);
	container_fact_free(f);

	/* containerd's shims go on without it. */
	runtime_daemon_kill(&daemon_);
	wait_connected(false);
	expect_nothing_more();
	runtime_daemon_start(&daemon_);
	wait_connected(true);
	expect_nothing_more();
	ctr("tasks kill -s KILL vanishes");
	container_fact_free(expect_state("vanishes", CONTAINER_EXITED));
	ctr("tasks delete vanishes");
	ctr("containers delete vanishes");
	expect_gone("vanishes");
	ctr("tasks kill -s KILL stays");
	f = expect_state("stays", CONTAINER_EXITED);
	cr_expect_eq(f->started_ns, started_ns);
	container_fact_free(f);
	cr_expect_eq(counters().sessions, 2);
}

Test(containerd_client, a_socket_that_appears_later_is_met)
{
	struct container_fact *f;

	start_client();
	runtime_daemon_start(&daemon_);
	wait_connected(true);
	runtime_daemon_load_image(&daemon_);
	ctr("containers create --snapshotter native " IMAGE " late /bin/busybox true");
	f = expect_state("late", CONTAINER_CREATED);
	cr_expect_not(f->listed);
	container_fact_free(f);
	cr_expect_eq(counters().sessions, 1);
}
