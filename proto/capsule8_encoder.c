#include "proto/capsule8_encoder.h"

#include "capsule8/api/v0/event.pb-c.h"
#include "proto/capsule8_kinds.h"
#include "proto/event_string.h"
#include "proto/utf8.h"
#include "proto/wire.h"
#include "sensor/container.h"
#include "sensor/event_container.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SEQUENCE_DIGITS 16

/* Event.id and Event.sensor_id as they stand on the wire; only the digits change from event to event. */
struct identity {
	uint8_t id_tag, id_size;
	char id_sensor[CAPSULE8_SENSOR_ID_BYTES];
	char dash;
	char sequence[SEQUENCE_DIGITS];
	uint8_t sensor_tag, sensor_size;
	char sensor[CAPSULE8_SENSOR_ID_BYTES];
};

_Static_assert(sizeof(struct identity) == 5 + 2 * CAPSULE8_SENSOR_ID_BYTES + SEQUENCE_DIGITS, "written to the wire as it is");

struct capsule8_encoder {
	struct encoder encoder;
	struct identity identity;
};

#define CREDENTIALS_MAX (10 * WIRE_FIELD_MAX)

/* What an entry has beside its strings, its lists and its process: the frames of the entry and the event, the identity, its own eight numbers,
 * credentials, and the numbers of its kind. */
#define ENTRY_MAX (sizeof(struct identity) + (10 + CAPSULE8_KIND_NUMBERS) * WIRE_FIELD_MAX + CREDENTIALS_MAX + WIRE_SLACK)
/* Of these, what an event has at least: the guess that decides how wide its length is. */
#define ENTRY_USUAL 100

#define LINEAGE_ENTRY_MAX (3 * WIRE_FIELD_MAX + UTF8_EXPANSION * PROCESS_COMM_BYTES)
#define CONTAINER_MAX     (4 * WIRE_FIELD_MAX + UTF8_EXPANSION * CONTAINER_TEXT_BYTES)
#define TEMPLATE_MAX                                                                                                               \
	(PROCESS_ID_BYTES + 3 * WIRE_FIELD_MAX + CREDENTIALS_MAX + (PROCESS_LINEAGE_MAX + 1) * LINEAGE_ENTRY_MAX + CONTAINER_MAX + \
	 WIRE_SLACK)

/* The 8 digits of a number, most significant first in memory: each nibble gets a byte of its own, and all of them become digits at once. */
static inline uint64_t hex_digits(uint32_t value)
{
	uint64_t x = value, letters;

	x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
	x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x << 4 | x) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
	return htobe64(x + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10));
}

static inline uint8_t *put_identity(uint8_t *to, const struct identity *identity, uint64_t sequence)
{
	uint64_t high, low;

	if (!sequence) {
		size_t skipped = offsetof(struct identity, sensor_tag);

		memcpy(to, (const uint8_t *)identity + skipped, sizeof(*identity) - skipped);
		return to + sizeof(*identity) - skipped;
	}
	high = hex_digits((uint32_t)(sequence >> 32));
	low = hex_digits((uint32_t)sequence);
	memcpy(to, identity, sizeof(*identity));
	memcpy(to + offsetof(struct identity, sequence), &high, sizeof(high));
	memcpy(to + offsetof(struct identity, sequence) + sizeof(high), &low, sizeof(low));
	return wire_put_varint(to + sizeof(*identity), 6, sequence);
}

static inline uint8_t *put_task(uint8_t *to, uint32_t tgid)
{
	to = wire_put_int(to, 3, (int32_t)tgid);
	return wire_put_int(to, 203, (int32_t)tgid);
}

static uint8_t *put_lineage(uint8_t *to, const struct process *p)
{
	for (size_t i = 0; p && i <= PROCESS_LINEAGE_MAX; i++, p = p->parent) {
		uint8_t *start = wire_begin(to, 8, 1);
		uint8_t *end = wire_put_sint(start, 1, (int32_t)p->tgid);
		size_t length = strnlen(p->comm, sizeof(p->comm));

		if (length)
			end = utf8_put_field(end, 2, p->comm, length);
		to = wire_end(start, end, 1);
	}
	return to;
}

/* A process without credentials has no message, one that is root's has an empty one. */
static uint8_t *put_credentials(uint8_t *to, const struct credentials *credentials)
{
	uint8_t *start;

	if (!credentials->known)
		return to;
	start = wire_begin(to, 202, 1);
	to = wire_put_varint(start, 1, credentials->uid);
	to = wire_put_varint(to, 2, credentials->gid);
	to = wire_put_varint(to, 3, credentials->euid);
	to = wire_put_varint(to, 4, credentials->egid);
	to = wire_put_varint(to, 5, credentials->suid);
	to = wire_put_varint(to, 6, credentials->sgid);
	to = wire_put_varint(to, 7, credentials->fsuid);
	to = wire_put_varint(to, 8, credentials->fsgid);
	to = wire_put_bool(to, 1000, credentials->late);
	return wire_end(start, to, 1);
}

