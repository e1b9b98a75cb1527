#include "runtime/docker_event.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct docker_event event;

static int parse(const char *line)
{
	return docker_event_parse(&event, line, strlen(line));
}

/* As Docker 20.10 wrote it. */
Test(docker_event, an_end_has_its_code_and_names)
{
	cr_assert_eq(parse("{\"status\":\"die\",\"id\":\"" ID
			   "\",\"from\":\"busybox:1\",\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" ID
			   "\",\"Attributes\":{\"exitCode\":\"137\",\"image\":\"busybox:1\",\"name\":\"web\",\"tier\":\"front\"}},"
			   "\"scope\":\"local\","
			   "\"time\":1795658109,\"timeNano\":1795658109907655709}"),
		     1);
	cr_expect_eq(event.action, DOCKER_DIE);
	cr_expect_str_eq(event.id, ID);
	cr_expect_str_eq(event.name, "/web");
	cr_expect_str_eq(event.image, "busybox:1");
	cr_expect(event.has_exit_code);
	cr_expect_eq(event.exit_code, 137);
	cr_expect_eq(event.time_ns, 1795658109907655709);
}

Test(docker_event, what_is_not_a_containers_life_is_left_out)
{
	cr_expect_eq(parse("{\"Type\":\"network\",\"Action\":\"create\",\"Actor\":{\"ID\":\"" ID "\"}}"), 0);
	cr_expect_eq(parse("{\"Type\":\"container\",\"Action\":\"exec_create: sh\",\"Actor\":{\"ID\":\"" ID "\"}}"), 0);
	cr_expect_eq(parse("{\"Type\":\"container\",\"Action\":\"attach\",\"Actor\":{\"ID\":\"" ID "\"}}"), 0);
}

Test(docker_event, what_makes_no_sense_is_refused)
{
	static const char *const lines[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"Type\":\"container\"}",
		"{\"Type\":1,\"Action\":\"die\"}",
		"{\"Type\":\"container\",\"Action\":\"die\"}",
		"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"../etc\"}}",
		"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" ID ID ID "\"}}",
		"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" ID "\"}",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		cr_expect_eq(parse(lines[i]), -EINVAL, "%s", lines[i]);
	cr_assert_eq(parse("{\"Type\":\"container\",\"Action\":\"die\",\"timeNano\":-5,\"Actor\":{\"ID\":\"" ID
			   "\",\"Attributes\":{\"exitCode\":\"many\",\"name\":7}}}"),
		     1);
	cr_expect_not(event.has_exit_code);
	cr_expect_str_eq(event.name, "");
	cr_expect_eq(event.time_ns, 0);
}

Test(docker_event, all_actions_are_asked_for)
{
	char *target = docker_event_target(1795658109000000042);

	cr_expect_str_eq(
		target,
		"/events?since=1795658109.000000042&filters=%7B%22type%22:%5B%22container%22%5D,%22event%22:%5B"
		"%22create%22,%22start%22,%22die%22,%22destroy%22,%22oom%22,%22update%22,%22rename%22,%22pause%22,%22unpause%22%5D%7D");
	free(target);
}

Test(docker_event, a_life_can_be_told_by_events_alone)
{
	struct container_fact *f = container_fact_new(ID, CONTAINER_SOURCE_DOCKER_API);
	struct docker_event e = {.action = DOCKER_CREATE, .id = ID, .time_ns = 100, .name = "/web", .image = "busybox:1"};

	docker_event_apply(&e, f);
	cr_expect_eq(f->state, CONTAINER_CREATED);
	cr_expect_eq(f->created_ns, 100);
	cr_expect_str_eq(f->name, "/web");
	cr_expect_str_eq(f->image_name, "busybox:1");
	e = (struct docker_event){.action = DOCKER_START, .id = ID, .time_ns = 200};
	docker_event_apply(&e, f);
	cr_expect_eq(f->state, CONTAINER_RUNNING);
	cr_expect_eq(f->started_ns, 200);
	cr_expect_str_eq(f->name, "/web");
	e = (struct docker_event){.action = DOCKER_OOM, .id = ID, .time_ns = 250};
	docker_event_apply(&e, f);
	cr_expect(f->oom_killed);
	e = (struct docker_event){.action = DOCKER_DIE, .id = ID, .time_ns = 300, .has_exit_code = true, .exit_code = 137};
	docker_event_apply(&e, f);
	cr_expect_eq(f->state, CONTAINER_EXITED);
	cr_expect_eq(f->finished_ns, 300);
	cr_expect_eq(f->exit_code, 137);
	cr_expect(f->oom_killed);
	e = (struct docker_event){.action = DOCKER_START, .id = ID, .time_ns = 400, .name = "/site"};
	docker_event_apply(&e, f);
	cr_expect_eq(f->finished_ns, 0);
	cr_expect_not(f->has_exit_code);
	cr_expect_not(f->oom_killed);
	cr_expect_str_eq(f->name, "/site");
	container_fact_free(f);
}
