#include "proto/capsule8_decoder.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/message_check.h"
#include "proto/wire.h"
#include "sensor/probe_request.h"
#include "subscription/status.h"
#include "tests/expressions/conditions.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V0(name) Capsule8__Api__V0__##name

/* A request that is valid but for what a test changes in it. Every filter exists; a test puts those it wants into the lists. */
static struct {
	V0(GetEventsRequest) request;
	V0(Subscription) subscription;
	V0(EventFilter) filter;
	V0(SyscallEventFilter) syscall, *syscalls[1];
	V0(ProcessEventFilter) process, *processes[1];
	V0(TickerEventFilter) ticker, *tickers[1];
	V0(ChargenEventFilter) chargen, *chargens[1];
	V0(FileEventFilter) file, *files[1];
	V0(KernelFunctionCallFilter) kernel, *kernels[1];
	V0(NetworkEventFilter) network, *networks[1];
	V0(PerformanceEventFilter) performance, *performances[1];
	V0(UserFunctionCallFilter) user, *users[1];
	V0(ContainerEventFilter) container, *containers[1];
	V0(ContainerFilter) container_filter;
	V0(Modifier) modifier;
	V0(LimitModifier) limit;
	V0(ThrottleModifier) throttle;
	Google__Protobuf__Int64Value id, ret, duration;
	Google__Protobuf__UInt64Value arguments[6];
	Google__Protobuf__StringValue filename, pattern;
	Google__Protobuf__Int32Value exit_code, flags, mode;
	V0(KernelFunctionCallFilter__ArgumentsEntry) entries[PROBE_PARAMETERS_MAX + 1], *entry_list[PROBE_PARAMETERS_MAX + 1];
	V0(UserFunctionCallFilter__ArgumentsEntry) user_entry, *user_entry_list[1];
	V0(PerformanceEventCounter) counters[PERF_COUNTERS_MAX + 1], *counter_list[PERF_COUNTERS_MAX + 1];
} q;

static struct subscription_spec *spec;
static struct error err;

static void init_filters(void)
{
	capsule8__api__v0__syscall_event_filter__init(&q.syscall);
	capsule8__api__v0__process_event_filter__init(&q.process);
	capsule8__api__v0__ticker_event_filter__init(&q.ticker);
	capsule8__api__v0__chargen_event_filter__init(&q.chargen);
	capsule8__api__v0__file_event_filter__init(&q.file);
	capsule8__api__v0__kernel_function_call_filter__init(&q.kernel);
	capsule8__api__v0__network_event_filter__init(&q.network);
	capsule8__api__v0__performance_event_filter__init(&q.performance);
	capsule8__api__v0__user_function_call_filter__init(&q.user);
	capsule8__api__v0__container_event_filter__init(&q.container);
	q.filter.syscall_events = q.syscalls;
	q.filter.process_events = q.processes;
	q.filter.ticker_events = q.tickers;
	q.filter.chargen_events = q.chargens;
	q.filter.file_events = q.files;
	q.filter.kernel_events = q.kernels;
	q.filter.network_events = q.networks;
	q.filter.performance_events = q.performances;
	q.filter.user_events = q.users;
	q.filter.container_events = q.containers;
	q.syscalls[0] = &q.syscall;
	q.processes[0] = &q.process;
	q.tickers[0] = &q.ticker;
	q.chargens[0] = &q.chargen;
	q.files[0] = &q.file;
	q.kernels[0] = &q.kernel;
	q.networks[0] = &q.network;
	q.performances[0] = &q.performance;
	q.users[0] = &q.user;
	q.containers[0] = &q.container;
}

static void set_up(void)
{
	capsule8__api__v0__get_events_request__init(&q.request);
	capsule8__api__v0__subscription__init(&q.subscription);
	capsule8__api__v0__event_filter__init(&q.filter);
	init_filters();
	capsule8__api__v0__container_filter__init(&q.container_filter);
	capsule8__api__v0__modifier__init(&q.modifier);
	capsule8__api__v0__limit_modifier__init(&q.limit);
	capsule8__api__v0__throttle_modifier__init(&q.throttle);
	google__protobuf__int64_value__init(&q.id);
	google__protobuf__int64_value__init(&q.ret);
	google__protobuf__int64_value__init(&q.duration);
	google__protobuf__string_value__init(&q.filename);
	google__protobuf__string_value__init(&q.pattern);
	google__protobuf__int32_value__init(&q.exit_code);
	google__protobuf__int32_value__init(&q.flags);
	google__protobuf__int32_value__init(&q.mode);
	for (size_t i = 0; i < 6; i++)
		google__protobuf__uint64_value__init(&q.arguments[i]);
	q.request.subscription = &q.subscription;
	q.subscription.event_filter = &q.filter;
	q.throttle.interval = 1;
}

static void tear_down(void)
{
	spec = subscription_spec_free(spec);
}

TestSuite(decoder, .init = set_up, .fini = tear_down);

/* Puts a valid filter of each served kind into the request. */
static void want_syscall(V0(SyscallEventType) type, int64_t id)
{
	q.filter.n_syscall_events = 1;
	q.syscall.type = type;
	q.syscall.id = &q.id;
	q.id.value = id;
}

static void want_enter(void)
{
	want_syscall(CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER, 257);
}

static void want_exit(void)
{
	want_syscall(CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT, 257);
}

static void want_process(V0(ProcessEventType) type)
{
	q.filter.n_process_events = 1;
	q.process.type = type;
}

static int decode(void)
{
	size_t size = capsule8__api__v0__get_events_request__get_packed_size(&q.request);
	uint8_t *bytes = malloc(size + 1);
	int r;

	cr_assert_not_null(bytes);
	capsule8__api__v0__get_events_request__pack(&q.request, bytes);
	spec = subscription_spec_free(spec);
	err = (struct error){0};
	r = capsule8_decode_request(bytes, size, NULL, &spec, &err);
	free(bytes);
	return r;
}