static inline uint8_t *put_explicit(uint8_t *to, uint32_t field, uint64_t value)
{
	return wire_varint(wire_tag(to, field, WIRE_VARINT), value);
}

/* Behind those of the process. A parser merges two values of a message field, and the later one wins, field by field where it has the field:
 * so this one has all of them, zeros too. */
static uint8_t *put_thread_credentials(uint8_t *to, const struct credentials *credentials)
{
	uint8_t *start;

	if (!credentials || !credentials->known)
		return to;
	start = wire_begin(to, 202, 1);
	to = put_explicit(start, 1, credentials->uid);
	to = put_explicit(to, 2, credentials->gid);
	to = put_explicit(to, 3, credentials->euid);
	to = put_explicit(to, 4, credentials->egid);
	to = put_explicit(to, 5, credentials->suid);
	to = put_explicit(to, 6, credentials->sgid);
	to = put_explicit(to, 7, credentials->fsuid);
	to = put_explicit(to, 8, credentials->fsgid);
	to = put_explicit(to, 1000, credentials->late);
	return wire_end(start, to, 1);
}

static uint8_t *put_container(uint8_t *to, const struct container *c)
{
	if (!c)
		return to;
	to = event_string_put(to, 4, &c->id);
	to = event_string_put(to, 30, &c->name);
	to = event_string_put(to, 31, &c->image_id);
	return event_string_put(to, 32, &c->image_name);
}

/* What is the same for all events of a process. False: out of memory. */
static bool template_make(const struct process *p)
{
	uint8_t bytes[TEMPLATE_MAX];
	uint8_t *to = bytes;
	uint8_t *copy;
	size_t id_length = strnlen(p->id, sizeof(p->id));

	if (id_length)
		to = wire_put_bytes(to, 2, p->id, id_length);
	to = put_task(to, p->tgid);
	to = put_credentials(to, &p->credentials);
	to = put_lineage(to, p);
	to = put_container(to, p->container);
	copy = malloc((size_t)(to - bytes));
	if (!copy)
		return false;
	memcpy(copy, bytes, (size_t)(to - bytes));
	process_set_encoded(p, copy, (size_t)(to - bytes));
	return true;
}

/* Without credentials: the thread's differ from them, and are not known. Rare enough to look for them. */
static uint8_t *put_without_credentials(uint8_t *to, const struct process *p)
{
	const uint8_t *at = p->encoded, *end = at + p->encoded_size;
	struct wire_field f;

	while (at < end) {
		const uint8_t *from = at;

		if (!wire_read_field(&at, end, &f))
			break;
		if (f.number == 202)
			continue;
		memcpy(to, from, (size_t)(at - from));
		to += at - from;
	}
	return to;
}

static inline bool template_current(const struct process *p)
{
	return p->encoded && p->encoded_revision == p->revision;
}

static inline uint8_t *put_abi(uint8_t *to, uint32_t abi)
{
	if (abi == SAMPLE_ABI_32)
		return wire_put_varint(to, 1000, CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386);
	if (abi == SAMPLE_ABI_64)
		return wire_put_varint(to, 1000, CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64);
	return to;
}

static inline uint8_t *put_syscall_enter(uint8_t *to, const struct event_syscall *syscall)
{
	uint8_t *start = wire_begin(to, 10, 1);

	to = wire_put_varint(start, 1, CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER);
	to = wire_put_int(to, 2, syscall->id);
	to = wire_put_varint(to, 10, syscall->arguments[0]);
	to = wire_put_varint(to, 11, syscall->arguments[1]);
	to = wire_put_varint(to, 12, syscall->arguments[2]);
	to = wire_put_varint(to, 13, syscall->arguments[3]);
	to = wire_put_varint(to, 14, syscall->arguments[4]);
	to = wire_put_varint(to, 15, syscall->arguments[5]);
	to = put_abi(to, syscall->abi);
	return wire_end(start, to, 1);
}

static inline uint8_t *put_syscall_exit(uint8_t *to, const struct event_syscall *syscall)
{
	uint8_t *start = wire_begin(to, 10, 1);

	to = wire_put_varint(start, 1, CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT);
	to = wire_put_int(to, 2, syscall->id);
	to = wire_put_int(to, 20, syscall->result);
	to = put_abi(to, syscall->abi);
	return wire_end(start, to, 1);
}

/* Not one more call, and no table of jumps, on the way of a system call. */
static inline uint8_t *put_kind(uint8_t *to, const struct event *event, enum detail detail)
{
	if (__builtin_expect(event->kind == EVENT_SYSCALL_ENTER, 1))
		return put_syscall_enter(to, &event->syscall);
	if (__builtin_expect(event->kind == EVENT_SYSCALL_EXIT, 1))
		return put_syscall_exit(to, &event->syscall);
	return capsule8_put_kind(to, event, detail);
}

