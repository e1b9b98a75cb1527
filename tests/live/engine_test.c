#include "proto/capsule8_encoder.h"
#include "sensor/sensor.h"
#include "service/engine.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The loop of a sensor with clients that come and go while it is busy. */

#define CLIENTS     16
#define UNAVAILABLE 14
/* Longer than a turn of the loop's commands, and than the loop ever waits for the next round. */
#define FIRST_US 110000

struct client {
	struct engine_subscription *subscription;
	struct outbox *outbox;
};

static struct engine *engine;
static struct encoder *encoder;
static struct client clients[CLIENTS];
static pthread_t loop_thread, busy_thread;
static sem_t busy, go_on;

/* The loop thread's. */
static uint64_t rounds_at_first[CLIENTS];
static size_t firsts;

static void *run(void *context)
{
	(void)context;
	engine_run(engine);
	return NULL;
}

static void run_with_rings(uint64_t bytes)
{
	const struct engine_options options = {.ring_memory_bytes = bytes};
	struct error err = {0};

	cr_assert_eq(engine_new(&engine, &options, &err), 0, "%s", err.message);
	cr_assert_eq(pthread_create(&loop_thread, NULL, run, NULL), 0);
}

static void setup(void)
{
	encoder = capsule8_encoder_new("0123456789abcdef");
	cr_assert_not_null(encoder);
	sem_init(&busy, 0, 0);
	sem_init(&go_on, 0, 0);
	run_with_rings(1 << 20);
}

static void teardown(void)
{
	engine_free(engine);
	capsule8_encoder_free(encoder);
}

TestSuite(engine, .init = setup, .fini = teardown, .timeout = 120);

static void stay_busy(struct engine *e, void *context)
{
	(void)e;
	(void)context;
	sem_post(&busy);
	sem_wait(&go_on);
}

static void *call_busy(void *context)
{
	(void)context;
	engine_call(engine, stay_busy, NULL);
	return NULL;
}

/* Whatever is asked for until loop_go_on() has to wait. */
static void loop_make_busy(void)
{
	cr_assert_eq(pthread_create(&busy_thread, NULL, call_busy, NULL), 0);
	sem_wait(&busy);
}

static void loop_go_on(void)
{
	sem_post(&go_on);
	pthread_join(busy_thread, NULL);
}

static void stop(void)
{
	engine_stop(engine);
	pthread_join(loop_thread, NULL);
}

static struct chunk *first(void *context, const struct subscriber_statuses *statuses)
{
	struct sensor_counters counters;

	(void)context;
	sensor_counters(engine_sensor(engine), &counters);
	rounds_at_first[firsts++] = counters.rounds;
	usleep(FIRST_US);
	return capsule8_statuses_chunk(statuses);
}

/* Each with a system call of its own, so that the kernel's filter changes with each. */
static void client_subscribe(struct client *client, int64_t number)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = spec ? subscription_spec_add(spec, EVENT_SYSCALL_ENTER) : NULL;
	struct error err = {0};

	cr_assert_not_null(clause);
	cr_assert_eq(clause_add(clause, "id", PREDICATE_EQUAL, number, NULL, &err), 0, "%s", err.message);
	client->outbox = outbox_new(1 << 20, &(struct outbox_callbacks){0});
	cr_assert_not_null(client->outbox);
	client->subscription = engine_subscribe(engine, spec, encoder, client->outbox, first, NULL);
	cr_assert_not_null(client->subscription);
}

static void clients_subscribe(void)
{
	for (int i = 0; i < CLIENTS; i++)
		client_subscribe(&clients[i], SYS_chdir + i);
}

static void clients_leave(void)
{
	for (int i = 0; i < CLIENTS; i++) {
		outbox_close(clients[i].outbox);
		engine_unsubscribe(engine, clients[i].subscription);
		outbox_unref(clients[i].outbox);
	}
}

static void nothing(struct engine *e, void *context)
{
	(void)e;
	(void)context;
}

/* Until all has been run that was asked for before. */
static void loop_catch_up(void)
{
	cr_assert_eq(engine_call(engine, nothing, NULL), 0);
}

static void take_policy(struct engine *e, void *policy)
{
	(void)e;
	*(int *)policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
}

Test(engine, the_loop_thread_runs_first_when_rings_are_small_and_only_then)
{
	int policy = -1;

	cr_assert_eq(engine_call(engine, take_policy, &policy), 0);
	cr_expect_eq(policy, SCHED_RR);
	stop();
	engine_free(engine);
	run_with_rings((uint64_t)sysconf(_SC_NPROCESSORS_CONF) << 21);
	cr_assert_eq(engine_call(engine, take_policy, &policy), 0);
	cr_expect_eq(policy, SCHED_OTHER);
	stop();
}

/* They were made and unmade all the same, one after another, while their number grew. */
Test(engine, clients_that_leave_before_their_turn_are_not_subscribed)
{
	loop_make_busy();
	clients_subscribe();
	clients_leave();
	loop_go_on();
	loop_catch_up();
	cr_expect_eq(firsts, 0);
	stop();
}

/* The rings were not read, and closed perf events were not freed, as long as one more waited. */
Test(engine, the_rings_are_read_between_subscriptions_that_wait)
{
	loop_make_busy();
	clients_subscribe();
	loop_go_on();
	loop_catch_up();
	cr_assert_eq(firsts, CLIENTS);
	for (size_t i = 1; i < CLIENTS; i++)
		cr_expect_gt(rounds_at_first[i], rounds_at_first[i - 1], "%zu", i);
	clients_leave();
	stop();
}

/* Each was still made first. */
Test(engine, clients_that_wait_when_it_stops_are_told_so_at_once)
{
	struct outbox_end end;
	struct chunk *chunk;
	bool ended;

	loop_make_busy();
	clients_subscribe();
	engine_stop(engine);
	loop_go_on();
	pthread_join(loop_thread, NULL);
	/* The turn that was being had may have come to one of them. */
	cr_expect_leq(firsts, 1, "%zu", firsts);
	for (int i = 0; i < CLIENTS; i++) {
		while (outbox_take(clients[i].outbox, &chunk, 1, SIZE_MAX, &end, &ended))
			chunk_unref(chunk);
		cr_assert(ended, "%d", i);
		cr_expect_eq(end.code, UNAVAILABLE);
	}
	clients_leave();
}

/* They were freed while their commands waited for the loop thread. */
Test(engine, clients_that_leave_while_it_stops_are_not_touched_any_more)
{
	loop_make_busy();
	clients_subscribe();
	engine_stop(engine);
	clients_leave();
	loop_go_on();
	pthread_join(loop_thread, NULL);
	cr_expect_eq(firsts, 0);
}
