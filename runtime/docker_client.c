#include "runtime/docker_client.h"

#include "base/clock.h"
#include "container/docker_state.h"
#include "container/state_json.h"
#include "runtime/docker_event.h"
#include "runtime/http_client.h"
#include "runtime/known_facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_TIMEOUT_MS 10000
#define STATUS_OK         200
#define STATUS_NOT_FOUND  404

struct docker_client {
	struct docker_client_options options;
	struct socket_thread *thread;
	struct known_facts *known;
	struct http_client *http; /* of the session */
	bool listed;              /* a listing has been complete, in this session or one before */
};

/* An answer of 200, which the caller frees. Docker says in JSON what is wrong: {"message":"..."}. */
static int get(struct docker_client *c, const char *target, char **ret, size_t *ret_size, long *ret_status, struct error *err)
{
	int r = http_client_get(c->http, target, ANSWER_TIMEOUT_MS, ret_status, ret, ret_size, err);
	json_t *answer = NULL;
	const char *message;

	if (r < 0 || *ret_status == STATUS_OK)
		return r;
	state_json_load(&answer, *ret, *ret_size);
	message = json_string_value(json_object_get(answer, "message"));
	r = error_set(err, -EPROTO, "%s: status %ld%s%s", target, *ret_status, message ? ": " : "", message ? message : "");
	json_decref(answer);
	free(*ret);
	*ret = NULL;
	return r;
}

static int get_json(struct docker_client *c, const char *target, json_t **ret, struct error *err)
{
	char *text = NULL;
	size_t size;
	long status;
	int r = get(c, target, &text, &size, &status, err);

	if (r < 0)
		return r;
	r = state_json_load(ret, text, size);
	free(text);
	return r < 0 ? error_set(err, r, "%s: the answer is no JSON, or one of too many values", target) : 0;
}

/* A question that was answered with nonsense, or not at all, does not end the session: the next one will, when there is nobody any more. */
static void complain(struct docker_client *c, const struct error *err)
{
	if (!socket_thread_stopping(c->thread))
		socket_thread_problem(c->thread, err);
}

static void tell(struct docker_client *c, struct container_fact *f)
{
	if (known_facts_tell(c->known, f, NULL))
		socket_thread_count_fact(c->thread);
}

static void tell_gone(struct docker_client *c, const char *id)
{
	if (known_facts_tell_gone(c->known, id, CONTAINER_SOURCE_DOCKER_API))
		socket_thread_count_fact(c->thread);
}

/* NULL: it cannot be looked at; there is none any more, most often. */
static struct container_fact *inspect(struct docker_client *c, const char *id)
{
	char target[64 + CONTAINER_ID_BYTES], *text = NULL;
	struct container_fact *f = NULL;
	struct error err = {0};
	long status = 0;
	size_t size;
	int r;

	snprintf(target, sizeof(target), "/containers/%s/json", id);
	r = get(c, target, &text, &size, &status, &err);
	if (r == 0) {
		r = docker_state_parse_inspect(&f, text, size);
		if (r == 0 && strcmp(f->id, id) != 0) {
			f = container_fact_free(f);
			r = -EINVAL;
		}
		if (r < 0)
			error_set(&err, r, "%s: the answer makes no sense", target);
	}
	free(text);
	if (r < 0 && status != STATUS_NOT_FOUND)
		complain(c, &err);
	return f;
}

/* Listing. */

static int list_one(struct docker_client *c, const json_t *entry, struct error *err)
{
	const char *id = json_string_value(json_object_get(entry, "Id"));
	struct container_fact *f;

	if (!id || !container_id_is_valid(id))
		return error_set(err, -EBADMSG, "/containers/json: a container with an id that is none");
	known_facts_see(c->known, id);
	f = inspect(c, id);
	if (f)
		f->listed = !c->listed;
	tell(c, f);
	return 0;
}

static int list(struct docker_client *c, struct error *err)
{
	json_t *all = NULL;
	int r = get_json(c, "/containers/json?all=1", &all, err);

	known_facts_begin_list(c->known);
	if (r == 0 && !json_is_array(all))
		r = error_set(err, -EBADMSG, "/containers/json: the answer is no list");
	for (size_t i = 0; r == 0 && i < json_array_size(all); i++)
		r = socket_thread_stopping(c->thread) ? -ECANCELED : list_one(c, json_array_get(all, i), err);
	json_decref(all);
	if (r < 0)
		return r;
	for (size_t gone = known_facts_end_list(c->known); gone > 0; gone--)
		socket_thread_count_fact(c->thread);
	c->listed = true;
	return 0;
}

/* Events. */

static struct container_fact *make_from_event(const struct docker_event *e, const struct container_fact *known)
{
	struct container_fact *f = known ? container_fact_copy(known) : container_fact_new(e->id, CONTAINER_SOURCE_DOCKER_API);

	if (!f)
		return NULL;
	f->runtime = CONTAINER_RUNTIME_DOCKER;
	docker_event_apply(e, f);
	return f;
}

static bool is_same_run(const struct container_fact *known, const struct container_fact *now)
{
	return known && known->started_ns == now->started_ns;
}