static inline size_t kind_bound(const struct event *event, enum detail detail, size_t *ret_usual)
{
	*ret_usual = 0;
	if (__builtin_expect(event->kind == EVENT_SYSCALL_ENTER || event->kind == EVENT_SYSCALL_EXIT, 1))
		return 0;
	return capsule8_kind_bound(event, detail, ret_usual);
}

static uint8_t *put_capture(uint8_t *to, enum event_capture capture)
{
	switch (capture) {
	case CAPTURE_KERNEL:
		return wire_put_varint(to, 1000, CAPSULE8__API__V0__CAPTURE__CAPTURE_KERNEL);
	case CAPTURE_CALLER:
		return wire_put_varint(to, 1000, CAPSULE8__API__V0__CAPTURE__CAPTURE_CALLER);
	case CAPTURE_LATE:
		return wire_put_varint(to, 1000, CAPSULE8__API__V0__CAPTURE__CAPTURE_LATE);
	}
	return to;
}

static void encode(struct encoder *e, const struct event *event, enum detail detail, struct buffer *out)
{
	const struct capsule8_encoder *encoder = (const struct capsule8_encoder *)e;
	const struct process *process = event->process;
	size_t template_size, usual, bound;
	uint8_t *to, *outer, *inner;
	unsigned int width;

	if (process && !template_current(process) && !template_make(process)) {
		out->failed = true;
		return;
	}
	template_size = process ? process->encoded_size : 0;
	bound = ENTRY_MAX + template_size + kind_bound(event, detail, &usual);
	to = buffer_reserve(out, bound);
	if (!to)
		return;

	width = wire_varint_size(ENTRY_USUAL + template_size + usual);
	outer = wire_begin(to, 1, width);
	inner = wire_begin(outer, 2, width);
	to = put_kind(inner, event, detail);
	to = put_identity(to, &encoder->identity, event->sequence);
	to = wire_put_int(to, 7, (int64_t)event->time_ns);
	to = wire_put_int(to, 200, (int32_t)event->tid);
	to = wire_put_int(to, 201, (int32_t)event->cpu);
	if (process && __builtin_expect(event->credentials && !event->credentials->known, 0)) {
		to = put_without_credentials(to, process);
	} else if (process) {
		memcpy(to, process->encoded, template_size);
		to += template_size;
	} else {
		to = put_task(to, event->tgid);
		to = put_container(to, event_container_of(event));
	}
	if (__builtin_expect(event->credentials || event->capture, 0)) {
		to = put_thread_credentials(to, event->credentials);
		to = put_capture(to, event->capture);
	}
	to = wire_end(inner, to, width);
	to = wire_end(outer, to, width);
	out->length = (size_t)(to - out->data);
}

int capsule8_sensor_id_draw(char ret[CAPSULE8_SENSOR_ID_BYTES + 1], struct error *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_set_errno(err, -errno, "cannot draw a random number for the sensor's id");
	snprintf(ret, CAPSULE8_SENSOR_ID_BYTES + 1, "%016" PRIx64, random);
	return 0;
}

struct encoder *capsule8_encoder_new(const char *sensor_id)
{
	struct capsule8_encoder *e;

	assert(strlen(sensor_id) == CAPSULE8_SENSOR_ID_BYTES);
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->encoder = (struct encoder){.name = "capsule8", .encode = encode};
	e->identity.id_tag = WIRE_TAG(1, WIRE_LENGTH);
	e->identity.id_size = CAPSULE8_SENSOR_ID_BYTES + 1 + SEQUENCE_DIGITS;
	memcpy(e->identity.id_sensor, sensor_id, CAPSULE8_SENSOR_ID_BYTES);
	e->identity.dash = '-';
	e->identity.sensor_tag = WIRE_TAG(5, WIRE_LENGTH);
	e->identity.sensor_size = CAPSULE8_SENSOR_ID_BYTES;
	memcpy(e->identity.sensor, sensor_id, CAPSULE8_SENSOR_ID_BYTES);
	return &e->encoder;
}

struct encoder *capsule8_encoder_free(struct encoder *e)
{
	free(e);
	return NULL;
}

struct chunk *capsule8_statuses_chunk(const struct subscriber_statuses *statuses)
{
	struct buffer out;
	size_t length;
	uint8_t *data;

	buffer_init(&out, 0);
	for (size_t i = 0; i < statuses->count; i++) {
		const struct subscriber_status *status = &statuses->items[i];
		size_t message = strnlen(status->message, sizeof(status->message));
		uint8_t *to = buffer_reserve(&out, 3 * WIRE_FIELD_MAX + UTF8_EXPANSION * message + WIRE_SLACK);
		uint8_t *start;

		if (!to)
			break;
		start = wire_begin(to, 2, 1);
		to = wire_put_int(start, 1, status->code);
		if (message)
			to = utf8_put_field(to, 2, status->message, message);
		to = wire_end(start, to, 1);
		out.length = (size_t)(to - out.data);
	}
	data = buffer_take(&out, &length);
	return data ? chunk_new(data, length, 0) : NULL;
}
