#include "runtime/containerd_client.h"

#include "base/clock.h"
#include "base/log.h"
#include "tests/runtime/fake_server.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

/* Who listens on the socket and is no containerd; the real one is in tests/live/. */

TestSuite(containerd_client, .timeout = 60);

static struct fake_server *server;
static struct container_inbox *inbox;
static struct containerd_client *client;

static void start(bool (*answer)(void *context, int fd, const char *request), bool silent)
{
	const struct fake_server_options options = {.answer = answer, .at_once = true, .silent = silent};

	log_set_level(LOG_ERROR);
	server = fake_server_start(&options);
	inbox = container_inbox_new(NULL, NULL);
	cr_assert_eq(containerd_client_new(&client, fake_server_path(server), inbox, NULL), 0);
}

/* It has 100 ms, whatever the server does. */
static void stop(void)
{
	uint64_t before_ns = clock_monotonic_ns();

	containerd_client_free(client);
	cr_expect_lt(clock_monotonic_ns() - before_ns, 100 * NSEC_PER_MSEC);
	cr_expect_null(container_inbox_take(inbox));
	container_inbox_free(inbox);
	fake_server_stop(server);
}

static struct socket_thread_counters counters(void)
{
	struct socket_thread_counters now;

	containerd_client_counters(client, &now);
	return now;
}

static void expect_errors(uint64_t count)
{
	for (int i = 0; i < 4000 && counters().errors < count; i++)
		usleep(5000);
	cr_expect_geq(counters().errors, count, "%s", counters().problem);
	cr_expect_not(counters().connected);
	cr_expect_eq(counters().sessions, 0);
}

static bool hang(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	fake_server_hang(fd);
	return false;
}

Test(containerd_client, a_server_that_says_nothing_does_not_keep_it_from_stopping)
{
	start(hang, false);
	usleep(200000);
	cr_expect_not(counters().connected);
	stop();
}

Test(containerd_client, a_server_that_does_not_accept_does_not_either)
{
	start(NULL, true);
	usleep(200000);
	stop();
}

/* HTTP/2 (RFC 9113): a SETTINGS frame that gives streams a window of 0, so that no request can be sent, and an acknowledgement of ours. */
static bool closed_window(void *context, int fd, const char *request)
{
	static const char settings[] = "\0\0\6\4\0\0\0\0\0\0\4\0\0\0\0"
				       "\0\0\0\4\1\0\0\0\0";

	fake_server_write(fd, settings, sizeof(settings) - 1);
	return hang(context, fd, request);
}

Test(containerd_client, a_server_that_takes_no_requests_does_not_either)
{
	start(closed_window, false);
	usleep(200000);
	cr_expect_not(counters().connected);
	stop();
}

static bool is_closed(void *context, int fd, const char *request)
{
	(void)context;
	(void)fd;
	(void)request;
	return false;
}

Test(containerd_client, a_server_that_hangs_up_is_tried_again)
{
	start(is_closed, false);
	expect_errors(3);
	stop();
}

static bool is_http_1(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	fake_server_printf(fd, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
	return false;
}

Test(containerd_client, a_server_that_speaks_something_else_is_an_error)
{
	start(is_http_1, false);
	expect_errors(2);
	cr_expect_neq(counters().problem[0], '\0');
	stop();
}

static bool flood(void *context, int fd, const char *request)
{
	static const char block[65536];

	(void)context;
	(void)request;
	while (fake_server_write(fd, block, sizeof(block)))
		;
	return false;
}

Test(containerd_client, a_flood_of_nonsense_is_an_error)
{
	start(flood, false);
	expect_errors(2);
	stop();
}