static void expect_spec(size_t clauses)
{
	cr_assert_eq(decode(), 0, "%s", err.message);
	cr_assert_not_null(spec);
	cr_assert_eq(spec->clause_count, clauses);
}

/* The request is refused, and the message has each of the pieces (NULL at the end). */
static void expect_refused(int code, const char *const *pieces)
{
	cr_assert_eq(decode(), code, "%d: %s", err.code, err.message);
	cr_expect_eq(err.code, code);
	cr_expect_null(spec);
	for (; *pieces; pieces++)
		cr_expect_not_null(strstr(err.message, *pieces), "\"%s\" is not in \"%s\"", *pieces, err.message);
}

#define REFUSED(code, ...) expect_refused(code, (const char *const[]){__VA_ARGS__, NULL})

static void expect_integer(const struct clause *clause, size_t index, const char *name, uint64_t value)
{
	cr_expect(condition_is(clause, index, name, PREDICATE_EQUAL, value, NULL), "condition %zu is not %s = %" PRIu64, index, name,
		  value);
}

Test(decoder, a_syscall_filter_becomes_predicates_on_number_abi_and_arguments)
{
	want_enter();
	for (size_t i = 0; i < 6; i++)
		q.arguments[i].value = 100 + i;
	q.syscall.arg0 = &q.arguments[0];
	q.syscall.arg1 = &q.arguments[1];
	q.syscall.arg2 = &q.arguments[2];
	q.syscall.arg3 = &q.arguments[3];
	q.syscall.arg4 = &q.arguments[4];
	q.syscall.arg5 = &q.arguments[5];
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_SYSCALL_ENTER);
	cr_expect_eq(condition_count(&spec->clauses[0]), 8);
	expect_integer(&spec->clauses[0], 0, "id", 257);
	expect_integer(&spec->clauses[0], 1, "abi", SAMPLE_ABI_64);
	expect_integer(&spec->clauses[0], 2, "arg0", 100);
	expect_integer(&spec->clauses[0], 7, "arg5", 105);
	cr_expect_eq(spec->limit, 0);
}

Test(decoder, a_return_value_and_a_32_bit_caller_can_be_asked_for)
{
	want_exit();
	q.id.value = 0;
	q.syscall.ret = &q.ret;
	q.ret.value = -2;
	q.syscall.abi = CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386;
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_SYSCALL_EXIT);
	cr_expect_eq(condition_count(&spec->clauses[0]), 3);
	expect_integer(&spec->clauses[0], 0, "id", 0);
	expect_integer(&spec->clauses[0], 1, "abi", SAMPLE_ABI_32);
	expect_integer(&spec->clauses[0], 2, "ret", (uint64_t)-2);
}

Test(decoder, a_filename_and_a_pattern_both_have_to_hold)
{
	const struct clause *clause;

	want_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC);
	q.process.exec_filename = &q.filename;
	q.filename.value = (char *)"/bin/true";
	q.process.exec_filename_pattern = &q.pattern;
	q.pattern.value = (char *)"/bin/*";
	expect_spec(1);
	clause = &spec->clauses[0];
	cr_expect_eq(clause->kind, EVENT_PROCESS_EXEC);
	cr_assert_eq(condition_count(clause), 2);
	cr_expect(condition_is(clause, 0, "exec_filename", PREDICATE_EQUAL, 0, "/bin/true"));
	cr_expect(condition_is(clause, 1, "exec_filename", PREDICATE_GLOB, 0, "/bin/*"));
}

Test(decoder, exit_codes_keep_their_sign)
{
	want_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	q.process.exit_code = &q.exit_code;
	q.exit_code.value = -1;
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_PROCESS_EXIT);
	expect_integer(&spec->clauses[0], 0, "exit_code", UINT64_MAX);
}

Test(decoder, filters_of_several_kinds_and_a_limit_make_one_spec)
{
	want_enter();
	want_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_FORK);
	q.filter.n_ticker_events = 1;
	q.ticker.interval = 1000000000;
	q.filter.n_chargen_events = 1;
	q.chargen.length = 65536;
	q.subscription.modifier = &q.modifier;
	q.modifier.limit = &q.limit;
	q.limit.limit = INT64_MAX;
	expect_spec(4);
	cr_expect_eq(spec->clauses[0].kind, EVENT_SYSCALL_ENTER);
	cr_expect_eq(spec->clauses[1].kind, EVENT_PROCESS_FORK);
	cr_expect_eq(condition_count(&spec->clauses[1]), 0);
	cr_expect_eq(spec->clauses[2].kind, EVENT_CHARGEN);
	cr_expect_eq(spec->clauses[2].length, 65536);
	cr_expect_eq(spec->clauses[3].kind, EVENT_TICKER);
	cr_expect_eq(spec->clauses[3].interval_ns, 1000000000);
	cr_expect_eq(spec->limit, INT64_MAX);
}

static void want_file(V0(FileEventType) type)
{
	q.filter.n_file_events = 1;
	q.file.type = type;
}

#define FILE_TYPE(name) CAPSULE8__API__V0__FILE_EVENT_TYPE__FILE_EVENT_TYPE_##name

static void expect_string(const struct clause *clause, size_t index, const char *name, enum predicate_operator op, const char *string)
{
	cr_expect(condition_is(clause, index, name, op, 0, string), "condition %zu is not on %s and \"%s\"", index, name, string);
}

Test(decoder, a_working_directory_and_a_name_are_types_of_process_events)
{
	want_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_UPDATE);
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_PROCESS_CWD);
	want_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_RENAME);
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_PROCESS_RENAME);
	cr_expect_eq(condition_count(&spec->clauses[0]), 0);
}

