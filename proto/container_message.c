#include "proto/container_message.h"

#include "base/clock.h"
#include "proto/event_string.h"
#include "proto/utf8.h"
#include "proto/wire.h"
#include "ringside/v0/sensor.pb-c.h"

/* Times and numbers of a container, and its runtime's name: more than they take. */
#define FIXED_BYTES (32 * WIRE_FIELD_MAX)
/* Of what is around a label, or a pod. */
#define AROUND_BYTES (2 * WIRE_FIELD_MAX)

#define STATE(name) RINGSIDE__V0__CONTAINER_STATE__CONTAINER_STATE_##name

_Static_assert((int)CONTAINER_STATE_UNKNOWN == STATE(UNKNOWN) && (int)CONTAINER_CREATED == STATE(CREATED) &&
		       (int)CONTAINER_RUNNING == STATE(RUNNING) && (int)CONTAINER_EXITED == STATE(EXITED),
	       "states are passed on by number");
_Static_assert(CONTAINER_MESSAGE_LISTED_BYTES == WIRE_FIELD_MAX, "a message in a response is a field that has a length");

static size_t string_bound(const char *string)
{
	return string ? WIRE_FIELD_MAX + UTF8_EXPANSION * strlen(string) : 0;
}

static uint8_t *put_string(uint8_t *to, uint32_t field, const char *string)
{
	return string && *string ? utf8_put_field(to, field, string, strlen(string)) : to;
}

static uint8_t *put_time(uint8_t *to, uint32_t field, int64_t time_ns)
{
	uint8_t *start;

	if (time_ns <= 0)
		return to;
	start = wire_begin(to, field, 1);
	to = wire_put_varint(start, 1, (uint64_t)time_ns / NSEC_PER_SEC);
	to = wire_put_varint(to, 2, (uint64_t)time_ns % NSEC_PER_SEC);
	return wire_end(start, to, 1);
}

/* 0 is one, too. */
static uint8_t *put_exit_code(uint8_t *to, const struct container *c)
{
	uint8_t *start;

	if (!c->has_exit_code)
		return to;
	start = wire_begin(to, 13, 1);
	return wire_end(start, wire_put_int(start, 1, c->exit_code), 1);
}

static size_t label_bound(const struct container_label *label)
{
	return AROUND_BYTES + string_bound(label->key) + string_bound(label->value);
}

static uint8_t *put_label(uint8_t *to, const struct container_label *label)
{
	uint8_t *start = wire_begin(to, 15, 1);

	to = put_string(start, 1, label->key);
	to = put_string(to, 2, label->value);
	return wire_end(start, to, 1);
}

static size_t pod_bound(const struct container_pod *pod)
{
	return AROUND_BYTES + string_bound(pod->namespace_name) + string_bound(pod->name) + string_bound(pod->uid) +
	       string_bound(pod->container_name);
}

static uint8_t *put_pod(uint8_t *to, const struct container_pod *pod)
{
	uint8_t *start, *end;

	start = wire_begin(to, 16, 1);
	end = put_string(start, 1, pod->namespace_name);
	end = put_string(end, 2, pod->name);
	end = put_string(end, 3, pod->uid);
	end = put_string(end, 4, pod->container_name);
	end = wire_put_bool(end, 5, pod->sandbox);
	return end == start ? to : wire_end(start, end, 1);
}

static size_t bound(const struct container *c)
{
	size_t text = c->id.length + c->name.length + c->image_id.length + c->image_name.length + c->bundle.length;
	size_t size = FIXED_BYTES + UTF8_EXPANSION * text + pod_bound(&c->pod);

	for (size_t i = 0; i < c->label_count; i++)
		size += label_bound(&c->labels[i]);
	return size + WIRE_SLACK;
}

void container_message_put(const struct container *c, struct buffer *out)
{
	uint8_t *start = buffer_reserve(out, bound(c));
	uint8_t *to = start;

	if (!to)
		return;
	to = event_string_put(to, 1, &c->id);
	to = event_string_put(to, 2, &c->name);
	to = event_string_put(to, 3, &c->image_id);
	to = event_string_put(to, 4, &c->image_name);
	to = put_string(to, 5, container_runtime_name(c->runtime));
	to = wire_put_varint(to, 6, c->state);
	to = wire_put_bool(to, 7, c->pending);
	to = wire_put_varint(to, 8, c->init_pid);
	to = wire_put_varint(to, 9, c->processes);
	to = put_time(to, 10, c->created_ns);
	to = put_time(to, 11, c->started_ns);
	to = put_time(to, 12, c->finished_ns);
	to = put_exit_code(to, c);
	to = event_string_put(to, 14, &c->bundle);
	for (size_t i = 0; i < c->label_count; i++)
		to = put_label(to, &c->labels[i]);
	to = put_pod(to, &c->pod);
	out->length += (size_t)(to - start);
}

static void put_file(struct buffer *out, uint32_t field, const char *json, size_t length, size_t max)
{
	/* Room to say that another one was left out. */
	bool fits = out->length + length + 2 * WIRE_FIELD_MAX <= max && (!length || utf8_is_valid(json, length));
	uint8_t *start, *to;

	if (!json || !length)
		return;
	start = to = buffer_reserve(out, (fits ? length : 0) + WIRE_FIELD_MAX + WIRE_SLACK);
	if (!to)
		return;
	to = fits ? wire_put_bytes(to, field, json, length) : wire_put_bool(to, 19, true);
	out->length += (size_t)(to - start);
}

void container_message_put_docker_config(struct buffer *out, const char *json, size_t length, size_t max)
{
	put_file(out, 17, json, length, max);
}

void container_message_put_oci_config(struct buffer *out, const char *json, size_t length, size_t max)
{
	put_file(out, 18, json, length, max);
}

void container_message_list(struct buffer *response, const struct buffer *message)
{
	uint8_t *to = buffer_reserve(response, message->length + WIRE_FIELD_MAX + WIRE_SLACK);

	if (message->failed)
		response->failed = true;
	if (to && !message->failed)
		response->length = (size_t)(wire_put_bytes(to, 1, message->data, message->length) - response->data);
}
