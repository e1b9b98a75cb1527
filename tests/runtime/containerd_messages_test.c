#include "runtime/containerd_messages.h"

#include "containerd/containers.pb-c.h"
#include "containerd/events.pb-c.h"
#include "containerd/events_service.pb-c.h"
#include "containerd/images.pb-c.h"
#include "containerd/namespaces.pb-c.h"
#include "containerd/tasks.pb-c.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t bytes[65536];
static size_t size;
static struct error err;

static void pack(const void *message)
{
	size = protobuf_c_message_get_packed_size(message);
	cr_assert_leq(size, sizeof(bytes));
	protobuf_c_message_pack(message, bytes);
}

/* Events. */

static int parse_event(struct containerd_event *e, const char *namespace_name, const char *type, const void *message)
{
	Containerd__Services__Events__V1__Envelope envelope = CONTAINERD__SERVICES__EVENTS__V1__ENVELOPE__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	uint8_t value[8192];

	time.seconds = 1795658109;
	time.nanos = 42;
	any.type_url = (char *)type;
	any.value.data = value;
	any.value.len = protobuf_c_message_pack(message, value);
	envelope.timestamp = &time;
	envelope.namespace_ = (char *)namespace_name;
	envelope.topic = "/topic";
	envelope.event = &any;
	pack(&envelope);
	return containerd_parse_event(e, bytes, size, &err);
}

Test(containerd_messages, an_exit_is_that_of_the_first_process)
{
	Containerd__Events__TaskExit message = CONTAINERD__EVENTS__TASK_EXIT__INIT;
	Google__Protobuf__Timestamp exited = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	struct containerd_event e;

	exited.seconds = 1795658100;
	exited.nanos = 7;
	message.container_id = message.id = "one";
	message.pid = 42;
	message.exit_status = 137;
	message.exited_at = &exited;
	cr_assert_eq(parse_event(&e, "default", "containerd.events.TaskExit", &message), 1, "%s", err.message);
	cr_expect_eq(e.type, CONTAINERD_TASK_EXIT);
	cr_expect_str_eq(e.namespace_name, "default");
	cr_expect_str_eq(e.id, "one");
	cr_expect_eq(e.time_ns, 1795658109000000042);
	cr_expect_eq(e.exited_ns, 1795658100000000007);
	cr_expect_eq(e.exit_status, 137);
	cr_expect_eq(e.pid, 42);
	cr_expect_eq(parse_event(&e, "default", "types.containerd.io/containerd.events.TaskExit", &message), 1);
	message.id = "exec-1";
	cr_expect_eq(parse_event(&e, "default", "containerd.events.TaskExit", &message), 0);
}

Test(containerd_messages, events_that_are_not_about_containers_are_left_out)
{
	Containerd__Events__TaskStart message = CONTAINERD__EVENTS__TASK_START__INIT;
	struct containerd_event e;

	message.container_id = "one";
	cr_expect_eq(parse_event(&e, "default", "containerd.events.TaskPaused", &message), 0);
	cr_expect_eq(parse_event(&e, "default", "", &message), 0);
	cr_expect_eq(containerd_parse_event(&e, bytes, 0, &err), 0);
}

Test(containerd_messages, events_that_make_no_sense_are_refused)
{
	Containerd__Events__TaskStart message = CONTAINERD__EVENTS__TASK_START__INIT;
	struct containerd_event e;
	char long_name[CONTAINERD_NAMESPACE_BYTES + 1] = "";

	message.container_id = "../one";
	cr_expect_eq(parse_event(&e, "default", "containerd.events.TaskStart", &message), -EINVAL);
	cr_expect_str_eq(err.message, "a containerd.events.TaskStart with an id that is none");
	message.container_id = "one";
	cr_expect_eq(parse_event(&e, "", "containerd.events.TaskStart", &message), -EINVAL);
	memset(long_name, 'n', sizeof(long_name) - 1);
	cr_expect_eq(parse_event(&e, long_name, "containerd.events.TaskStart", &message), -EINVAL);
	cr_expect_eq(parse_event(&e, "default", "containerd.events.TaskStart", &message), 1);
	for (size_t cut = 1; cut < size; cut++)
		cr_expect_leq(containerd_parse_event(&e, bytes, cut, &err), 0, "%zu", cut);
}

Test(containerd_messages, a_time_out_of_the_world_is_not_known)
{
	static const struct {
		int64_t seconds;
		int32_t nanos;
	} times[] = {{-1, 0}, {INT64_MAX, 0}, {INT64_MIN, 0}, {1, -1}, {1, 1000000000}, {0, 0}};
	Containerd__Events__TaskExit message = CONTAINERD__EVENTS__TASK_EXIT__INIT;
	Google__Protobuf__Timestamp exited = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	struct containerd_event e;

	message.container_id = "one";
	message.exited_at = &exited;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		exited.seconds = times[i].seconds;
		exited.nanos = times[i].nanos;
		cr_assert_eq(parse_event(&e, "default", "containerd.events.TaskExit", &message), 1);
		cr_expect_eq(e.exited_ns, 0, "%zu", i);
	}
}