Test(decoder, a_file_filter_becomes_predicates_on_name_flags_and_mode)
{
	want_file(FILE_TYPE(OPEN));
	q.file.filename = &q.filename;
	q.filename.value = (char *)"/etc/passwd";
	q.file.filename_pattern = &q.pattern;
	q.pattern.value = (char *)"/etc/*";
	q.file.open_flags_mask = &q.flags;
	q.flags.value = 03;
	q.file.create_mode_mask = &q.mode;
	q.mode.value = INT32_MIN;
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_FILE_OPEN);
	cr_assert_eq(condition_count(&spec->clauses[0]), 4);
	expect_string(&spec->clauses[0], 0, "filename", PREDICATE_EQUAL, "/etc/passwd");
	expect_string(&spec->clauses[0], 1, "filename", PREDICATE_GLOB, "/etc/*");
	cr_expect(condition_is(&spec->clauses[0], 2, "open_flags", PREDICATE_BITS, 03, NULL));
	cr_expect(condition_is(&spec->clauses[0], 3, "open_mode", PREDICATE_BITS, (uint64_t)INT32_MIN, NULL));
}

Test(decoder, the_filename_of_a_kind_with_two_names_is_the_first_of_them)
{
	q.file.filename_pattern = &q.pattern;
	q.pattern.value = (char *)"*";
	want_file(FILE_TYPE(LINK));
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_FILE_LINK);
	expect_string(&spec->clauses[0], 0, "source_file", PREDICATE_GLOB, "*");
	want_file(FILE_TYPE(RENAME));
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_FILE_RENAME);
	expect_string(&spec->clauses[0], 0, "oldname", PREDICATE_GLOB, "*");
}

Test(decoder, every_type_of_file_and_network_events_is_a_kind)
{
	want_file(FILE_TYPE(OPEN));
	q.filter.n_network_events = 1;
	for (int type = 1; type <= 12; type++) {
		want_file((V0(FileEventType))(type <= 9 ? type : 9));
		q.network.type = (V0(NetworkEventType))type;
		expect_spec(2);
		cr_expect_str_eq(catalog_entry(spec->clauses[0].kind)->family, "file");
		cr_expect_str_eq(catalog_entry(spec->clauses[1].kind)->family, "network");
	}
	cr_expect_eq(spec->clauses[1].kind, EVENT_RECVFROM_RESULT);
}

Test(decoder, masks_belong_to_the_kinds_that_have_flags_and_mode)
{
	want_file(FILE_TYPE(CREATE));
	q.file.create_mode_mask = &q.mode;
	q.mode.value = 0111;
	expect_spec(1);
	cr_expect(condition_is(&spec->clauses[0], 0, "open_mode", PREDICATE_BITS, 0111, NULL));
	q.mode.value = 0;
	REFUSED(-EINVAL, "subscription.event_filter.file_events[0].create_mode_mask: 0; must have at least one bit");
	q.mode.value = 0111;
	want_file(FILE_TYPE(DELETE));
	REFUSED(-EINVAL, "file_events[0].create_mode_mask: 73", "FILE_EVENT_TYPE_OPEN and FILE_EVENT_TYPE_CREATE only");
	want_file(FILE_TYPE(CREATE));
	q.file.open_flags_mask = &q.flags;
	q.flags.value = 1;
	REFUSED(-EINVAL, "file_events[0].open_flags_mask: 1", "FILE_EVENT_TYPE_OPEN only");
}

static void want_kernel_call(size_t arguments)
{
	static char names[PROBE_PARAMETERS_MAX + 1][24];

	q.filter.n_kernel_events = 1;
	q.kernel.type = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_ENTER;
	q.kernel.symbol = (char *)"do_sys_openat2";
	q.kernel.n_arguments = arguments;
	q.kernel.arguments = q.entry_list;
	for (size_t i = 0; i < arguments; i++) {
		capsule8__api__v0__kernel_function_call_filter__arguments_entry__init(&q.entries[i]);
		snprintf(names[i], sizeof(names[i]), "z%zu", arguments - i);
		q.entries[i].key = names[i];
		q.entries[i].value = (char *)"+0(%si):string";
		q.entry_list[i] = &q.entries[i];
	}
}

Test(decoder, a_kernel_call_keeps_its_arguments_in_their_order)
{
	const struct probe_request *request;

	want_kernel_call(2);
	q.kernel.filter = (char *)"z1 == 5";
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_KERNEL_CALL_ENTER);
	request = spec->clauses[0].request;
	cr_assert_not_null(request);
	cr_expect_eq(request->kind, EVENT_KERNEL_CALL_ENTER);
	cr_expect_eq(request->references, 1);
	cr_expect_str_eq(request->symbol, "do_sys_openat2");
	cr_expect_null(request->executable);
	cr_expect_str_eq(request->filter, "z1 == 5");
	cr_assert_eq(request->parameter_count, 2);
	cr_expect_str_eq(request->parameters[0].name, "z2");
	cr_expect_str_eq(request->parameters[0].expression, "+0(%si):string");
	cr_expect_str_eq(request->parameters[1].name, "z1");
}

Test(decoder, a_user_call_has_its_executable)
{
	q.filter.n_user_events = 1;
	q.user.type = CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_EXIT;
	q.user.executable = (char *)"/lib/libc.so.6";
	q.user.symbol = (char *)"malloc";
	capsule8__api__v0__user_function_call_filter__arguments_entry__init(&q.user_entry);
	q.user_entry.key = (char *)"address";
	q.user_entry.value = (char *)"$retval:x64";
	q.user_entry_list[0] = &q.user_entry;
	q.user.arguments = q.user_entry_list;
	q.user.n_arguments = 1;
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_USER_CALL_EXIT);
	cr_assert_not_null(spec->clauses[0].request);
	cr_expect_str_eq(spec->clauses[0].request->executable, "/lib/libc.so.6");
	cr_expect_str_eq(spec->clauses[0].request->key, "/lib/libc.so.6 malloc exit address=$retval:x64");

	q.user.executable = (char *)"";
	REFUSED(-EINVAL, "subscription.event_filter.user_events[0].executable: not set");
	q.user.executable = (char *)"/x";
	q.user.symbol = (char *)"";
	REFUSED(-EINVAL, "user_events[0].symbol: not set; must name a function");
	q.user.type = 0;
	REFUSED(-EINVAL, "user_events[0].type: 0 (unspecified)", "USER_FUNCTION_CALL_EVENT_TYPE_ENTER (1)");
}

