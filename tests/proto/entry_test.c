#include "proto/capsule8_entry.h"

#include "base/chunk.h"
#include "proto/capsule8_encoder.h"
#include "proto/capsule8_events.h"
#include "proto/wire.h"
#include "sensor/catalog.h"
#include "sensor/container.h"
#include "tests/proto/wire_events.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct buffer out, other;

static void set_up(void)
{
	buffer_init(&out, 0);
	buffer_init(&other, 0);
}

static void tear_down(void)
{
	buffer_done(&out);
	buffer_done(&other);
}

TestSuite(entry, .init = set_up, .fini = tear_down);

static struct capsule8_entry only_entry(const struct buffer *bytes)
{
	const uint8_t *at = bytes->data, *end = at + bytes->length;
	struct capsule8_entry entry;

	cr_assert(capsule8_entry_next(&at, end, &entry));
	cr_assert_eq(at, end);
	cr_assert_eq(entry.bytes, bytes->data);
	cr_assert_eq(entry.size, bytes->length);
	return entry;
}

Test(entry, every_kind_is_among_the_events_that_are_tried)
{
	uint64_t kinds = 0;

	for (size_t i = 0; wire_event_at(i); i++)
		kinds |= EVENT_KIND_BIT(wire_event_at(i)->kind);
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++)
		cr_expect(kinds & EVENT_KIND_BIT(kind), "%s:%s", catalog_entry(kind)->family, catalog_entry(kind)->type);
}

Test(entry, a_chunk_is_walked_from_entry_to_entry)
{
	struct capsule8_entry entry;
	const uint8_t *at, *end;
	size_t count = 0;

	for (; wire_event_at(count); count++)
		wire_event_put(wire_event_at(count), count * UINT64_C(0x123456789), DETAIL_BASIC, &out);
	at = out.data;
	end = at + out.length;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *before = at;

		cr_assert(capsule8_entry_next(&at, end, &entry), "event %zu", i);
		cr_expect_eq(entry.kind, wire_event_at(i)->kind, "event %zu", i);
		cr_expect_eq(entry.sequence, i * UINT64_C(0x123456789));
		cr_expect_eq(entry.time_ns, 1000000 + entry.sequence);
		cr_expect_eq(entry.bytes, before);
		cr_expect_eq(entry.size, (size_t)(at - before));
	}
	cr_expect_eq(at, end);
	cr_expect_not(capsule8_entry_next(&at, end, &entry));
}

/* What the parser of protobuf-c makes of it. */
static void expect_as_unpacked(const struct buffer *bytes)
{
	Capsule8__Api__V0__GetEventsResponse *response = NULL;
	struct capsule8_entry entry = only_entry(bytes);
	const Capsule8__Api__V0__Event *event;

	cr_assert_eq(capsule8_response_unpack(bytes->data, bytes->length, &response, NULL), 0);
	event = response->events[0]->event;
	cr_expect_eq(entry.kind, capsule8_event_kind(event));
	cr_expect_eq(entry.sequence, event->sensor_sequence_number);
	cr_expect_eq(entry.time_ns, (uint64_t)event->sensor_monotime_nanos);
	capsule8_response_free(response);
}

Test(entry, fields_may_come_in_any_order)
{
	struct random r = {.state = 7};

	for (size_t i = 0; wire_event_at(i); i++) {
		for (int round = 0; round < 50; round++) {
			buffer_clear(&out);
			buffer_clear(&other);
			wire_event_put(wire_event_at(i), round % 3 ? 99 : 0, DETAIL_BASIC, &out);
			wire_shuffle(&out, &r, &other);
			cr_assert_eq(other.length, out.length);
			cr_expect_eq(only_entry(&other).kind, wire_event_at(i)->kind);
			expect_as_unpacked(&other);
		}
	}
}

/* One entry around the fields of an event, with what a backplane adds. */
static void put_entry(struct buffer *to, const void *event, size_t size)
{
	uint8_t *at = buffer_reserve(to, size + 8 * WIRE_FIELD_MAX + WIRE_SLACK), *start;

	start = wire_begin(at, 1, 1);
	at = wire_put_varint(start, 1, 1700000000000000);
	at = wire_put_bytes(at, 2, event, size);
	at = wire_put_bytes(at, 3, "ack", 3);
	at = wire_end(start, at, 1);
	to->length = (size_t)(at - to->data);
}

