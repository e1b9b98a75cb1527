#include "proto/capsule8_event_reader.h"

#include "capsule8/api/v0/event.pb-c.h"
#include "proto/capsule8_member_reader.h"
#include "proto/wire.h"

#include <linux/perf_event.h>
#include <string.h>

/* Field numbers of capsule8.api.v0.Event. */
#define EVENT_PROCESS_ID     WIRE_TAG(2, WIRE_LENGTH)
#define EVENT_PID            WIRE_TAG(3, WIRE_VARINT)
#define EVENT_CONTAINER_ID   WIRE_TAG(4, WIRE_LENGTH)
#define EVENT_LINEAGE        WIRE_TAG(8, WIRE_LENGTH)
#define EVENT_CONTAINER_NAME WIRE_TAG(30, WIRE_LENGTH)
#define EVENT_IMAGE_ID       WIRE_TAG(31, WIRE_LENGTH)
#define EVENT_IMAGE_NAME     WIRE_TAG(32, WIRE_LENGTH)
#define EVENT_TID            WIRE_TAG(200, WIRE_VARINT)
#define EVENT_CPU            WIRE_TAG(201, WIRE_VARINT)
#define EVENT_CREDENTIALS    WIRE_TAG(202, WIRE_LENGTH)
#define EVENT_TGID           WIRE_TAG(203, WIRE_VARINT)
#define EVENT_CAPTURE        WIRE_TAG(1000, WIRE_VARINT)

#define LINEAGE_COMMAND  WIRE_TAG(2, WIRE_LENGTH)
#define CREDENTIALS_LATE WIRE_TAG(1000, WIRE_VARINT)

#define REPLACEMENT      "\xef\xbf\xbd" /* U+FFFD */
#define REPLACEMENT_SIZE 3

/* What has been met of an event. */
struct progress {
	struct capsule8_event_reader *r;
	uint32_t member; /* the number of the one that the kind has */
	bool has_process, has_lineage, has_container;
	unsigned int credentials; /* messages */
};

/* A name that has become longer than names are had bytes that were no UTF-8: one byte for each of them again, which is none that a filter could ask
 * for, and what stands behind them stays. */
static void copy_comm(char to[PROCESS_COMM_BYTES], const uint8_t *bytes, size_t size)
{
	bool is_longer = size >= PROCESS_COMM_BYTES;
	size_t length = 0;

	for (size_t i = 0; i < size && length < PROCESS_COMM_BYTES - 1; length++) {
		if (is_longer && size - i >= REPLACEMENT_SIZE && !memcmp(bytes + i, REPLACEMENT, REPLACEMENT_SIZE)) {
			to[length] = '\xff';
			i += REPLACEMENT_SIZE;
		} else {
			to[length] = (char)bytes[i++];
		}
	}
	to[length] = 0;
}

/* The first step is the process itself; what filters can ask for is only in that. */
static bool read_lineage(struct progress *p, const struct wire_field *step)
{
	const uint8_t *at = step->bytes, *end = at + step->size;
	struct wire_field f;

	if (p->has_lineage)
		return true;
	p->has_lineage = true;
	while (at < end) {
		if (!wire_read_field(&at, end, &f))
			return false;
		if (wire_field_tag(&f) == LINEAGE_COMMAND)
			copy_comm(p->r->process.comm, f.bytes, f.size);
	}
	return true;
}

static bool read_process_id(struct progress *p, const struct wire_field *id)
{
	if (id->size >= PROCESS_ID_BYTES)
		return false;
	if (id->size)
		memcpy(p->r->process.id, id->bytes, id->size);
	p->r->process.id[id->size] = 0;
	return true;
}

static bool read_ids(struct credentials *ret, const uint8_t *at, const uint8_t *end)
{
	static const size_t ids[] = {
		offsetof(struct credentials, uid),   offsetof(struct credentials, gid),   offsetof(struct credentials, euid),
		offsetof(struct credentials, egid),  offsetof(struct credentials, suid),  offsetof(struct credentials, sgid),
		offsetof(struct credentials, fsuid), offsetof(struct credentials, fsgid),
	};
	struct wire_field f;

	ret->known = true;
	while (at < end) {
		if (!wire_read_field(&at, end, &f))
			return false;
		if (f.type == WIRE_VARINT && f.number <= sizeof(ids) / sizeof(ids[0]))
			*(uint32_t *)((char *)ret + ids[f.number - 1]) = (uint32_t)f.value;
		else if (wire_field_tag(&f) == CREDENTIALS_LATE)
			ret->late = f.value;
	}
	return true;
}

/* The first ones are the process's. What comes behind them is its thread's; to parsers it is merged into the first ones. */
static bool read_credentials(struct progress *p, const struct wire_field *f)
{
	struct capsule8_event_reader *r = p->r;

	if (!p->credentials++)
		return read_ids(&r->process.credentials, f->bytes, f->bytes + f->size);
	if (p->credentials == 2)
		r->thread_credentials = r->process.credentials;
	r->event.credentials = &r->thread_credentials;
	return read_ids(&r->thread_credentials, f->bytes, f->bytes + f->size);
}