Test(decoder, calls_that_no_kernel_could_take_are_refused)
{
	static char long_value[CAPSULE8_PATTERN_MAX_BYTES + 2];

	want_kernel_call(PROBE_PARAMETERS_MAX);
	expect_spec(1);
	want_kernel_call(PROBE_PARAMETERS_MAX + 1);
	REFUSED(-EINVAL, "subscription.event_filter.kernel_events[0].arguments: 65 of them; at most 64");
	want_kernel_call(2);
	q.entries[1].key = (char *)"";
	REFUSED(-EINVAL, "kernel_events[0].arguments[1].key: not set");
	q.entries[1].key = q.entries[0].key;
	REFUSED(-EINVAL, "subscription.event_filter.kernel_events[0]: argument z2 is there twice");
	want_kernel_call(2);
	q.entries[1].value = (char *)"";
	REFUSED(-EINVAL, "kernel_events[0].arguments[1].value: not set");
	q.entries[1].value = memset(long_value, 'x', sizeof(long_value) - 1);
	REFUSED(-EINVAL, "kernel_events[0].arguments[1].value: 4097 bytes long");
	want_kernel_call(0);
	q.kernel.symbol = (char *)"";
	REFUSED(-EINVAL, "kernel_events[0].symbol: not set");
	q.kernel.symbol = (char *)"x";
}

Test(decoder, nothing_of_a_call_can_become_another_definition)
{
	want_kernel_call(1);
	q.entries[0].value = (char *)"%di\np:evil/evil sys_exit";
	REFUSED(-EINVAL, "kernel_events[0]: argument 1 has a blank or a control character");
	want_kernel_call(1);
	q.entries[0].key = (char *)"a b";
	REFUSED(-EINVAL, "kernel_events[0]: argument 1 has a blank or a control character");
	want_kernel_call(0);
	q.kernel.symbol = (char *)"x\n-:ringside/probe";
	REFUSED(-EINVAL, "kernel_events[0]: the symbol has a blank or a control character");
}

static void want_counters(size_t count)
{
	q.filter.n_performance_events = 1;
	q.performance.n_events = count;
	q.performance.events = q.counter_list;
	for (size_t i = 0; i < count; i++) {
		capsule8__api__v0__performance_event_counter__init(&q.counters[i]);
		q.counters[i].type = (V0(PerformanceEventType))(i % 3 + 1);
		q.counters[i].config = UINT64_MAX - i;
		q.counter_list[i] = &q.counters[i];
	}
	q.performance.sample_rate_type = CAPSULE8__API__V0__SAMPLE_RATE_TYPE__SAMPLE_RATE_TYPE_PERIOD;
	q.performance.sample_rate_case = CAPSULE8__API__V0__PERFORMANCE_EVENT_FILTER__SAMPLE_RATE_PERIOD;
	q.performance.period = 100000;
}

Test(decoder, counters_keep_their_order_and_get_their_perf_types)
{
	const struct probe_request *request;

	want_counters(3);
	expect_spec(1);
	cr_expect_eq(spec->clauses[0].kind, EVENT_PERFORMANCE);
	request = spec->clauses[0].request;
	cr_assert_not_null(request);
	cr_assert_eq(request->counter_count, 3);
	cr_expect_eq(request->counters[0].type, PERF_TYPE_HARDWARE);
	cr_expect_eq(request->counters[0].config, UINT64_MAX);
	cr_expect_eq(request->counters[1].type, PERF_TYPE_HW_CACHE);
	cr_expect_eq(request->counters[2].type, PERF_TYPE_SOFTWARE);
	cr_expect_eq(request->counters[2].config, UINT64_MAX - 2);
	cr_expect_not(request->by_frequency);
	cr_expect_eq(request->rate, 100000);

	q.performance.sample_rate_type = CAPSULE8__API__V0__SAMPLE_RATE_TYPE__SAMPLE_RATE_TYPE_FREQUENCY;
	REFUSED(-EINVAL, "performance_events[0].frequency: not set; sample_rate_type FREQUENCY needs it");
	q.performance.sample_rate_case = CAPSULE8__API__V0__PERFORMANCE_EVENT_FILTER__SAMPLE_RATE_FREQUENCY;
	q.performance.frequency = 99;
	expect_spec(1);
	cr_expect(spec->clauses[0].request->by_frequency);
	cr_expect_eq(spec->clauses[0].request->rate, 99);
}

Test(decoder, counters_and_rates_that_make_no_sense_are_refused)
{
	want_counters(0);
	REFUSED(-EINVAL, "subscription.event_filter.performance_events[0].events: empty");
	want_counters(PERF_COUNTERS_MAX);
	expect_spec(1);
	want_counters(PERF_COUNTERS_MAX + 1);
	REFUSED(-EINVAL, "performance_events[0].events: 17 counters; at most 16");
	want_counters(2);
	q.counters[1].type = (V0(PerformanceEventType))7;
	REFUSED(-EINVAL, "performance_events[0].events[1].type: 7; must be PERFORMANCE_EVENT_TYPE_HARDWARE (1)",
		"PERFORMANCE_EVENT_TYPE_SOFTWARE (3)");
	want_counters(1);
	q.performance.period = 0;
	REFUSED(-EINVAL, "performance_events[0].period: 0; must be at least 1");
	q.performance.sample_rate_case = CAPSULE8__API__V0__PERFORMANCE_EVENT_FILTER__SAMPLE_RATE_FREQUENCY;
	REFUSED(-EINVAL, "performance_events[0].period: not set");
	q.performance.sample_rate_type = 0;
	REFUSED(-EINVAL, "performance_events[0].sample_rate_type: 0 (unspecified)", "SAMPLE_RATE_TYPE_FREQUENCY (2)");
}

#define V0_CONTAINER(name) CAPSULE8__API__V0__CONTAINER_EVENT_TYPE__CONTAINER_EVENT_TYPE_##name

