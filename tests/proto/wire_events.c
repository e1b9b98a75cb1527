#include "tests/proto/wire_events.h"

#include "proto/capsule8_encoder.h"
#include "proto/wire.h"
#include "sensor/container.h"
#include "sensor/process_tree.h"
#include "tests/proto/table_events.h"

#include <criterion/criterion.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                                               \
	{                                                           \
		.bytes = literal "*", .length = sizeof(literal) - 1 \
	}

static struct container container = {
	.id = TEXT("beef"),
	.name = TEXT("db"),
	.image_id = TEXT("0123456789ab"),
	.image_name = TEXT("postgres:16"),
};
static struct process parent = {.tgid = 1, .id = "b007-1", .comm = "init", .credentials = {.known = true}};
static const struct process child = {
	.tgid = 300,
	.id = "b007-300",
	.comm = "postgres: write",
	.parent = &parent,
	.container = &container,
	.credentials = {.known = true, .uid = 999, .euid = 999},
};
/* Of which nothing but its number is known. */
static const struct process bare = {.tgid = 12};

static const struct credentials of_thread = {.known = true, .late = true, .fsuid = 1};

static struct perf_counter counters[] = {{PERF_TYPE_HARDWARE, 0}, {PERF_TYPE_SOFTWARE, 3}, {PERF_TYPE_HW_CACHE, UINT64_C(0x10002)}};
static struct probe_request performance = {.kind = EVENT_PERFORMANCE, .counters = counters, .counter_count = COUNT(counters)};
static const uint64_t values[] = {0, 1, UINT64_MAX};

static struct probe_parameter parameters[] = {{"path", "+0(%di):string"}, {"size", "%si:u64"}};
static struct probe_request call = {.symbol = "do_it",
				    .executable = "/usr/lib/libc.so.6",
				    .parameters = parameters,
				    .parameter_count = COUNT(parameters)};
static const struct call_argument arguments[] = {
	{.name = "path", .type = CALL_STRING, .bytes = TEXT("/etc/passwd")},
	{.name = "size", .type = CALL_UINT64, .integer = 4096},
	{.name = "raw", .type = CALL_BYTES, .bytes = TEXT("\0\xff\x01")},
};

#define BY_CHILD .process = &child, .tgid = 300, .tid = 301, .cpu = 127
#define BY_BARE  .process = &bare, .tgid = 12, .tid = 12

static const struct event more[] = {
	{.kind = EVENT_SYSCALL_ENTER, BY_BARE, .credentials = &of_thread, .syscall = {.id = -1}},
	{.kind = EVENT_SYSCALL_EXIT, .tgid = 5, .tid = 6, .credentials = &of_thread, .syscall = {.id = 3, .abi = SAMPLE_ABI_64}},
	{.kind = EVENT_PROCESS_EXEC, BY_CHILD, .exec = {.filename = TEXT("/bin/ls"), .arguments = TEXT("ls\0-l\0"), .argument_count = 2}},
	{.kind = EVENT_PROCESS_CWD, BY_CHILD, .cwd = {.path = TEXT("/var/lib")}},
	{.kind = EVENT_PROCESS_CWD, BY_CHILD},
	{.kind = EVENT_PROCESS_RENAME, BY_CHILD, .rename = {.comm = TEXT("postgres")}},
	{.kind = EVENT_FILE_CREATE, BY_CHILD, .file = {.filename = TEXT("a"), .mode = 0600}},
	{.kind = EVENT_FILE_DELETE, BY_CHILD, .capture = CAPTURE_LATE, .file = {.filename = TEXT("a"), .path = TEXT("/a")}},
	{.kind = EVENT_FILE_OPEN_FOR_MODIFY, BY_CHILD, .file = {.filename = TEXT("/a"), .path = TEXT("/a"), .truncated = true}},
	{.kind = EVENT_FILE_MODIFY, BY_CHILD, .credentials = &of_thread, .file = {.filename = TEXT("/a"), .path = TEXT("/a")}},
	{.kind = EVENT_FILE_CLOSE_FOR_MODIFY, BY_CHILD, .file = {.filename = TEXT("/a"), .path = TEXT("/a")}},
	{.kind = EVENT_FILE_ATTRIBUTE_CHANGE, BY_CHILD, .capture = CAPTURE_CALLER, .file = {.unknown = true}},
	{.kind = EVENT_LISTEN_RESULT, BY_CHILD, .network = {.result = 0}},
	{.kind = EVENT_ACCEPT_RESULT, BY_CHILD, .network = {.result = 5}},
	{.kind = EVENT_SENDTO_RESULT, BY_CHILD, .network = {.result = -32}},
	{.kind = EVENT_RECVFROM_ATTEMPT, BY_CHILD, .network = {.sockfd = 9}},
	{.kind = EVENT_KERNEL_CALL_EXIT, BY_CHILD, .request = &call, .call = {.arguments = arguments, .count = COUNT(arguments)}},
	{.kind = EVENT_USER_CALL_ENTER, BY_CHILD, .request = &call, .call = {.arguments = arguments, .count = COUNT(arguments)}},
	{.kind = EVENT_USER_CALL_EXIT, BY_CHILD, .request = &call},
	{.kind = EVENT_PERFORMANCE,
	 .cpu = 1,
	 .request = &performance,
	 .performance = {.time_enabled = 1000, .time_running = 900, .values = values, .count = COUNT(values)}},
	{.kind = EVENT_CONTAINER_CREATED, .container = {.container = &container}},
	{.kind = EVENT_CONTAINER_DESTROYED, .container = {.container = &container}},
	{.kind = EVENT_CONTAINER_UPDATED, .container = {.container = &container, .host_pid = 300}},
	{.kind = EVENT_CHARGEN, .chargen = {.index = 95, .characters = TEXT(" !\"#")}},
	{.kind = EVENT_LOST, .lost = {.count = 17, .of = EVENT_RECVFROM_RESULT, .cause = LOST_PROBE}},
	{.kind = EVENT_LOST, .lost = {.count = UINT64_MAX, .of = EVENT_KIND_COUNT, .cause = LOST_QUEUE}},
	{.kind = EVENT_LOST,
	 .lost = {.of = EVENT_KIND_COUNT,
		  .cause = LOST_RECORDER,
		  .gap = RECORD_GAP_STOPPED,
		  .after_sequence = 41,
		  .before_sequence = UINT64_MAX,
		  .realtime_offset_ns = INT64_MIN}},
	{.kind = EVENT_LOST,
	 .lost = {.count = 3, .of = EVENT_KIND_COUNT, .cause = LOST_RECORDER, .gap = RECORD_GAP_OVERFLOW, .realtime_offset_ns = INT64_MAX}},
};

