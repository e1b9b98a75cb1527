#include "runtime/containerd_client.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "runtime/containerd_task.h"
#include "runtime/known_facts.h"
#include "service/grpc_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SLICE_MS   50 /* how long a connect(2) that hangs may keep us from stopping */
#define CONNECT_TIMEOUT_MS 5000
#define ANSWER_TIMEOUT_MS  10000
#define LIST_TIMEOUT_MS    60000 /* of all containers of a namespace */
#define SETTLE_MS          1000
#define NAMESPACES_MAX     1024

#define CODE_NOT_FOUND     5 /* google.rpc.Code */
#define CODE_UNIMPLEMENTED 12

struct containerd_client {
	struct socket_thread *thread;
	struct known_facts *known;
	bool listed; /* a listing has been complete, in this session or one before */

	pthread_mutex_t lock;     /* of `grpc`, against interrupt() */
	struct grpc_client *grpc; /* of the session */
	bool interrupted;
};

static void interrupt(void *context)
{
	struct containerd_client *c = context;

	pthread_mutex_lock(&c->lock);
	c->interrupted = true;
	if (c->grpc)
		grpc_client_disconnect(c->grpc);
	pthread_mutex_unlock(&c->lock);
}

/* Asks and gets an answer of its own. */
static int ask(struct containerd_client *c, const char *namespace_name, const char *method, const struct buffer *request, uint8_t **ret,
	       size_t *ret_size, int *ret_code, struct error *err)
{
	if (request->failed)
		return error_set(err, -ENOMEM, "out of memory");
	grpc_client_set_metadata(c->grpc, "containerd-namespace", namespace_name);
	return grpc_client_unary(c->grpc, method, request->data ? request->data : (const uint8_t *)"", request->length, ANSWER_TIMEOUT_MS,
				 ret, ret_size, ret_code, err);
}

static int ask_for(struct containerd_client *c, const char *namespace_name, const char *method, const char *id, uint8_t **ret,
		   size_t *ret_size, int *ret_code, struct error *err)
{
	struct buffer request;
	int r;

	buffer_init(&request, 0);
	containerd_put_get_request(&request, id);
	r = ask(c, namespace_name, method, &request, ret, ret_size, ret_code, err);
	buffer_done(&request);
	return r;
}

/* A request with nothing in it. */
static int ask_for_all(struct containerd_client *c, const char *namespace_name, const char *method, uint8_t **ret, size_t *ret_size,
		       struct error *err)
{
	const struct buffer nothing = {0};

	return ask(c, namespace_name, method, &nothing, ret, ret_size, NULL, err);
}

/* A question that was answered with nonsense, or not at all, does not end the session: the next one will, when there is nobody any more. */
static void complain(struct containerd_client *c, const struct error *err)
{
	if (!socket_thread_stopping(c->thread))
		socket_thread_problem(c->thread, err);
}

/* What an image's name stood for when the container was first met goes on to be its image. */
static void set_image_id(struct containerd_client *c, const char *namespace_name, struct container_fact *f)
{
	const struct container_fact *known = known_facts_find(c->known, f->id);
	char digest[CONTAINER_STRING_MAX + 1] = "";
	struct error err = {0};
	uint8_t *answer = NULL;
	size_t size;
	int code = 0, r;

	if (!f->image_name)
		return;
	if (known && known->image_id && known->image_name && !strcmp(known->image_name, f->image_name)) {
		container_fact_set(&f->image_id, known->image_id, strlen(known->image_id), CONTAINER_STRING_MAX);
		return;
	}
	r = ask_for(c, namespace_name, "/containerd.services.images.v1.Images/Get", f->image_name, &answer, &size, &code, &err);
	if (r == 0)
		r = containerd_parse_image(digest, answer, size, &err);
	if (r < 0 && code != CODE_NOT_FOUND)
		complain(c, &err);
	container_fact_set(&f->image_id, digest, strlen(digest), CONTAINER_STRING_MAX);
	free(answer);
}

static void tell(struct containerd_client *c, struct container_fact *f, const char *namespace_name)
{
	if (known_facts_tell(c->known, f, namespace_name))
		socket_thread_count_fact(c->thread);
}

static void tell_gone(struct containerd_client *c, const char *id)
{
	if (known_facts_tell_gone(c->known, id, CONTAINER_SOURCE_CONTAINERD))
		socket_thread_count_fact(c->thread);
}

/* Listing. */

struct listing {
	const char *namespace_name;
	struct containerd_task *tasks;
	size_t task_count;
	bool additions_only; /* of what is not known yet */
};

