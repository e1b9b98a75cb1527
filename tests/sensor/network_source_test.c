#include "sensor/source.h"

#include "sensor/call_table.h"
#include "sensor/catalog.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Rows of network_captures fed with samples that are laid out as real kernels lay them out (tests/data/formats). */

#define FORMAT_BYTES_MAX 8192
#define RAW_BYTES        512
#define TID              4321
#define OTHER_TID        4322
#define EMITTED_MAX      4

struct row {
	struct format *format;
	struct source_instance instance;
	uint8_t raw[RAW_BYTES];
	uint32_t raw_size;
};

static struct source_context context;
static struct event emitted[EMITTED_MAX];
static size_t emitted_count;

static void take_emitted(struct source_context *from, struct event *event)
{
	(void)from;
	cr_assert_lt(emitted_count, EMITTED_MAX);
	emitted[emitted_count++] = *event;
}

static void setup(void)
{
	context.calls = call_table_new();
	context.emit = take_emitted;
	emitted_count = 0;
}

static void teardown(void)
{
	context.calls = call_table_free(context.calls);
}

TestSuite(network_source, .init = setup, .fini = teardown);

static const struct source_candidate *find_candidate(enum event_kind kind, const char *name)
{
	for (size_t i = 0; i < network_capture_count; i++)
		for (size_t j = 0; network_captures[i].kind == kind && j < network_captures[i].candidate_count; j++)
			if (!strcmp(network_captures[i].candidates[j].name, name))
				return &network_captures[i].candidates[j];
	cr_assert_fail("%s is no candidate", name);
	return NULL;
}

static const struct source_probe *find_probe(const struct source_candidate *candidate, const char *name)
{
	for (size_t i = 0; candidate->probes[i]; i++)
		if (!strcmp(candidate->probes[i]->name, name))
			return candidate->probes[i];
	cr_assert_fail("%s has no probe of %s", candidate->name, name);
	return NULL;
}

static void parse_format(struct row *row, const struct source_probe *probe)
{
	bool is_function = probe->type == SOURCE_KPROBE;
	char *text = calloc(1, FORMAT_BYTES_MAX);
	struct error err = {0};
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/formats/%s/%s/format", TEST_DATA, is_function ? "6.1/network" : "6.18/syscalls",
		       probe->name);
	file = fopen(path, "r");
	cr_assert(file && text, "%s", path);
	cr_assert_eq(format_parse(&row->format, "test", probe->name, text, fread(text, 1, FORMAT_BYTES_MAX, file), &err), 0, "%s",
		     err.message);
	(void)fclose(file);
	free(text);
}

static void row_init(struct row *row, const struct source_probe *probe)
{
	*row = (struct row){.instance.row = probe, .raw_size = RAW_BYTES};
	parse_format(row, probe);
	for (size_t i = 0; i < SOURCE_FIELDS_MAX && probe->fields[i]; i++) {
		struct error err = {0};

		cr_assert_eq(format_field(row->format, probe->fields[i], &row->instance.fields[i], &err), 0, "%s", err.message);
	}
}

static struct row row_open(enum event_kind kind, const char *candidate, const char *probe)
{
	struct row row;

	row_init(&row, find_probe(find_candidate(kind, candidate), probe));
	return row;
}

static void row_close(struct row *row)
{
	format_free(row->format);
}

static void set(struct row *row, const char *name, uint64_t value)
{
	struct format_field field;

	cr_assert_eq(format_field(row->format, name, &field, NULL), 0, "%s", name);
	memcpy(row->raw + field.offset, &value, field.size);
}

/* A string's bytes, with their NUL if they have one, at the end of the raw data. */
static void set_string(struct row *row, const char *name, const char *bytes, uint32_t length)
{
	uint32_t at = RAW_BYTES - 64;

	memcpy(row->raw + at, bytes, length);
	set(row, name, at | length << 16);
}

static void set_words(struct row *row, const void *address, size_t length)
{
	uint64_t words[14] = {0};
	char name[8];

	cr_assert_leq(length, sizeof(words));
	memcpy(words, address, length);
	for (size_t i = 0; i < 14; i++) {
		(void)snprintf(name, sizeof(name), "w%zu", i);
		set(row, name, words[i]);
	}
}