#define SYSCALL_ENTER   0x52, 2, 0x08, 1
#define TICKER          0xaa, 0x06, 0
#define FILE_OF_TYPE(n) 0x62, 2, 0x08, n

Test(entry, what_a_backplane_adds_is_passed_over)
{
	static const uint8_t event[] = {SYSCALL_ENTER, 0x30, 5, 0x38, 6};
	struct capsule8_entry entry;

	put_entry(&out, event, sizeof(event));
	entry = only_entry(&out);
	cr_expect_eq(entry.kind, EVENT_SYSCALL_ENTER);
	cr_expect_eq(entry.sequence, 5);
	cr_expect_eq(entry.time_ns, 6);
	cr_expect_eq(entry.event_size, sizeof(event));
	cr_expect_eq(memcmp(entry.event, event, sizeof(event)), 0);
}

Test(entry, of_two_members_of_the_oneof_the_last_one_counts)
{
	static const uint8_t ticker_last[] = {SYSCALL_ENTER, TICKER, 0x30, 5};
	static const uint8_t syscall_last[] = {TICKER, SYSCALL_ENTER, 0x30, 5};
	/* Two of one are merged: the type is that of the first when the second has none. */
	static const uint8_t merged[] = {SYSCALL_ENTER, 0x52, 2, 0x10, 3};
	/* But not across another member. */
	static const uint8_t forgotten[] = {FILE_OF_TYPE(2), 0x52, 0};

	put_entry(&out, ticker_last, sizeof(ticker_last));
	cr_expect_eq(only_entry(&out).kind, EVENT_TICKER);
	expect_as_unpacked(&out);
	buffer_clear(&out);
	put_entry(&out, syscall_last, sizeof(syscall_last));
	cr_expect_eq(only_entry(&out).kind, EVENT_SYSCALL_ENTER);
	expect_as_unpacked(&out);
	buffer_clear(&out);
	put_entry(&out, merged, sizeof(merged));
	cr_expect_eq(only_entry(&out).kind, EVENT_SYSCALL_ENTER);
	buffer_clear(&out);
	put_entry(&out, forgotten, sizeof(forgotten));
	cr_expect_eq(only_entry(&out).kind, EVENT_KIND_COUNT);
	expect_as_unpacked(&out);
}

Test(entry, what_the_catalog_does_not_have_is_of_no_kind)
{
	static const uint8_t unknown_type[] = {FILE_OF_TYPE(77), 0x30, 5};
	static const uint8_t no_member[] = {0x30, 5};
	static const uint8_t wrong_wire_type[] = {0x50, 1, 0x30, 5}; /* a system call as a number */

	put_entry(&out, unknown_type, sizeof(unknown_type));
	cr_expect_eq(only_entry(&out).kind, EVENT_KIND_COUNT);
	buffer_clear(&out);
	put_entry(&out, no_member, sizeof(no_member));
	cr_expect_eq(only_entry(&out).kind, EVENT_KIND_COUNT);
	cr_expect_eq(only_entry(&out).sequence, 5);
	buffer_clear(&out);
	put_entry(&out, wrong_wire_type, sizeof(wrong_wire_type));
	cr_expect_eq(only_entry(&out).kind, EVENT_KIND_COUNT);
}

static void expect_refused(const void *bytes, size_t size)
{
	uint8_t *copy = wire_exact_copy(bytes, size);
	const uint8_t *at = copy;
	struct capsule8_entry entry;

	cr_expect_not(capsule8_entry_next(&at, copy + size, &entry));
	free(copy);
}