static void tell_as_it_was(struct docker_client *c, const struct container_fact *now, enum container_state state)
{
	struct container_fact *f = container_fact_copy(now);

	if (!f)
		return;
	f->state = state;
	if (state == CONTAINER_CREATED)
		f->started_ns = 0;
	f->init_pid = 0;
	f->finished_ns = 0;
	f->has_exit_code = false;
	f->exit_code = 0;
	f->oom_killed = false;
	tell(c, f);
}

/* Docker can be ahead of its events: what they say happened, and what its answer is past already, is told before that. */
static void tell_passed(struct docker_client *c, const struct docker_event *e, const struct container_fact *now)
{
	const struct container_fact *known = known_facts_find(c->known, e->id);

	/* The end behind which the next run has begun by now. */
	if (e->action == DOCKER_DIE && known && known->state == CONTAINER_RUNNING && now->state == CONTAINER_RUNNING &&
	    !is_same_run(known, now))
		tell(c, make_from_event(e, known));
	if (e->action == DOCKER_CREATE && !known && now->state != CONTAINER_CREATED)
		tell_as_it_was(c, now, CONTAINER_CREATED);
	/* A run that is over by now and of which nobody has heard. */
	if (now->state == CONTAINER_EXITED && now->started_ns && !is_same_run(known_facts_find(c->known, e->id), now))
		tell_as_it_was(c, now, CONTAINER_RUNNING);
}

static void on_event(struct docker_client *c, const struct docker_event *e)
{
	struct container_fact *now;

	if (e->action == DOCKER_DESTROY) {
		tell_gone(c, e->id);
		return;
	}
	now = inspect(c, e->id);
	if (!now && socket_thread_stopping(c->thread))
		return;
	if (now)
		tell_passed(c, e, now);
	else
		now = make_from_event(e, known_facts_find(c->known, e->id));
	tell(c, now);
}

static int follow(struct docker_client *c, struct error *err)
{
	struct docker_event e;
	size_t length;
	char *line;
	int r;

	while ((r = http_client_read_line(c->http, -1, &line, &length, err)) == 1) {
		if (socket_thread_stopping(c->thread))
			return 0;
		r = docker_event_parse(&e, line, length);
		if (r == 1)
			on_event(c, &e);
		if (r < 0)
			return error_set(err, -EBADMSG, "/events: a line that is no event");
	}
	return r < 0 ? r : error_set(err, -EPIPE, "/events: Docker has ended the stream");
}

/* Docker's events begin before its containers are listed, so that nothing is between. */
static int tell_all(struct docker_client *c, struct error *err)
{
	char *target = docker_event_target((int64_t)clock_realtime_ns());
	int r = target ? http_client_open_stream(c->http, target, ANSWER_TIMEOUT_MS, err) : error_set(err, -ENOMEM, "out of memory");

	free(target);
	if (r == 0)
		r = list(c, err);
	if (r < 0)
		return r;
	socket_thread_connected(c->thread);
	return follow(c, err);
}

/* What this had to tell of containers is told by another source from now on. */
static int leave_to_disk(struct docker_client *c)
{
	known_facts_begin_list(c->known);
	for (size_t gone = known_facts_end_list(c->known); gone > 0; gone--)
		socket_thread_count_fact(c->thread);
	http_client_free(c->http);
	c->http = NULL;
	socket_thread_connected(c->thread);
	socket_thread_wait_change(c->thread);
	return 0;
}

static bool is_root_read(const struct docker_client *c, const json_t *info)
{
	const char *root = json_string_value(json_object_get(info, "DockerRootDir"));

	return root && root[0] == '/' && c->options.found_root && c->options.found_root(c->options.context, root);
}

static int talk(struct docker_client *c, struct error *err)
{
	json_t *info = NULL;
	int r = get_json(c, "/info", &info, err);
	bool is_read;

	if (r < 0)
		return r;
	is_read = is_root_read(c, info);
	json_decref(info);
	return is_read ? leave_to_disk(c) : tell_all(c, err);
}

static int session(void *context, struct error *err)
{
	struct docker_client *c = context;
	int r = http_client_new(&c->http, socket_thread_path(c->thread), socket_thread_stop_fd(c->thread), err);

	if (r < 0)
		return r;
	r = talk(c, err);
	c->http = http_client_free(c->http);
	return r;
}

int docker_client_new(struct docker_client **ret, const struct docker_client_options *options, struct error *err)
{
	struct docker_client *c = calloc(1, sizeof(*c));
	struct socket_thread_options thread = {.name = "docker", .path = options->path, .session = session, .context = c};
	int r;

	if (c)
		c->known = known_facts_new(options->inbox);
	if (!c || !c->known) {
		free(c);
		return error_set(err, -ENOMEM, "out of memory");
	}
	c->options = *options;
	r = socket_thread_start(&c->thread, &thread, err);
	if (r < 0) {
		docker_client_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void docker_client_stop(struct docker_client *c)
{
	socket_thread_stop(c->thread);
}

struct docker_client *docker_client_free(struct docker_client *c)
{
	if (!c)
		return NULL;
	socket_thread_free(c->thread);
	known_facts_free(c->known);
	free(c);
	return NULL;
}

void docker_client_counters(struct docker_client *c, struct socket_thread_counters *ret)
{
	socket_thread_counters(c->thread, ret);
}