static bool feed_with(const struct row *row, uint32_t tid, const struct sample_read *reads, struct event *event)
{
	const struct sample sample = {.tgid = TID, .tid = tid, .time_ns = 1, .raw = row->raw, .raw_size = row->raw_size, .reads = reads};

	*event = (struct event){.tgid = TID, .tid = tid};
	return row->instance.row->build(&context, &row->instance, &sample, event);
}

static bool feed(const struct row *row, struct event *event)
{
	return feed_with(row, TID, NULL, event);
}

static void assert_no_address(const struct event *event, bool unknown)
{
	cr_assert_eq(event->network.address.family, ADDRESS_NONE);
	cr_assert_eq(event->network.address.path.length, 0);
	cr_assert_eq(event->network.address_unknown, unknown);
}

static const struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = 0x901f, .sin_addr.s_addr = 0x0100007f};
static const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = 0x901f, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

static void assert_in(const struct event *event, enum event_capture capture)
{
	cr_assert_eq(event->network.address.family, ADDRESS_INET);
	cr_assert_eq(event->network.address.port, 36895);
	cr_assert_eq(event->network.address.ipv4, 16777343);
	cr_assert_not(event->network.address_unknown);
	cr_assert_eq(event->capture, capture);
}

Test(network_source, each_network_kind_of_the_catalog_is_captured_once)
{
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		const struct catalog_entry *entry = catalog_entry((enum event_kind)kind);
		size_t count = 0;

		for (size_t i = 0; i < network_capture_count; i++)
			count += network_captures[i].kind == (enum event_kind)kind;
		cr_assert_eq(count, entry && !strcmp(entry->family, "network"), "%d", kind);
	}
}

Test(network_source, the_fields_of_all_tracepoints_are_there)
{
	for (size_t i = 0; i < network_capture_count; i++) {
		const struct source_capture *capture = &network_captures[i];

		for (size_t j = 0; j < capture->candidate_count; j++) {
			for (size_t k = 0; capture->candidates[j].probes[k]; k++) {
				struct row row;

				if (capture->candidates[j].probes[k]->type != SOURCE_TRACEPOINT)
					continue;
				row_init(&row, capture->candidates[j].probes[k]);
				row_close(&row);
			}
		}
	}
}

Test(network_source, what_a_call_returns_is_its_result)
{
	struct row row = row_open(EVENT_ACCEPT_RESULT, "sys_exit_accept", "sys_exit_accept4");
	struct event event;

	set(&row, "ret", (uint64_t)-EAGAIN);
	cr_assert(feed(&row, &event));
	cr_assert_eq(event.kind, EVENT_ACCEPT_RESULT);
	cr_assert_eq(event.network.result, -11);
	set(&row, "ret", 5);
	cr_assert(feed(&row, &event));
	cr_assert_eq(event.network.result, 5);
	row_close(&row);
}

/* The kernel takes an int of a register whose upper half is anything. */
Test(network_source, a_negative_descriptor_is_sign_extended_whatever_is_in_the_upper_half)
{
	struct row row = row_open(EVENT_LISTEN_ATTEMPT, "sys_enter_listen", "sys_enter_listen");
	struct event event;

	set(&row, "fd", 0x12345678ffffffff);
	set(&row, "backlog", 0xfffffffe);
	cr_assert(feed(&row, &event));
	cr_assert_eq(event.network.sockfd, UINT64_MAX);
	cr_assert_eq(event.network.backlog, UINT64_MAX - 1);
	set(&row, "fd", 0x1234567800000007);
	set(&row, "backlog", 128);
	cr_assert(feed(&row, &event));
	cr_assert_eq(event.network.sockfd, 7);
	cr_assert_eq(event.network.backlog, 128);
	row_close(&row);
}

