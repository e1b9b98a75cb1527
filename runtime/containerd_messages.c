#include "runtime/containerd_messages.h"

#include "base/clock.h"
#include "containerd/containers.pb-c.h"
#include "containerd/events.pb-c.h"
#include "containerd/events_service.pb-c.h"
#include "containerd/images.pb-c.h"
#include "containerd/namespaces.pb-c.h"
#include "containerd/tasks.pb-c.h"
#include "proto/message_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* message_check() first: protobuf-c alone would allocate without bounds. */
static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size, struct error *err)
{
	ProtobufCMessage *message;

	if (message_check(descriptor, bytes, size, err) < 0)
		return NULL;
	message = protobuf_c_message_unpack(descriptor, NULL, size, bytes);
	if (!message)
		error_set(err, -EINVAL, "not a %s", descriptor->name);
	return message;
}

static void done(ProtobufCMessage *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

/* Of the Unix epoch to the year 2200; anything else is not known. */
static int64_t time_of(const Google__Protobuf__Timestamp *t)
{
	if (!t || t->seconds <= 0 || t->seconds > INT64_C(7258118400) || t->nanos < 0 || t->nanos >= (int32_t)NSEC_PER_SEC)
		return 0;
	return t->seconds * (int64_t)NSEC_PER_SEC + t->nanos;
}

static bool copy_id(char to[CONTAINER_ID_BYTES], const char *id)
{
	if (!container_id_is_valid(id))
		return false;
	memcpy(to, id, strlen(id) + 1);
	return true;
}

/* The beginning of a name is another name. */
static void copy_string(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	to[0] = '\0';
	if (length < size)
		memcpy(to, from, length + 1);
}

/* Events, a function per type: 1, 0 or -EINVAL. */

static int read_container_create(struct containerd_event *e, const void *message)
{
	const Containerd__Events__ContainerCreate *m = message;

	copy_string(e->image, sizeof(e->image), m->image);
	return copy_id(e->id, m->id) ? 1 : -EINVAL;
}

static int read_container_update(struct containerd_event *e, const void *message)
{
	const Containerd__Events__ContainerUpdate *m = message;

	copy_string(e->image, sizeof(e->image), m->image);
	return copy_id(e->id, m->id) ? 1 : -EINVAL;
}

static int read_container_delete(struct containerd_event *e, const void *message)
{
	const Containerd__Events__ContainerDelete *m = message;

	return copy_id(e->id, m->id) ? 1 : -EINVAL;
}

static int read_task_create(struct containerd_event *e, const void *message)
{
	const Containerd__Events__TaskCreate *m = message;

	copy_string(e->bundle, sizeof(e->bundle), m->bundle);
	e->pid = m->pid;
	return copy_id(e->id, m->container_id) ? 1 : -EINVAL;
}

static int read_task_start(struct containerd_event *e, const void *message)
{
	const Containerd__Events__TaskStart *m = message;

	e->pid = m->pid;
	return copy_id(e->id, m->container_id) ? 1 : -EINVAL;
}

/* Of a process that was executed in it nothing is to be told. */
static int read_end(struct containerd_event *e, const char *container_id, const char *id, uint32_t pid, uint32_t exit_status,
		    const Google__Protobuf__Timestamp *exited_at)
{
	e->pid = pid;
	e->exit_status = exit_status;
	e->exited_ns = time_of(exited_at);
	if (id[0] && strcmp(id, container_id) != 0)
		return 0;
	return copy_id(e->id, container_id) ? 1 : -EINVAL;
}

static int read_task_exit(struct containerd_event *e, const void *message)
{
	const Containerd__Events__TaskExit *m = message;

	return read_end(e, m->container_id, m->id, m->pid, m->exit_status, m->exited_at);
}

static int read_task_delete(struct containerd_event *e, const void *message)
{
	const Containerd__Events__TaskDelete *m = message;

	return read_end(e, m->container_id, m->id, m->pid, m->exit_status, m->exited_at);
}

static int read_task_oom(struct containerd_event *e, const void *message)
{
	const Containerd__Events__TaskOOM *m = message;

	return copy_id(e->id, m->container_id) ? 1 : -EINVAL;
}

/* In the order of enum containerd_event_type. */
static const struct event_reader {
	const ProtobufCMessageDescriptor *descriptor;
	int (*read)(struct containerd_event *e, const void *message);
} event_readers[] = {
	{&containerd__events__container_create__descriptor, read_container_create},
	{&containerd__events__container_update__descriptor, read_container_update},
	{&containerd__events__container_delete__descriptor, read_container_delete},
	{&containerd__events__task_create__descriptor, read_task_create},
	{&containerd__events__task_start__descriptor, read_task_start},
	{&containerd__events__task_exit__descriptor, read_task_exit},
	{&containerd__events__task_delete__descriptor, read_task_delete},
	{&containerd__events__task_oom__descriptor, read_task_oom},
};

#define EVENT_READERS (sizeof(event_readers) / sizeof(event_readers[0]))

/* A type's name may have a host in front of it ("types.containerd.io/..."). */
static const struct event_reader *find_reader(const char *type)
{
	const char *slash = strrchr(type, '/');

	for (size_t i = 0; i < EVENT_READERS; i++)
		if (!strcmp(slash ? slash + 1 : type, event_readers[i].descriptor->name))
			return &event_readers[i];
	return NULL;
}

static int read_event(struct containerd_event *e, const struct event_reader *reader, const ProtobufCBinaryData *value, struct error *err)
{
	ProtobufCMessage *message = unpack(reader->descriptor, value->data, value->len, err);
	int r;

	if (!message)
		return -EINVAL;
	e->type = (enum containerd_event_type)(reader - event_readers);
	r = reader->read(e, message);
	if (r < 0)
		error_set(err, r, "a %s with an id that is none", reader->descriptor->name);
	done(message);
	return r;
}

static int read_envelope(struct containerd_event *e, const Containerd__Services__Events__V1__Envelope *envelope, struct error *err)
{
	const struct event_reader *reader = envelope->event ? find_reader(envelope->event->type_url) : NULL;

	if (!reader)
		return 0;
	copy_string(e->namespace_name, sizeof(e->namespace_name), envelope->namespace_);
	if (!e->namespace_name[0])
		return error_set(err, -EINVAL, "an event without a namespace");
	e->time_ns = time_of(envelope->timestamp);
	return read_event(e, reader, &envelope->event->value, err);
}

int containerd_parse_event(struct containerd_event *ret, const uint8_t *bytes, size_t size, struct error *err)
{
	ProtobufCMessage *message = unpack(&containerd__services__events__v1__envelope__descriptor, bytes, size, err);
	int r;

	*ret = (struct containerd_event){0};
	if (!message)
		return -EINVAL;
	r = read_envelope(ret, (const Containerd__Services__Events__V1__Envelope *)message, err);
	done(message);
	return r;
}

static enum container_state state_of(Containerd__V1__Types__Status status)
{
	switch (status) {
	case CONTAINERD__V1__TYPES__STATUS__CREATED:
		return CONTAINER_CREATED;
	case CONTAINERD__V1__TYPES__STATUS__RUNNING:
	case CONTAINERD__V1__TYPES__STATUS__PAUSED:
	case CONTAINERD__V1__TYPES__STATUS__PAUSING:
		return CONTAINER_RUNNING;
	case CONTAINERD__V1__TYPES__STATUS__STOPPED:
		return CONTAINER_EXITED;
	default:
		return CONTAINER_STATE_UNKNOWN;
	}
}

static bool read_task(struct containerd_task *to, const Containerd__V1__Types__Process *p)
{
	*to = (struct containerd_task){
		.state = state_of(p->status),
		.pid = p->pid,
		.exit_status = p->exit_status,
		.exited_ns = time_of(p->exited_at),
	};
	return copy_id(to->id, p->container_id[0] ? p->container_id : p->id);
}

int containerd_parse_tasks(struct containerd_task **ret, size_t *ret_count, const uint8_t *bytes, size_t size, struct error *err)
{
	ProtobufCMessage *message = unpack(&containerd__services__tasks__v1__list_tasks_response__descriptor, bytes, size, err);
	const Containerd__Services__Tasks__V1__ListTasksResponse *m = (void *)message;
	size_t count = 0;

	if (!message)
		return -EINVAL;
	*ret = calloc(m->n_tasks ? m->n_tasks : 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < m->n_tasks; i++)
		count += read_task(*ret + count, m->tasks[i]);
	done(message);
	*ret_count = count;
	return *ret ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* Containers. */

static const char *label(const struct container_fact *f, const char *key)
{
	for (size_t i = 0; i < f->label_count; i++)
		if (!strcmp(f->labels[i].key, key))
			return f->labels[i].value;
	return NULL;
}

static bool set_string(char **to, const char *from)
{
	return container_fact_set(to, from, from ? strlen(from) : 0, CONTAINER_STRING_MAX);
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct container_label *)a)->key, ((const struct container_label *)b)->key);
}