/* Containers. */

#define LABELS 8

static struct container_fact *parse_container(const char *namespace_name, const char *const labels[LABELS][2])
{
	Containerd__Services__Containers__V1__GetContainerResponse answer =
		CONTAINERD__SERVICES__CONTAINERS__V1__GET_CONTAINER_RESPONSE__INIT;
	Containerd__Services__Containers__V1__Container c = CONTAINERD__SERVICES__CONTAINERS__V1__CONTAINER__INIT;
	Containerd__Services__Containers__V1__Container__LabelsEntry entries[LABELS], *list[LABELS];
	struct container_fact *f = NULL;

	for (size_t i = 0; i < LABELS && labels && labels[i][0]; i++) {
		containerd__services__containers__v1__container__labels_entry__init(&entries[i]);
		entries[i].key = (char *)labels[i][0];
		entries[i].value = (char *)labels[i][1];
		list[i] = &entries[i];
		c.n_labels = i + 1;
	}
	c.labels = list;
	c.id = "one";
	c.image = "docker.io/library/busybox:1";
	answer.container = &c;
	pack(&answer);
	cr_assert_eq(containerd_parse_container(&f, namespace_name, bytes, size, &err), 0, "%s", err.message);
	return f;
}

Test(containerd_messages, a_pods_container_has_names)
{
	static const char *const labels[LABELS][2] = {
		{"io.kubernetes.pod.uid", "1-2-3"},      {"io.kubernetes.container.name", "web"}, {"io.kubernetes.pod.namespace", "prod"},
		{"io.cri-containerd.kind", "container"}, {"io.kubernetes.pod.name", "web-0"},
	};
	struct container_fact *f = parse_container("k8s.io", labels);

	cr_expect_str_eq(f->name, "web");
	cr_expect_str_eq(f->pod.container_name, "web");
	cr_expect_str_eq(f->pod.namespace_name, "prod");
	cr_expect_str_eq(f->pod.name, "web-0");
	cr_expect_str_eq(f->pod.uid, "1-2-3");
	cr_expect_not(f->pod.sandbox);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_CONTAINERD);
	cr_expect_eq(f->label_count, 5);
	cr_expect_str_eq(f->labels[0].key, "io.cri-containerd.kind");
	container_fact_free(f);
}

Test(containerd_messages, a_pods_sandbox_is_one)
{
	static const char *const labels[LABELS][2] = {{"io.cri-containerd.kind", "sandbox"}, {"io.kubernetes.pod.name", "web-0"}};
	struct container_fact *f = parse_container("k8s.io", labels);

	cr_expect(f->pod.sandbox);
	cr_expect_null(f->name);
	cr_expect_str_eq(f->pod.name, "web-0");
	container_fact_free(f);
}

Test(containerd_messages, dockers_containers_in_containerd_are_dockers)
{
	struct container_fact *f = parse_container("moby", NULL);

	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_DOCKER);
	cr_expect_null(f->name);
	container_fact_free(f);
}

Test(containerd_messages, settings_are_the_same_in_any_order_of_labels_and_change_with_them)
{
	static const char *const first[LABELS][2] = {{"a", "1"}, {"b", "2"}}, *const second[LABELS][2] = {{"b", "2"}, {"a", "1"}},
				 *const third[LABELS][2] = {{"a", "1"}, {"b", "3"}}, *const fourth[LABELS][2] = {{"a", "1b"}, {"", "2"}};
	struct container_fact *f[] = {parse_container("x", first), parse_container("x", second), parse_container("x", third),
				      parse_container("x", fourth)};

	cr_expect_neq(f[0]->settings, 0);
	cr_expect_eq(f[0]->settings, f[1]->settings);
	cr_expect_neq(f[0]->settings, f[2]->settings);
	cr_expect_neq(f[0]->settings, f[3]->settings);
	for (size_t i = 0; i < 4; i++)
		container_fact_free(f[i]);
}

Test(containerd_messages, a_container_without_an_id_is_refused)
{
	Containerd__Services__Containers__V1__GetContainerResponse answer =
		CONTAINERD__SERVICES__CONTAINERS__V1__GET_CONTAINER_RESPONSE__INIT;
	struct container_fact *f;

	pack(&answer);
	cr_expect_eq(containerd_parse_container(&f, "x", bytes, size, &err), -EINVAL);
	cr_expect_eq(containerd_parse_container(&f, "x", (const uint8_t *)"\xff\xff\xff", 3, &err), -EINVAL);
}