Test(network_source, a_listen_that_is_probed_has_descriptor_and_backlog)
{
	struct row row = row_open(EVENT_LISTEN_ATTEMPT, "__sys_listen", "__sys_listen");
	struct event event;

	set(&row, "fd", (uint32_t)-7);
	set(&row, "backlog", 128);
	cr_assert(feed(&row, &event));
	cr_assert_eq((int64_t)event.network.sockfd, -7);
	cr_assert_eq(event.network.backlog, 128);
	row_close(&row);
}

#define BY_HOOK "security_socket_connect+sys_enter_connect"

struct connect_rows {
	struct row enter, hook, leave;
};

static struct connect_rows open_connect(void)
{
	struct connect_rows rows = {
		.enter = row_open(EVENT_CONNECT_ATTEMPT, BY_HOOK, "sys_enter_connect"),
		.hook = row_open(EVENT_CONNECT_ATTEMPT, BY_HOOK, "security_socket_connect"),
		.leave = row_open(EVENT_CONNECT_ATTEMPT, BY_HOOK, "sys_exit_connect"),
	};

	set(&rows.enter, "fd", 9);
	set(&rows.enter, "uservaddr", 0x7fff00001000);
	set(&rows.enter, "addrlen", sizeof(in));
	set(&rows.hook, "length", sizeof(in));
	set_words(&rows.hook, &in, sizeof(in));
	set(&rows.leave, "ret", (uint64_t)-ECONNREFUSED);
	return rows;
}

static void close_connect(struct connect_rows *rows)
{
	row_close(&rows->enter);
	row_close(&rows->hook);
	row_close(&rows->leave);
}

Test(network_source, an_attempt_is_told_when_the_hook_has_seen_its_address)
{
	struct connect_rows rows = open_connect();
	struct event event;

	cr_assert_not(feed(&rows.enter, &event));
	cr_assert(feed(&rows.hook, &event));
	cr_assert_eq(event.kind, EVENT_CONNECT_ATTEMPT);
	cr_assert_eq(event.network.sockfd, 9);
	assert_in(&event, CAPTURE_KERNEL);
	cr_assert(feed(&rows.leave, &event));
	cr_assert_eq(event.kind, EVENT_CONNECT_RESULT);
	cr_assert_eq(event.network.result, -111);
	cr_assert_eq(emitted_count, 0, "the attempt is told once");
	close_connect(&rows);
}

Test(network_source, an_attempt_that_fails_before_the_hook_is_told_before_its_result)
{
	struct connect_rows rows = open_connect();
	struct event event;

	set(&rows.enter, "fd", (uint64_t)-1);
	set(&rows.leave, "ret", (uint64_t)-EBADF);
	cr_assert_not(feed(&rows.enter, &event));
	cr_assert(feed(&rows.leave, &event));
	cr_assert_eq(emitted_count, 1);
	cr_assert_eq(emitted[0].kind, EVENT_CONNECT_ATTEMPT);
	cr_assert_eq((int64_t)emitted[0].network.sockfd, -1);
	assert_no_address(&emitted[0], true);
	cr_assert_eq(event.kind, EVENT_CONNECT_RESULT);
	cr_assert_eq(event.network.result, -EBADF);
	close_connect(&rows);
}

Test(network_source, an_attempt_without_an_address_is_told_at_once)
{
	struct connect_rows rows = open_connect();
	struct event event;

	set(&rows.enter, "uservaddr", 0);
	cr_assert(feed(&rows.enter, &event));
	cr_assert_eq(event.network.sockfd, 9);
	assert_no_address(&event, false);
	cr_assert_not(feed(&rows.hook, &event));
	cr_assert(feed(&rows.leave, &event));
	cr_assert_eq(emitted_count, 0);
	close_connect(&rows);
}

/* The ring had no room for it. */
Test(network_source, an_attempt_whose_end_was_lost_is_told_with_the_next_one)
{
	struct connect_rows rows = open_connect();
	struct event event;

	cr_assert_not(feed(&rows.enter, &event));
	set(&rows.enter, "fd", 10);
	cr_assert_not(feed(&rows.enter, &event));
	cr_assert_eq(emitted_count, 1);
	cr_assert_eq(emitted[0].network.sockfd, 9);
	assert_no_address(&emitted[0], true);
	cr_assert(feed(&rows.hook, &event));
	cr_assert_eq(event.network.sockfd, 10);
	close_connect(&rows);
}