/* A map comes in any order, each time in another one. */
static bool set_labels(struct container_fact *f, const Containerd__Services__Containers__V1__Container *c)
{
	for (size_t i = 0; i < c->n_labels; i++)
		if (!container_fact_add_label(f, c->labels[i]->key, c->labels[i]->value))
			return false;
	if (f->label_count)
		qsort(f->labels, f->label_count, sizeof(f->labels[0]), compare_labels);
	return true;
}

/* What the CRI plugin writes (containerd: pkg/cri/server/helpers.go, buildLabels) and, for names, nerdctl (pkg/labels). */
static bool set_names(struct container_fact *f)
{
	const char *kind = label(f, "io.cri-containerd.kind");
	const char *name = label(f, "io.kubernetes.container.name");

	f->pod.sandbox = kind && !strcmp(kind, "sandbox");
	return set_string(&f->name, name ? name : label(f, "nerdctl/name")) && set_string(&f->pod.container_name, name) &&
	       set_string(&f->pod.namespace_name, label(f, "io.kubernetes.pod.namespace")) &&
	       set_string(&f->pod.name, label(f, "io.kubernetes.pod.name")) && set_string(&f->pod.uid, label(f, "io.kubernetes.pod.uid"));
}

static int make_fact(struct container_fact **ret, const char *namespace_name, const Containerd__Services__Containers__V1__Container *c,
		     struct error *err)
{
	struct container_fact *f;

