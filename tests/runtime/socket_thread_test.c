#include "runtime/socket_thread.h"

#include "base/clock.h"
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char directory[64], path[100];
static struct socket_thread *thread;
static atomic_int sessions;
static bool is_good, waits_for_change;

static void setup(void)
{
	log_set_level(LOG_ERROR);
	strcpy(directory, "/tmp/ringside-thread-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a/b/socket", directory);
}

static void teardown(void)
{
	char command[128];

	thread = socket_thread_free(thread);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_expect_eq(system(command), 0);
}

TestSuite(socket_thread, .init = setup, .fini = teardown, .timeout = 60);

static int session(void *context, struct error *err)
{
	char name[16];
	sigset_t blocked;

	(void)context;
	pthread_getname_np(pthread_self(), name, sizeof(name));
	cr_expect_str_eq(name, "session");
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	cr_expect(sigismember(&blocked, SIGTERM));
	atomic_fetch_add(&sessions, 1);
	if (is_good)
		socket_thread_connected(thread);
	if (waits_for_change)
		socket_thread_wait_change(thread);
	return is_good ? 0 : error_set(err, -ECONNREFUSED, "nobody is there");
}

static void start(void)
{
	const struct socket_thread_options options = {.name = "session", .path = path, .session = session};
	struct error err = {0};

	cr_assert_eq(socket_thread_start(&thread, &options, &err), 0, "%s", err.message);
}

static void make_socket(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	close(fd);
}

static void make_directories(void)
{
	char part[128];

	snprintf(part, sizeof(part), "%s/a", directory);
	mkdir(part, 0755);
	snprintf(part, sizeof(part), "%s/a/b", directory);
	mkdir(part, 0755);
}

static bool wait_sessions(int count, int timeout_ms)
{
	for (int i = 0; i < timeout_ms / 5 && atomic_load(&sessions) < count; i++)
		usleep(5000);
	return atomic_load(&sessions) >= count;
}

static struct socket_thread_counters counters(void)
{
	struct socket_thread_counters now;

	socket_thread_counters(thread, &now);
	return now;
}

Test(socket_thread, a_path_that_cannot_be_a_sockets_is_refused)
{
	struct socket_thread_options options = {.name = "session", .path = "run/docker.sock", .session = session};
	struct error err = {0};
	char long_path[200] = "/";

	cr_expect_eq(socket_thread_start(&thread, &options, &err), -EINVAL);
	cr_expect_str_eq(err.message, "\"run/docker.sock\" is not the path of a socket: it must be absolute and at most 107 bytes long");
	memset(long_path + 1, 'x', sizeof(long_path) - 2);
	options.path = long_path;
	cr_expect_eq(socket_thread_start(&thread, &options, &err), -EINVAL);
	cr_expect_null(thread);
}

Test(socket_thread, a_socket_is_waited_for_from_the_first_directory_that_is_missing)
{
	start();
	cr_expect_not(wait_sessions(1, 100));
	make_directories();
	cr_expect_not(wait_sessions(1, 100));
	make_socket();
	/* Much sooner than it looks by itself. */
	cr_expect(wait_sessions(1, 1000));
}

Test(socket_thread, a_socket_that_nobody_answers_is_tried_again_with_longer_pauses)
{
	int after_first;

	make_directories();
	make_socket();
	start();
	cr_expect(wait_sessions(3, 2000));
	usleep(500000);
	after_first = atomic_load(&sessions);
	usleep(500000);
	cr_expect_leq(atomic_load(&sessions) - after_first, 1);
	cr_expect_lt(atomic_load(&sessions), 8);
	cr_expect_eq(counters().errors, (uint64_t)atomic_load(&sessions));
	cr_expect_str_eq(counters().problem, "nobody is there");
	cr_expect_not(counters().connected);
	cr_expect_eq(counters().sessions, 0);

	/* Another socket is news. */
	after_first = atomic_load(&sessions);
	cr_assert_eq(unlink(path), 0);
	make_socket();
	cr_expect(wait_sessions(after_first + 1, 500));
}

Test(socket_thread, a_good_session_with_nothing_to_do_lasts_until_there_is_another_socket)
{
	is_good = waits_for_change = true;
	make_directories();
	make_socket();
	start();
	cr_expect(wait_sessions(1, 2000));
	cr_expect_not(wait_sessions(2, 200));
	cr_expect(counters().connected);
	unlink(path);
	for (int i = 0; i < 200 && counters().connected; i++)
		usleep(5000);
	cr_expect_not(counters().connected);
	cr_expect_not(wait_sessions(2, 200));
	make_socket();
	cr_expect(wait_sessions(2, 1000));
	cr_expect_eq(counters().sessions, 2);
	cr_expect_eq(counters().errors, 0);
}

Test(socket_thread, a_directory_that_may_not_be_searched_is_said_once)
{
	char part[128];
	uid_t user = geteuid();

	make_directories();
	make_socket();
	snprintf(part, sizeof(part), "%s/a", directory);
	cr_assert_eq(chmod(part, 0), 0);
	/* Root may do everything: be somebody else. */
	cr_assert(user != 0 || seteuid(65534) == 0);
	start();
	for (int i = 0; i < 200 && !counters().errors; i++)
		usleep(5000);
	cr_expect_eq(counters().errors, 1);
	cr_expect_str_eq(counters().problem, "cannot look for the socket: Permission denied");
	cr_expect_not(wait_sessions(1, 100));
	thread = socket_thread_free(thread);
	cr_assert(user != 0 || seteuid(0) == 0);
	cr_assert_eq(chmod(part, 0755), 0);
}

Test(socket_thread, it_can_be_stopped_while_it_waits)
{
	uint64_t before_ns;

	start();
	usleep(50000);
	before_ns = clock_monotonic_ns();
	thread = socket_thread_free(thread);
	cr_expect_lt(clock_monotonic_ns() - before_ns, 100 * NSEC_PER_MSEC);
	make_directories();
	make_socket();
	start();
	cr_expect(wait_sessions(3, 2000));
	before_ns = clock_monotonic_ns();
	thread = socket_thread_free(thread);
	cr_expect_lt(clock_monotonic_ns() - before_ns, 100 * NSEC_PER_MSEC);
}

/* The time of all CPUs that this process has used, in ns. */
static int64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * (int64_t)NSEC_PER_SEC + now.tv_nsec;
}

Test(socket_thread, waiting_costs_nothing)
{
	int64_t before_ns;

	start();
	usleep(50000);
	before_ns = cpu_ns();
	usleep(1000000);
	cr_expect_lt(cpu_ns() - before_ns, 10 * (int64_t)NSEC_PER_MSEC);
}