Test(entry, what_is_no_entry_is_refused)
{
	static const struct subscriber_statuses fine = {.items = {{.message = "fine"}}, .count = 1};
	struct chunk *statuses = capsule8_statuses_chunk(&fine);

	cr_assert_not_null(statuses);
	expect_refused(statuses->data, statuses->length);
	chunk_unref(statuses);
	expect_refused("\x0a", 1);                     /* no length */
	expect_refused("\x0a\x00", 2);                 /* no event */
	expect_refused("\x0a\x05\x12\x00", 4);         /* longer than there is */
	expect_refused("\x0a\x04\x12\x00\x12\x00", 6); /* two events */
	expect_refused("\x0a\x04\x12\x02\x52\x01", 6); /* a member longer than its event */
	expect_refused("\x0a\x02\x12\x01", 4);         /* an event longer than its entry */
	expect_refused("\x08\x01", 2);
}

Test(entry, one_that_was_cut_is_refused)
{
	for (size_t i = 0; wire_event_at(i); i++) {
		buffer_clear(&out);
		wire_event_put(wire_event_at(i), 3, DETAIL_BASIC, &out);
		for (size_t size = 0; size < out.length; size++)
			expect_refused(out.data, size);
	}
}

/* Everything that can be asked of what may be an entry. */
static void try(const uint8_t *bytes, size_t size)
{
	const uint8_t *at = bytes, *end = bytes + size;
	struct capsule8_entry entry;
	struct event_lost lost;

	while (at < end && capsule8_entry_next(&at, end, &entry)) {
		cr_assert(entry.bytes + entry.size == at && entry.event >= entry.bytes && entry.event + entry.event_size <= at);
		cr_assert_leq(entry.kind, EVENT_KIND_COUNT);
		if (capsule8_entry_lost(&entry, &lost))
			cr_assert(entry.kind == EVENT_LOST && lost.of <= EVENT_KIND_COUNT);
		buffer_clear(&other);
		capsule8_entry_put_basic(&entry, &other);
		cr_assert_leq(other.length, entry.size);
	}
}

Test(entry, damage_is_survived, .timeout = 120)
{
	wire_damage(11, try);
}

Test(entry, a_lost_event_says_what_it_said)
{
	for (size_t i = 0; wire_event_at(i); i++) {
		const struct event *event = wire_event_at(i);
		struct capsule8_entry entry;
		struct event_lost lost;

		buffer_clear(&out);
		wire_event_put(event, 0, DETAIL_BASIC, &out);
		entry = only_entry(&out);
		if (event->kind != EVENT_LOST) {
			cr_expect_not(capsule8_entry_lost(&entry, &lost));
			continue;
		}
		cr_assert(capsule8_entry_lost(&entry, &lost));
		cr_expect_eq(lost.count, event->lost.count);
		cr_expect_eq(lost.of, event->lost.of);
		cr_expect_eq(lost.cause, event->lost.cause);
		cr_expect_eq(lost.gap, event->lost.gap);
		cr_expect_eq(lost.after_sequence, event->lost.after_sequence);
		cr_expect_eq(lost.before_sequence, event->lost.before_sequence);
		cr_expect_eq(lost.realtime_offset_ns, event->lost.realtime_offset_ns);
	}
}

Test(entry, every_kind_can_be_what_was_lost)
{
	for (enum event_kind kind = 0; kind <= EVENT_KIND_COUNT; kind++) {
		struct event event = {.kind = EVENT_LOST, .lost = {.count = 1, .of = kind, .cause = LOST_RING}};
		struct capsule8_entry entry;
		struct event_lost lost;

		buffer_clear(&out);
		wire_event_put(&event, 0, DETAIL_BASIC, &out);
		entry = only_entry(&out);
		cr_assert(capsule8_entry_lost(&entry, &lost));
		cr_expect_eq(lost.of, kind);
	}
}

static void expect_lost(const uint8_t *bytes, size_t size, bool makes_sense)
{
	struct capsule8_entry entry;
	struct event_lost lost;

	buffer_clear(&out);
	put_entry(&out, bytes, size);
	entry = only_entry(&out);
	cr_assert_eq(capsule8_entry_lost(&entry, &lost), makes_sense);
	if (makes_sense)
		cr_expect(!lost.count && lost.of == EVENT_KIND_COUNT);
}