Test(decoder, each_step_in_the_life_of_containers_is_a_kind)
{
	static const enum event_kind kinds[] = {
		[V0_CONTAINER(CREATED)] = EVENT_CONTAINER_CREATED, [V0_CONTAINER(RUNNING)] = EVENT_CONTAINER_RUNNING,
		[V0_CONTAINER(EXITED)] = EVENT_CONTAINER_EXITED,   [V0_CONTAINER(DESTROYED)] = EVENT_CONTAINER_DESTROYED,
		[V0_CONTAINER(UPDATED)] = EVENT_CONTAINER_UPDATED,
	};

	q.filter.n_container_events = 1;
	for (int type = 1; type <= V0_CONTAINER(UPDATED); type++) {
		q.container.type = (V0(ContainerEventType))type;
		expect_spec(1);
		cr_expect_eq(spec->clauses[0].kind, kinds[type]);
		cr_expect_null(spec->clauses[0].filter);
		cr_expect_eq(spec->clauses[0].detail, DETAIL_BASIC);
	}
}

Test(decoder, the_view_of_a_container_filter_is_the_detail_of_its_clause)
{
	V0(ContainerEventFilter) other = q.container;

	q.filter.n_container_events = 2;
	q.filter.container_events = (V0(ContainerEventFilter) *[]){&q.container, &other};
	q.container.type = other.type = V0_CONTAINER(EXITED);
	other.view = CAPSULE8__API__V0__CONTAINER_EVENT_VIEW__FULL;
	expect_spec(2);
	cr_expect_eq(spec->clauses[0].detail, DETAIL_BASIC);
	cr_expect_eq(spec->clauses[1].detail, DETAIL_FULL);
	other.view = (V0(ContainerEventView))2;
	REFUSED(-EINVAL, "container_events[1].view: 2; must be BASIC (0), FULL (1)");
}

Test(decoder, types_of_containers_must_exist)
{
	q.filter.n_container_events = 1;
	q.container.type = (V0(ContainerEventType))6;
	REFUSED(-EINVAL, "subscription.event_filter.container_events[0].type: 6", "CONTAINER_EVENT_TYPE_CREATED (1), ",
		"CONTAINER_EVENT_TYPE_UPDATED (5)");
}

Test(decoder, types_of_files_and_the_network_must_exist)
{
	q.filter.n_network_events = 1;
	q.network.type = (V0(NetworkEventType))13;
	REFUSED(-EINVAL, "subscription.event_filter.network_events[0].type: 13", "NETWORK_EVENT_TYPE_CONNECT_ATTEMPT (1) to",
		"NETWORK_EVENT_TYPE_RECVFROM_RESULT (12)");
	q.filter.n_network_events = 0;
	q.filter.n_file_events = 1;
	REFUSED(-EINVAL, "subscription.event_filter.file_events[0].type: 0 (unspecified)");
}

Test(decoder, a_request_must_have_a_subscription_with_filters)
{
	REFUSED(-EINVAL, "subscription.event_filter: empty", "at least one");
	q.subscription.event_filter = NULL;
	REFUSED(-EINVAL, "subscription.event_filter: not set");
	q.request.subscription = NULL;
	REFUSED(-EINVAL, "subscription: not set");
}

Test(decoder, types_must_be_set_and_exist)
{
	want_syscall(0, 1);
	REFUSED(-EINVAL, "subscription.event_filter.syscall_events[0].type: 0 (unspecified)", "SYSCALL_EVENT_TYPE_ENTER (1)",
		"SYSCALL_EVENT_TYPE_EXIT (2)");
	want_syscall((V0(SyscallEventType))3, 1);
	REFUSED(-EINVAL, "syscall_events[0].type: 3; must be");
	q.filter.n_syscall_events = 0;
	want_process(0);
	REFUSED(-EINVAL, "process_events[0].type: 0 (unspecified)", "PROCESS_EVENT_TYPE_FORK (1)", "PROCESS_EVENT_TYPE_UPDATE (4)",
		"PROCESS_EVENT_TYPE_RENAME (1000)");
	want_process((V0(ProcessEventType)) - 5);
	REFUSED(-EINVAL, "process_events[0].type: -5; must be");
}

Test(decoder, a_syscall_filter_must_name_a_call)
{
	want_enter();
	q.syscall.id = NULL;
	REFUSED(-EINVAL, "subscription.event_filter.syscall_events[0].id: not set", "must name a system call");
}

Test(decoder, what_only_one_side_of_a_syscall_has_cannot_be_asked_of_the_other)
{
	want_enter();
	q.syscall.ret = &q.ret;
	q.ret.value = -22;
	REFUSED(-EINVAL, "syscall_events[0].ret: -22", "SYSCALL_EVENT_TYPE_EXIT only");
	q.syscall.ret = NULL;
	want_exit();
	q.syscall.arg0 = &q.arguments[0];
	q.arguments[0].value = 7;
	REFUSED(-EINVAL, "syscall_events[0].arg0: 7", "SYSCALL_EVENT_TYPE_ENTER only");
	q.syscall.arg0 = NULL;
	q.syscall.arg5 = &q.arguments[5];
	REFUSED(-EINVAL, "syscall_events[0].arg5: 0", "SYSCALL_EVENT_TYPE_ENTER only");
}

Test(decoder, an_abi_must_exist)
{
	want_enter();
	q.syscall.abi = (V0(SyscallAbi))3;
	REFUSED(-EINVAL, "syscall_events[0].abi: 3; must be SYSCALL_ABI_X86_64 (1), SYSCALL_ABI_I386 (2)");
}