static const struct containerd_task *find_task(const struct listing *l, const char *id)
{
	for (size_t i = 0; i < l->task_count; i++)
		if (!strcmp(l->tasks[i].id, id))
			return &l->tasks[i];
	return NULL;
}

static void tell_listed(struct containerd_client *c, const struct listing *l, struct container_fact *f)
{
	const struct container_fact *known = known_facts_find(c->known, f->id);

	if (known && l->additions_only) {
		container_fact_free(f);
		return;
	}
	f->listed = !c->listed;
	containerd_task_listed(f, known, find_task(l, f->id));
	set_image_id(c, l->namespace_name, f);
	known_facts_see(c->known, f->id);
	tell(c, f, l->namespace_name);
}

static int status_error(const struct grpc_client_call *call, const char *method, struct error *err)
{
	const char *message;
	int code = grpc_client_call_status(call, &message);

	if (code == CODE_UNIMPLEMENTED)
		return error_set(err, -ENOSYS, "%s: %s: what was there before is not known", method, message);
	return code ? error_set(err, -EIO, "%s: %s", method, message[0] ? message : "failed") : 0;
}

/* Reads the stream of containers to its end. A container that makes no sense is left out. */
static int read_containers(struct containerd_client *c, const struct listing *l, struct grpc_client_call *call, struct error *err)
{
	uint64_t end_ns = clock_monotonic_ns() + LIST_TIMEOUT_MS * NSEC_PER_MSEC;
	const uint8_t *bytes;
	size_t size;
	int r;

	while ((r = grpc_client_call_read(call, ANSWER_TIMEOUT_MS, &bytes, &size)) == 1) {
		struct container_fact *f = NULL;
		struct error bad = {0};

		if (clock_monotonic_ns() > end_ns)
			return error_set(err, -ETIMEDOUT, "the list of containers does not end");
		if (containerd_parse_container(&f, l->namespace_name, bytes, size, &bad) == 0)
			tell_listed(c, l, f);
		else
			complain(c, &bad);
	}
	return r < 0 ? error_set(err, r, "no list of containers in time") : 0;
}

static int list_containers(struct containerd_client *c, const struct listing *l, struct error *err)
{
	static const char method[] = "/containerd.services.containers.v1.Containers/ListStream";
	struct grpc_client_call *call;
	int r;

	grpc_client_set_metadata(c->grpc, "containerd-namespace", l->namespace_name);
	r = grpc_client_start(c->grpc, method, "", 0, &call, err);
	if (r < 0)
		return r;
	r = read_containers(c, l, call, err);
	if (r == 0)
		r = status_error(call, method, err);
	grpc_client_call_free(call);
	return r;
}

static int list_namespace(struct containerd_client *c, const char *namespace_name, bool additions_only, struct error *err)
{
	struct listing l = {.namespace_name = namespace_name, .additions_only = additions_only};
	uint8_t *answer = NULL;
	size_t size;
	int r = ask_for_all(c, namespace_name, "/containerd.services.tasks.v1.Tasks/List", &answer, &size, err);

	if (r == 0)
		r = containerd_parse_tasks(&l.tasks, &l.task_count, answer, size, err);
	if (r == 0)
		r = list_containers(c, &l, err);
	free(l.tasks);
	free(answer);
	return r;
}

static int list_namespaces(struct containerd_client *c, char (**ret)[CONTAINERD_NAMESPACE_BYTES], size_t *ret_count, struct error *err)
{
	uint8_t *answer = NULL;
	size_t size;
	int r = ask_for_all(c, NULL, "/containerd.services.namespaces.v1.Namespaces/List", &answer, &size, err);

	if (r == 0)
		r = containerd_parse_namespaces(ret, ret_count, answer, size, err);
	if (r == 0 && *ret_count > NAMESPACES_MAX)
		*ret_count = NAMESPACES_MAX;
	free(answer);
	return r;
}

/* -ENOSYS: an old containerd, of which events are all that can be had. */
static int list_all(struct containerd_client *c, bool additions_only, struct error *err)
{
	char(*names)[CONTAINERD_NAMESPACE_BYTES] = NULL;
	size_t count = 0;
	int r = list_namespaces(c, &names, &count, err);

	for (size_t i = 0; i < count && r == 0; i++)
		r = list_namespace(c, names[i], additions_only, err);
	free(names);
	return r;
}

