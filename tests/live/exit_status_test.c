#include "tracing/exit_status.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 10000

static uv_loop_t loop;
static uv_timer_t tick;
static struct exit_status *exits;

#define NOTICES_MAX 65536

static struct notice notices[NOTICES_MAX];
static unsigned int notice_count;

static void keep(void *context, const struct notice *notice)
{
	(void)context;
	if (notice_count < NOTICES_MAX)
		notices[notice_count++] = *notice;
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void start(void)
{
	struct error err = {0};

	uv_loop_init(&loop);
	uv_timer_init(&loop, &tick);
	uv_timer_start(&tick, on_tick, 10, 10);
	cr_assert_eq(exit_status_open(&exits, &loop, NULL, keep, NULL, &err), 0, "%s", err.message);
}

static void stop(void)
{
	uv_close((uv_handle_t *)&tick, NULL);
	exits = exit_status_close(exits);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

TestSuite(exit_status_live, .init = start, .fini = stop, .timeout = 60);

static const struct notice *find(uint32_t tgid, uint32_t tid)
{
	for (unsigned int i = 0; i < notice_count; i++)
		if (notices[i].tgid == tgid && notices[i].tid == tid)
			return &notices[i];
	return NULL;
}

/* Lets the loop work until the notice is there. */
static const struct notice *await(uint32_t tgid, uint32_t tid)
{
	uint64_t deadline_ns = clock_monotonic_ns() + WAIT_MS * NSEC_PER_MSEC;

	while (!find(tgid, tid) && clock_monotonic_ns() < deadline_ns)
		uv_run(&loop, UV_RUN_ONCE);
	return find(tgid, tid);
}

static void expect_status(int code, int signal)
{
	uint64_t before_ns = clock_monotonic_ns();
	const struct notice *notice;
	int status;
	pid_t child = fork();

	if (child == 0) {
		const struct rlimit none = {0, 0};

		prctl(PR_SET_DUMPABLE, 0);
		setrlimit(RLIMIT_CORE, &none);
		if (!signal)
			syscall(SYS_exit_group, code);
		/* The test framework has handlers of its own. */
		sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
		kill(getpid(), signal);
		pause();
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	notice = await((uint32_t)child, (uint32_t)child);
	cr_assert_not_null(notice);
	cr_assert_eq(notice->kind, NOTICE_EXIT_STATUS);
	cr_assert_eq(notice->exit.status, status);
	if (signal)
		cr_assert_eq(WTERMSIG(notice->exit.status), signal);
	else
		cr_assert_eq(WEXITSTATUS(notice->exit.status), code);
	cr_assert_geq(notice->time_ns, before_ns);
	cr_assert_leq(notice->time_ns, clock_monotonic_ns());
}

Test(exit_status_live, a_clean_exit_is_told)
{
	expect_status(0, 0);
}

Test(exit_status_live, an_exit_code_is_told)
{
	expect_status(7, 0);
}

Test(exit_status_live, a_segmentation_fault_is_told)
{
	expect_status(0, SIGSEGV);
}

Test(exit_status_live, a_kill_is_told)
{
	expect_status(0, SIGKILL);
}

static void *end_at_once(void *tid)
{
	*(pid_t *)tid = (pid_t)syscall(SYS_gettid);
	return NULL;
}

Test(exit_status_live, each_thread_is_told_with_its_process)
{
	const struct notice *notice;
	pthread_t thread;
	pid_t tid = 0;

	cr_assert_eq(pthread_create(&thread, NULL, end_at_once, &tid), 0);
	pthread_join(thread, NULL);
	notice = await((uint32_t)getpid(), (uint32_t)tid);
	cr_assert_not_null(notice);
	cr_assert_eq(notice->exit.status, 0);
}

Test(exit_status_live, two_thousand_exits_in_a_row_are_all_told_with_their_codes)
{
	static pid_t children[2000];
	struct exit_status_counters counters;

	for (int i = 0; i < 2000; i++) {
		children[i] = fork();
		if (children[i] == 0)
			syscall(SYS_exit_group, i % 256);
		cr_assert_eq(waitpid(children[i], NULL, 0), children[i]);
	}
	for (int i = 0; i < 2000; i++) {
		const struct notice *notice = await((uint32_t)children[i], (uint32_t)children[i]);

		cr_assert_not_null(notice, "exit %d", i);
		/* A pid can have been used twice by then. */
		if (i < 1000)
			cr_assert_eq(WEXITSTATUS(notice->exit.status), i % 256);
	}
	exit_status_counters(exits, &counters);
	cr_assert_eq(counters.overruns, 0);
	cr_assert_eq(counters.malformed, 0);
	cr_assert_geq(counters.exits, 2000);
}

Test(exit_status_live, a_message_from_another_process_is_not_believed)
{
	struct sockaddr_nl ours = {.nl_family = AF_NETLINK, .nl_pid = (uint32_t)getpid()};
	struct {
		struct nlmsghdr header;
		uint8_t rest[60];
	} forged = {.header = {.nlmsg_len = sizeof(forged)}};
	struct exit_status_counters counters;
	int status;
	pid_t child = fork();

	if (child == 0) {
		int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
		ssize_t n = sendto(fd, &forged, sizeof(forged), 0, (const struct sockaddr *)&ours, sizeof(ours));

		syscall(SYS_exit_group, n == (ssize_t)sizeof(forged) ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0, "the forged message could not be sent");
	cr_assert_not_null(await((uint32_t)child, (uint32_t)child));
	exit_status_counters(exits, &counters);
	cr_assert_eq(counters.foreign, 1);
	cr_assert_eq(counters.malformed, 0);
}

Test(exit_status_live, a_buffer_that_runs_over_is_counted)
{
	const struct exit_status_options tiny = {.buffer_bytes = 1};
	struct exit_status_counters counters;
	struct exit_status *small = NULL;
	struct error err = {0};

	cr_assert_eq(exit_status_open(&small, &loop, &tiny, keep, NULL, &err), 0, "%s", err.message);
	for (int i = 0; i < 200; i++) {
		pid_t child = fork();

		if (child == 0)
			syscall(SYS_exit_group, 0);
		cr_assert_eq(waitpid(child, NULL, 0), child);
	}
	exit_status_drain(small);
	exit_status_counters(small, &counters);
	cr_assert_geq(counters.overruns, 1);
	exit_status_close(small);
}
