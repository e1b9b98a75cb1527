#include "proto/container_message.h"

#include "ringside/v0/sensor.pb-c.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define A "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"

static struct buffer out;

static void init(void)
{
	buffer_init(&out, 0);
}

static void done(void)
{
	buffer_done(&out);
}

TestSuite(container_message, .init = init, .fini = done);

static struct event_string string(const char *text)
{
	return (struct event_string){.bytes = text, .length = strlen(text)};
}

static struct container only_an_id(const char *id)
{
	return (struct container){.id = string(id), .name = string(""), .image_id = string(""), .image_name = string("")};
}

static Ringside__V0__Container *unpack(void)
{
	Ringside__V0__Container *m = ringside__v0__container__unpack(NULL, out.length, out.data);

	cr_assert_not(out.failed);
	cr_assert_not_null(m);
	return m;
}

Test(container_message, everything_that_is_known_is_in_it)
{
	struct container_label labels[] = {{.key = "app", .value = "shop"}, {.key = "empty", .value = ""}};
	struct container c = only_an_id(A);
	Ringside__V0__Container *m;

	c.name = string("/web");
	c.image_id = string("0011");
	c.image_name = string("nginx:1.25");
	c.runtime = CONTAINER_RUNTIME_CONTAINERD;
	c.state = CONTAINER_EXITED;
	c.pending = true;
	c.init_pid = 4711;
	c.processes = 3;
	c.created_ns = INT64_C(1700000000000000001);
	c.started_ns = INT64_C(1700000001000000000);
	c.finished_ns = INT64_C(1700000002500000000);
	c.has_exit_code = true;
	c.exit_code = 137;
	c.bundle = string("/run/bundle");
	c.labels = labels;
	c.label_count = 2;
	c.pod = (struct container_pod){.namespace_name = "default", .name = "web-0", .uid = "u", .container_name = "web", .sandbox = true};
	container_message_put(&c, &out);
	m = unpack();
	cr_expect_str_eq(m->id, A);
	cr_expect_str_eq(m->name, "/web");
	cr_expect_str_eq(m->image_id, "0011");
	cr_expect_str_eq(m->image_name, "nginx:1.25");
	cr_expect_str_eq(m->runtime, "containerd");
	cr_expect_eq(m->state, RINGSIDE__V0__CONTAINER_STATE__CONTAINER_STATE_EXITED);
	cr_expect(m->pending);
	cr_expect_eq(m->init_pid, 4711);
	cr_expect_eq(m->processes, 3);
	cr_expect_eq(m->created_time->seconds, 1700000000);
	cr_expect_eq(m->created_time->nanos, 1);
	cr_expect_eq(m->started_time->seconds, 1700000001);
	cr_expect_eq(m->started_time->nanos, 0);
	cr_expect_eq(m->finished_time->nanos, 500000000);
	cr_expect_eq(m->exit_code->value, 137);
	cr_expect_str_eq(m->bundle, "/run/bundle");
	cr_assert_eq(m->n_labels, 2);
	cr_expect_str_eq(m->labels[0]->key, "app");
	cr_expect_str_eq(m->labels[0]->value, "shop");
	cr_expect_str_eq(m->labels[1]->key, "empty");
	cr_expect_str_eq(m->labels[1]->value, "");
	cr_expect_str_eq(m->pod->namespace_, "default");
	cr_expect_str_eq(m->pod->name, "web-0");
	cr_expect_str_eq(m->pod->uid, "u");
	cr_expect_str_eq(m->pod->container_name, "web");
	cr_expect(m->pod->sandbox);
	ringside__v0__container__free_unpacked(m, NULL);
}

Test(container_message, what_is_not_known_is_not_set_and_an_exit_code_of_zero_is_known)
{
	struct container c = only_an_id("web");
	Ringside__V0__Container *m;

	container_message_put(&c, &out);
	cr_expect_eq(out.length, 5, "the id, and nothing else");
	c.has_exit_code = true;
	buffer_clear(&out);
	container_message_put(&c, &out);
	m = unpack();
	cr_expect_str_eq(m->runtime, "");
	cr_expect_null(m->created_time);
	cr_expect_null(m->pod);
	cr_assert_not_null(m->exit_code);
	cr_expect_eq(m->exit_code->value, 0);
	ringside__v0__container__free_unpacked(m, NULL);
}

