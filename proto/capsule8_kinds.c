#include "proto/capsule8_kinds.h"

#include "capsule8/api/v0/event.pb-c.h"
#include "proto/capsule8_encoder.h"
#include "proto/capsule8_events.h"
#include "proto/event_string.h"
#include "proto/utf8.h"
#include "proto/wire.h"
#include "sensor/catalog.h"
#include "sensor/container.h"
#include "sensor/probe_request.h"
#include "sensor/process_cache.h"

#include <linux/perf_event.h>
#include <string.h>

/* "network:recvfrom:result", and longer ones to come. */
#define KIND_NAME_MAX 64

/* Frames, tags and numbers of one argument, of one counter. */
#define ARGUMENT_MAX (6 * WIRE_FIELD_MAX)
#define COUNTER_MAX  (4 * WIRE_FIELD_MAX)

/* What they commonly take beside strings. */
#define ARGUMENT_USUAL 16
#define COUNTER_USUAL  12

/* What they commonly take in an event about a container beside its strings. */
#define CONTAINER_USUAL 16

static uint8_t *put_text(uint8_t *to, uint32_t field, const char *text)
{
	return text ? utf8_put_field(to, field, text, strlen(text)) : to;
}

/* Zero too: a member of a oneof is there or not. */
static uint8_t *put_chosen(uint8_t *to, uint32_t field, uint64_t value)
{
	return wire_varint(wire_tag(to, field, WIRE_VARINT), value);
}

static uint8_t *put_fork(uint8_t *to, const struct event_fork *fork)
{
	uint8_t *start = wire_begin(to, 11, 1);

	to = wire_put_varint(start, 1, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_FORK);
	if (fork->child) {
		to = wire_put_sint(to, 10, (int32_t)fork->child->tgid);
		to = wire_put_bytes(to, 11, fork->child->id, strnlen(fork->child->id, sizeof(fork->child->id)));
	}
	to = wire_put_varint(to, 12, fork->clone_flags);
	return wire_end(start, to, 1);
}

static uint8_t *put_exec(uint8_t *to, const struct event_exec *exec)
{
	unsigned int width = wire_varint_size(exec->filename.length + exec->arguments.length + exec->argument_count + 8);
	uint8_t *start = wire_begin(to, 11, width);
	const char *at = exec->arguments.bytes;
	size_t left = exec->arguments.length;

	to = wire_put_varint(start, 1, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC);
	to = event_string_put(to, 20, &exec->filename);
	for (uint32_t i = 0; i < exec->argument_count && left; i++) {
		size_t length = strnlen(at, left);
		size_t whole = length < left ? length + 1 : length;

		to = utf8_put_field(to, 21, at, length);
		at += whole;
		left -= whole;
	}
	to = wire_put_bool(to, 1000, exec->arguments_truncated);
	return wire_end(start, to, width);
}