Test(containerd_messages, a_task_may_be_named_by_either_id)
{
	Containerd__Services__Tasks__V1__ListTasksResponse answer = CONTAINERD__SERVICES__TASKS__V1__LIST_TASKS_RESPONSE__INIT;
	Containerd__V1__Types__Process p[3], *list[] = {&p[0], &p[1], &p[2]};
	struct containerd_task *tasks;
	size_t count;

	for (size_t i = 0; i < 3; i++)
		containerd__v1__types__process__init(&p[i]);
	p[0].id = "one";
	p[0].status = CONTAINERD__V1__TYPES__STATUS__PAUSED;
	p[0].pid = 42;
	p[1].id = "of two";
	p[2].container_id = "three";
	p[2].id = "more";
	p[2].status = CONTAINERD__V1__TYPES__STATUS__STOPPED;
	p[2].exit_status = 9;
	answer.tasks = list;
	answer.n_tasks = 3;
	pack(&answer);
	cr_assert_eq(containerd_parse_tasks(&tasks, &count, bytes, size, &err), 0);
	cr_assert_eq(count, 2);
	cr_expect_str_eq(tasks[0].id, "one");
	cr_expect_eq(tasks[0].state, CONTAINER_RUNNING);
	cr_expect_eq(tasks[0].pid, 42);
	cr_expect_str_eq(tasks[1].id, "three");
	cr_expect_eq(tasks[1].state, CONTAINER_EXITED);
	cr_expect_eq(tasks[1].exit_status, 9);
	free(tasks);
}

Test(containerd_messages, an_image_is_its_targets_digest)
{
	Containerd__Services__Images__V1__GetImageResponse answer = CONTAINERD__SERVICES__IMAGES__V1__GET_IMAGE_RESPONSE__INIT;
	Containerd__Services__Images__V1__Image image = CONTAINERD__SERVICES__IMAGES__V1__IMAGE__INIT;
	Containerd__Types__Descriptor target = CONTAINERD__TYPES__DESCRIPTOR__INIT;
	char digest[CONTAINER_STRING_MAX + 1];

	pack(&answer);
	cr_expect_eq(containerd_parse_image(digest, bytes, size, &err), 0);
	cr_expect_str_eq(digest, "");
	target.digest = "sha256:0123";
	image.target = &target;
	answer.image = &image;
	pack(&answer);
	cr_expect_eq(containerd_parse_image(digest, bytes, size, &err), 0);
	cr_expect_str_eq(digest, "0123");
}

Test(containerd_messages, namespaces_with_impossible_names_are_left_out)
{
	Containerd__Services__Namespaces__V1__ListNamespacesResponse answer =
		CONTAINERD__SERVICES__NAMESPACES__V1__LIST_NAMESPACES_RESPONSE__INIT;
	Containerd__Services__Namespaces__V1__Namespace n[3], *list[] = {&n[0], &n[1], &n[2]};
	char long_name[CONTAINERD_NAMESPACE_BYTES + 1] = "", (*names)[CONTAINERD_NAMESPACE_BYTES];
	size_t count;

	memset(long_name, 'n', sizeof(long_name) - 1);
	for (size_t i = 0; i < 3; i++)
		containerd__services__namespaces__v1__namespace__init(&n[i]);
	n[0].name = long_name;
	n[1].name = "moby";
	answer.namespaces = list;
	answer.n_namespaces = 3;
	pack(&answer);
	cr_assert_eq(containerd_parse_namespaces(&names, &count, bytes, size, &err), 0);
	cr_assert_eq(count, 1);
	cr_expect_str_eq(names[0], "moby");
	free(names);
}

Test(containerd_messages, requests_are_what_containerd_unpacks)
{
	Containerd__Services__Containers__V1__GetContainerRequest *get;
	Containerd__Services__Events__V1__SubscribeRequest *subscribe;
	struct buffer b;

	buffer_init(&b, 0);
	containerd_put_get_request(&b, "one");
	get = containerd__services__containers__v1__get_container_request__unpack(NULL, b.length, b.data);
	cr_assert_not_null(get);
	cr_expect_str_eq(get->id, "one");
	containerd__services__containers__v1__get_container_request__free_unpacked(get, NULL);
	buffer_clear(&b);
	containerd_put_subscribe_request(&b);
	subscribe = containerd__services__events__v1__subscribe_request__unpack(NULL, b.length, b.data);
	cr_assert_not_null(subscribe);
	cr_expect_eq(subscribe->n_filters, 2);
	containerd__services__events__v1__subscribe_request__free_unpacked(subscribe, NULL);
	buffer_done(&b);
}
