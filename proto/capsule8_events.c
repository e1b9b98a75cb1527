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

static enum event_kind syscall_kind(const Capsule8__Api__V0__SyscallEvent *syscall)
{
	switch (syscall->type) {
	case CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER:
		return EVENT_SYSCALL_ENTER;
	case CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT:
		return EVENT_SYSCALL_EXIT;
	default:
		return EVENT_KIND_COUNT;
	}
}

enum event_kind capsule8_process_kind(Capsule8__Api__V0__ProcessEventType type)
{
	switch (type) {
	case CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_FORK:
		return EVENT_PROCESS_FORK;
	case CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC:
		return EVENT_PROCESS_EXEC;
	case CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT:
		return EVENT_PROCESS_EXIT;
	default:
		return EVENT_KIND_COUNT;
	}
}

enum event_kind capsule8_event_kind(const Capsule8__Api__V0__Event *event)
{
	switch (event->event_case) {
	case CAPSULE8__API__V0__EVENT__EVENT_SYSCALL:
		return event->syscall ? syscall_kind(event->syscall) : EVENT_KIND_COUNT;
	case CAPSULE8__API__V0__EVENT__EVENT_PROCESS:
		return event->process ? capsule8_process_kind(event->process->type) : EVENT_KIND_COUNT;
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
