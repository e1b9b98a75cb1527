#include "proto/capsule8_entry.h"

#include "proto/capsule8_events.h"
#include "proto/wire.h"
#include "sensor/catalog.h"

#include <string.h>

/* Field numbers of the messages on the way to what is wanted (capsule8/api/v0/telemetry_service.proto, event.proto). */
#define RESPONSE_EVENT  WIRE_TAG(1, WIRE_LENGTH)
#define TELEMETRY_EVENT WIRE_TAG(2, WIRE_LENGTH)
#define EVENT_SEQUENCE  WIRE_TAG(6, WIRE_VARINT)
#define EVENT_TIME      WIRE_TAG(7, WIRE_VARINT)
#define EVENT_MEMBER(n) WIRE_TAG(CAPSULE8__API__V0__EVENT__EVENT_##n, WIRE_LENGTH)

#define CONTAINER_DOCKER_CONFIG WIRE_TAG(100, WIRE_LENGTH)
#define CONTAINER_OCI_CONFIG    WIRE_TAG(101, WIRE_LENGTH)

#define LOST_COUNT  WIRE_TAG(1, WIRE_VARINT)
#define LOST_CAUSE  WIRE_TAG(1000, WIRE_VARINT)
#define LOST_SOURCE WIRE_TAG(1001, WIRE_LENGTH)
#define LOST_GAP    WIRE_TAG(1002, WIRE_VARINT)
#define LOST_AFTER  WIRE_TAG(1003, WIRE_VARINT)
#define LOST_BEFORE WIRE_TAG(1004, WIRE_VARINT)
#define LOST_OFFSET WIRE_TAG(1005, WIRE_VARINT)

/* The tag of the type in a member of the event's oneof; 0: it has none. */
static uint32_t type_tag(uint32_t member)
{
	switch (member) {
	case CAPSULE8__API__V0__EVENT__EVENT_KERNEL_CALL:
	case CAPSULE8__API__V0__EVENT__EVENT_USER_CALL:
		return WIRE_TAG(1000, WIRE_VARINT);
	case CAPSULE8__API__V0__EVENT__EVENT_PERFORMANCE:
	case CAPSULE8__API__V0__EVENT__EVENT_CHARGEN:
	case CAPSULE8__API__V0__EVENT__EVENT_TICKER:
	case CAPSULE8__API__V0__EVENT__EVENT_LOST:
		return 0;
	default:
		return WIRE_TAG(1, WIRE_VARINT);
	}
}

/* *type stays as it is when there is none. */
static bool read_type(const struct wire_field *member, int *type)
{
	uint32_t wanted = type_tag(member->number);
	const uint8_t *at = member->bytes, *end = at + member->size;
	struct wire_field f;

	while (wanted && at < end) {
		if (!wire_read_field(&at, end, &f))
			return false;
		if (wire_field_tag(&f) == wanted) {
			*type = (int)(uint32_t)f.value;
			break;
		}
	}
	return true;
}