/* Most events are of none. */
static void need_container(struct progress *p)
{
	if (!p->has_container)
		memset(&p->r->container, 0, sizeof(p->r->container));
	p->has_container = true;
}

static void take_container(struct progress *p, const struct wire_field *f, struct event_string *string)
{
	need_container(p);
	*string = (struct event_string){.bytes = (const char *)f->bytes, .length = f->size};
}

static inline bool take_field(struct progress *p, const struct wire_field *f)
{
	struct capsule8_event_reader *r = p->r;

	switch (wire_field_tag(f)) {
	case EVENT_PROCESS_ID:
		p->has_process = true;
		return read_process_id(p, f);
	case EVENT_LINEAGE:
		p->has_process = true;
		return read_lineage(p, f);
	case EVENT_PID:
	case EVENT_TGID:
		r->event.tgid = (uint32_t)f->value;
		return true;
	case EVENT_TID:
		r->event.tid = (uint32_t)f->value;
		return true;
	case EVENT_CPU:
		r->event.cpu = (uint32_t)f->value;
		return true;
	case EVENT_CREDENTIALS:
		return read_credentials(p, f);
	case EVENT_CONTAINER_ID:
		take_container(p, f, &r->container.id);
		return true;
	case EVENT_CONTAINER_NAME:
		take_container(p, f, &r->container.name);
		return true;
	case EVENT_IMAGE_ID:
		take_container(p, f, &r->container.image_id);
		return true;
	case EVENT_IMAGE_NAME:
		take_container(p, f, &r->container.image_name);
		return true;
	case EVENT_CAPTURE:
		r->event.capture = f->value <= CAPTURE_LATE ? (enum event_capture)f->value : CAPTURE_LATE;
		return true;
	default:
		return f->number != p->member || f->type != WIRE_LENGTH || capsule8_member_read(r, f);
	}
}

/* What is not written anew by whatever the entry has. The lists are, as far as they are counted. */
static void clear(struct capsule8_event_reader *r)
{
	memset(&r->event, 0, sizeof(r->event));
	memset(&r->process, 0, sizeof(r->process));
	r->symbol = r->executable = (struct event_string){0};
}

/* Puts together what has been read. */
static void attach(struct progress *p)
{
	struct capsule8_event_reader *r = p->r;

	if (p->has_process) {
		r->process.tgid = r->event.tgid;
		r->process.container = p->has_container ? &r->container : NULL;
		r->event.process = &r->process;
	} else if (p->credentials == 1) {
		r->thread_credentials = r->process.credentials;
		r->event.credentials = &r->thread_credentials;
	}
	if (!event_kind_is_of_container(r->event.kind))
		return;
	need_container(p);
	r->event.container.container = &r->container;
}

bool capsule8_event_read(struct capsule8_event_reader *r, const struct capsule8_entry *entry)
{
	const uint8_t *at = entry->event, *end = at + entry->event_size;
	struct progress p = {.r = r, .member = capsule8_member_number(entry->kind)};
	struct wire_field f;

	if (entry->kind >= EVENT_KIND_COUNT)
		return false;
	clear(r);
	r->event.kind = entry->kind;
	r->event.time_ns = entry->time_ns;
	r->event.sequence = entry->sequence;
	while (at < end)
		if (!wire_read_field(&at, end, &f) || !take_field(&p, &f))
			return false;
	attach(&p);
	return entry->kind != EVENT_LOST || capsule8_entry_lost(entry, &r->event.lost);
}

static bool is_text(const struct event_string *string, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	return string->length == length && (!length || !memcmp(string->bytes, text, length));
}

static bool has_counters(const struct capsule8_event_reader *r, const struct probe_request *request)
{
	if (r->event.performance.count != request->counter_count)
		return false;
	for (size_t i = 0; i < request->counter_count; i++) {
		const struct perf_counter *wanted = &request->counters[i];
		bool has_type =
			wanted->type == PERF_TYPE_HARDWARE || wanted->type == PERF_TYPE_SOFTWARE || wanted->type == PERF_TYPE_HW_CACHE;

		if (r->counters[i].type != (has_type ? wanted->type : UINT32_MAX) || r->counters[i].config != wanted->config)
			return false;
	}
	return true;
}

bool capsule8_event_is_of(const struct capsule8_event_reader *r, const struct probe_request *request)
{
	if (request->kind != r->event.kind)
		return false;
	if (request->kind == EVENT_PERFORMANCE)
		return has_counters(r, request);
	if (!is_text(&r->symbol, request->symbol) || !is_text(&r->executable, request->executable) ||
	    r->event.call.count < request->parameter_count)
		return false;
	for (size_t i = 0; i < request->parameter_count; i++)
		if (!is_text(&r->argument_names[i], request->parameters[i].name))
			return false;
	return true;
}