static uint8_t *put_exit(uint8_t *to, const struct event_exit *exit)
{
	uint8_t *start = wire_begin(to, 11, 1);

	to = wire_put_varint(start, 1, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	to = wire_put_sint(to, 30, exit->code);
	to = wire_put_varint(to, 31, exit->status);
	to = wire_put_varint(to, 32, exit->signal);
	to = wire_put_bool(to, 33, exit->core_dumped);
	to = wire_put_bool(to, 1001, exit->code_unknown);
	return wire_end(start, to, 1);
}

/* A change of a process that one string tells. */
static uint8_t *put_update(uint8_t *to, Capsule8__Api__V0__ProcessEventType type, uint32_t field, const struct event_string *string)
{
	unsigned int width = wire_varint_size(string->length + 8);
	uint8_t *start = wire_begin(to, 11, width);

	to = wire_put_varint(start, 1, type);
	to = event_string_put(to, field, string);
	return wire_end(start, to, width);
}

/* The numbers of the fields that have the names of a file event. */
struct file_fields {
	Capsule8__Api__V0__FileEventType type;
	uint32_t filename;
	uint32_t target;
};

#define FILE_TYPE(name) CAPSULE8__API__V0__FILE_EVENT_TYPE__FILE_EVENT_TYPE_##name

static uint8_t *put_file(uint8_t *to, const struct event_file *file, struct file_fields fields)
{
	unsigned int width =
		wire_varint_size(file->filename.length + file->path.length + file->target.length + file->target_path.length + 16);
	uint8_t *start = wire_begin(to, 12, width);

	to = wire_put_varint(start, 1, fields.type);
	to = event_string_put(to, fields.filename, &file->filename);
	if (fields.type == FILE_TYPE(OPEN))
		to = wire_put_sint(to, 11, file->flags);
	if (fields.type == FILE_TYPE(OPEN) || fields.type == FILE_TYPE(CREATE))
		to = wire_put_sint(to, 12, file->mode);
	to = event_string_put(to, 1000, &file->path);
	if (fields.target) {
		to = event_string_put(to, fields.target, &file->target);
		to = event_string_put(to, 1001, &file->target_path);
	}
	if (fields.type == FILE_TYPE(LINK))
		to = wire_put_bool(to, 15, file->symlink);
	to = wire_put_bool(to, 1002, file->truncated);
	to = wire_put_bool(to, 1003, file->unknown);
	return wire_end(start, to, width);
}

static uint8_t *put_name(uint8_t *to, const struct event_file *file, Capsule8__Api__V0__FileEventType type)
{
	return put_file(to, file, (struct file_fields){.type = type, .filename = 10});
}

static uint8_t *put_ipv4(uint8_t *to, const struct event_address *address)
{
	uint8_t *outer = wire_begin(to, 10, 1);
	uint8_t *inner = wire_begin(outer, 1, 1);

	to = wire_put_fixed32(inner, 1, address->ipv4);
	to = wire_end(inner, to, 1);
	to = wire_put_varint(to, 2, address->port);
	return wire_end(outer, to, 1);
}

static uint8_t *put_ipv6(uint8_t *to, const struct event_address *address)
{
	uint8_t *outer = wire_begin(to, 20, 1);
	uint8_t *inner = wire_begin(outer, 1, 1);

	to = wire_put_fixed64(inner, 1, address->ipv6_high);
	to = wire_put_fixed64(to, 2, address->ipv6_low);
	to = wire_end(inner, to, 1);
	to = wire_put_varint(to, 2, address->port);
	return wire_end(outer, to, 1);
}

static uint8_t *put_address(uint8_t *to, const struct event_address *address)
{
	uint8_t *start;

	if (address->family == ADDRESS_NONE)
		return to;
	start = wire_begin(to, 11, 1);
	to = wire_put_varint(start, 1, address->family);
	if (address->family == ADDRESS_INET)
		to = put_ipv4(to, address);
	else if (address->family == ADDRESS_INET6)
		to = put_ipv6(to, address);
	else if (address->family == ADDRESS_LOCAL)
		to = utf8_put_field(to, 30, address->path.bytes, address->path.length);
	return wire_end(start, to, 1);
}

#define NETWORK_TYPE(name) CAPSULE8__API__V0__NETWORK_EVENT_TYPE__NETWORK_EVENT_TYPE_##name

static uint8_t *put_attempt(uint8_t *to, const struct event_network *network, Capsule8__Api__V0__NetworkEventType type)
{
	uint8_t *start = wire_begin(to, 14, 1);

	to = wire_put_varint(start, 1, type);
	to = wire_put_varint(to, 10, network->sockfd);
	to = put_address(to, &network->address);
	to = wire_put_varint(to, 13, network->backlog);
	to = wire_put_bool(to, 1000, network->address_unknown);
	return wire_end(start, to, 1);
}

static uint8_t *put_result(uint8_t *to, const struct event_network *network, Capsule8__Api__V0__NetworkEventType type)
{
	uint8_t *start = wire_begin(to, 14, 1);

	to = wire_put_varint(start, 1, type);
	to = wire_put_sint(to, 12, network->result);
	return wire_end(start, to, 1);
}

/* KernelFunctionCallEvent and UserFunctionCallEvent have the same numbers for the same things. */
static uint8_t *put_argument_value(uint8_t *to, const struct call_argument *argument)
{
	to = wire_put_varint(to, 1, argument->type);
	switch (argument->type) {
	case CALL_BYTES:
		return wire_put_bytes(to, 2, argument->bytes.bytes, argument->bytes.length);
	case CALL_STRING:
		return utf8_put_field(to, 3, argument->bytes.bytes, argument->bytes.length);
	case CALL_SINT8:
	case CALL_SINT16:
	case CALL_SINT32:
	case CALL_SINT64:
		return put_chosen(to, 4, wire_zigzag((int64_t)argument->integer));
	case CALL_UINT8:
	case CALL_UINT16:
	case CALL_UINT32:
	case CALL_UINT64:
		return put_chosen(to, 5, argument->integer);
	}
	return to;
}

static uint8_t *put_argument(uint8_t *to, const struct call_argument *argument)
{
	unsigned int width = wire_varint_size(argument->bytes.length + strlen(argument->name) + ARGUMENT_USUAL);
	uint8_t *outer = wire_begin(to, 1, width);
	uint8_t *inner;

	to = put_text(outer, 1, argument->name);
	inner = wire_begin(to, 2, width);
	to = put_argument_value(inner, argument);
	to = wire_end(inner, to, width);
	return wire_end(outer, to, width);
}

static size_t call_usual(const struct event *event)
{
	size_t usual = 0;

	for (uint32_t i = 0; i < event->call.count; i++)
		usual += event->call.arguments[i].bytes.length + strlen(event->call.arguments[i].name) + ARGUMENT_USUAL;
	if (event->request)
		usual += strlen(event->request->symbol) + (event->request->executable ? strlen(event->request->executable) : 0);
	return usual;
}

static uint8_t *put_call(uint8_t *to, const struct event *event, uint32_t field, uint32_t type)
{
	unsigned int width = wire_varint_size(call_usual(event));
	uint8_t *start = wire_begin(to, field, width);

	to = start;
	for (uint32_t i = 0; i < event->call.count; i++)
		to = put_argument(to, &event->call.arguments[i]);
	to = wire_put_varint(to, 1000, type);
	if (event->request) {
		to = put_text(to, 1001, event->request->symbol);
		to = put_text(to, 1002, event->request->executable);
	}
	return wire_end(start, to, width);
}

static Capsule8__Api__V0__PerformanceEventType counter_type(uint32_t perf_type)
{
	switch (perf_type) {
	case PERF_TYPE_HARDWARE:
		return CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE;
	case PERF_TYPE_HW_CACHE:
		return CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE_CACHE;
	case PERF_TYPE_SOFTWARE:
		return CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_SOFTWARE;
	default:
		return CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_UNKNOWN;
	}
}

static uint32_t counter_count(const struct event *event)
{
	size_t known = event->request ? event->request->counter_count : 0;

	return event->performance.count < known ? event->performance.count : (uint32_t)known;
}

static uint8_t *put_performance(uint8_t *to, const struct event *event)
{
	const struct event_performance *performance = &event->performance;
	uint32_t count = counter_count(event);
	unsigned int width = wire_varint_size((size_t)COUNTER_USUAL * count + COUNTER_USUAL);
	uint8_t *start = wire_begin(to, 15, width);

	to = wire_put_varint(start, 1, performance->time_enabled);
	to = wire_put_varint(to, 2, performance->time_running);
	for (uint32_t i = 0; i < count; i++) {
		const struct perf_counter *counter = &event->request->counters[i];
		uint8_t *value = wire_begin(to, 3, 1);

		to = wire_put_varint(value, 1, counter_type(counter->type));
		to = wire_put_varint(to, 2, counter->config);
		to = wire_put_varint(to, 3, performance->values[i]);
		to = wire_end(value, to, 1);
	}
	return wire_end(start, to, width);
}

/* Names and ids, of which the event has those of its container, too. An event about a container always has one. */
static size_t container_text_length(const struct event *event)
{
	const struct container *c = event->container.container;

	return c->name.length + c->image_id.length + c->image_name.length;
}

/* The most that a file takes; 0: it is left out, since nobody asked for it or it is too long. */
static size_t json_bound(const struct event_string *json, enum detail detail)
{
	size_t bound;

	if (detail != DETAIL_FULL || json->length > CAPSULE8_JSON_MAX_BYTES)
		return 0;
	bound = utf8_is_valid(json->bytes, json->length) ? json->length : UTF8_EXPANSION * json->length;
	return bound <= CAPSULE8_JSON_MAX_BYTES ? bound : 0;
}

static size_t container_usual(const struct event *event, enum detail detail)
{
	const struct container *c = event->container.container;

	return container_text_length(event) + (detail == DETAIL_FULL ? c->docker_config.length + c->oci_config.length : 0) +
	       CONTAINER_USUAL;
}

static size_t container_bound(const struct event *event, enum detail detail)
{
	const struct container *c = event->container.container;

	return 2 * UTF8_EXPANSION * CONTAINER_TEXT_BYTES + json_bound(&c->docker_config, detail) + json_bound(&c->oci_config, detail) +
	       2 * WIRE_FIELD_MAX;
}

static uint8_t *put_json(uint8_t *to, uint32_t field, const struct event_string *json, enum detail detail)
{
	return json_bound(json, detail) ? event_string_put(to, field, json) : to;
}

static uint8_t *put_container(uint8_t *to, const struct event *event, enum detail detail)
{
	const struct event_container *e = &event->container;
	const struct container *c = e->container;
	unsigned int width = wire_varint_size(container_usual(event, detail));
	uint8_t *start = wire_begin(to, 20, width);

	to = wire_put_varint(start, 1, capsule8_container_type(event->kind));
	to = event_string_put(to, 2, &c->name);
	to = event_string_put(to, 10, &c->image_id);
	to = event_string_put(to, 11, &c->image_name);
	to = wire_put_sint(to, 20, (int32_t)e->host_pid);
	if (event->kind == EVENT_CONTAINER_EXITED) {
		to = wire_put_sint(to, 30, e->exit_code);
		to = wire_put_varint(to, 31, e->exit_status);
		to = wire_put_varint(to, 32, e->exit_signal);
		to = wire_put_bool(to, 33, e->core_dumped);
		to = wire_put_bool(to, 1000, e->exit_unknown);
		to = wire_put_bool(to, 1001, e->oom_killed);
	}
	to = put_json(to, 100, &c->docker_config, detail);
	to = put_json(to, 101, &c->oci_config, detail);
	return wire_end(start, to, width);
}

static uint8_t *put_ticker(uint8_t *to, const struct event_ticker *ticker)
{
	uint8_t *start = wire_begin(to, 101, 1);

	to = wire_put_int(start, 1, ticker->seconds);
	to = wire_put_int(to, 2, ticker->nanoseconds);
	return wire_end(start, to, 1);
}

static uint8_t *put_chargen(uint8_t *to, const struct event_chargen *chargen)
{
	unsigned int width = wire_varint_size(chargen->characters.length + 8);
	uint8_t *start = wire_begin(to, 100, width);

	to = wire_put_varint(start, 1, chargen->index);
	to = event_string_put(to, 2, &chargen->characters);
	return wire_end(start, to, width);
}

static uint8_t *put_lost_source(uint8_t *to, enum event_kind kind)
{
	const struct catalog_entry *entry;
	size_t family, type;
	uint8_t *start;

	if (kind >= EVENT_KIND_COUNT)
		return to;
	entry = catalog_entry(kind);
	family = strlen(entry->family);
	type = strlen(entry->type);
	start = wire_begin(to, 1001, 1);
	memcpy(start, entry->family, family);
	if (type) {
		start[family] = ':';
		memcpy(start + family + 1, entry->type, type);
		type++;
	}
	return wire_end(start, start + family + type, 1);
}

#define LOST_TYPE(name) CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_##name

/* Links do not tell here whether they are symbolic: what was lost was not looked at. */
static Capsule8__Api__V0__LostRecordEventType lost_type(enum event_kind kind)
{
	switch (kind) {
	case EVENT_PROCESS_FORK:
	case EVENT_PROCESS_EXEC:
	case EVENT_PROCESS_EXIT:
	case EVENT_PROCESS_CWD:
	case EVENT_PROCESS_RENAME:
		return LOST_TYPE(PROCESS);
	case EVENT_FILE_CREATE:
		return LOST_TYPE(FILE_CREATE);
	case EVENT_FILE_DELETE:
		return LOST_TYPE(FILE_DELETE);
	case EVENT_FILE_LINK:
		return LOST_TYPE(FILE_LINK);
	case EVENT_FILE_RENAME:
		return LOST_TYPE(FILE_RENAME);
	case EVENT_FILE_OPEN_FOR_MODIFY:
		return LOST_TYPE(FILE_OPEN_MODIFY);
	case EVENT_FILE_MODIFY:
		return LOST_TYPE(FILE_MODIFY);
	case EVENT_FILE_CLOSE_FOR_MODIFY:
		return LOST_TYPE(FILE_CLOSE_MODIFY);
	case EVENT_FILE_ATTRIBUTE_CHANGE:
		return LOST_TYPE(FILE_ATTRIBUTE_CHANGE);
	case EVENT_CONTAINER_CREATED:
	case EVENT_CONTAINER_RUNNING:
	case EVENT_CONTAINER_EXITED:
	case EVENT_CONTAINER_DESTROYED:
	case EVENT_CONTAINER_UPDATED:
		return LOST_TYPE(CONTAINER);
	default:
		return LOST_TYPE(SUBSCRIPTION);
	}
}

static Capsule8__Api__V0__LostRecordCause lost_cause(enum lost_cause cause)
{
	switch (cause) {
	case LOST_RING:
		return CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RING;
	case LOST_QUEUE:
		return CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_QUEUE;
	case LOST_PROBE:
		return CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_PROBE;
	case LOST_RECORDER:
		return CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER;
	}
	return CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_UNSPECIFIED;
}

#define SAME_GAP(name)                                                                                  \
	_Static_assert((int)RECORD_GAP_##name == (int)CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_##name, \
		       "gaps are written as the numbers that they are")
SAME_GAP(NONE);
SAME_GAP(NOT_KEPT);
SAME_GAP(STOPPED);
SAME_GAP(CRASHED);
SAME_GAP(DAMAGED);
SAME_GAP(DELETED);
SAME_GAP(OVERFLOW);

static uint8_t *put_lost(uint8_t *to, const struct event_lost *lost)
{
	uint8_t *start = wire_begin(to, 102, 1);

	to = wire_put_varint(start, 1, lost->count);
	to = wire_put_varint(to, 2, lost_type(lost->of));
	to = wire_put_varint(to, 1000, lost_cause(lost->cause));
	to = put_lost_source(to, lost->of);
	to = wire_put_varint(to, 1002, lost->gap);
	to = wire_put_varint(to, 1003, lost->after_sequence);
	to = wire_put_varint(to, 1004, lost->before_sequence);
	to = wire_put_int(to, 1005, lost->realtime_offset_ns);
	return wire_end(start, to, 1);
}

uint8_t *capsule8_put_kind(uint8_t *to, const struct event *event, enum detail detail)
{
	const struct event_network *network = &event->network;
	const struct event_file *file = &event->file;

	switch (event->kind) {
	case EVENT_PROCESS_FORK:
		return put_fork(to, &event->fork);
	case EVENT_PROCESS_EXEC:
		return put_exec(to, &event->exec);
	case EVENT_PROCESS_EXIT:
		return put_exit(to, &event->exit);
	case EVENT_PROCESS_CWD:
		return put_update(to, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_UPDATE, 40, &event->cwd.path);
	case EVENT_PROCESS_RENAME:
		return put_update(to, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_RENAME, 1002, &event->rename.comm);
	case EVENT_FILE_OPEN:
		return put_name(to, file, FILE_TYPE(OPEN));
	case EVENT_FILE_CREATE:
		return put_name(to, file, FILE_TYPE(CREATE));
	case EVENT_FILE_DELETE:
		return put_name(to, file, FILE_TYPE(DELETE));
	case EVENT_FILE_LINK:
		return put_file(to, file, (struct file_fields){.type = FILE_TYPE(LINK), .filename = 13, .target = 14});
	case EVENT_FILE_RENAME:
		return put_file(to, file, (struct file_fields){.type = FILE_TYPE(RENAME), .filename = 16, .target = 17});
	case EVENT_FILE_OPEN_FOR_MODIFY:
		return put_name(to, file, FILE_TYPE(OPEN_FOR_MODIFY));
	case EVENT_FILE_MODIFY:
		return put_name(to, file, FILE_TYPE(MODIFY));
	case EVENT_FILE_CLOSE_FOR_MODIFY:
		return put_name(to, file, FILE_TYPE(CLOSE_FOR_MODIFY));
	case EVENT_FILE_ATTRIBUTE_CHANGE:
		return put_name(to, file, FILE_TYPE(ATTRIBUTE_CHANGE));
	case EVENT_CONNECT_ATTEMPT:
		return put_attempt(to, network, NETWORK_TYPE(CONNECT_ATTEMPT));
	case EVENT_CONNECT_RESULT:
		return put_result(to, network, NETWORK_TYPE(CONNECT_RESULT));
	case EVENT_BIND_ATTEMPT:
		return put_attempt(to, network, NETWORK_TYPE(BIND_ATTEMPT));
	case EVENT_BIND_RESULT:
		return put_result(to, network, NETWORK_TYPE(BIND_RESULT));
	case EVENT_LISTEN_ATTEMPT:
		return put_attempt(to, network, NETWORK_TYPE(LISTEN_ATTEMPT));
	case EVENT_LISTEN_RESULT:
		return put_result(to, network, NETWORK_TYPE(LISTEN_RESULT));
	case EVENT_ACCEPT_ATTEMPT:
		return put_attempt(to, network, NETWORK_TYPE(ACCEPT_ATTEMPT));
	case EVENT_ACCEPT_RESULT:
		return put_result(to, network, NETWORK_TYPE(ACCEPT_RESULT));
	case EVENT_SENDTO_ATTEMPT:
		return put_attempt(to, network, NETWORK_TYPE(SENDTO_ATTEMPT));
	case EVENT_SENDTO_RESULT:
		return put_result(to, network, NETWORK_TYPE(SENDTO_RESULT));
	case EVENT_RECVFROM_ATTEMPT:
		return put_attempt(to, network, NETWORK_TYPE(RECVFROM_ATTEMPT));
	case EVENT_RECVFROM_RESULT:
		return put_result(to, network, NETWORK_TYPE(RECVFROM_RESULT));
	case EVENT_KERNEL_CALL_ENTER:
		return put_call(to, event, 13, CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_ENTER);
	case EVENT_KERNEL_CALL_EXIT:
		return put_call(to, event, 13, CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_EXIT);
	case EVENT_USER_CALL_ENTER:
		return put_call(to, event, 16, CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_ENTER);
	case EVENT_USER_CALL_EXIT:
		return put_call(to, event, 16, CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_EXIT);
	case EVENT_PERFORMANCE:
		return put_performance(to, event);
	case EVENT_CONTAINER_CREATED:
	case EVENT_CONTAINER_RUNNING:
	case EVENT_CONTAINER_EXITED:
	case EVENT_CONTAINER_DESTROYED:
	case EVENT_CONTAINER_UPDATED:
		return put_container(to, event, detail);
	case EVENT_TICKER:
		return put_ticker(to, &event->ticker);
	case EVENT_CHARGEN:
		return put_chargen(to, &event->chargen);
	case EVENT_LOST:
		return put_lost(to, &event->lost);
	case EVENT_SYSCALL_ENTER:
	case EVENT_SYSCALL_EXIT:
	case EVENT_KIND_COUNT:
		break;
	}
	return to;
}

static size_t string_bound(const struct event_string *string)
{
	return utf8_is_ascii(string->bytes, string->length) ? string->length : UTF8_EXPANSION * string->length;
}

static size_t text_bound(const char *text)
{
	return text ? UTF8_EXPANSION * strlen(text) : 0;
}

static size_t call_bound(const struct event *event)
{
	size_t bound = 0;

	for (uint32_t i = 0; i < event->call.count; i++)
		bound += ARGUMENT_MAX + text_bound(event->call.arguments[i].name) + string_bound(&event->call.arguments[i].bytes);
	if (event->request)
		bound += text_bound(event->request->symbol) + text_bound(event->request->executable);
	return bound;
}

static size_t file_bound(const struct event_file *file)
{
	return string_bound(&file->filename) + string_bound(&file->path) + string_bound(&file->target) + string_bound(&file->target_path);
}

size_t capsule8_kind_bound(const struct event *event, enum detail detail, size_t *ret_usual)
{
	const struct event_exec *exec = &event->exec;
	const struct event_file *file = &event->file;

	*ret_usual = 0;
	switch (event->kind) {
	case EVENT_PROCESS_FORK:
		return PROCESS_ID_BYTES;
	case EVENT_PROCESS_EXEC:
		*ret_usual = exec->filename.length + exec->arguments.length + exec->argument_count;
		return string_bound(&exec->filename) + string_bound(&exec->arguments) + (size_t)exec->argument_count * WIRE_FIELD_MAX;
	case EVENT_PROCESS_CWD:
		*ret_usual = event->cwd.path.length;
		return string_bound(&event->cwd.path);
	case EVENT_PROCESS_RENAME:
		return string_bound(&event->rename.comm);
	case EVENT_FILE_OPEN:
	case EVENT_FILE_CREATE:
	case EVENT_FILE_DELETE:
	case EVENT_FILE_LINK:
	case EVENT_FILE_RENAME:
	case EVENT_FILE_OPEN_FOR_MODIFY:
	case EVENT_FILE_MODIFY:
	case EVENT_FILE_CLOSE_FOR_MODIFY:
	case EVENT_FILE_ATTRIBUTE_CHANGE:
		*ret_usual = file->filename.length + file->path.length + file->target.length + file->target_path.length;
		return file_bound(file);
	case EVENT_CONNECT_ATTEMPT:
	case EVENT_BIND_ATTEMPT:
	case EVENT_SENDTO_ATTEMPT:
		*ret_usual = event->network.address.path.length;
		return string_bound(&event->network.address.path);
	case EVENT_KERNEL_CALL_ENTER:
	case EVENT_KERNEL_CALL_EXIT:
	case EVENT_USER_CALL_ENTER:
	case EVENT_USER_CALL_EXIT:
		*ret_usual = call_usual(event);
		return call_bound(event);
	case EVENT_PERFORMANCE:
		*ret_usual = (size_t)COUNTER_USUAL * counter_count(event);
		return (size_t)COUNTER_MAX * counter_count(event);
	case EVENT_CONTAINER_CREATED:
	case EVENT_CONTAINER_RUNNING:
	case EVENT_CONTAINER_EXITED:
	case EVENT_CONTAINER_DESTROYED:
	case EVENT_CONTAINER_UPDATED:
		*ret_usual = container_usual(event, detail) + container_text_length(event);
		return container_bound(event, detail);
	case EVENT_CHARGEN:
		*ret_usual = event->chargen.characters.length;
		return string_bound(&event->chargen.characters);
	case EVENT_LOST:
		return KIND_NAME_MAX;
	case EVENT_SYSCALL_ENTER:
	case EVENT_SYSCALL_EXIT:
	case EVENT_PROCESS_EXIT:
	case EVENT_CONNECT_RESULT:
	case EVENT_BIND_RESULT:
	case EVENT_LISTEN_ATTEMPT:
	case EVENT_LISTEN_RESULT:
	case EVENT_ACCEPT_ATTEMPT:
	case EVENT_ACCEPT_RESULT:
	case EVENT_SENDTO_RESULT:
	case EVENT_RECVFROM_ATTEMPT:
	case EVENT_RECVFROM_RESULT:
	case EVENT_TICKER:
	case EVENT_KIND_COUNT:
		break;
	}
	return 0;
}