Test(decoder, process_fields_belong_to_their_types)
{
	want_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT);
	q.process.exec_filename = &q.filename;
	q.filename.value = (char *)"/bin/true";
	REFUSED(-EINVAL, "process_events[0].exec_filename: \"/bin/true\"", "PROCESS_EVENT_TYPE_EXEC only");
	q.process.exec_filename = NULL;
	q.process.exec_filename_pattern = &q.pattern;
	q.pattern.value = (char *)"*";
	REFUSED(-EINVAL, "process_events[0].exec_filename_pattern: \"*\"", "PROCESS_EVENT_TYPE_EXEC only");
	q.process.exec_filename_pattern = NULL;
	want_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_FORK);
	q.process.exit_code = &q.exit_code;
	q.exit_code.value = 256;
	REFUSED(-EINVAL, "process_events[0].exit_code: 256", "PROCESS_EVENT_TYPE_EXIT only");
}

Test(decoder, intervals_lengths_and_limits_have_bounds)
{
	q.filter.n_ticker_events = 1;
	REFUSED(-EINVAL, "ticker_events[0].interval: 0", "at least 1");
	q.ticker.interval = -5;
	REFUSED(-EINVAL, "ticker_events[0].interval: -5");
	q.filter.n_ticker_events = 0;
	q.filter.n_chargen_events = 1;
	REFUSED(-EINVAL, "chargen_events[0].length: 0", "1 to 65536");
	q.chargen.length = 65537;
	REFUSED(-EINVAL, "chargen_events[0].length: 65537");
	q.chargen.length = 1;
	q.subscription.modifier = &q.modifier;
	q.modifier.limit = &q.limit;
	REFUSED(-EINVAL, "subscription.modifier.limit.limit: 0", "at least 1");
	q.limit.limit = -1;
	REFUSED(-EINVAL, "subscription.modifier.limit.limit: -1");
}

Test(decoder, a_container_filter_is_the_specs)
{
	char *ids[] = {(char *)"4f57c1af3f04", (char *)"cafe"}, *names[] = {(char *)"/web"};
	char *image_ids[] = {(char *)"sha256:0011"}, *image_names[] = {(char *)"nginx*"};

	want_enter();
	q.subscription.container_filter = &q.container_filter;
	expect_spec(1);
	cr_expect_null(spec->containers, "it names no container");
	q.container_filter.n_ids = 2;
	q.container_filter.ids = ids;
	q.container_filter.n_names = 1;
	q.container_filter.names = names;
	q.container_filter.n_image_ids = 1;
	q.container_filter.image_ids = image_ids;
	q.container_filter.n_image_names = 1;
	q.container_filter.image_names = image_names;
	expect_spec(1);
	cr_assert_not_null(spec->containers);
	cr_assert_eq(spec->containers->count, 5);
	cr_expect_eq(spec->containers->entries[1].list, CONTAINER_FILTER_ID);
	cr_expect_str_eq(spec->containers->entries[1].text, "cafe");
	cr_expect_eq(spec->containers->entries[2].list, CONTAINER_FILTER_NAME);
	cr_expect_str_eq(spec->containers->entries[2].text, "web");
	cr_expect_eq(spec->containers->entries[3].list, CONTAINER_FILTER_IMAGE_ID);
	cr_expect_str_eq(spec->containers->entries[3].text, "0011");
	cr_expect_eq(spec->containers->entries[4].list, CONTAINER_FILTER_IMAGE_NAME);
	cr_expect_str_eq(spec->containers->entries[4].text, "nginx*");
}

Test(decoder, an_entry_of_a_container_filter_that_makes_no_sense_is_named_by_its_path)
{
	char *values[] = {(char *)"cafe", (char *)"nginx:[1"};

	want_enter();
	q.subscription.container_filter = &q.container_filter;
	q.container_filter.n_ids = 2;
	q.container_filter.ids = values;
	REFUSED(-EINVAL, "subscription.container_filter.ids[1]: \"nginx:[1\"; must be 4 to 64 hexadecimal digits");
	q.container_filter.n_ids = 0;
	q.container_filter.n_names = 2;
	q.container_filter.names = values;
	REFUSED(-EINVAL, "subscription.container_filter.names[1]: \"nginx:[1\"; must be a container's whole name");
	q.container_filter.n_names = 0;
	q.container_filter.n_image_ids = 2;
	q.container_filter.image_ids = values;
	REFUSED(-EINVAL, "subscription.container_filter.image_ids[1]: \"nginx:[1\"; must be 4 to 64 hexadecimal digits");
	q.container_filter.n_image_ids = 0;
	q.container_filter.n_image_names = 2;
	q.container_filter.image_names = values;
	REFUSED(-EINVAL, "subscription.container_filter.image_names[1]: \"nginx:[1\"; character 7: the [ has no ]");
	values[1] = (char *)"";
	REFUSED(-EINVAL, "subscription.container_filter.image_names[1]: \"\"; it is empty");
}

Test(decoder, a_container_filter_has_a_bounded_number_of_entries)
{
	static char *values[CONTAINER_FILTER_ENTRIES_MAX + 1];

	for (size_t i = 0; i <= CONTAINER_FILTER_ENTRIES_MAX; i++)
		values[i] = (char *)"cafe";
	want_enter();
	q.subscription.container_filter = &q.container_filter;
	q.container_filter.n_ids = CONTAINER_FILTER_ENTRIES_MAX;
	q.container_filter.ids = values;
	expect_spec(1);
	q.container_filter.n_ids++;
	REFUSED(-EINVAL, "subscription.container_filter.ids[1024]: \"cafe\"; at most 1024 entries");
}

Test(decoder, what_comes_from_no_container_is_not_served_with_a_container_filter)
{
	char *name = (char *)"web";

	want_enter();
	q.filter.n_ticker_events = 1;
	q.ticker.interval = 1;
	q.filter.n_chargen_events = 1;
	q.chargen.length = 1;
	q.subscription.container_filter = &q.container_filter;
	q.container_filter.n_names = 1;
	q.container_filter.names = &name;
	q.filter.n_container_events = 1;
	q.container.type = V0_CONTAINER(CREATED);
	expect_spec(4);
	cr_expect_eq(spec->clauses[0].kind, EVENT_SYSCALL_ENTER);
	cr_expect_eq(spec->clauses[1].kind, EVENT_CONTAINER_CREATED, "these come from the container they are about");
	for (size_t i = 2; i < 4; i++) {
		cr_expect_eq(spec->clauses[i].kind, EVENT_KIND_COUNT);
		cr_expect_eq(spec->clauses[i].refusal_code, STATUS_INVALID_ARGUMENT);
		cr_expect_not_null(strstr(spec->clauses[i].refusal, i == 2 ? "chargen_events[0]" : "ticker_events[0]"));
	}
}

