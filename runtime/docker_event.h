#ifndef RUNTIME_DOCKER_EVENT_H
#define RUNTIME_DOCKER_EVENT_H

#include "container/container_fact.h"

/*
 * A line of GET /events: a JSON object. What becomes of a container by it.
 */
enum docker_action {
	DOCKER_CREATE,
	DOCKER_START,
	DOCKER_DIE,
	DOCKER_DESTROY,
	DOCKER_OOM,
	DOCKER_OTHER, /* update, rename, pause, unpause: nothing but that there is something new */
};

struct docker_event {
	enum docker_action action;
	char id[CONTAINER_ID_BYTES];         /* container_id_is_valid() */
	int64_t time_ns;                     /* CLOCK_REALTIME; 0: not known */
	char name[CONTAINER_STRING_MAX + 1]; /* "/web"; "": not known, as the image */
	char image[CONTAINER_STRING_MAX + 1];
	bool has_exit_code;
	int32_t exit_code;
};

/* What GET /events is asked for: all that docker_event_parse() knows and that happened since then; the caller's to free(). NULL: out of memory. */
char *docker_event_target(int64_t since_ns);

/* 1: *ret is filled; 0: nothing of the above; -EINVAL: not an event; -ENOMEM. */
int docker_event_parse(struct docker_event *ret, const char *line, size_t length);

/* What the event says goes into the fact. */
void docker_event_apply(const struct docker_event *e, struct container_fact *f);

#endif
