#include "sensor/container_life.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SINCE     1000
#define SECOND_NS UINT64_C(1000000000)

static struct container_life life;
static uint64_t now_ns;
static char told[4096];

static void setup(void)
{
	life = (struct container_life){0};
	now_ns = SECOND_NS;
	told[0] = '\0';
}

TestSuite(container_life, .init = setup);

static void write_down(const struct container_changes *changes)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct container_change *c = &changes->changes[i];
		size_t length = strlen(told);
		const char *space = length ? " " : "";

		switch (c->kind) {
		case EVENT_CONTAINER_CREATED:
			(void)snprintf(told + length, sizeof(told) - length, "%screated", space);
			break;
		case EVENT_CONTAINER_RUNNING:
			(void)snprintf(told + length, sizeof(told) - length, "%srunning:%u", space, c->pid);
			break;
		case EVENT_CONTAINER_EXITED:
			if (c->exit.known)
				(void)snprintf(told + length, sizeof(told) - length, "%sexited:%u:%d", space, c->pid, c->exit.code);
			else
				(void)snprintf(told + length, sizeof(told) - length, "%sexited:%u:?", space, c->pid);
			break;
		case EVENT_CONTAINER_DESTROYED:
			(void)snprintf(told + length, sizeof(told) - length, "%sdestroyed", space);
			break;
		case EVENT_CONTAINER_UPDATED:
			(void)snprintf(told + length, sizeof(told) - length, "%supdated", space);
			break;
		default:
			cr_assert_fail("kind %d", (int)c->kind);
		}
	}
}

/* What has been told since the last time. */
#define EXPECT_TOLD(expected)                     \
	do {                                      \
		cr_assert_str_eq(told, expected); \
		told[0] = '\0';                   \
	} while (0)

static void take(struct container_fact fact)
{
	struct container_changes changes = {0};

	container_life_take(&life, &fact, SINCE, now_ns, &changes);
	write_down(&changes);
}

/* What Docker's files say, one after another. */
static struct container_fact docker(enum container_state state, uint32_t pid, int64_t started_ns)
{
	return (struct container_fact){
		.source = CONTAINER_SOURCE_DOCKER,
		.runtime = CONTAINER_RUNTIME_DOCKER,
		.created_ns = SINCE + 1,
		.started_ns = started_ns,
		.state = state,
		.init_pid = pid,
		.settings = 1,
	};
}

static struct container_fact docker_exited(int64_t started_ns, int32_t code)
{
	struct container_fact fact = docker(CONTAINER_EXITED, 0, started_ns);

	fact.finished_ns = started_ns + 1;
	fact.has_exit_code = true;
	fact.exit_code = code;
	return fact;
}

static struct container_fact runc(enum container_runtime runtime, enum container_state state, uint32_t pid, int64_t created_ns)
{
	return (struct container_fact){
		.source = CONTAINER_SOURCE_RUNC,
		.runtime = runtime,
		.created_ns = created_ns,
		.started_ns = created_ns,
		.state = state,
		.init_pid = pid,
		.settings = 1,
	};
}

static void gone(enum container_source source)
{
	take((struct container_fact){.source = source, .gone = true});
}

static void exec(uint32_t pid)
{
	struct container_changes changes = {0};

	container_life_exec(&life, pid, &changes);
	write_down(&changes);
}

static void ends_with(uint32_t pid, const struct container_exit *exit)
{
	struct container_changes changes = {0};

	container_life_exit(&life, pid, exit, now_ns, &changes);
	write_down(&changes);
}

static void ends(uint32_t pid, int32_t code)
{
	struct container_exit exit = container_exit_decode(code);

	ends_with(pid, &exit);
}

static void ends_unknown(uint32_t pid)
{
	ends_with(pid, &(struct container_exit){0});
}

static void wait_for(uint64_t ns)
{
	struct container_changes changes = {0};

	now_ns += ns;
	container_life_wait(&life, now_ns, &changes);
	write_down(&changes);
}