Test(decoder, a_window_is_two_durations_in_nanoseconds)
{
	want_enter();
	expect_spec(1);
	cr_expect_eq(spec->since_ns, 0);
	cr_expect_not(spec->has_for);
	q.subscription.since_duration = &q.duration;
	q.duration.value = INT64_MAX;
	expect_spec(1);
	cr_expect_eq(spec->since_ns, INT64_MAX);
	cr_expect_not(spec->has_for);
	q.subscription.since_duration = NULL;
	q.subscription.for_duration = &q.duration;
	expect_spec(1);
	cr_expect_eq(spec->since_ns, 0);
	cr_expect(spec->has_for);
	cr_expect_eq(spec->for_ns, INT64_MAX);
	q.duration.value = 0;
	expect_spec(1);
	cr_expect(spec->has_for, "0 is a duration, too");
	cr_expect_eq(spec->for_ns, 0);
}

Test(decoder, a_window_must_not_be_negative)
{
	want_enter();
	q.duration.value = -1;
	q.subscription.since_duration = &q.duration;
	REFUSED(-EINVAL, "subscription.since_duration: -1", "must not be negative");
	q.subscription.since_duration = NULL;
	q.subscription.for_duration = &q.duration;
	REFUSED(-EINVAL, "subscription.for_duration: -1", "must not be negative");
	q.duration.value = INT64_MIN;
	REFUSED(-EINVAL, "subscription.for_duration: -9223372036854775808");
}

Test(decoder, a_throttle_is_an_interval_of_its_unit)
{
	static const uint64_t units_ns[] = {1000000, 1000000000, UINT64_C(60000000000), UINT64_C(3600000000000)};

	want_enter();
	q.subscription.modifier = &q.modifier;
	expect_spec(1);
	cr_expect_eq(spec->throttle_ns, 0);
	q.modifier.throttle = &q.throttle;
	for (size_t i = 0; i < 4; i++) {
		q.throttle.interval_type = (V0(ThrottleModifier__IntervalType))i;
		q.throttle.interval = 1;
		expect_spec(1);
		cr_expect_eq(spec->throttle_ns, units_ns[i]);
		q.throttle.interval = (int64_t)(INT64_MAX / units_ns[i]);
		expect_spec(1);
		cr_expect_eq(spec->throttle_ns, (uint64_t)q.throttle.interval * units_ns[i]);
	}
	q.modifier.limit = &q.limit;
	q.limit.limit = 7;
	expect_spec(1);
	cr_expect_eq(spec->limit, 7);
	cr_expect_gt(spec->throttle_ns, 0);
}

Test(decoder, a_throttle_without_an_interval_a_unit_or_an_end_is_refused)
{
	want_enter();
	q.subscription.modifier = &q.modifier;
	q.modifier.throttle = &q.throttle;
	q.throttle.interval = 0;
	REFUSED(-EINVAL, "subscription.modifier.throttle.interval: 0; must be 1 to 9223372036854 with the interval_type MILLISECOND");
	q.throttle.interval = -3;
	REFUSED(-EINVAL, "subscription.modifier.throttle.interval: -3");
	q.throttle.interval_type = CAPSULE8__API__V0__THROTTLE_MODIFIER__INTERVAL_TYPE__HOUR;
	q.throttle.interval = INT64_MAX / INT64_C(3600000000000) + 1;
	REFUSED(-EINVAL, "subscription.modifier.throttle.interval: 2562048; must be 1 to 2562047 with the interval_type HOUR");
	q.throttle.interval = INT64_MAX;
	REFUSED(-EINVAL, "subscription.modifier.throttle.interval: 9223372036854775807");
	q.throttle.interval = 1;
	q.throttle.interval_type = (V0(ThrottleModifier__IntervalType))4;
	REFUSED(-EINVAL, "subscription.modifier.throttle.interval_type: 4", "HOUR (3)");
	q.throttle.interval_type = (V0(ThrottleModifier__IntervalType)) - 1;
	REFUSED(-EINVAL, "subscription.modifier.throttle.interval_type: -1");
}

Test(decoder, more_clauses_than_allowed_are_refused)
{
	static V0(TickerEventFilter) * tickers[CAPSULE8_CLAUSES_MAX + 1];

	q.ticker.interval = 1;
	for (size_t i = 0; i <= CAPSULE8_CLAUSES_MAX; i++)
		tickers[i] = &q.ticker;
	q.filter.ticker_events = tickers;
	q.filter.n_ticker_events = CAPSULE8_CLAUSES_MAX;
	expect_spec(CAPSULE8_CLAUSES_MAX);
	q.filter.n_ticker_events++;
	REFUSED(-EINVAL, "subscription.event_filter: has 4097 filters", "4096");
}

Test(decoder, longer_patterns_than_allowed_are_refused)
{
	static char text[CAPSULE8_PATTERN_MAX_BYTES + 2];

	want_process(CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC);
	memset(text, '*', CAPSULE8_PATTERN_MAX_BYTES);
	q.process.exec_filename_pattern = &q.pattern;
	q.pattern.value = text;
	expect_spec(1);
	text[CAPSULE8_PATTERN_MAX_BYTES] = '*';
	REFUSED(-EINVAL, "process_events[0].exec_filename_pattern: 4097 bytes long", "4096");
	q.process.exec_filename_pattern = NULL;
	q.process.exec_filename = &q.pattern;
	REFUSED(-EINVAL, "process_events[0].exec_filename: 4097 bytes long");
}

