#include "runtime/docker_client.h"

#include "base/clock.h"
#include "base/log.h"
#include "tests/runtime/fake_server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a Docker may say that a real one says seldom or never; the real one is in tests/live/. */

#define ID     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define EVENTS "HTTP/1.1 200 OK\r\n\r\n"

TestSuite(docker_client, .timeout = 60);

static struct fake_server *server;
static struct container_inbox *inbox;
static struct docker_client *client;

static void start(bool (*answer)(void *context, int fd, const char *request), bool silent)
{
	const struct fake_server_options options = {.answer = answer, .silent = silent};
	struct docker_client_options client_options = {0};

	log_set_level(LOG_ERROR);
	server = fake_server_start(&options);
	inbox = container_inbox_new(NULL, NULL);
	client_options.path = fake_server_path(server);
	client_options.inbox = inbox;
	cr_assert_eq(docker_client_new(&client, &client_options, NULL), 0);
}

/* It has 100 ms, whatever the server does. */
static void stop(void)
{
	uint64_t before_ns = clock_monotonic_ns();

	docker_client_free(client);
	cr_expect_lt(clock_monotonic_ns() - before_ns, 100 * NSEC_PER_MSEC);
	container_inbox_free(inbox);
	fake_server_stop(server);
}

static struct socket_thread_counters counters(void)
{
	struct socket_thread_counters now;

	docker_client_counters(client, &now);
	return now;
}

static void wait_errors(uint64_t count)
{
	for (int i = 0; i < 2000 && counters().errors < count; i++)
		usleep(5000);
	cr_assert_geq(counters().errors, count, "%s", counters().problem);
}

static struct container_fact *next(void)
{
	static struct container_fact *rest;
	struct container_fact *f;

	for (int i = 0; i < 2000 && !rest; i++) {
		rest = container_inbox_take(inbox);
		if (!rest)
			usleep(5000);
	}
	cr_assert_not_null(rest, "%s", counters().problem);
	f = rest;
	rest = f->next;
	return f;
}

static bool hang(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	fake_server_hang(fd);
	return false;
}

Test(docker_client, a_docker_that_says_nothing_does_not_keep_it_from_stopping)
{
	start(hang, false);
	usleep(50000);
	cr_expect_not(counters().connected);
	stop();
}

Test(docker_client, a_docker_that_does_not_accept_does_not_either)
{
	start(NULL, true);
	usleep(50000);
	stop();
}

static bool hang_later(void *context, int fd, const char *request)
{
	if (fake_server_is_get(request, "/info"))
		return fake_server_reply(fd, 200, "{\"DockerRootDir\":\"/no/such/root\"}");
	if (!fake_server_is_get(request, "/events"))
		return hang(context, fd, request);
	fake_server_printf(fd, EVENTS "{\"Type\":");
	return hang(context, fd, request);
}

Test(docker_client, a_docker_that_stops_talking_midway_does_not_either)
{
	start(hang_later, false);
	usleep(100000);
	cr_expect_eq(counters().errors, 0, "%s", counters().problem);
	stop();
}

Test(docker_client, a_socket_that_may_not_be_used_is_an_error)
{
	const struct fake_server_options options = {.answer = hang};
	struct docker_client_options client_options = {0};
	char directory[96];
	uid_t user = geteuid();

	log_set_level(LOG_ERROR);
	server = fake_server_start(&options);
	inbox = container_inbox_new(NULL, NULL);
	snprintf(directory, sizeof(directory), "%s", fake_server_path(server));
	*strrchr(directory, '/') = '\0';
	cr_assert_eq(chmod(directory, 0755), 0);
	cr_assert_eq(chmod(fake_server_path(server), 0), 0);
	cr_assert(user != 0 || seteuid(65534) == 0);
	client_options.path = fake_server_path(server);
	client_options.inbox = inbox;
	cr_assert_eq(docker_client_new(&client, &client_options, NULL), 0);
	wait_errors(2);
	cr_expect_str_eq(counters().problem, "/info: Permission denied");
	cr_assert(user != 0 || seteuid(0) == 0);
	stop();
}

static bool is_flooded(void *context, int fd, const char *request)
{
	static const char block[65536];

	(void)context;
	(void)request;
	fake_server_printf(fd, EVENTS);
	while (fake_server_write(fd, block, sizeof(block)))
		;
	return false;
}

Test(docker_client, too_long_an_answer_is_an_error_and_is_tried_again)
{
	start(is_flooded, false);
	wait_errors(3);
	cr_expect_not_null(strstr(counters().problem, "/info: more than 4194304 bytes"), "%s", counters().problem);
	stop();
}

static bool is_garbage(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	return fake_server_reply(fd, 200, "[[[[[[[[\"");
}

