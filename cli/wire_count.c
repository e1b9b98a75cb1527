#include "cli/wire_count.h"

#include "proto/wire.h"

/* Field numbers of the messages on the way to a lost event. */
enum {
	RESPONSE_EVENTS = 1,
	TELEMETRY_EVENT_EVENT = 2,
	EVENT_LOST_RECORD = 102,
	LOST_COUNT = 1,
	LOST_CAUSE = 1000,
	LOST_GAP = 1002,
};

enum {
	CAUSE_RING = 1,
	CAUSE_QUEUE = 2,
	CAUSE_PROBE = 3,
	CAUSE_RECORDER = 4,
};

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
};

static struct cursor field_cursor(const struct wire_field *f)
{
	return (struct cursor){.at = f->bytes, .end = f->bytes + f->size};
}

void wire_count_lost(struct wire_count *count, uint64_t lost, uint64_t cause, uint64_t gap)
{
	count->unknown_gaps += gap && !lost;
	if (cause == CAUSE_RING)
		count->lost_ring += lost;
	else if (cause == CAUSE_QUEUE)
		count->lost_queue += lost;
	else if (cause == CAUSE_PROBE)
		count->lost_probe += lost;
	else if (cause == CAUSE_RECORDER)
		count->lost_recorder += lost;
	else
		count->lost_other += lost;
}

static bool count_lost(struct wire_count *count, struct cursor c)
{
	uint64_t lost = 0;
	uint64_t cause = 0;
	uint64_t gap = 0;
	struct wire_field f;

	while (c.at < c.end) {
		if (!wire_read_field(&c.at, c.end, &f))
			return false;
		if (f.number == LOST_COUNT && f.type == WIRE_VARINT)
			lost = f.value;
		else if (f.number == LOST_CAUSE && f.type == WIRE_VARINT)
			cause = f.value;
		else if (f.number == LOST_GAP && f.type == WIRE_VARINT)
			gap = f.value;
	}
	wire_count_lost(count, lost, cause, gap);
	return true;
}

/* Finds the field `number`, of type bytes. The last one counts, as for every protobuf parser. */
static bool find_bytes(struct cursor c, uint32_t number, struct cursor *ret, bool *ret_found)
{
	struct wire_field f;

	*ret_found = false;
	while (c.at < c.end) {
		if (!wire_read_field(&c.at, c.end, &f))
			return false;
		if (f.number != number || f.type != WIRE_LENGTH)
			continue;
		*ret = field_cursor(&f);
		*ret_found = true;
	}
	return true;
}

static bool count_entry(struct wire_count *count, struct cursor entry)
{
	struct cursor event;
	struct cursor lost;
	bool found;

	if (!find_bytes(entry, TELEMETRY_EVENT_EVENT, &event, &found))
		return false;
	if (found && !find_bytes(event, EVENT_LOST_RECORD, &lost, &found))
		return false;
	if (found)
		return count_lost(count, lost);
	count->events++;
	return true;
}

bool wire_count_response(struct wire_count *count, const uint8_t *bytes, size_t length)
{
	struct cursor c = {.at = bytes, .end = bytes + length};
	struct wire_field f;

	while (c.at < c.end) {
		if (!wire_read_field(&c.at, c.end, &f))
			return false;
		if (f.number == RESPONSE_EVENTS && f.type == WIRE_LENGTH && !count_entry(count, field_cursor(&f)))
			return false;
	}
	return true;
}