const struct event *wire_event_at(size_t index)
{
	size_t in_table = 0;

	for (; table_event_at(in_table); in_table++)
		if (in_table == index)
			return &table_event_at(index)->event;
	return index - in_table < COUNT(more) ? &more[index - in_table] : NULL;
}

#define GENERATIONS 4

/* A process and its parents as the process cache has them, where encoders can note what they made of them. */
static const struct process *in_cache(const struct process *process, struct process_entry *entries)
{
	for (size_t i = 0; process; process = process->parent, i++) {
		cr_assert_lt(i, GENERATIONS);
		entries[i].process = *process;
		if (i)
			entries[i - 1].process.parent = &entries[i].process;
	}
	return entries[0].process.tgid ? &entries[0].process : NULL;
}

void wire_event_put(const struct event *event, uint64_t sequence, enum detail detail, struct buffer *out)
{
	struct encoder *encoder = capsule8_encoder_new("0123456789abcdef");
	struct process_entry entries[GENERATIONS] = {0};
	struct event copy = *event;

	cr_assert_not_null(encoder);
	copy.process = in_cache(event->process, entries);
	copy.sequence = sequence;
	copy.time_ns = 1000000 + sequence;
	encoder->encode(encoder, &copy, detail, out);
	cr_assert_not(out->failed);
	capsule8_encoder_free(encoder);
	for (size_t i = 0; i < GENERATIONS; i++)
		free(entries[i].process.encoded);
}

uint8_t *wire_exact_copy(const void *bytes, size_t size)
{
	uint8_t *copy = malloc(size);

	cr_assert(copy || !size);
	if (size)
		memcpy(copy, bytes, size);
	return copy;
}

/* TelemetryEvent, Event and the members of its oneof; deeper ones stay as they are. */
static bool is_message(uint32_t number, unsigned int depth)
{
	return depth == 0 || (depth == 1 && number == 2) ||
	       (depth == 2 && ((number >= 10 && number <= 20) || (number >= 100 && number <= 102)));
}

static void shuffle(const uint8_t *at, const uint8_t *end, unsigned int depth, struct random *r, struct buffer *out)
{
	struct {
		struct wire_field f;
		const uint8_t *from, *to;
	} fields[256];
	size_t count = 0;

	while (at < end) {
		fields[count].from = at;
		cr_assert(wire_read_field(&at, end, &fields[count].f) && count < COUNT(fields) - 1);
		fields[count++].to = at;
	}
	while (count) {
		size_t chosen = random_below(r, count);
		struct buffer inner;
		uint8_t *to;

		/* The first of its number. */
		for (size_t i = 0; i < chosen; i++)
			if (fields[i].f.number == fields[chosen].f.number)
				chosen = i;
		if (fields[chosen].f.type == WIRE_LENGTH && is_message(fields[chosen].f.number, depth)) {
			buffer_init(&inner, 0);
			shuffle(fields[chosen].f.bytes, fields[chosen].f.bytes + fields[chosen].f.size, depth + 1, r, &inner);
			to = buffer_reserve(out, inner.length + WIRE_FIELD_MAX + WIRE_SLACK);
			out->length = (size_t)(wire_put_bytes(to, fields[chosen].f.number, inner.data, inner.length) - out->data);
			buffer_done(&inner);
		} else {
			buffer_put(out, fields[chosen].from, (size_t)(fields[chosen].to - fields[chosen].from));
		}
		memmove(&fields[chosen], &fields[chosen + 1], (--count - chosen) * sizeof(fields[0]));
	}
}

void wire_shuffle(const struct buffer *from, struct random *r, struct buffer *out)
{
	shuffle(from->data, from->data + from->length, 0, r, out);
}

void wire_damage(uint64_t seed, void (*try)(const uint8_t *bytes, size_t size))
{
	struct random r = {.state = seed};
	struct buffer out;

	buffer_init(&out, 0);
	for (size_t i = 0; wire_event_at(i); i++) {
		buffer_clear(&out);
		wire_event_put(wire_event_at(i), 3, DETAIL_FULL, &out);
		for (int round = 0; round < 2000; round++) {
			uint8_t *copy = wire_exact_copy(out.data, out.length);

			for (uint64_t n = 1 + random_below(&r, 3); n; n--)
				copy[random_below(&r, out.length)] = (uint8_t)random_next(&r);
			try(copy, out.length);
			free(copy);
		}
	}
	buffer_done(&out);
}