Test(entry, of_a_lost_event_not_everything_makes_sense)
{
	static const uint8_t empty[] = {0xb2, 0x06, 0};
	static const uint8_t no_such_source[] = {0xb2, 0x06, 8, 0xca, 0x3e, 5, 's', ':', 'x', 'x', 'x'};
	static const uint8_t no_such_cause[] = {0xb2, 0x06, 3, 0xc0, 0x3e, 99};
	static const uint8_t no_such_gap[] = {0xb2, 0x06, 3, 0xd0, 0x3e, RECORD_GAP_OVERFLOW + 1};
	static const uint8_t cut[] = {0xb2, 0x06, 1, 0x08};

	expect_lost(empty, sizeof(empty), true);
	expect_lost(no_such_source, sizeof(no_such_source), true);
	expect_lost(no_such_cause, sizeof(no_such_cause), false);
	expect_lost(no_such_gap, sizeof(no_such_gap), false);
	expect_lost(cut, sizeof(cut), false);
}

static void expect_basic(const struct event *event)
{
	struct buffer wanted;
	struct capsule8_entry entry;

	buffer_init(&wanted, 0);
	buffer_clear(&out);
	buffer_clear(&other);
	buffer_put_string(&wanted, "before");
	buffer_put_string(&other, "before");
	wire_event_put(event, 5, DETAIL_BASIC, &wanted);
	wire_event_put(event, 5, DETAIL_FULL, &out);
	entry = only_entry(&out);
	capsule8_entry_put_basic(&entry, &other);
	cr_assert_not(other.failed);
	cr_assert_eq(other.length, wanted.length);
	cr_assert_eq(memcmp(other.data, wanted.data, wanted.length), 0);
	buffer_done(&wanted);
}

Test(entry, without_detail_it_is_what_the_encoder_makes_without)
{
	for (size_t i = 0; wire_event_at(i); i++)
		expect_basic(wire_event_at(i));
}

Test(entry, files_of_any_length_are_left_out)
{
	static const size_t lengths[] = {0, 1, 30, 127, 128, 5000, 16383, 16384, 300000};
	static char text[300000];
	struct container container = {.id = {"c0ffee", 6}, .name = {"/web", 4}, .image_id = {"", 0}, .image_name = {"nginx", 5}};
	struct event event = {.kind = EVENT_CONTAINER_EXITED, .container = {.container = &container, .exit_code = 3, .oom_killed = true}};

	memset(text, ' ', sizeof(text));
	for (size_t i = 0; i < 9; i++) {
		for (size_t j = 0; j < 9; j++) {
			container.docker_config = (struct event_string){text, lengths[i]};
			container.oci_config = (struct event_string){text, lengths[j]};
			expect_basic(&event);
		}
	}
}

Test(entry, files_are_left_out_wherever_they_stand)
{
	struct container container = {.id = {"c0ffee", 6}, .docker_config = {"{\"secret\":1}", 12}, .oci_config = {"{\"secret\":2}", 12}};
	struct event event = {.kind = EVENT_CONTAINER_RUNNING, .container = {.container = &container, .host_pid = 3}};
	struct random r = {.state = 3};
	struct buffer basic;

	for (int round = 0; round < 100; round++) {
		struct capsule8_entry entry;

		buffer_init(&basic, 0);
		buffer_clear(&out);
		buffer_clear(&other);
		wire_event_put(&event, 5, DETAIL_FULL, &out);
		wire_shuffle(&out, &r, &other);
		entry = only_entry(&other);
		capsule8_entry_put_basic(&entry, &basic);
		cr_assert_null(memmem(basic.data, basic.length, "secret", 6));
		cr_expect_eq(only_entry(&basic).kind, EVENT_CONTAINER_RUNNING);
		expect_as_unpacked(&basic);
		buffer_done(&basic);
	}
}

Test(entry, a_container_that_makes_no_sense_is_passed_on_as_it_is)
{
	static const uint8_t event[] = {0x38, 6, 0x30, 5, 0xa2, 0x01, 4, 0x08, 1, 0xff, 0xff}; /* its type can be read */
	struct capsule8_entry entry;

	put_entry(&out, event, sizeof(event));
	entry = only_entry(&out);
	cr_expect_eq(entry.kind, EVENT_CONTAINER_CREATED);
	capsule8_entry_put_basic(&entry, &other);
	cr_assert_eq(other.length, out.length);
	cr_expect_eq(memcmp(other.data, out.data, out.length), 0);
}
