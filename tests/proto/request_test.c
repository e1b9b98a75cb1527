#include "proto/capsule8_request.h"

#include "proto/capsule8_decoder.h"
#include "sensor/probe_request.h"
#include "tests/expressions/conditions.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <string.h>

static struct subscription_spec *spec, *back;
static struct buffer bytes;
static struct error err;

static void set_up(void)
{
	spec = subscription_spec_new();
	cr_assert_not_null(spec);
	buffer_init(&bytes, 0);
}

static void tear_down(void)
{
	spec = subscription_spec_free(spec);
	back = subscription_spec_free(back);
	buffer_done(&bytes);
}

TestSuite(request, .init = set_up, .fini = tear_down);

static struct clause *add(enum event_kind kind)
{
	struct clause *clause = subscription_spec_add(spec, kind);

	cr_assert_not_null(clause);
	return clause;
}

static void add_integer(struct clause *clause, const char *name, uint64_t value)
{
	cr_assert_eq(clause_add(clause, name, PREDICATE_EQUAL, value, NULL, &err), 0, "%s", err.message);
}

static void add_string(struct clause *clause, enum predicate_operator op, const char *string)
{
	cr_assert_eq(clause_add(clause, "exec_filename", op, 0, string, &err), 0, "%s", err.message);
}

static void there_and_back(void)
{
	cr_assert_eq(capsule8_encode_request(spec, &bytes, &err), 0, "%s", err.message);
	cr_assert_eq(capsule8_decode_request(bytes.data, bytes.length, NULL, &back, &err), 0, "%s", err.message);
}

Test(request, what_is_asked_for_is_what_the_sensor_understands)
{
	struct clause *clause = add(EVENT_SYSCALL_ENTER);

	add_integer(clause, "id", 257);
	add_integer(clause, "abi", SAMPLE_ABI_64);
	add_integer(clause, "arg0", 0);
	add_integer(clause, "arg5", UINT64_MAX);
	clause = add(EVENT_SYSCALL_EXIT);
	add_integer(clause, "id", 5);
	add_integer(clause, "abi", SAMPLE_ABI_32);
	add_integer(clause, "ret", (uint64_t)-2);
	add(EVENT_PROCESS_FORK);
	clause = add(EVENT_PROCESS_EXEC);
	add_string(clause, PREDICATE_EQUAL, "/bin/gr\xc3\xbcn");
	add_string(clause, PREDICATE_GLOB, "*");
	clause = add(EVENT_PROCESS_EXIT);
	add_integer(clause, "exit_code", (uint64_t)INT64_C(-1));
	add(EVENT_CHARGEN)->length = 65536;
	add(EVENT_TICKER)->interval_ns = 1;
	spec->limit = 10;
	there_and_back();
	cr_expect(subscription_spec_equal(spec, back));
}

Test(request, containers_are_asked_for_in_their_lists)
{
	add(EVENT_PROCESS_FORK);
	spec->containers = container_filter_new();
	cr_assert_not_null(spec->containers);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_ID, "4f57c1af3f04", &err), 0);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_ID, "cafe", &err), 0);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_NAME, "/web", &err), 0);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_IMAGE_ID, "sha256:0011", &err), 0);
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_IMAGE_NAME, "**/nginx:[0-9]*", &err), 0);
	there_and_back();
	cr_expect(subscription_spec_equal(spec, back));
	cr_assert_eq(container_filter_add(spec->containers, CONTAINER_FILTER_NAME, "db", &err), 0);
	cr_expect_not(subscription_spec_equal(spec, back));
}

Test(request, every_kind_that_a_filter_can_ask_for_comes_back)
{
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		struct clause *clause;

		if (kind == EVENT_LOST || probe_request_needed(kind))
			continue;
		clause = add(kind);
		if (kind == EVENT_SYSCALL_ENTER || kind == EVENT_SYSCALL_EXIT) {
			add_integer(clause, "id", 1);
			add_integer(clause, "abi", SAMPLE_ABI_64);
		}
		clause->interval_ns = kind == EVENT_TICKER ? 1 : 0;
		clause->length = kind == EVENT_CHARGEN ? 1 : 0;
	}
	there_and_back();
	cr_assert_eq(back->clause_count, spec->clause_count);
	for (size_t i = 0; i < spec->clause_count; i++) {
		bool found = false;

		for (size_t j = 0; j < back->clause_count; j++)
			found = found || back->clauses[j].kind == spec->clauses[i].kind;
		cr_expect(found, "%s:%s", catalog_entry(spec->clauses[i].kind)->family, catalog_entry(spec->clauses[i].kind)->type);
	}
}

static void add_predicate(struct clause *clause, const char *name, enum predicate_operator op, uint64_t integer, const char *string)
{
	cr_assert_eq(clause_add(clause, name, op, integer, string, &err), 0, "%s", err.message);
}

Test(request, names_and_masks_of_files_come_back)
{
	struct clause *clause = add(EVENT_FILE_OPEN);

	add_predicate(clause, "filename", PREDICATE_EQUAL, 0, "/etc/passwd");
	add_predicate(clause, "filename", PREDICATE_GLOB, 0, "/etc/*");
	add_predicate(clause, "open_flags", PREDICATE_BITS, 3, NULL);
	add_predicate(clause, "open_mode", PREDICATE_BITS, 0111, NULL);
	clause = add(EVENT_FILE_LINK);
	add_predicate(clause, "source_file", PREDICATE_EQUAL, 0, "a");
	clause = add(EVENT_FILE_RENAME);
	add_predicate(clause, "oldname", PREDICATE_GLOB, 0, "*.txt");
	clause = add(EVENT_FILE_CREATE);
	add_predicate(clause, "open_mode", PREDICATE_BITS, (uint64_t)INT32_MIN, NULL);
	there_and_back();
	cr_expect(subscription_spec_equal(spec, back));
}

