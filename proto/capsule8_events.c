#include "proto/capsule8_events.h"

#include <errno.h>

int capsule8_response_unpack(const uint8_t *bytes, size_t size, Capsule8__Api__V0__GetEventsResponse **ret, struct error *err)
{
	Capsule8__Api__V0__GetEventsResponse *response = capsule8__api__v0__get_events_response__unpack(NULL, size, bytes);

	if (!response)
		return error_set(err, -EINVAL, "%zu bytes from the server are not a capsule8.api.v0.GetEventsResponse", size);
	*ret = response;
	return 0;
}

Capsule8__Api__V0__GetEventsResponse *capsule8_response_free(Capsule8__Api__V0__GetEventsResponse *response)
{
	capsule8__api__v0__get_events_response__free_unpacked(response, NULL);
	return NULL;
}

static enum event_kind syscall_kind(int type)
{
	switch (type) {
	case CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER:
		return EVENT_SYSCALL_ENTER;
	case CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT:
		return EVENT_SYSCALL_EXIT;
	default:
		return EVENT_KIND_COUNT;
	}
}

struct type_pair {
	int type;
	enum event_kind kind;
};

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define PROCESS(name) CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_##name
#define FILE_(name)                                                                           \
	{                                                                                     \
		CAPSULE8__API__V0__FILE_EVENT_TYPE__FILE_EVENT_TYPE_##name, EVENT_FILE_##name \
	}
#define NETWORK(name)                                                                          \
	{                                                                                      \
		CAPSULE8__API__V0__NETWORK_EVENT_TYPE__NETWORK_EVENT_TYPE_##name, EVENT_##name \
	}
#define CONTAINER(name)                                                                                      \
	{                                                                                                    \
		CAPSULE8__API__V0__CONTAINER_EVENT_TYPE__CONTAINER_EVENT_TYPE_##name, EVENT_CONTAINER_##name \
	}

static const struct type_pair process_types[] = {
	{PROCESS(FORK), EVENT_PROCESS_FORK},  {PROCESS(EXEC), EVENT_PROCESS_EXEC},     {PROCESS(EXIT), EVENT_PROCESS_EXIT},
	{PROCESS(UPDATE), EVENT_PROCESS_CWD}, {PROCESS(RENAME), EVENT_PROCESS_RENAME},
};

static const struct type_pair file_types[] = {
	FILE_(OPEN),   FILE_(CREATE),           FILE_(DELETE),           FILE_(LINK), FILE_(RENAME), FILE_(OPEN_FOR_MODIFY),
	FILE_(MODIFY), FILE_(CLOSE_FOR_MODIFY), FILE_(ATTRIBUTE_CHANGE),
};

static const struct type_pair network_types[] = {
	NETWORK(CONNECT_ATTEMPT), NETWORK(CONNECT_RESULT), NETWORK(BIND_ATTEMPT),     NETWORK(BIND_RESULT),
	NETWORK(LISTEN_ATTEMPT),  NETWORK(LISTEN_RESULT),  NETWORK(ACCEPT_ATTEMPT),   NETWORK(ACCEPT_RESULT),
	NETWORK(SENDTO_ATTEMPT),  NETWORK(SENDTO_RESULT),  NETWORK(RECVFROM_ATTEMPT), NETWORK(RECVFROM_RESULT),
};

static const struct type_pair container_types[] = {
	CONTAINER(CREATED), CONTAINER(RUNNING), CONTAINER(EXITED), CONTAINER(DESTROYED), CONTAINER(UPDATED),
};

static enum event_kind kind_of(const struct type_pair *pairs, size_t count, int type)
{
	for (size_t i = 0; i < count; i++)
		if (pairs[i].type == type)
			return pairs[i].kind;
	return EVENT_KIND_COUNT;
}

static int type_of(const struct type_pair *pairs, size_t count, enum event_kind kind)
{
	for (size_t i = 0; i < count; i++)
		if (pairs[i].kind == kind)
			return pairs[i].type;
	return 0;
}

enum event_kind capsule8_process_kind(Capsule8__Api__V0__ProcessEventType type)
{
	return kind_of(process_types, COUNT(process_types), (int)type);
}

enum event_kind capsule8_file_kind(Capsule8__Api__V0__FileEventType type)
{
	return kind_of(file_types, COUNT(file_types), (int)type);
}

enum event_kind capsule8_network_kind(Capsule8__Api__V0__NetworkEventType type)
{
	return kind_of(network_types, COUNT(network_types), (int)type);
}

enum event_kind capsule8_container_kind(Capsule8__Api__V0__ContainerEventType type)
{
	return kind_of(container_types, COUNT(container_types), (int)type);
}

