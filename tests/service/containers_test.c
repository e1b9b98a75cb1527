#include "service/containers.h"

#include "sensor/container_table.h"
#include "tests/service/fixture.h"

#include <criterion/criterion.h>
#include <ringside/v0/sensor.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_CONTAINERS "/ringside.v0.SensorService/ListContainers"
#define PATIENCE_MS     30000
#define MANY            3000

enum {
	CODE_OK = 0,
	CODE_INVALID_ARGUMENT = 3,
	CODE_UNAVAILABLE = 14,
};

/* A server over a table of containers. */
struct listing {
	struct fixture fixture;
	struct container_table *table;
	struct container *containers[MANY];
	size_t count;
	struct grpc_client *client;
};

static struct listing l;

static void init(void)
{
	const struct container_table_options options = {0};

	memset(&l, 0, sizeof(l));
	fixture_init(&l.fixture, 1 << 20);
	cr_assert_eq(container_table_new(&l.table, &options, NULL), 0);
	l.client = fixture_connect(&l.fixture);
}

static void done(void)
{
	grpc_client_free(l.client);
	fixture_done(&l.fixture);
	for (size_t i = 0; i < l.count; i++)
		container_unref(l.containers[i]);
	container_table_free(l.table);
}

TestSuite(containers, .init = init, .fini = done, .timeout = 60);

static struct container *add(const char *id)
{
	struct container_path path = {.runtime = CONTAINER_RUNTIME_LXC, .depth = 1};
	struct container *c;

	(void)snprintf(path.id, sizeof(path.id), "%s", id);
	c = container_table_get(l.table, &path);
	cr_assert_not_null(c);
	l.containers[l.count++] = c;
	return c;
}

static struct container *add_running(const char *id)
{
	struct container *c = add(id);

	c->state = CONTAINER_RUNNING;
	return c;
}

static struct grpc_client_call *start(const Ringside__V0__ListContainersRequest *request)
{
	size_t size = ringside__v0__list_containers_request__get_packed_size(request);
	uint8_t *bytes = malloc(size + 1);
	struct grpc_client_call *call;
	struct error err = {0};

	/* Handed over from this thread to the server's, with all that was done to it. */
	fake_engine_set_containers(l.fixture.engine, l.table);
	ringside__v0__list_containers_request__pack(request, bytes);
	cr_assert_eq(grpc_client_start(l.client, LIST_CONTAINERS, bytes, size, &call, &err), 0, "%s", err.message);
	free(bytes);
	return call;
}

/* What came, joined; how it ended, and in how many responses. */
struct answer {
	Ringside__V0__ListContainersResponse *all;
	size_t responses, biggest;
	int code;
	char message[256];
};

static struct answer ask(const Ringside__V0__ListContainersRequest *request)
{
	struct grpc_client_call *call = start(request);
	struct answer a = {0};
	const char *message;
	const uint8_t *bytes;
	struct buffer joined;
	size_t size;

	buffer_init(&joined, 0);
	while (grpc_client_call_read(call, PATIENCE_MS, &bytes, &size) == 1) {
		buffer_put(&joined, bytes, size);
		a.responses++;
		a.biggest = size > a.biggest ? size : a.biggest;
	}
	a.code = grpc_client_call_status(call, &message);
	(void)snprintf(a.message, sizeof(a.message), "%s", message);
	/* Repeated fields of messages that are joined are joined. */
	a.all = ringside__v0__list_containers_response__unpack(NULL, joined.length, joined.data);
	cr_assert_not_null(a.all);
	buffer_done(&joined);
	grpc_client_call_free(call);
	return a;
}

static void forget(struct answer *a)
{
	ringside__v0__list_containers_response__free_unpacked(a->all, NULL);
}

static void expect_ids(const Ringside__V0__ListContainersRequest *request, const char *ids)
{
	struct answer a = ask(request);
	char joined[256] = "";

	cr_expect_eq(a.code, CODE_OK, "%s", a.message);
	for (size_t i = 0; i < a.all->n_containers; i++) {
		(void)strncat(joined, i ? " " : "", 2);
		(void)strncat(joined, a.all->containers[i]->id, 20);
	}
	cr_expect_str_eq(joined, ids);
	forget(&a);
}

Test(containers, a_host_without_any_has_an_empty_list)
{
	const Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	struct answer a = ask(&request);

	cr_expect_eq(a.code, CODE_OK);
	cr_expect_eq(a.responses, 0);
	forget(&a);
}

Test(containers, those_in_which_nothing_runs_are_told_when_they_are_asked_for)
{
	Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;

	add_running("running");
	add("exited")->state = CONTAINER_EXITED;
	add("created")->state = CONTAINER_CREATED;
	add("unknown");
	add("processes")->processes = 1;
	expect_ids(&request, "running processes");
	request.include_stopped = true;
	expect_ids(&request, "running exited created unknown processes");
}