/* A length of one byte was guessed for all of these. */
Test(container_message, long_strings_and_bytes_that_are_no_text_have_room)
{
	char key[CONTAINER_STRING_MAX + 1], value[CONTAINER_STRING_MAX + 1];
	struct container_label labels[CONTAINER_LABELS_MAX];
	struct container c = only_an_id(A);
	Ringside__V0__Container *m;

	memset(key, 'k', sizeof(key));
	memset(value, 0xff, sizeof(value));
	key[CONTAINER_STRING_MAX] = value[CONTAINER_STRING_MAX] = 0;
	for (size_t i = 0; i < CONTAINER_LABELS_MAX; i++)
		labels[i] = (struct container_label){.key = key, .value = value};
	c.name = string(value);
	c.bundle = string(value);
	c.labels = labels;
	c.label_count = CONTAINER_LABELS_MAX;
	c.pod = (struct container_pod){.namespace_name = value, .name = value, .uid = value, .container_name = value};
	container_message_put(&c, &out);
	m = unpack();
	cr_expect_eq(strlen(m->name), 3 * CONTAINER_STRING_MAX);
	cr_expect_eq(memcmp(m->name, "\xef\xbf\xbd", 3), 0);
	cr_assert_eq(m->n_labels, CONTAINER_LABELS_MAX);
	cr_expect_str_eq(m->labels[CONTAINER_LABELS_MAX - 1]->key, key);
	cr_expect_eq(strlen(m->pod->container_name), 3 * CONTAINER_STRING_MAX);
	ringside__v0__container__free_unpacked(m, NULL);
}

Test(container_message, files_are_in_it_as_far_as_they_fit)
{
	struct container c = only_an_id("web");
	Ringside__V0__Container *m;

	container_message_put(&c, &out);
	container_message_put_docker_config(&out, NULL, 0, 100);
	cr_expect_eq(out.length, 5);
	container_message_put_docker_config(&out, "{\"ID\":\"web\"}", 12, 100);
	container_message_put_oci_config(&out, "{                                                                                       }",
					 89, 100);
	m = unpack();
	cr_expect_leq(out.length, 100);
	cr_expect_str_eq(m->docker_config_json, "{\"ID\":\"web\"}");
	cr_expect_str_eq(m->oci_config_json, "");
	cr_expect(m->json_left_out);
	ringside__v0__container__free_unpacked(m, NULL);
}

Test(container_message, what_is_no_utf8_is_no_json)
{
	struct container c = only_an_id("web");
	Ringside__V0__Container *m;

	container_message_put(&c, &out);
	container_message_put_oci_config(&out, "{\"a\":\"\xff\"}", 9, 1000);
	m = unpack();
	cr_expect_str_eq(m->oci_config_json, "");
	cr_expect(m->json_left_out);
	ringside__v0__container__free_unpacked(m, NULL);
}

Test(container_message, a_response_is_messages_one_behind_the_other)
{
	static const char *const ids[] = {"web", "db"};
	Ringside__V0__ListContainersResponse *r;
	struct buffer message;

	buffer_init(&message, 0);
	for (size_t i = 0; i < 2; i++) {
		struct container c = only_an_id(ids[i]);

		buffer_clear(&message);
		container_message_put(&c, &message);
		container_message_list(&out, &message);
	}
	buffer_done(&message);
	r = ringside__v0__list_containers_response__unpack(NULL, out.length, out.data);
	cr_assert_not_null(r);
	cr_assert_eq(r->n_containers, 2);
	cr_expect_str_eq(r->containers[0]->id, "web");
	cr_expect_str_eq(r->containers[1]->id, "db");
	ringside__v0__list_containers_response__free_unpacked(r, NULL);
}