Capsule8__Api__V0__ProcessEventType capsule8_process_type(enum event_kind kind)
{
	return (Capsule8__Api__V0__ProcessEventType)type_of(process_types, COUNT(process_types), kind);
}

Capsule8__Api__V0__FileEventType capsule8_file_type(enum event_kind kind)
{
	return (Capsule8__Api__V0__FileEventType)type_of(file_types, COUNT(file_types), kind);
}

Capsule8__Api__V0__NetworkEventType capsule8_network_type(enum event_kind kind)
{
	return (Capsule8__Api__V0__NetworkEventType)type_of(network_types, COUNT(network_types), kind);
}

Capsule8__Api__V0__ContainerEventType capsule8_container_type(enum event_kind kind)
{
	return (Capsule8__Api__V0__ContainerEventType)type_of(container_types, COUNT(container_types), kind);
}

const char *capsule8_file_name_field(enum event_kind kind)
{
	return kind == EVENT_FILE_LINK ? "source_file" : kind == EVENT_FILE_RENAME ? "oldname" : "filename";
}

static enum event_kind kernel_call_kind(int type)
{
	switch (type) {
	case CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_ENTER:
		return EVENT_KERNEL_CALL_ENTER;
	case CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_EXIT:
		return EVENT_KERNEL_CALL_EXIT;
	default:
		return EVENT_KIND_COUNT;
	}
}

static enum event_kind user_call_kind(int type)
{
	switch (type) {
	case CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_ENTER:
		return EVENT_USER_CALL_ENTER;
	case CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_EXIT:
		return EVENT_USER_CALL_EXIT;
	default:
		return EVENT_KIND_COUNT;
	}
}

enum event_kind capsule8_member_kind(Capsule8__Api__V0__Event__EventCase member, int type)
{
	switch (member) {
	case CAPSULE8__API__V0__EVENT__EVENT_SYSCALL:
		return syscall_kind(type);
	case CAPSULE8__API__V0__EVENT__EVENT_PROCESS:
		return kind_of(process_types, COUNT(process_types), type);
	case CAPSULE8__API__V0__EVENT__EVENT_FILE:
		return kind_of(file_types, COUNT(file_types), type);
	case CAPSULE8__API__V0__EVENT__EVENT_NETWORK:
		return kind_of(network_types, COUNT(network_types), type);
	case CAPSULE8__API__V0__EVENT__EVENT_KERNEL_CALL:
		return kernel_call_kind(type);
	case CAPSULE8__API__V0__EVENT__EVENT_USER_CALL:
		return user_call_kind(type);
	case CAPSULE8__API__V0__EVENT__EVENT_PERFORMANCE:
		return EVENT_PERFORMANCE;
	case CAPSULE8__API__V0__EVENT__EVENT_CONTAINER:
		return kind_of(container_types, COUNT(container_types), type);
	case CAPSULE8__API__V0__EVENT__EVENT_TICKER:
		return EVENT_TICKER;
	case CAPSULE8__API__V0__EVENT__EVENT_CHARGEN:
		return EVENT_CHARGEN;
	case CAPSULE8__API__V0__EVENT__EVENT_LOST:
		return EVENT_LOST;
	default:
		return EVENT_KIND_COUNT;
	}
}

/* The type in the member; 0 for one that has none. */
static int member_type(const Capsule8__Api__V0__Event *event)
{
	switch (event->event_case) {
	case CAPSULE8__API__V0__EVENT__EVENT_SYSCALL:
		return event->syscall ? (int)event->syscall->type : 0;
	case CAPSULE8__API__V0__EVENT__EVENT_PROCESS:
		return event->process ? (int)event->process->type : 0;
	case CAPSULE8__API__V0__EVENT__EVENT_FILE:
		return event->file ? (int)event->file->type : 0;
	case CAPSULE8__API__V0__EVENT__EVENT_NETWORK:
		return event->network ? (int)event->network->type : 0;
	case CAPSULE8__API__V0__EVENT__EVENT_KERNEL_CALL:
		return event->kernel_call ? (int)event->kernel_call->type : 0;
	case CAPSULE8__API__V0__EVENT__EVENT_USER_CALL:
		return event->user_call ? (int)event->user_call->type : 0;
	case CAPSULE8__API__V0__EVENT__EVENT_CONTAINER:
		return event->container ? (int)event->container->type : 0;
	default:
		return 0;
	}
}

enum event_kind capsule8_event_kind(const Capsule8__Api__V0__Event *event)
{
	return capsule8_member_kind(event->event_case, member_type(event));
}