Test(containers, what_is_known_of_one_arrives)
{
	const Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	struct container *c = add_running("web");
	struct answer a;

	c->processes = 7;
	c->created_ns = 1500000000;
	a = ask(&request);
	cr_assert_eq(a.all->n_containers, 1);
	cr_expect_str_eq(a.all->containers[0]->name, "web");
	cr_expect_str_eq(a.all->containers[0]->runtime, "lxc");
	cr_expect_eq(a.all->containers[0]->processes, 7);
	cr_expect_eq(a.all->containers[0]->created_time->nanos, 500000000);
	forget(&a);
}

Test(containers, filters_are_what_subscriptions_take)
{
	Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	char *filters[] = {"web", "ngin?:*"};

	add_running("web");
	add_running("db");
	add_running("proxy")->image_name = (struct event_string){.bytes = "nginx:1.25", .length = 10};
	request.filters = filters;
	request.n_filters = 1;
	expect_ids(&request, "web");
	request.n_filters = 2;
	expect_ids(&request, "web proxy");
	filters[0] = "nobody";
	request.n_filters = 1;
	expect_ids(&request, "");
}

Test(containers, a_filter_that_is_none_is_refused_by_its_place_and_value)
{
	Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	char *filters[CONTAINERS_FILTERS_MAX + 1];
	struct answer a;

	filters[0] = "web";
	filters[1] = "nginx:[0";
	request.filters = filters;
	request.n_filters = 2;
	a = ask(&request);
	cr_expect_eq(a.code, CODE_INVALID_ARGUMENT);
	cr_expect_eq(strncmp(a.message, "filters[1]: \"nginx:[0\"; ", 24), 0, "%s", a.message);
	forget(&a);
	for (size_t i = 0; i <= CONTAINERS_FILTERS_MAX; i++)
		filters[i] = "web";
	request.n_filters = CONTAINERS_FILTERS_MAX + 1;
	a = ask(&request);
	cr_expect_eq(a.code, CODE_INVALID_ARGUMENT);
	cr_expect_str_eq(a.message, "filters: 65; at most 64 are allowed");
	forget(&a);
}

Test(containers, a_request_that_makes_no_sense_is_refused)
{
	struct grpc_client_call *call;
	const char *message;
	const uint8_t *bytes;
	size_t size;

	cr_assert_eq(grpc_client_start(l.client, LIST_CONTAINERS, "\x0a\x7f", 2, &call, NULL), 0);
	cr_assert_eq(grpc_client_call_read(call, PATIENCE_MS, &bytes, &size), 0);
	cr_expect_eq(grpc_client_call_status(call, &message), CODE_INVALID_ARGUMENT);
	cr_expect_str_eq(message, "the request is not a ListContainersRequest");
	grpc_client_call_free(call);
}

Test(containers, thousands_come_in_responses_that_are_bounded)
{
	Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	static char value[CONTAINER_STRING_MAX + 1];
	static struct container_label labels[4];
	struct answer a;
	char id[32];

	memset(value, 'v', CONTAINER_STRING_MAX);
	for (size_t i = 0; i < 4; i++)
		labels[i] = (struct container_label){.key = "key", .value = value};
	for (size_t i = 0; i < MANY; i++) {
		struct container *c;

		(void)snprintf(id, sizeof(id), "container-%zu", i);
		c = add_running(id);
		c->labels = labels;
		c->label_count = 4;
	}
	a = ask(&request);
	cr_expect_eq(a.code, CODE_OK, "%s", a.message);
	cr_assert_eq(a.all->n_containers, MANY);
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(id, sizeof(id), "container-%zu", i);
		cr_assert_str_eq(a.all->containers[i]->id, id);
	}
	cr_expect_geq(a.responses, MANY * 2048 / CONTAINERS_MESSAGE_BYTES);
	cr_expect_leq(a.biggest, CONTAINERS_MESSAGE_BYTES + 4096);
	forget(&a);
}

static struct container_fact *fact(const char *id, enum container_source source, const char *docker_config, const char *oci_config)
{
	struct container_fact *f = container_fact_new(id, source);

	f->docker_config = docker_config ? strdup(docker_config) : NULL;
	f->oci_config = oci_config ? strdup(oci_config) : NULL;
	return f;
}

/* Knows "web" by two sources, and all of "big" is too much for one response. */
static struct container_fact *read_files(const char *id, enum container_runtime runtime)
{
	struct container_fact *f;