Test(docker_client, an_answer_that_is_no_json_is_an_error)
{
	start(is_garbage, false);
	wait_errors(2);
	cr_expect_str_eq(counters().problem, "/info: the answer is no JSON, or one of too many values");
	cr_expect_not(counters().connected);
	stop();
}

static bool refuses(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	return fake_server_reply(fd, 403, "{\"message\":\"you may not\"}");
}

Test(docker_client, what_docker_says_is_wrong_is_passed_on)
{
	start(refuses, false);
	wait_errors(1);
	cr_expect_str_eq(counters().problem, "/info: status 403: you may not");
	stop();
}

static bool odd_lists(void *context, int fd, const char *request)
{
	static int asked;

	(void)context;
	if (fake_server_is_get(request, "/info"))
		return fake_server_reply(fd, 200, "{}");
	if (fake_server_is_get(request, "/events")) {
		fake_server_printf(fd, EVENTS);
		return hang(context, fd, request);
	}
	return fake_server_reply(fd, 200, asked++ % 2 ? "{\"Id\":1}" : "[{\"Id\":\"../../../etc/passwd\"}]");
}

Test(docker_client, a_list_that_makes_no_sense_is_an_error)
{
	start(odd_lists, false);
	wait_errors(2);
	cr_expect_not_null(strstr(counters().problem, "/containers/json: "), "%s", counters().problem);
	cr_expect_eq(counters().facts, 0);
	stop();
}

/* A container that is removed before anybody could look at it. */

#define EVENT(action, time, attributes)                                                                              \
	"{\"Type\":\"container\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" ID "\",\"Attributes\":{" attributes \
	"}},\"timeNano\":" time "}\n"

static bool only_events(void *context, int fd, const char *request)
{
	if (fake_server_is_get(request, "/info"))
		return fake_server_reply(fd, 200, "{}");
	if (fake_server_is_get(request, "/containers/json"))
		return fake_server_reply(fd, 200, "[]");
	if (!fake_server_is_get(request, "/events"))
		return fake_server_reply(fd, 404, "{\"message\":\"No such container\"}");
	fake_server_printf(fd, EVENTS EVENT("create", "100", "\"image\":\"busybox:1\",\"name\":\"web\"") EVENT("attach", "150", ""));
	fake_server_printf(fd, EVENT("start", "200", "\"image\":\"busybox:1\",\"name\":\"web\"") EVENT("die", "300", "\"exitCode\":\"3\""));
	fake_server_printf(fd, EVENT("destroy", "400", ""));
	return hang(context, fd, request);
}

Test(docker_client, a_container_that_nobody_could_look_at_is_told_by_its_events)
{
	static const enum container_state states[] = {CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED};
	struct container_fact *f;

	start(only_events, false);
	for (size_t i = 0; i < 3; i++) {
		f = next();
		cr_expect_str_eq(f->id, ID);
		cr_expect_eq(f->source, CONTAINER_SOURCE_DOCKER_API);
		cr_expect_eq(f->runtime, CONTAINER_RUNTIME_DOCKER);
		cr_expect_eq(f->state, states[i]);
		cr_expect_str_eq(f->name, "/web");
		cr_expect_str_eq(f->image_name, "busybox:1");
		cr_expect_eq(f->created_ns, 100);
		cr_expect_eq(f->started_ns, i ? 200 : 0);
		cr_expect_eq(f->finished_ns, i == 2 ? 300 : 0);
		cr_expect_eq(f->has_exit_code, i == 2);
		cr_expect_eq(f->exit_code, i == 2 ? 3 : 0);
		container_fact_free(f);
	}
	f = next();
	cr_expect(f->gone);
	container_fact_free(f);
	cr_expect_eq(counters().errors, 0, "%s", counters().problem);
	/* The last one is counted after it is put. */
	for (int i = 0; i < 1000 && counters().facts < 4; i++)
		usleep(1000);
	cr_expect_eq(counters().facts, 4);
	cr_expect(counters().connected);
	stop();
}

static bool garbage_events(void *context, int fd, const char *request)
{
	if (!fake_server_is_get(request, "/events"))
		return only_events(context, fd, request);
	fake_server_printf(fd, EVENTS EVENT("create", "100", "") "}{\n");
	return hang(context, fd, request);
}

Test(docker_client, a_line_that_is_no_event_ends_the_session_and_what_was_known_is_listed_again)
{
	struct container_fact *f;

	start(garbage_events, false);
	f = next();
	cr_expect_not(f->gone);
	container_fact_free(f);
	f = next();
	cr_expect(f->gone);
	container_fact_free(f);
	wait_errors(1);
	cr_expect_str_eq(counters().problem, "/events: a line that is no event");
	stop();
}
