#include "cli/command.h"
#include "service/health.h"
#include "service/packed.h"
#include "tests/cli/verb.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>
#include <ringside/v0/sensor.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The verb before a sensor that answers what a test says. */

#define LIST_CONTAINERS "/ringside.v0.SensorService/ListContainers"

static char directory[64], address[96];
static struct rpc_server *server;

/* Of the sensor. */
static Ringside__V0__Container first = RINGSIDE__V0__CONTAINER__INIT, second = RINGSIDE__V0__CONTAINER__INIT;
static size_t responses, sent; /* one container each */
static const char *garbage;    /* instead */
static int code;
static const char *sentence = "";
static Ringside__V0__ListContainersRequest *asked;

static void init(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
	strcpy(directory, "/tmp/ringside-cli-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	(void)snprintf(address, sizeof(address), "unix:%s/socket", directory);
	first.id = "web";
	second.id = "db";
}

static void done(void)
{
	rpc_server_free(server);
	if (asked)
		ringside__v0__list_containers_request__free_unpacked(asked, NULL);
	cr_assert_eq(rmdir(directory), 0);
}

TestSuite(containers, .init = init, .fini = done, .timeout = 60);

static void go_on(struct rpc *rpc)
{
	Ringside__V0__ListContainersResponse response = RINGSIDE__V0__LIST_CONTAINERS_RESPONSE__INIT;
	Ringside__V0__Container *containers[] = {sent ? &second : &first};
	struct chunk *chunk;

	response.n_containers = 1;
	response.containers = containers;
	if (sent == responses) {
		rpc_finish(rpc, code, sentence);
		return;
	}
	sent++;
	chunk = garbage ? chunk_new((uint8_t *)strdup(garbage), strlen(garbage), 0) : packed_message(&response.base);
	rpc_send(rpc, &chunk, 1);
}

static void answer(struct rpc *rpc, const uint8_t *bytes, size_t size)
{
	asked = ringside__v0__list_containers_request__unpack(NULL, size, bytes);
	go_on(rpc);
}

static void serve(bool lists)
{
	const struct rpc_method method = {.path = LIST_CONTAINERS, .message = answer, .sent = go_on};
	const struct rpc_server_options options = {0};

	cr_assert_eq(rpc_server_new(&server, &options, NULL), 0);
	cr_assert_eq(health_add(server, NULL), 0);
	if (lists)
		cr_assert_eq(rpc_server_add(server, &method, NULL), 0);
	cr_assert_eq(rpc_server_listen(server, address, NULL), 0);
	cr_assert_eq(rpc_server_start(server, NULL), 0);
}

static int run(const char *a, const char *b, const char *c)
{
	return VERB_RUN(command_containers, "containers", "--connect", address, a, b, c);
}

Test(containers, what_comes_in_several_responses_is_one_table)
{
	responses = 2;
	serve(true);
	cr_assert_eq(run(NULL, NULL, NULL), 0);
	cr_expect_str_eq(verb_printed(), "CONTAINER ID  NAME  IMAGE  RUNTIME  STATE  PID  PROCESSES  CREATED\n"
					 "db            -     -      -        -      -    0          -\n"
					 "web           -     -      -        -      -    0          -\n");
	cr_expect_not(asked->include_stopped);
	cr_expect_not(asked->include_json);
	cr_expect_eq(asked->n_filters, 0);
}

Test(containers, words_and_options_become_the_request)
{
	serve(true);
	cr_assert_eq(run("-a", "web", "nginx*"), 0);
	cr_expect_str_eq(verb_printed(), "no such container\n");
	cr_expect(asked->include_stopped);
	cr_assert_eq(asked->n_filters, 2);
	cr_expect_str_eq(asked->filters[0], "web");
	cr_expect_str_eq(asked->filters[1], "nginx*");
}

Test(containers, where_none_runs_it_is_said_and_no_failure)
{
	serve(true);
	cr_assert_eq(run(NULL, NULL, NULL), 0);
	cr_expect_str_eq(verb_printed(), "no container runs; --all lists those that have stopped, too\n");
}

Test(containers, json_is_an_object_per_line_whatever_names_hold)
{
	Google__Protobuf__Int32Value exit_code = GOOGLE__PROTOBUF__INT32_VALUE__INIT;
	Ringside__V0__Container__LabelsEntry label = RINGSIDE__V0__CONTAINER__LABELS_ENTRY__INIT;
	Ringside__V0__Container__LabelsEntry *labels[] = {&label};
	const char *text, *end;
	json_t *object;

	first.name = "/a\"\n\033[2J\xe2\x80\xae";
	first.state = RINGSIDE__V0__CONTAINER_STATE__CONTAINER_STATE_EXITED;
	first.exit_code = &exit_code;
	first.docker_config_json = "{\"ID\":\"web\"}";
	label.key = "app";
	label.value = "shop";
	first.labels = labels;
	first.n_labels = 1;
	responses = 2;
	serve(true);
	cr_assert_eq(run("-o", "json", "--full"), 0);
	cr_expect(asked->include_json);
	text = verb_printed();
	end = strchr(text, '\n');
	cr_assert_not_null(end);
	cr_expect_str_eq(end + 1, "{\"id\":\"db\"}\n");
	object = json_loadb(text, (size_t)(end - text), 0, NULL);
	cr_assert_not_null(object, "%s", text);
	cr_expect_str_eq(json_string_value(json_object_get(object, "name")), first.name);
	cr_expect_str_eq(json_string_value(json_object_get(object, "state")), "CONTAINER_STATE_EXITED");
	cr_expect(json_is_integer(json_object_get(object, "exitCode")));
	cr_expect_str_eq(json_string_value(json_object_get(object, "dockerConfigJson")), first.docker_config_json);
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(object, "labels"), "app")), "shop");
	json_decref(object);
}

Test(containers, with_json_where_there_is_none_there_is_nothing)
{
	serve(true);
	cr_assert_eq(run("-o", "json", NULL), 0);
	cr_expect_str_eq(verb_printed(), "");
}

Test(containers, a_sensor_that_has_no_such_method_is_older)
{
	char expected[256];

	serve(false);
	cr_assert_eq(run(NULL, NULL, NULL), 1);
	(void)snprintf(expected, sizeof(expected), "ringside: the sensor at %s cannot list containers: it is older than this program\n",
		       address);
	cr_expect_str_eq(verb_said(), expected);
}

Test(containers, a_list_that_ends_early_is_a_failure_and_no_table)
{
	responses = 1;
	code = 14;
	sentence = "the sensor is\033[2J shutting down";
	serve(true);
	cr_assert_eq(run(NULL, NULL, NULL), 1);
	cr_expect_str_eq(verb_said(), "ringside: the sensor ended the list: the sensor is\\x1b[2J shutting down (code 14)\n");
	cr_expect_str_eq(verb_printed(), "");
}

Test(containers, bytes_that_are_no_list_are_a_failure)
{
	responses = 1;
	garbage = "\x0a\x7f";
	serve(true);
	cr_assert_eq(run(NULL, NULL, NULL), 1);
	cr_expect_str_eq(verb_said(), "ringside: the sensor sent a list of 2 bytes that makes no sense\n");
}