	if (!c || !container_id_is_valid(c->id))
		return error_set(err, -EINVAL, "a container with an id that is none");
	f = container_fact_new(c->id, CONTAINER_SOURCE_CONTAINERD);
	if (!f || !set_string(&f->image_name, c->image) || !set_labels(f, c) || !set_names(f)) {
		container_fact_free(f);
		return error_set(err, -ENOMEM, "out of memory");
	}
	f->runtime = container_runtime_of_namespace(namespace_name);
	f->created_ns = time_of(c->created_at);
	f->settings = container_fact_digest_settings(f);
	*ret = f;
	return 0;
}

int containerd_parse_container(struct container_fact **ret, const char *namespace_name, const uint8_t *bytes, size_t size,
			       struct error *err)
{
	ProtobufCMessage *message = unpack(&containerd__services__containers__v1__get_container_response__descriptor, bytes, size, err);
	int r;

	if (!message)
		return -EINVAL;
	r = make_fact(ret, namespace_name, ((const Containerd__Services__Containers__V1__GetContainerResponse *)message)->container, err);
	done(message);
	return r;
}

int containerd_parse_image(char ret[CONTAINER_STRING_MAX + 1], const uint8_t *bytes, size_t size, struct error *err)
{
	static const char algorithm[] = "sha256:";
	ProtobufCMessage *message = unpack(&containerd__services__images__v1__get_image_response__descriptor, bytes, size, err);
	const Containerd__Services__Images__V1__GetImageResponse *m = (void *)message;
	const char *digest = "";

	if (!message)
		return -EINVAL;
	if (m->image && m->image->target)
		digest = m->image->target->digest;
	if (!strncmp(digest, algorithm, strlen(algorithm)))
		digest += strlen(algorithm);
	copy_string(ret, CONTAINER_STRING_MAX + 1, digest);
	done(message);
	return 0;
}

int containerd_parse_namespaces(char (**ret)[CONTAINERD_NAMESPACE_BYTES], size_t *ret_count, const uint8_t *bytes, size_t size,
				struct error *err)
{
	ProtobufCMessage *message = unpack(&containerd__services__namespaces__v1__list_namespaces_response__descriptor, bytes, size, err);
	const Containerd__Services__Namespaces__V1__ListNamespacesResponse *m = (void *)message;
	size_t count = 0;

	if (!message)
		return -EINVAL;
	*ret = calloc(m->n_namespaces ? m->n_namespaces : 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < m->n_namespaces; i++) {
		copy_string((*ret)[count], CONTAINERD_NAMESPACE_BYTES, m->namespaces[i]->name);
		count += (*ret)[count][0] != '\0';
	}
	done(message);
	*ret_count = count;
	return *ret ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* Requests. */

static void put_message(struct buffer *to, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *room = buffer_reserve(to, size ? size : 1);

	if (room)
		to->length += protobuf_c_message_pack(message, room);
}

void containerd_put_subscribe_request(struct buffer *to)
{
	/* Events of images, snapshots and content are most of all when an image is pulled. */
	char *filters[] = {"topic~=\"^/containers/\"", "topic~=\"^/tasks/\""};
	Containerd__Services__Events__V1__SubscribeRequest request = CONTAINERD__SERVICES__EVENTS__V1__SUBSCRIBE_REQUEST__INIT;

	request.n_filters = sizeof(filters) / sizeof(filters[0]);
	request.filters = filters;
	put_message(to, &request.base);
}

void containerd_put_get_request(struct buffer *to, const char *id)
{
	Containerd__Services__Containers__V1__GetContainerRequest request =
		CONTAINERD__SERVICES__CONTAINERS__V1__GET_CONTAINER_REQUEST__INIT;

	request.id = (char *)id;
	put_message(to, &request.base);
}