	cr_assert_eq(runtime, CONTAINER_RUNTIME_LXC);
	if (!strcmp(id, "web")) {
		f = fact(id, CONTAINER_SOURCE_DOCKER, "{\"docker\":1}", "{\"oci\":\"of docker\"}");
		f->next = fact(id, CONTAINER_SOURCE_RUNC, NULL, "{\"oci\":\"of runc\"}");
		return f;
	}
	if (strcmp(id, "big") != 0)
		return NULL;
	f = fact(id, CONTAINER_SOURCE_DOCKER, "{\"docker\":2}", NULL);
	f->oci_config = malloc(CONTAINER_JSON_MAX + 1);
	memset(f->oci_config, ' ', CONTAINER_JSON_MAX);
	memcpy(f->oci_config, "{}", 2);
	f->oci_config[CONTAINER_JSON_MAX] = 0;
	return f;
}

Test(containers, the_runtimes_files_are_told_when_they_are_asked_for)
{
	Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	struct answer a;

	fake_engine_set_read_container(l.fixture.engine, read_files);
	add_running("web");
	add_running("kept")->oci_config = (struct event_string){.bytes = "{\"kept\":1}", .length = 10};
	add_running("big");
	add_running("none");
	a = ask(&request);
	cr_assert_eq(a.all->n_containers, 4);
	cr_expect_eq(a.responses, 1);
	cr_expect_str_eq(a.all->containers[0]->docker_config_json, "");
	cr_expect_str_eq(a.all->containers[1]->oci_config_json, "");
	forget(&a);

	request.include_json = true;
	a = ask(&request);
	cr_assert_eq(a.all->n_containers, 4);
	cr_expect_str_eq(a.all->containers[0]->docker_config_json, "{\"docker\":1}");
	cr_expect_str_eq(a.all->containers[0]->oci_config_json, "{\"oci\":\"of docker\"}");
	cr_expect_not(a.all->containers[0]->json_left_out);
	cr_expect_str_eq(a.all->containers[1]->docker_config_json, "");
	cr_expect_str_eq(a.all->containers[1]->oci_config_json, "{\"kept\":1}");
	cr_expect_str_eq(a.all->containers[2]->docker_config_json, "{\"docker\":2}");
	cr_expect_str_eq(a.all->containers[2]->oci_config_json, "");
	cr_expect(a.all->containers[2]->json_left_out);
	cr_expect_str_eq(a.all->containers[3]->oci_config_json, "");
	cr_expect_leq(a.biggest, RPC_MESSAGE_MAX);
	forget(&a);
}

Test(containers, a_file_that_just_fits_is_told)
{
	Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	static char json[RPC_MESSAGE_MAX - 200];
	struct container *c = add_running("web");
	struct answer a;

	memset(json, ' ', sizeof(json));
	memcpy(json, "{}", 2);
	c->docker_config = (struct event_string){.bytes = json, .length = sizeof(json)};
	request.include_json = true;
	a = ask(&request);
	cr_assert_eq(a.all->n_containers, 1);
	cr_expect_eq(strlen(a.all->containers[0]->docker_config_json), sizeof(json));
	cr_expect_leq(a.biggest, RPC_MESSAGE_MAX);
	forget(&a);
}

Test(containers, a_sensor_that_stops_says_so)
{
	const Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	struct answer a;

	add_running("web");
	fake_engine_refuse(l.fixture.engine);
	a = ask(&request);
	cr_expect_eq(a.code, CODE_UNAVAILABLE);
	cr_expect_str_eq(a.message, RPC_STOPPING_MESSAGE);
	forget(&a);
}

Test(containers, a_client_that_goes_away_in_the_middle_leaves_nothing_behind)
{
	const Ringside__V0__ListContainersRequest request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT;
	static char value[CONTAINER_STRING_MAX + 1];
	static struct container_label labels[64]; /* the call that is cancelled may read them to the end */
	struct grpc_client_call *call;
	const uint8_t *bytes;
	size_t size;
	char id[32];

	memset(value, 'v', CONTAINER_STRING_MAX);
	for (size_t i = 0; i < 64; i++)
		labels[i] = (struct container_label){.key = "key", .value = value};
	for (size_t i = 0; i < MANY; i++) {
		struct container *c;

		(void)snprintf(id, sizeof(id), "container-%zu", i);
		c = add_running(id);
		c->labels = labels;
		c->label_count = 64;
	}
	call = start(&request);
	cr_assert_eq(grpc_client_call_read(call, PATIENCE_MS, &bytes, &size), 1);
	grpc_client_call_free(call);
	expect_ids(&(Ringside__V0__ListContainersRequest){.base = request.base, .n_filters = 1, .filters = (char *[]){"container-7"}},
		   "container-7");
}