Test(decoder, the_message_names_the_filter_by_its_place)
{
	V0(SyscallEventFilter) second = CAPSULE8__API__V0__SYSCALL_EVENT_FILTER__INIT;
	V0(SyscallEventFilter) * both[] = {&q.syscall, &second};

	want_enter();
	second.type = CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER;
	q.filter.syscall_events = both;
	q.filter.n_syscall_events = 2;
	REFUSED(-EINVAL, "subscription.event_filter.syscall_events[1].id: not set");
}

/* Bytes that no honest client sends. */

static int decode_bytes(const void *bytes, size_t size)
{
	spec = subscription_spec_free(spec);
	err = (struct error){0};
	return capsule8_decode_request(bytes, size, NULL, &spec, &err);
}

Test(decoder, an_empty_request_has_no_subscription)
{
	cr_expect_eq(decode_bytes(NULL, 0), -EINVAL);
	cr_expect_not_null(strstr(err.message, "subscription: not set"));
}

Test(decoder, an_error_need_not_be_asked_for)
{
	cr_expect_eq(capsule8_decode_request((const uint8_t *)"\x0a\x05\x0a\x03\x0a\x01\x08", 7, NULL, &spec, NULL), -EINVAL);
	want_enter();
	q.syscall.id = NULL;
	cr_expect_null(spec);
}

Test(decoder, bytes_that_are_no_message_are_refused_with_their_place)
{
	cr_expect_eq(decode_bytes("\xff\xff", 2), -EINVAL);
	cr_expect_not_null(strstr(err.message, "GetEventsRequest: the bytes are not"), "%s", err.message);
	/* The second syscall filter ends in the middle of a field. */
	cr_expect_eq(decode_bytes("\x0a\x09\x0a\x07\x0a\x02\x08\x01\x0a\x01\x08", 11), -EINVAL);
	cr_expect_not_null(strstr(err.message, "subscription.event_filter.syscall_events[1]: the bytes are not"), "%s", err.message);
	/* `subscription` as a number. */
	cr_expect_eq(decode_bytes("\x08\x01", 2), -EINVAL);
	cr_expect_not_null(strstr(err.message, "GetEventsRequest"), "%s", err.message);
}

Test(decoder, strings_must_be_utf8_without_nul)
{
	/* process_events[0] = {type: EXEC, exec_filename: {value: ...}} */
	cr_expect_eq(decode_bytes("\x0a\x0d\x0a\x0b\x12\x09\x08\x02\x62\x05\x0a\x03"
				  "a\0b",
				  15),
		     -EINVAL);
	cr_expect_not_null(strstr(err.message, "subscription.event_filter.process_events[0].exec_filename.value: holds a NUL"), "%s",
			   err.message);
	cr_expect_eq(decode_bytes("\x0a\x0d\x0a\x0b\x12\x09\x08\x02\x62\x05\x0a\x03"
				  "a\xff"
				  "b",
				  15),
		     -EINVAL);
	cr_expect_not_null(strstr(err.message, "exec_filename.value: is not UTF-8"), "%s", err.message);
}

Test(decoder, unknown_fields_are_passed_over)
{
	/* ticker_events[0] = {interval: 5, 77: "x"}, and 99: 1 beside the subscription. */
	cr_expect_eq(decode_bytes("\x0a\x0b\x0a\x09\xaa\x06\x06\x08\x05\xea\x04\x01"
				  "x\x98\x06\x01",
				  16),
		     0, "%s", err.message);
	cr_assert_not_null(spec);
	cr_expect_eq(spec->clauses[0].interval_ns, 5);
}

/* Expressions nested so deep that following them would end the stack: unary_op (field 13) in filter_expression (field 100). */
static size_t nest(uint8_t *out, size_t depth)
{
	size_t size = 0;

	for (size_t i = 0; i < depth; i++) {
		uint8_t head[16];
		size_t length = (size_t)(wire_varint(wire_tag(head, 13, WIRE_LENGTH), size) - head);

		memmove(out + length, out, size);
		memcpy(out, head, length);
		size += length;
	}
	return size;
}

static size_t wrap(uint8_t *out, size_t size, uint32_t field)
{
	uint8_t head[32];
	size_t length = (size_t)(wire_varint(wire_tag(head, field, WIRE_LENGTH), size) - head);

	memmove(out + length, out, size);
	memcpy(out, head, length);
	return size + length;
}

static int decode_nested(size_t depth)
{
	static uint8_t bytes[1 << 20];
	size_t size = nest(bytes, depth);

	size = wrap(bytes, size, 100);
	size = wrap(bytes, size, 1);
	size = wrap(bytes, size, 1);
	size = wrap(bytes, size, 1);
	return decode_bytes(bytes, size);
}

Test(decoder, messages_nested_too_deep_are_refused_before_they_are_followed)
{
	cr_expect_eq(decode_nested(MESSAGE_DEPTH_MAX - 5), -EINVAL);
	cr_expect_not_null(strstr(err.message, "syscall_events[0].type"), "%s", err.message);
	cr_expect_eq(decode_nested(MESSAGE_DEPTH_MAX), -EINVAL);
	cr_expect_not_null(strstr(err.message, "more than 256 messages in one another"), "%s", err.message);
	cr_expect_eq(decode_nested(20000), -EINVAL);
	cr_expect_not_null(strstr(err.message, "in one another"), "%s", err.message);
}

Test(decoder, more_fields_than_anybody_needs_are_refused_before_they_cost_memory)
{
	static uint8_t bytes[1 << 20];
	size_t size = 0;

	/* container_filter.ids = "", again and again. */
	for (size_t i = 0; i <= MESSAGE_FIELDS_MAX; i++) {
		bytes[size++] = 0x0a;
		bytes[size++] = 0;
	}
	size = wrap(bytes, size, 2);
	size = wrap(bytes, size, 1);
	cr_expect_eq(decode_bytes(bytes, size), -EINVAL);
	cr_expect_not_null(strstr(err.message, "fields"), "%s", err.message);
}