Test(network_source, a_hook_tells_of_the_calls_of_its_own_thread_only)
{
	struct connect_rows rows = open_connect();
	struct event event;

	cr_assert_not(feed(&rows.hook, &event), "nothing has begun");
	cr_assert_not(feed(&rows.enter, &event));
	cr_assert_not(feed_with(&rows.hook, OTHER_TID, NULL, &event));
	cr_assert(feed(&rows.hook, &event));
	close_connect(&rows);
}

Test(network_source, a_message_without_a_name_has_no_address)
{
	struct row enter = row_open(EVENT_SENDTO_ATTEMPT, "security_socket_sendmsg+sys_enter_sendto", "sys_enter_sendmsg");
	struct row hook = row_open(EVENT_SENDTO_ATTEMPT, "security_socket_sendmsg+sys_enter_sendto", "security_socket_sendmsg");
	struct event event;

	set(&enter, "fd", 3);
	/* What a fetch through a null pointer leaves behind is of an earlier sample. */
	set_words(&hook, &in, sizeof(in));
	set(&hook, "length", 0);
	cr_assert_not(feed(&enter, &event));
	cr_assert(feed(&hook, &event));
	cr_assert_eq(event.kind, EVENT_SENDTO_ATTEMPT);
	cr_assert_eq(event.network.sockfd, 3);
	assert_no_address(&event, false);
	set(&hook, "length", sizeof(in6));
	set_words(&hook, &in6, sizeof(in6));
	cr_assert_not(feed(&enter, &event));
	cr_assert(feed(&hook, &event));
	cr_assert_eq(event.network.address.family, ADDRESS_INET6);
	cr_assert_eq(event.network.address.ipv6_low, 72057594037927936);
	row_close(&enter);
	row_close(&hook);
}

static struct row open_caller(uint64_t pointer)
{
	struct row row = row_open(EVENT_CONNECT_ATTEMPT, "__sys_connect", "__sys_connect");

	set(&row, "fd", 4);
	set(&row, "pointer", pointer);
	set(&row, "length", sizeof(in));
	set_words(&row, &in, sizeof(in));
	set_string(&row, "first", "\2", 2);
	return row;
}

Test(network_source, an_address_in_the_callers_memory_is_told_as_such)
{
	struct row row = open_caller(0x7fff00001000);
	struct event event;

	cr_assert(feed(&row, &event));
	cr_assert_eq(event.network.sockfd, 4);
	assert_in(&event, CAPTURE_CALLER);
	row_close(&row);
}

/* What is in the words is of an earlier sample then. */
Test(network_source, an_address_that_could_not_be_fetched_is_unknown)
{
	struct row row = open_caller(0x7fff00001000);
	struct event event;

	set(&row, "first", 0);
	cr_assert(feed(&row, &event));
	assert_no_address(&event, true);
	set_string(&row, "first", "(fault)", 8);
	cr_assert(feed(&row, &event));
	assert_no_address(&event, true);
	row_close(&row);
}

Test(network_source, an_address_before_memory_that_is_not_there_is_told_as_far_as_its_words_are_whole)
{
	struct row row = open_caller(0x7fff00001ff0);
	struct event event;

	cr_assert(feed(&row, &event));
	assert_in(&event, CAPTURE_CALLER);
	set(&row, "pointer", 0x7fff00001ff4);
	cr_assert(feed(&row, &event));
	assert_no_address(&event, true);
	/* Unless the next page is there: an empty string is a string. */
	set_string(&row, "last", "", 1);
	set_string(&row, "first", "\2", 2);
	cr_assert(feed(&row, &event));
	assert_in(&event, CAPTURE_CALLER);
	row_close(&row);
}