Test(container_life, docker_and_runc_and_the_kernel_tell_of_one_run_and_it_is_told_once)
{
	take(docker(CONTAINER_CREATED, 0, 0));
	EXPECT_TOLD("created");
	take(runc(CONTAINER_RUNTIME_DOCKER, CONTAINER_CREATED, 42, SINCE + 10));
	EXPECT_TOLD("");
	exec(42);
	EXPECT_TOLD("running:42");
	take(runc(CONTAINER_RUNTIME_DOCKER, CONTAINER_RUNNING, 42, SINCE + 10));
	take(docker(CONTAINER_RUNNING, 42, SINCE + 20));
	take(docker(CONTAINER_RUNNING, 42, SINCE + 20));
	EXPECT_TOLD("");
	ends(42, 3);
	EXPECT_TOLD("exited:42:3");
	gone(CONTAINER_SOURCE_RUNC);
	take(docker_exited(SINCE + 20, 3));
	wait_for(10 * SECOND_NS);
	EXPECT_TOLD("");
	gone(CONTAINER_SOURCE_DOCKER);
	EXPECT_TOLD("destroyed");
	cr_expect(life.over);
}

Test(container_life, docker_alone_tells_everything)
{
	take(docker(CONTAINER_CREATED, 0, 0));
	take(docker(CONTAINER_RUNNING, 42, SINCE + 20));
	take(docker_exited(SINCE + 20, 137));
	gone(CONTAINER_SOURCE_DOCKER);
	EXPECT_TOLD("created running:42 exited:42:137 destroyed");
}

Test(container_life, a_run_whose_running_state_was_never_read_is_told_with_the_process_that_the_kernel_saw)
{
	take(docker(CONTAINER_CREATED, 0, 0));
	exec(42);
	exec(43);
	ends(43, 1);
	ends(42, 0);
	EXPECT_TOLD("created");
	take(docker_exited(SINCE + 20, 0));
	EXPECT_TOLD("running:42 exited:42:0");
}

Test(container_life, each_restart_is_a_run)
{
	take(docker(CONTAINER_CREATED, 0, 0));
	take(docker(CONTAINER_RUNNING, 42, SINCE + 20));
	exec(42);
	ends(42, 1);
	take(docker_exited(SINCE + 20, 1));
	EXPECT_TOLD("created running:42 exited:42:1");
	take(runc(CONTAINER_RUNTIME_DOCKER, CONTAINER_CREATED, 50, SINCE + 30));
	exec(50);
	take(docker(CONTAINER_RUNNING, 50, SINCE + 40));
	ends(50, 2);
	gone(CONTAINER_SOURCE_RUNC);
	take(docker_exited(SINCE + 40, 2));
	EXPECT_TOLD("running:50 exited:50:2");
	/* of which only Docker tells, and only the end */
	take(docker_exited(SINCE + 60, 9));
	EXPECT_TOLD("running:0 exited:0:9");
	/* the process's number is used again */
	take(runc(CONTAINER_RUNTIME_DOCKER, CONTAINER_CREATED, 42, SINCE + 70));
	exec(42);
	EXPECT_TOLD("running:42");
}

Test(container_life, an_old_state_that_comes_late_is_no_run)
{
	take(docker(CONTAINER_CREATED, 0, 0));
	take(runc(CONTAINER_RUNTIME_DOCKER, CONTAINER_CREATED, 42, SINCE + 10));
	exec(42);
	ends(42, 0);
	EXPECT_TOLD("created running:42 exited:42:0");
	/* Docker notes the start when it hears of it, which can be after the end. */
	take(docker(CONTAINER_RUNNING, 42, SINCE + 900));
	take(docker_exited(SINCE + 900, 0));
	EXPECT_TOLD("");
}

Test(container_life, what_was_over_before_is_not_told)
{
	struct container_fact fact = docker(CONTAINER_RUNNING, 42, SINCE - 10);

	fact.created_ns = SINCE - 20;
	take(fact);
	exec(60);
	take(runc(CONTAINER_RUNTIME_DOCKER, CONTAINER_RUNNING, 42, SINCE - 11));
	EXPECT_TOLD("");
	ends(60, 1);
	EXPECT_TOLD("");
	ends(42, 143);
	EXPECT_TOLD("exited:42:143");
	gone(CONTAINER_SOURCE_DOCKER);
	EXPECT_TOLD("destroyed");
}

Test(container_life, what_had_ended_before_can_be_started_again)
{
	struct container_fact fact = docker_exited(SINCE - 10, 1);

	fact.created_ns = SINCE - 20;
	fact.finished_ns = SINCE - 5;
	take(fact);
	EXPECT_TOLD("");
	take(docker(CONTAINER_RUNNING, 42, SINCE + 10));
	EXPECT_TOLD("running:42");
}

