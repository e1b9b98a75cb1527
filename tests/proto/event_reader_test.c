#include "proto/capsule8_event_reader.h"

#include "proto/wire.h"
#include "sensor/catalog.h"
#include "sensor/event_container.h"
#include "subscription/container_filter.h"
#include "subscription/matcher.h"
#include "subscription/query_print.h"
#include "tests/expressions/reference.h"
#include "tests/proto/wire_events.h"

#include <criterion/criterion.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

static struct buffer out;
static struct capsule8_event_reader reader;
static uint8_t *bytes; /* what was read */

static void set_up(void)
{
	buffer_init(&out, 0);
	/* Nothing of it is taken for granted. */
	memset(&reader, 0xa5, sizeof(reader));
}

static void tear_down(void)
{
	free(bytes);
	bytes = NULL;
	buffer_done(&out);
}

TestSuite(event_reader, .init = set_up, .fini = tear_down);

/* Reads the one entry of `from`, without a byte behind it. */
static bool read_bytes(const struct buffer *from)
{
	struct capsule8_entry entry;
	const uint8_t *at;

	free(bytes);
	bytes = wire_exact_copy(from->data, from->length);
	at = bytes;
	cr_assert(capsule8_entry_next(&at, bytes + from->length, &entry));
	return capsule8_event_read(&reader, &entry);
}

static const struct event *read_back(const struct event *event)
{
	buffer_clear(&out);
	wire_event_put(event, 77, DETAIL_FULL, &out);
	cr_assert(read_bytes(&out));
	return &reader.event;
}

static const void *base_of(const struct event *event, const struct catalog_field *field)
{
	const struct credentials *credentials = event->credentials ? event->credentials
						: event->process   ? &event->process->credentials
								   : NULL;

	switch (field->base) {
	case FIELD_OF_PROCESS:
		return event->process;
	case FIELD_OF_CREDENTIALS:
		return credentials && credentials->known ? credentials : NULL;
	case FIELD_OF_CONTAINER:
		return event_container_of(event);
	default:
		return event;
	}
}

static bool is_null(const struct event *event, const struct catalog_field *field)
{
	struct clause clause = {.kind = event->kind};
	struct matcher m;
	bool answer;

	clause.filter = expression_new(EXPRESSION_IS_NULL, expression_new_field(field->name, 0), NULL, 0);
	cr_assert_eq(expression_check(clause.filter, event->kind, NULL, NULL, NULL), 0, "%s", field->name);
	cr_assert_eq(matcher_init(&m, &clause), 0);
	answer = matcher_matches(&m, event);
	matcher_done(&m);
	expression_free(clause.filter);
	return answer;
}

static void expect_same_value(const struct catalog_field *field, const void *live, const void *back, const char *name)
{
	const struct event_string *a = live, *b = back;

	switch (field->type) {
	case FIELD_STRING:
		cr_expect(a->length == b->length && (!a->length || !memcmp(a->bytes, b->bytes, a->length)), "%s: \"%.*s\"", name,
			  (int)b->length, b->bytes);
		break;
	case FIELD_CHARS:
		cr_expect_str_eq((const char *)back, (const char *)live, "%s", name);
		break;
	case FIELD_BOOL:
		cr_expect_eq(*(const bool *)back, *(const bool *)live, "%s", name);
		break;
	case FIELD_SINT64:
	case FIELD_UINT64:
		cr_expect_eq(*(const uint64_t *)back, *(const uint64_t *)live, "%s", name);
		break;
	default:
		cr_expect_eq(*(const uint32_t *)back, *(const uint32_t *)live, "%s", name);
	}
}

static void expect_same_fields(const struct event *live, const struct event *back)
{
	const struct catalog_field *fields[FACTS_MAX];
	size_t count = known_event_fields(live->kind, fields);

	cr_assert_eq(back->kind, live->kind);
	cr_expect_eq(back->capture, live->capture);
	/* Counters are asked for by a request only, and calls have no fields but arguments. */
	for (size_t i = 0; i < count; i++) {
		const char *base;

		if (is_null(live, fields[i])) {
			cr_expect(is_null(back, fields[i]), "%s: %s", catalog_entry(live->kind)->type, fields[i]->name);
			continue;
		}
		cr_assert_not(is_null(back, fields[i]), "%s: %s", catalog_entry(live->kind)->type, fields[i]->name);
		base = base_of(live, fields[i]);
		expect_same_value(fields[i], base + fields[i]->offset, (const char *)base_of(back, fields[i]) + fields[i]->offset,
				  fields[i]->name);
	}
}