static int list_first(struct containerd_client *c, struct error *err)
{
	int r;

	known_facts_begin_list(c->known);
	r = list_all(c, false, err);
	if (r == -ENOSYS) {
		complain(c, err);
		return 0;
	}
	if (r < 0)
		return r;
	for (size_t gone = known_facts_end_list(c->known); gone > 0; gone--)
		socket_thread_count_fact(c->thread);
	c->listed = true;
	return 0;
}

/* Events. */

/* The container's metadata as it is now. NULL: it is deleted already. */
static struct container_fact *get_container(struct containerd_client *c, const struct containerd_event *e)
{
	struct container_fact *f = NULL;
	struct error err = {0};
	uint8_t *answer = NULL;
	size_t size;
	int code = 0;
	int r = ask_for(c, e->namespace_name, "/containerd.services.containers.v1.Containers/Get", e->id, &answer, &size, &code, &err);

	if (r == 0)
		r = containerd_parse_container(&f, e->namespace_name, answer, size, &err);
	if (r < 0 && code != CODE_NOT_FOUND)
		complain(c, &err);
	free(answer);
	if (f && strcmp(f->id, e->id) != 0)
		f = container_fact_free(f);
	if (f)
		set_image_id(c, e->namespace_name, f);
	return f;
}

/* All that there is to say of a container whose metadata nobody has any more. */
static struct container_fact *make_from_event(const struct containerd_event *e)
{
	struct container_fact *f = container_fact_new(e->id, CONTAINER_SOURCE_CONTAINERD);

	if (!f)
		return NULL;
	f->runtime = container_runtime_of_namespace(e->namespace_name);
	container_fact_set(&f->image_name, e->image, strlen(e->image), CONTAINER_STRING_MAX);
	if (e->type == CONTAINERD_CONTAINER_CREATE)
		f->created_ns = e->time_ns;
	return f;
}

static bool is_known_here(const struct containerd_client *c, const struct containerd_event *e)
{
	const char *place = known_facts_place(c->known, e->id);

	return place && !strcmp(place, e->namespace_name);
}

/* What was told of the container that the event is about. NULL: nothing. */
static const struct container_fact *known_of(const struct containerd_client *c, const struct containerd_event *e)
{
	return is_known_here(c, e) ? known_facts_find(c->known, e->id) : NULL;
}

/* Of a container that was created, or updated. */
static void on_metadata(struct containerd_client *c, const struct containerd_event *e)
{
	const struct container_fact *known = known_of(c, e);
	struct container_fact *f = get_container(c, e);

	if (!f && known)
		return;
	if (!f)
		f = make_from_event(e);
	if (!f)
		return;
	containerd_task_keep(f, known);
	tell(c, f, e->namespace_name);
}

static void on_task(struct containerd_client *c, const struct containerd_event *e)
{
	const struct container_fact *known = known_of(c, e);
	struct container_fact *f;

	if (known) {
		f = container_fact_copy(known);
	} else {
		f = get_container(c, e);
		if (!f)
			f = make_from_event(e);
		if (f)
			containerd_task_keep(f, NULL);
	}
	if (!f)
		return;
	containerd_task_event(f, e);
	tell(c, f, e->namespace_name);
}

/* A container that was made again after that is another one. */
static void on_delete(struct containerd_client *c, const struct containerd_event *e)
{
	const struct container_fact *known = known_of(c, e);

	if (known && known->created_ns <= e->time_ns)
		tell_gone(c, e->id);
}

static void on_event(struct containerd_client *c, const uint8_t *bytes, size_t size)
{
	struct containerd_event e;
	struct error err = {0};
	int r = containerd_parse_event(&e, bytes, size, &err);

	if (r < 0)
		complain(c, &err);
	if (r <= 0)
		return;
	switch (e.type) {
	case CONTAINERD_CONTAINER_CREATE:
	case CONTAINERD_CONTAINER_UPDATE:
		on_metadata(c, &e);
		break;
	case CONTAINERD_CONTAINER_DELETE:
		on_delete(c, &e);
		break;
	default:
		on_task(c, &e);
	}
}

/* The session. */

/* Until there is something to do, or the time is over: -ETIMEDOUT. */
static int read_event(struct containerd_client *c, struct grpc_client_call *events, int timeout_ms, struct error *err)
{
	const uint8_t *bytes;
	size_t size;
	int r = grpc_client_call_read(events, timeout_ms, &bytes, &size);

	if (r == 1)
		on_event(c, bytes, size);
	if (r == 0) {
		r = status_error(events, "events", err);
		return r < 0 ? r : error_set(err, -EPIPE, "events: containerd has ended the stream");
	}
	return r == 1 ? 0 : r;
}