/* Stops when everything is there, which is soon: the encoder writes it first. Two members of the oneof are for parsers the last one. */
static bool read_event(struct capsule8_entry *entry)
{
	const uint8_t *at = entry->event, *end = at + entry->event_size;
	uint32_t member = 0;
	int type = 0;
	struct wire_field f;

	entry->sequence = 0;
	entry->time_ns = 0;
	while (at < end && !(member && entry->sequence && entry->time_ns)) {
		if (!wire_read_field(&at, end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case EVENT_SEQUENCE:
			entry->sequence = f.value;
			break;
		case EVENT_TIME:
			entry->time_ns = f.value;
			break;
		case EVENT_MEMBER(SYSCALL):
		case EVENT_MEMBER(PROCESS):
		case EVENT_MEMBER(FILE):
		case EVENT_MEMBER(KERNEL_CALL):
		case EVENT_MEMBER(NETWORK):
		case EVENT_MEMBER(PERFORMANCE):
		case EVENT_MEMBER(USER_CALL):
		case EVENT_MEMBER(CONTAINER):
		case EVENT_MEMBER(CHARGEN):
		case EVENT_MEMBER(TICKER):
		case EVENT_MEMBER(LOST):
			if (f.number != member)
				type = 0;
			member = f.number;
			if (!read_type(&f, &type))
				return false;
			break;
		default:
			break;
		}
	}
	entry->kind = capsule8_member_kind((Capsule8__Api__V0__Event__EventCase)member, type);
	return true;
}

/* Two events in one entry would have to be merged, which nobody writes. */
static bool find_event(const uint8_t *at, const uint8_t *end, struct capsule8_entry *entry)
{
	struct wire_field f;

	entry->event = NULL;
	while (at < end) {
		if (!wire_read_field(&at, end, &f))
			return false;
		if (wire_field_tag(&f) != TELEMETRY_EVENT)
			continue;
		if (entry->event)
			return false;
		entry->event = f.bytes;
		entry->event_size = f.size;
	}
	return entry->event;
}

bool capsule8_entry_next(const uint8_t **at, const uint8_t *end, struct capsule8_entry *ret)
{
	struct wire_field f;

	ret->bytes = *at;
	if (!wire_read_field(at, end, &f) || wire_field_tag(&f) != RESPONSE_EVENT)
		return false;
	ret->size = (size_t)(*at - ret->bytes);
	return find_event(f.bytes, f.bytes + f.size, ret) && read_event(ret);
}

/* "syscall:enter", as the catalog calls it. */
static enum event_kind kind_of_source(const uint8_t *bytes, size_t size)
{
	char text[64];
	char *colon;

	if (!size || size >= sizeof(text))
		return EVENT_KIND_COUNT;
	memcpy(text, bytes, size);
	text[size] = 0;
	colon = strchr(text, ':');
	if (colon)
		*colon = 0;

	const struct catalog_entry *entry = catalog_find(text, colon ? colon + 1 : "");

	return entry ? entry->kind : EVENT_KIND_COUNT;
}

static bool cause_of(uint64_t wire, enum lost_cause *ret)
{
	switch (wire) {
	case CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RING:
		*ret = LOST_RING;
		return true;
	case CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_QUEUE:
		*ret = LOST_QUEUE;
		return true;
	case CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_PROBE:
		*ret = LOST_PROBE;
		return true;
	case CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER:
		*ret = LOST_RECORDER;
		return true;
	default:
		return false;
	}
}

static bool read_lost(const uint8_t *at, const uint8_t *end, struct event_lost *ret)
{
	struct wire_field f;

	while (at < end) {
		if (!wire_read_field(&at, end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case LOST_COUNT:
			ret->count = f.value;
			break;
		case LOST_CAUSE:
			if (!cause_of(f.value, &ret->cause))
				return false;
			break;
		case LOST_SOURCE:
			ret->of = kind_of_source(f.bytes, f.size);
			break;
		case LOST_GAP:
			if (f.value > RECORD_GAP_OVERFLOW)
				return false;
			ret->gap = (enum record_gap)f.value;
			break;
		case LOST_AFTER:
			ret->after_sequence = f.value;
			break;
		case LOST_BEFORE:
			ret->before_sequence = f.value;
			break;
		case LOST_OFFSET:
			ret->realtime_offset_ns = (int64_t)f.value;
			break;
		default:
			break;
		}
	}
	return true;
}

bool capsule8_entry_lost(const struct capsule8_entry *entry, struct event_lost *ret)
{
	const uint8_t *at = entry->event, *end = at + entry->event_size;
	struct wire_field f;

	if (entry->kind != EVENT_LOST)
		return false;
	*ret = (struct event_lost){.of = EVENT_KIND_COUNT};
	while (at < end) {
		if (!wire_read_field(&at, end, &f))
			return false;
		if (wire_field_tag(&f) == EVENT_MEMBER(LOST) && !read_lost(f.bytes, f.bytes + f.size, ret))
			return false;
	}
	return true;
}

/* A message is copied field by field, but for what one level of it is about: a field that is replaced by what `inner` makes of its content, or that is
 * left out. Each level is written where it was, so that nothing gets longer. NULL: it makes no sense. */
typedef uint8_t *copy_message(uint8_t *to, const uint8_t *at, const uint8_t *end);

static uint8_t *copy_with(uint8_t *to, const uint8_t *at, const uint8_t *end, uint32_t tag, copy_message *inner)
{
	struct wire_field f;

	while (at < end) {
		const uint8_t *from = at;
		unsigned int width;
		uint8_t *start;

		if (!wire_read_field(&at, end, &f))
			return NULL;
		if (wire_field_tag(&f) != tag) {
			memcpy(to, from, (size_t)(at - from));
			to += at - from;
			continue;
		}
		width = wire_varint_size(f.size);
		start = wire_begin(to, f.number, width);
		to = inner(start, f.bytes, f.bytes + f.size);
		if (!to)
			return NULL;
		to = wire_end(start, to, width);
	}
	return to;
}

static uint8_t *copy_container(uint8_t *to, const uint8_t *at, const uint8_t *end)
{
	struct wire_field f;

	while (at < end) {
		const uint8_t *from = at;

		if (!wire_read_field(&at, end, &f))
			return NULL;
		if (wire_field_tag(&f) == CONTAINER_DOCKER_CONFIG || wire_field_tag(&f) == CONTAINER_OCI_CONFIG)
			continue;
		memcpy(to, from, (size_t)(at - from));
		to += at - from;
	}
	return to;
}

static uint8_t *copy_event(uint8_t *to, const uint8_t *at, const uint8_t *end)
{
	return copy_with(to, at, end, EVENT_MEMBER(CONTAINER), copy_container);
}

static uint8_t *copy_telemetry_event(uint8_t *to, const uint8_t *at, const uint8_t *end)
{
	return copy_with(to, at, end, TELEMETRY_EVENT, copy_event);
}

void capsule8_entry_put_basic(const struct capsule8_entry *entry, struct buffer *out)
{
	uint8_t *to;

	if (event_kind_is_of_container(entry->kind)) {
		to = buffer_reserve(out, entry->size + WIRE_SLACK);
		if (!to)
			return;
		to = copy_with(to, entry->bytes, entry->bytes + entry->size, RESPONSE_EVENT, copy_telemetry_event);
		if (to) {
			out->length = (size_t)(to - out->data);
			return;
		}
	}
	buffer_put(out, entry->bytes, entry->size);
}
