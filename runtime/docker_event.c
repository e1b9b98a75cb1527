#include "runtime/docker_event.h"

#include "base/clock.h"
#include "container/state_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum docker_action action;
} actions[] = {
	{"create", DOCKER_CREATE}, {"start", DOCKER_START},  {"die", DOCKER_DIE},     {"destroy", DOCKER_DESTROY}, {"oom", DOCKER_OOM},
	{"update", DOCKER_OTHER},  {"rename", DOCKER_OTHER}, {"pause", DOCKER_OTHER}, {"unpause", DOCKER_OTHER},
};

#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* {"type":["container"],"event":[...]}, its quotes and brackets percent-encoded. Docker keeps a few hundred events back for those who say since
 * when they want them: none is lost between its answer's header and its taking us up. */
char *docker_event_target(int64_t since_ns)
{
	char names[256] = "";
	char *target;

	for (size_t i = 0; i < ACTIONS; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%%22%s%%22", i ? "," : "", actions[i].name);
	if (asprintf(&target,
		     "/events?since=%" PRId64 ".%09" PRId64
		     "&filters=%%7B%%22type%%22:%%5B%%22container%%22%%5D,%%22event%%22:%%5B%s%%5D%%7D",
		     since_ns / (int64_t)NSEC_PER_SEC, since_ns % (int64_t)NSEC_PER_SEC, names) < 0)
		return NULL;
	return target;
}

/* The beginning of a name is another name. */
static void copy_string(char *to, size_t size, const char *prefix, const char *from)
{
	if (from && strlen(prefix) + strlen(from) < size)
		snprintf(to, size, "%s%s", prefix, from);
}

static void copy_exit_code(struct docker_event *e, const char *text)
{
	char *end;
	long code;

	if (!text)
		return;
	code = strtol(text, &end, 10);
	if (end == text || *end || code < 0 || code > INT32_MAX)
		return;
	e->has_exit_code = true;
	e->exit_code = (int32_t)code;
}

static bool find_action(struct docker_event *e, const char *name)
{
	for (size_t i = 0; i < ACTIONS; i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		e->action = actions[i].action;
		return true;
	}
	return false;
}

static int read_event(struct docker_event *e, const json_t *event)
{
	const json_t *actor = json_object_get(event, "Actor");
	const json_t *attributes = json_object_get(actor, "Attributes");
	const char *type = json_string_value(json_object_get(event, "Type"));
	const char *action = json_string_value(json_object_get(event, "Action"));
	const char *id = json_string_value(json_object_get(actor, "ID"));

	if (!type || !action)
		return -EINVAL;
	if (strcmp(type, "container") != 0 || !find_action(e, action))
		return 0;
	if (!id || !container_id_is_valid(id))
		return -EINVAL;
	memcpy(e->id, id, strlen(id) + 1);
	e->time_ns = json_integer_value(json_object_get(event, "timeNano"));
	if (e->time_ns < 0)
		e->time_ns = 0;
	copy_string(e->name, sizeof(e->name), "/", json_string_value(json_object_get(attributes, "name")));
	copy_string(e->image, sizeof(e->image), "", json_string_value(json_object_get(attributes, "image")));
	copy_exit_code(e, json_string_value(json_object_get(attributes, "exitCode")));
	return 1;
}

int docker_event_parse(struct docker_event *ret, const char *line, size_t length)
{
	json_t *event = NULL;
	int r;

	*ret = (struct docker_event){0};
	r = state_json_load(&event, line, length);
	if (r < 0)
		return r;
	r = read_event(ret, event);
	json_decref(event);
	return r;
}

static void start(const struct docker_event *e, struct container_fact *f)
{
	f->state = CONTAINER_RUNNING;
	f->started_ns = e->time_ns;
	f->finished_ns = 0;
	f->has_exit_code = false;
	f->exit_code = 0;
	f->oom_killed = false;
}

static void die(const struct docker_event *e, struct container_fact *f)
{
	f->state = CONTAINER_EXITED;
	f->init_pid = 0;
	f->finished_ns = e->time_ns > f->started_ns ? e->time_ns : f->started_ns;
	f->has_exit_code = e->has_exit_code;
	f->exit_code = e->exit_code;
}

void docker_event_apply(const struct docker_event *e, struct container_fact *f)
{
	if (e->name[0])
		container_fact_set(&f->name, e->name, strlen(e->name), CONTAINER_STRING_MAX);
	if (e->image[0] && !f->image_name)
		container_fact_set(&f->image_name, e->image, strlen(e->image), CONTAINER_STRING_MAX);
	switch (e->action) {
	case DOCKER_CREATE:
		f->state = CONTAINER_CREATED;
		f->created_ns = e->time_ns;
		break;
	case DOCKER_START:
		start(e, f);
		break;
	case DOCKER_DIE:
		die(e, f);
		break;
	case DOCKER_OOM:
		f->oom_killed = true;
		break;
	default:
		break;
	}
}