Test(network_source, an_address_of_a_length_that_the_kernel_refuses_is_unknown)
{
	struct row row = open_caller(0x7fff00001000);
	struct event event;

	set(&row, "length", (uint32_t)-1);
	cr_assert(feed(&row, &event));
	assert_no_address(&event, true);
	set(&row, "length", 129);
	cr_assert(feed(&row, &event));
	assert_no_address(&event, true);
	set(&row, "length", 128);
	cr_assert(feed(&row, &event));
	assert_in(&event, CAPTURE_CALLER);
	row_close(&row);
}

Test(network_source, the_address_of_a_32_bit_programs_message_is_unknown_where_it_is_fetched_through_the_header)
{
	struct row row = row_open(EVENT_SENDTO_ATTEMPT, "__sys_sendto", "__sys_sendmsg");
	struct event event;

	set(&row, "pointer", 0x7fff00001000);
	set(&row, "length", sizeof(in));
	set_words(&row, &in, sizeof(in));
	set_string(&row, "first", "\2", 2);
	cr_assert(feed(&row, &event));
	assert_in(&event, CAPTURE_CALLER);
	set(&row, "flags", 0x80000000 | MSG_DONTWAIT);
	cr_assert(feed(&row, &event));
	assert_no_address(&event, true);
	row_close(&row);
}

static struct sample_read read_of(const void *bytes, size_t length, int error)
{
	return (struct sample_read){.bytes = bytes, .length = (uint32_t)length, .error = error};
}

Test(network_source, an_address_that_is_read_late_is_told_as_such)
{
	struct row row = row_open(EVENT_BIND_ATTEMPT, "sys_enter_bind", "sys_enter_bind");
	struct sample_read read = read_of(&in, sizeof(in), 0);
	struct event event;

	set(&row, "umyaddr", 0x7fff00001000);
	set(&row, "addrlen", sizeof(in));
	cr_assert(feed_with(&row, TID, &read, &event));
	cr_assert_eq(event.kind, EVENT_BIND_ATTEMPT);
	assert_in(&event, CAPTURE_LATE);
	row_close(&row);
}

Test(network_source, an_address_that_could_not_be_read_late_is_unknown)
{
	struct row row = row_open(EVENT_BIND_ATTEMPT, "sys_enter_bind", "sys_enter_bind");
	struct sample_read read = read_of("", 0, -ESRCH);
	struct event event;

	set(&row, "umyaddr", 0x7fff00001000);
	set(&row, "addrlen", sizeof(in));
	cr_assert(feed_with(&row, TID, &read, &event));
	assert_no_address(&event, true);
	cr_assert(feed_with(&row, TID, NULL, &event), "there was no memory to keep it");
	assert_no_address(&event, true);
	set(&row, "umyaddr", 0);
	cr_assert(feed_with(&row, TID, NULL, &event));
	assert_no_address(&event, false);
	row_close(&row);
}

Test(network_source, the_name_of_a_message_is_read_late)
{
	struct row row = row_open(EVENT_SENDTO_ATTEMPT, "sys_enter_sendto", "sys_enter_sendmsg");
	struct sample_read read = read_of(&in, sizeof(in), 0);
	struct event event;

	cr_assert_eq(row.instance.row->reads[0].kind, SAMPLE_READ_MSGHDR_NAME);
	cr_assert(feed_with(&row, TID, &read, &event));
	assert_in(&event, CAPTURE_LATE);
	read = read_of("", 0, 0);
	cr_assert(feed_with(&row, TID, &read, &event));
	assert_no_address(&event, false);
	read = read_of("", 0, -EFAULT);
	cr_assert(feed_with(&row, TID, &read, &event));
	assert_no_address(&event, true);
	row_close(&row);
}

/* Each candidate's name is what `--forbid` takes. */
Test(network_source, candidates_of_a_kind_have_different_names)
{
	for (size_t i = 0; i < network_capture_count; i++) {
		const struct source_capture *capture = &network_captures[i];

		for (size_t j = 0; j < capture->candidate_count; j++)
			for (size_t k = 0; k < j; k++)
				cr_assert_str_neq(capture->candidates[j].name, capture->candidates[k].name);
	}
}