static void expect_same_arguments(const struct event_call *live, const struct event_call *back)
{
	cr_assert_eq(back->count, live->count);
	for (uint32_t i = 0; i < live->count; i++) {
		const struct call_argument *a = &live->arguments[i], *b = &back->arguments[i];

		cr_expect_eq(b->type, a->type);
		cr_expect_eq(b->integer, a->integer);
		cr_expect(a->bytes.length == b->bytes.length &&
			  (!a->bytes.length || !memcmp(a->bytes.bytes, b->bytes.bytes, a->bytes.length)));
		cr_expect_null(b->name);
		cr_expect_eq(reader.argument_names[i].length, strlen(a->name));
		cr_expect_eq(memcmp(reader.argument_names[i].bytes, a->name, strlen(a->name)), 0);
	}
}

static void expect_same(const struct event *live, const struct event *back)
{
	expect_same_fields(live, back);
	if (live->kind >= EVENT_KERNEL_CALL_ENTER && live->kind <= EVENT_USER_CALL_EXIT)
		expect_same_arguments(&live->call, &back->call);
	if (live->kind == EVENT_LOST)
		cr_expect(back->lost.of == live->lost.of && back->lost.cause == live->lost.cause && back->lost.gap == live->lost.gap);
}

Test(event_reader, every_field_of_every_event_comes_back, .timeout = 60)
{
	for (size_t i = 0; wire_event_at(i); i++) {
		const struct event *back = read_back(wire_event_at(i));

		cr_expect_eq(back->sequence, 77);
		cr_expect_eq(back->time_ns, 1000077);
		cr_expect_null(back->request);
		expect_same(wire_event_at(i), back);
	}
}

Test(event_reader, fields_may_come_in_any_order, .timeout = 60)
{
	struct random r = {.state = 23};
	struct buffer other;

	buffer_init(&other, 0);
	for (size_t i = 0; wire_event_at(i); i++) {
		for (int round = 0; round < 10; round++) {
			buffer_clear(&out);
			buffer_clear(&other);
			wire_event_put(wire_event_at(i), 5, DETAIL_FULL, &out);
			wire_shuffle(&out, &r, &other);
			cr_assert(read_bytes(&other));
			expect_same(wire_event_at(i), &reader.event);
		}
	}
	buffer_done(&other);
}

static const enum event_kind made_kinds[] = {EVENT_SYSCALL_ENTER, EVENT_SYSCALL_EXIT,      EVENT_PROCESS_EXEC,      EVENT_PROCESS_EXIT,
					     EVENT_FILE_OPEN,     EVENT_FILE_LINK,         EVENT_CONNECT_ATTEMPT,   EVENT_KERNEL_CALL_ENTER,
					     EVENT_TICKER,        EVENT_CONTAINER_CREATED, EVENT_CONTAINER_RUNNING, EVENT_CONTAINER_EXITED};

/* A random event as a sensor could have made it. */
static void make_event(struct known_event *ret, struct random *r, enum event_kind kind, const struct probe_request *request)
{
	known_event_make(ret, r, kind, request);
	if (kind == EVENT_SYSCALL_ENTER || kind == EVENT_SYSCALL_EXIT)
		ret->event.syscall.abi %= SAMPLE_ABI_64 + 1;
	ret->process.tgid = ret->event.tgid;
	/* Nobody's process: the idle task. */
	if (!ret->event.tgid)
		ret->event.process = NULL;
}

static size_t hold_trees_against(const struct event *live, const struct event *back, struct random *r, const struct probe_request *request,
				 int trees)
{
	const struct catalog_field *fields[FACTS_MAX];
	struct random_fields choice = {.fields = fields, .count = known_event_fields(live->kind, fields), .request = request};
	size_t matched = 0;

	for (int i = 0; i < trees; i++) {
		struct clause clause = {.kind = live->kind, .request = (struct probe_request *)request};
		struct matcher m;
		bool expected;

		clause.filter = random_tree(r, &choice, (unsigned int)random_below(r, 5));
		cr_assert_eq(matcher_init(&m, &clause), 0);
		expected = matcher_matches(&m, live);
		cr_assert_eq(matcher_matches(&m, back), expected, "%s", known_text(clause.filter, request));
		matched += expected;
		matcher_done(&m);
		expression_free(clause.filter);
	}
	return matched;
}

Test(event_reader, filters_give_of_it_the_answer_that_they_gave_of_the_live_one, .timeout = 120)
{
	struct probe_request *request = known_request_new();
	struct random r = {.state = 4712};
	size_t matched = 0;

	cr_assert_not_null(request);
	for (int round = 0; round < 20000; round++) {
		enum event_kind kind = made_kinds[random_below(&r, sizeof(made_kinds) / sizeof(made_kinds[0]))];
		const struct probe_request *own = kind == EVENT_KERNEL_CALL_ENTER ? request : NULL;
		struct known_event known;

		make_event(&known, &r, kind, own);
		read_back(&known.event);
		if (own) {
			cr_assert(capsule8_event_is_of(&reader, own));
			reader.event.request = own;
		}
		matched += hold_trees_against(&known.event, &reader.event, &r, own, 5);
	}
	probe_request_unref(request);
	cr_expect_gt(matched, 10000);
	cr_expect_lt(matched, 90000);
}

