#include "proto/capsule8_encoder.h"

#include "proto/capsule8_events.h"
#include "sensor/container.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SENSOR "0123456789abcdef"
#define ID     "4f57c1af3f04c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ff"

static struct encoder *encoder;
static struct buffer out;
static Capsule8__Api__V0__GetEventsResponse *response;
static struct container container;

static struct event_string string(const char *text)
{
	return (struct event_string){.bytes = text, .length = strlen(text)};
}

static void set_up(void)
{
	encoder = capsule8_encoder_new(SENSOR);
	cr_assert_not_null(encoder);
	buffer_init(&out, 0);
	container = (struct container){
		.id = string(ID),
		.name = string("/web"),
		.image_id = string("d462265d362c"),
		.image_name = string("nginx:1.27"),
		.docker_config = string("{\"Name\":\"/web\"}"),
		.oci_config = string("{\"ociVersion\":\"1.0\xff\"}"),
	};
}

static void tear_down(void)
{
	capsule8_encoder_free(encoder);
	capsule8_response_free(response);
	buffer_done(&out);
}

TestSuite(encoder_container, .init = set_up, .fini = tear_down);

static struct event event_of(enum event_kind kind)
{
	return (struct event){.kind = kind, .time_ns = 77, .sequence = 5, .container = {.container = &container}};
}

static const Capsule8__Api__V0__Event *encoded(const struct event *event, enum detail detail)
{
	struct error err = {0};

	buffer_clear(&out);
	encoder->encode(encoder, event, detail, &out);
	cr_assert_not(out.failed);
	response = capsule8_response_free(response);
	cr_assert_eq(capsule8_response_unpack(out.data, out.length, &response, &err), 0, "%s", err.message);
	cr_assert_eq(response->n_events, 1);
	cr_assert_eq(response->events[0]->event->base.n_unknown_fields, 0);
	return response->events[0]->event;
}

Test(encoder_container, an_event_is_about_its_container_and_by_no_process)
{
	for (enum event_kind kind = EVENT_CONTAINER_CREATED; kind <= EVENT_CONTAINER_UPDATED; kind++) {
		struct event event = event_of(kind);
		const Capsule8__Api__V0__Event *e = encoded(&event, DETAIL_BASIC);

		cr_assert_eq(capsule8_event_kind(e), kind);
		cr_expect_eq(e->container->type, 1 + kind - EVENT_CONTAINER_CREATED);
		cr_expect_str_eq(e->id, SENSOR "-0000000000000005");
		cr_expect_eq(e->sensor_monotime_nanos, 77);
		cr_expect_str_eq(e->container_id, ID);
		cr_expect_str_eq(e->container_name, "/web");
		cr_expect_str_eq(e->image_id, "d462265d362c");
		cr_expect_str_eq(e->image_name, "nginx:1.27");
		cr_expect_str_eq(e->container->name, "/web");
		cr_expect_str_eq(e->container->image_id, "d462265d362c");
		cr_expect_str_eq(e->container->image_name, "nginx:1.27");
		cr_expect_eq(e->container->host_pid, 0);
		cr_expect_eq(e->process_pid, 0);
		cr_expect_str_empty(e->process_id);
		cr_expect_eq(e->n_process_lineage, 0);
		cr_expect_null(e->credentials);
	}
}

Test(encoder_container, how_it_ended_is_told_of_what_has_ended_only)
{
	struct event event = event_of(EVENT_CONTAINER_EXITED);
	const Capsule8__Api__V0__ContainerEvent *e;

	event.container.host_pid = 4711;
	event.container.exit_code = 139;
	event.container.exit_signal = 11;
	event.container.core_dumped = true;
	event.container.oom_killed = true;
	e = encoded(&event, DETAIL_BASIC)->container;
	cr_expect_eq(e->host_pid, 4711);
	cr_expect_eq(e->exit_code, 139);
	cr_expect_eq(e->exit_status, 0);
	cr_expect_eq(e->exit_signal, 11);
	cr_expect(e->exit_core_dumped);
	cr_expect(e->oom_killed);
	cr_expect_not(e->exit_code_unknown);
	event.kind = EVENT_CONTAINER_RUNNING;
	e = encoded(&event, DETAIL_BASIC)->container;
	cr_expect_eq(e->host_pid, 4711);
	cr_expect_eq(e->exit_code, 0);
	cr_expect_eq(e->exit_signal, 0);
	cr_expect_not(e->exit_core_dumped);
	cr_expect_not(e->oom_killed);
	event = event_of(EVENT_CONTAINER_EXITED);
	event.container.exit_code = -1;
	event.container.exit_status = 255;
	e = encoded(&event, DETAIL_BASIC)->container;
	cr_expect_eq(e->exit_code, -1);
	cr_expect_eq(e->exit_status, 255);
	event.container.exit_unknown = true;
	cr_expect(encoded(&event, DETAIL_BASIC)->container->exit_code_unknown);
}

