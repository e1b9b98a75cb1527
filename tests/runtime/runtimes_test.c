#include "runtime/runtimes.h"

#include "base/clock.h"
#include "base/log.h"
#include "tests/runtime/fake_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct container_inbox *inbox;
static struct container_roots *roots;
static struct runtimes *runtimes;
static char directory[64], docker_root[96];
static atomic_int new_roots;

static void setup(void)
{
	static const char *const none[] = {"/no/such/root"};
	const struct container_roots_options options = {.paths = {[CONTAINER_ROOT_DOCKER] = none}, .counts = {[CONTAINER_ROOT_DOCKER] = 1}};
	struct error err = {0};

	log_set_level(LOG_ERROR);
	inbox = container_inbox_new(NULL, NULL);
	cr_assert_eq(container_roots_new(&roots, &options, &err), 0, "%s", err.message);
	strcpy(directory, "/tmp/ringside-runtimes-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	snprintf(docker_root, sizeof(docker_root), "%s/docker", directory);
}

static void teardown(void)
{
	char command[128];

	runtimes = runtimes_free(runtimes);
	container_roots_free(roots);
	container_inbox_free(inbox);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_expect_eq(system(command), 0);
}

TestSuite(runtimes, .init = setup, .fini = teardown, .timeout = 60);

static void on_new_root(void *context)
{
	(void)context;
	atomic_fetch_add(&new_roots, 1);
}

static bool is_docker(void *context, int fd, const char *request)
{
	char info[256];

	(void)context;
	if (fake_server_is_get(request, "/info")) {
		snprintf(info, sizeof(info), "{\"DockerRootDir\":\"%s\"}", docker_root);
		return fake_server_reply(fd, 200, info);
	}
	if (fake_server_is_get(request, "/containers/json"))
		return fake_server_reply(fd, 200, "[]");
	fake_server_printf(fd, "HTTP/1.1 200 OK\r\n\r\n{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":\"abc\"}}\n");
	fake_server_hang(fd);
	return false;
}

static void start(const char *const *docker, size_t docker_count, const char *const *containerd, size_t containerd_count)
{
	const struct runtimes_options options = {
		.docker_sockets = docker,
		.docker_socket_count = docker_count,
		.containerd_sockets = containerd,
		.containerd_socket_count = containerd_count,
		.inbox = inbox,
		.roots = roots,
		.new_root = on_new_root,
	};
	struct error err = {0};

	cr_assert_eq(runtimes_new(&runtimes, &options, &err), 0, "%s", err.message);
}

static struct runtime_counters counters(size_t n)
{
	struct runtime_counters now;

	runtimes_counters(runtimes, n, &now);
	return now;
}

static void wait_connected(size_t n)
{
	for (int i = 0; i < 2000 && !counters(n).counters.connected; i++)
		usleep(5000);
	cr_assert(counters(n).counters.connected, "%s", counters(n).counters.problem);
}

Test(runtimes, a_root_that_can_be_read_is_added_and_its_socket_is_quiet)
{
	const struct fake_server_options options = {.answer = is_docker};
	struct fake_server *server = fake_server_start(&options);
	const char *sockets[] = {fake_server_path(server)};
	char containers[128];

	mkdir(docker_root, 0755);
	snprintf(containers, sizeof(containers), "%s/containers", docker_root);
	mkdir(containers, 0755);
	start(sockets, 1, sockets, 0);
	cr_expect_eq(runtimes_count(runtimes), 1);
	wait_connected(0);
	cr_expect_eq(container_roots_count(roots, CONTAINER_ROOT_DOCKER), 2);
	cr_expect_str_eq(container_roots_path(roots, CONTAINER_ROOT_DOCKER, 1), docker_root);
	cr_expect_eq(atomic_load(&new_roots), 1);
	usleep(50000);
	cr_expect_eq(counters(0).counters.facts, 0);
	cr_expect_null(container_inbox_take(inbox));
	runtimes = runtimes_free(runtimes);
	fake_server_stop(server);
}

Test(runtimes, a_root_that_cannot_be_read_is_left_to_the_socket)
{
	const struct fake_server_options options = {.answer = is_docker};
	struct fake_server *server = fake_server_start(&options);
	const char *sockets[] = {fake_server_path(server)};

	start(sockets, 1, sockets, 0);
	wait_connected(0);
	cr_expect_eq(container_roots_count(roots, CONTAINER_ROOT_DOCKER), 1);
	cr_expect_eq(atomic_load(&new_roots), 0);
	for (int i = 0; i < 2000 && !counters(0).counters.facts; i++)
		usleep(5000);
	cr_expect_eq(counters(0).counters.facts, 1);
	runtimes = runtimes_free(runtimes);
	fake_server_stop(server);
}

Test(runtimes, each_socket_has_counters_under_its_own_name)
{
	const char *docker[] = {"/no/such/docker", "/no/such/other"}, *containerd[] = {"/no/such/containerd"};

	start(docker, 2, containerd, 1);
	cr_assert_eq(runtimes_count(runtimes), 3);
	cr_expect_str_eq(counters(1).path, "/no/such/other");
	cr_expect_eq(counters(1).runtime, CONTAINER_RUNTIME_DOCKER);
	cr_expect_str_eq(counters(2).path, "/no/such/containerd");
	cr_expect_eq(counters(2).runtime, CONTAINER_RUNTIME_CONTAINERD);
	cr_expect_not(counters(2).counters.connected);
	cr_expect_str_eq(counters(2).counters.problem, "");
}

Test(runtimes, no_sockets_are_told_or_the_usual_ones)
{
	const char *none[] = {""};

	start(none, 0, none, 0);
	cr_expect_eq(runtimes_count(runtimes), 0);
	runtimes_free(runtimes);
	start(NULL, 0, NULL, 0);
	cr_assert_eq(runtimes_count(runtimes), 2);
	cr_expect_str_eq(counters(0).path, "/run/docker.sock");
	cr_expect_str_eq(counters(1).path, "/run/containerd/containerd.sock");
}

Test(runtimes, a_path_that_is_none_is_refused_and_nothing_stays)
{
	const char *docker[] = {"/no/such/docker"}, *containerd[] = {"containerd.sock"};
	const struct runtimes_options options = {
		.docker_sockets = docker,
		.docker_socket_count = 1,
		.containerd_sockets = containerd,
		.containerd_socket_count = 1,
		.inbox = inbox,
		.roots = roots,
	};
	struct error err = {0};

	cr_expect_eq(runtimes_new(&runtimes, &options, &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "\"containerd.sock\""), "%s", err.message);
	runtimes = NULL;
}

/* Servers that do not answer, nor even accept: all are ended in time. */
Test(runtimes, stopping_all_takes_100_ms)
{
	const struct fake_server_options options = {.silent = true};
	struct fake_server *first = fake_server_start(&options), *second = fake_server_start(&options);
	const char *docker[] = {fake_server_path(first)}, *containerd[5];
	uint64_t before_ns;

	for (size_t i = 0; i < 5; i++)
		containerd[i] = fake_server_path(second);
	start(docker, 1, containerd, 5);
	usleep(100000);
	before_ns = clock_monotonic_ns();
	runtimes = runtimes_free(runtimes);
	cr_expect_lt(clock_monotonic_ns() - before_ns, 100 * NSEC_PER_MSEC);
	fake_server_stop(first);
	fake_server_stop(second);
}
