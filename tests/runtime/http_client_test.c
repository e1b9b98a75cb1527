#include "runtime/http_client.h"

#include "base/clock.h"
#include "tests/runtime/fake_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PATIENCE_MS 20000

TestSuite(http_client, .timeout = 60);

static struct fake_server *server;
static struct http_client *client;

static void start(bool (*answer)(void *context, int fd, const char *request), int stop_fd)
{
	const struct fake_server_options options = {.answer = answer};

	server = fake_server_start(&options);
	cr_assert_eq(http_client_new(&client, fake_server_path(server), stop_fd, NULL), 0);
}

static void stop(void)
{
	client = http_client_free(client);
	server = fake_server_stop(server);
}

/* The body, which lives until the next call; NULL and the error. */
static const char *get(int timeout_ms, long *ret_status, struct error *err)
{
	static char *body;
	size_t size;

	free(body);
	body = NULL;
	if (http_client_get(client, "/target", timeout_ms, ret_status, &body, &size, err) < 0)
		return NULL;
	cr_assert_eq(strlen(body), size);
	return body;
}

static void expect_error(bool (*answer)(void *context, int fd, const char *request), int timeout_ms, int code, const char *message)
{
	struct error err = {0};
	long status;

	start(answer, -1);
	cr_expect_null(get(timeout_ms, &status, &err));
	cr_expect_eq(err.code, code, "%d: %s", err.code, err.message);
	cr_expect_eq(strncmp(err.message, "/target: ", 9), 0, "%s", err.message);
	cr_expect_not_null(strstr(err.message, message), "%s", err.message);
	stop();
}

static bool hello(void *context, int fd, const char *request)
{
	(void)context;
	cr_expect(fake_server_is_get(request, "/target"));
	return fake_server_reply(fd, 200, "hello");
}

Test(http_client, a_question_is_answered_again_and_again)
{
	struct error err = {0};
	long status = 0;

	start(hello, -1);
	for (int i = 0; i < 20; i++) {
		const char *body = get(PATIENCE_MS, &status, &err);

		cr_assert_not_null(body, "%s", err.message);
		cr_expect_str_eq(body, "hello");
		cr_expect_eq(status, 200);
	}
	stop();
}

static bool continue_first(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	return fake_server_printf(fd, "HTTP/1.1 100 Continue\r\n\r\n") && fake_server_reply(fd, 404, "{\"message\":\"no\"}");
}

Test(http_client, any_status_is_an_answer)
{
	long status = 0;

	start(continue_first, -1);
	cr_expect_str_eq(get(PATIENCE_MS, &status, NULL), "{\"message\":\"no\"}");
	cr_expect_eq(status, 404);
	stop();
}

static bool redirect(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	return fake_server_printf(fd, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
}

Test(http_client, a_redirection_is_not_followed)
{
	long status = 0;

	start(redirect, -1);
	cr_expect_str_eq(get(PATIENCE_MS, &status, NULL), "");
	cr_expect_eq(status, 302);
	stop();
}

/* A chunk's extension, a size with leading zeros, single bytes with pauses between, and a trailer. */
static bool odd_chunks(void *context, int fd, const char *request)
{
	static const char *const pieces[] = {
		"HTTP/1.1 200 OK\r\nTransfer-Encod", "ing: chunked\r\n\r\n0000000", "1;name=\"x\"\r\nh\r", "\n2\r\nel\r\n", "2\r\nlo\r",
		"\n0\r\nTrailer: x\r\n\r\n"};

	(void)context;
	(void)request;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		fake_server_printf(fd, "%s", pieces[i]);
		usleep(5000);
	}
	return true;
}

Test(http_client, chunks_may_come_in_any_pieces)
{
	long status = 0;

	start(odd_chunks, -1);
	cr_expect_str_eq(get(PATIENCE_MS, &status, NULL), "hello");
	cr_expect_str_eq(get(PATIENCE_MS, &status, NULL), "hello");
	stop();
}