Test(encoder_container, the_files_of_runtimes_are_in_the_full_detail_only_and_valid)
{
	struct event event = event_of(EVENT_CONTAINER_CREATED);
	const Capsule8__Api__V0__ContainerEvent *e = encoded(&event, DETAIL_BASIC)->container;

	cr_expect_str_empty(e->docker_config_json);
	cr_expect_str_empty(e->oci_config_json);
	e = encoded(&event, DETAIL_FULL)->container;
	cr_expect_str_eq(e->docker_config_json, "{\"Name\":\"/web\"}");
	cr_expect_str_eq(e->oci_config_json, "{\"ociVersion\":\"1.0\xef\xbf\xbd\"}");
	container.docker_config = (struct event_string){0};
	e = encoded(&event, DETAIL_FULL)->container;
	cr_expect_str_empty(e->docker_config_json);
	cr_expect_str_eq(e->name, "/web");
}

Test(encoder_container, a_file_that_is_too_long_is_left_out_and_two_that_are_not_fit_into_a_message)
{
	struct event event = event_of(EVENT_CONTAINER_UPDATED);
	char *json = malloc(CAPSULE8_JSON_MAX_BYTES + 1);
	const Capsule8__Api__V0__ContainerEvent *e;

	cr_assert_not_null(json);
	memset(json, 'x', CAPSULE8_JSON_MAX_BYTES + 1);
	container.docker_config = (struct event_string){.bytes = json, .length = CAPSULE8_JSON_MAX_BYTES};
	container.oci_config = container.docker_config;
	e = encoded(&event, DETAIL_FULL)->container;
	cr_expect_eq(strlen(e->docker_config_json), CAPSULE8_JSON_MAX_BYTES);
	cr_expect_eq(strlen(e->oci_config_json), CAPSULE8_JSON_MAX_BYTES);
	cr_expect_lt(out.length, 4 * 1024 * 1024);
	container.oci_config.length++;
	e = encoded(&event, DETAIL_FULL)->container;
	cr_expect_eq(strlen(e->docker_config_json), CAPSULE8_JSON_MAX_BYTES);
	cr_expect_str_empty(e->oci_config_json);
	/* Replaced, it could become three times as long. */
	json[0] = '\xff';
	e = encoded(&event, DETAIL_FULL)->container;
	cr_expect_str_empty(e->docker_config_json);
	cr_expect_str_eq(e->name, "/web");
	container.docker_config.length = CAPSULE8_JSON_MAX_BYTES / 3;
	e = encoded(&event, DETAIL_FULL)->container;
	cr_expect_eq(strlen(e->docker_config_json), CAPSULE8_JSON_MAX_BYTES / 3 + 2);
	free(json);
}

Test(encoder_container, what_is_not_known_is_not_there_and_any_bytes_are_survived)
{
	static char bytes[CONTAINER_TEXT_BYTES / 4];
	struct event event = event_of(EVENT_CONTAINER_RUNNING);
	const Capsule8__Api__V0__Event *e;

	event.container.host_pid = UINT32_MAX;
	container = (struct container){.id = string("web")};
	e = encoded(&event, DETAIL_FULL);
	cr_expect_str_eq(e->container_id, "web");
	cr_expect_str_empty(e->container_name);
	cr_expect_str_empty(e->container->name);
	cr_expect_str_empty(e->container->image_id);
	memset(bytes, 0xff, sizeof(bytes));
	container.id = (struct event_string){.bytes = bytes, .length = sizeof(bytes)};
	container.name = container.image_id = container.image_name = container.id;
	e = encoded(&event, DETAIL_FULL);
	cr_expect_eq(strlen(e->container_name), 3 * sizeof(bytes));
	cr_expect_eq(strlen(e->container->image_name), 3 * sizeof(bytes));
}

Test(encoder_container, a_loss_of_them_has_a_type_of_its_own)
{
	struct event event = {.kind = EVENT_LOST, .lost = {.count = 3, .of = EVENT_CONTAINER_DESTROYED, .cause = LOST_QUEUE}};
	const Capsule8__Api__V0__LostRecordEvent *e = encoded(&event, DETAIL_BASIC)->lost;

	cr_expect_eq(e->type, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_CONTAINER);
	cr_expect_str_eq(e->source, "container:destroyed");
}