Test(event_reader, filters_of_every_kind_do, .timeout = 120)
{
	struct random r = {.state = 4713};

	for (size_t i = 0; wire_event_at(i); i++) {
		const struct event *live = wire_event_at(i);

		if (probe_request_needed(live->kind))
			continue;
		read_back(live);
		hold_trees_against(live, &reader.event, &r, NULL, 1000);
	}
}

Test(event_reader, container_filters_give_the_same_answer)
{
	static const struct {
		enum container_filter_list list;
		const char *value;
	} entries[] = {
		{CONTAINER_FILTER_ID, "c0ffee"},
		{CONTAINER_FILTER_ID, "beef"},
		{CONTAINER_FILTER_NAME, "db"},
		{CONTAINER_FILTER_NAME, "d"},
		{CONTAINER_FILTER_NAME, "/db"},
		{CONTAINER_FILTER_NAME, "web"},
		{CONTAINER_FILTER_IMAGE_ID, "d462"},
		{CONTAINER_FILTER_IMAGE_ID, "01234567"},
		{CONTAINER_FILTER_IMAGE_NAME, "postgres*"},
		{CONTAINER_FILTER_IMAGE_NAME, "*:1.2"},
		{CONTAINER_FILTER_IMAGE_NAME, "sha256:0123"},
		{CONTAINER_FILTER_IMAGE_NAME, "*"},
	};
	size_t matched = 0, missed = 0;

	for (size_t j = 0; j < sizeof(entries) / sizeof(entries[0]); j++) {
		struct container_filter *filter = container_filter_new();

		cr_assert_eq(container_filter_add(filter, entries[j].list, entries[j].value, NULL), 0);
		for (size_t i = 0; wire_event_at(i); i++) {
			bool expected = container_filter_matches(filter, event_container_of(wire_event_at(i)));

			read_back(wire_event_at(i));
			cr_expect_eq(container_filter_matches(filter, event_container_of(&reader.event)), expected, "%s", entries[j].value);
			matched += expected;
			missed += !expected;
		}
		container_filter_free(filter);
	}
	cr_expect_gt(matched, 20);
	cr_expect_gt(missed, 20);
}

Test(event_reader, a_name_with_bytes_that_are_no_utf8_keeps_its_end)
{
	static const struct process process = {.tgid = 9, .id = "b007-9", .comm = "\xff\xff\xff\xff\xff\xff-worker"};
	static const struct process plain = {.tgid = 9, .id = "b007-9", .comm = "caf\xc3\xa9 \xef\xbf\xbd"};
	struct event event = {.kind = EVENT_LISTEN_ATTEMPT, .process = &process, .tgid = 9};

	cr_expect_str_eq(read_back(&event)->process->comm, process.comm);
	event.process = &plain;
	cr_expect_str_eq(read_back(&event)->process->comm, plain.comm);
}

Test(event_reader, whose_rights_are_not_known_is_nobodys)
{
	static const struct credentials unknown, own = {.known = true, .uid = 3, .late = true};
	static const struct process root = {.tgid = 9, .id = "b007-9", .credentials = {.known = true}}, bare = {.tgid = 9};
	struct event event = {.kind = EVENT_LISTEN_ATTEMPT, .process = &root, .tgid = 9};

	read_back(&event);
	cr_expect(!reader.event.credentials && reader.process.credentials.known && !reader.process.credentials.uid);
	event.credentials = &unknown;
	read_back(&event);
	cr_expect(!reader.event.credentials && !reader.process.credentials.known);
	event.credentials = &own;
	read_back(&event);
	cr_expect(credentials_equal(reader.event.credentials, &own) && reader.event.credentials->late);
	cr_expect(credentials_equal(&reader.process.credentials, &root.credentials));
	event.process = &bare;
	read_back(&event);
	cr_expect(!reader.event.credentials && credentials_equal(&reader.process.credentials, &own));
	event.process = NULL;
	read_back(&event);
	cr_expect(!reader.event.process && credentials_equal(reader.event.credentials, &own));
}

static void expect_of(const struct probe_request *request, bool expected)
{
	cr_expect_eq(capsule8_event_is_of(&reader, request), expected);
}

