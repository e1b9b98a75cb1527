#include "runtime/containerd_task.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

/* Events of one run, in the order and with the times that containerd 1.6 gives them: a start is told after it happened. */
#define CREATE                                                                                     \
	{                                                                                          \
		.type = CONTAINERD_TASK_CREATE, .time_ns = 100, .pid = 42, .bundle = "/run/bundle" \
	}
#define START                                                            \
	{                                                                \
		.type = CONTAINERD_TASK_START, .time_ns = 210, .pid = 42 \
	}
#define OOM                                                 \
	{                                                   \
		.type = CONTAINERD_TASK_OOM, .time_ns = 250 \
	}
#define EXIT                                                                                                \
	{                                                                                                   \
		.type = CONTAINERD_TASK_EXIT, .time_ns = 310, .pid = 42, .exit_status = 3, .exited_ns = 300 \
	}
#define DELETE                                                                                                \
	{                                                                                                     \
		.type = CONTAINERD_TASK_DELETE, .time_ns = 400, .pid = 42, .exit_status = 3, .exited_ns = 300 \
	}

static const struct containerd_event run[] = {CREATE, START, OOM, EXIT, DELETE};

#define RUN (sizeof(run) / sizeof(run[0]))

static struct container_fact *f;

static void setup(void)
{
	f = container_fact_new("one", CONTAINER_SOURCE_CONTAINERD);
	containerd_task_keep(f, NULL);
}

static void teardown(void)
{
	container_fact_free(f);
}

TestSuite(containerd_task, .init = setup, .fini = teardown);

static void expect_exited(void)
{
	cr_expect_eq(f->state, CONTAINER_EXITED);
	cr_expect_eq(f->init_pid, 0);
	cr_expect_eq(f->finished_ns, 300);
	cr_expect(f->has_exit_code);
	cr_expect_eq(f->exit_code, 3);
}

Test(containerd_task, a_run_goes_from_created_over_running_to_exited)
{
	cr_expect_eq(f->state, CONTAINER_CREATED);
	containerd_task_event(f, &run[0]);
	cr_expect_eq(f->state, CONTAINER_CREATED);
	cr_expect_eq(f->init_pid, 42);
	cr_expect_str_eq(f->bundle, "/run/bundle");
	containerd_task_event(f, &run[1]);
	cr_expect_eq(f->state, CONTAINER_RUNNING);
	cr_expect_eq(f->init_pid, 42);
	cr_expect_eq(f->started_ns, 210);
	containerd_task_event(f, &run[2]);
	cr_expect(f->oom_killed);
	containerd_task_event(f, &run[3]);
	expect_exited();
	cr_expect(f->oom_killed);
	containerd_task_event(f, &run[4]);
	expect_exited();
	cr_expect_eq(f->started_ns, 210);
}

Test(containerd_task, the_next_run_forgets_how_the_last_one_ended)
{
	struct containerd_event create = CREATE, start = START;

	for (size_t i = 0; i < RUN; i++)
		containerd_task_event(f, &run[i]);
	create.time_ns = 1000;
	create.pid = start.pid = 43;
	start.time_ns = 1100;
	containerd_task_event(f, &create);
	cr_expect_eq(f->state, CONTAINER_CREATED);
	cr_expect_eq(f->init_pid, 43);
	cr_expect_eq(f->started_ns, 0);
	cr_expect_not(f->has_exit_code);
	cr_expect_not(f->oom_killed);
	containerd_task_event(f, &start);
	cr_expect_eq(f->started_ns, 1100);
	/* The end of the first process of the run before comes late. */
	containerd_task_event(f, &run[4]);
	cr_expect_eq(f->state, CONTAINER_RUNNING);
}

Test(containerd_task, an_end_before_its_start_was_told_is_at_the_start)
{
	struct containerd_event start = START, end = EXIT;

	start.time_ns = 305;
	containerd_task_event(f, &start);
	containerd_task_event(f, &end);
	cr_expect_eq(f->state, CONTAINER_EXITED);
	cr_expect_eq(f->started_ns, 305);
	cr_expect_eq(f->finished_ns, 305);
}

Test(containerd_task, events_that_a_listing_has_overtaken_change_nothing)
{
	const struct containerd_task ended = {.id = "one", .state = CONTAINER_EXITED, .pid = 42, .exit_status = 3, .exited_ns = 300};

	containerd_task_listed(f, NULL, &ended);
	expect_exited();
	for (size_t i = 0; i < RUN; i++) {
		if (run[i].type == CONTAINERD_TASK_OOM)
			continue;
		containerd_task_event(f, &run[i]);
		expect_exited();
	}
	/* But that it has run before is known now. */
	cr_expect_eq(f->started_ns, 210);
}

Test(containerd_task, a_task_that_is_listed_as_running_has_its_process_start_time)
{
	const struct containerd_task running = {.id = "one", .state = CONTAINER_RUNNING, .pid = (uint32_t)getpid()};
	struct containerd_event start = START;
	struct container_fact *again = container_fact_new("one", CONTAINER_SOURCE_CONTAINERD);
	int64_t now_ns = (int64_t)clock_realtime_ns(), started_ns;

	containerd_task_listed(f, NULL, &running);
	cr_expect_eq(f->state, CONTAINER_RUNNING);
	started_ns = f->started_ns;
	cr_expect_leq(started_ns, now_ns);
	cr_expect_gt(started_ns, now_ns - 60 * (int64_t)NSEC_PER_SEC);

	/* Of the same run, the same time: whatever says so. */
	start.pid = (uint32_t)getpid();
	start.time_ns = now_ns;
	containerd_task_event(f, &start);
	cr_expect_eq(f->started_ns, started_ns);
	f->started_ns = 77;
	containerd_task_listed(again, f, &running);
	cr_expect_eq(again->started_ns, 77);
	container_fact_free(again);
}

Test(containerd_task, a_task_that_was_deleted_unseen_has_ended)
{
	struct container_fact *again = container_fact_new("one", CONTAINER_SOURCE_CONTAINERD);

	containerd_task_event(f, &run[0]);
	containerd_task_event(f, &run[1]);
	containerd_task_listed(again, f, NULL);
	cr_expect_eq(again->state, CONTAINER_EXITED);
	cr_expect_not(again->has_exit_code);
	cr_expect_eq(again->started_ns, 210);
	cr_expect_str_eq(again->bundle, "/run/bundle");
	container_fact_free(again);
}

Test(containerd_task, another_container_of_the_same_id_begins_anew)
{
	struct container_fact *other = container_fact_new("one", CONTAINER_SOURCE_CONTAINERD);

	f->created_ns = 50;
	for (size_t i = 0; i < RUN; i++)
		containerd_task_event(f, &run[i]);
	other->created_ns = 500;
	containerd_task_keep(other, f);
	cr_expect_eq(other->state, CONTAINER_CREATED);
	cr_expect_null(other->bundle);
	cr_expect_eq(other->started_ns, 0);
	container_fact_free(other);
}

Test(containerd_task, a_process_that_is_not_there_has_no_start_time)
{
	cr_expect_eq(containerd_task_process_start_ns(0), 0);
	cr_expect_eq(containerd_task_process_start_ns(UINT32_MAX), 0);
}
