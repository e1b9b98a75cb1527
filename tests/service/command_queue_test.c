#include "service/command_queue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#define RUNS 20

struct counted {
	struct command command;
	struct command *then; /* posted when this has run; NULL: none */
	unsigned runs, runs_wanted;
	useconds_t takes_us;
};

static uv_loop_t loop;
static struct command_queue queue;
static struct command *order[8];
static size_t ordered;

static void counted_run(struct command *command, void *context)
{
	struct counted *counted = (struct counted *)command;

	cr_assert_eq(context, &loop);
	if (ordered < sizeof(order) / sizeof(order[0]))
		order[ordered++] = command;
	usleep(counted->takes_us);
	if (++counted->runs < counted->runs_wanted)
		command_queue_post(&queue, command);
	if (counted->then)
		command_queue_post(&queue, counted->then);
}

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	uv_close(handle, NULL);
}

static void setup(void)
{
	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_assert_eq(command_queue_init(&queue, &loop, &loop), 0);
}

static void teardown(void)
{
	uv_walk(&loop, close_handle, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	command_queue_done(&queue);
}

/* On a busy host a turn can be over after one command. */
static void run_all(void)
{
	while (queue.commands)
		uv_run(&loop, UV_RUN_NOWAIT);
}

TestSuite(command_queue, .init = setup, .fini = teardown, .timeout = 60);

Test(command_queue, commands_are_run_once_in_the_order_in_which_they_came)
{
	struct counted items[3] = {{.command.run = counted_run}, {.command.run = counted_run}, {.command.run = counted_run}};

	for (size_t i = 0; i < 3; i++)
		cr_assert(command_queue_post(&queue, &items[i].command));
	run_all();
	uv_run(&loop, UV_RUN_NOWAIT);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(order[i], &items[i].command);
		cr_expect_eq(items[i].runs, 1);
	}
}

Test(command_queue, a_command_that_waits_is_not_put_in_twice)
{
	struct counted item = {.command.run = counted_run};

	cr_assert(command_queue_post(&queue, &item.command));
	cr_assert(command_queue_post(&queue, &item.command));
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_eq(item.runs, 1);
	cr_assert(command_queue_post(&queue, &item.command));
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_eq(item.runs, 2);
}

Test(command_queue, what_is_taken_back_while_it_waits_is_not_run)
{
	struct counted items[3] = {{.command.run = counted_run}, {.command.run = counted_run}, {.command.run = counted_run}};

	cr_expect_not(command_queue_withdraw(&queue, &items[1].command), "it does not wait yet");
	for (size_t i = 0; i < 3; i++)
		cr_assert(command_queue_post(&queue, &items[i].command));
	cr_expect(command_queue_withdraw(&queue, &items[1].command));
	cr_expect_not(command_queue_withdraw(&queue, &items[1].command));
	run_all();
	cr_expect_eq(items[0].runs, 1);
	cr_expect_eq(items[1].runs, 0);
	cr_expect_eq(items[2].runs, 1);
	cr_expect_not(command_queue_withdraw(&queue, &items[2].command), "it has been run");
}

static void on_tick(uv_timer_t *timer)
{
	++*(unsigned *)timer->data;
}

/* Subscriptions that came faster than they were made kept the loop from reading the rings and from freeing what was closed. */
Test(command_queue, commands_that_come_faster_than_they_are_run_leave_the_loop_its_turns)
{
	const useconds_t takes_us = 2 * COMMAND_QUEUE_TURN_NS / 1000;
	struct counted items[2] = {{.command.run = counted_run, .runs_wanted = RUNS, .takes_us = takes_us},
				   {.command.run = counted_run, .runs_wanted = RUNS, .takes_us = takes_us}};
	unsigned ticks = 0, turns = 0;
	static uv_timer_t timer; /* closed with the loop */

	uv_timer_init(&loop, &timer);
	timer.data = &ticks;
	uv_timer_start(&timer, on_tick, 1, 1);
	for (size_t i = 0; i < 2; i++)
		cr_assert(command_queue_post(&queue, &items[i].command));
	for (; items[0].runs + items[1].runs < 2 * RUNS; turns++)
		uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_geq(turns, 2 * RUNS, "a command that takes longer than a turn ends it");
	cr_expect_geq(ticks, 2 * RUNS - 2, "%u", ticks);
}

Test(command_queue, at_its_end_it_runs_what_waits_and_then_takes_nothing)
{
	struct counted items[2] = {{.command.run = counted_run}, {.command.run = counted_run}};

	items[0].then = &items[1].command;
	cr_assert(command_queue_post(&queue, &items[0].command));
	command_queue_end(&queue);
	cr_expect_eq(items[0].runs, 1);
	cr_expect_eq(items[1].runs, 1);
	cr_expect_not(command_queue_post(&queue, &items[0].command));
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_eq(items[0].runs, 1);
}