Test(event_reader, the_request_of_a_call_is_told_by_function_and_arguments)
{
	static struct probe_parameter two[] = {{"path", NULL}, {"size", NULL}}, swapped[] = {{"size", NULL}, {"path", NULL}};
	const struct call_argument arguments[] = {{.name = "path", .type = CALL_STRING},
						  {.name = "size", .type = CALL_UINT64},
						  {.name = "__probe_ip", .type = CALL_UINT64}};
	struct probe_request asked = {
		.kind = EVENT_USER_CALL_ENTER, .symbol = "f", .executable = "/bin/sh", .parameters = two, .parameter_count = 2};
	struct event event = {.kind = EVENT_USER_CALL_ENTER, .request = &asked, .call = {.arguments = arguments, .count = 3}};
	struct probe_request other = asked;

	read_back(&event);
	expect_of(&asked, true);
	other.parameter_count = 1;
	expect_of(&other, true);
	other = asked;
	other.parameters = swapped;
	expect_of(&other, false);
	other = asked;
	other.symbol = "g";
	expect_of(&other, false);
	other = asked;
	other.executable = NULL;
	expect_of(&other, false);
	other = asked;
	other.kind = EVENT_USER_CALL_EXIT;
	expect_of(&other, false);
	/* What was read before is forgotten. */
	event.request = NULL;
	event.call.count = 1;
	read_back(&event);
	expect_of(&asked, false);
}

Test(event_reader, the_request_of_counters_is_told_by_them)
{
	static struct perf_counter asked_for[] = {{PERF_TYPE_HARDWARE, 0}, {PERF_TYPE_RAW, 5}},
				   others[] = {{PERF_TYPE_HARDWARE, 0}, {PERF_TYPE_SOFTWARE, 5}};
	static const uint64_t values[] = {7, UINT64_MAX};
	struct probe_request asked = {.kind = EVENT_PERFORMANCE, .counters = asked_for, .counter_count = 2};
	struct probe_request other = asked;
	struct event event = {.kind = EVENT_PERFORMANCE, .request = &asked, .performance = {.values = values, .count = 2}};

	read_back(&event);
	cr_assert_eq(reader.event.performance.count, 2);
	cr_expect_eq(memcmp(reader.event.performance.values, values, sizeof(values)), 0);
	expect_of(&asked, true);
	other.counters = others;
	expect_of(&other, false);
	other = asked;
	other.counter_count = 1;
	expect_of(&other, false);
}

Test(event_reader, more_arguments_than_there_is_room_for_are_refused)
{
	static struct call_argument arguments[CAPSULE8_READ_ARGUMENTS_MAX + 1];
	struct event event = {.kind = EVENT_KERNEL_CALL_EXIT, .call = {.arguments = arguments, .count = CAPSULE8_READ_ARGUMENTS_MAX}};

	for (size_t i = 0; i <= CAPSULE8_READ_ARGUMENTS_MAX; i++)
		arguments[i] = (struct call_argument){.name = "same", .type = CALL_UINT64, .integer = i};
	cr_expect_eq(read_back(&event)->call.arguments[CAPSULE8_READ_ARGUMENTS_MAX - 1].integer, CAPSULE8_READ_ARGUMENTS_MAX - 1);
	event.call.count++;
	buffer_clear(&out);
	wire_event_put(&event, 5, DETAIL_BASIC, &out);
	cr_expect_not(read_bytes(&out));
}

/* All that filters could touch. */
static void touch(const struct event *event)
{
	const struct catalog_field *fields[FACTS_MAX];
	size_t count = known_event_fields(event->kind, fields);
	volatile unsigned int sum = 0;

	for (size_t i = 0; i < count; i++) {
		const char *base = base_of(event, fields[i]);
		const struct event_string *string = (const void *)(base + (base ? fields[i]->offset : 0));

		for (size_t n = 0; base && fields[i]->type == FIELD_STRING && n < string->length; n++)
			sum += (unsigned char)string->bytes[n];
		if (base && fields[i]->type == FIELD_CHARS)
			sum += (unsigned int)strlen(base + fields[i]->offset);
	}
}

static void try(const uint8_t *from, size_t size)
{
	const uint8_t *at = from;
	struct capsule8_entry entry;

	if (size && capsule8_entry_next(&at, from + size, &entry) && capsule8_event_read(&reader, &entry))
		touch(&reader.event);
}

Test(event_reader, damage_is_survived, .timeout = 120)
{
	wire_damage(12, try);
}

/* The frames fit, what is in them ends early. */
Test(event_reader, an_event_that_ends_anywhere_is_survived, .timeout = 60)
{
	for (size_t i = 0; wire_event_at(i); i++) {
		struct capsule8_entry entry;
		const uint8_t *at;

		buffer_clear(&out);
		wire_event_put(wire_event_at(i), 3, DETAIL_FULL, &out);
		at = out.data;
		cr_assert(capsule8_entry_next(&at, out.data + out.length, &entry));
		for (size_t size = 0; size < entry.event_size; size++) {
			uint8_t *copy = wire_exact_copy(entry.event, size);
			struct capsule8_entry cut = {.kind = entry.kind, .event = copy, .event_size = size};

			if (capsule8_event_read(&reader, &cut))
				touch(&reader.event);
			free(copy);
		}
	}
}