Test(container_life, a_source_without_times_tells_what_was_there_when_it_was_first_looked_at)
{
	struct container_fact fact = runc(CONTAINER_RUNTIME_RUNC, CONTAINER_RUNNING, 42, 0);

	fact.listed = true;
	take(fact);
	EXPECT_TOLD("");
	gone(CONTAINER_SOURCE_RUNC);
	ends(42, 0);
	EXPECT_TOLD("exited:42:0 destroyed");
}

Test(container_life, a_task_that_was_there_before_runs)
{
	struct container_fact fact = runc(CONTAINER_RUNTIME_CONTAINERD, CONTAINER_STATE_UNKNOWN, 42, SINCE - 10);

	fact.source = CONTAINER_SOURCE_TASK;
	fact.listed = true;
	take(fact);
	EXPECT_TOLD("");
	cr_expect_eq(life.state, CONTAINER_RUNNING);
	ends(42, 0);
	EXPECT_TOLD("exited:42:0");
}

Test(container_life, runcs_end_waits_for_the_exit_that_the_kernel_tells)
{
	take(runc(CONTAINER_RUNTIME_RUNC, CONTAINER_CREATED, 42, SINCE + 10));
	exec(42);
	gone(CONTAINER_SOURCE_RUNC);
	EXPECT_TOLD("created running:42");
	ends(42, 0);
	EXPECT_TOLD("exited:42:0 destroyed");
}

Test(container_life, nobody_saw_the_exit_and_it_is_told_so)
{
	take(runc(CONTAINER_RUNTIME_RUNC, CONTAINER_CREATED, 42, SINCE + 10));
	exec(42);
	gone(CONTAINER_SOURCE_RUNC);
	wait_for(CONTAINER_EXIT_GRACE_NS - 1);
	EXPECT_TOLD("created running:42");
	wait_for(1);
	EXPECT_TOLD("exited:42:? destroyed");
}

Test(container_life, an_exit_without_a_status_waits_for_the_runtimes_word)
{
	take(docker(CONTAINER_CREATED, 0, 0));
	take(docker(CONTAINER_RUNNING, 42, SINCE + 20));
	ends_unknown(42);
	EXPECT_TOLD("created running:42");
	take(docker_exited(SINCE + 20, 139));
	EXPECT_TOLD("exited:42:139");
	cr_expect_eq(life.exit.signal, 11);
	cr_expect_eq(life.exit.status, 0);
}

Test(container_life, runcs_container_that_was_never_started)
{
	take(runc(CONTAINER_RUNTIME_RUNC, CONTAINER_CREATED, 42, SINCE + 10));
	gone(CONTAINER_SOURCE_RUNC);
	wait_for(CONTAINER_START_GRACE_NS);
	EXPECT_TOLD("created destroyed");
}

Test(container_life, facts_can_be_ahead_of_samples)
{
	take(runc(CONTAINER_RUNTIME_RUNC, CONTAINER_CREATED, 42, SINCE + 10));
	gone(CONTAINER_SOURCE_RUNC);
	EXPECT_TOLD("created");
	exec(42);
	ends(42, 0);
	EXPECT_TOLD("running:42 exited:42:0 destroyed");
}

Test(container_life, the_same_name_again_is_another_container)
{
	take(runc(CONTAINER_RUNTIME_RUNC, CONTAINER_CREATED, 42, SINCE + 10));
	exec(42);
	ends(42, 0);
	gone(CONTAINER_SOURCE_RUNC);
	EXPECT_TOLD("created running:42 exited:42:0 destroyed");
	take(runc(CONTAINER_RUNTIME_RUNC, CONTAINER_CREATED, 50, SINCE + 20));
	exec(50);
	EXPECT_TOLD("created running:50");
	cr_expect_eq(life.number, 1);
}

Test(container_life, runcs_end_is_not_the_end_of_what_belongs_to_a_runtime_with_more_to_say)
{
	take(runc(CONTAINER_RUNTIME_PODMAN, CONTAINER_CREATED, 42, SINCE + 10));
	exec(42);
	ends(42, 0);
	gone(CONTAINER_SOURCE_RUNC);
	EXPECT_TOLD("created running:42 exited:42:0");
	take((struct container_fact){.source = CONTAINER_SOURCE_STORAGE, .runtime = CONTAINER_RUNTIME_PODMAN, .created_ns = SINCE + 5});
	wait_for(10 * SECOND_NS);
	EXPECT_TOLD("");
	gone(CONTAINER_SOURCE_STORAGE);
	EXPECT_TOLD("destroyed");
}