static bool bad_chunk(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	return fake_server_printf(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnumber\r\nhello\r\n0\r\n\r\n");
}

Test(http_client, a_chunk_without_a_size_is_refused)
{
	expect_error(bad_chunk, PATIENCE_MS, -EBADMSG, "");
}

static bool close_midway(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	fake_server_printf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
	return false;
}

Test(http_client, an_answer_that_ends_midway_is_none)
{
	expect_error(close_midway, PATIENCE_MS, -EBADMSG, "");
}

static bool close_at_once(void *context, int fd, const char *request)
{
	(void)context;
	(void)fd;
	(void)request;
	return false;
}

Test(http_client, no_answer_at_all_is_none)
{
	expect_error(close_at_once, PATIENCE_MS, -EBADMSG, "");
}

static bool garbage(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	fake_server_write(fd, "\x00\xff\x13\x37 SSH-2.0-OpenSSH\r\n\r\n", 25);
	return false;
}

Test(http_client, what_is_no_http_is_refused)
{
	expect_error(garbage, PATIENCE_MS, -EBADMSG, "");
}

static bool hang(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	fake_server_hang(fd);
	return false;
}

Test(http_client, who_does_not_answer_is_given_up)
{
	uint64_t before_ns = clock_monotonic_ns();

	expect_error(hang, 200, -ETIMEDOUT, "no answer in time");
	cr_expect_lt(clock_monotonic_ns() - before_ns, NSEC_PER_SEC);
}

/* A byte now and then, for ever. */
static bool drip(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	fake_server_printf(fd, "HTTP/1.1 200 OK\r\n\r\n");
	while (fake_server_write(fd, "x", 1))
		usleep(10000);
	return false;
}

Test(http_client, an_answer_that_drips_is_given_up)
{
	expect_error(drip, 300, -ETIMEDOUT, "no answer in time");
}

static bool flood(void *context, int fd, const char *request)
{
	static const char block[65536];

	(void)context;
	(void)request;
	fake_server_printf(fd, "HTTP/1.1 200 OK\r\n\r\n");
	while (fake_server_write(fd, block, sizeof(block)))
		;
	return false;
}

Test(http_client, an_answer_without_an_end_is_cut_off)
{
	expect_error(flood, PATIENCE_MS, -EFBIG, "more than 4194304 bytes");
}

static bool flood_of_headers(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	fake_server_printf(fd, "HTTP/1.1 200 OK\r\n");
	while (fake_server_printf(fd, "X-Header: and one more of them\r\n"))
		;
	return false;
}

Test(http_client, a_header_without_an_end_is_cut_off)
{
	expect_error(flood_of_headers, PATIENCE_MS, -EFBIG, "header");
}

static bool flood_of_interim_answers(void *context, int fd, const char *request)
{
	(void)context;
	(void)request;
	while (fake_server_printf(fd, "HTTP/1.1 102 Processing\r\n\r\n"))
		;
	return false;
}

Test(http_client, interim_answers_without_an_end_are_cut_off)
{
	expect_error(flood_of_interim_answers, PATIENCE_MS, -EFBIG, "header");
}

Test(http_client, a_socket_that_cannot_be_connected_to_says_why)
{
	struct error err = {0};
	long status;

	cr_assert_eq(http_client_new(&client, "/no/such/socket", -1, NULL), 0);
	cr_expect_null(get(PATIENCE_MS, &status, &err));
	cr_expect_eq(err.code, -ENOENT, "%s", err.message);
	cr_expect_str_eq(err.message, "/target: No such file or directory");
	client = http_client_free(client);
}

static void *stop_soon(void *fd)
{
	usleep(50000);
	eventfd_write(*(int *)fd, 1);
	return NULL;
}

Test(http_client, another_thread_can_stop_a_question_and_a_stream)
{
	int stop_fd = eventfd(0, EFD_CLOEXEC);
	uint64_t before_ns = clock_monotonic_ns();
	struct error err = {0};
	pthread_t thread;
	long status;

	start(hang, stop_fd);
	pthread_create(&thread, NULL, stop_soon, &stop_fd);
	cr_expect_null(get(PATIENCE_MS, &status, &err));
	cr_expect_eq(err.code, -ECANCELED);
	cr_expect_eq(http_client_open_stream(client, "/stream", PATIENCE_MS, &err), -ECANCELED);
	cr_expect_lt(clock_monotonic_ns() - before_ns, 150 * NSEC_PER_MSEC);
	pthread_join(thread, NULL);
	stop();
	close(stop_fd);
}

/* Lines in pieces, some empty, while questions are answered beside them; then the end. */
#define LINES 3000

static bool lines_and_hello(void *context, int fd, const char *request)
{
	if (!fake_server_is_get(request, "/stream"))
		return hello(context, fd, request);
	fake_server_printf(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < LINES; i++) {
		char line[64];
		size_t length = (size_t)snprintf(line, sizeof(line), "line %d\n\n", i);

		fake_server_printf(fd, "3\r\n%.3s\r\n%zx\r\n%s\r\n", line, length - 3, line + 3);
	}
	fake_server_printf(fd, "0\r\n\r\n");
	return false;
}

Test(http_client, a_stream_is_read_by_lines_beside_questions)
{
	struct error err = {0};
	char *line, expected[32];
	size_t length;
	long status;

	start(lines_and_hello, -1);
	cr_assert_eq(http_client_open_stream(client, "/stream", PATIENCE_MS, &err), 0, "%s", err.message);
	for (int i = 0; i < LINES; i++) {
		cr_assert_eq(http_client_read_line(client, PATIENCE_MS, &line, &length, &err), 1, "%s", err.message);
		snprintf(expected, sizeof(expected), "line %d", i);
		cr_assert_str_eq(line, expected);
		cr_assert_eq(length, strlen(expected));
		cr_assert_eq(http_client_read_line(client, PATIENCE_MS, &line, &length, &err), 1);
		cr_assert_eq(length, 0);
		if (i % 100 == 0)
			cr_assert_str_eq(get(PATIENCE_MS, &status, NULL), "hello");
	}
	cr_expect_eq(http_client_read_line(client, PATIENCE_MS, &line, &length, &err), 0);
	stop();
}

/* More than is kept, before the first line is read. */
#define FLOOD_LINES 200000

static bool flood_of_lines(void *context, int fd, const char *request)
{
	if (!fake_server_is_get(request, "/stream"))
		return hello(context, fd, request);
	fake_server_printf(fd, "HTTP/1.1 200 OK\r\n\r\n");
	for (int i = 0; i < FLOOD_LINES; i++)
		if (!fake_server_printf(fd, "%d and something to fill the line with, so that there is much of it\n", i))
			break;
	return false;
}

Test(http_client, a_stream_that_runs_ahead_has_to_wait)
{
	struct error err = {0};
	char *line;
	size_t length;
	long status;

	start(flood_of_lines, -1);
	cr_assert_eq(http_client_open_stream(client, "/stream", PATIENCE_MS, &err), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_str_eq(get(PATIENCE_MS, &status, NULL), "hello");
	for (int i = 0; i < FLOOD_LINES; i++) {
		cr_assert_eq(http_client_read_line(client, PATIENCE_MS, &line, &length, &err), 1, "%d: %s", i, err.message);
		cr_assert_eq(atoi(line), i);
	}
	cr_expect_eq(http_client_read_line(client, PATIENCE_MS, &line, &length, &err), 0);
	stop();
}

Test(http_client, a_line_without_an_end_is_refused)
{
	struct error err = {0};
	char *line;
	size_t length;

	start(flood, -1);
	cr_assert_eq(http_client_open_stream(client, "/target", PATIENCE_MS, &err), 0);
	cr_expect_eq(http_client_read_line(client, PATIENCE_MS, &line, &length, &err), -EFBIG);
	stop();
}

Test(http_client, a_stream_that_breaks_off_is_an_error_and_one_that_is_quiet_is_not)
{
	struct error err = {0};
	char *line;
	size_t length;

	start(close_midway, -1);
	cr_assert_eq(http_client_open_stream(client, "/target", PATIENCE_MS, &err), 0);
	cr_expect_eq(http_client_read_line(client, PATIENCE_MS, &line, &length, &err), -EBADMSG);
	stop();
	start(drip, -1);
	cr_assert_eq(http_client_open_stream(client, "/target", PATIENCE_MS, &err), 0);
	cr_expect_eq(http_client_read_line(client, 50, &line, &length, &err), -ETIMEDOUT);
	cr_expect_eq(http_client_read_line(client, 50, &line, &length, &err), -ETIMEDOUT);
	stop();
	start(continue_first, -1);
	cr_expect_eq(http_client_open_stream(client, "/target", PATIENCE_MS, &err), -EPROTO);
	cr_expect_str_eq(err.message, "/target: status 404");
	stop();
}