static struct probe_request *call_request(enum event_kind kind, const char *executable, const char *filter)
{
	static char names[][8] = {"name", "flags"}, expressions[][20] = {"+0(%si):ustring", "+0(%dx):u64"};
	const struct probe_parameter parameters[] = {{names[0], expressions[0]}, {names[1], expressions[1]}};
	struct probe_request *request = NULL;

	cr_assert_eq(probe_request_new_call(&request, kind, executable, "function", parameters, 2, filter, &err), 0, "%s", err.message);
	return request;
}

Test(request, calls_and_counters_come_back)
{
	static const struct perf_counter counters[] = {{PERF_TYPE_SOFTWARE, 1}, {PERF_TYPE_HARDWARE, 0}, {PERF_TYPE_HW_CACHE, 0x10002}};

	add(EVENT_KERNEL_CALL_ENTER)->request = call_request(EVENT_KERNEL_CALL_ENTER, NULL, "flags == 3");
	add(EVENT_KERNEL_CALL_EXIT)->request = call_request(EVENT_KERNEL_CALL_EXIT, NULL, NULL);
	add(EVENT_PERFORMANCE);
	cr_assert_eq(probe_request_new_performance(&spec->clauses[2].request, counters, 3, false, 100000, &err), 0);
	add(EVENT_PERFORMANCE);
	cr_assert_eq(probe_request_new_performance(&spec->clauses[3].request, counters, 1, true, 99, &err), 0);
	add(EVENT_USER_CALL_ENTER)->request = call_request(EVENT_USER_CALL_ENTER, "/bin/sh", NULL);
	add(EVENT_USER_CALL_EXIT)->request = call_request(EVENT_USER_CALL_EXIT, "libc.so.6", NULL);
	there_and_back();
	cr_expect(subscription_spec_equal(spec, back));
}

Test(request, a_call_without_an_abi_is_one_of_64_bit_programs)
{
	add_integer(add(EVENT_SYSCALL_ENTER), "id", 1);
	there_and_back();
	cr_assert_eq(condition_count(&back->clauses[0]), 2);
	cr_expect(condition_is(&back->clauses[0], 1, "abi", PREDICATE_EQUAL, SAMPLE_ABI_64, NULL));
}

Test(request, it_is_put_behind_what_the_buffer_has)
{
	add(EVENT_PROCESS_EXEC);
	buffer_put_string(&bytes, "before");
	cr_assert_eq(capsule8_encode_request(spec, &bytes, &err), 0);
	cr_expect_eq(memcmp(bytes.data, "before", 6), 0);
	cr_expect_eq(capsule8_decode_request(bytes.data + 6, bytes.length - 6, NULL, &back, &err), 0);
}

static void expect_refused(const char *piece)
{
	cr_assert_eq(capsule8_encode_request(spec, &bytes, &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, piece), "%s", err.message);
	cr_expect_eq(bytes.length, 0);
}

Test(request, what_a_generator_makes_has_no_filter)
{
	add_integer(add(EVENT_TICKER), "seconds", 9);
	expect_refused("ticker events have no filter in the contract: \"seconds = timestamp '1970-01-01T00:00:09Z'\"");
}

Test(request, calls_must_say_what_is_called)
{
	add(EVENT_KERNEL_CALL_ENTER);
	expect_refused("does not say which");
	spec->clauses[0].request = call_request(EVENT_KERNEL_CALL_ENTER, NULL, NULL);
	add(EVENT_USER_CALL_ENTER)->request = call_request(EVENT_USER_CALL_ENTER, "/bin/sh", "flags == 1");
	expect_refused("user calls have no filter");
}

Test(request, counters_that_the_contract_does_not_have_are_refused)
{
	static const struct perf_counter raw = {PERF_TYPE_RAW, 1};

	cr_assert_eq(probe_request_new_performance(&add(EVENT_PERFORMANCE)->request, &raw, 1, false, 1, &err), 0);
	expect_refused("counters of type 4");
}

Test(request, lost_events_cannot_be_asked_for)
{
	add(EVENT_LOST);
	expect_refused("lost");
}

Test(request, a_limit_that_the_contract_cannot_say_is_refused)
{
	add(EVENT_PROCESS_EXEC);
	spec->limit = UINT64_MAX;
	expect_refused("limit");
}

Test(request, throttles_and_windows_come_back)
{
	static const uint64_t throttles_ns[] = {1000000, 100000000, 3000000000, 90000000000, UINT64_C(7200000000000)};

	add(EVENT_PROCESS_FORK);
	spec->since_ns = 1;
	spec->has_for = true;
	for (size_t i = 0; i < sizeof(throttles_ns) / sizeof(throttles_ns[0]); i++) {
		spec->throttle_ns = throttles_ns[i];
		spec->limit = i;
		spec->for_ns = i;
		there_and_back();
		cr_expect(subscription_spec_equal(spec, back), "%zu", i);
		bytes.length = 0;
		back = subscription_spec_free(back);
	}
}

Test(request, throttles_and_windows_that_the_contract_cannot_say_are_refused)
{
	add(EVENT_PROCESS_EXEC);
	spec->throttle_ns = 1500000;
	expect_refused("throttle: 1500000 ns; must be a whole number of milliseconds");
	spec->throttle_ns = UINT64_MAX;
	expect_refused("throttle: 18446744073709551615 ns");
	spec->throttle_ns = 0;
	spec->since_ns = UINT64_MAX;
	expect_refused("since: 18446744073709551615 ns is too long");
	spec->since_ns = 0;
	spec->has_for = true;
	spec->for_ns = UINT64_C(1) << 63;
	expect_refused("for: 9223372036854775808 ns is too long");
}