Test(container_life, and_is_its_end_when_nobody_says_more)
{
	take(runc(CONTAINER_RUNTIME_CONTAINERD, CONTAINER_CREATED, 42, SINCE + 10));
	exec(42);
	ends(42, 0);
	gone(CONTAINER_SOURCE_RUNC);
	wait_for(CONTAINER_LEAVE_GRACE_NS);
	EXPECT_TOLD("created running:42 exited:42:0 destroyed");
}

Test(container_life, sources_with_less_to_say_do_not_bring_back_what_is_gone)
{
	take(docker(CONTAINER_CREATED, 0, 0));
	take(docker(CONTAINER_RUNNING, 42, SINCE + 20));
	ends(42, 0);
	gone(CONTAINER_SOURCE_DOCKER);
	EXPECT_TOLD("created running:42 exited:42:0 destroyed");
	take(runc(CONTAINER_RUNTIME_DOCKER, CONTAINER_RUNNING, 42, SINCE + 10));
	gone(CONTAINER_SOURCE_RUNC);
	exec(42);
	EXPECT_TOLD("");
}

Test(container_life, other_settings_are_an_update_and_another_state_is_none)
{
	struct container_fact renamed = docker(CONTAINER_RUNNING, 42, SINCE + 20);

	renamed.settings = 2;
	take(docker(CONTAINER_CREATED, 0, 0));
	take(docker(CONTAINER_RUNNING, 42, SINCE + 20));
	EXPECT_TOLD("created running:42");
	take(renamed);
	take(renamed);
	EXPECT_TOLD("updated");
}

Test(container_life, of_what_no_runtime_tells_the_kernel_does)
{
	struct container_changes changes = {0};

	exec(42);
	container_life_begin_untold(&life, false, &changes);
	write_down(&changes);
	EXPECT_TOLD("created running:42");
	ends(42, 134);
	EXPECT_TOLD("exited:42:134");
	changes.count = 0;
	container_life_end_untold(&life, &changes);
	write_down(&changes);
	EXPECT_TOLD("destroyed");
}

/* Any order of anything: no crash, and the order of the life. */
Test(container_life, whatever_comes_each_thing_is_told_once_and_in_order)
{
	uint32_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		enum {
			NOTHING,
			CREATED,
			RUNNING,
			EXITED
		} state = NOTHING;

		life = (struct container_life){0};
		for (int step = 0; step < 40; step++) {
			struct container_changes changes = {0};
			struct container_fact fact;
			uint32_t pid;

			seed = seed * 1103515245 + 12345;
			pid = 40 + (seed >> 16) % 3;
			fact = (struct container_fact){
				.source = (enum container_source)((seed >> 8) % CONTAINER_SOURCES),
				.runtime = (seed >> 20) % 2 ? CONTAINER_RUNTIME_RUNC : CONTAINER_RUNTIME_DOCKER,
				.gone = (seed >> 12) % 5 == 0,
				.created_ns = SINCE + 1,
				.started_ns = (seed >> 18) % 3 ? SINCE + (seed >> 22) % 4 : 0,
				.state = (enum container_state)((seed >> 25) % 4),
				.init_pid = (seed >> 15) % 2 ? pid : 0,
				.has_exit_code = (seed >> 14) % 2,
				.settings = 1 + (seed >> 28) % 2,
			};
			now_ns += (seed >> 13) % 2 ? SECOND_NS : 0;
			switch ((seed >> 27) % 5) {
			case 0:
				container_life_exec(&life, pid, &changes);
				break;
			case 1:
				container_life_exit(&life, pid, &(struct container_exit){.known = (seed >> 21) % 2}, now_ns, &changes);
				break;
			case 2:
				container_life_wait(&life, now_ns, &changes);
				break;
			default:
				container_life_take(&life, &fact, SINCE, now_ns, &changes);
			}
			cr_assert_lt(changes.count, CONTAINER_CHANGES_MAX);
			for (uint32_t i = 0; i < changes.count; i++) {
				switch (changes.changes[i].kind) {
				case EVENT_CONTAINER_CREATED:
					cr_assert_eq(state, NOTHING);
					state = CREATED;
					break;
				case EVENT_CONTAINER_RUNNING:
					cr_assert(state == CREATED || state == EXITED);
					state = RUNNING;
					break;
				case EVENT_CONTAINER_EXITED:
					cr_assert_eq(state, RUNNING);
					state = EXITED;
					break;
				case EVENT_CONTAINER_DESTROYED:
					cr_assert(state == CREATED || state == EXITED);
					state = NOTHING;
					break;
				default:
					cr_assert_neq(state, NOTHING);
				}
			}
		}
	}
}
