#ifndef RUNTIME_CONTAINERD_MESSAGES_H
#define RUNTIME_CONTAINERD_MESSAGES_H

#include "base/buffer.h"
#include "base/error.h"
#include "container/container_fact.h"

/*
 * containerd's messages (proto/containerd/), from bytes to what they mean for us and back. The bytes are from outside: whatever they are, these
 * functions return; -EINVAL for what makes no sense. Any thread.
 */

#define CONTAINERD_NAMESPACE_BYTES 128 /* with its NUL; containerd allows 76 */

enum containerd_event_type {
	CONTAINERD_CONTAINER_CREATE,
	CONTAINERD_CONTAINER_UPDATE,
	CONTAINERD_CONTAINER_DELETE,
	CONTAINERD_TASK_CREATE,
	CONTAINERD_TASK_START,
	CONTAINERD_TASK_EXIT,
	CONTAINERD_TASK_DELETE,
	CONTAINERD_TASK_OOM,
};

/* What a message of the stream of events says. What an event of its type does not have is 0 or "". */
struct containerd_event {
	enum containerd_event_type type;
	char namespace_name[CONTAINERD_NAMESPACE_BYTES];
	char id[CONTAINER_ID_BYTES]; /* container_id_is_valid() */
	int64_t time_ns;             /* CLOCK_REALTIME, when it was published */
	char image[CONTAINER_STRING_MAX + 1];
	char bundle[CONTAINER_PATH_MAX + 1];
	uint32_t pid;
	uint32_t exit_status;
	int64_t exited_ns;
};

/* An Envelope. 1: *ret is filled; 0: nothing about containers or their first processes; -EINVAL. */
int containerd_parse_event(struct containerd_event *ret, const uint8_t *bytes, size_t size, struct error *err);

/* A task as Tasks.List has it. */
struct containerd_task {
	char id[CONTAINER_ID_BYTES];
	enum container_state state;
	uint32_t pid;
	uint32_t exit_status; /* of an exited one */
	int64_t exited_ns;    /* 0: not known */
};

/* A ListTasksResponse: its tasks with valid ids, the caller's to free(). -EINVAL, -ENOMEM. */
int containerd_parse_tasks(struct containerd_task **ret, size_t *ret_count, const uint8_t *bytes, size_t size, struct error *err);

/* A GetContainerResponse or a ListContainerMessage, which have the same form: a new fact without anything about a task. Its labels are in the order of
 * their keys; names of the container and its pod are from labels of the CRI plugin and of nerdctl. The runtime of what is in the
 * namespace "moby" is Docker. -EINVAL, -ENOMEM. */
int containerd_parse_container(struct container_fact **ret, const char *namespace_name, const uint8_t *bytes, size_t size,
			       struct error *err);

/* A GetImageResponse: the digest of its target without "sha256:", "" when there is none. -EINVAL. */
int containerd_parse_image(char ret[CONTAINER_STRING_MAX + 1], const uint8_t *bytes, size_t size, struct error *err);

/* A ListNamespacesResponse. The array is the caller's to free(); names that are too long are left out. */
int containerd_parse_namespaces(char (**ret)[CONTAINERD_NAMESPACE_BYTES], size_t *ret_count, const uint8_t *bytes, size_t size,
				struct error *err);

/* A SubscribeRequest for the events that containerd_parse_event() knows. */
void containerd_put_subscribe_request(struct buffer *to);
/* A GetContainerRequest or a GetImageRequest, which have the same form. */
void containerd_put_get_request(struct buffer *to, const char *id);

#endif
