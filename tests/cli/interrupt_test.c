#include "cli/interrupt.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

static sem_t called;

static void call(void *context)
{
	(void)context;
	sem_post(&called);
}

static void init(void)
{
	sem_init(&called, 0, 0);
	interrupt_block();
}

TestSuite(interrupt, .init = init, .timeout = 30);

Test(interrupt, a_signal_calls_the_function_once)
{
	struct interrupt *interrupt;

	cr_assert_eq(interrupt_start(&interrupt, call, NULL, NULL), 0);
	kill(getpid(), SIGINT);
	sem_wait(&called);
	cr_assert(interrupt_stop(interrupt));
	cr_assert_eq(sem_trywait(&called), -1);
}

Test(interrupt, a_signal_that_came_before_the_start_is_not_missed)
{
	struct interrupt *interrupt;

	kill(getpid(), SIGTERM);
	cr_assert_eq(interrupt_start(&interrupt, call, NULL, NULL), 0);
	sem_wait(&called);
	cr_assert(interrupt_stop(interrupt));
}

Test(interrupt, without_a_signal_nothing_is_called)
{
	struct interrupt *interrupt;

	cr_assert_eq(interrupt_start(&interrupt, call, NULL, NULL), 0);
	cr_assert_not(interrupt_stop(interrupt));
	cr_assert_eq(sem_trywait(&called), -1);
}

Test(interrupt, a_second_signal_ends_a_process_that_does_not_answer_the_first, .exit_code = 128 + SIGTERM)
{
	struct interrupt *interrupt;

	cr_assert_eq(interrupt_start(&interrupt, call, NULL, NULL), 0);
	kill(getpid(), SIGINT);
	sem_wait(&called);
	kill(getpid(), SIGTERM);
	for (;;)
		pause();
}