static int left_until(uint64_t end_ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	return now_ns < end_ns ? (int)((end_ns - now_ns) / NSEC_PER_MSEC) : 0;
}

/* Then look again for what was made between the first listing and the subscription, if that came later. */
static int settle(struct containerd_client *c, struct grpc_client_call *events, struct error *err)
{
	uint64_t end_ns = clock_monotonic_ns() + SETTLE_MS * NSEC_PER_MSEC;
	int r = 0;

	while (r == 0 && left_until(end_ns) > 0)
		r = read_event(c, events, left_until(end_ns), err);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	if (!c->listed)
		return 0;
	return list_all(c, true, err);
}

static int follow(struct containerd_client *c, struct grpc_client_call *events, struct error *err)
{
	int r = list_first(c, err);

	if (r < 0)
		return r;
	socket_thread_connected(c->thread);
	r = settle(c, events, err);
	while (r == 0 && !socket_thread_stopping(c->thread))
		r = read_event(c, events, -1, err);
	return r;
}

/* A subscription has no time limit: first see that there is somebody who answers. */
static int greet(struct containerd_client *c, struct error *err)
{
	char(*names)[CONTAINERD_NAMESPACE_BYTES] = NULL;
	size_t count;
	int r = list_namespaces(c, &names, &count, err);

	free(names);
	return r;
}

static int subscribe(struct containerd_client *c, struct error *err)
{
	struct grpc_client_call *events;
	struct buffer request;
	int r = greet(c, err);

	if (r < 0)
		return r;
	buffer_init(&request, 0);
	containerd_put_subscribe_request(&request);
	grpc_client_set_metadata(c->grpc, NULL, NULL);
	r = grpc_client_start(c->grpc, "/containerd.services.events.v1.Events/Subscribe", request.data, request.length, &events, err);
	buffer_done(&request);
	if (r < 0)
		return r;
	r = follow(c, events, err);
	grpc_client_call_free(events);
	return r;
}

static int connect_to_it(struct containerd_client *c, struct grpc_client **ret, struct error *err)
{
	uint64_t end_ns = clock_monotonic_ns() + CONNECT_TIMEOUT_MS * NSEC_PER_MSEC;
	char address[160];
	int r;

	snprintf(address, sizeof(address), "unix:%s", socket_thread_path(c->thread));
	do {
		r = grpc_client_connect_bounded(ret, address, CONNECT_SLICE_MS, CONTAINER_JSON_MAX, err);
	} while (r == -ETIMEDOUT && left_until(end_ns) > 0 && !socket_thread_stopping(c->thread));
	return r;
}

/* False: it is to be interrupted already. */
static bool publish(struct containerd_client *c, struct grpc_client *grpc)
{
	bool interrupted;

	pthread_mutex_lock(&c->lock);
	interrupted = c->interrupted;
	c->grpc = grpc;
	pthread_mutex_unlock(&c->lock);
	return !interrupted;
}

static int session(void *context, struct error *err)
{
	struct containerd_client *c = context;
	struct grpc_client *grpc = NULL;
	int r = connect_to_it(c, &grpc, err);

	if (r < 0)
		return r;
	if (publish(c, grpc))
		r = subscribe(c, err);
	publish(c, NULL);
	grpc_client_free(grpc);
	return r;
}

int containerd_client_new(struct containerd_client **ret, const char *path, struct container_inbox *inbox, struct error *err)
{
	struct containerd_client *c = calloc(1, sizeof(*c));
	struct socket_thread_options options = {
		.name = "containerd",
		.path = path,
		.session = session,
		.interrupt = interrupt,
		.context = c,
	};
	int r;

	if (c)
		c->known = known_facts_new(inbox);
	if (!c || !c->known) {
		free(c);
		return error_set(err, -ENOMEM, "out of memory");
	}
	pthread_mutex_init(&c->lock, NULL);
	r = socket_thread_start(&c->thread, &options, err);
	if (r < 0) {
		containerd_client_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void containerd_client_stop(struct containerd_client *c)
{
	socket_thread_stop(c->thread);
}

struct containerd_client *containerd_client_free(struct containerd_client *c)
{
	if (!c)
		return NULL;
	socket_thread_free(c->thread);
	known_facts_free(c->known);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

void containerd_client_counters(struct containerd_client *c, struct socket_thread_counters *ret)
{
	socket_thread_counters(c->thread, ret);
}
